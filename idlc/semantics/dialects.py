"""What a language or a target does not have: the DCE's own IDL, and Windows of old.

These rules are about what is written, not about what it means, so they read the tree. They say nothing unless the
options ask for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from idlc.data import fields, is_data
from idlc.diagnostics.report import Note, Report
from idlc.settings import Dialect, Protocol, Settings, Target
from idlc.source.files import SourceFile, Span
from idlc.source.tokens import COMMENT, cut
from idlc.syntax import ast

MAX_DCE_NAME: Final = 17
"""Characters of an interface's name in the DCE's language: linkers of its day knew no more with what is added."""

_SIZES: Final = frozenset("size_is max_is min_is length_is first_is last_is switch_is".split())
_COM_WORDS: Final = frozenset(
    "object iid_is async async_uuid call_as wire_marshal user_marshal dual odl oleautomation".split()
)

NEEDS: Final = {
    "message": Target.NT50,
    "async": Target.NT50,
    "async_uuid": Target.NT50,
    "notify": Target.NT50,
    "notify_flag": Target.NT50,
    "partial_ignore": Target.NT51,
    "force_allocate": Target.NT51,
    "type_strict_context_handle": Target.NT60,
    "strict_context_handle": Target.NT50,
    "system_handle": Target.NT100,
}
"""The first Windows that understands an attribute."""


def check(tree: ast.File, acf: ast.AcfFile | None, settings: Settings, report: Report) -> None:
    """Report what the dialect and the target of the settings do not have."""
    if settings.target is not Target.NT100:
        _check_target(tree, acf, settings, report)
    if settings.dialect is Dialect.DCE:
        _Dce(tree, acf, report).check()


# ---------------------------------------------------------------------------- targets


def _check_target(tree: ast.File, acf: ast.AcfFile | None, settings: Settings, report: Report) -> None:
    target = settings.target
    if settings.protocol is Protocol.NDR64 and target < Target.NT51:
        message = f"the transfer syntax NDR64 needs target {Target.NT51.name}; the target is {target.name}"
        report.error("MIDL2338", message, Span.none())
    for root in (tree, acf):
        for node in _walk(root):
            attributes = {each.name: each for each in getattr(node, "attributes", ())}
            for name, attribute in attributes.items():
                needed = NEEDS.get(name)
                if needed is not None and target < needed:
                    _too_old(f'"{name}"', needed, target, attribute.span, report)
            if "range" in attributes and attributes.keys() & {"size_is", "max_is"} and target < Target.NT60:
                span = attributes["range"].span
                _too_old('"range" on an array whose size varies', Target.NT60, target, span, report)


def _too_old(what: str, needed: Target, target: Target, span: Span, report: Report) -> None:
    message = f"{what} needs target {needed.name}; the target is {target.name}"
    report.error("IDLC1220", message, span, help=f"compile for it with --target {needed.name}, or do without")


# ---------------------------------------------------------------------------- the DCE


class _Dce:
    def __init__(self, tree: ast.File, acf: ast.AcfFile | None, report: Report) -> None:
        self._tree = tree
        self._acf = acf
        self._report = report

    def check(self) -> None:
        interfaces = [each for each in self._tree.body if isinstance(each, ast.Interface)]
        for second in interfaces[1:]:
            note = Note("the first one is here", interfaces[0].name_span)
            self._report.error("IDLC1221", "a DCE file has one interface", second.name_span, (note,))
        for statement in self._tree.body:
            if isinstance(statement, ast.Declaration | ast.Typedef | ast.PipeTypedef | ast.Const | ast.DeclareGuid):
                self._not_dce("a declaration outside the interface", statement.span)
        for node in _walk(self._tree):
            self._node(node)
        for node in _walk(self._acf):
            if isinstance(node, ast.Attribute):
                self._attribute(node)
        for file in dict.fromkeys(node.span.file for node in self._tree.body):
            self._comments(file)

    def _node(self, node: Any) -> None:
        match node:
            case ast.Interface(name=name, name_span=span):
                if len(name) > MAX_DCE_NAME:
                    message = f'the name of interface "{name}" has more than {MAX_DCE_NAME} characters'
                    self._report.error("IDLC1221", message, span)
                if node.base is not None:
                    self._not_dce("a base interface", node.base.span)
                for statement in node.body:
                    if isinstance(statement, ast.Declaration):
                        self._operations(statement)
            case ast.Dispinterface() | ast.Coclass() | ast.Module() | ast.Library():
                self._not_dce(f'"{type(node).__name__.lower()}"', node.name_span)
            case ast.CppQuote(span=span):
                self._not_dce('"cpp_quote"', span)
            case ast.BaseType(kind="wchar_t", span=span):
                self._not_dce('"wchar_t"', span)
            case ast.BaseType(spelling=spelling, span=span) if spelling in ("int", "signed int", "unsigned int"):
                self._not_dce(f'"{spelling}" without a size', span, 'write "long" or "short"')
            case ast.StringLiteral(wide=True, span=span) | ast.CharLiteral(wide=True, span=span):
                self._not_dce("a wide literal", span)
            case ast.Enumerator(value=value, span=span) if value is not None:
                self._not_dce("an enumerator with a value", span)
            case ast.Attribute():
                self._attribute(node)
            case ast.Declarator(width=width) if width is not None:
                self._not_dce("a bit-field", node.span)
            case _:
                pass

    def _attribute(self, attribute: ast.Attribute) -> None:
        if attribute.name in _COM_WORDS:
            self._not_dce(f'"{attribute.name}"', attribute.span)
        elif attribute.name in _SIZES:
            for argument in attribute.arguments:
                while isinstance(argument, ast.Unary) and argument.operator == "*":
                    argument = argument.operand
                if not isinstance(argument, ast.Identifier | ast.Hole | ast.IntegerLiteral):
                    what = f'an expression in "{attribute.name}"'
                    self._not_dce(what, argument.span, "name a parameter or field that holds the value")

    def _operations(self, declaration: ast.Declaration) -> None:
        local = any(attribute.name == "local" for attribute in declaration.attributes)
        for declarator in declaration.declarators:
            if not declarator.is_function or local:
                continue
            function = declarator.derivations[0]
            assert isinstance(function, ast.Function)
            if function.variadic:
                self._not_dce('"..."', function.span)
            for number, parameter in enumerate(function.parameters):
                self._parameter(parameter, number)

    def _parameter(self, parameter: ast.Parameter, number: int) -> None:
        name = parameter.declarator.name
        if name is None:
            self._not_dce("a parameter without a name", parameter.span)
            return
        type_ = parameter.specifiers.type
        if number and isinstance(type_, ast.BaseType) and type_.kind == "handle_t":
            message = f'binding handle "{name}" is not the first parameter'
            self._report.error("MIDL2049", message, parameter.declarator.name_span)
        if not {"in", "out"} & {attribute.name for attribute in parameter.attributes}:
            self._not_dce(f'parameter "{name}" without a direction', parameter.span, "write [in] or [out]")

    def _comments(self, file: SourceFile) -> None:
        """Comments are no part of the tree: the text says where they are. Only the first is told."""
        words = cut(file.text)
        for kind, text, start in zip(words.kinds, words.texts, words.starts, strict=True):
            if kind == COMMENT and text.startswith("//"):
                self._not_dce('a comment with "//"', Span(file, start, start + 2), "write /* */")
                return

    def _not_dce(self, what: str, span: Span, help: str | None = None) -> None:
        self._report.error("IDLC1221", f"{what} is not part of the DCE's language", span, help=help)


def _walk(root: Any) -> Iterator[Any]:
    """All nodes of a tree, in no order that matters."""
    pending = [root] if root is not None else []
    while pending:
        node = pending.pop()
        if isinstance(node, tuple | list):
            pending.extend(node)
        elif is_data(node) and not isinstance(node, Span | SourceFile):
            yield node
            pending.extend(getattr(node, each.name) for each in fields(node))
