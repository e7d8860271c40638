"""Real files with mistakes of every kind put into them."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Final

from idlc.language.attributes import ATTRIBUTES
from tests.fuzz.front.seeds import MAX_SIZE, Seed, parts, seeds

_TOKEN: Final = re.compile(
    r'[0-9a-fA-F]{8}-[0-9a-fA-F-]+|\w+|L?"(?:[^"\\\n]|\\.)*"|\n|[ \t]+|\.\.\.|->|[<>&|=]{2}|.', re.S
)
_ATTRIBUTES: Final = re.compile(r"\[(?=\s*[a-z_]\w*\s*[,(\]])[^\[\]{};]*\]")
_WORD: Final = re.compile(r"[A-Za-z_]\w*")

_KINDS: Final = (
    "long short hyper byte boolean double wchar_t char float int small void handle_t unsigned error_status_t __int3264 "
    "HRESULT BSTR VARIANT GUID IUnknown LPWSTR".split(),
    "in out ref unique ptr string idempotent retval optional".split(),
    "size_is max_is length_is first_is last_is switch_is iid_is range".split(),
    "struct union enum interface typedef const pipe dispinterface coclass library module".split(),
    "+ - * / % << >> & | ^ && || == != < > ? :".split(),
)
_MISTAKE: Final = re.compile(r"^.*// error:.*\n", re.MULTILINE)
"""A line of a fence that is wrong, and says so."""
_KIND: Final = {word: kind for kind in _KINDS for word in kind}
NUMBERS: Final = [
    *"0 1 -1 2 7 8 31 32 33 63 64 65 127 128 255 256 32767 32768 65535 65536 0x7fffffff 0x80000000 4294967295 "
    "4294967296 0x7fffffffffffffff 0x8000000000000000 18446744073709551615 18446744073709551616 1e400 1.5 .5 0x 08 1u "
    "1ULL 'a' L'\\xffff' 1e999999999".split(),
    "9" * 400,
    "0x" + "f" * 300,
    "1." + "0" * 300,
]
_PIECES: Final = [
    *"{ } ( ) [ ] , ; : . .. ... * & | -> = == ? \\ ' \" /* */ // # ## $ @ \0 \x1a \ufeff \u202e \U0001f600 é".split(),
    *"#if #endif #else #elif #define #undef #include #pragma #line #error import importlib cpp_quote( sizeof(".split(),
    *"typedef struct union enum switch( case default: const static extern unsigned __declspec( namespace".split(),
    *"void* [in] [out] [] [*] [1] [..] () (void) {} ;; ,, %s %n {0} {x!r} {{x}} {% %} NULL TRUE L\"x\"".split(),
    "\n", "\\\n", " ", "\t", "\x0c", "\r", "\u2028", "\udc80", '"""', "'''", "#define E E E\n",
    "[size_is(n)] ", "[switch_is(n)] ", "[string, unique] ", "[local] ", "[callback] ", "interface IUnknown;\n",
    "#define f(x) x##x #x\n",
    'import "oaidl.idl";\n', 'import "unknwn.idl";\n', 'import "x.idl";\n', '#include "x.idl"\n', "#pragma pack(1)\n",
    'extern "C" {', "midl_pragma warning(disable: 2111)\n", "typedef pipe byte P;\n", "typedef void *V;\n",
]  # fmt: skip
_ARGUMENTS: Final = ["", "", "(1)", '("x")', "(long)", "(a)", "(,)", "(a, b)", "(*a)", "()", "(long a)"]
_MACROS: Final = (
    "#define {0} {0}\n",
    "#define {0} {0} {0}\n",
    "#define {0}(x) x {0}\n",
    "#define {0}(x, ...) x ## __VA_ARGS__ #x\n",
    "#define {0} {1}\n#define {1} {0}\n",
    "#define {0} {1} {1}\n#define {1} {2} {2} {2}\n#define {2} {0} {0} {0}\n",
    "#define {0}\n",
    "#define {0} (\n",
    "#define {0} /* \n",
    "#ifdef {0}\n",
    "#if {0} > {1}\n#else\n",
    "#if defined({0}) && {0} / {1}\n#endif\n",
    "#undef {0}\n",
    "#define {0} {1} ## {2}\n",
    "#define {0}(a, b, c) a b ## c # a\n",
)


