"""The garbage collector is paused while files are parsed, if that is asked for, and never otherwise."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

import idlc
from idlc import driver, reading
from idlc.crashes import InternalError
from idlc.settings import Settings
from idlc.syntax.parser import parse_file

TEXT = "[uuid(00000000-0000-0000-0000-000000000001)] interface I { void f([in] long a); }"


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.enable()


def parse(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> list[bool]:
    """Whether the collector was on each time a file was parsed."""
    seen: list[bool] = []

    def watched(*arguments: object, **named: object) -> object:
        seen.append(gc.isenabled())
        return parse_file(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(reading, "parse_file", watched)
    driver.parse(["x.idl"], settings)
    return seen


def test_it_is_paused_on_request_and_goes_on_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parse(monkeypatch, Settings(memory={"x.idl": TEXT}, pause_collector=True)) == [False]
    assert gc.isenabled()


def test_it_is_left_alone_without(monkeypatch: pytest.MonkeyPatch) -> None:
    frozen = gc.get_freeze_count()
    assert parse(monkeypatch, Settings(memory={"x.idl": TEXT})) == [True]
    assert gc.get_freeze_count() == frozen


def test_compile_text_does_not_ask_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gc, "disable", lambda: pytest.fail("the collector was paused"))
    assert idlc.compile_text(TEXT, name="x.idl").ok


def test_it_stays_off_where_it_was_off(monkeypatch: pytest.MonkeyPatch) -> None:
    gc.disable()
    assert parse(monkeypatch, Settings(memory={"x.idl": TEXT}, pause_collector=True)) == [False]
    assert not gc.isenabled()


def test_it_goes_on_after_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object, **__: object) -> None:
        raise ValueError("on purpose")

    monkeypatch.setattr(reading, "parse_file", crash)
    with pytest.raises(InternalError):
        driver.parse(["x.idl"], Settings(memory={"x.idl": TEXT}, pause_collector=True))
    assert gc.isenabled()
