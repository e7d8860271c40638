"""How object interfaces, component classes and libraries look in Python: classes that hold identities.

Methods are none of this module's business: a class says which interface it is and what it derives from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from uuid import UUID

from idlc.data import dataclass
from idlc.language.python_names import python_name
from idlc.pymodel.model import ComInterface, ComMethods, ComponentClass, TypeLibrary
from idlc.pymodel.text import docstring, literal, one_line, tuple_of
from idlc.semantics import types as t
from idlc.source.files import Span

ROOT = "IUnknown"
WELL_KNOWN: Final = {
    "ICallFactory": UUID("1c733a30-2a1c-11ce-ade5-00aa0044773d"),
    "ICancelMethodCalls": UUID("00000029-0000-0000-c000-000000000046"),
    "IClientSecurity": UUID("0000013d-0000-0000-c000-000000000046"),
    "IMessageFilter": UUID("00000016-0000-0000-c000-000000000046"),
    "ISynchronize": UUID("00000030-0000-0000-c000-000000000046"),
    "ISynchronizeContainer": UUID("00000033-0000-0000-c000-000000000046"),
    "ISynchronizeEvent": UUID("00000032-0000-0000-c000-000000000046"),
    "ISynchronizeHandle": UUID("00000031-0000-0000-c000-000000000046"),
}
"""Interfaces whose classes the runtime has; a module only gives them another home."""
ATTRIBUTES: Final = frozenset(
    "IID DISPIDS INTERFACE METHODS SYNCHRONOUS QueryInterface AddRef Release".split()
    + "aggregate final_release may_have remote _call _begin _finish _abc_impl".split()
)
"""What an object has besides its methods."""


def uuid_literal(value: UUID | None) -> str:
    """What makes that UUID; nothing for none."""
    return "" if value is None else f'UUID("{value}")'


def has_root(bound: t.BoundFile) -> bool:
    """Whether the file itself defines IUnknown."""
    return any(i.name == ROOT and i.base is None for i in object_interfaces(bound))


def well_known(interface: t.Interface) -> bool:
    """Whether the runtime has the class of an interface that is not the root."""
    return interface.uuid is not None and WELL_KNOWN.get(interface.name) == interface.uuid


def object_interfaces(bound: t.BoundFile) -> tuple[t.Interface, ...]:
    """What becomes a class: interfaces with an identity of their own or something to derive from."""
    return tuple(i for i in bound.interfaces if i.object)


def inherited(bound: t.BoundFile, interface: t.Interface) -> frozenset[str]:
    """What the methods of an interface's bases are called in Python: a method of the same name would take its place."""
    scope = bound.scope
    base = scope.interfaces.get(interface.base) if scope is not None and interface.base is not None else None
    names = [python_name(name) for name in base.methods] if base is not None else []
    alike = Counter(name.rstrip("_") for name in names)
    return frozenset(name + "_" * number for name in names for number in range(alike[name.rstrip("_")]))


def spans(bound: t.BoundFile) -> dict[str, Span]:
    """The IDL names of all interfaces and component classes that a module defines, with their places, or mentions."""
    own = {interface.name: interface.span for interface in object_interfaces(bound)}
    own |= {coclass.name: coclass.span for coclass in bound.coclasses}
    mentioned = [i.base for i in object_interfaces(bound) if i.base is not None and i.base != ROOT]
    mentioned += [i.wraps for i in object_interfaces(bound) if i.wraps is not None]
    mentioned += [member.name for coclass in bound.coclasses for member in coclass.members]
    mentioned += pointed(bound)
    return dict.fromkeys(mentioned, Span.none()) | own


