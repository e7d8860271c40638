"""Samba's IDL as MIDL: a tree in its dialect becomes one that means the same in Microsoft's.

What the dialect takes for granted comes from `pidl.idl` of the prelude. What it lays out by rules of its own, which are
not NDR's, becomes a type that says so and cannot be sent (`ast.BaseType` of the kind "foreign").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from idlc.data import dataclass, replace
from idlc.source.files import Span
from idlc.syntax import ast

PRELUDE: Final = "pidl.idl"
"""What every file of the dialect begins with."""

WIDTHS: Final = {
    "enum8bit": 1, "enum16bit": 2, "bitmap8bit": 1, "bitmap16bit": 2, "bitmap32bit": 4, "bitmap64bit": 8,
}  # fmt: skip
"""Octets of enumerations and bitmaps, by the attribute that says so."""

_HINTS: Final = frozenset(
    "public gensize nosize noprint nopython noheader helper pyhelper headerhelper authservice no_srv_register "
    "max_recursion print value charset bitmap context_handle represent_as relative_base nopush nopull depends size "
    "todo noopnum".split()
) | WIDTHS.keys()  # fmt: skip
"""Attributes that say nothing about octets, or are seen to here."""

_RELATIVE: Final = ("relative", "relative_short", "sptr")
_SUBCONTEXTS: Final = ("subcontext", "subcontext_size", "compression")
_SHOWN_ONLY: Final = re.compile(r"(LIBNDR_)?(FLAG_)?(NDR_)?(PAHEX|SECRET|IS_SECRET|PRINT_ARRAY_HEX)")
"""Flags that change how a value is printed, and nothing else."""

_TEXTS: Final = frozenset(
    "string nstring astring ascstring asclstr lstring string_array nstring_array u16string utf8string DATA_BLOB "
    "DATA_BLOB_REM pointer timeval timespec dom_sid0 ipv6address dns_string nbt_string wrepl_nbt_name dnsp_name "
    "dnsp_string".split()
)
"""Types of values that Samba marshals with C code, as flags tell."""

_CHARACTERS: Final = {
    "UTF16": "wchar_t",
    "DOS": "char",
    "UTF8": "char",
    "UNIX": "char",
    "ASCII": "char",
}

_PREDEFINED: Final = frozenset(["GUID", "policy_handle", "dom_sid2", "dom_sid28"])
"""What Samba's own files define and the prelude of the dialect has."""

_HANDLE: Final = "policy_handle"
_HANDLE_FIELDS: Final = "policy_handle_fields"


def translated(file: ast.File) -> ast.File:
    """The tree in MIDL's terms."""
    return _Samba(file).file()


@dataclass(slots=True)
class _Body:
    """A structure, union or enumeration that the file defines under a typedef's name alone."""

    keyword: str
    start: int


