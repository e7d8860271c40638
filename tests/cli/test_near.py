"""Near names: who is offered for a misspelt name, and who is not."""

from __future__ import annotations

import time

import pytest

import idlc
from idlc.diagnostics.fixes import fixes
from idlc.diagnostics.near import did_you_mean, near
from idlc.language import absent


@pytest.mark.parametrize(
    ("name", "candidates", "found"),
    [
        ("sizeis", ["size_is", "max_is", "sizes"], ["size_is"]),  # but for an underscore
        ("SIZE_IS", ["size_is"], ["size_is"]),
        ("lnog", ["long", "short"], ["long"]),  # swapped
        ("lnog", ["LONG", "long", "Long"], ["long"]),  # one of those that differ in case only
        ("LNOG", ["long", "LONG"], ["LONG"]),
        ("uniqe", ["unique", "ref"], ["unique"]),
        ("unniquee", ["unique"], ["unique"]),
        ("strnig", ["string", "strong"], ["string"]),
        ("count", ["counts", "court", "mount", "county", "x"], ["counts", "court", "mount"]),  # three at most
        ("a", ["b", "i"], []),  # one letter has no near ones
        ("ab", ["ac", "xy"], ["ac"]),
        ("in", ["out", "retval"], []),
        ("size_is", ["size_is"], []),  # itself is no correction
        ("", ["a"], []),
        ("frobnicate", ["long", "short"], []),
    ],
)
def test_the_nearest_are_offered(name: str, candidates: list[str], found: list[str]) -> None:
    assert near(name, candidates) == found


def test_several_near_names_are_listed() -> None:
    assert did_you_mean("tab", ["tap"]) == 'did you mean "tap"?'
    assert did_you_mean("count", ["counts", "court", "mount"]) == 'did you mean "counts", "court" or "mount"?'
    assert did_you_mean("count", ["zzz"]) is None


def test_thousands_of_candidates_take_no_time() -> None:
    candidates = [f"TYPE_NAME_{number:05}" for number in range(20_000)]
    began = time.process_time()
    assert near("TYPE_NAME_0100", candidates)
    assert near("x" * 10_000, ["y" * 10_000, *candidates]) == []
    assert time.process_time() - began < 2


HEAD = "[uuid(4f1d6a9e-7c43-4b0e-9a55-0c8f6d2be001), version(1.0), pointer_default(unique)] interface x {"


@pytest.mark.parametrize(
    ("body", "wrong", "right"),
    [
        ("typedef long COUNT; void f([in] CUONT n);", "CUONT", "COUNT"),
        ("void f([in] lnog n);", "lnog", "long"),
        ("void f([in, stirng] char *s);", "stirng", "string"),
        ("void f([in] long count, [in, size_is(conut)] byte *b);", "conut", "count"),
        ("typedef enum { RED, GREEN } E; const long C = GREAN;", "GREAN", "GREEN"),
        ("[local] void Go(void); [call_as(Og)] void RemoteGo(void);", "call_as(Og)", ""),
    ],
)
def test_an_unknown_name_lists_a_near_one(body: str, wrong: str, right: str) -> None:
    (found,) = idlc.compile_text(f"{HEAD} {body} }}", "x.idl").diagnostics
    assert found.span.text.startswith(wrong)
    if right:
        assert found.help == f'did you mean "{right}"?'
        assert [(fix.span.text, fix.text) for fix in fixes(found)] == [(wrong, right)]
    else:
        assert found.help == 'did you mean "Go"?'
        assert fixes(found) == ()  # the place is the whole attribute


@pytest.mark.parametrize(
    ("written", "help_"),
    [
        ("bool", 'MIDL writes "boolean"'),
        ("uint32_t", 'MIDL writes "unsigned long"'),
        ("viod *", 'did you mean "void"?'),
        ("HRESULT", 'it is defined in "unknwn.idl": import "unknwn.idl";'),
    ],
)
def test_types_that_midl_does_not_have_say_what_to_write(written: str, help_: str) -> None:
    (found,) = idlc.compile_text(f"{HEAD} void f([in] {written} x); }}", "x.idl").diagnostics
    assert (found.code, found.help) == ("MIDL2011", help_)


@pytest.mark.parametrize(
    ("parameter", "code", "words"),
    [
        ("[out] long n", "MIDL2042", "write *n"),
        ("[in] void *p", "MIDL2139", "[context_handle]"),
        ("[in] U u", "MIDL2143", "[switch_is(...)]"),
    ],
)
def test_what_cannot_be_sent_says_what_could(parameter: str, code: str, words: str) -> None:
    text = f"{HEAD} typedef union {{ long a; short b; }} U; void f({parameter}); }}"
    (found,) = idlc.compile_text(text, "x.idl").diagnostics
    assert found.code == code
    assert words in (found.help or "")


@pytest.mark.parametrize("file", sorted(set(absent.FILES.values())))
def test_files_have_what_is_said_to_be_in_them(file: str) -> None:
    names = [name for name, home in absent.FILES.items() if home == file]
    uses = "".join(f"void f{number}({name} *p); " for number, name in enumerate(names))
    report = idlc.compile_text(f'import "{file}"; [local] interface x {{ {uses} }}', "x.idl")
    assert [each.message for each in report.diagnostics] == []


def test_a_base_that_the_prelude_has_says_where() -> None:
    text = f"[object, {HEAD[1:].split(',')[0]}] interface x : IStream {{ }}"
    (found,) = idlc.compile_text(text, "x.idl").diagnostics
    assert found.help == 'it is defined in "objidl.idl": import "objidl.idl";'


def test_a_file_is_not_offered_to_itself() -> None:
    (found,) = idlc.compile_text(f'import "y.idl"; {HEAD} void f([in] long x); }}', "x.idl").diagnostics
    assert (found.code, found.help) == ("IDLC1002", "looked in .")


def test_an_unknown_base_lists_a_near_one() -> None:
    text = (
        'import "unknwn.idl"; [object, uuid(4f1d6a9e-7c43-4b0e-9a55-0c8f6d2be001)] '
        "interface I : IUnkonwn { HRESULT f(); }"
    )
    (found,) = idlc.compile_text(text, "x.idl").diagnostics
    assert (found.code, found.help) == ("MIDL2011", 'did you mean "IUnknown"?')


def test_an_attribute_in_the_wrong_place_says_where_it_may_stand() -> None:
    (found,) = idlc.compile_text(f"{HEAD} typedef [in] long T; }}", "x.idl").diagnostics
    assert (found.code, found.help) == ("MIDL2072", "it belongs on a parameter")


def test_a_file_that_is_not_found_has_near_names() -> None:
    (found,) = idlc.compile_text('import "ocild.idl", "wtypes.idl";\n', "x.idl").diagnostics
    assert found.help == 'did you mean "ocidl.idl"?'
    (found,) = idlc.compile_text('#include "tpyes.h"\n', "x.idl", files={"types.h": ""}).diagnostics
    assert found.help == 'did you mean "types.h"?'


def test_an_unknown_attribute_is_marked_by_its_name() -> None:
    (found,) = idlc.compile_text(f"{HEAD} void f([in, sizeis(4)] byte *b); }}", "x.idl").diagnostics
    assert (found.span.text, found.help) == ("sizeis", 'did you mean "size_is"?')
