"""Things to wait for, from event loops and from threads: ISynchronize and its kin."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections import deque
from collections.abc import Callable
from typing import Final
from weakref import finalize

from idlrt.com.hresult import (
    E_INVALIDARG,
    RPC_E_NO_SYNC,
    RPC_E_OUT_OF_RESOURCES,
    RPC_E_TIMEOUT,
    S_OK,
    CallPending,
    HResultError,
    NoInterface,
)
from idlrt.com.known import (
    COWAIT_FLAGS,
    COWAIT_WAITALL,
    INFINITE,
    ISynchronize,
    ISynchronizeContainer,
    ISynchronizeEvent,
    ISynchronizeHandle,
)
from idlrt.com.objects import Object, identity

MOST_SYNCHRONIZED: Final = 63
"""What a container can hold (ISynchronizeContainer::AddSynchronize)."""


class Waiter:
    """Somebody who waits for one of several events, and gets the first of them; `wake` is called in its thread."""

    __slots__ = ("_ticket", "event", "wake")

    def __init__(self, wake: Callable[[], object]) -> None:
        self.wake = wake
        self.event: EventHandle | None = None
        self._ticket = [None]

    def take(self, event: EventHandle | None) -> bool:
        """Whether nothing else came first."""
        try:
            self._ticket.pop()  # one operation to all threads
        except IndexError:
            return False
        self.event = event
        if event is not None:
            self.wake()
        return True


class EventHandle:
    """An event of the system: set and reset, waited for on any event loop and in any thread.

    Args:
        manual: it stays set until it is reset; otherwise it lets one waiter go and is reset by that.
        signaled: whether it is set at first.
    """

    __slots__ = ("__weakref__", "_descriptor", "_lock", "_set", "_waiters", "manual")

    def __init__(self, *, manual: bool = True, signaled: bool = False) -> None:
        self.manual = manual
        self._set = signaled
        self._lock = threading.Lock()
        self._waiters: deque[Waiter] = deque()
        self._descriptor: _Descriptor | None = None

    @property
    def signaled(self) -> bool:
        return self._set

    def set(self) -> None:
        """Let waiters go: all of them, or the first if it is reset automatically. From any thread."""
        with self._lock:
            if self.manual:
                self._become(True)
                for waiter in self._waiters:
                    waiter.take(self)
                self._waiters.clear()
                return
            while self._waiters:
                if self._waiters.popleft().take(self):
                    return
            self._become(True)

    def reset(self) -> None:
        """Have waiters wait. From any thread."""
        with self._lock:
            self._become(False)

    def _become(self, signaled: bool) -> None:
        if self._set is not signaled:
            self._set = signaled
            if self._descriptor is not None:
                self._descriptor.show(signaled)

    def poll(self) -> bool:
        """Whether it is set; that resets it, unless that is done manually."""
        with self._lock:
            found = self._set
            if found and not self.manual:
                self._become(False)
            return found

    def enter(self, waiter: Waiter) -> None:
        """Wake a waiter when it is set, perhaps now."""
        with self._lock:
            if self._set and waiter.take(self):
                if not self.manual:
                    self._become(False)
            else:
                self._waiters.append(waiter)

    def leave(self, waiter: Waiter) -> None:
        """The waiter does not wait any more."""
        with self._lock:
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait in a thread for at most `timeout` seconds; whether it was set.

        Raises:
            RuntimeError: an event loop runs in this thread, which would stop.
        """
        if asyncio._get_running_loop() is not None:
            raise RuntimeError("an event loop runs in this thread, and waiting would stop it; await Wait() instead")
        return wait_for_one((self,), timeout) is not None

    async def wait_async(self, timeout: float | None = None) -> bool:
        """The same on an event loop, which goes on meanwhile."""
        return self.poll() or await await_one((self,), timeout) is not None

    def fileno(self) -> int:
        """A descriptor that is readable while it is set. Only look at it: this object reads, writes and closes it."""
        with self._lock:
            if self._descriptor is None:
                self._descriptor = descriptor = _Descriptor()
                finalize(self, descriptor.close).atexit = False
                descriptor.show(self._set)
            return self._descriptor.fileno()


