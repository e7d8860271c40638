"""PDUs of other implementations, octet by octet, in both directions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from idlrt import pdu as p
from idlrt.ids import SyntaxId
from idlrt.pdu import trailer

DATA = Path(__file__).parent.parent / "vectors" / "data"
VECTORS = [vector for name in ("pdus", "auth_pdus") for vector in json.loads((DATA / f"{name}.json").read_text())]


def syntax(fields: dict[str, Any]) -> SyntaxId:
    return SyntaxId(UUID(fields["uuid"]), fields["version"], fields.get("minor", 0))


def expected(vector: dict[str, Any]) -> p.AnyPdu:
    """The vector's fields as one of our values."""
    f = vector["fields"]
    auth = None
    if "auth" in f:
        a = f["auth"]
        auth = p.Auth(type=a["type"], level=a["level"], context_id=a["context_id"], value=bytes.fromhex(a["value"]))
    common: dict[str, Any] = {
        "call_id": f["call_id"],
        "flags": f["flags"],
        "order": ">" if f.get("drep", "10000000")[0] == "0" else "<",
        "auth": auth,
    }
    match f["ptype"]:
        case "bind" | "alter_context" as name:
            contexts = tuple(
                p.ContextElement(
                    c["context_id"], syntax(c["abstract_syntax"]), tuple(map(syntax, c["transfer_syntaxes"]))
                )
                for c in f["contexts"]
            )
            kind = p.Bind if name == "bind" else p.AlterContext
            return kind(
                **common, max_xmit=f["max_xmit"], max_recv=f["max_recv"], group_id=f["assoc_group"], contexts=contexts
            )
        case "bind_ack" | "alter_context_resp" as name:
            results = tuple(
                p.ContextResult(r["result"], r["reason"], syntax(r["transfer_syntax"])) for r in f["results"]
            )
            ack = p.BindAck if name == "bind_ack" else p.AlterContextResp
            return ack(
                **common,
                max_xmit=f["max_xmit"],
                max_recv=f["max_recv"],
                group_id=f["assoc_group"],
                secondary_address=f["sec_addr"],
                results=results,
            )
        case "bind_nak":
            return p.BindNak(**common, reason=f["reason"], versions=tuple(map(tuple, f["versions"])))
        case "request":
            return p.Request(
                **common,
                alloc_hint=f["alloc_hint"],
                context_id=f["context_id"],
                opnum=f["opnum"],
                object=UUID(f["object"]) if f["object"] else None,
                stub=bytes.fromhex(f["stub"]),
            )
        case "response":
            return p.Response(
                **common,
                alloc_hint=f["alloc_hint"],
                context_id=f["context_id"],
                cancel_count=f["cancel_count"],
                stub=bytes.fromhex(f["stub"]),
            )
        case "fault":
            return p.Fault(
                **common,
                alloc_hint=f["alloc_hint"],
                context_id=f["context_id"],
                cancel_count=f["cancel_count"],
                status=f["status"],
            )
        case "auth3":
            return p.Auth3(**common)
        case "co_cancel":
            return p.CoCancel(**common)
        case "orphaned":
            return p.Orphaned(**common)
        case "shutdown":
            return p.Shutdown(**common)
        case other:
            raise AssertionError(f"the vectors have a PDU type that this test does not know: {other}")


@pytest.mark.parametrize("vector", [v for v in VECTORS if v["kind"] == "pdu"], ids=lambda v: v["name"])
def test_a_pdu_is_read_and_written_as_another_implementation_does(vector: dict[str, Any]) -> None:
    octets, value = bytes.fromhex(vector["hex"]), expected(vector)
    assert p.decode(octets) == value
    assert p.encode(value) == octets


@pytest.mark.parametrize("vector", [v for v in VECTORS if v["kind"] == "auth_pdu"], ids=lambda v: v["name"])
def test_a_protected_request_is_framed_as_another_implementation_does(vector: dict[str, Any]) -> None:
    octets, fields = bytes.fromhex(vector["hex"]), vector["fields"]
    request = p.decode(octets)
    assert isinstance(request, p.Request)
    assert request.auth is not None
    assert (request.auth.type, request.auth.level, request.auth.context_id, len(request.auth.pad)) == (
        fields["auth_type"],
        fields["auth_level"],
        fields["auth_context_id"],
        fields["auth_pad_length"],
    )
    assert len(request.stub) == len(fields["stub"]) // 2
    assert (len(request.stub) + len(request.auth.pad) + trailer.Auth.SIZE) % 4 == 0
    assert p.encode(request) == octets