def mutated(chance: random.Random) -> Seed:
    """A text of the seeds, cut to a size, with some mutations."""
    source = chance.choice(seeds())
    seed = chance.choice(source)
    size = int(16 * 2 ** (8 * chance.random()))  # as many inputs of each order of size
    text = _window(chance, seed.idl, size)
    if chance.random() < 0.7:
        text = _MISTAKE.sub("", text)
    acf = seed.acf
    # Half of them stay files that make sense, so that the later stages get their share.
    changes = _MILD if chance.random() < 0.5 else _CHANGES
    for _ in range(chance.choice([1, 1, 1, 2, 2, 3, 5, 12])):
        change = chance.choice(changes)
        if acf is not None and chance.random() < 0.3:
            acf = change(chance, acf)[:MAX_SIZE]
        else:
            text = change(chance, text)[:MAX_SIZE]
    return Seed(text, acf)


def _window(chance: random.Random, text: str, size: int) -> str:
    """A stretch of about a size, mostly of whole declarations, or all of the text if it is not much longer."""
    if len(text) <= size * 2:
        return text[:MAX_SIZE]
    if chance.random() < 0.3:
        at = chance.randrange(len(text))
        return text[at : at + size]
    starts = [match.start() for match in re.finditer(r"^(?:    )?(?:typedef|\[|interface|const)", text, re.MULTILINE)]
    at = chance.choice([0, *starts])
    end = next((start for start in starts if start > at + size), len(text))
    taken = text[at:end][:MAX_SIZE]
    taken += "}\n" * (taken.count("{") - taken.count("}"))
    if at and "interface" not in taken:
        taken = f"[uuid(12345678-0000-4000-8000-000000000009)] interface Window {{\n{taken}\n}}\n"
    return taken


# ---------------------------------------------------------------------------- the mutations


def _tokens(chance: random.Random, text: str) -> str:
    """Words swapped, deleted, doubled, put in, or replaced by one of their kind."""
    words = _TOKEN.findall(text) or [" "]
    for _ in range(chance.choice([1, 1, 2, 4])):
        at, other = chance.randrange(len(words)), chance.randrange(len(words))
        match chance.randrange(5):
            case 0:
                words[at], words[other] = words[other], words[at]
            case 1:
                words[at] = ""
            case 2:
                words.insert(at, words[at] + chance.choice(["", " "]))
            case 3:
                words.insert(at, words[other])
            case _:
                words.insert(at, chance.choice(_PIECES))
    return "".join(words)


def _kinds(chance: random.Random, text: str) -> str:
    """Words replaced by others of their kind."""
    words = _TOKEN.findall(text)
    alike = [at for at, word in enumerate(words) if word in _KIND]
    for at in chance.sample(alike, min(len(alike), chance.choice([1, 1, 2]))):
        words[at] = chance.choice(_KIND[words[at]])
    return "".join(words)


def _names(chance: random.Random, text: str) -> str:
    """One name put in the place of another, everywhere or once: cycles, wrong kinds, doubles."""
    found = list(dict.fromkeys(_WORD.findall(text)))
    if len(found) < 2:
        return text
    first, second = chance.sample(found, 2)
    return re.sub(rf"\b{first}\b", second, text, count=chance.choice([0, 1, 1, 2]))


def _numbers(chance: random.Random, text: str) -> str:
    places = [(match.start(), match.end()) for match in re.finditer(r"\b\d\w*", text)]
    if not places:
        return _inserted(chance, text, chance.choice(NUMBERS))
    start, end = chance.choice(places)
    return text[:start] + chance.choice(NUMBERS) + text[end:]


def _inserted(chance: random.Random, text: str, piece: str) -> str:
    at = chance.randrange(len(text) + 1)
    return text[:at] + piece + text[at:]


def _pieces(chance: random.Random, text: str) -> str:
    return _inserted(chance, text, chance.choice(_PIECES) * chance.choice([1, 1, 1, 3, 300]))


def _flipped(chance: random.Random, text: str) -> str:
    octets = bytearray(text.encode("utf-8", "surrogatepass"))
    for _ in range(chance.choice([1, 1, 3, 20])):
        if octets:
            octets[chance.randrange(len(octets))] ^= 1 << chance.randrange(8)
    return octets.decode(chance.choice(["utf-8", "latin-1"]), "replace")


def _spliced(chance: random.Random, text: str) -> str:
    """The beginning of one text and the end of another, or one inside the other."""
    other = chance.choice(chance.choice(seeds())).idl
    at, from_ = chance.randrange(len(text) + 1), chance.randrange(len(other) + 1)
    stretch = other[from_ : from_ + chance.randrange(1, 1000)]
    return text[:at] + stretch + ("" if chance.random() < 0.4 else text[at:])


def _brackets(chance: random.Random, text: str) -> str:
    """A pair of brackets taken away, doubled, exchanged for another kind, or moved."""
    places = [at for at, character in enumerate(text) if character in "()[]{}"]
    if not places:
        return text + chance.choice("()[]{}")
    at = chance.choice(places)
    new = chance.choice(["", text[at] * 2, chance.choice("()[]{}"), chance.choice(["<", ">", ";", ","])])
    return text[:at] + new + text[at + 1 :]


