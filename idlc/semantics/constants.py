"""Expressions: constants folded to their values, `size_is` and its like bound as trees over siblings.

Arithmetic is C's on integers wide enough for any type of the language; results beyond 64 bits are
refused, so that no chain of constants grows without bound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from idlc.data import dataclass, field
from idlc.diagnostics.report import Note, Report
from idlc.language.basetypes import BASE_TYPES, POINTER_OCTETS
from idlc.semantics.memory import layout
from idlc.semantics.symbols import ERROR_SHAPE, Level, Scope, Shape, finish
from idlc.semantics.types import (
    Base,
    BaseKind,
    Binary,
    Cast,
    Conditional,
    Constant,
    EnumUse,
    Expression,
    InterfacePointer,
    Member,
    Opaque,
    PointerKind,
    StructUse,
    Unary,
    UnionUse,
    Variable,
    Void,
)
from idlc.semantics.written import suggestion
from idlc.source.files import Span
from idlc.syntax import ast

_INT = Shape((), Base(BaseKind.INT32))
_LONG_LONG = Shape((), Base(BaseKind.INT64))
_LIMIT = 1 << 64
_AT_RUN_TIME = "addresses are known at run time only"


@dataclass(frozen=True, slots=True)
class Value:
    """A bound expression and the C type it has."""

    expression: Expression
    shape: Shape

    @property
    def constant(self) -> int | None:
        return self.expression.value if isinstance(self.expression, Constant) else None


@dataclass(frozen=True, slots=True)
class Siblings:
    """What an attribute expression may name: the parameters or fields beside the one it stands on."""

    shapes: Mapping[str, Shape]
    what: str
    """parameter or field"""
    default: PointerKind | None = None
    """The pointer_default in force there."""
    object: bool = False
    """Of a method of an object interface, which can be called in its process even where it cannot be sent."""
    local: bool = False
    """Of an operation that is never sent."""
    unnamed: Sequence[str] = ()
    """Those that the IDL gives no name: what is in them can be named too."""

    def kind(self, level: Level, depth: int) -> PointerKind:
        """What kind of pointer one of a sibling's levels will be."""
        if level.kind is not None:
            return level.kind
        if self.what == "parameter" and depth == 0:
            return PointerKind.REF
        return level.default or self.default or PointerKind.UNIQUE


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a constant is needed for, as the codes that say what is wrong with one."""

    constant: str
    """The value varies."""
    integral: str
    """The value is text or has a fraction."""


_CONSTANT = Wanted("MIDL2035", "MIDL2316")
LABEL = Wanted("MIDL2066", "MIDL2067")
ENUMERATOR = Wanted("MIDL2035", "MIDL2336")
INITIALIZER = Wanted("MIDL2173", "MIDL2335")


@dataclass(slots=True)
class Expressions:
    """Binds expressions in one scope.

    `resolve` gives the shape of a type name, `fields` those of a structure, `unnamed` which of them have no name.
    """

    scope: Scope
    report: Report
    resolve: Callable[[ast.TypeName], Shape]
    fields: Callable[[str], Mapping[str, Shape]]
    unnamed: Callable[[str], Sequence[str]]
    ahead: Callable[[str, Span], bool] = lambda name, span: False
    """Binds the enumeration that has a name if it is defined further down; False if none has it."""
    beside: Mapping[str, Span] = field(default_factory=dict)
    """Where the parameters or fields stand whose declarations are being bound: variables, and so never constants."""
    pointer_octets: int = POINTER_OCTETS
    """What sizeof says of a pointer."""
    _undefined: set[str] = field(default_factory=set)
    """Names of which it has been said."""
    _wanted: Wanted = field(default_factory=lambda: _CONSTANT)
    _guarded: list[frozenset[str]] = field(default_factory=list)

    # ------------------------------------------------------------------ what callers ask for

    @contextmanager
    def apart(self) -> Iterator[None]:
        """For what is bound in between: nothing of where expressions stand now counts for it."""
        around = self.beside, self._wanted, self._guarded
        self.beside, self._wanted, self._guarded = {}, _CONSTANT, []
        yield
        self.beside, self._wanted, self._guarded = around

    def integer(self, written: ast.Argument, wanted: Wanted = _CONSTANT) -> int | None:
        """The value of a constant integer expression; None after a report."""
        before, self._wanted = self._wanted, wanted
        value = self.bind(written, None)
        self._wanted = before
        if value is None:
            return None
        return value.constant

    def sizing(self, written: ast.Argument, siblings: Siblings | None) -> Value | None:
        """An expression that counts elements; None after a report."""
        value = self.bind(written, siblings)
        say = self.report.error if siblings is None else self._unsendable(siblings)
        return value if value is not None and self._integral(value, written, "a number of elements", say) else None

    # ------------------------------------------------------------------ the tree walk

    def bind(self, written: ast.Argument, siblings: Siblings | None) -> Value | None:
        """A bound expression, constants folded; None after a report. Without siblings only constants can be named."""
        match written:
            case ast.IntegerLiteral(value=number):
                return self._checked(number, written.span)
            case ast.CharLiteral(value=number):
                return Value(Constant(number), Shape((), Base(BaseKind.WCHAR if written.wide else BaseKind.CHAR)))
            case ast.BooleanLiteral(value=truth):
                return Value(Constant(int(truth)), Shape((), Base(BaseKind.BOOLEAN)))
            case ast.NullLiteral():
                return Value(Constant(0), _INT)
            case ast.TypeName() | ast.UuidLiteral() | ast.Version() | ast.Hole() | ast.AttributeText():
                self.report.error("MIDL2316", "an expression is needed here", written.span)
                return None
            case ast.FloatLiteral() | ast.StringLiteral():
                self._not_integral("an integer is needed here", written.span, siblings)
                return None
            case ast.Identifier():
                return self._name(written, siblings)
            case ast.Parenthesized(operand=operand):
                return self.bind(operand, siblings)
            case ast.Unary():
                return self._unary(written, siblings)
            case ast.Binary():
                return self._binary(written, siblings)
            case ast.Conditional():
                return self._conditional(written, siblings)
            case ast.Cast(type=type_, operand=operand):
                value = self.bind(operand, siblings)
                return None if value is None else self._cast(self.resolve(type_), value, written.span)
            case ast.Sizeof() | ast.Alignof():
                return self._sizeof(written)
            case ast.Index():
                return self._index(written, siblings)
            case ast.Member():
                return self._member(written, siblings)

    def _checked(self, number: int, span: Span) -> Value | None:
        if not -_LIMIT < number < _LIMIT:
            self.report.error("IDLC1210", "a value of more than 64 bits", span)
            return None
        return Value(Constant(number), _INT if -(1 << 31) <= number < 1 << 32 else _LONG_LONG)

    def _name(self, written: ast.Identifier, siblings: Siblings | None) -> Value | None:
        name = written.name
        if siblings is not None and name in siblings.shapes:
            shape = siblings.shapes[name]
            if shape.is_error:
                return None
            return Value(Variable(name, 0, pointer=bool(shape.levels)), shape)
        if siblings is not None:
            unnamed = (Value(Variable(one), siblings.shapes[one]) for one in siblings.unnamed)
            if (value := self._within(unnamed, name)) is not None:
                return None if value.shape.is_error else value
        constant = self.scope.constants.get(name)
        if constant is None and name not in self.beside and self.ahead(name, written.span):
            constant = self.scope.constants.get(name)
        if constant is not None and constant.broken:
            return None
        if constant is not None:
            if constant.value is None or isinstance(constant.value, bool):
                return Value(Constant(int(constant.value or 0)), _INT)
            if isinstance(constant.value, int):
                return self._checked(constant.value, written.span)
            self._not_integral(f'"{name}" is no integer, and one is needed here', written.span, siblings)
            return None
        known = list(self.scope.constants)
        if siblings is None:
            variable = self.beside.get(name)
            type_ = self.scope.typedefs.get(name)
            if variable is not None:
                message = f'"{name}" is a variable, a constant is needed here'
                self.report.error(self._wanted.constant, message, written.span, (Note("it stands here", variable),))
            elif type_ is not None:
                message = f'"{name}" is a type, a constant is needed here'
                self.report.error(self._wanted.constant, message, written.span, (Note("its definition", type_.span),))
            elif name not in self._undefined:
                self._undefined.add(name)
                self.report.error("MIDL2009", f'undefined name "{name}"', written.span, help=suggestion(name, known))
        else:
            message = f'"{name}" is neither a {siblings.what} beside this one nor a constant'
            help_ = suggestion(name, [*siblings.shapes, *known])
            self._unsendable(siblings)("MIDL2058", message, written.span, help=help_)
        return None

    def _unsendable(self, siblings: Siblings) -> Callable[..., None]:
        """How to report what keeps a call from being sent: real object interfaces are full of it."""
        return self.report.doubtful if siblings.object or siblings.local else self.report.error

    def _not_integral(self, message: str, span: Span, siblings: Siblings | None) -> None:
        code = self._wanted.integral if siblings is None else "MIDL2316"
        self.report.error(code, message, span)

    def _unary(self, written: ast.Unary, siblings: Siblings | None) -> Value | None:
        if written.operator == "*":
            return self._dereference(self.bind(written.operand, siblings), written, siblings)
        value = self.bind(written.operand, siblings)
        if value is None:
            return None
        if written.operator == "&" and siblings is None:
            self.report.error("MIDL2036", _AT_RUN_TIME, written.span)
            return None
        if written.operator == "&":
            level = Level(True, written.span, PointerKind.REF)
            return Value(value.expression, value.shape.outer(level))
        number = value.constant
        if number is not None:
            result = {"+": number, "-": -number, "!": int(not number), "~": ~number}[written.operator]
            return self._checked(result, written.span)
        if written.operator != "!" and not self._integral(value, written.operand, "an operand"):
            return None
        return Value(Unary(written.operator, value.expression), _INT if written.operator == "!" else value.shape)

    def _dereference(self, value: Value | None, written: ast.Expression, siblings: Siblings | None) -> Value | None:
        if value is None:
            return None
        if not value.shape.levels:
            self.report.error("MIDL2030", "this is no pointer and cannot be dereferenced", written.span)
            return None
        if siblings is None:
            self.report.error("MIDL2036", _AT_RUN_TIME, written.span)
            return None
        if not isinstance(value.expression, Variable):
            self.report.error("IDLC1209", "only a name can be dereferenced in an attribute", written.span)
            return None
        variable = value.expression
        level, *rest = value.shape.levels
        kind = siblings.kind(level, variable.dereferenced)
        guarded = any(variable.name in names for names in self._guarded)
        if level.is_pointer and kind is not PointerKind.REF and not guarded and not siblings.local:
            message = f'"{variable.name}" may be NULL here, it is a {kind.value} pointer'
            field = siblings.what == "field"  # which files have that are published as they are used
            say = self.report.doubtful if field else self._unsendable(siblings)
            say("MIDL2195", message, written.span, help=f"test it: {variable.name} ? ... : 0")
            if not (siblings.object or field):
                return None
        shape = Shape(tuple(rest), value.shape.core)
        return Value(Variable(variable.name, variable.dereferenced + 1, pointer=bool(rest)), shape)

    def _binary(self, written: ast.Binary, siblings: Siblings | None) -> Value | None:
        # Long sums lean to the left; going down that side in a loop keeps the stack flat.
        spine = [written]
        while isinstance(spine[-1].left, ast.Binary):
            spine.append(spine[-1].left)
        innermost = spine[-1]
        left: Value | None
        type_ = self._cast_in_disguise(innermost)
        if type_ is not None:
            signed = ast.Unary(innermost.operator, innermost.right, innermost.right.span)
            operand = self.bind(signed, siblings)
            left = None if operand is None else self._cast(type_, operand, innermost.span)
            spine.pop()
        else:
            left = self.bind(innermost.left, siblings)
        for node in reversed(spine):
            with self._guard(left if node.operator == "&&" else None):
                right = self.bind(node.right, siblings)
            left = None if left is None or right is None else self._operate(node, left, right)
        return left

    def _cast_in_disguise(self, written: ast.Binary) -> Shape | None:
        """The type of `(NAME) - x` where NAME is a type; the parser could not know."""
        match written.left:
            case ast.Parenthesized(operand=ast.Identifier(name=name)) if written.operator in "+-*&":
                symbol = self.scope.typedefs.get(name)
                if symbol is not None and name not in self.scope.constants:
                    return symbol.shape
        return None

    def _operate(self, node: ast.Binary, left: Value, right: Value) -> Value | None:
        operator = node.operator
        a, b = left.constant, right.constant
        if operator in {"/", "%"} and b == 0:
            self.report.error("MIDL2031", "division by zero", node.right.span)
            return None
        if a is not None and b is not None:
            if operator in {"<<", ">>"} and not 0 <= b < 64:
                self.report.error("IDLC1210", f"a shift by {b} bits", node.right.span)
                return None
            return self._checked(_fold(operator, a, b), node.span)
        if operator not in {"&&", "||", "==", "!="} and not (
            self._integral(left, node.left, "an operand") and self._integral(right, node.right, "an operand")
        ):
            return None
        logical = operator in {"&&", "||", "==", "!=", "<", ">", "<=", ">="}
        shape = _INT if logical else _wider(left.shape, right.shape)
        return Value(Binary(operator, left.expression, right.expression), shape)

    def _conditional(self, written: ast.Conditional, siblings: Siblings | None) -> Value | None:
        condition = self.bind(written.condition, siblings)
        with self._guard(condition):
            then = self.bind(written.then, siblings)
            otherwise = self.bind(written.otherwise, siblings)
        if condition is None or then is None or otherwise is None:
            return None
        if condition.constant is not None:
            return then if condition.constant else otherwise
        shape = _wider(then.shape, otherwise.shape)
        return Value(Conditional(condition.expression, then.expression, otherwise.expression), shape)

    @contextmanager
    def _guard(self, condition: Value | None) -> Iterator[None]:
        """Pointers that a condition looks at may be dereferenced in what depends on it."""
        self._guarded.append(frozenset() if condition is None else names(condition.expression))
        yield
        self._guarded.pop()

    def _cast(self, shape: Shape, value: Value, span: Span) -> Value | None:
        if shape.is_error:
            return None
        if shape.levels or isinstance(shape.core, Void | Opaque | InterfacePointer):
            return Value(value.expression, shape)
        described = _integer(shape)
        if described is None:
            self.report.error("MIDL2032", "a cast to what is no integer type", span)
            return None
        bits, signed = described
        if value.constant is not None:
            return Value(Constant(wrap(value.constant, bits, signed)), shape)
        if not self._integral_shape(value.shape):
            self.report.error("MIDL2032", "a cast of what is no integer", span)
            return None
        return Value(Cast(bits, signed, value.expression), shape)

    def _sizeof(self, written: ast.Sizeof | ast.Alignof) -> Value | None:
        operand = written.operand
        if isinstance(operand, ast.Parenthesized):
            operand = operand.operand
        if isinstance(operand, ast.TypeName):
            shape = self.resolve(operand)
        elif isinstance(operand, ast.Identifier) and operand.name in self.scope.typedefs:
            shape = self.scope.typedefs[operand.name].shape
        else:
            shape = ERROR_SHAPE
            self.report.error("MIDL2203", "sizeof takes a type", written.span)
        if shape.is_error:
            return None
        if shape.levels and shape.levels[0].is_pointer:
            return Value(Constant(self.pointer_octets), _INT)
        found = layout(finish(shape, default=PointerKind.UNIQUE), self.scope.declared, self.pointer_octets)
        if found is None or not found.size:
            self.report.error("MIDL2203", "only a C compiler knows the size of this", written.span)
            return None
        return Value(Constant(found.size if isinstance(written, ast.Sizeof) else found.alignment), _INT)

    def _index(self, written: ast.Index, siblings: Siblings | None) -> Value | None:
        value = self.bind(written.operand, siblings)
        at = self.bind(written.index, siblings)
        if value is None or at is None:
            return None
        if not value.shape.levels:
            self.report.error("MIDL2033", "this is no array and has no elements", written.span)
            return None
        if at.constant == 0 and value.shape.levels[0].is_pointer:
            return self._dereference(value, written, siblings)
        self.report.error("IDLC1209", "array elements cannot be used in an attribute", written.span)
        return None

    def _member(self, written: ast.Member, siblings: Siblings | None) -> Value | None:
        value = self.bind(written.operand, siblings)
        if value is not None and written.arrow:
            value = self._dereference(value, written, siblings)
        if value is None:
            return None
        if value.shape.levels or not isinstance(value.shape.core, StructUse):
            what = "a union" if isinstance(value.shape.core, UnionUse) else "what is no structure"
            self.report.error("MIDL2034", f"a member of {what}", written.span)
            return None
        found = self._within((value,), written.name)
        if found is None:
            fields = self.fields(value.shape.core.name)
            message = f'"{value.shape.core.name}" has no field "{written.name}"'
            self.report.error("MIDL2058", message, written.span, help=suggestion(written.name, fields))
            return None
        return None if found.shape.is_error else found

    def _within(self, values: Iterable[Value], name: str) -> Value | None:
        """The field of that name in one of some structures, or in what these contain without a name."""
        for value in values:
            if value.shape.levels or not isinstance(value.shape.core, StructUse):
                continue
            record = value.shape.core.name
            fields = self.fields(record)
            if name in fields:
                return Value(Member(value.expression, name), fields[name])
            unnamed = (Value(Member(value.expression, one), fields[one]) for one in self.unnamed(record))
            if (found := self._within(unnamed, name)) is not None:
                return found
        return None

    # ------------------------------------------------------------------ what values are good for

    def _integral_shape(self, shape: Shape) -> bool:
        return not shape.levels and _integer(shape) is not None

    def _integral(
        self, value: Value, written: ast.Argument, role: str, say: Callable[..., None] | None = None
    ) -> bool:
        if self._integral_shape(value.shape):
            return True
        if isinstance(value.shape.core, Opaque) and value.shape.core.spelling.startswith("undefined type"):
            return False  # said already
        help_ = self.one_off(value, written)
        (say or self.report.error)("MIDL2059", f"{role} must be an integer", written.span, help=help_)
        return False

    def one_off(self, value: Value, written: ast.Argument) -> str | None:
        """What to do about a pointer in place of the integer that it points at; None for everything else."""
        pointee = Shape(value.shape.levels[1:], value.shape.core)
        if not value.shape.levels or not self._integral_shape(pointee):
            return None
        text = written.span.text
        return f'did you mean "*{text}"?' if isinstance(written, ast.Identifier) else f'did you mean "*({text})"?'


def names(expression: Expression) -> frozenset[str]:
    """The siblings that an expression looks at."""
    found: set[str] = set()
    pending = [expression]
    while pending:
        match pending.pop():
            case Variable(name):
                found.add(name)
            case Member(operand, _) | Unary(_, operand) | Cast(_, _, operand):
                pending.append(operand)
            case Binary(_, left, right):
                pending += (left, right)
            case Conditional(condition, then, otherwise):
                pending += (condition, then, otherwise)
            case Constant():
                pass
    return frozenset(found)


def wrap(value: int, bits: int, signed: bool) -> int:
    """A value as a C integer of that width."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if signed and value >> (bits - 1) else value