class _Samba:
    def __init__(self, file: ast.File) -> None:
        self._file = file
        self._bodies = dict(_bodies(file.body))

    def file(self) -> ast.File:
        if not self._file.body:
            return self._file
        start = Span(self._file.span.file, 0, 0)
        prelude = ast.Import((ast.StringLiteral(PRELUDE, False, PRELUDE, start),), start)
        return replace(
            self._file,
            body=(prelude, *self._statements(self._file.body, callable_=False)),
        )

    # ------------------------------------------------------------------ statements

    def _statements(self, body: Iterable[ast.Statement], *, callable_: bool) -> Iterator[ast.Statement]:
        opnum = 0
        for statement in _in_order(tuple(body)):
            match statement:
                case ast.Interface():
                    yield self._interface(statement)
                case ast.Typedef():
                    if statement.declarators[0].name not in _PREDEFINED:
                        yield self._typedef(statement)
                case ast.Declaration() if any(each.is_function for each in statement.declarators):
                    if not statement.declarators[0].is_function:
                        yield statement  # a variable and a function in one: a mistake in both languages
                    elif callable_ and "noopnum" not in _names(statement.attributes):
                        yield self._operation(statement, opnum)
                        opnum += 1
                case ast.Declaration():
                    yield self._definition(statement)
                case ast.PipeTypedef():
                    specifiers = self._specifiers(statement.specifiers, statement.attributes, None)
                    yield replace(
                        statement,
                        attributes=_kept(statement.attributes),
                        specifiers=specifiers,
                    )
                case ast.Const():
                    yield self._constant(statement)
                case _:
                    yield statement

    def _interface(self, interface: ast.Interface) -> ast.Interface:
        """An interface without a uuid has functions for Samba's `ndrdump`, which nobody can call."""
        callable_ = "uuid" in _names(interface.attributes)
        body = tuple(self._statements(interface.body, callable_=callable_))
        return replace(interface, attributes=_kept(interface.attributes), body=body)

    def _typedef(self, typedef: ast.Typedef) -> ast.Typedef:
        names = _names(typedef.attributes)
        called = typedef.declarators[0].name
        specifiers = self._specifiers(typedef.specifiers, typedef.attributes, called)
        attributes = _kept(typedef.attributes)
        if isinstance(specifiers.type, ast.Union):
            attributes = self._selected(attributes, names, specifiers.span)
        return replace(typedef, attributes=attributes, specifiers=specifiers)

    def _definition(self, definition: ast.Declaration) -> ast.Declaration:
        specifiers = self._specifiers(definition.specifiers, definition.attributes, None)
        attributes = _kept(definition.attributes)
        if isinstance(specifiers.type, ast.Union):
            attributes = self._selected(attributes, _names(definition.attributes), specifiers.span)
        return replace(definition, attributes=attributes, specifiers=specifiers)

    def _selected(
        self, attributes: tuple[ast.Attribute, ...], names: frozenset[str], span: Span
    ) -> tuple[ast.Attribute, ...]:
        """A union's attributes with the type of what selects, which is 32 bits wide unless it is said."""
        if names & {"switch_type", "nodiscriminant"}:
            return attributes
        number = ast.Specifiers(ast.BaseType("uint32", "uint32", span), (), span)
        type_ = ast.TypeName(number, ast.Declarator(None, (), span, span), span)
        return (*attributes, ast.Attribute("switch_type", (type_,), span, True))

    def _constant(self, constant: ast.Const) -> ast.Const:
        type_ = constant.specifiers.type
        if not isinstance(type_, ast.NamedType) or type_.name not in _TEXTS:
            if any(each.derivations for each in constant.declarators):
                return constant
            # It becomes a macro, which knows no width.
            number = ast.BaseType("int64", "hyper", type_.span)
            return replace(constant, specifiers=replace(constant.specifiers, type=number))
        characters = replace(constant.specifiers, type=ast.BaseType("char", "char", type_.span))
        declarators = tuple(replace(each, derivations=(ast.Pointer((), each.span),)) for each in constant.declarators)
        return replace(constant, specifiers=characters, declarators=declarators)

    def _operation(self, operation: ast.Declaration, opnum: int) -> ast.Declaration:
        """An operation; one that is to be written one day only takes its number."""
        names = _names(operation.attributes)
        declarator = operation.declarators[0]
        function = declarator.derivations[0]
        assert isinstance(function, ast.Function)
        if "todo" in names:
            nothing = replace(
                operation.specifiers,
                type=ast.BaseType("void", "void", operation.specifiers.span),
            )
            empty = replace(
                declarator,
                name=f"Opnum{opnum}NotUsedOnWire",
                derivations=(replace(function, parameters=(), variadic=False),),
            )
            return replace(operation, attributes=(), specifiers=nothing, declarators=(empty,))
        beside = frozenset(each.declarator.name or "" for each in function.parameters)
        why = _by_hand(names)
        parameters = tuple(self._parameter(each, beside, why) for each in function.parameters)
        return replace(
            operation,
            attributes=_kept(operation.attributes),
            specifiers=self._specifiers(operation.specifiers, operation.attributes, None),
            declarators=(replace(declarator, derivations=(replace(function, parameters=parameters),)),),
        )

    def _parameter(self, parameter: ast.Parameter, beside: frozenset[str], why: str | None) -> ast.Parameter:
        names = _names(parameter.attributes)
        declarator = parameter.declarator
        attributes = _kept(parameter.attributes)
        written = parameter.specifiers
        why = why or _strange(parameter.attributes, written, (declarator,), beside)
        if why is not None:
            return replace(
                parameter,
                attributes=_essential(attributes),
                specifiers=_foreign(written, why),
                declarator=replace(declarator, derivations=()),
            )
        if _is_handle(written):
            stars = len(declarator.derivations) == 1 and isinstance(declarator.derivations[0], ast.Pointer)
            if stars and not names & {"unique", "ptr", "size_is"}:
                if "out" not in names:
                    declarator = replace(declarator, derivations=())
                    attributes = tuple(each for each in attributes if each.name != "ref")
                return replace(parameter, attributes=attributes, declarator=declarator)
        attributes, declarator = _returned(attributes, declarator)
        specifiers = self._specifiers(written, parameter.attributes, None)
        return replace(
            parameter,
            attributes=attributes,
            specifiers=specifiers,
            declarator=declarator,
        )

    # ------------------------------------------------------------------ types

    def _specifiers(
        self,
        specifiers: ast.Specifiers,
        attributes: Sequence[ast.Attribute],
        called: str | None,
    ) -> ast.Specifiers:
        """The specifiers in MIDL's terms; `called` is the typedef's name, which is a tag too."""
        names = _names(attributes)
        written = specifiers.type
        match written:
            case ast.Struct():
                fields = self._members(written.fields, attributes)
                made: ast.TypeSpecifier = replace(written, name=written.name or called, fields=fields, attributes=())
            case ast.Union():
                made = replace(written, name=written.name or called, fields=self._members(written.fields, attributes))
            case ast.Enum():
                octets = next((WIDTHS[name] for name in WIDTHS if name in names), None)
                flags = "bitmap" in names or any(name.startswith("bitmap") for name in names)
                made = replace(
                    written,
                    name=written.name or called,
                    octets=octets or (4 if flags else None),
                    flags=flags,
                )
            case ast.NamedType(name=name) if _characters(attributes) is not None and name in ("uint16", "uint8"):
                kind = _characters(attributes) or ""
                made = ast.BaseType(kind, kind, written.span)
            case ast.NamedType(name=name) if name == _HANDLE:
                made = replace(written, name=_HANDLE_FIELDS)
            case ast.NamedType(name=name) if name in _TEXTS:
                return _foreign(specifiers, f'a "{name}", marshalled by C code')
            case ast.NamedType(name=name, span=span) if name in self._bodies and span.start < self._bodies[name].start:
                made = _REFERENCES[self._bodies[name].keyword](name, span)
            case ast.BaseType(kind="int64", spelling="hyper"):
                made = replace(written, kind="uint64")
            case _:
                made = written
        return specifiers if made is written else replace(specifiers, type=made)

    def _members(self, written: Sequence[ast.Field | ast.EmptyArm], attributes: Sequence[ast.Attribute]) -> Any:
        """The members of a structure or union with these attributes.

        The last one cannot be sent if the whole has a layout of its own.
        """
        members = list(self._fields(written))
        names = _names(attributes)
        why = _by_hand(names) or _flags(attributes)
        if "nodiscriminant" in names:
            why = "in a union without a discriminant, [nodiscriminant]"
        last = next((at for at in reversed(range(len(members))) if isinstance(members[at], ast.Field)), None)
        if why is not None and last is not None:
            members[last] = _foreign_field(members[last], why)
        return tuple(members)

    def _fields(self, fields: Sequence[ast.Field | ast.EmptyArm]) -> Iterator[Any]:
        """Fields and arms in MIDL's terms, less what Samba skips."""
        seen: set[str] = set()
        foreign: set[str] = set()
        beside = frozenset(
            declarator.name or ""
            for field in fields
            if isinstance(field, ast.Field)
            for declarator in field.declarators
        )
        for at, field in enumerate(fields):
            if isinstance(field, ast.EmptyArm):
                yield replace(field, attributes=_kept(field.attributes))
                continue
            field = _renamed(field, seen)
            names = _names(field.attributes)
            if names & {"skip", "skip_noinit"}:
                continue
            blob = _blob(field, fields)
            if blob is not None:
                yield blob
                continue
            why = _strange(field.attributes, field.specifiers, field.declarators, beside)
            if why is None and at + 1 < len(fields) and not names & {"case", "default"}:
                why = _unended(field)
            if why is None:
                why = _told_by(field.attributes, foreign)
            if why is not None:
                foreign.update(declarator.name or "" for declarator in field.declarators)
                yield _foreign_field(field, why)
                continue
            specifiers = self._specifiers(field.specifiers, field.attributes, None)
            made = replace(
                field,
                attributes=_fieldwise(_kept(field.attributes)),
                specifiers=specifiers,
            )
            if isinstance(specifiers.type, ast.BaseType) and specifiers.type.kind == "foreign":
                foreign.update(declarator.name or "" for declarator in field.declarators)
                made = _foreign_field(field, specifiers.type.spelling)
            yield made