def _nested(chance: random.Random, text: str) -> str:
    """Something within itself, many times."""
    depth = chance.choice([3, 20, 60, 199, 201, 400, 900])
    opening, middle, closing = chance.choice(
        [
            ("(", "1", ")"), ("[", "in", "]"), ("struct {", "long a;", "} s;"),
            ("union {", "[case(1)] long a;", "} u;"),
            ("*", " p", ""), ("(*", "p", ")"), ("(*", "p", ")(void)"), ("-", "1", ""), ("!", "1", ""),
            ("~(", "1", ")"),
            ("1 ? ", "1", " : 1"), ("1 ? 1 : ", "1", ""), ("1+", "1", ""), ("1 << ", "1", ""), ("long a", "", "[2]"),
            ("{", "", "}"), ("/*", "", "*/"), ("#if 1\n", "", "#endif\n"), ("sizeof(", "long", ")"),
            ("(long)", "1", ""),
            ("[a(", "1", ")]"), ("interface i {", "", "}"), ("library l {", "", "}"), ("SAFEARRAY(", "long", ")"),
            ("f(", "1", ")"), ("typedef struct s {", "long a;", "} s;"), ("a.", "b", ""), ("a->", "b", ""),
            ("&", "a", ""),
            ("long f(", "long a", ")"), ("void (*p)(", "void", ")"), ("enum {", "A", "}"), ("x[", "0", "]"),
        ]
    )  # fmt: skip
    return _inserted(chance, text, opening * depth + middle + closing * chance.choice([depth, depth, depth - 1, 0]))


def _long(chance: random.Random, text: str) -> str:
    """A name, a string or a comment that is very long."""
    found = _WORD.findall(text)
    long = chance.choice("aé_\u4e00") * chance.choice([64, 255, 256, 1000, 3000])
    if found and chance.random() < 0.7:
        return re.sub(rf"\b{chance.choice(found)}\b", long, text)
    form = chance.choice(['"{}"', "/*{}*/", "// {}\n", "L'{}'", '#include "{}"\n'])
    return _inserted(chance, text, form.format(long))


def _macros(chance: random.Random, text: str) -> str:
    """Names that are in the text become macros."""
    found = _WORD.findall(text) or ["A"]
    macro = chance.choice(_MACROS).format(*(chance.choice(found) for _ in range(3)))
    at = text.rfind("\n", 0, chance.randrange(len(text) + 1)) + 1
    return text[:at] + macro + text[at:]


def _attributes(chance: random.Random, text: str) -> str:
    """Attributes of one list put into another, dropped, or taken from the whole language."""
    lists = list(_ATTRIBUTES.finditer(text))
    if not lists:
        return _inserted(chance, text, f"[{chance.choice(tuple(ATTRIBUTES))}] ")
    taken, given = chance.choice(lists), chance.choice(lists)
    words = [*given[0][1:-1].split(","), *taken[0][1:-1].split(",")]
    if chance.random() < 0.5:
        name = chance.choice(tuple(ATTRIBUTES))
        words.append(name + chance.choice(_ARGUMENTS))
    chance.shuffle(words)
    new = "[" + ",".join(words[: chance.randrange(len(words) + 1)]) + "]"
    return text[: taken.start()] + new + text[taken.end() :]


def _cut(chance: random.Random, text: str) -> str:
    at = chance.randrange(len(text) + 1)
    return text[:at] if chance.random() < 0.5 else text[at:]


def _lines(chance: random.Random, text: str) -> str:
    """Lines swapped, doubled or dropped: declarations out of order, twice, missing."""
    lines = text.splitlines(keepends=True) or [""]
    at, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    match chance.randrange(3):
        case 0:
            lines[at], lines[other] = lines[other], lines[at]
        case 1:
            lines.insert(at, lines[other])
        case _:
            del lines[at]
    return "".join(lines)


def _parts(chance: random.Random, text: str) -> str:
    """Two files one behind the other."""
    return text + "\n" + chance.choice(parts(chance.choice(chance.choice(seeds())).idl) or [""])


_MILD: Final[list[Callable[[random.Random, str], str]]] = [
    _kinds, _kinds, _kinds, _kinds, _names, _numbers, _attributes, _attributes, _lines, _lines, _macros,
]  # fmt: skip
_CHANGES: Final[list[Callable[[random.Random, str], str]]] = [
    _tokens, _tokens, _tokens, _tokens, _kinds, _names, _names, _numbers, _pieces, _flipped, _spliced, _brackets,
    _nested, _long, _macros, _attributes, _attributes, _cut, _lines, _parts,
]  # fmt: skip
