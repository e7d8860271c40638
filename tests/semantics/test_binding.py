"""What tells an operation which server to go to, as `dump --stage bound` names it."""

from __future__ import annotations

import pytest

from idlc.driver import Settings, analyse
from idlc.semantics.show import show

TYPES = "typedef [context_handle] void *CTX; typedef [handle] wchar_t *NAME;"


def handle(operation: str, header: str, acf: str | None = None) -> str:
    text = f"[uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d5e){header}] interface x {{ {TYPES} void f({operation}); }}"
    memory = {"case.idl": text} | ({} if acf is None else {"case.acf": acf})
    compilation = analyse(["case.idl"], Settings(memory=memory))
    assert not compilation.report.has_errors
    bound = compilation.main[0].bound
    assert bound is not None
    line = next(line for line in show(bound).splitlines() if line.startswith("  0 f"))
    return line.removeprefix("  0 f: void").strip()


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("[in] long n, [in] handle_t h", "bound by handle_t h (1)"),
        ("[in] CTX c, [in] handle_t h", "bound by context handle c (0)"),
        ("[out] CTX *c, [in, string] NAME server", "bound by [handle] server (1)"),
        ("[in, out] CTX *c", "bound by context handle c (0)"),
        ("[out] CTX *c", "bound by implicit_handle channel"),
        ("", "bound by implicit_handle channel"),
    ],
)
def test_the_leftmost_handle_that_goes_in_comes_before_the_implicit_one(operation: str, expected: str) -> None:
    assert handle(operation, ", implicit_handle(handle_t channel)") == expected


def test_an_acf_says_it_for_operations_and_interfaces() -> None:
    assert handle("", "", "interface x { [explicit_handle] f(); }") == "bound by explicit_handle"
    assert handle("", "", "[auto_handle] interface x { }") == "bound by auto_handle"
    assert handle("", "", "[implicit_handle(handle_t h)] interface x { }") == "bound by implicit_handle h"


def test_nothing_is_said_where_nothing_is_written() -> None:
    assert handle("[in] long n", "") == ""
