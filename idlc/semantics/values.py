"""Values of `const` declarations: which types may be constant, and what their values are in Python."""

from __future__ import annotations

from dataclasses import dataclass

from idlc.semantics.constants import INITIALIZER, integer_type, wrap
from idlc.semantics.symbols import InterfaceCore, Shape
from idlc.semantics.types import Base, BaseKind, Opaque
from idlc.semantics.unit import Unit
from idlc.syntax import ast


@dataclass(frozen=True, slots=True)
class Found:
    value: int | str | bytes | bool | None


def constant_value(unit: Unit, shape: Shape, written: ast.Expression) -> Found | None:
    """The value of a constant of that type; None after a report."""
    if shape.is_error:
        return None
    inner = written
    while isinstance(inner, ast.Parenthesized):
        inner = inner.operand
    if shape.levels or isinstance(shape.core, Opaque | InterfaceCore):
        return _pointer(unit, shape, inner)
    if isinstance(inner, ast.StringLiteral):
        unit.report.error("MIDL2154", "text for a constant that is a number", written.span)
        return None
    described = integer_type(shape)
    if described is None:
        unit.report.error("MIDL2202", "a constant must be an integer, a character, a string or a boolean", written.span)
        return None
    value = unit.expressions.integer(written, INITIALIZER)
    if value is None:
        return None
    if isinstance(shape.core, Base) and shape.core.kind is BaseKind.BOOLEAN:
        return Found(bool(value))
    bits, signed = described
    if not -(1 << (bits - 1)) <= value < 1 << bits:
        message = f"{value} does not fit into {bits} bits"
        unit.report.doubtful("MIDL2175", message, written.span)
    return Found(wrap(value, bits, signed))


def _pointer(unit: Unit, shape: Shape, written: ast.Expression) -> Found | None:
    if isinstance(written, ast.NullLiteral):
        return Found(None)
    if isinstance(written, ast.StringLiteral):
        if len(shape.levels) == 1 and isinstance(shape.core, Base):
            if shape.core.kind is BaseKind.BYTE:
                return Found(written.value.encode("latin-1", "replace"))
            if shape.core.kind in {BaseKind.CHAR, BaseKind.INT8, BaseKind.WCHAR, BaseKind.UINT16}:
                return Found(written.value)
        unit.report.error("MIDL2154", "text for a constant that is no string", written.span)
        return None
    if isinstance(written, ast.Identifier):
        known = unit.scope.constants.get(written.name)
        if known is not None and (known.value is None or isinstance(known.value, str | bytes)):
            return Found(known.value)
    # A number where a pointer belongs, such as a pseudo handle: (LPCOLESTR) -1.
    value = unit.expressions.integer(written, INITIALIZER)
    return None if value is None else Found(value)
