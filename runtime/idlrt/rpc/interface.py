"""What a generated module declares: interfaces, their operations, results of several values.

These are facts without behaviour and are imported by every generated module, so they load nothing. The codec module
that knows the octets is imported when an interface is bound for the first time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from idlrt.errors import PipeVersion
from idlrt.ids import NDR20, NDR64, SyntaxId

if TYPE_CHECKING:
    from idlrt.ndr import Codecs, Limits
    from idlrt.rpc.handles import ContextHandle
    from idlrt.rpc.statuses import Statuses

T = TypeVar("T")
Answer: TypeAlias = T | Awaitable[T]
"""What a service's method gives: the result, from a plain `def`, or an awaitable of it, from an `async def`."""

Names: TypeAlias = tuple[str, ...]

PIPE_VERSION: Final = 1
"""Version of what generated modules and runtime agree on about pipes: elements, blocks, and who is called with what."""


class Operation:
    """One operation of an interface, by Python's names for its parameters."""

    __slots__ = (
        "contexts_in",
        "contexts_out",
        "idempotent",
        "in_pipes",
        "input_sync",
        "inputs",
        "is_async",
        "maybe",
        "name",
        "notify",
        "opnum",
        "out_pipes",
        "outputs",
        "pipes",
        "retval",
        "statuses",
    )

    def __init__(
        self,
        name: str,
        opnum: int,
        is_async: bool = False,
        maybe: bool = False,
        idempotent: bool = False,
        in_pipes: Names = (),
        out_pipes: Names = (),
        inputs: Names = (),
        outputs: Names = (),
        contexts_in: tuple[tuple[str, type[ContextHandle]], ...] = (),
        contexts_out: tuple[tuple[str, type[ContextHandle]], ...] = (),
        pipes: Names | None = None,
        statuses: Statuses | None = None,
        notify: tuple[tuple[str, bool], ...] = (),
        retval: bool = False,
        input_sync: bool = False,
    ) -> None:
        self.name = name
        self.opnum = opnum
        self.is_async = is_async  # [async]
        self.maybe = maybe  # [maybe]: no answer
        self.idempotent = idempotent
        self.in_pipes = in_pipes  # in the order of the IDL; an [in, out] pipe is in both
        self.out_pipes = out_pipes
        self.inputs = inputs  # what a request holds besides pipes
        self.outputs = outputs  # what a response holds besides pipes, "return_value" last
        self.contexts_in = contexts_in  # which of them are context handles
        self.contexts_out = contexts_out
        self.notify = notify  # hooks for when the answer is marshalled, and whether they ask if the method was called
        self.input_sync = input_sync  # of an object: while it runs, its apartment makes no calls
        self.retval = retval  # a method gives its one output; to its codec that and the HRESULT are a tuple
        self.statuses = statuses  # where failures go that a client does not raise
        # All pipes in the order of the IDL; where [in] and [out] ones mix, the generated module says.
        self.pipes = pipes if pipes is not None else tuple(dict.fromkeys(in_pipes + out_pipes))

    def __repr__(self) -> str:
        return f"Operation({self.name!r}, {self.opnum})"


class Interface:
    """An interface as both sides know it."""

    __slots__ = (
        "_codec",
        "_codec64",
        "_loaded",
        "_module",
        "by_opnum",
        "callbacks",
        "endpoints",
        "name",
        "operations",
        "pipe_version",
        "streamed",
        "syntax",
    )

    def __init__(
        self,
        name: str,
        uuid: str,
        version: tuple[int, int] = (1, 0),
        *,
        module: str,
        codec: str | None = None,
        codec64: str | None = None,
        operations: tuple[Operation, ...] = (),
        endpoints: tuple[tuple[str, str], ...] = (),
        callbacks: tuple[Operation, ...] = (),
        pipe_version: int = 0,
    ) -> None:
        self.name = name
        self.syntax = SyntaxId.of(uuid, version)
        self.operations = operations
        self.by_opnum = {operation.opnum: operation for operation in operations}
        self.callbacks = {operation.opnum: operation for operation in callbacks}  # [callback], numbered apart
        self.pipe_version = pipe_version  # 0: the module knows nothing of pipes
        self.endpoints = endpoints  # (protocol sequence, endpoint), from the IDL
        self.streamed = frozenset(op.opnum for op in operations if op.in_pipes)
        self._module = module
        self._codec = codec
        self._codec64 = codec64
        self._loaded: dict[tuple[SyntaxId, str, Limits | None], Codecs] = {}

    @property
    def transfers(self) -> tuple[SyntaxId, ...]:
        """Transfer syntaxes that there are codecs for, liked best first."""
        offered = ((NDR20, self._codec), (NDR64, self._codec64))
        return tuple(transfer for transfer, codec in offered if codec is not None)

    def codecs(self, transfer: SyntaxId, order: str, limits: Limits | None = None) -> Codecs:
        """The codecs of all operations for a transfer syntax and a byte order, made on first use.

        Args:
            transfer: NDR 2.0 or NDR64. order: "<" or ">". limits: of what is decoded, see `ndr.for_codecs`.

        Raises:
            ValueError: the interface was compiled without this transfer syntax.
        """
        key = (transfer, order, limits)
        found = self._loaded.get(key)
        if found is None:
            package, _, _ = self._module.rpartition(".")
            name = self._codec64 if transfer == NDR64 else self._codec
            if name is None:
                raise ValueError(f"{self!r} was compiled without codecs for {transfer}")
            module: Any = import_module(f"{package}.{name}" if package else name)
            given = {} if limits is None else {"limits": limits}
            made: Codecs = module.ndr64(**given) if transfer == NDR64 else module.ndr20(order, **given)
            found = self._loaded[key] = made
        return found

    def check_pipes(self) -> None:
        """Raise `PipeVersion` if calls with pipes cannot be made or served, whatever else can."""
        version = self.pipe_version
        if version != PIPE_VERSION:
            raise PipeVersion(
                f"the module of {self.name} is made for version {version} of pipes, and this is {PIPE_VERSION}",
                help="upgrade idlrt" if version > PIPE_VERSION else "run idlc again",
            )

    def __repr__(self) -> str:
        return f"Interface({self.name!r}, {self.syntax})"


class Result:
    """Base of results of several values: attributes by name, and unpacks like a tuple in their order."""

    __slots__: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Any]:
        return (getattr(self, name) for name in self.__slots__)

    def __len__(self) -> int:
        return len(self.__slots__)

    def __getitem__(self, index: int) -> Any:
        return getattr(self, self.__slots__[index])

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return tuple(self) == tuple(other)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self.__slots__)})"