def pointed(bound: t.BoundFile) -> list[str]:
    """The complete interfaces that the file's own types and methods have pointers to."""
    pending: list[t.Type] = []
    for interface in bound.interfaces:
        if not interface.synchronous:
            pending += [parameter.type for operation in interface.operations for parameter in operation.parameters]
    for declared in bound.declarations:
        match declared:
            case t.Struct(fields=fields):
                pending += [field.type for field in fields]
            case t.Union(arms=arms):
                pending += [arm.type for arm in arms if arm.type is not None]
            case t.Alias(type=type_):
                pending.append(type_)
            case _:
                pass
    found: dict[str, None] = {}
    while pending:
        match pending.pop():
            case t.InterfacePointer(interface=str(name)):
                found[name] = None
            case t.Presented(type=inner) | t.Pointer(target=inner) | t.Array(element=inner):
                pending.append(inner)
            case _:
                pass
    symbols = bound.scope.interfaces if bound.scope is not None else {}
    return sorted(name for name in found if name != ROOT and name in symbols and symbols[name].complete)


@dataclass(frozen=True, slots=True)
class Classes:
    """Makes the classes of one file. `named` gives the class of an interface and notes its use, by name and origin."""

    bound: t.BoundFile
    named: Callable[[str, str], str]
    called: Callable[[t.Interface], ComMethods]

    def interfaces(self) -> tuple[ComInterface, ...]:
        found = []
        for interface in object_interfaces(self.bound):
            if interface.name == ROOT and interface.base is None:
                continue  # the runtime has it; this module only gives it another home
            if well_known(interface):
                continue
            keyword = "dispinterface" if interface.dispatch else "interface"
            found.append(
                ComInterface(
                    name=self.named(interface.name, self.bound.name),
                    base=self._base(interface),
                    doc=docstring(interface.doc.heading or f"{keyword} {interface.name}.", 4),
                    iid=uuid_literal(interface.uuid),
                    synchronous=self.named(interface.synchronous, self.bound.name) if interface.synchronous else "",
                    identities=self._identities(interface),
                    called=self.called(interface),
                )
            )
        return tuple(found)

    def components(self) -> tuple[ComponentClass, ...]:
        return tuple(
            ComponentClass(
                name=self.named(coclass.name, self.bound.name),
                doc=docstring(coclass.doc.heading or f"coclass {coclass.name}.", 4),
                clsid=uuid_literal(coclass.uuid),
                interfaces=self._members([m for m in coclass.members if not m.source]),
                sources=self._members([m for m in coclass.members if m.source]),
                unknown=one_line(", ".join(member.name for member in coclass.members if not member.origin)),
            )
            for coclass in self.bound.coclasses
        )

    def libraries(self, names: Mapping[str, str]) -> tuple[TypeLibrary, ...]:
        """The libraries; `names` has their Python names, as a library may be called like a class in it."""
        return tuple(
            TypeLibrary(
                name=names[f"library {library.name}"],
                doc=docstring(library.doc.heading or f"library {library.name}.", 4),
                libid=uuid_literal(library.uuid),
                version=f"({library.version[0]}, {library.version[1]})",
            )
            for library in self.bound.libraries
        )

    def _base(self, interface: t.Interface) -> str:
        if interface.base is None:
            return "com.Interface"
        if interface.base == ROOT or not interface.base_origin:
            return "com.IUnknown"
        base = self.bound.scope.interfaces.get(interface.base) if self.bound.scope is not None else None
        if base is not None and base.iid is not None and WELL_KNOWN.get(base.name) == base.iid:
            return f"com.{base.name}"
        return self.named(interface.base, interface.base_origin)

    def _identities(self, interface: t.Interface) -> str:
        """The dictionary of DISPIDs; empty for none."""
        scope = self.bound.scope
        symbol = scope.interfaces.get(interface.name) if scope is not None else None
        known = symbol.identities if symbol is not None and interface.synchronous is None else {}
        return ", ".join(f"{literal(name)}: {number}" for name, number in known.items())

    def _members(self, members: Sequence[t.CoclassMember]) -> str:
        """A tuple of classes, the default one first; empty for none."""
        known = [m for m in members if m.origin]
        ordered = [m for m in known if m.default] + [m for m in known if not m.default]
        spelled = ["com.IUnknown" if m.name == ROOT else self.named(m.name, m.origin) for m in ordered]
        return tuple_of(spelled) if spelled else ""