def integer_type(shape: Shape) -> tuple[int, bool] | None:
    """Bits and signedness of an integer or enumeration; None for everything else."""
    return None if shape.levels else _integer(shape)


def _integer(shape: Shape) -> tuple[int, bool] | None:
    match shape.core:
        case Base(kind):
            facts = BASE_TYPES[kind]
            return (8 * facts.octets, facts.signed) if facts.integral else None
        case EnumUse():
            return 32, True
        case _:
            return None


def _wider(left: Shape, right: Shape) -> Shape:
    a, b = _integer(left), _integer(right)
    if a is None or b is None or left.levels or right.levels:
        return left if b is None else right
    bits, signed = max(a[0], b[0], 32), not ((a[0] >= 32 and not a[1]) or (b[0] >= 32 and not b[1]))
    if bits == 64:
        return Shape((), Base(BaseKind.INT64 if signed else BaseKind.UINT64))
    return Shape((), Base(BaseKind.INT32 if signed else BaseKind.UINT32))


def _fold(operator: str, a: int, b: int) -> int:
    match operator:
        case "+":
            return a + b
        case "-":
            return a - b
        case "*":
            return a * b
        case "/":
            return _quotient(a, b)
        case "%":
            return a - b * _quotient(a, b)
        case "<<":
            return a << b
        case ">>":
            return a >> b
        case "<":
            return int(a < b)
        case ">":
            return int(a > b)
        case "<=":
            return int(a <= b)
        case ">=":
            return int(a >= b)
        case "==":
            return int(a == b)
        case "!=":
            return int(a != b)
        case "&":
            return a & b
        case "^":
            return a ^ b
        case "|":
            return a | b
        case "&&":
            return int(bool(a and b))
        case _:
            return int(bool(a or b))


def _quotient(a: int, b: int) -> int:
    """Division as C does it, towards zero."""
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient
