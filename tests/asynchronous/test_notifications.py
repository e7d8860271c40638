"""How a program is told of an event, whatever form it chose, and in whatever thread the event happens."""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent import futures
from typing import Any

import pytest

from idlrt.asynchronous import AsyncEvent, Notifier
from tests.rpc.services import on_a_loop


def test_the_events_have_the_numbers_of_rpcasync_h() -> None:
    assert [(event.name, event.value) for event in AsyncEvent] == [
        ("CALL_COMPLETE", 0),
        ("SEND_COMPLETE", 1),
        ("RECEIVE_COMPLETE", 2),
        ("CLIENT_DISCONNECT", 3),
        ("CLIENT_CANCEL", 4),
    ]


def test_no_notification_tells_nobody() -> None:
    notifier: Notifier[str] = Notifier(None)
    notifier.tell("handle", AsyncEvent.CALL_COMPLETE)
    assert not notifier


def test_rule_7_10_a_callback_gets_the_handle_and_the_event() -> None:
    told: list[tuple[str, AsyncEvent]] = []

    def notified(handle: str, event: AsyncEvent) -> None:
        told.append((handle, event))

    Notifier(notified).tell("handle", AsyncEvent.SEND_COMPLETE)
    assert told == [("handle", AsyncEvent.SEND_COMPLETE)]


def test_a_callback_that_raises_is_logged_and_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    def notified(handle: str, event: AsyncEvent) -> None:
        raise KeyError("mine")

    with caplog.at_level(logging.ERROR):
        Notifier(notified).tell("handle", AsyncEvent.CALL_COMPLETE)
    (record,) = caplog.records
    assert "CALL_COMPLETE" in record.getMessage()
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], KeyError)


def test_an_event_of_threads_is_set() -> None:
    event = threading.Event()
    Notifier[str](event).tell("handle", AsyncEvent.CALL_COMPLETE)
    assert event.is_set()


@on_a_loop
async def test_an_event_of_a_loop_is_set_at_once_on_its_loop() -> None:
    event = asyncio.Event()
    Notifier[str](event).tell("handle", AsyncEvent.CALL_COMPLETE)
    assert event.is_set()


@on_a_loop
async def test_an_event_of_a_loop_wakes_its_waiters_from_any_thread() -> None:
    event = asyncio.Event()
    notifier: Notifier[str] = Notifier(event)
    await asyncio.to_thread(notifier.tell, "handle", AsyncEvent.CALL_COMPLETE)
    await event.wait()


def test_an_event_of_a_loop_needs_one_that_runs() -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        Notifier[str](asyncio.Event())


@on_a_loop
async def test_a_future_gets_the_first_event_and_no_other() -> None:
    future: asyncio.Future[AsyncEvent] = asyncio.get_running_loop().create_future()
    notifier: Notifier[str] = Notifier(future)
    await asyncio.to_thread(notifier.tell, "handle", AsyncEvent.SEND_COMPLETE)
    notifier.tell("handle", AsyncEvent.CALL_COMPLETE)
    assert await future in (AsyncEvent.SEND_COMPLETE, AsyncEvent.CALL_COMPLETE)
    first = future.result()
    notifier.tell("handle", AsyncEvent.RECEIVE_COMPLETE)
    await asyncio.sleep(0)
    assert future.result() is first


def test_a_future_of_threads_gets_the_first_event_and_no_other() -> None:
    future: futures.Future[AsyncEvent] = futures.Future()
    notifier: Notifier[str] = Notifier(future)
    notifier.tell("handle", AsyncEvent.SEND_COMPLETE)
    notifier.tell("handle", AsyncEvent.CALL_COMPLETE)
    assert future.result() is AsyncEvent.SEND_COMPLETE


@on_a_loop
async def test_futures_that_their_owners_cancelled_are_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    threads: futures.Future[AsyncEvent] = futures.Future()
    loops: asyncio.Future[AsyncEvent] = asyncio.get_running_loop().create_future()
    for future in (threads, loops):
        future.cancel()
        Notifier[str](future).tell("handle", AsyncEvent.CALL_COMPLETE)
    assert caplog.records == []


def test_a_loop_that_was_closed_meanwhile_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    loop = asyncio.new_event_loop()
    future: asyncio.Future[AsyncEvent] = loop.create_future()
    loop.close()
    Notifier[str](future).tell("handle", AsyncEvent.CALL_COMPLETE)
    assert "CALL_COMPLETE" in caplog.text


async def _coroutine_function(handle: Any, event: AsyncEvent) -> None: ...


@pytest.mark.parametrize("form", [_coroutine_function, 7, "event"])
def test_what_is_no_notification_is_refused(form: Any) -> None:
    with pytest.raises(TypeError, match="a notification is a function, an event or a future"):
        Notifier[str](form)


@on_a_loop
async def test_a_task_is_no_notification() -> None:
    task = asyncio.ensure_future(asyncio.sleep(0))
    with pytest.raises(TypeError, match="Task is none of these"):
        Notifier[str](task)  # type: ignore[arg-type]
    await task
