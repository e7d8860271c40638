"""Types that Python sees through a converter: `represent_as(package.module.Class)` and `user_marshal(...)`.

In C the argument names a local type and routines are found by name. Here a dotted name is a Python class that has
the functions (docs/language-mapping.md); any other name is a C type and changes nothing.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterable

from idlc.data import replace
from idlc.semantics.symbols import FunctionCore, InterfaceCore, Shape, finish
from idlc.semantics.types import BindingHandle, ContextHandleUse, ErrorType, Opaque, Pipe, Presented, Void
from idlc.semantics.unit import Unit
from idlc.syntax import ast

_NAMING = frozenset(["represent_as", "user_marshal"])


def converter(unit: Unit, attributes: Iterable[ast.Attribute]) -> str | None:
    """The dotted name of a converter's class among attributes, the first one that there is."""
    for attribute in attributes:
        if attribute.name not in _NAMING or len(attribute.arguments) != 1:
            continue
        argument = attribute.arguments[0]
        if not isinstance(argument, ast.TypeName) or argument.declarator.derivations:
            continue
        written = argument.specifiers.type
        if not isinstance(written, ast.NamedType) or "." not in written.name:
            continue
        wrong = next((part for part in written.name.split(".") if keyword.iskeyword(part)), None)
        if wrong is None:
            return written.name
        message = f'"{written.name}" is no Python class: "{wrong}" is a word of the language'
        unit.report.error("IDLC1202", message, argument.span)
    return None


def present(unit: Unit, name: str, shape: Shape, attributes: Iterable[ast.Attribute]) -> Shape:
    """The shape that uses of the type `name` have: what travels behind a converter, if these attributes name one.

    A converted value is whole: pointer kinds are settled, and no attribute of a use reaches what travels.
    """
    if shape.is_error or isinstance(shape.core, Presented | InterfaceCore | FunctionCore):
        return shape
    attributes = tuple(attributes)
    chosen = converter(unit, attributes)
    if chosen is None and any(attribute.name in _NAMING for attribute in attributes):
        return replace(shape, represented=True)
    if chosen is None or isinstance(shape.core, Void | Opaque | Pipe | BindingHandle | ContextHandleUse):
        return shape
    type_ = finish(shape, default=unit.default)
    if isinstance(type_, ErrorType):
        return shape
    return replace(shape, levels=(), core=Presented(name, type_, chosen), presented=True, inner=0)


def present_imported(unit: Unit) -> None:
    """Put converters before imported types: an ACF may name one for its file's own uses of them."""
    for name, attributes in unit.acf.typedefs.items():
        symbol = unit.scope.typedefs.get(name)
        if symbol is not None:
            unit.scope.typedefs[name] = replace(symbol, shape=present(unit, name, symbol.shape, attributes))
