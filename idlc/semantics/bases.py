"""What an interface derives from: every object interface goes back to IUnknown, one step after the other."""

from __future__ import annotations

from idlc.diagnostics.report import Note
from idlc.language import absent
from idlc.semantics.symbols import InterfaceSymbol
from idlc.semantics.unit import Unit
from idlc.semantics.written import Attributes, suggestion
from idlc.syntax import ast

ROOT = "IUnknown"


def base(
    unit: Unit, interface: ast.Interface, attributes: Attributes, *, com: bool
) -> tuple[InterfaceSymbol | None, bool]:
    """The base of an interface, None where there is none to be had; and whether this is an object interface.

    Args:
        unit: the file that is being bound.
        interface: the interface as written.
        attributes: its attributes.
        com: whether they say that it is an object interface.
    """
    if interface.base is None:
        if not com or interface.name == ROOT:
            return None, com
        dispatch = unit.scope.interfaces.get("IDispatch") if "dual" in attributes else None
        message = f'[object] interface "{interface.name}" derives from nothing'
        instead = ROOT if dispatch is None else dispatch.name
        unit.report.doubtful("MIDL2271", message, interface.name_span, (), f"interface {interface.name} : {instead}")
        return dispatch, True
    name = interface.base.name.rpartition(".")[2]
    span = interface.base.span
    known = unit.scope.interfaces.get(name) or _otherwise_spelled(unit, name, interface)
    if name == interface.name:
        unit.report.error("MIDL2256", "an interface cannot be its own base", span)
        return None, True
    if known is None:
        if not unit.outside(name, span):
            help_ = absent.origin(name) or suggestion(name, unit.scope.interfaces)
            unit.report.error("MIDL2011", f'undefined interface "{name}"', span, (), help_)
        return None, True
    notes = (Note("it is announced here", known.span),)
    if not known.complete:
        if interface.name in unit.ancestors(name):
            unit.report.error("MIDL2256", f'"{name}" derives from "{interface.name}" itself', span, notes)
        elif not (unit.library and unit.outside(name, span)):
            help_ = "define it before, or import the file that does"
            unit.report.error("MIDL2011", f'"{name}" is announced, but not defined yet', span, notes, help_)
        return None, True
    notes = (Note("it is defined here", known.span),)
    if known.keyword != "interface":
        message = f'"{name}" is a {known.keyword} and cannot be a base'
        unit.report.error("MIDL2271", message, span, notes)
        return None, True
    if known.synchronous is not None:
        message = f'"{name}" is the asynchronous form of "{known.synchronous}" and cannot be a base'
        help_ = f'derive from "{known.synchronous}" and give the new interface an [async_uuid(...)]'
        unit.report.error("IDLC1240", message, span, notes, help_)
        return None, True
    if com and not known.object:
        message = f'"{interface.name}" is an [object] interface, its base "{name}" is none'
        unit.report.error("MIDL2257", message, span, notes, "every object interface goes back to IUnknown")
        return None, True
    if not com and known.object:
        if "local" not in attributes and not unit.library:
            message = f'"{interface.name}" is not marked [object]; it is taken for one, as it derives from "{name}"'
            unit.report.doubtful("MIDL2271", message, span, notes, "write [object]")
        return known, True
    if not com:
        message = f'"{interface.name}" is no [object] interface and cannot have a base'
        unit.report.error("MIDL2271", message, span)
        return None, False
    return known, True


def _otherwise_spelled(unit: Unit, name: str, interface: ast.Interface) -> InterfaceSymbol | None:
    """The interface that is meant where only the letter case is another, which type libraries do not tell apart."""
    if not unit.library or interface.base is None:
        return None
    meant = next((each for key, each in unit.scope.interfaces.items() if key.lower() == name.lower()), None)
    if meant is not None:
        note = Note("it is defined here", meant.span)
        message = f'interface "{name}" is spelled "{meant.name}" where it is defined'
        unit.report.doubtful("MIDL2011", message, interface.base.span, (note,), f'write "{meant.name}"')
    return meant
