"""Outputs appear all at once, or nothing changes."""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from idlc.emit import output
from idlc.emit.output import OutputError, placed, write


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    before = os.umask(0o027)
    yield
    os.umask(before)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_folders_are_made_and_permissions_are_the_umask(tmp_path: Path) -> None:
    place = tmp_path / "a" / "b" / "x.py"
    assert write({str(place): "text"}) == (str(place),)
    assert place.read_text() == "text"
    assert stat.S_IMODE(place.stat().st_mode) == 0o640
    assert names(place.parent) == ["x.py"]


def test_an_equal_file_keeps_its_date_and_is_not_said_to_be_written(tmp_path: Path) -> None:
    same, other = tmp_path / "same", tmp_path / "other"
    for file in (same, other):
        file.write_text("text")
        os.utime(file, (1, 1))
    assert write({str(same): "text", str(other): "new"}) == (str(other),)
    assert (same.stat().st_mtime, other.read_text()) == (1, "new")


def test_what_a_killed_run_left_is_swept_when_it_is_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".idlc-0123456789ab").write_text("half")
    (tmp_path / ".idlc-notes").write_text("mine")
    write({str(tmp_path / "x.py"): "text"})
    assert names(tmp_path) == [".idlc-0123456789ab", ".idlc-notes", "x.py"]  # it may be that of a run beside this one
    monkeypatch.setattr(output, "_DAY", -1)
    write({str(tmp_path / "x.py"): "other"})
    assert names(tmp_path) == [".idlc-notes", "x.py"]


def test_names_stay_in_their_folder() -> None:
    for name in ("../x.py", "/x.py", "a/x.py", "", ".", ".."):
        with pytest.raises(OutputError, match="not a plain file name"):
            placed({name: ""}, "out")


def make_fifo(place: Path) -> None:
    os.mkfifo(place)


def make_device(place: Path) -> None:
    place.symlink_to("/dev/null")


def make_socket(place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(place))


def make_folder(place: Path) -> None:
    place.mkdir()


def make_link(place: Path) -> None:
    (place.parent / "target").write_text("kept")
    place.symlink_to("target")


@pytest.mark.parametrize("make", [make_fifo, make_device, make_socket, make_folder, make_link])
def test_only_regular_files_are_replaced(tmp_path: Path, make: object) -> None:
    assert callable(make)
    make(tmp_path / "x.py")
    before = names(tmp_path)
    with pytest.raises(OutputError, match=r'cannot write ".*x\.py": it is (a folder|a symbolic link|not a regular)'):
        write({str(tmp_path / "a.py"): "text", str(tmp_path / "x.py"): "text"})
    assert names(tmp_path) == before
    if make is make_link:
        assert (tmp_path / "target").read_text() == "kept"


def test_a_device_itself_is_never_written_to() -> None:
    with pytest.raises(OutputError, match='cannot write "/dev/null": it is not a regular file'):
        write({"/dev/null": "text"})


def test_a_file_in_the_place_of_the_folder_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(OutputError, match=r"cannot write into .*out.: it is not a folder"):
        write({str(tmp_path / "out" / "x.py"): "text"})


def test_a_name_that_is_too_long_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r'cannot write ".*n\.py": File name too long'):
        write({str(tmp_path / "new" / "a.py"): "text", str(tmp_path / "new" / ("n" * 300 + "n.py")): "text"})
    assert names(tmp_path) == []


def test_the_longest_name_there_can_be_is_written(tmp_path: Path) -> None:
    name = "n" * 252 + ".py"
    write({str(tmp_path / name): "text"})
    assert names(tmp_path) == [name]


def test_a_full_disk_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full")
    (tmp_path / "a.py").write_text("old")
    real = os.open

    def full(path: str, flags: int, mode: int = 0o777) -> int:
        descriptor = real(path, flags, mode)
        if flags & os.O_CREAT and len(names(tmp_path)) == 3:  # the second one does not fit
            os.close(descriptor)
            return real("/dev/full", os.O_WRONLY)
        return descriptor

    monkeypatch.setattr(os, "open", full)
    with pytest.raises(OutputError, match=r'cannot write ".*b\.py": No space left on device'):
        write({str(tmp_path / "a.py"): "new", str(tmp_path / "b.py"): "new"})
    assert names(tmp_path) == ["a.py"]
    assert (tmp_path / "a.py").read_text() == "old"


@pytest.mark.parametrize("links", [True, False], ids=["links", "no-links"])
def test_a_move_that_fails_takes_back_those_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    (tmp_path / "a.py").write_text("old")
    (tmp_path / "z.py").write_text("old")
    real = os.replace

    def refuse(source: str, target: str) -> None:
        if target.endswith("z.py"):
            raise PermissionError(errno.EPERM, "Operation not permitted")
        real(source, target)

    def no_links(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "replace", refuse)
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    with pytest.raises(OutputError, match=r'cannot write ".*z\.py": Operation not permitted'):
        write({str(tmp_path / name): "new" for name in ("a.py", "n.py", "z.py")})
    # Without links there is no way back, but nothing is lost either.
    assert (tmp_path / "a.py").read_text() == ("old" if links else "new")
    assert (tmp_path / "z.py").read_text() == "old"
    assert names(tmp_path) == ["a.py", "z.py"]


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder may only be looked into, by us who are not root, for whom nothing is read-only."""
    locked = tmp_path / "locked"
    locked.mkdir()
    (locked / "x.py").write_text("old")
    (locked / "x.py").chmod(0o444)
    locked.chmod(0o555)
    monkeypatch.chdir(locked)
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    yield locked
    os.seteuid(before)
    locked.chmod(0o755)


@pytest.mark.parametrize("name", ["x.py", "y.py", "new/y.py"])
@pytest.mark.usefixtures("locked")
def test_a_folder_that_is_read_only_is_an_error_that_names_the_file(name: str) -> None:
    with pytest.raises(OutputError, match=f'cannot write "{name}": Permission denied'):
        write({name: "text"})
    assert Path("x.py").read_text() == "old"
    assert write({"x.py": "old"}) == ()  # nothing to write is no error
