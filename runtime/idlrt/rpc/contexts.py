"""The server's table of context handles, one per association group, and their rundown.

A handle lives until a call closes it by returning a null handle, or until the last connection of its group goes; then
its type's rundown hook runs, once, after the calls that were still in progress (MS-RPCE 3.3.1.4.2).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from idlrt.errors import NCA_FAULT_CONTEXT_MISMATCH, RpcFault
from idlrt.ndr.types import Ref, Struct, Union
from idlrt.rpc.handles import ContextHandle
from idlrt.rpc.interface import Operation
from idlrt.rpc.service import Service

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_log = logging.getLogger("idlrt.server")


class Runner(Protocol):
    """Runs a service's method where it belongs: on the loop or in a thread."""

    def __call__(self, function: Callable[..., Any], *arguments: Any) -> Awaitable[Any]: ...


class _Entry:
    __slots__ = ("handle", "lock", "service")

    def __init__(self, handle: ContextHandle, service: Service) -> None:
        self.handle = handle
        self.service = service
        # Unless they are not `exclusive`, handles are serialised: a call that uses one waits for the call before it.
        self.lock = asyncio.Lock()


class Group:
    """An association group: the connections of one client, and what they share."""

    def __init__(self, group_id: int, run: Runner) -> None:
        self.group_id = group_id
        self.connections = 0
        self.calls = 0
        self.gone = False
        self._run = run
        self._entries: dict[UUID, _Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    async def resolve(
        self, operation: Operation, inputs: tuple[Any, ...]
    ) -> tuple[tuple[Any, ...], dict[str, list[ContextHandle]], list[asyncio.Lock]]:
        """Put the server's own handles in the place of received ones, and lock them in a fixed order.

        Returns the values, the handles in each of them by name, and the locks.
        Raises the fault for a handle that is unknown here, of another type, or null where none may be.
        """
        values = list(inputs)
        entries: dict[UUID, _Entry] = {}
        given: dict[str, list[ContextHandle]] = {}
        may_be_null = {name for name, _ in operation.contexts_out}

        def own(value: Any, kind: type[ContextHandle], null: bool) -> Any:
            if isinstance(value, list):
                return [own(each, kind, null) for each in value]
            if isinstance(value, Struct | Union | Ref):
                for holder, place, handle in _held(value):
                    mine = own(handle, ContextHandle, null=True)
                    if isinstance(place, str):
                        setattr(holder, place, mine)
                    else:
                        holder[place] = mine
                return value
            if value is None:
                if not null and kind is not ContextHandle:
                    raise RpcFault(NCA_FAULT_CONTEXT_MISMATCH, executed=False)
                return None
            entry = self._entries.get(value.uuid)
            if entry is None or not isinstance(entry.handle, type(value)):
                raise RpcFault(NCA_FAULT_CONTEXT_MISMATCH, executed=False)
            entries[value.uuid] = entry
            return entry.handle

        for name, kind in operation.contexts_in:
            index = operation.inputs.index(name)
            values[index] = own(values[index], kind, name in may_be_null)
            given[name] = _each(values[index])
        locks: list[asyncio.Lock] = []
        try:
            for uuid in sorted(entries):
                if entries[uuid].handle.exclusive:
                    await entries[uuid].lock.acquire()
                    locks.append(entries[uuid].lock)
                if uuid not in self._entries:  # the call before this one closed it
                    raise RpcFault(NCA_FAULT_CONTEXT_MISMATCH, executed=False)
        except BaseException:
            unlock(locks)
            raise
        return tuple(values), given, locks

    def record(
        self, operation: Operation, before: Mapping[str, list[ContextHandle]], result: Any, service: Service
    ) -> None:
        """Remember the handles that a call made, and forget those that it was given (`before`, by name) and closed."""
        for name, kind in operation.contexts_out:
            given = before.get(name, [])
            kept = _each(getattr(result, name) if len(operation.outputs) > 1 else result)
            for old in given:
                if not any(handle is old for handle in kept):
                    self._entries.pop(old.uuid, None)
            for handle in kept:
                if not isinstance(handle, kind):
                    raise TypeError(f'"{name}" has to be a {kind.__name__} or None, not {type(handle).__name__}')
                if handle.uuid not in self._entries and not any(handle is old for old in given):
                    self._entries[handle.uuid] = _Entry(handle, service)

    async def rundown(self) -> None:
        """Run down what is left; no call may be in progress."""
        entries, self._entries = self._entries, {}
        for entry in entries.values():
            hook = getattr(entry.service, f"{type(entry.handle).__name__}_rundown", None)
            if hook is None:
                continue
            try:
                await self._run(hook, entry.handle)
            except Exception:
                _log.exception("the rundown of %r failed", entry.handle)


def _each(value: Any) -> list[Any]:
    """The handles of a parameter: itself, or what is in the array or the structure that it is."""
    if isinstance(value, list | tuple):
        return [handle for each in value for handle in _each(each)]
    if isinstance(value, Struct | Union | Ref):
        return [handle for _, _, handle in _held(value)]
    return [] if value is None else [value]


def _held(value: Any) -> list[tuple[Any, str | int, ContextHandle]]:
    """The handles in a structure: what they stand in, where in that, and they themselves.

    Structures can be long lists, and full pointers lead in circles.
    """
    found: list[tuple[Any, str | int, ContextHandle]] = []
    seen = {id(value)}
    pending = [value]
    while pending:
        holder = pending.pop()
        places: Iterable[tuple[str | int, Any]]
        if isinstance(holder, list | tuple):
            places = enumerate(holder)
        else:
            names = holder.__slots__ if isinstance(holder, Struct) else ("value",)
            places = [(name, getattr(holder, name)) for name in names]
        for place, item in places:
            if isinstance(item, ContextHandle):
                found.append((holder, place, item))
            elif isinstance(item, list | tuple | Struct | Union | Ref) and id(item) not in seen:
                seen.add(id(item))
                pending.append(item)
    return found


def unlock(locks: Iterable[asyncio.Lock]) -> None:
    for lock in locks:
        lock.release()


class Groups:
    """The association groups of a server."""

    def __init__(self, run: Runner) -> None:
        self._run = run
        self._groups: dict[int, Group] = {}
        self._last = 0
        self._rundowns: set[asyncio.Task[None]] = set()

    def join(self, group_id: int) -> Group | None:
        """Add a connection to a group, to a new one for 0; None when there is no such group."""
        if group_id == 0:
            self._last = self._last % 0xFFFFFFFF + 1
            while self._last in self._groups:
                self._last = self._last % 0xFFFFFFFF + 1
            group = self._groups[self._last] = Group(self._last, self._run)
        else:
            found = self._groups.get(group_id)
            if found is None:
                return None
            group = found
        group.connections += 1
        return group

    def leave(self, group: Group) -> None:
        """A connection of the group is gone."""
        group.connections -= 1
        if not group.connections:
            group.gone = True
            del self._groups[group.group_id]
            self._settle(group)

    def ended(self, group: Group) -> None:
        """A call of the group is over."""
        group.calls -= 1
        self._settle(group)

    def _settle(self, group: Group) -> None:
        if group.gone and not group.calls and len(group):
            task = asyncio.get_running_loop().create_task(group.rundown(), name="idlrt rundown")
            self._rundowns.add(task)
            task.add_done_callback(self._rundowns.discard)

    async def finished(self) -> None:
        """Wait for the rundowns that have begun."""
        while self._rundowns:
            await asyncio.wait(self._rundowns)
