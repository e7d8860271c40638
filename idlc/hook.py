"""`import idlc.hook`, and then `import lab` finds `lab.idl` where Python finds modules, and compiles it in memory.

A module or package of the name comes first, wherever on the path it is. `import science.lab` finds `lab.idl` in the
folder of the package `science`, and `import ms_dtyp` finds `ms-dtyp.idl`, as the compiler names modules. Files that the
IDL file imports become modules beside it, and so do the private modules of its codecs. An ACF file beside it counts.
Results are kept in the user's cache by content.

Type checkers and other tools that read files do not see such modules; for them, and for what is shipped, compile to
files. A folder `lab` without `__init__.py` is a namespace package to Python, and comes before `lab.idl`.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import re
import sys
import warnings
from collections.abc import Mapping, Sequence
from threading import RLock
from types import CodeType, ModuleType
from typing import Final

from idlc.building import unchanged
from idlc.language.python_names import module_name

_SIBLING: Final = re.compile(r"^from \.(\w+) import", re.MULTILINE)
_compiling: Final = RLock()


class IdlFinder(importlib.abc.MetaPathFinder):
    """Finds IDL files on the path that modules are looked for on, and what was compiled together with them."""

    def __init__(self, include: Sequence[str] = (), defines: Mapping[str, str] | None = None) -> None:
        self.include = tuple(include)
        self.defines = dict(defines or {})
        self.companions: dict[str, tuple[str, str]] = {}
        """By full name: the text of a module that came of a file with another name, and that file."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        name = fullname.rpartition(".")[2]
        for folder in sys.path if path is None else path:
            if not isinstance(folder, str):
                continue
            found = _idl_for(folder or os.curdir, name)
            if found is not None:
                return importlib.machinery.ModuleSpec(fullname, IdlLoader(self, fullname, found), origin=found)
        if fullname in self.companions:
            text, idl = self.companions[fullname]
            return importlib.machinery.ModuleSpec(fullname, IdlLoader(self, fullname, idl, text), origin=idl)
        return None

    def __repr__(self) -> str:
        return "<finder of IDL files>"


class IdlLoader(importlib.abc.InspectLoader):
    """Makes the module of one IDL file, or one whose text came of it."""

    def __init__(self, finder: IdlFinder, fullname: str, idl: str, text: str | None = None) -> None:
        self.finder = finder
        self.name = fullname
        self.idl = os.path.abspath(idl)
        self.text = text
        # There is no such file: it is what Python shows in tracebacks, with the text that it gets from here.
        self.path = os.path.join(os.path.dirname(self.idl), fullname.rpartition(".")[2] + ".py")

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return None

    def is_package(self, fullname: str) -> bool:
        return False

    def get_filename(self, fullname: str) -> str:
        """What `__file__` says: where the module would be if it were written."""
        return self.path

    def get_source(self, fullname: str) -> str:
        """The generated text; raises ImportError with the diagnostics."""
        return self._texts()[fullname] if self.text is None else self.text

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.get_source(fullname), self.path, "exec", dont_inherit=True)

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = self.path
        text = self.text
        if text is None:
            texts = self._texts()
            text = texts.pop(self.name)
            for name, other in texts.items():
                # Codecs that are loaded are of an earlier text; a module of types keeps the classes that it has given.
                if name.rpartition(".")[2].startswith("_"):
                    sys.modules.pop(name, None)
                self.finder.companions[name] = (other, self.idl)
        exec(compile(text, self.path, "exec", dont_inherit=True), module.__dict__)

    def _texts(self) -> dict[str, str]:
        """The modules that come of the IDL file, by full name."""
        package, _, _ = self.name.rpartition(".")
        with _compiling:
            files = self._compiled()
        names = {file.removesuffix(".py"): text for file, text in files.items() if file.endswith(".py")}
        del names["__init__"]
        if package:
            return {f"{package}.{name}": text for name, text in names.items()}
        # A module that is in no package cannot import relatively.
        homes = {name: name if name.startswith("_") or _is_free(name) else f"_idl_{name}" for name in names}
        homes[self.name] = self.name
        return {
            homes[name]: _SIBLING.sub(lambda found: f"from {homes.get(found[1], found[1])} import", text)
            for name, text in names.items()
        }

    def _compiled(self) -> dict[str, str]:
        idl, include, defines = self.idl, self.finder.include, self.finder.defines
        arguments = ("import", idl, str(len(include)), *include, *(f"{name}={text}" for name, text in defines.items()))
        known = unchanged.recall_result("module", arguments)
        if isinstance(known, dict):
            return known
        # Loaded when there is something to compile.
        from idlc import driver
        from idlc.diagnostics.render import render_all
        from idlc.settings import Settings

        settings = Settings(include=include, defines=tuple(defines.items()))
        try:
            compilation = driver.analyse([idl], settings)
            files = driver.generate(compilation)
        except driver.InternalError as error:
            raise ImportError(f"cannot import {self.name}: {error}", name=self.name, path=idl) from error
        said = render_all(compilation.report.diagnostics).rstrip("\n")
        if compilation.report.has_errors:
            raise ImportError(f"cannot import {self.name}, its IDL has errors\n{said}", name=self.name, path=idl)
        if said:
            warnings.warn(said, ImportWarning, stacklevel=2)
        else:
            unchanged.remember_result("module", arguments, compilation.traces, files)
        return files


def install(include: Sequence[str | os.PathLike[str]] = (), defines: Mapping[str, str] | None = None) -> IdlFinder:
    """Let `import` find IDL files; done by `import idlc.hook`. Called again, it changes the options.

    Args:
        include: further folders for what IDL files import and include.
        defines: macros.
    """
    uninstall()
    finder = IdlFinder([os.fspath(folder) for folder in include], defines)
    sys.meta_path.append(finder)  # last, so that what Python finds by itself comes first
    return finder


def uninstall() -> None:
    """Take the hook away. Modules that are loaded stay."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, IdlFinder)]


def _idl_for(folder: str, name: str) -> str | None:
    """The IDL file in a folder that becomes the module `name`."""
    path = os.path.join(folder, f"{name}.idl")
    if module_name(name) == name and os.path.isfile(path):
        return path
    if "_" not in name:  # no other file has such a module
        return None
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return None
    for file in names:
        stem, extension = os.path.splitext(file)
        if extension.lower() == ".idl" and module_name(stem) == name and os.path.isfile(os.path.join(folder, file)):
            return os.path.join(folder, file)
    return None


def _is_free(name: str) -> bool:
    """Whether no module that is not ours goes by a name."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return False
    return spec is None or isinstance(spec.loader, IdlLoader)


install()
