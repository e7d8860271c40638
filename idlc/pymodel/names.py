"""How the names of one file are spelled in Python, everywhere in its modules; and which a reader would not guess.

A type is spelled the same in every module that uses it, so its name depends on the file that defines it alone. What is
derived from a name (clients, results ...) gives way to what the IDL names itself.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import Final

from idlc.data import dataclass
from idlc.language.python_names import python_name, python_names
from idlc.pymodel import com
from idlc.semantics import types as t
from idlc.source.files import Span
from idlc.wire.plan import is_pipe

ENUM_ATTRIBUTES: Final = frozenset(dir(int)) | {"name", "of", "member", "members", "_name", "_values"}
"""What an enumeration has besides its members."""
INTERFACE_ATTRIBUTES: Final = frozenset(
    ["interface", "_begin", "_call", "_channel", "_object", "_timeout", "_callbacks", "_of", "_abc_impl"]
)
"""What a client or service has besides its operations."""
CALL_ATTRIBUTES: Final = frozenset(["cancel", "complete", "done", "handle", "_exchange", "_hold", "_is_handled"])
"""What a call object has besides its pipes."""


@dataclass(frozen=True, slots=True)
class Renamed:
    """A name that is not what a reader would expect."""

    wish: str
    spelled: str
    span: Span
    """What has the name in the IDL."""
    outer: bool
    """Whether it is a name of the module, not one inside of something else."""

    @property
    def reason(self) -> str:
        taken = self.outer and python_name(self.wish) == self.wish
        return f'there is another "{self.wish}"' if taken else "the name has a meaning there"


class Spelling:
    """Hands out the names of one module."""

    def __init__(self, bound: t.BoundFile) -> None:
        self._bound = bound
        self._homes: dict[str, Mapping[str, str]] = {}
        self._taken: set[str] = set()
        self.names: dict[str, str] = {}
        """Names at module level, by a key that tells the kinds apart."""
        self._renamed: dict[tuple[str, str], Renamed] = {}
        self._types()

    def give(self, key: str, wish: str, span: Span, *, otherwise: str = "") -> None:
        """Name something at module level: as wished, or `otherwise` where that is taken, or with underscores behind."""
        if key in self.names:
            return
        name = python_name(wish)
        if name in self._taken and otherwise and python_name(otherwise) not in self._taken:
            name = python_name(otherwise)
        while name in self._taken:
            name += "_"
        self._set(key, wish, name, span)

    def scope(self, given: Mapping[str, Span], reserved: Iterable[str] = ()) -> dict[str, str]:
        """The spellings of names that are told apart by what they belong to: fields, members, operations."""
        spelled = python_names(tuple(given), frozenset(reserved))
        for name, span in given.items():
            self._note(name, spelled[name], span, outer=False)
        return spelled

    def _note(self, wish: str, spelled: str, span: Span, *, outer: bool) -> None:
        if wish != spelled:
            self._renamed.setdefault((wish, spelled), Renamed(wish, spelled, span, outer))

    def renamed(self, exports: Container[str]) -> list[Renamed]:
        """The names that are spelled otherwise, each once; of the module's own those that it exports."""
        return [one for one in self._renamed.values() if not one.outer or one.spelled in exports]

    def at_home(self, name: str, origin: str) -> str:
        """How the module of the file that defines a type spells it."""
        return self._home(origin)[name]

    def class_at_home(self, name: str, origin: str) -> str:
        """The same of an object interface or component class."""
        types = set(self._home(origin).values())
        spelled = python_name(name)
        while spelled in types:
            spelled += "_"
        return spelled

    def _home(self, origin: str) -> Mapping[str, str]:
        if not self._homes:
            there: dict[str, list[str]] = {}
            for one in self._bound.declared.values():
                there.setdefault(one.origin, []).append(one.name)
            self._homes = {file: python_names(tuple(names)) for file, names in there.items()}
        return self._homes.get(origin, {})

    def _types(self) -> None:
        """Name every type and interface that is visible: the file's own first, as nothing may change their names."""
        bound = self._bound
        own = [one for one in bound.declared.values() if one.origin == bound.name]
        foreign = [one for one in bound.declared.values() if one.origin != bound.name]
        for declared in own:
            self._set(f"type {declared.name}", declared.name, self.at_home(declared.name, bound.name), declared.span)
        classes = com.spans(bound)
        for name, span in classes.items():
            if not span.is_none:
                self._set(f"class {name}", name, self.class_at_home(name, bound.name), span)
        for declared in foreign:
            spelled = self.at_home(declared.name, declared.origin)
            while spelled in self._taken:
                spelled += "_"
            self._set(f"type {declared.name}", spelled, spelled, declared.span)
        for name in classes:
            self.give(f"class {name}", name, Span.none())

    def _set(self, key: str, wish: str, name: str, span: Span) -> None:
        self._taken.add(name)
        self.names[key] = name
        if not span.is_none:
            self._note(wish, name, span, outer=True)


def gives_several(interface: t.Interface, operation: t.Operation) -> bool:
    """Whether an operation has a class for what it gives back."""
    found = [p for p in operation.parameters if p.is_out and is_pipe(p.type) is None]
    outputs = sum(not isinstance(t.behind_ref(p.type), t.BindingHandle) for p in found)
    result = not isinstance(operation.result, t.Void) and not operation.serialized
    if gives_value(interface, operation):
        return False
    return outputs + result + len(operation.hidden_statuses) > 1


def gives_value(interface: t.Interface, operation: t.Operation) -> bool:
    """Whether a method of an object gives what it calculates, as its HRESULT says nothing but that it could.

    That is so where [retval] is its only output.
    """
    outputs = [parameter for parameter in operation.parameters if parameter.is_out]
    said = isinstance(operation.result, t.Base) and operation.result.kind is t.BaseKind.INT32
    return interface.object and said and len(outputs) == 1 and "retval" in outputs[0].words


def is_begun(operation: t.Operation) -> bool:
    """Whether a call of an operation is an object of a class of its own."""
    return operation.is_async or any(is_pipe(p.type) is not None for p in operation.parameters)
