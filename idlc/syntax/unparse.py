"""A tree back to IDL text. What it writes parses to an equal tree; tests rely on that, and `dump` can show it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import assert_never

from idlc.syntax import ast

_STEP = "    "


def unparse(file: ast.File | ast.AcfFile) -> str:
    """The whole file as text."""
    if isinstance(file, ast.AcfFile):
        return "".join(_acf(statement, "") for statement in file.body)
    return "".join(_statement(statement, "") for statement in file.body)


# ---------------------------------------------------------------------------- statements


def _statement(node: ast.Statement, pad: str) -> str:
    match node:
        case ast.Import():
            return f"{pad}import {', '.join(_string(file) for file in node.files)};\n"
        case ast.Importlib():
            return f"{pad}importlib({_string(node.file)})\n"
        case ast.CppQuote():
            return f"{pad}cpp_quote({_quoted(node.text)})\n"
        case ast.MidlPragma():
            numbers = " ".join(str(number) for number in node.numbers)
            return f"{pad}midl_pragma {node.name}({node.action} : {numbers})\n"
        case ast.Pragma():
            return f"#pragma {node.text}\n"
        case ast.DeclareGuid():
            return f"{pad}declare_guid({node.name}, {node.value.value})\n"
        case ast.Forward():
            return f"{pad}{_attributes(node.attributes)}{node.keyword} {node.name};\n"
        case ast.Interface():
            base = f" : {node.base.name}" if node.base else ""
            return _block(f"interface {node.name}{base}", node.attributes, node.body, pad)
        case ast.Module():
            return _block(f"module {node.name}", node.attributes, node.body, pad)
        case ast.Library():
            return _block(f"library {node.name}", node.attributes, node.body, pad)
        case ast.Dispinterface():
            return _dispinterface(node, pad)
        case ast.Coclass():
            members = "".join(
                f"{pad}{_STEP}{_attributes(member.attributes)}{member.keyword} {member.name};\n"
                for member in node.members
            )
            return f"{pad}{_attributes(node.attributes)}coclass {node.name}\n{pad}{{\n{members}{pad}}}\n"
        case ast.Declaration() | ast.Const():
            declarators = ", ".join(_declarator(declarator) for declarator in node.declarators)
            gap = " " if declarators else ""
            return f"{pad}{_attributes(node.attributes)}{_specifiers(node.specifiers, pad)}{gap}{declarators};\n"
        case ast.Typedef() | ast.PipeTypedef():
            pipe = "pipe " if isinstance(node, ast.PipeTypedef) else ""
            declarators = ", ".join(_declarator(declarator) for declarator in node.declarators)
            attributes = _attributes(node.attributes)
            return f"{pad}typedef {attributes}{pipe}{_specifiers(node.specifiers, pad)} {declarators};\n"
        case _:
            assert_never(node)


def _block(head: str, attributes: Sequence[ast.Attribute], body: Iterable[ast.Statement], pad: str) -> str:
    inside = "".join(_statement(statement, pad + _STEP) for statement in body)
    return f"{pad}{_attributes(attributes)}{head}\n{pad}{{\n{inside}{pad}}}\n"


def _dispinterface(node: ast.Dispinterface, pad: str) -> str:
    inner = pad + _STEP
    if node.interface is not None:
        inside = f"{inner}interface {node.interface.name};\n"
    else:
        properties = "".join(_field(item, inner) for item in node.properties)
        methods = "".join(_statement(item, inner) for item in node.methods)
        inside = f"{pad}properties:\n{properties}" if properties else ""
        inside += f"{pad}methods:\n{methods}" if methods else ""
    return f"{pad}{_attributes(node.attributes)}dispinterface {node.name}\n{pad}{{\n{inside}{pad}}}\n"


def _acf(node: ast.AcfInterface | ast.AcfStatement, pad: str) -> str:
    match node:
        case ast.AcfInterface():
            inside = "".join(_acf(statement, pad + _STEP) for statement in node.body)
            return f"{pad}{_attributes(node.attributes)}interface {node.name}\n{pad}{{\n{inside}{pad}}}\n"
        case ast.AcfInclude():
            return f"{pad}include {', '.join(_string(file) for file in node.files)};\n"
        case ast.AcfTypedef():
            return f"{pad}typedef {_attributes(node.attributes)}{', '.join(name.name for name in node.names)};\n"
        case ast.AcfOperation():
            parameters = ", ".join(_attributes(item.attributes) + item.name for item in node.parameters)
            return f"{pad}{_attributes(node.attributes)}{node.name}({parameters});\n"
        case ast.CppQuote() | ast.Pragma():
            return _statement(node, pad)
        case _:
            assert_never(node)


# ---------------------------------------------------------------------------- types


def _specifiers(node: ast.Specifiers, pad: str = "") -> str:
    return " ".join([*node.words, _type(node.type, pad)])


def _type(node: ast.TypeSpecifier, pad: str) -> str:
    match node:
        case ast.BaseType():
            return node.spelling
        case ast.NamedType():
            return node.name
        case ast.StructReference():
            return f"struct {node.name}"
        case ast.UnionReference():
            return f"union {node.name}"
        case ast.EnumReference():
            return f"enum {node.name}"
        case ast.InterfaceReference():
            return f"interface {node.name}"
        case ast.SafeArray():
            return f"SAFEARRAY({_type_name(node.element)})"
        case ast.Struct():
            fields = "".join(_field(item, pad + _STEP) for item in node.fields)
            return f"struct {_attributes(node.attributes)}{_tag(node.name)}{{\n{fields}{pad}}}"
        case ast.Union():
            fields = "".join(_field(item, pad + _STEP) for item in node.fields)
            return f"union {_tag(node.name)}{{\n{fields}{pad}}}"
        case ast.EncapsulatedUnion():
            arms = "".join(_arm(arm, pad) for arm in node.arms)
            return f"union {_tag(node.name)}switch ({_parameter(node.tag)}) {_tag(node.member)}{{\n{arms}{pad}}}"
        case ast.Enum():
            inner = pad + _STEP
            items = ",\n".join(inner + _enumerator(item) for item in node.enumerators)
            return f"enum {_tag(node.name)}{{\n{items}\n{pad}}}"
        case _:
            assert_never(node)


def _tag(name: str | None) -> str:
    return f"{name} " if name else ""


def _field(node: ast.Field | ast.EmptyArm, pad: str) -> str:
    if isinstance(node, ast.EmptyArm):
        return f"{pad}{_attributes(node.attributes)};\n"
    declarators = ", ".join(_declarator(declarator) for declarator in node.declarators)
    gap = " " if declarators else ""
    return f"{pad}{_attributes(node.attributes)}{_specifiers(node.specifiers, pad)}{gap}{declarators};\n"


def _arm(node: ast.Arm, pad: str) -> str:
    labels = "".join(
        f"{pad}{_STEP}default:\n"
        if isinstance(label, ast.DefaultLabel)
        else f"{pad}{_STEP}case {expression(label.value)}:\n"
        for label in node.labels
    )
    return labels + _field(node.body, pad + 2 * _STEP)


def _enumerator(node: ast.Enumerator) -> str:
    value = "" if node.value is None else f" = {expression(node.value)}"
    return f"{_attributes(node.attributes)}{node.name}{value}"


# ---------------------------------------------------------------------------- declarators


def _declarator(node: ast.Declarator) -> str:
    text = node.name or ""
    pointer = False  # whether what is built so far begins with a star
    calling = "".join(f"{word} " for word in node.calling)
    for derivation in node.derivations:
        if isinstance(derivation, ast.Pointer):
            qualifiers = "".join(f"{word} " for word in derivation.qualifiers)
            text = f"*{qualifiers}{text}"
            pointer = True
            continue
        if pointer:
            # The calling convention of a function pointer stands inside the parentheses.
            text = f"({calling}{text})"
            calling = ""
            pointer = False
        text += _array(derivation) if isinstance(derivation, ast.Array) else _function(derivation)
    text = calling + text
    if node.width is not None:
        text = f"{text} : {expression(node.width)}".lstrip()
    if node.initializer is not None:
        text += f" = {expression(node.initializer)}"
    return text


def _array(node: ast.Array) -> str:
    if node.lower is not None:
        return f"[{expression(node.lower)}..{'*' if node.upper is None else expression(node.upper)}]"
    return "[]" if node.upper is None else f"[{expression(node.upper)}]"


def _function(node: ast.Function) -> str:
    parameters = [_parameter(parameter) for parameter in node.parameters]
    if node.variadic:
        parameters.append("...")
    return f"({', '.join(parameters) or 'void'})"


def _parameter(node: ast.Parameter) -> str:
    declarator = _declarator(node.declarator)
    gap = " " if declarator else ""
    return f"{_attributes(node.attributes)}{_specifiers(node.specifiers)}{gap}{declarator}"


def _type_name(node: ast.TypeName) -> str:
    declarator = _declarator(node.declarator)
    gap = " " if declarator else ""
    return f"{_specifiers(node.specifiers)}{gap}{declarator}"


# ---------------------------------------------------------------------------- attributes, expressions


def _attributes(attributes: Sequence[ast.Attribute]) -> str:
    return f"[{', '.join(attribute(item) for item in attributes)}] " if attributes else ""


def attribute(node: ast.Attribute) -> str:
    """One attribute as it is written between brackets."""
    if not node.parenthesized:
        return node.name
    return f"{node.name}({', '.join(_argument(argument) for argument in node.arguments)})"


def _argument(node: ast.Argument) -> str:
    match node:
        case ast.Hole():
            return "*" if node.star else ""
        case ast.UuidLiteral():
            return str(node.value)
        case ast.Version():
            return f"{node.major}.{node.minor}"
        case ast.AttributeText():
            return node.text
        case ast.TypeName():
            return _type_name(node)
        case _:
            return expression(node)


def expression(node: ast.Expression) -> str:
    """An expression as text; parentheses are where the source had them."""
    match node:
        case ast.IntegerLiteral() | ast.FloatLiteral():
            return node.text
        case ast.CharLiteral():
            return f"{'L' if node.wide else ''}'{_character(node.value)}'"
        case ast.StringLiteral():
            return _string(node)
        case ast.BooleanLiteral():
            return "TRUE" if node.value else "FALSE"
        case ast.NullLiteral():
            return "NULL"
        case ast.Identifier():
            return node.name
        case ast.Parenthesized():
            return f"({expression(node.operand)})"
        case ast.Unary():
            operand = expression(node.operand)
            # Two signs must not run together.
            gap = " " if operand[:1] in ("+", "-", "&") else ""
            return f"{node.operator}{gap}{operand}"
        case ast.Binary():
            return f"{expression(node.left)} {node.operator} {expression(node.right)}"
        case ast.Conditional():
            return f"{expression(node.condition)} ? {expression(node.then)} : {expression(node.otherwise)}"
        case ast.Cast():
            return f"({_type_name(node.type)}) {expression(node.operand)}"
        case ast.Sizeof():
            return f"sizeof({_sized(node.operand)})"
        case ast.Alignof():
            return f"__alignof({_sized(node.operand)})"
        case ast.Index():
            return f"{expression(node.operand)}[{expression(node.index)}]"
        case ast.Member():
            return f"{expression(node.operand)}{'->' if node.arrow else '.'}{node.name}"
        case _:
            assert_never(node)


def _sized(node: ast.TypeName | ast.Expression) -> str:
    return _type_name(node) if isinstance(node, ast.TypeName) else expression(node)


def _string(node: ast.StringLiteral) -> str:
    return f'{"L" if node.wide else ""}"{node.raw}"'


def _quoted(text: str) -> str:
    return '"' + "".join(_character(ord(character), '"') for character in text) + '"'


def _character(code: int, quote: str = "'") -> str:
    character = chr(code)
    if character in ("\\", quote):
        return "\\" + character
    return character if character.isprintable() else f"\\x{code:x}" if code > 0xFF else f"\\{code:03o}"
