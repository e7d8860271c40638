"""Inputs that no file is behind: sentences of the grammar, valid interfaces, object interfaces, and ACF files."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from idlc.language.attributes import ATTRIBUTES, Place
from idlc.syntax.grammar import START_RULES, grammar_text, no_lexer
from tests.fuzz.front.mutations import NUMBERS
from tests.fuzz.front.seeds import MAX_SIZE, Seed
from tests.ndr.random_idl import SCALARS, RandomIdl

# ---------------------------------------------------------------------------- sentences of the grammar

_NAMES: Final = "a b c n s S T U E I J P f g op x".split()
_SPELLINGS: Final[dict[str, list[str]]] = {
    "INTEGER": ["0", "1", "2", "3", "0x10", "7u", "65535", "2147483648"],
    "FLOAT": ["1.5", "1e3", "1e400"],
    "CHARACTER": ["'a'", "L'b'", "'\\n'"],
    "STRING": ['"x"', '""', 'L"w"', '"unknwn.idl"', '"a\\x22b"'],
    "UUID": ["12345678-1234-1234-1234-123456789abc", "00000000-0000-0000-c000-000000000046"],
    "VERSION": ["1.0", "2", "65535.65535"],
    "OPAQUE": ["x"],
    "PRAGMA": ["\n#pragma pack(2)\n", "\n#pragma x\n"],
    "BASE_WORD": "long short char int unsigned void byte wchar_t hyper boolean handle_t double signed".split(),
    "WORD": ["const", "const", "static", "extern", "volatile", "__unaligned"],
    "CALLING": ["__stdcall", "__cdecl"],
    "ATTRIBUTES": ["["],
    "TYPE_ATTRIBUTE": ["switch_type", "transmit_as", "represent_as", "wire_marshal", "user_marshal", "safearray"],
    "CAST_PARENTHESIS": ["("],
    "TRUTH": ["TRUE", "FALSE"],
}
_RECURSIVE: Final = 25


@dataclass(slots=True)
class Grammar:
    """The rules of both languages: for each, its alternatives as symbols, and how deep the shallowest goes."""

    rules: dict[str, list[list[str]]] = field(default_factory=dict)
    terminals: dict[str, str] = field(default_factory=dict)
    depths: dict[str, int] = field(default_factory=dict)


@cache
def grammar() -> Grammar:
    from lark import Lark

    lark: Any = Lark(grammar_text(), parser="lalr", start=list(START_RULES), lexer=no_lexer())
    made = Grammar(terminals={each.name: each.pattern.value for each in lark.terminals if each.pattern is not None})
    for rule in lark.rules:
        made.rules.setdefault(str(rule.origin.name), []).append([str(symbol.name) for symbol in rule.expansion])
    changed = True
    while changed:
        changed = False
        for name, alternatives in made.rules.items():
            depth = min((_depth(made, each) for each in alternatives), default=99)
            if depth < made.depths.get(name, 99):
                made.depths[name] = depth
                changed = True
    return made


def _depth(made: Grammar, symbols: list[str]) -> int:
    return 1 + max((made.depths.get(each, 99) for each in symbols if each in made.rules), default=0)


def sentence(chance: random.Random) -> Seed:
    """A derivation of the grammar, seldom meaningful and always well-formed."""
    acf = _derived(chance, "acf_file") if chance.random() < 0.2 else None
    return Seed(_derived(chance, "file"), acf)


def _derived(chance: random.Random, start: str) -> str:
    made = grammar()
    size = int(16 * 2 ** (7 * chance.random()))
    words: list[str] = []
    length = 0
    pending: list[tuple[str, int]] = [(start, 0)]
    while pending:
        symbol, depth = pending.pop()
        alternatives = made.rules.get(symbol)
        if alternatives is None:
            word = _spelled(chance, made, symbol)
            words.append(word)
            length += len(word)
            continue
        if depth > 60 or length > size:
            least = min(_depth(made, each) for each in alternatives)
            chosen = next(each for each in alternatives if _depth(made, each) == least)
        elif symbol in ("_statements", "_fields", "_acf_statements"):
            items = [each[1:] for each in alternatives if each]
            chosen = [name for _ in range(chance.choice([0, 1, 1, 2, 4])) for name in chance.choice(items)]
        elif depth > _RECURSIVE:
            two = chance.sample(alternatives, min(2, len(alternatives)))
            chosen = min(two, key=lambda each: _depth(made, each))
        else:
            chosen = chance.choice(alternatives)
        pending += [(each, depth + 1) for each in reversed(chosen)]
    return " ".join(words)[:MAX_SIZE]


def _spelled(chance: random.Random, made: Grammar, terminal: str) -> str:
    if terminal == "ID":
        return chance.choice(_NAMES) if chance.random() < 0.75 else chance.choice(tuple(ATTRIBUTES))
    return chance.choice(_SPELLINGS.get(terminal) or [made.terminals.get(terminal, terminal)])


# ---------------------------------------------------------------------------- interfaces


def valid(chance: random.Random) -> Seed:
    """An interface with everything that travels; short, for a clean one goes through every stage."""
    maker = RandomIdl(chance)
    declarations: list[Callable[[], None]] = [
        maker.enum, maker.union, maker.capsule, maker.string, maker.recursive, maker.array, maker.struct,
        maker.conformant,
    ]  # fmt: skip
    for _ in range(chance.choice([0, 1, 1, 2, 3])):
        chance.choice(declarations)()
    operations = [maker.operation() for _ in range(chance.choice([0, 1, 1, 2]))]
    needed = [text for text in ("interface IOther;",) if "IOther" in "".join(maker.text + operations)]
    if "GUID" in "".join(maker.text + operations):
        maker.text.insert(0, "typedef struct { unsigned long Data1; byte Data4[12]; } GUID;")
    head = f"uuid(12345678-0000-4000-8000-000000000001), version(1.0), pointer_default({maker.default})"
    text = "\n".join([*needed, f"[{head}] interface Made {{", *maker.text, *operations, "}"])
    return Seed(text, configuration(chance, text) if chance.random() < 0.2 else None)


_HEADS: Final = (
    "object",
    "object",
    "object, dual",
    "object, oleautomation",
    "local, object",
    "object, async_uuid({})",
    "local",
)
_KINDS_OF_OBJECTS: Final = "IUnknown* IDispatch* BSTR VARIANT GUID VARIANT_BOOL SAFEARRAY(long) CY".split()


def objects(chance: random.Random) -> Seed:
    """Object interfaces, dispinterfaces, component classes and libraries, most of them valid."""
    lines = [f'import "{chance.choice(["oaidl.idl"] * 6 + ["unknwn.idl", "ocidl.idl"])}";']
    names = ["IUnknown", "IDispatch"]
    for serial in range(chance.choice([1, 1, 2, 3])):
        name = f"I{serial}"
        head = chance.choice(_HEADS).format(_uuid(chance))
        base = chance.choice([chance.choice(names), names[-1], "IUnknown", "IUnknown", "IDispatch"])
        body = " ".join(_method(chance, f"m{serial}{at}") for at in range(chance.randrange(4)))
        lines.append(f"[{head}, uuid({_uuid(chance)})] interface {name} : {base} {{ {body} }}")
        names.append(name)
    if chance.random() < 0.4:
        inside = " ".join(chance.choice(_LIBRARY).format(chance.choice(names), _uuid(chance)) for _ in range(3))
        lines.append(f"[uuid({_uuid(chance)}), version(1.0)] library L {{ {inside} }}")
    return Seed("\n".join(lines))


_LIBRARY: Final = (
    'importlib("stdole2.tlb");',
    "interface {0};",
    "[uuid({1})] coclass C {{ [default] interface {0}; [source] interface IDispatch; }};",
    "[uuid({1})] dispinterface D {{ properties: [id(1)] long a; methods: [id(2)] void f([in] BSTR b); }};",
    "[uuid({1})] dispinterface V {{ interface {0}; }};",
    '[dllname("x.dll")] module M {{ const long N = 1; [entry("f")] long f([in] long a); }};',
    "typedef [public] enum {{ A, B = 7 }} E;",
    "[uuid({1}), object] interface IL : {0} {{ HRESULT g([out, retval] SAFEARRAY(long) *p); }};",
)


def _uuid(chance: random.Random) -> str:
    return f"{chance.getrandbits(32):08x}-0000-4000-8000-{chance.getrandbits(16):012x}"


def _method(chance: random.Random, name: str) -> str:
    """A method, mostly a valid one."""
    attributes = chance.choice(
        ["", "", "", "", "[propget] ", "[propput] ", f"[id({chance.randrange(99)})] ", "[local] "]
    )
    kinds = [*_KINDS_OF_OBJECTS, *(each.replace("-", " ") for each in SCALARS)]
    parameters: list[str] = []
    for serial in range(chance.randrange(4)):
        kind, called = chance.choice(kinds), f"p{serial}"
        forms = [
            f"[in] {kind} {called}",
            f"[in] {kind} {called}",
            f"[out] {kind} *{called}",
            f"[in, out] {kind} *{called}",
        ]
        forms += [
            f"[in, unique] {kind} *{called}",
            f"[in, optional] VARIANT {called}",
            f"[in, string] wchar_t *{called}",
        ]
        forms += [
            f"[in] REFIID i{serial}, [out, iid_is(i{serial})] void **{called}",
            f"[in] unsigned long n{serial}, [in, size_is(n{serial})] {kind} *{called}",
            f"[in, out] unsigned long *n{serial}, [out, size_is(*n{serial}), length_is(*n{serial})] {kind} *{called}",
            f"[in, range(0, 9)] long n{serial}, [out, size_is(, n{serial})] {kind} **{called}",
            f"[in{chance.choice([', ref', ', string', ', lcid', ', retval', ', size_is(p0)'])}] {kind} {called}",
        ]
        parameters.append(chance.choice(forms))
    if chance.random() < 0.3:
        parameters.append(f"[out, retval] {chance.choice(kinds)} *result")
    return f"{attributes}{chance.choice(['HRESULT'] * 9 + ['void', 'long'])} {name}({', '.join(parameters)});"


# ---------------------------------------------------------------------------- ACF files

_ACF_PLACES: Final = (Place.ACF_INTERFACE, Place.ACF_TYPE, Place.ACF_OPERATION, Place.ACF_PARAMETER)
_TYPEDEF: Final = re.compile(r"[ *}](\w{1,40})(?: ?\[\w*\])*;")
_OPERATION: Final = re.compile(r"\b(\w{1,40}) ?\(\s?\[[^;{]{0,400};")
_PARAMETER: Final = re.compile(r"\b(\w{1,40}) ?[,)]")


def configuration(chance: random.Random, idl: str) -> str:
    """An ACF file about the names that are in the IDL."""
    interfaces = re.findall(r"\binterface\s+(\w+)", idl) or ["I"]
    body = [f"typedef {_acf(chance, 1)}{name};" for name in _TYPEDEF.findall(idl) if chance.random() < 0.5]
    for match in _OPERATION.finditer(idl):
        if chance.random() < 0.6:
            found = _PARAMETER.findall(match[0][len(match[1]) :])
            parameters = [f"{_acf(chance, 3)}{name}" for name in found if chance.random() < 0.5]
            if chance.random() < 0.2:
                parameters.append(f"{_acf(chance, 3)}extra")
            body.append(f"{_acf(chance, 2)}{match[1]}({', '.join(parameters)});")
    return f"{_acf(chance, 0)}interface {interfaces[-1]}\n{{\n" + "\n".join(body) + "\n}\n"


def _acf(chance: random.Random, place: int) -> str:
    names = [rule.name for rule in ATTRIBUTES.values() if _ACF_PLACES[place] in rule.places]
    count = chance.choice([0, 1, 1, 2])
    if not count:
        return ""
    arguments = [
        "",
        "",
        "",
        "(a)",
        "(handle_t h)",
        "(long)",
        "(T, S)",
        '("x")',
        f"({chance.choice(NUMBERS)})",
        "(all_nodes)",
    ]
    return "[" + ", ".join(chance.choice(names) + chance.choice(arguments) for _ in range(count)) + "] "


# ---------------------------------------------------------------------------- constants


def constants(chance: random.Random) -> Seed:
    """Constants, enumerations and array bounds over expressions of all kinds of numbers."""
    lines = [f"[uuid({_uuid(chance)})] interface K {{"]
    for serial in range(chance.randrange(1, 12)):
        value = _expression(chance, serial, chance.choice([1, 2, 3, 5]))
        kind = chance.choice("long short char byte hyper boolean double float wchar_t T0 char* wchar_t*".split())
        lines.append(
            chance.choice(
                [
                    f"const {kind} k{serial} = {value};",
                    f"const {kind} k{serial} = {value};",
                    f"typedef enum {{ k{serial} = {value}, e{serial} }} T{serial};",
                    f"typedef long T{serial}[{value}];",
                    f"typedef [range({value}, {_expression(chance, serial, 2)})] long T{serial};",
                    f"typedef struct {{ long a : {value}; long n; [size_is({value})] long *p; }} T{serial};",
                    f"typedef union switch (long t) u {{ case {value}: long a; default: ; }} T{serial};",
                    f"#define k{serial} ({value})\n#if {value}\nconst long n{serial} = k{serial};\n#endif",
                    f"long f{serial}([in, size_is({value})] long p[], [in] long a);",
                ]
            )
        )
    return Seed("\n".join([*lines, "}"])[:MAX_SIZE])


def _expression(chance: random.Random, known: int, depth: int) -> str:
    if depth == 0 or chance.random() < 0.15:
        names = [f"k{chance.randrange(known)}"] if known else []
        rare = chance.choice([chance.choice(NUMBERS), '"text"', "NULL", "TRUE", "a"])
        return chance.choice([rare, *NUMBERS[:9], *names * 4])
    left, right = _expression(chance, known, depth - 1), _expression(chance, known, depth - 1)
    operator = chance.choice("+ - * / % << >> < > <= >= == != & | ^ && ||".split())
    forms = [f"{left} {operator} {right}", f"({left} {operator} {right})", f"-{left}", f"~{left}", f"!{left}"]
    kind = chance.choice(["long", "char", "unsigned hyper", "boolean", "T0", "void *", "double", "struct s"])
    forms += [f"({left} ? {right} : {left})", f"({kind}) {left}", f"sizeof({kind})"]
    return chance.choice([*forms * 3, f"*{left}", f"&{left}"])
