"""Values of `const` declarations: which types may be constant, and what their values are in Python."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Final

from idlc.data import dataclass
from idlc.semantics.constants import INITIALIZER, integer_type, wrap
from idlc.semantics.symbols import InterfaceCore, Shape
from idlc.semantics.types import Base, BaseKind, Opaque, StructUse, Type
from idlc.semantics.unit import Unit
from idlc.syntax import ast


@dataclass(frozen=True, slots=True)
class Found:
    value: int | float | str | bytes | bool | None


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
    if isinstance(shape.core, Base) and shape.core.kind in _REALS:
        found = _real(unit, inner)
        if found is not None:
            unit.report.doubtful("MIDL2202", f'a constant cannot be of type "{shape.core.spelling}"', written.span)
        return found
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


def check_default(unit: Unit, attribute: ast.Attribute, type_: Type) -> None:
    """[defaultvalue("text")] of a number: text that is a number too is converted, other text cannot be."""
    written = attribute.arguments[0]
    while isinstance(written, ast.Parenthesized):
        written = written.operand
    if not (isinstance(written, ast.StringLiteral) and isinstance(type_, Base) and type_.kind is not BaseKind.GUID):
        return
    try:
        float(written.value)
    except ValueError:
        message = f'a number has "{written.value}" for a default value'
        unit.report.warning("MIDL2366", message, written.span, help="write a number")


_WHOLE: Final = 1 << 64
"""From here on a value is no integer of C, and carries on as a floating point number."""
_REALS = frozenset({BaseKind.FLOAT, BaseKind.DOUBLE})


def _real(unit: Unit, written: ast.Expression) -> Found | None:
    """The value of a constant with a fraction. MIDL knows none, headers and Microsoft's own IDL do."""
    try:
        value = _folded(unit, written)
    except ZeroDivisionError:
        unit.report.error("MIDL2031", "division by zero", written.span)
        return None
    except OverflowError:
        value = math.inf
    if value is None:
        unit.report.error("MIDL2173", "a constant number is needed here", written.span)
        return None
    if not math.isfinite(value):
        unit.report.error("IDLC1210", "a value that no floating point number holds", written.span)
        return None
    return Found(float(value))


def _folded(unit: Unit, written: ast.Expression) -> int | float | None:
    """Arithmetic over numbers and named constants; None for everything else."""
    match written:
        case ast.Binary(left=ast.Parenthesized(operand=ast.Identifier(name=name)), operator="-" | "+" as sign) if (
            name in unit.scope.typedefs
        ):
            # `(DATE) - 1` is a cast: the parser could not know.
            return _folded(unit, ast.Unary(sign, written.right, written.span))
        case ast.FloatLiteral(value=number) | ast.IntegerLiteral(value=number):
            return number
        case ast.Parenthesized(operand=operand) | ast.Cast(operand=operand):
            return _folded(unit, operand)
        case ast.Identifier(name=name):
            known = unit.scope.constants.get(name)
            return known.value if known is not None and isinstance(known.value, int | float) else None
        case ast.Unary(operator="-" | "+" as sign, operand=operand):
            value = _folded(unit, operand)
            return -value if value is not None and sign == "-" else value
        case ast.Binary():
            spine = [written]  # long sums lean to the left
            while isinstance(spine[-1].left, ast.Binary):
                spine.append(spine[-1].left)
            value = _folded(unit, spine[-1].left)
            for node in reversed(spine):
                right = _folded(unit, node.right)
                if value is None or right is None or node.operator not in _ARITHMETIC:
                    return None
                whole = node.operator == "/" and isinstance(value, int) and isinstance(right, int)
                value = math.trunc(value / right) if whole else _ARITHMETIC[node.operator](value, right)
                if abs(value) >= _WHOLE:
                    value = float(value)
            return value
        case _:
            return None


_ARITHMETIC: Final[dict[str, Callable[[int | float, int | float], int | float]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


def _pointer(unit: Unit, shape: Shape, written: ast.Expression) -> Found | None:
    if isinstance(written, ast.NullLiteral):
        return Found(None)
    if isinstance(written, ast.StringLiteral):
        if len(shape.levels) == 1 and isinstance(shape.core, Base):
            if shape.core.kind is BaseKind.BYTE:
                return Found(written.value.encode("latin-1", "replace"))
            if shape.core.kind in {BaseKind.CHAR, BaseKind.INT8, BaseKind.WCHAR, BaseKind.UINT16}:
                return Found(written.value)
        if shape.presented and len(shape.levels) == 1 and isinstance(shape.core, StructUse):
            return Found(written.value)  # BSTR, which travels as a structure
        unit.report.error("MIDL2154", "text for a constant that is no string", written.span)
        return None
    if isinstance(written, ast.Identifier):
        known = unit.scope.constants.get(written.name)
        if known is not None and (known.value is None or isinstance(known.value, str | bytes)):
            return Found(known.value)
    # A number where a pointer belongs, such as a pseudo handle: (LPCOLESTR) -1.
    value = unit.expressions.integer(written, INITIALIZER)
    return None if value is None else Found(value)
