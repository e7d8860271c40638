"""The cache: what is found again, what is not, and whose folder is used."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from idlc import cache

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="permissions are POSIX's")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.delenv("IDLC_CACHE", raising=False)
    monkeypatch.setenv("IDLC_CACHE_DIR", str(tmp_path / "kept"))
    cache._known_folders.clear()
    yield tmp_path / "kept"
    cache._known_folders.clear()


def entry(folder: Path) -> Path:
    (found,) = folder.iterdir()
    return found


def test_what_was_stored_is_found_again(folder: Path) -> None:
    value = {"a": [1, 2.5, None, (True, b"x", "\N{EURO SIGN}")]}
    cache.store("test", cache.key("a"), value)
    assert cache.load("test", cache.key("a")) == value


def test_other_content_or_another_kind_is_not_found(folder: Path) -> None:
    cache.store("test", cache.key("a", "b"), 1)
    assert cache.load("test", cache.key("ab")) is None
    assert cache.load("test", cache.key("a", "b", "")) is None
    assert cache.load("other", cache.key("a", "b")) is None


def test_another_version_of_the_tool_finds_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.store("test", cache.key("a"), 1)
    monkeypatch.setattr(cache, "_tool", lambda: b"another")
    assert cache.load("test", cache.key("a")) is None


@pytest.mark.parametrize("at", [0, 8, 30, -1])
def test_a_damaged_entry_is_not_found(folder: Path, at: int) -> None:
    cache.store("test", cache.key("a"), "some text")
    data = bytearray(entry(folder).read_bytes())
    data[at] ^= 1
    entry(folder).write_bytes(data)
    assert cache.load("test", cache.key("a")) is None


@pytest.mark.parametrize("size", [0, 3, 20, 30])
def test_an_entry_cut_short_is_not_found_and_can_be_replaced(folder: Path, size: int) -> None:
    cache.store("test", cache.key("a"), "some text")
    entry(folder).write_bytes(entry(folder).read_bytes()[:size])
    assert cache.load("test", cache.key("a")) is None
    cache.store("test", cache.key("a"), "some text")
    assert cache.load("test", cache.key("a")) == "some text"


@posix_only
def test_folder_and_entries_are_closed_to_others(folder: Path) -> None:
    cache.store("test", cache.key("a"), 1)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(entry(folder).stat().st_mode) == 0o600


@posix_only
@pytest.mark.parametrize("mode", [0o755, 0o770, 0o777, 0o701])
def test_a_folder_that_is_open_to_others_is_not_used(folder: Path, mode: int) -> None:
    folder.mkdir()
    folder.chmod(mode)
    cache.store("test", cache.key("a"), 1)
    assert list(folder.iterdir()) == []
    assert cache.load("test", cache.key("a")) is None


@posix_only
def test_an_entry_that_others_can_write_is_not_used(folder: Path) -> None:
    cache.store("test", cache.key("a"), 1)
    entry(folder).chmod(0o622)
    assert cache.load("test", cache.key("a")) is None


@posix_only
def test_links_are_not_followed(folder: Path, tmp_path: Path) -> None:
    cache.store("test", cache.key("a"), 1)
    entry(folder).rename(tmp_path / "elsewhere")
    (folder / f"test-{cache.key('a')}").symlink_to(tmp_path / "elsewhere")
    assert cache.load("test", cache.key("a")) is None
    folder.rename(tmp_path / "moved")
    folder.symlink_to(tmp_path / "moved")
    cache._known_folders.clear()
    cache.store("test", cache.key("b"), 1)
    assert cache.load("test", cache.key("b")) is None


def test_it_can_be_switched_off(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.store("test", cache.key("a"), 1)
    monkeypatch.setenv("IDLC_CACHE", "off")
    assert cache.load("test", cache.key("a")) is None
    cache.store("test", cache.key("b"), 1)
    assert len(list(folder.iterdir())) == 1


def test_a_folder_that_cannot_be_made_is_done_without(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("IDLC_CACHE_DIR", str(tmp_path / "file" / "kept"))
    cache.store("test", cache.key("a"), 1)
    assert cache.load("test", cache.key("a")) is None


def test_what_is_no_plain_data_is_not_kept(folder: Path) -> None:
    cache.store("test", cache.key("a"), object())
    assert cache.load("test", cache.key("a")) is None


def test_the_least_recently_used_go_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MAX_TOTAL", 50_000)
    monkeypatch.setattr(cache, "_SELDOM", 1)
    for number in range(8):
        monkeypatch.setattr(cache, "_written", 0)
        cache.store("test", cache.key(str(number)), bytes(10_000))
        if number < 7:
            os.utime(folder / f"test-{cache.key(str(number))}", (number, number))
    kept = [number for number in range(8) if cache.load("test", cache.key(str(number))) is not None]
    assert kept == list(range(kept[0], 8))
    assert sum(each.stat().st_size for each in folder.iterdir()) <= 50_000


def test_what_a_crashed_run_left_goes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.store("test", cache.key("a"), 1)
    (folder / ".1-2").write_bytes(b"half")
    os.utime(folder / ".1-2", (1, 1))
    monkeypatch.setattr(cache, "_written", 0)
    monkeypatch.setattr(cache, "_SELDOM", 1)
    cache.store("test", cache.key("b"), 1)
    assert sorted(each.name[:4] for each in folder.iterdir()) == ["test", "test"]


def test_many_runs_share_it(folder: Path) -> None:
    program = (
        "from idlc import cache\n"
        "for n in range(300):\n"
        "    key = cache.key(str(n % 7))\n"
        "    found = cache.load('test', key)\n"
        "    assert found is None or found == [n % 7] * 5000\n"
        "    cache.store('test', key, [n % 7] * 5000)\n"
    )
    runs = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(3)]
    assert [run.wait(60) for run in runs] == [0, 0, 0]
    assert len(list(folder.iterdir())) == 7
