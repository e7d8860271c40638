"""The IDL of a Python project: what its `pyproject.toml` wants compiled, done by its build and before its tests.

    [tool.hatch.build.hooks.idlc]
    idl = ["idl/*.idl"]
    out = "src/lab/stubs"

Paths are relative to the folder of the project. The stubs go into the source tree, where an editable installation and
a type checker find them.
"""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import Final

from idlc import api
from idlc.building import unchanged
from idlc.building.comparison import is_made_here
from idlc.building.places import Places
from idlc.data import dataclass
from idlc.diagnostics.policy import Policy
from idlc.diagnostics.render import render_all
from idlc.generation import PACKAGE_FILES
from idlc.settings import Settings

_TABLE: Final = "tool.hatch.build.hooks.idlc"


class ProjectError(Exception):
    """The project cannot be built; the message says what to do about it."""


@dataclass(frozen=True, slots=True)
class Package:
    """One package of stubs: an entry of the table in `pyproject.toml`."""

    idl: tuple[str, ...]
    """The IDL files, as patterns."""
    out: str
    """The folder that becomes the package."""
    include: tuple[str, ...] = ()
    """Folders to look for imported and included files."""
    define: tuple[str, ...] = ()
    """Macros, NAME or NAME=VALUE."""
    undefine: tuple[str, ...] = ()
    """Predefined macros that are not to be."""
    strict: bool = False
    """Whether what MIDL documents as errors are errors."""
    manifest: str | None = None
    """Where a manifest goes."""


def packages(config: Mapping[str, object]) -> tuple[Package, ...]:
    """What the table of a project asks for: one package, or those of its `packages`.

    Raises:
        ProjectError: an option is unknown, missing or of the wrong kind.
    """
    several = config.get("packages")
    if several is None:
        return (_package(config, ""),)
    if not isinstance(several, list) or not several or not all(isinstance(each, dict) for each in several):
        raise ProjectError(f'"packages" of [{_TABLE}] is to be an array of tables')
    common = {name: value for name, value in config.items() if name != "packages"}
    return tuple(_package({**common, **each}, f" of package {at}") for at, each in enumerate(several, 1))


def build(root: str | os.PathLike[str], config: Mapping[str, object] | None = None) -> tuple[str, ...]:
    """Compile what a project asks for, where it is not current; the folders of the packages, relative to `root`.

    Warnings go to stderr. In a `conftest.py` this keeps stubs current before tests import them:

        from idlc.project import build
        build(Path(__file__).parent.parent)

    Args:
        root: the folder of the project.
        config: the table of the project; read from `pyproject.toml` when it is not given.

    Raises:
        ProjectError: the table is wrong, files are missing, or the IDL has errors.
    """
    folder = os.path.abspath(root)
    chosen = packages(_table(folder) if config is None else config)
    for package in chosen:
        _build(folder, package)
    return tuple(package.out for package in chosen)


def clean(root: str | os.PathLike[str], config: Mapping[str, object] | None = None) -> tuple[str, ...]:
    """Delete what `build` made: modules that idlc wrote, what makes a package of them, and folders that are empty then.

    Returns the paths that went. Raises ProjectError as `build` does.
    """
    folder = os.path.abspath(root)
    gone: list[str] = []
    for package in packages(_table(folder) if config is None else config):
        out = os.path.join(folder, package.out)
        made = [path for path in sorted(Path(out).glob("*.py")) if is_made_here(str(path))]
        rest = {path.name for path in Path(out).glob("*.py")} - {path.name for path in made} - {"__init__.py"}
        if not rest:  # without other modules the package is ours as well
            made += [Path(out, name) for name, text in PACKAGE_FILES.items() if _holds(Path(out, name), text)]
        for path in [*made, *([Path(folder, package.manifest)] if package.manifest is not None else [])]:
            if path.is_file():
                path.unlink()
                gone.append(str(path))
        _remove_empty(Path(out))
    return tuple(gone)


def _build(root: str, package: Package) -> None:
    names = _matching(root, package)
    out = os.path.join(root, package.out)
    manifest = None if package.manifest is None else os.path.join(root, package.manifest)
    settings = Settings(
        include=tuple(os.path.join(root, each) for each in package.include),
        defines=tuple(_definition(each) for each in package.define),
        undefines=package.undefine,
        policy=Policy(package.strict),
    )
    run = ("project", out, str(settings), str(manifest), *names)
    known = unchanged.recall(run)
    if known is not None:
        sys.stderr.write(known[1])
        return
    report = api.compile_files(names, out=out, settings=settings, places=Places(manifest=manifest))
    if not report.ok:
        raise ProjectError(render_all(report.diagnostics).rstrip("\n"))
    warned = render_all(report.diagnostics)
    sys.stderr.write(warned)
    unchanged.remember(run, report.traces, report.outputs, warned=warned)


