"""What programs get wrong is said plainly, and at once."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from idlrt import com, dcom
from idlrt.com.hresult import CO_E_OBJNOTCONNECTED, RPC_E_SERVER_DIED, RPC_E_WRONG_THREAD, HResultError
from tests.dcom.stage import Calc, Desk, lab, run, two


def test_an_exporter_is_used_within_its_block() -> None:
    async def main() -> None:
        async with two() as (server, client):
            text = await server.text(Calc(), lab.ICalc)
            with pytest.raises(RuntimeError, match="within its `async with` block"):
                await dcom.Exporter().bind(text, lab.ICalc)
            await client.close()
            with pytest.raises(RuntimeError, match="within its `async with` block"):
                await client.bind(text, lab.ICalc)
            with pytest.raises(RuntimeError, match="within its `async with` block"):
                await client.text(Calc(), lab.ICalc)
            with pytest.raises(RuntimeError, match="within its `async with` block"):
                await client.create_instance("server", uuid4(), lab.ICalc)

    run(main())


def test_objects_of_an_exporter_that_does_not_listen_are_not_given_away() -> None:
    async def main() -> None:
        async with two() as (server, client):
            client.announce()
            desk: Any = await client.bind(await server.text(Desk(), lab.IDesk), lab.IDesk)
            with pytest.raises(HResultError, match="does not listen") as refused:
                await client.text(Calc(), lab.ICalc)
            assert refused.value.hresult == CO_E_OBJNOTCONNECTED
            with pytest.raises(HResultError, match="does not listen"):
                await desk.Use(Calc(), 1)
            assert await desk.Use(None, 1) == 0

    run(main())


def test_what_is_no_name_of_an_object_is_said_to_be_none() -> None:
    async def main() -> None:
        async with two() as (_, client):
            with pytest.raises(TypeError, match="None is neither a name of an object nor a reference"):
                await client.bind(None, lab.ICalc)  # type: ignore[arg-type]

    run(main())


def test_a_class_is_named_by_its_id_and_not_by_text() -> None:
    async def main() -> None:
        async with two() as (server, client):
            with pytest.raises(TypeError, match="'calc' is neither a CLSID nor a class that has one"):
                await client.create_instance("server", "calc", lab.ICalc)  # type: ignore[arg-type]
            with pytest.raises(TypeError, match="'calc' is neither a CLSID"):
                server.classes.register("calc", Calc)  # type: ignore[arg-type]

    run(main())


def test_a_proxy_belongs_to_its_event_loop() -> None:
    async def main() -> None:
        async with two() as (server, client):
            calc: Any = await client.bind(await server.text(Calc(), lab.ICalc), lab.ICalc)

            async def begin() -> None:
                await (await com.new_call(calc, lab.AsyncICalc)).Begin_Add(1, 2)

            async def add() -> None:
                await calc.Add(1, 2)

            for use in (add, begin):
                with pytest.raises(HResultError, match="another event loop") as refused:
                    await asyncio.to_thread(asyncio.run, use())
                assert refused.value.hresult == RPC_E_WRONG_THREAD
            assert await calc.Add(1, 2) == 3

    run(main())


def test_calls_that_an_exporter_ends_are_not_called_cancelled() -> None:
    async def main() -> None:
        async with two() as (server, client):
            served = Calc()
            calc: Any = await client.bind(await server.text(served, lab.ICalc), lab.ICalc)
            waiting = asyncio.ensure_future(calc.Wait(1))
            await served.waiting.wait()
            await server.close(grace=0)
            with pytest.raises(HResultError) as failed:
                await waiting
            assert failed.value.hresult == RPC_E_SERVER_DIED

    run(main())


def test_codes_of_the_resolver_have_names() -> None:
    assert "HRESULT_FROM_WIN32(OR_INVALID_OXID) (0x80070776)" in str(HResultError(0x80070776))
