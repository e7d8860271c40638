"""The workloads of bench.idl as protobuf messages (upb): classes made from a descriptor, no protoc needed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.internal import api_implementation

Field = descriptor_pb2.FieldDescriptorProto
UINT, INT, LONG, DOUBLE, TEXT, OCTETS, MESSAGE = (
    Field.TYPE_UINT32,
    Field.TYPE_INT32,
    Field.TYPE_INT64,
    Field.TYPE_DOUBLE,
    Field.TYPE_STRING,
    Field.TYPE_BYTES,
    Field.TYPE_MESSAGE,
)
BACK_END = api_implementation.Type()
"""upb unless somebody chose otherwise."""


def _describe() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="bench.proto", package="bench", syntax="proto2")

    def message(name: str, fields: Iterable[tuple[str, Any]], *, repeated: bool = False) -> None:
        made = file.message_type.add(name=name)
        for number, (field, kind) in enumerate(fields, 1):
            added = made.field.add(name=field, number=number, label=Field.LABEL_OPTIONAL)
            if isinstance(kind, str):
                added.type, added.type_name = MESSAGE, f".bench.{kind}"
            else:
                added.type = kind
            if repeated:
                added.label = Field.LABEL_REPEATED
                added.options.packed = kind == INT

    message("Info", ((name, TEXT if name in _TEXTS else UINT) for name in INFO_FIELDS))
    message("Share", ((name, TEXT if name in _TEXTS else UINT) for name in SHARE_FIELDS))
    message("Shares", [("shares", "Share")], repeated=True)
    message("Octets", [("data", OCTETS)])
    message("Longs", [("values", INT)], repeated=True)
    message("Number", [("value", LONG)])
    message("Range", [("blocks", UINT), ("size", UINT)])
    message("Sample", [("id", INT), ("quality", INT), ("value", DOUBLE)])
    message("Samples", [("samples", "Sample")], repeated=True)
    return file


_TEXTS = frozenset("sv102_name sv102_comment sv102_userpath shi2_netname shi2_remark shi2_path shi2_passwd".split())
INFO_FIELDS = tuple(
    "sv102_platform_id sv102_name sv102_version_major sv102_version_minor sv102_type sv102_comment sv102_users".split()
    + "sv102_disc sv102_hidden sv102_announce sv102_anndelta sv102_licenses sv102_userpath".split()
)
SHARE_FIELDS = tuple(
    f"shi2_{name}" for name in "netname type remark permissions max_uses current_uses path passwd".split()
)
_pool = descriptor_pool.DescriptorPool()
_pool.AddSerializedFile(_describe().SerializeToString())


def _class(name: str) -> Any:
    return message_factory.GetMessageClass(_pool.FindMessageTypeByName(f"bench.{name}"))


Info, Share, Shares, Octets, Longs = map(_class, ("Info", "Share", "Shares", "Octets", "Longs"))
Number, Range, Sample, Samples = map(_class, ("Number", "Range", "Sample", "Samples"))


def info(fields: dict[str, Any]) -> bytes:
    return bytes(Info(**fields).SerializeToString())


def shares(rows: list[dict[str, Any]]) -> bytes:
    """As ours: the structures first, then what holds them."""
    return bytes(Shares(shares=[Share(**row) for row in rows]).SerializeToString())


def octets(data: bytes) -> bytes:
    return bytes(Octets(data=data).SerializeToString())


def longs(values: list[int]) -> bytes:
    return bytes(Longs(values=values).SerializeToString())
