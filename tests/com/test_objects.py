"""Objects: other interfaces on request, identity, references, aggregation; and proxies, which look the same."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest

from idlrt import com
from idlrt.com.hresult import E_NOINTERFACE, RPC_E_CALL_CANCELED, RPC_S_CALLPENDING, hresult_name, signed
from idlrt.com.interfaces import asynchronous_form, class_of, synchronous_form
from idlrt.com.objects import aggregated, identity, same
from idlrt.com.proxy import Proxy, proxy_class
from tests.com.stage import AsyncICalc, Calc, Elsewhere, ICalc, ICalc2, IName


def test_an_object_is_each_of_its_interfaces() -> None:
    async def main() -> None:
        calc = Calc()
        for interface in (com.IUnknown, ICalc, ICalc2, IName):
            assert await calc.QueryInterface(interface) is calc
            assert await calc.QueryInterface(interface.IID) is calc
        with pytest.raises(com.NoInterface) as refused:
            await calc.QueryInterface(AsyncICalc)
        assert (refused.value.hresult, refused.value.name) == (E_NOINTERFACE, "E_NOINTERFACE")

    asyncio.run(main())


def test_references_are_counted_for_who_releases_them() -> None:
    class Mortal(Calc):
        ended = 0

        def final_release(self) -> None:
            self.ended += 1

    async def main() -> None:
        mortal = Mortal()
        await mortal.QueryInterface(IName)
        assert mortal.AddRef() == 3
        assert [mortal.Release() for _ in range(3)] == [2, 1, 0]
        assert mortal.ended == 1
        assert mortal.Release() == 0  # one too many changes nothing
        assert mortal.ended == 1

    asyncio.run(main())


def test_a_class_has_an_interface_or_its_asynchronous_form() -> None:
    with pytest.raises(TypeError, match="call objects"):
        type("Both", (com.Object, ICalc, AsyncICalc), {})


def test_an_aggregated_object_is_part_of_its_outer_one() -> None:
    class Named(com.Object, IName):
        async def Name(self) -> Any:
            return "inner"

    class Outer(com.Object, ICalc):
        pass

    Outer.__abstractmethods__ = frozenset()

    async def main() -> None:
        outer = Outer()
        part = Named()
        inner = aggregated(part, outer, com.IUnknown)
        outer.aggregate(inner)
        name = await outer.QueryInterface(IName)
        assert name is part
        assert await name.QueryInterface(com.IUnknown) is outer
        assert await name.QueryInterface(ICalc) is outer
        assert await inner.QueryInterface(com.IUnknown) is inner
        assert await same(name, outer)
        assert not await same(inner, outer)
        assert identity(part) is outer
        assert name.AddRef() == outer.AddRef() - 1

    asyncio.run(main())


def test_who_aggregates_can_ask_for_nothing_but_iunknown() -> None:
    with pytest.raises(com.HResultError, match="CLASS_E_NOAGGREGATION"):
        aggregated(Calc(), Calc(), IName)
    calc = Calc()
    assert aggregated(calc, None, IName) is calc


def test_a_proxy_is_an_instance_of_its_interface() -> None:
    async def main() -> None:
        elsewhere = Elsewhere(ICalc)
        calc = elsewhere.proxy(ICalc)
        assert isinstance(calc, ICalc)
        assert isinstance(calc, Proxy)
        assert await calc.Add(1, 2) == 42
        assert elsewhere.calls == [(ICalc, 3, (1, 2))]
        assert proxy_class(ICalc) is type(calc)

    asyncio.run(main())


def test_a_proxy_asks_its_object_once_for_an_interface() -> None:
    async def main() -> None:
        elsewhere = Elsewhere(ICalc, IName)
        calc = elsewhere.proxy(ICalc)
        name = await calc.QueryInterface(IName)
        assert await calc.QueryInterface(IName) is name
        assert await name.QueryInterface(ICalc) is calc
        assert await name.QueryInterface(com.IUnknown) is await calc.QueryInterface(com.IUnknown)
        assert elsewhere.queries == [IName]
        with pytest.raises(com.NoInterface):
            await calc.QueryInterface(ICalc2)

    asyncio.run(main())


def test_a_proxy_that_was_released_is_of_no_use() -> None:
    async def main() -> None:
        elsewhere = Elsewhere(ICalc)
        calc = elsewhere.proxy(ICalc)
        assert calc.AddRef() == 2
        assert [calc.Release() for _ in range(3)] == [1, 0, 0]
        assert elsewhere.released == [ICalc]
        with pytest.raises(com.Disconnected):
            await calc.Touch()
        assert elsewhere.proxy(ICalc) is not calc

    asyncio.run(main())


def test_interfaces_are_found_by_their_identity() -> None:
    assert class_of(com.IUnknown.IID) is com.IUnknown
    assert class_of(ICalc.IID).__name__ == "ICalc"
    assert asynchronous_form(ICalc) is AsyncICalc
    assert synchronous_form(AsyncICalc) is ICalc
    assert synchronous_form(ICalc) is None
    assert asynchronous_form(IName) is None
    unheard = UUID("6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4dff")
    nameless = class_of(unheard)
    assert unheard == nameless.IID
    assert class_of(unheard) is nameless


def test_failures_are_caught_by_their_names() -> None:
    pending = com.HResultError(RPC_S_CALLPENDING)
    assert isinstance(pending, com.CallPending)
    assert com.CallCanceled().hresult == RPC_E_CALL_CANCELED
    assert com.HResultError(signed(E_NOINTERFACE)).name == "E_NOINTERFACE"
    assert str(com.HResultError(0x80070005)) == "the method failed: E_ACCESSDENIED (0x80070005)"
    assert hresult_name(0x800706BA) == "HRESULT_FROM_WIN32(RPC_S_SERVER_UNAVAILABLE)"
    assert hresult_name(0x8BADF00D) == "0x8badf00d"
    with pytest.raises(ValueError, match="no failure"):
        com.HResultError(0)
