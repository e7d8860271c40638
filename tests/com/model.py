"""A call object driven at random from tasks, loops and threads, beside a model of ten lines.

    python -m tests.com.model 100000
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable
from concurrent.futures import Future
from itertools import permutations
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from idlrt import com
from idlrt.com.hresult import E_UNEXPECTED, RPC_E_CALL_CANCELED, RPC_E_CALL_COMPLETE, RPC_S_CALLPENDING, S_OK
from tests.com.stage import AsyncICalc, Elsewhere, ICalc

STEPS = 40
"""Of one example."""
PATIENCE = 30
"""Seconds that no step can need."""


class Model:
    """What a call object is by the rules: what each operation comes to."""

    def __init__(self) -> None:
        self.method, self.done, self.cancelled, self.event = "", False, False, False

    def begin(self, method: str) -> int:
        if self.method:
            return RPC_S_CALLPENDING
        self.method, self.done, self.cancelled, self.event = method, False, False, False
        return S_OK

    def complete(self) -> int:
        if self.method and not self.done:
            self.done = self.event = True
        return S_OK

    def cancel(self) -> int:
        if not self.method or (self.done and not self.cancelled):
            return RPC_E_CALL_COMPLETE
        if self.cancelled:
            return RPC_E_CALL_CANCELED
        self.done = self.cancelled = self.event = True
        return S_OK

    def finish(self, method: str) -> int:
        if not self.method or method != self.method:
            return E_UNEXPECTED if self.method else RPC_E_CALL_COMPLETE
        assert self.done, "it waits"
        self.method = ""
        return RPC_E_CALL_CANCELED if self.cancelled else S_OK

    def wait(self) -> int:
        return S_OK if self.event else RPC_S_CALLPENDING

    def signal(self) -> int:
        self.event = True
        return S_OK

    def reset(self) -> int:
        self.event = False
        return S_OK

    def copy(self) -> Model:
        other = Model()
        other.__dict__.update(self.__dict__)
        return other


class Authored(com.CallObject, AsyncICalc):
    """As an author writes it: complete when it is told to be."""

    async def Begin_Add(self, a: int, b: int) -> int:
        return 0

    async def Finish_Add(self) -> int:
        return 3

    async def Begin_Touch(self) -> int:
        return 0

    async def Finish_Touch(self) -> int:
        return 0

    async def Begin_Sort(self, v: Any, *, n: int | None = None) -> int: ...  # type: ignore[empty-body]

    async def Finish_Sort(self) -> Any: ...

    async def Begin_Pass(self, what: Any) -> int: ...  # type: ignore[empty-body]

    async def Finish_Pass(self) -> Any: ...


class Subject:
    """A call object, and how its call is completed."""

    def __init__(self, apartment: com.Apartment, remote: bool) -> None:
        self.apartment = apartment
        self.remote = remote
        self.elsewhere = Elsewhere(ICalc)
        self.call: Any = apartment.wait(self._create(), PATIENCE)

    async def _create(self) -> Any:
        return await com.new_call(self.elsewhere.proxy(ICalc), AsyncICalc) if self.remote else Authored()

    async def begin(self, method: str) -> int:
        code: int = await (self.call.Begin_Add(1, 2) if method == "Add" else self.call.Begin_Touch())
        return code

    async def finish(self, method: str) -> int:
        await getattr(self.call, f"Finish_{method}")()
        return S_OK

    async def complete(self) -> int:
        """The call has an answer."""
        if not self.remote:
            if not self.call.done():
                self.call.signal()
        elif self.elsewhere.begun:
            await asyncio.wrap_future(self.apartment.submit(self._answer()))
        return S_OK

    async def _answer(self) -> None:
        answer = self.elsewhere.begun[-1].future
        if not answer.done():
            answer.set_result(0)
        while not self.call.done():
            await asyncio.sleep(0)

    async def cancel(self) -> int:
        code: int = await self.call.Cancel(0)
        return code

    async def wait(self) -> int:
        code: int = await self.call.Wait(0, 0)
        return code

    async def signal(self) -> int:
        code: int = await self.call.Signal()
        return code

    async def reset(self) -> int:
        code: int = await self.call.Reset()
        return code


async def code_of(work: Awaitable[int]) -> int:
    try:
        return await work
    except com.HResultError as error:
        return error.hresult


METHODS = st.sampled_from(["Add", "Touch"])
PLACES = st.sampled_from(["task", "loop", "thread"])
SIMPLE = st.sampled_from([("cancel",), ("wait",), ("complete",), ("begin", "Add"), ("begin", "Touch"), ("finish",)])


class CallObjectMachine(RuleBasedStateMachine):
    """Steps one after the other, and some at once: then their outcomes are those of some order of them."""

    taken = 0
    homes: tuple[com.Apartment, com.Apartment]

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Future[int]] = []
        self.waiting_for = ""

    @initialize(remote=st.booleans())
    def start(self, remote: bool) -> None:
        self.subject = Subject(self.homes[0], remote)
        self.model = Model()

    def launch(self, place: str, name: str, *arguments: str) -> Future[int]:
        """An operation under way: in a task of the call object's loop, on another loop, or in a thread that blocks."""
        CallObjectMachine.taken += 1
        work = code_of(getattr(self.subject, name)(*arguments))
        home, other = self.homes
        if place == "thread":
            return home.pool.submit(home.wait, work, PATIENCE)
        # What the runtime makes starts its calls on the loop of Begin_, which is where the answers of the stage come.
        return (home if place == "task" or (self.subject.remote and name == "begin") else other).submit(work)

    def step(self, place: str, name: str, *arguments: str) -> None:
        expected = getattr(self.model, name)(*arguments)
        assert self.launch(place, name, *arguments).result(PATIENCE) == expected

    @rule(place=PLACES, method=METHODS)
    def begin(self, place: str, method: str) -> None:
        self.step(place, "begin", method)

    @rule(place=PLACES, method=METHODS)
    def finish(self, place: str, method: str) -> None:
        if self.model.method == method and not self.model.done:
            self.waiting.append(self.launch(place, "finish", method))
            self.waiting_for = method
        else:
            self.step(place, "finish", method)

    @rule(place=PLACES, how=st.sampled_from(["complete", "cancel"]))
    def end(self, place: str, how: str) -> None:
        pending = bool(self.waiting)
        # Those who wait may take the call before the next line.
        self.step(place, how)
        if pending:
            codes = [each.result(PATIENCE) for each in self.waiting]
            expected = [self.model.finish(self.waiting_for)] + [RPC_E_CALL_COMPLETE] * (len(codes) - 1)
            assert sorted(codes) == sorted(expected)
            self.waiting.clear()

    @rule(place=PLACES)
    def wait(self, place: str) -> None:
        self.step(place, "wait")

    @precondition(lambda self: self.subject.remote)
    @rule(place=PLACES, how=st.sampled_from(["signal", "reset"]))
    def set_or_reset(self, place: str, how: str) -> None:
        """By itself the event of a call object that the runtime makes completes nothing."""
        self.step(place, how)

    @rule(
        operations=st.lists(st.tuples(PLACES, SIMPLE), min_size=2, max_size=3).filter(
            lambda chosen: [each[1] for each in chosen].count(("finish",)) < 2
        )
    )
    def at_once(self, operations: list[tuple[str, tuple[str, ...]]]) -> None:
        names = {operation[0] for _, operation in operations}
        if self.waiting:
            return  # (no precondition: where the model is, after operations at once, need not be the same again)
        if "finish" in names and (not self.model.done or "begin" in names):
            return  # that one might wait
        if self.subject.remote and "complete" in names and "begin" in names:
            return  # which answer is meant would be a matter of luck
        filled = [
            (place, (*operation, self.model.method or "Add") if operation == ("finish",) else operation)
            for place, operation in operations
        ]
        got = [self.launch(place, *operation) for place, operation in filled]
        codes = [each.result(PATIENCE) for each in got]
        for order in permutations(range(len(filled))):
            model = self.model.copy()
            outcome = {number: getattr(model, filled[number][1][0])(*filled[number][1][1:]) for number in order}
            if [outcome[number] for number in range(len(filled))] == codes and self.same(model):
                self.model = model
                return
        raise AssertionError(f"{filled} came to {codes}, which no order of them does")

    def same(self, model: Model) -> bool:
        """Whether the call object is where a model is."""
        call = self.subject.call
        state = com.CallState.IDLE if not model.method else com.CallState.SIGNALED
        if model.method and not model.done:
            state = com.CallState.PENDING
        return bool(call.state is state and call.test_cancel() == bool(model.method and model.cancelled))

    @rule(remote=st.booleans())
    def release(self, remote: bool) -> None:
        """Whatever was begun goes on without anybody; a new call object takes its place."""
        if self.waiting:
            return
        CallObjectMachine.taken += 1
        old = self.subject
        assert old.call.Release() == 0
        old.apartment.wait(old.complete(), PATIENCE)
        self.start(remote)

    def teardown(self) -> None:
        if self.waiting:
            self.end("task", "complete")


def drive(steps: int) -> int:
    """Take at least so many steps; how many were taken."""
    CallObjectMachine.taken = 0
    with com.Apartment("home") as home, com.Apartment("other") as other:
        CallObjectMachine.homes = home, other
        while CallObjectMachine.taken < steps:
            examples = max((steps - CallObjectMachine.taken) // STEPS, 5)
            run_state_machine_as_test(
                CallObjectMachine,
                settings=settings(
                    max_examples=examples,
                    stateful_step_count=STEPS,
                    deadline=None,
                    database=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
    return CallObjectMachine.taken


if __name__ == "__main__":
    print(f"{drive(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000):,} steps, as the model has them")