_REFERENCES: Final[dict[str, Callable[[str, Span], ast.TypeSpecifier]]] = {
    "struct": ast.StructReference,
    "union": ast.UnionReference,
    "enum": ast.EnumReference,
}


def _in_order(body: tuple[ast.Statement, ...]) -> Iterator[ast.Statement]:
    """The statements, each enumeration and constant behind those whose values it uses."""
    defining = {name: at for at, statement in enumerate(body) for name in _valued(statement)}
    given: set[int] = set()

    def given_after(at: int) -> Iterator[ast.Statement]:
        if at not in given:
            given.add(at)
            for name in _used(body[at]):
                if defining.get(name, 0) > at:
                    yield from given_after(defining[name])
            yield body[at]

    for at in range(len(body)):
        yield from given_after(at)


def _valued(statement: ast.Statement) -> Iterator[str]:
    """The names of values that a statement defines."""
    match statement:
        case ast.Const():
            yield from (each.name or "" for each in statement.declarators)
        case ast.Typedef(specifiers=specifiers) | ast.Declaration(specifiers=specifiers):
            if isinstance(specifiers.type, ast.Enum):
                yield from (each.name for each in specifiers.type.enumerators)


def _used(statement: ast.Statement) -> Iterator[str]:
    """The names that a statement's values are made of."""
    values: list[object] = []
    match statement:
        case ast.Const():
            values += [each.initializer for each in statement.declarators]
        case ast.Typedef(specifiers=specifiers) | ast.Declaration(specifiers=specifiers):
            if isinstance(specifiers.type, ast.Enum):
                values += [each.value for each in specifiers.type.enumerators]
    while values:
        match values.pop():
            case ast.Identifier(name=name):
                yield name
            case ast.Binary(left=left, right=right):
                values += [left, right]
            case ast.Unary(operand=operand) | ast.Parenthesized(operand=operand) | ast.Cast(operand=operand):
                values.append(operand)
            case _:
                pass


