"""Interfaces with asynchronous forms, and objects that have them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from idlrt import com
from idlrt.com.blanket import used
from idlrt.com.hresult import E_FAIL, E_INVALIDARG, signed
from idlrt.com.proxy import Remote
from idlrt.errors import NdrError
from tests.compiled import compile_cached

IDL = """
    import "unknwn.idl";
    [object, uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d51), async_uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d52)]
    interface ICalc : IUnknown
    {
        HRESULT Add([in] long a, [in] long b, [out, retval] long *sum);
        HRESULT Touch(void);
        HRESULT Sort([in] long n, [in, out, size_is(n)] long v[], [out] long *swaps);
        HRESULT Pass([in] IUnknown *what, [out] IUnknown **back);
    }
    [object, uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d53)]
    interface IName : IUnknown { HRESULT Name([out, retval, string] wchar_t **name); }
    [object, uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d54), async_uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d55)]
    interface ICalc2 : ICalc { HRESULT Negate([in] long a, [out, retval] long *negated); }
"""
MODULE: Any = compile_cached(IDL, "calc").module

if TYPE_CHECKING:

    class _Interface(com.IUnknown):
        def __getattr__(self, name: str) -> Any: ...

    class ICalc(_Interface): ...

    class AsyncICalc(_Interface): ...

    class ICalc2(ICalc): ...

    class AsyncICalc2(AsyncICalc): ...

    class IName(_Interface): ...

else:
    ICalc, AsyncICalc = MODULE.ICalc, MODULE.AsyncICalc
    ICalc2, AsyncICalc2 = MODULE.ICalc2, MODULE.AsyncICalc2
    IName = MODULE.IName


class Calc(com.Object, ICalc2, IName):
    """All methods at once."""

    async def Add(self, a: int, b: int) -> Any:
        return a + b

    async def Touch(self) -> int:
        return 0

    async def Sort(self, v: Any, *, n: int | None = None) -> Any:
        return MODULE.SortResult(sorted(v), 0)

    async def Pass(self, what: Any) -> Any:
        return MODULE.PassResult(what)

    async def Negate(self, a: int) -> Any:
        return -a

    async def Name(self) -> Any:
        return "calc"


class Addition(com.CallObject, AsyncICalc):
    """A call object whose work is done when the test says so, by `signal`."""

    made: ClassVar[list[Addition]] = []

    def __init__(self, calc: com.Object | None = None) -> None:
        self.calc = calc
        self.finished = 0
        self.begun: list[Any] = []
        self.made.append(self)

    async def Begin_Add(self, a: int, b: int) -> int:
        if a < 0:
            raise com.HResultError(E_INVALIDARG)
        self.begun.append((a, b))
        self.sum = a + b
        return 0

    async def Finish_Add(self) -> Any:
        self.finished += 1
        return self.sum

    async def Begin_Touch(self) -> int:
        self.signal()
        return 0

    async def Finish_Touch(self) -> int:
        return 1

    async def Begin_Sort(self, v: Any, *, n: int | None = None) -> int:
        self.values = sorted(v)
        self.signal()
        return 0

    async def Finish_Sort(self) -> Any:
        return MODULE.SortResult(self.values, 7)

    async def Begin_Pass(self, what: Any) -> int:
        return signed(E_FAIL)

    async def Finish_Pass(self) -> Any:
        raise AssertionError("nothing was begun")


class Calculator(com.CallFactory, ICalc2):
    """Has call objects for ICalc, but none for ICalc2."""

    CALL_OBJECTS = (Addition,)
    Add, Touch, Sort, Pass, Negate = Calc.Add, Calc.Touch, Calc.Sort, Calc.Pass, Calc.Negate


@asynccontextmanager
async def another(make: Callable[[], Any], interface: Any) -> AsyncIterator[tuple[Any, Any, com.Apartment]]:
    """An object made in an apartment of its own: a proxy of it here, the object itself, the apartment."""

    async def made() -> tuple[Any, com.AgileReference[Any]]:
        target = make()
        return target, com.AgileReference(target, interface)

    with com.Apartment("another") as apartment:
        target, reference = await asyncio.wrap_future(apartment.submit(made()))
        yield reference.resolve(), target, apartment


async def refused(work: Awaitable[Any]) -> int:
    """The HRESULT that something fails with."""
    with pytest.raises(com.HResultError) as error:
        await work
    return error.value.hresult


def run(facts: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(facts(), 30))


UNHEARD = 99
"""An authentication service that is not known elsewhere."""


class BegunCall:
    """A call to elsewhere, which ends when the test says so."""

    def __init__(self, opnum: int, inputs: tuple[Any, ...]) -> None:
        self.blanket = used.get()
        self.opnum = opnum
        self.inputs = inputs
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.asked = 0
        self.abandoned = False

    def __await__(self) -> Generator[Any, None, Any]:
        return self.future.__await__()

    def cancel(self) -> None:
        self.asked += 1

    def abandon(self) -> None:
        self.abandoned = True
        self.future.cancel()


class Elsewhere(Remote):
    """An object elsewhere, which notes what it is asked for."""

    def __init__(self, *interfaces: Any) -> None:
        super().__init__()
        self.interfaces = {interface.IID for interface in interfaces}
        self.calls: list[Any] = []
        self.queries: list[Any] = []
        self.released: list[Any] = []
        self.begun: list[BegunCall] = []
        self.blankets: list[com.Blanket | None] = []

    async def call(self, interface: type[com.IUnknown], opnum: int, inputs: tuple[Any, ...]) -> Any:
        self.calls.append((interface, opnum, inputs))
        self.blankets.append(used.get())
        return 42

    def begin(self, interface: type[com.IUnknown], opnum: int, inputs: tuple[Any, ...]) -> BegunCall:
        if not all(isinstance(each, int) for each in inputs):
            raise NdrError("no number")
        call = BegunCall(opnum, inputs)
        self.begun.append(call)
        return call

    async def query(self, interface: type[com.IUnknown]) -> None:
        self.queries.append(interface)
        if interface.IID not in self.interfaces:
            raise com.NoInterface

    def release(self, interface: type[com.IUnknown]) -> None:
        self.released.append(interface)

    def protect(self, blanket: com.Blanket) -> None:
        if blanket.authn_service == UNHEARD:
            super().protect(blanket)
