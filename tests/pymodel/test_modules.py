"""Generated modules among themselves: who imports whom under which name, and what a star import gives."""

from __future__ import annotations

import ast
import subprocess
import sys
from inspect import isfunction
from pathlib import Path
from typing import get_type_hints

import pytest

import idlc
from idlc.language.python_names import module_name

GOLDEN = Path(__file__).parents[1] / "golden"
MODULES = sorted(path for path in GOLDEN.glob("*/*.py") if not path.name.startswith("_"))
INTERFACE = "[uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4e11)] interface {} {{ void f(); }}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_what_a_module_defines_is_what_it_exports_in_its_order(path: Path) -> None:
    defined: list[str] = []
    exported: list[str] = []
    for line in ast.parse(path.read_text(encoding="utf-8")).body:
        match line:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                defined.append(name)
            case ast.AnnAssign(target=ast.Name(name)):
                defined.append(name)
            case ast.Assign(targets=[ast.Name("__all__")], value=value):
                exported = ast.literal_eval(value)
            case ast.Assign(targets=[ast.Name(name)], value=ast.Call(func=ast.Attribute(attr="Interface"))):
                defined.append(name)
            case _:
                pass
    assert exported == defined
    assert len(set(exported)) == len(exported)


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("ms-dtyp", "ms_dtyp"),
        ("3d", "_3d"),
        ("class", "class_"),
        ("None", "None_"),
        ("match", "match"),
        ("string", "string"),
        ("types", "types"),
        ("abc", "abc"),
        ("a b.c", "a_b_c"),
        ("größe", "gr__e"),
        ("日本", "__"),
        ("__init__", "__init___"),
        ("__main__", "__main___"),
        ("", "_"),
    ],
)
def test_file_names_become_module_names(stem: str, name: str) -> None:
    assert module_name(stem) == name


def test_files_of_one_run_import_each_other_relatively(tmp_path: Path) -> None:
    """Whatever they are called: Python's own modules of these names are not meant, and not hidden."""
    (tmp_path / "deep").mkdir()
    texts = {
        "string.idl": "typedef struct S { long a; } S;",
        "types.idl": 'import "string.idl"; typedef struct T { S s; } T;',
        "deep/class.idl": 'import "types.idl"; typedef struct U { T t; S s; } U;',
        "abc.idl": 'import "deep/class.idl"; typedef struct V { U u; } V; ' + INTERFACE.format("typing"),
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    files = [str(tmp_path / name) for name in ("abc.idl", "types.idl")]
    result = idlc.compile_files(files, include=[str(tmp_path)], out=tmp_path / "made")
    result.raise_for_errors()
    assert "from .class_ import U" in result.files["abc.py"]
    assert "from .string import S\nfrom .types import T" in result.files["class_.py"]
    program = "import made.abc, made.types; print(made.abc.V, made.abc.TypingClient.interface.name)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout == "<class 'made.abc.V'> typing\n", done.stderr


@pytest.mark.parametrize(
    ("one", "other", "module"),
    [
        ("a/x.idl", "b/x.idl", "x.py"),
        ("a-b.idl", "a_b.idl", "a_b.py"),
        ("Shape.idl", "shape.idl", "shape.py"),
        ("日.idl", "本.idl", "_.py"),
    ],
)
def test_two_files_that_would_be_one_module_are_an_error(tmp_path: Path, one: str, other: str, module: str) -> None:
    for name in (one, other):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"typedef struct S{len(name)} {{ long a; }} S{len(name)};")
    if len(list(tmp_path.rglob("*.idl"))) < 2:
        pytest.skip("letter case does not count here")
    result = idlc.compile_files([str(tmp_path / one), str(tmp_path / other)], out=tmp_path / "made")
    (error,) = [found for found in result.diagnostics if found.severity == "error"]
    assert error.code == "IDLC1302"
    assert f'would both become "{module}"' in error.message
    assert not (tmp_path / "made").exists()


def test_a_module_may_not_be_the_codec_of_another(tmp_path: Path) -> None:
    other = INTERFACE.format("c").replace("11)", "12)")
    (tmp_path / "a.idl").write_text(f"{INTERFACE.format('b')} {other}")
    (tmp_path / "a_b.idl").write_text(INTERFACE.format("d").replace("11)", "13)"))
    result = idlc.compile_files([str(tmp_path / "a.idl"), str(tmp_path / "a_b.idl")])
    (error,) = [found for found in result.diagnostics if found.severity == "error"]
    assert '"_a_b_codec.py"' in error.message


def test_importing_a_module_loads_neither_codecs_nor_the_network() -> None:
    program = (
        "import sys; from tests.golden.basics import basics; "
        "print(*sorted(name for name in sys.modules "
        "if name.endswith(('_codec', '_ndr64')) or name in ('asyncio', 'socket', 'ssl', 'idlc')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "\n"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_module_does_nothing_but_define(path: Path) -> None:
    """Statements at module level: definitions, imports, and the question whether the runtime is right."""
    calls = [line for line in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(line, ast.Expr)]
    assert [ast.unparse(line) for line in calls[1:]] == ["idlrt.require(1)"]


def test_annotations_can_be_looked_up_when_a_program_runs() -> None:
    from tests.golden.com import probe
    from tests.golden.docs import docs

    assert get_type_hints(docs.SensorsClient.Read)["since"] is int
    made = [getattr(module, name) for module in (docs, probe) for name in module.__all__]
    functions = [each for one in made if isinstance(one, type) for each in vars(one).values() if isfunction(each)]
    assert len([get_type_hints(function) for function in functions]) > 10
