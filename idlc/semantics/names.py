"""What structures, unions and enumerations are called: decided before anything is bound.

A record's name is the first typedef of its tag that adds nothing to it, else the tag. `struct _NODE *next`
inside the body must already mean NODE, so the typedefs of a file are looked through first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from idlc.data import dataclass, field
from idlc.language.typelibs import source_of
from idlc.source.files import Span
from idlc.syntax import ast

_TAGGED = (
    ast.Struct
    | ast.StructReference
    | ast.Union
    | ast.UnionReference
    | ast.EncapsulatedUnion
    | ast.Enum
    | ast.EnumReference
)


@dataclass(slots=True)
class TagNames:
    """Names by tag, further names by tag, and all names that typedefs of the file define."""

    names: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, tuple[str, ...]] = field(default_factory=dict)
    typedefs: set[str] = field(default_factory=set)
    keywords: dict[str, str] = field(default_factory=dict)
    """By the tags of structures and unions that typedefs of the file define, what they are the tags of."""

    def name(self, tag: str) -> str:
        """What a record of the file with that tag is called."""
        given = self.names.get(tag)
        if given is not None:
            return given
        # A typedef of the same name that means something else keeps the name for itself.
        return f"{tag}_" if tag in self.typedefs else tag


PRESENTED = frozenset({"transmit_as", "wire_marshal"})
"""Attributes that make a typedef stand for something else than the type it is written with."""


def plain_names(declarators: Iterable[ast.Declarator]) -> list[str]:
    """Names that are the type itself: no pointer, array or function around it."""
    return [d.name for d in declarators if d.name is not None and not d.derivations]


def collect(body: Iterable[ast.Statement]) -> TagNames:
    found = TagNames()
    for typedef in typedefs(body):
        found.typedefs.update(d.name for d in typedef.declarators if d.name is not None)
        specifier = typedef.specifiers.type
        if isinstance(specifier, ast.Struct | ast.Union) and specifier.name is not None:
            found.keywords[specifier.name] = "struct" if isinstance(specifier, ast.Struct) else "union"
        if not isinstance(specifier, _TAGGED) or specifier.name is None:
            continue
        if PRESENTED & {attribute.name for attribute in typedef.attributes}:
            continue
        plain = plain_names(typedef.declarators)
        if plain and specifier.name not in found.names:
            found.names[specifier.name] = plain[0]
            further = [name for name in (specifier.name, *plain[1:]) if name != plain[0]]
            found.aliases[specifier.name] = tuple(dict.fromkeys(further))
    return found


def typedefs(body: Iterable[ast.Statement]) -> Iterator[ast.Typedef]:
    """All typedefs of a file, those inside interfaces included, in source order."""
    for statement in body:
        match statement:
            case ast.Typedef():
                yield statement
            case ast.Interface() | ast.Library() | ast.Module():
                yield from typedefs(statement.body)
            case _:
                pass


def enumerators(body: Iterable[ast.Statement]) -> dict[str, tuple[ast.Typedef, Span]]:
    """The enumerators of all typedefs of a file, each with the typedef that has it and its place."""
    return {
        enumerator.name: (typedef, enumerator.name_span)
        for typedef in typedefs(body)
        if isinstance(typedef.specifiers.type, ast.Enum)
        for enumerator in typedef.specifiers.type.enumerators
    }


def interfaces(body: Iterable[ast.Statement]) -> dict[str, ast.Interface]:
    """The interfaces of a file by name, those in its libraries included."""
    found: dict[str, ast.Interface] = {}
    for statement in body:
        match statement:
            case ast.Interface(name=name):
                found.setdefault(name, statement)
            case ast.Library():
                found |= interfaces(statement.body)
            case _:
                pass
    return found


def imports(body: Iterable[ast.Statement]) -> set[str]:
    """The names of the files that a file imports."""
    found: set[str] = set()
    for statement in body:
        match statement:
            case ast.Import(files=files):
                found |= {file.value for file in files}
            case ast.Interface() | ast.Library():
                found |= imports(statement.body)
            case _:
                pass
    return found


def typelibs(body: Iterable[ast.Statement]) -> set[str]:
    """The names of the files that stand for the type libraries that a file names."""
    found: set[str] = set()
    for statement in body:
        match statement:
            case ast.Importlib(file=file):
                found.add(source_of(file.value))
            case ast.Library():
                found |= typelibs(statement.body)
            case _:
                pass
    return found