def _bodies(body: Iterable[ast.Statement]) -> Iterator[tuple[str, _Body]]:
    """What the file's typedefs define: Samba's order of definitions does not matter."""
    for statement in body:
        if isinstance(statement, ast.Interface):
            yield from _bodies(statement.body)
        elif isinstance(statement, ast.Typedef):
            keyword = _keyword(statement.specifiers.type)
            name = statement.declarators[0].name
            if keyword and name:
                yield name, _Body(keyword, statement.span.end)


def _keyword(type_: ast.TypeSpecifier) -> str:
    match type_:
        case ast.Struct():
            return "struct"
        case ast.Union():
            return "union"
        case ast.Enum():
            return "enum"
        case _:
            return ""


def _names(attributes: Iterable[ast.Attribute]) -> frozenset[str]:
    return frozenset(each.name for each in attributes)


def _kept(attributes: Iterable[ast.Attribute]) -> tuple[ast.Attribute, ...]:
    """The attributes that are MIDL's."""
    return tuple(
        each
        for each in attributes
        if each.name not in _HINTS
        and each.name not in ("flag", "nodiscriminant", "to_null", "noprint")
        and each.name not in _RELATIVE
        and each.name not in _SUBCONTEXTS
    )


def _characters(attributes: Iterable[ast.Attribute]) -> str | None:
    """The type of a character, as `charset` says it."""
    for each in attributes:
        if each.name == "charset" and each.arguments and isinstance(each.arguments[0], ast.Identifier):
            return _CHARACTERS.get(each.arguments[0].name)
    return None


