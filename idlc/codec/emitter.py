"""The part that writers and readers have in common: statements under construction, names, phases of loops."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from idlc.codec.naming import Namer
from idlc.codec.phase import START, Item, Phase, join
from idlc.codec.shared import Shared
from idlc.codec.statements import Block, Line, Statement


class Emitter:
    """One function being written."""

    def __init__(self, shared: Shared, *, generator: bool) -> None:
        self.shared = shared
        self.layout = shared.layout
        self.generator = generator
        self.names = Namer(frozenset(shared.classes.values()))
        self.statements: list[Statement] = []
        self.phase: Phase = START
        self.run: list[Item] = []
        self.run_paths: list[str] = []

    def line(self, text: str, path: str = "") -> None:
        self.statements.append(Line(text, path))

    def flush(self) -> None:
        raise AssertionError("each emitter moves its own runs")

    @contextmanager
    def block(self, head: str, path: str = "") -> Iterator[None]:
        """A nested block; the pending run is moved before it and at its end."""
        self.flush()
        outer, self.statements = self.statements, []
        try:
            yield
            self.flush()
        finally:
            inner, self.statements = self.statements, outer
        if inner:
            self.statements.append(Block(head, tuple(inner), path))
        elif not head.startswith(("if", "for")):
            self.statements.append(Block(head, (Line("pass"),), path))

    @contextmanager
    def checking(self, head: str, path: str = "") -> Iterator[None]:
        """A block that only raises: the pending run can wait, since nothing in it is read from the block."""
        outer, self.statements = self.statements, []
        try:
            yield
        finally:
            inner, self.statements = self.statements, outer
        self.statements.append(Block(head, tuple(inner), path))

    def snapshot(self) -> tuple[object, ...]:
        """Everything that writing a loop body again has to undo."""
        return (list(self.statements), self.names.copy())

    def restore(self, state: tuple[Any, ...]) -> None:
        self.statements, self.names = list(state[0]), state[1].copy()

    def loop(self, head: str, body: Callable[[], None]) -> None:
        """A loop whose body is written for every phase that it may start at."""
        self.flush()
        start = self.phase
        while True:
            state = self.snapshot()
            self.phase = start
            with self.block(head):
                body()
            end = join(start, self.phase)
            if end == start:
                self.phase = start
                return
            self.restore(state)
            start = end

    def align(self, alignment: int) -> None:
        if alignment > 1:
            self.run.append(Item("", alignment, 0))

    def optional(self, condition: str, body: Callable[[], None], path: str = "") -> None:
        """`if condition:` body, with the phases of both ways joined."""
        self.flush()
        before = self.phase
        with self.block(f"if {condition}:", path):
            body()
        self.phase = join(before, self.phase)
