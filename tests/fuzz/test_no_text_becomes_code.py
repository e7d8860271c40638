"""Whatever strings, comments and names an IDL file holds, the generated modules are the same program.

The syntax tree of a module made from hostile text is compared with that of one made from harmless text: they may
differ in the values of string constants and nowhere else.
"""

from __future__ import annotations

import ast
import unicodedata
from collections.abc import Mapping

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import idlc
from idlc.language.python_names import python_name
from tests.fuzz.rounds import ROUNDS

TEMPLATE = """
// {comment}
/* {comment} */
[
    uuid(7a1f0000-0000-4000-8000-000000000001),
    version(1.0),
    pointer_default(unique),
    helpstring("{string}")
]
interface Hostile
{{
    const char *TEXT = "{string}";
    const wchar_t *WIDE = L"{string}";

    /** {comment} */
    typedef struct {{ long number; /* {comment} */ long other; }} PAIR;  // {comment}

    /** {comment} */
    long Work([in, /* {comment} */ string] wchar_t *text, [out] PAIR *pair);
}}
"""

HOSTILE = [
    '"""',
    "'''",
    '\\"\\"\\"',
    "\\\\",
    "\\n__import__('os')",
    "\\x22\\x22\\x22",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "{# #}",
    "\u202e\u2066 reversed \u2069",
    "\u2028import os\u2029",
    "\x0cimport os",
    "\x85import os",
    "# type: ignore",
    "# -*- coding: rot13 -*-",
    "%s %(x)s {0} {x!r}",
    "\ufeff",
    "Sequence[UUID] ndr.Ref[pipes.Bytes] ndr.units(",  # what the generator itself might look for
]

# What turns text around on a screen, so that a reader sees another program than Python runs.
OVERRIDES = {"RLE", "LRE", "RLO", "LRO", "PDF", "RLI", "LRI", "FSI", "PDI"}

SETTINGS = settings(
    max_examples=25 * ROUNDS,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def compiled(text: str, name: str = "hostile.idl") -> Mapping[str, str]:
    result = idlc.compile_text(text, name=name)
    result.raise_for_errors()
    return result.files


def shape(source: str) -> str:
    """The syntax tree with the values of its strings left out."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes)):
            node.value = type(node.value)()
    return ast.dump(tree)


def assert_harmless(files: Mapping[str, str], harmless: Mapping[str, str]) -> None:
    assert files.keys() == harmless.keys()
    for name, text in files.items():
        assert not [c for c in text if unicodedata.bidirectional(c) in OVERRIDES]
        assert not [c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Zl", "Zp")]
        if name.endswith(".py"):
            assert shape(text) == shape(harmless[name])


def string_literal(text: str) -> str:
    """The text as it may stand between double quotes in IDL."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def comment_text(text: str) -> str:
    return text.replace("*/", "* /").replace("\n", " ").replace("\\", "/")


@pytest.fixture(scope="module")
def harmless() -> Mapping[str, str]:
    return compiled(TEMPLATE.format(comment="words", string="words"))


@pytest.mark.parametrize("text", HOSTILE)
def test_known_tricks_stay_text(text: str, harmless: Mapping[str, str]) -> None:
    hostile = TEMPLATE.format(comment=comment_text(text), string=string_literal(text))
    assert_harmless(compiled(hostile), harmless)


@SETTINGS
@given(text=st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=["Cs"]), max_size=40))
def test_any_text_stays_text(text: str, harmless: Mapping[str, str]) -> None:
    text = text.replace("??", "? ?")  # no trigraphs: their meaning is the preprocessor's affair
    hostile = TEMPLATE.format(comment=comment_text(text), string=string_literal(text))
    assert_harmless(compiled(hostile), harmless)


def test_a_string_constant_keeps_its_value() -> None:
    value = 'quote " backslash \\ brace {} newline \n accent \u00e9'
    files = compiled(TEMPLATE.format(comment="", string=string_literal(value)))
    names = {}
    for node in ast.parse(files["hostile.py"]).body:
        match node:
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=found)):
                names[name] = found
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=found)):
                names[name] = found
    assert names["TEXT"] == value
    assert names["WIDE"] == value


NAMES = st.sampled_from(
    """
    ndr rpc pipes blocking idlrt annotations Sequence UUID str list self call result args data class def None True
    False lambda async await match type object super property print __x __init__ __slots__ __class__ _x x result_
    return_value interface_ tag value Final Any abstractmethod append join pack b d at r end size order Struct array
    """.split()
)


@SETTINGS
@given(names=st.lists(NAMES, min_size=6, max_size=6, unique=True))
def test_any_name_can_be_a_type_a_field_a_parameter_and_an_operation(names: list[str]) -> None:
    record, first, second, operation, given_, answer = names
    text = f"""
        [uuid(7a1f0000-0000-4000-8000-000000000002), version(1.0), pointer_default(unique)]
        interface Odd
        {{
            typedef struct {{ long {first}; [string] wchar_t *{second}; }} {record};
            long {operation}([in] {record} *{given_}, [out] {record} *{answer});
        }}
    """
    files = compiled(text, "odd.idl")
    for name, source in files.items():
        if name.endswith(".py"):
            compile(source, name, "exec")
    classes = {node.name for node in ast.parse(files["odd.py"]).body if isinstance(node, ast.ClassDef)}
    assert python_name(record).rstrip("_") in {name.rstrip("_") for name in classes}