def _is_handle(specifiers: ast.Specifiers) -> bool:
    return isinstance(specifiers.type, ast.NamedType) and specifiers.type.name == _HANDLE


def _by_hand(names: frozenset[str]) -> str | None:
    return "marshalled by C code, [nopush, nopull]" if names & {"nopush", "nopull"} else None


def _flags(attributes: Iterable[ast.Attribute]) -> str | None:
    """What a `flag` that changes octets makes of a value."""
    for each in attributes:
        if each.name == "flag":
            text = "".join(each_.value for each_ in each.arguments if isinstance(each_, ast.StringLiteral))
            if not all(_SHOWN_ONLY.fullmatch(word.strip("() ")) for word in text.split("|")):
                return f"laid out by [flag({text})]"
    return None


def _strange(
    attributes: Sequence[ast.Attribute],
    specifiers: ast.Specifiers,
    declarators: Sequence[ast.Declarator],
    beside: frozenset[str],
) -> str | None:
    """Why a field or parameter is not laid out as NDR has it; None if it is."""
    names = _names(attributes)
    for name in _RELATIVE:
        if name in names:
            return f"a pointer that counts from a place in the buffer, [{name}]"
    if names & set(_SUBCONTEXTS):
        return "packed into a blob of its own, [subcontext]"
    if "nodiscriminant" in names:
        return "in a union without a discriminant, [nodiscriminant]"
    if {"size_is", "switch_is"} <= names:
        return "an array of unions that one value selects"
    if "ignore" in names and not any(declarator.derivations for declarator in declarators):
        return "no pointer, and [ignore]"
    if "to_null" in names:
        return "an array that ends where a zero is, [to_null]"
    strange = _flags(attributes)
    if strange is not None:
        return strange
    for each in attributes:
        if each.name not in ("value", "flag") and any(isinstance(x, ast.StringLiteral) for x in each.arguments):
            return f"told by C code, [{each.name}]"
    for declarator in declarators:
        for derivation in declarator.derivations:
            if isinstance(derivation, ast.Array) and _looks_at(derivation.upper, beside):
                return "an array whose count does not travel with it, for lack of size_is"
    return None


def _unended(field: ast.Field) -> str | None:
    """What an array makes of a structure in which something follows it."""
    for declarator in field.declarators:
        first = declarator.derivations[0] if declarator.derivations else None
        if isinstance(first, ast.Array) and first.upper is None:
            return "an array without end in the middle of a structure"
    return None


def _told_by(attributes: Iterable[ast.Attribute], foreign: set[str]) -> str | None:
    """Why a field cannot be told if what its attributes look at is not laid out as NDR has it."""
    for each in attributes:
        if each.name in ("size_is", "length_is", "switch_is") and any(_looks_at(x, foreign) for x in each.arguments):
            return "told by what is not NDR itself"
    return None


def _blob(field: ast.Field, beside: Sequence[ast.Field | ast.EmptyArm]) -> ast.Field | None:
    """A pointer to a [subcontext(4)] as octets, if something beside it says how many there are; else None.

    Such a blob has its length before it as a conformant array has its count.
    """
    arguments = {each.name: each.arguments for each in field.attributes}
    declarator = field.declarators[0] if len(field.declarators) == 1 else None
    stars = declarator is not None and [type(each) for each in declarator.derivations] == [ast.Pointer]
    if not stars or declarator is None or _text(arguments.get("subcontext", ())) != "4":
        return None
    if arguments.keys() - {"subcontext", "subcontext_size", "unique", "ref", "ptr"}:
        return None
    count = _text(arguments.get("subcontext_size", ()))
    if not count:
        count = next(
            (name for name, text in _values(beside) if _computes(text, declarator.name or "")),
            "",
        )
    elif not any(name == count for name in _field_names(beside)):
        return None
    if not count:
        return None
    span = declarator.span
    size = ast.Attribute("size_is", (ast.Identifier(count, span),), span, True)
    kept = tuple(each for each in field.attributes if each.name in ("unique", "ref", "ptr"))
    octets = replace(field.specifiers, type=ast.BaseType("byte", "byte", field.specifiers.span))
    return replace(field, attributes=(size, *kept), specifiers=octets)


