"""The methods of an object interface as both sides of a call know them."""

from __future__ import annotations

from uuid import UUID

from idlrt.rpc.interface import Interface, Operation


class Methods(Interface):
    """What travels of an object interface: plain RPC to its IID, version 0.0, behind ORPCTHIS (MS-DCOM 2.2.13).

    Args:
        name: of the interface. iid: its identity. module: the generated module. codec: the private module with the
        codecs of all interfaces of its file. offset: what to add to a method's number to find its codec there.
        operations: its own methods, numbered as in the whole interface; those of its base are the base's.
    """

    __slots__ = ("offset",)

    def __init__(
        self, name: str, iid: UUID, *, module: str, codec: str, offset: int = 0, operations: tuple[Operation, ...] = ()
    ) -> None:
        self.offset = offset
        super().__init__(name, str(iid), (0, 0), module=module, codec=codec, operations=operations)
