"""`import lab` finds `lab.idl` once `idlc.hook` is there."""

from __future__ import annotations

import importlib
import inspect
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from idlc import cache, hook

UUID = "b8a3c1de-52f4-4f0d-9a6e-7c1de05f2a10"
LAB = f"[uuid({UUID}), version(1.0), pointer_default(unique)] interface Lab {{ long Greet([in] long n); }}\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder at the head of the path, a cache of its own, and no trace of it afterwards."""
    monkeypatch.setenv("IDLC_CACHE_DIR", str(tmp_path / "cache"))
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    before, finders = dict(sys.modules), list(sys.meta_path)
    hook.install()
    yield folder
    sys.meta_path[:] = finders
    for name in set(sys.modules) - set(before):
        if getattr(sys.modules[name], "__file__", None) and str(folder) in str(sys.modules[name].__file__):
            del sys.modules[name]


def load(name: str) -> ModuleType:
    importlib.invalidate_caches()
    return importlib.import_module(name)


def test_an_idl_file_on_the_path_is_a_module(here: Path) -> None:
    (here / "lab1.idl").write_text(LAB)
    module = load("lab1")
    assert module.LAB.name == "Lab"
    assert module.LAB.codecs(module.LAB.transfers[0], "<")
    assert module.LAB.codecs(module.LAB.transfers[1], "<")
    assert module.__spec__ is not None
    assert module.__spec__.origin == str(here / "lab1.idl")
    assert Path(str(module.__file__)).parent == here
    assert inspect.getsource(module.LabClient).startswith("class LabClient(rpc.Client):")


def test_one_in_a_package_imports_its_neighbours(here: Path) -> None:
    package = here / "science"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "units.idl").write_text("typedef struct { long value; } METRE;\n")
    (package / "lab-two.idl").write_text(f'import "units.idl";\n{LAB.replace("long n", "METRE n")}')
    module = load("science.lab_two")
    units = load("science.units")
    assert module.METRE is units.METRE
    assert module.LAB.codecs(module.LAB.transfers[0], "<")


def test_without_a_package_neighbours_are_found_as_well_whatever_they_are_called(here: Path) -> None:
    (here / "types.idl").write_text("typedef struct { long value; } METRE;\n")  # a name of the standard library
    (here / "metres.idl").write_text("typedef struct { long value; } FOOT;\n")
    idl = 'import "types.idl", "metres.idl";\n' + LAB.replace("long n", "METRE n, [in] FOOT f")
    (here / "lab2.idl").write_text(idl)
    module = load("lab2")
    assert module.METRE(3).value == 3
    assert load("metres").FOOT is module.FOOT
    assert module.LAB.codecs(module.LAB.transfers[0], "<")


def test_the_acf_file_counts(here: Path) -> None:
    (here / "lab3.idl").write_text(LAB)
    (here / "lab3.acf").write_text("interface Lab { [async] Greet(); }\n")
    assert hasattr(load("lab3"), "GreetCall")


def test_mistakes_are_an_import_error_with_the_diagnostics(here: Path) -> None:
    (here / "lab4.idl").write_text(LAB.replace("long n", "lung n"))
    said = r"(?s)cannot import lab4, its IDL has errors\n.*lab4\.idl:1:\d+: error"
    with pytest.raises(ImportError, match=said) as found:
        load("lab4")
    assert (found.value.name, found.value.path) == ("lab4", str(here / "lab4.idl"))
    assert "lab4" not in sys.modules
    (here / "lab4.idl").write_text(LAB)
    assert load("lab4").LAB.name == "Lab"


def test_a_module_of_the_name_comes_first(here: Path) -> None:
    (here / "lab5.idl").write_text(LAB)
    (here / "lab5.py").write_text("MINE = True\n")
    assert load("lab5").MINE


def test_reload_sees_what_was_changed_also_in_the_codec(here: Path) -> None:
    (here / "lab6.idl").write_text(LAB)
    module = load("lab6")
    old = module.LAB.codecs(module.LAB.transfers[0], "<")
    (here / "lab6.idl").write_text(LAB.replace("}", "void More([in] hyper n); }"))
    assert importlib.reload(module) is module
    assert [operation.name for operation in module.LAB.operations] == ["Greet", "More"]
    assert len(module.LAB.codecs(module.LAB.transfers[0], "<")) == len(old) + 1


def test_an_unchanged_file_is_not_compiled_again(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "lab7.idl").write_text(LAB)
    load("lab7")
    del sys.modules["lab7"]
    monkeypatch.setitem(sys.modules, "idlc.driver", None)  # whoever imports it fails
    assert load("lab7").LAB.name == "Lab"


def test_without_a_cache_all_is_the_same(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDLC_CACHE", "off")
    (here / "lab8.idl").write_text(LAB)
    assert cache.load("module", "x") is None
    assert load("lab8").LAB.name == "Lab"


def test_many_threads_get_one_module(here: Path) -> None:
    for name in ("lab9", "lab10"):
        (here / f"{name}.idl").write_text(LAB)
    found: list[ModuleType] = []

    def run(name: str) -> None:
        found.append(load(name))

    threads = [threading.Thread(target=run, args=(name,)) for name in ("lab9", "lab10") for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(map(id, found))) == 2


def test_tracebacks_show_the_generated_text(here: Path) -> None:
    (here / "lab11.idl").write_text("typedef struct { long value; } METRE;\n")
    module = load("lab11")
    with pytest.raises(AttributeError) as raised:
        module.METRE.__init__(object(), 3)
    assert "self.value = value" in "".join(traceback.format_exception(raised.value))


def test_what_is_not_there_stays_an_import_error() -> None:
    with pytest.raises(ModuleNotFoundError):
        load("there_is_no_such_thing")


def test_it_can_be_taken_away(here: Path) -> None:
    (here / "lab12.idl").write_text(LAB)
    hook.uninstall()
    with pytest.raises(ModuleNotFoundError):
        load("lab12")
