"""Asynchronous forms of object interfaces: `async_uuid` on IFoo makes AsyncIFoo.

Every method M becomes Begin_M with what goes in and Finish_M with what comes out; a parameter that does both is
in both. The two never reach the wire, which carries the synchronous interface and its numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from uuid import UUID

from idlc.data import replace
from idlc.diagnostics.report import Note
from idlc.semantics.documentation import Doc
from idlc.semantics.symbols import InterfaceSymbol
from idlc.semantics.types import Base, BaseKind, Interface, Operation, Parameter, Void
from idlc.semantics.unit import Unit, before
from idlc.source.files import Span

HRESULT = Base(BaseKind.INT32, "HRESULT")
FIRST_SLOT = 3
"""The slots before it are IUnknown's."""


def twin(unit: Unit, interface: Interface, identity: UUID, asked: Span) -> Interface | None:
    """The asynchronous form of `interface`, made known in the scope; None after a report.

    Args:
        unit: the file that is being bound.
        interface: the synchronous interface, numbered.
        identity: the IID of the form.
        asked: where `async_uuid` stands.
    """
    if not interface.object:
        message = f'"{interface.name}" is no [object] interface and has no asynchronous form'
        unit.report.error("MIDL2072", message, asked, help='on plain RPC, an ACF makes operations [async]')
        return None
    base = unit.scope.interfaces.get(interface.base) if interface.base is not None else None
    if base is None or base.synchronous is not None:
        return None  # the root, or a base that could not be had: that is said already
    name = f"Async{interface.name}"
    known = unit.scope.interfaces.get(name)
    if known is not None and known.complete:
        message = f'"{interface.name}" has an asynchronous form, but "{name}" is defined already'
        unit.report.error("MIDL2003", message, asked, (before(known.span),))
        return None
    root = base.base is None and base.name == "IUnknown"
    if not root and base.twin is None:
        message = f'"{interface.name}" derives from "{base.name}", which has no asynchronous form'
        help_ = (
            "what is called through IDispatch has none"
            if base.name == "IDispatch"
            else f'give "{base.name}" an [async_uuid(...)] too'
        )
        unit.report.error("MIDL2272", message, asked, (Note(f'"{base.name}" is defined here', base.span),), help_)
        return None
    above = None if root or base.twin is None else unit.scope.interfaces.get(base.twin)
    operations, following = _halves(interface, FIRST_SLOT if above is None else above.next_opnum)
    made = replace(
        interface,
        name=name,
        uuid=identity,
        operations=operations,
        base=base.name if above is None else above.name,
        base_origin=base.origin if above is None else above.origin,
        async_uuid=None,
        synchronous=interface.name,
        doc=Doc(Span.none(), f"The asynchronous form of {interface.name}."),
    )
    unit.scope.interfaces[name] = InterfaceSymbol(
        name,
        interface.span,
        unit.origin,
        object=True,
        complete=True,
        next_opnum=following,
        base=made.base,
        synchronous=interface.name,
        iid=identity,
    )
    unit.scope.interfaces[interface.name] = replace(unit.scope.interfaces[interface.name], twin=name)
    return made


def _halves(interface: Interface, first: int) -> tuple[tuple[Operation, ...], int]:
    """Begin_ and Finish_ of every method that has a slot, and the slot after them.

    What a [call_as] method does on the wire is no business of these: their shape is the local method's.
    """
    found: list[Operation] = []
    slot = first
    for method in interface.operations:
        if method.call_as is not None:
            continue
        begins = Void() if method.local and isinstance(method.result, Void) else HRESULT
        for prefix, result in (("Begin_", begins), ("Finish_", method.result)):
            starts = prefix == "Begin_"
            parameters = tuple(p for p in method.parameters if (p.is_in if starts else p.is_out))
            spelled = "void" if isinstance(result, Void) else getattr(result, "spelling", "") or "HRESULT"
            line = partial(_line, spelled, prefix + method.called, parameters)
            found.append(
                replace(
                    method,
                    name=prefix + method.called,
                    opnum=slot,
                    parameters=parameters,
                    result=result,
                    declaration=line,
                    words=method.words - {"propget", "propput", "propputref"},
                    dispid=None,
                    half_of=method.name,
                )
            )
            slot += 1
    return tuple(found), slot


def _line(result: str, name: str, parameters: Iterable[Parameter]) -> str:
    listed = ", ".join(parameter.declaration() for parameter in parameters)
    return f"{result} {name}({listed or 'void'})"