def _matching(root: str, package: Package) -> list[str]:
    names: dict[str, None] = {}
    for pattern in package.idl:
        try:
            found = sorted(str(path) for path in Path(root).glob(pattern) if path.is_file())
        except (ValueError, NotImplementedError) as error:
            raise ProjectError(f'"{pattern}" of [{_TABLE}] is no pattern for files: {error}') from error
        if not found:
            raise ProjectError(f'no file in "{root}" matches "{pattern}" of [{_TABLE}]')
        names.update(dict.fromkeys(found))
    return list(names)


def _table(root: str) -> Mapping[str, object]:
    """The table of the hook, wherever hatchling takes it from: for all targets or for one, or in a file of its own."""
    path = os.path.join(root, "pyproject.toml")
    for file, prefix in ((os.path.join(root, "hatch.toml"), ""), (path, "tool.hatch.")):
        content = _toml(file) if file == path or os.path.exists(file) else {}
        for target in ("", "targets.wheel.", "targets.sdist."):
            table = content
            for part in f"{prefix}build.{target}hooks.idlc".split("."):
                table = table.get(part) if isinstance(table, dict) else None
            if isinstance(table, dict):
                return table
    raise ProjectError(f'"{path}" has no table [{_TABLE}]')


def _toml(path: str) -> object:
    try:
        with open(path, "rb") as stream:
            return tomllib.load(stream)
    except OSError as error:
        raise ProjectError(f'cannot read "{path}": {error.strerror}') from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProjectError(f'cannot read "{path}": {error}') from error


def _package(config: Mapping[str, object], where: str) -> Package:
    # Those of every hook are hatchling's own.
    known = ("idl", "out", "include", "define", "undefine", "strict", "manifest")
    given: dict[str, object] = {}
    for name, value in config.items():
        if name in ("dependencies", "enable-by-default", "require-runtime-dependencies", "require-runtime-features"):
            continue
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f'did you mean "{near[0]}"?' if near else f"there are {', '.join(known)}"
            raise ProjectError(f'unknown option "{name}"{where} in [{_TABLE}]; {hint}')
        given[name] = value
    for name in ("idl", "out"):
        if name not in given:
            raise ProjectError(f'[{_TABLE}] needs "{name}"{where}')
    out = _path(given["out"], "out", where)
    manifest = None if given.get("manifest") is None else _path(given["manifest"], "manifest", where)
    strict = given.get("strict", False)
    if not isinstance(strict, bool):
        raise ProjectError(f'"strict"{where} in [{_TABLE}] is to be true or false')
    return Package(
        _texts(given["idl"], "idl", where),
        out,
        _texts(given.get("include", []), "include", where),
        _texts(given.get("define", []), "define", where),
        _texts(given.get("undefine", []), "undefine", where),
        strict,
        manifest,
    )


def _texts(value: object, name: str, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ProjectError(f'"{name}"{where} in [{_TABLE}] is to be an array of strings')
    return tuple(value)


def _path(value: object, name: str, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise ProjectError(f'"{name}"{where} in [{_TABLE}] is to be a path')
    path = PurePosixPath(value)
    if path.is_absolute() or ".." in path.parts:
        raise ProjectError(f'"{value}", the "{name}"{where} in [{_TABLE}], leads out of the project')
    return str(path)


def _definition(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name.isidentifier():
        raise ProjectError(f'"{name}" in "define" of [{_TABLE}] is no name for a macro')
    return name, value if equals else "1"


def _holds(path: Path, text: str) -> bool:
    try:
        return not path.is_symlink() and path.read_text(encoding="utf-8") == text
    except (OSError, UnicodeDecodeError):
        return False


def _remove_empty(folder: Path) -> None:
    compiled: Sequence[Path] = list(folder.glob("__pycache__/*.pyc"))
    try:
        if not [path for path in folder.iterdir() if path.name != "__pycache__"]:
            for path in compiled:
                path.unlink()
            if (folder / "__pycache__").is_dir():
                (folder / "__pycache__").rmdir()
            folder.rmdir()
    except OSError:
        pass