def _computes(text: str, name: str) -> bool:
    """Whether C code gives the size of what is called `name`."""
    return re.match(rf"ndr_size_\w+\({name},", text) is not None


def _values(fields: Iterable[ast.Field | ast.EmptyArm]) -> Iterator[tuple[str, str]]:
    """The names of fields that are computed, and the C code that does it."""
    for field in fields:
        if isinstance(field, ast.Field) and field.declarators:
            for each in field.attributes:
                if each.name == "value":
                    yield field.declarators[0].name or "", _text(each.arguments)


def _field_names(fields: Iterable[ast.Field | ast.EmptyArm]) -> Iterator[str]:
    for field in fields:
        if isinstance(field, ast.Field):
            yield from (declarator.name or "" for declarator in field.declarators)


def _text(arguments: Sequence[ast.Argument]) -> str:
    return "".join(each.value for each in arguments if isinstance(each, ast.StringLiteral))


def _fieldwise(attributes: tuple[ast.Attribute, ...]) -> tuple[ast.Attribute, ...]:
    """The attributes of a field or an arm: directions say nothing there, and an arm's ref pointer is as any other."""
    arm = bool(_names(attributes) & {"case", "default"})
    return tuple(
        replace(each, name="unique") if arm and each.name == "ref" else each
        for each in attributes
        if each.name not in ("in", "out")
    )


def _looks_at(expression: object, beside: frozenset[str] | set[str]) -> bool:
    """Whether an expression uses one of the names beside it."""
    match expression:
        case ast.Identifier(name=name):
            return name in beside
        case ast.Binary(left=left, right=right):
            return _looks_at(left, beside) or _looks_at(right, beside)
        case ast.Unary(operand=operand) | ast.Parenthesized(operand=operand) | ast.Cast(operand=operand):
            return _looks_at(operand, beside)
        case ast.Member() | ast.Index() | ast.StringLiteral():
            return True
        case _:
            return False


def _returned(
    attributes: tuple[ast.Attribute, ...], declarator: ast.Declarator
) -> tuple[tuple[ast.Attribute, ...], ast.Declarator]:
    """A parameter that goes out by a pointer that may be null: MIDL wants one more to put it behind."""
    names = _names(attributes)
    if "out" in names and not declarator.derivations:
        declarator = replace(declarator, derivations=(ast.Pointer((), declarator.span),))
    if {"ref", "unique"} <= names:
        attributes = tuple(each for each in attributes if each.name != "unique")
    elif "out" in names and "in" not in names and "unique" in names:
        hole = ast.Hole(declarator.span)
        attributes = tuple(
            (replace(each, arguments=(hole, *each.arguments)) if each.name in _SIZES else each)
            for each in attributes
            if each.name != "unique"
        )
        declarator = replace(
            declarator,
            derivations=(ast.Pointer((), declarator.span), *declarator.derivations),
        )
    return attributes, declarator


_SIZES: Final = frozenset(["size_is", "length_is"])


def _foreign_field(field: ast.Field, why: str) -> ast.Field:
    return replace(
        field,
        attributes=_essential(field.attributes),
        specifiers=_foreign(field.specifiers, why),
        declarators=tuple(replace(each, derivations=()) for each in field.declarators),
    )


def _essential(attributes: Iterable[ast.Attribute]) -> tuple[ast.Attribute, ...]:
    """What an attribute list says that has nothing to do with the type."""
    return tuple(each for each in attributes if each.name in ("in", "out", "case", "default"))


def _renamed(field: ast.Field, seen: set[str]) -> ast.Field:
    """An arm under a name of its own: Samba's unions may have several of one name, a number makes them differ."""
    declarators = []
    for each in field.declarators:
        name, number = each.name, 1
        while name in seen:
            number += 1
            name = f"{each.name}_{number}"
        seen.add(name or "")
        declarators.append(each if name == each.name else replace(each, name=name))
    return replace(field, declarators=tuple(declarators))


def _foreign(specifiers: ast.Specifiers, why: str) -> ast.Specifiers:
    return replace(specifiers, type=ast.BaseType("foreign", why, specifiers.span))
