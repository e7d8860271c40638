"""The catalogue of codes and the rule tests hold each other to account."""

from __future__ import annotations

import re
from pathlib import Path

import idlc
from idlc.diagnostics.codes import CODES
from tests.rules.test_rules import FOLDER, check, fences

SOURCES = Path(idlc.__file__).parent
TESTS = FOLDER.parent
_CODE = re.compile(r"\b(?:MIDL|IDLC)\d{4}\b")
_ASSERTION = re.compile(r"// (error|warning|note|ok): \[([A-Z0-9, ]+)\]")

# Conditions of the command line, of whole files and of what no text in a fence can have are shown elsewhere in `tests`.
COMMAND_LINE = frozenset(code for code in CODES if code.startswith("MIDL1")) | {"MIDL2338", "MIDL2397"}
RESERVED = frozenset(["IDLC1016", "IDLC1303", "MIDL1009"])
"""Nothing says these yet; their meaning is taken."""
NO_FENCE = frozenset(["MIDL2026", "MIDL2110"])

AT_LEAST = 230
"""MIDL's conditions that have a rule test."""

POINTS_AT_ANOTHER_PLACE = frozenset(
    """
    MIDL2003 MIDL2016 MIDL2035 MIDL2038 MIDL2040 MIDL2043 MIDL2050 MIDL2056 MIDL2061 MIDL2062 MIDL2063 MIDL2064 MIDL2065
    MIDL2066 MIDL2069 MIDL2070 MIDL2076 MIDL2077 MIDL2078 MIDL2083 MIDL2086 MIDL2095 MIDL2098 MIDL2100 MIDL2101 MIDL2104
    MIDL2123 MIDL2124 MIDL2140 MIDL2146 MIDL2159 MIDL2163 MIDL2173 MIDL2179 MIDL2182 MIDL2183 MIDL2198 MIDL2199 MIDL2204
    MIDL2209 MIDL2211 MIDL2213 MIDL2221 MIDL2223 MIDL2229 MIDL2232 MIDL2233 MIDL2241 MIDL2242 MIDL2243 MIDL2244 MIDL2245
    MIDL2263 MIDL2270 MIDL2276 MIDL2277 MIDL2285 MIDL2287 MIDL2293 MIDL2299 MIDL2352 MIDL2357 MIDL2377 MIDL2416
    """.split()
)
SUGGESTS = frozenset(
    """
    IDLC1203 MIDL2001 MIDL2006 MIDL2027 MIDL2038 MIDL2040 MIDL2041 MIDL2043 MIDL2057 MIDL2071 MIDL2074 MIDL2078 MIDL2079
    MIDL2083 MIDL2086 MIDL2087 MIDL2088 MIDL2089 MIDL2099 MIDL2105 MIDL2121 MIDL2150 MIDL2152 MIDL2159 MIDL2160 MIDL2164
    MIDL2171 MIDL2179 MIDL2191 MIDL2195 MIDL2198 MIDL2199 MIDL2221 MIDL2226 MIDL2264 MIDL2268 MIDL2284 MIDL2289 MIDL2385
    MIDL2388 MIDL2416 MIDL2417
    """.split()
)


def asserted() -> tuple[set[str], set[str]]:
    """The codes that rule tests trigger, and those they show a counter-example for."""
    triggered: set[str] = set()
    obeyed: set[str] = set()
    for fence in fences():
        for text in (fence.idl, fence.acf or ""):
            for kind, codes in _ASSERTION.findall(text):
                (obeyed if kind == "ok" else triggered).update(code.strip() for code in codes.split(","))
    return triggered, obeyed


def raised() -> set[str]:
    """The codes that stand in the compiler's sources outside of the catalogue."""
    sources = (path for path in SOURCES.rglob("*.py") if path.name != "codes.py")
    return {code for path in sources for code in _CODE.findall(path.read_text(encoding="utf-8"))}


def test_every_code_of_midl_has_a_rule_test_that_triggers_it() -> None:
    triggered, _ = asserted()
    documented = {code for code in CODES if code.startswith("MIDL")} - COMMAND_LINE - NO_FENCE
    assert documented - triggered == set()
    assert len(triggered & documented) >= AT_LEAST


def test_every_code_of_midl_has_a_counter_example() -> None:
    triggered, obeyed = asserted()
    assert {code for code in triggered if code.startswith("MIDL")} - obeyed == set()


def test_what_has_no_rule_test_is_shown_elsewhere() -> None:
    texts = [path.read_text(encoding="utf-8") for path in TESTS.rglob("*.py") if path.parent != FOLDER]
    shown = {code for text in texts for code in _CODE.findall(text)}
    assert NO_FENCE - shown == set()


def test_no_code_is_raised_that_is_not_in_the_catalogue_and_none_is_there_for_nothing() -> None:
    assert raised() - set(CODES) == set()
    assert set(CODES) - raised() == RESERVED


def test_diagnostics_point_at_one_line_at_the_other_place_and_say_what_to_do() -> None:
    wide, unnoted, unhelped, silly = set(), set(), set(), set()
    for fence in fences():
        for diagnostic in check(fence).diagnostics:
            place = (diagnostic.code, fence.file, diagnostic.span.line)
            if "\n" in diagnostic.span.text or diagnostic.span.is_none:
                wide.add(place)
            if diagnostic.code in POINTS_AT_ANOTHER_PLACE and not diagnostic.notes:
                unnoted.add(place)
            if diagnostic.code in SUGGESTS and not diagnostic.help:
                unhelped.add(place)
            if any(note.span == diagnostic.span for note in diagnostic.notes):
                silly.add(place)
    assert (wide, unnoted, unhelped, silly) == (set(), set(), set(), set())