class _Descriptor:
    """A file descriptor that is readable or not."""

    __slots__ = ("_ends", "_event")

    def __init__(self) -> None:
        self._ends: tuple[socket.socket, socket.socket] | None = None
        try:
            self._event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        except (AttributeError, OSError):
            self._event = -1
            self._ends = ends = socket.socketpair()
            for end in ends:
                end.setblocking(False)

    def fileno(self) -> int:
        return self._event if self._ends is None else self._ends[0].fileno()

    def show(self, readable: bool) -> None:
        try:
            if self._ends is not None:
                if readable:
                    self._ends[1].send(b"\1")
                else:
                    self._ends[0].recv(16)
            elif readable:
                os.eventfd_write(self._event, 1)
            else:
                os.eventfd_read(self._event)
        except BlockingIOError:
            pass  # it shows that already

    def close(self) -> None:
        if self._ends is None:
            os.close(self._event)
        else:
            for end in self._ends:
                end.close()


def wait_for_one(events: tuple[EventHandle, ...], timeout: float | None) -> EventHandle | None:
    """Wait in a thread for the first of several events; None after `timeout` seconds."""
    gate = threading.Lock()
    gate.acquire()
    waiter = Waiter(gate.release)
    entered = _enter(events, waiter)
    gate.acquire(timeout=-1 if timeout is None else min(timeout, threading.TIMEOUT_MAX))
    _leave(entered, waiter)
    return waiter.event


async def await_one(events: tuple[EventHandle, ...], timeout: float | None) -> EventHandle | None:
    """The same on an event loop."""
    loop = asyncio.get_running_loop()
    woken = loop.create_future()

    def settle() -> None:
        if not woken.done():
            woken.set_result(None)

    def wake() -> None:
        if asyncio._get_running_loop() is loop:
            settle()
        else:
            try:
                loop.call_soon_threadsafe(settle)
            except RuntimeError:
                pass  # the loop is closed, and nobody waits there

    waiter = Waiter(wake)
    entered = _enter(events, waiter)
    timer = None if timeout is None or woken.done() else loop.call_later(timeout, settle)
    try:
        await woken
    except asyncio.CancelledError:
        if not waiter.take(None) and waiter.event is not None and not waiter.event.manual:
            waiter.event.set()  # it was let go in this moment, so another one shall be
        raise
    finally:
        if timer is not None:
            timer.cancel()
        _leave(entered, waiter)
    return waiter.event


def _enter(events: tuple[EventHandle, ...], waiter: Waiter) -> list[EventHandle]:
    entered = []
    for event in events:
        event.enter(waiter)
        entered.append(event)
        if waiter.event is not None:
            break
    return entered


def _leave(entered: list[EventHandle], waiter: Waiter) -> None:
    waiter.take(None)
    for event in entered:
        if event is not waiter.event:
            event.leave(waiter)


def seconds(milliseconds: int) -> float | None:
    """A time-out as Python has it.

    Raises:
        HResultError: it is negative (E_INVALIDARG).
    """
    if milliseconds < 0:
        raise HResultError(E_INVALIDARG, f"{milliseconds} ms is no time to wait")
    return None if milliseconds == INFINITE else milliseconds / 1000


def check_flags(flags: int, allowed: int = COWAIT_FLAGS) -> None:
    """Raise E_INVALIDARG for flags that are not of COWAIT_FLAGS, or not allowed here."""
    if flags & ~allowed:
        raise HResultError(E_INVALIDARG, f"0x{flags:x} are no flags of a wait")


