"""Generated modules imported from memory: what compile_text() returns becomes a package at once."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Mapping, Sequence
from itertools import count
from types import ModuleType

_numbers = count(1)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    def __init__(self, package: str, files: Mapping[str, str]) -> None:
        self.package = package
        self.sources = {self._name(file): text for file, text in files.items() if file.endswith(".py")}
        self.sources.setdefault(package, "")

    def _name(self, file: str) -> str:
        stem = file.removesuffix(".py").replace("/", ".")
        return self.package if stem == "__init__" else f"{self.package}.{stem}"

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in self.sources:
            return None
        return importlib.machinery.ModuleSpec(
            fullname, self, origin=f"<{fullname}>", is_package=fullname == self.package
        )

    def get_source(self, fullname: str) -> str:
        return self.sources[fullname]

    def is_package(self, fullname: str) -> bool:
        return fullname == self.package

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self.sources[module.__name__], f"<{module.__name__}>", "exec"), module.__dict__)


def load(files: Mapping[str, str], module: str) -> ModuleType:
    """The module `module` (a stem, `lab`) of a package made of `files`, file names to texts."""
    package = f"in_memory_{next(_numbers)}"
    sys.meta_path.insert(0, _Finder(package, files))
    return importlib.import_module(f"{package}.{module}")
