"""Crashes of the compiler: each stage runs under a guard that says which stage it was and at what place of the IDL."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Final

from idlc.semantics.types import BoundFile, Interface
from idlc.source.files import Span
from idlc.syntax import ast

_RECURSION_LIMIT: Final = 15_000
"""Stages walk trees recursively; the lexer bounds how deep they are, and this is ample for that."""


class InternalError(Exception):
    """A crash of the compiler: the stage, and the IDL it was at when that is known."""

    def __init__(self, stage: str, place: Span, cause: BaseException) -> None:
        self.stage = stage
        self.place = place
        self.cause = cause
        where = "" if place.is_none else f" at {place.file.name}:{place.line}:{place.column}"
        super().__init__(f"{type(cause).__name__} in stage {stage}{where}: {cause}")


@contextmanager
def guard(name: str, bound: BoundFile | None = None) -> Iterator[None]:
    """Give a stage the stack it needs, and turn its crash into an InternalError that knows the place.

    `bound` is the file it works on, where that is known: it has the places of what later stages only have names for.
    """
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, _RECURSION_LIMIT))
    try:
        yield
    except InternalError:
        raise
    except Exception as error:
        raise InternalError(name, _place(error.__traceback__, bound), error) from error
    finally:
        sys.setrecursionlimit(limit)


def _place(trace: TracebackType | None, bound: BoundFile | None) -> Span:
    """The IDL that the innermost function was at: the span of what it had in hand, of an interface as a last resort."""
    named = {} if bound is None else _places(bound)
    place = interface = Span.none()
    while trace is not None:
        for value in trace.tb_frame.f_locals.values():
            span = getattr(value, "span", None)
            if not isinstance(span, Span):
                span = named.get((type(value), str(getattr(value, "name", ""))))
            if span is None or span.is_none:
                continue
            if isinstance(value, Interface | ast.Interface):
                interface = span
            else:
                place = span
        trace = trace.tb_next
    return interface if place.is_none else place


def _places(bound: BoundFile) -> dict[tuple[type, str], Span]:
    """Where in the IDL is what the steps on the wire are named after, by their class and name."""
    from idlc.wire.steps import Choice, ChoiceType, OperationPlan, PicklePlan, Record, RecordUse

    places: dict[tuple[type, str], Span] = {}
    for name, declared in bound.declared.items():
        places.update(((kind, name), declared.span) for kind in (Record, RecordUse, ChoiceType, Choice))
    for interface in bound.interfaces:
        places.update(((OperationPlan, each.name), each.span) for each in interface.operations)
    places.update(((PicklePlan, each.name), each.span) for each in bound.pickled)
    return places