class _Event(Object, ISynchronize, ISynchronizeEvent):
    """ISynchronize around one event."""

    def __init__(self, handle: EventHandle) -> None:
        self._handle = handle

    async def Wait(self, dwFlags: int, dwMilliseconds: int) -> int:
        check_flags(dwFlags)
        if not await self._handle.wait_async(seconds(dwMilliseconds)):
            raise CallPending(message="it was not signaled in time")
        return S_OK

    async def Signal(self) -> int:
        self._handle.set()
        return S_OK

    async def Reset(self) -> int:
        self._handle.reset()
        return S_OK

    async def GetHandle(self) -> EventHandle:
        return self._handle

    async def SetEventHandle(self, ph: EventHandle) -> int:
        if not isinstance(ph, EventHandle):
            raise HResultError(E_INVALIDARG, f"{ph!r} is no event")
        self._handle = ph
        return S_OK

    # Python's own names, for any thread.

    def wait(self, timeout: float | None = None) -> bool:
        """Wait in a thread, in seconds; whether it was signaled. Refused where an event loop runs."""
        return self._handle.wait(timeout)

    def signal(self) -> None:
        """Signal it, from any thread."""
        self._handle.set()

    def reset(self) -> None:
        self._handle.reset()


class StdEvent(_Event):
    """The system's event that a successful Wait resets (CLSID_StdEvent)."""

    def __init__(self, *, signaled: bool = False) -> None:
        super().__init__(EventHandle(manual=False, signaled=signaled))


class ManualResetEvent(_Event):
    """The system's event that stays signaled until Reset (CLSID_ManualResetEvent)."""

    def __init__(self, *, signaled: bool = False) -> None:
        super().__init__(EventHandle(manual=True, signaled=signaled))


class SynchronizeContainer(Object, ISynchronizeContainer):
    """The system's container (CLSID_SynchronizeContainer)."""

    def __init__(self) -> None:
        self._members: list[ISynchronize] = []
        self._ready: list[ISynchronize] = []

    async def AddSynchronize(self, pSync: ISynchronize) -> int:
        if not isinstance(pSync, ISynchronize):
            raise HResultError(E_INVALIDARG, f"{pSync!r} is nothing to wait for")
        if len(self._members) >= MOST_SYNCHRONIZED:
            raise HResultError(RPC_E_OUT_OF_RESOURCES, f"a container holds at most {MOST_SYNCHRONIZED}")
        self._members.append(pSync)
        return S_OK

    async def WaitMultiple(self, dwFlags: int, dwTimeOut: int) -> ISynchronize:
        check_flags(dwFlags, COWAIT_FLAGS & ~COWAIT_WAITALL)
        timeout = seconds(dwTimeOut)
        if not self._members:
            raise HResultError(RPC_E_NO_SYNC)
        if self._ready:
            return self._taken(self._ready.pop(0))
        members = [(member, await _Awaited.of(member)) for member in self._members]
        found: EventHandle | None = None
        chosen = None
        try:
            found = await await_one(tuple(each.event for _, each in members), timeout)
        finally:
            for member, each in members:
                if chosen is None and each.event is found:
                    chosen = member
                elif each.over():  # its Wait has succeeded, and will not a second time
                    self._ready.append(member)
        if chosen is None:
            raise HResultError(RPC_E_TIMEOUT)
        return self._taken(chosen)

    def _taken(self, member: ISynchronize) -> ISynchronize:
        self._members.remove(member)
        return member


class _Awaited:
    """A member of a container while that is waited for: its own event, or one that is set when its Wait returns."""

    __slots__ = ("_task", "event")

    def __init__(self, event: EventHandle, task: asyncio.Task[None] | None = None) -> None:
        self.event = event
        self._task = task

    @classmethod
    async def of(cls, member: ISynchronize) -> _Awaited:
        if isinstance(identity(member), Object):
            try:
                owner = await member.QueryInterface(ISynchronizeHandle)
            except NoInterface:
                pass
            else:
                owner.Release()
                return cls(await owner.GetHandle())
        event = EventHandle()
        return cls(event, asyncio.ensure_future(_told(member, event)))

    def over(self) -> bool:
        """End the wait for a member that is asked for nothing but Wait; whether that has ended before."""
        if self._task is None:
            return False
        return not self._task.cancel() or self.event.signaled


async def _told(member: ISynchronize, event: EventHandle) -> None:
    try:
        await member.Wait(0, INFINITE)
    except HResultError:
        pass  # whoever asks it will hear the same
    event.set()
