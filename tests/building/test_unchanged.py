"""A run with nothing to do is known before the compiler is loaded; anything that matters makes it run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from idlc import __main__, cli
from idlc.building import unchanged

ROOT = Path(__file__).parents[2]
LAB = (
    '#include "deep.h"\n'
    "[uuid(b8a3c1de-52f4-4f0d-9a6e-7c1de05f2a10), version(1.0)] interface Lab { void Go([in] T n); }\n"
)
COMPILE = ["compile", "lab.idl", "-I", "one", "-I", "two", "-o", "out", "-MF", "lab.d", "--manifest", "lab.json"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project in the current folder, compiled once."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IDLC_CACHE_DIR", str(tmp_path / "cache"))
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    (tmp_path / "lab.idl").write_text(LAB)
    (tmp_path / "two" / "deep.h").write_text("typedef long T;\n")
    assert ran()
    return tmp_path


def ran(*arguments: str) -> bool:
    """Run the command; whether there was anything to do."""
    words = list(arguments) or COMPILE
    if unchanged.recall(words) is not None:
        return False
    assert cli.main(words) == 0
    return True


def test_nothing_heavy_is_loaded(here: Path) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from idlc.__main__ import main\n"
        "sys.argv[0] = 'idlc'; status = main()\n"
        "heavy = {'lark', 'jinja2', 'black', 'argparse', 'typing', 're', 'dataclasses', 'enum', 'json', 'pathlib'}\n"
        "print(status, sorted(heavy & set(sys.modules)), 'idlc.api' in sys.modules)"
    )
    # -S: site packages load things of their own. Whether stdout is a terminal counts, and it is none in both.
    command = [sys.executable, "-S", "-c", code, *COMPILE]
    done = subprocess.run(command, cwd=here, capture_output=True, text=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == ("0 [] False\n", "")


def append(name: str) -> Callable[[Path], object]:
    def change(folder: Path) -> object:
        with (folder / name).open("a") as stream:
            return stream.write("\n")

    return change


CHANGES: dict[str, Callable[[Path], object]] = {
    "the IDL is edited": append("lab.idl"),
    "what it includes is edited": append("two/deep.h"),
    "an output is edited": append("out/_lab_codec.py"),
    "an output is deleted": lambda folder: (folder / "out" / "lab.py").unlink(),
    "the dependency file is edited": append("lab.d"),
    "the manifest is deleted": lambda folder: (folder / "lab.json").unlink(),
    "an ACF file appears": lambda folder: (folder / "LAB.ACF").write_text("interface Lab { [code] Go(); }\n"),
    "a file appears earlier on the path": lambda folder: (folder / "one" / "Deep.h").write_text("typedef short T;\n"),
    "the package gets an init of its own": lambda folder: (folder / "out" / "__init__.py").write_text("MINE = 1\n"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_what_matters_is_seen(here: Path, change: Callable[[Path], object]) -> None:
    assert not ran()
    change(here)
    assert ran()
    assert not ran()


def test_a_link_that_leads_elsewhere_is_seen(here: Path) -> None:
    (here / "one" / "T.h").write_text("typedef short U;\n")
    (here / "link.h").symlink_to("two/deep.h")
    (here / "lab.idl").write_text('#include "two/deep.h"\n' + LAB.replace("deep.h", "link.h"))
    (here / "two" / "deep.h").write_text("#pragma once\ntypedef long T;\n")
    assert ran()
    assert not ran()
    (here / "link.h").unlink()
    (here / "link.h").symlink_to("one/T.h")
    assert ran()


def test_an_output_is_never_taken_for_granted(here: Path) -> None:
    (here / "out" / "lab.py").unlink()
    os.mkfifo(here / "out" / "lab.py")
    assert unchanged.recall(COMPILE) is None  # and nobody waits for a writer


def test_an_init_of_the_user_s_own_that_goes_is_replaced(here: Path) -> None:
    init = here / "out" / "__init__.py"
    init.write_text("MINE = 1\n")
    assert ran()
    assert not ran()
    init.unlink()
    assert ran()
    assert init.exists()


def test_arguments_and_environment_matter(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ran(*COMPILE, "-D", "X")
    assert not ran(*COMPILE, "-D", "X")
    monkeypatch.setenv("IDLC_CACHE", "off")
    assert ran()
    assert ran()


def test_what_does_not_matter_does_not(here: Path) -> None:
    (here / "one" / "unrelated.idl").write_text("")
    os.utime(here / "lab.idl")
    assert not ran()


def test_a_folder_that_is_missing_is_looked_for_each_time(here: Path) -> None:
    assert ran(*COMPILE, "-I", "three")
    assert ran(*COMPILE, "-I", "three")


def test_verifying_what_is_current_is_as_quick(here: Path) -> None:
    words = [word for word in COMPILE if word not in ("-MF", "lab.d")]
    assert ran(*words, "--verify")
    assert not ran(*words, "--verify")


def test_what_is_left_over_is_seen_by_verifying_as_quickly(here: Path) -> None:
    words = [word for word in COMPILE if word not in ("-MF", "lab.d")]
    assert ran(*words, "--verify")
    (here / "out" / "gone.py").write_text((here / "out" / "lab.py").read_text().replace("lab.idl", "gone.idl", 1))
    assert unchanged.recall([*words, "--verify"]) is None
    assert cli.main([*words, "--verify"]) == 1


def test_an_output_that_became_a_link_is_seen(here: Path) -> None:
    (here / "out" / "lab.py").rename(here / "elsewhere.py")
    (here / "out" / "lab.py").symlink_to(here / "elsewhere.py")
    assert unchanged.recall(COMPILE) is None
    assert cli.main(COMPILE) == 1


def test_what_was_said_is_said_again(
    here: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "lab.idl").write_text('import "deep.h", "deep.h";\n' + LAB)
    monkeypatch.setattr(sys, "argv", ["idlc", *COMPILE])
    assert __main__.main() == 0
    first = capfd.readouterr()
    monkeypatch.setattr(cli, "main", lambda _: pytest.fail("there is nothing to do"))
    assert __main__.main() == 0
    assert capfd.readouterr() == first
    assert "warning[MIDL2007]" in first.err


def test_errors_are_found_again(here: Path) -> None:
    (here / "lab.idl").write_text(LAB.replace("[in] T", "[in] U"))
    for _ in range(2):
        assert unchanged.recall(COMPILE) is None
        assert cli.main(COMPILE) == 1
