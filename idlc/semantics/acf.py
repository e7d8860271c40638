"""What an attribute configuration file adds: attributes by interface, operation, parameter and type.

An ACF changes how the two sides see an interface, never what it is. Its attributes are merged while the
IDL is bound; what names nothing in the IDL is reported afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

from idlc.data import dataclass, field, replace
from idlc.diagnostics.report import Note, Report
from idlc.language.attributes import ATTRIBUTES, Effect, Place
from idlc.semantics.types import Interface
from idlc.semantics.written import suggestion
from idlc.syntax import ast


@dataclass(slots=True)
class AcfFacts:
    """The ACF of one IDL file, or of none."""

    interfaces: list[ast.AcfInterface] = field(default_factory=list)
    operations: dict[str, ast.AcfOperation] = field(default_factory=dict)
    typedefs: dict[str, list[ast.Attribute]] = field(default_factory=dict)

    def interface(self, name: str) -> tuple[ast.Attribute, ...]:
        return tuple(a for interface in self.interfaces if interface.name == name for a in interface.attributes)

    def operation(self, name: str | None) -> tuple[ast.Attribute, ...]:
        found = self.operations.get(name or "")
        return found.attributes if found is not None else ()

    def parameter(self, operation: str | None, name: str | None) -> tuple[ast.Attribute, ...]:
        found = self.operations.get(operation or "")
        if found is None or name is None:
            return ()
        return tuple(a for parameter in found.parameters if parameter.name == name for a in parameter.attributes)

    def type(self, name: str) -> list[ast.Attribute]:
        return self.typedefs.get(name, [])


def read(acf: ast.AcfFile | None, report: Report) -> AcfFacts:
    """Index an ACF by what its statements name."""
    facts = AcfFacts()
    if acf is None:
        return facts
    for interface in acf.body:
        if not isinstance(interface, ast.AcfInterface):
            continue
        fitting = _fitting(interface.attributes, Place.ACF_INTERFACE, report)
        facts.interfaces.append(replace(interface, attributes=fitting))
        for statement in interface.body:
            match statement:
                case ast.AcfOperation(name=name):
                    known = facts.operations.get(name)
                    if known is not None:
                        note = Note("first named here", known.name_span)
                        report.error("MIDL2003", f'"{name}" is named twice in the ACF', statement.name_span, (note,))
                    else:
                        facts.operations[name] = _fitted(statement, report)
                case ast.AcfTypedef():
                    if not statement.attributes:
                        report.warning("MIDL2307", "a typedef without attributes does nothing here", statement.span)
                    fitting = _fitting(statement.attributes, Place.ACF_TYPE, report)
                    for written in statement.names:
                        facts.typedefs.setdefault(written.name, []).extend(fitting)
                case _:
                    pass
    return facts


def _fitted(operation: ast.AcfOperation, report: Report) -> ast.AcfOperation:
    """An operation without the attributes that cannot stand there."""
    parameters = tuple(
        replace(parameter, attributes=_fitting(parameter.attributes, Place.ACF_PARAMETER, report))
        for parameter in operation.parameters
    )
    attributes = _fitting(operation.attributes, Place.ACF_OPERATION, report)
    return replace(operation, attributes=attributes, parameters=parameters)


def _fitting(attributes: Iterable[ast.Attribute], place: Place, report: Report) -> tuple[ast.Attribute, ...]:
    """The attributes that an ACF may give there; unknown ones are reported where they are merged."""
    fitting = []
    for attribute in attributes:
        rule = ATTRIBUTES.get(attribute.name)
        if rule is None or rule.effect is Effect.IGNORED or place in rule.places:
            fitting.append(attribute)
            continue
        allowed = ", ".join(sorted(p.value for p in rule.places))
        message = f'"{attribute.name}" cannot stand on {place.value}'
        report.error("MIDL2072", message, attribute.span, help=f"it belongs on {allowed}")
    return tuple(fitting)


def adopted(acf: ast.AcfFile | None, file: ast.File) -> ast.AcfFile | None:
    """An ACF that was named on the command line: its only interface may have another name than that of the IDL."""
    if acf is None or _stem(acf.name) == _stem(file.name):
        return acf
    named = [one for one in acf.body if isinstance(one, ast.AcfInterface)]
    defined = [one.name for one in file.body if isinstance(one, ast.Interface)]
    if len(named) != 1 or len(defined) != 1:
        return acf
    body = tuple(replace(one, name=defined[0]) if isinstance(one, ast.AcfInterface) else one for one in acf.body)
    return replace(acf, body=body)


def _stem(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).stem.lower()


def verify(acf: ast.AcfFile | None, interfaces: Iterable[Interface], types: Iterable[str], report: Report) -> None:
    """Report what an ACF names and the IDL does not have."""
    if acf is None:
        return
    by_name = {interface.name: interface for interface in interfaces}
    known_types = set(types)
    for interface in acf.body:
        if not isinstance(interface, ast.AcfInterface):
            continue
        bound = by_name.get(interface.name)
        if bound is None:
            note = [Note("the IDL has this one", i.span) for i in by_name.values()][:1]
            message = f'the IDL has no interface "{interface.name}"'
            report.error("MIDL2095", message, interface.name_span, note, suggestion(interface.name, by_name))
            continue
        for statement in interface.body:
            match statement:
                case ast.AcfOperation():
                    _verify_operation(statement, bound, report)
                case ast.AcfTypedef(names=names):
                    for written in names:
                        if written.name not in known_types:
                            message = f'the IDL has no type "{written.name}"'
                            report.error("MIDL2010", message, written.span, (), suggestion(written.name, known_types))
                case _:
                    pass


_STATUS = frozenset({"comm_status", "fault_status"})


def _verify_operation(written: ast.AcfOperation, interface: Interface, report: Report) -> None:
    operations = {operation.name: operation for operation in interface.operations}
    operation = operations.get(written.name)
    if operation is None:
        message = f'interface "{interface.name}" has no operation "{written.name}"'
        note = Note("the interface", interface.span)
        report.error("MIDL2100", message, written.name_span, (note,), suggestion(written.name, operations))
        return
    if operation.local or interface.local:
        note = Note("it is local", operation.span)
        report.error("MIDL2098", f'"{written.name}" is local and has no place in an ACF', written.name_span, (note,))
        return
    parameters = [parameter.name for parameter in operation.parameters]
    for parameter in written.parameters:
        # A status parameter that only the ACF names is a hidden one.
        if parameter.name not in parameters and not _STATUS & {a.name for a in parameter.attributes}:
            message = f'operation "{written.name}" has no parameter "{parameter.name}"'
            note = Note("the operation", operation.span)
            report.error("MIDL2101", message, parameter.span, (note,), suggestion(parameter.name, parameters))
