"""IDL text compiled and imported at once: generated module, bound types, classes by IDL name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import idlc
from idlc.language.python_names import module_name
from idlc.pymodel.build import Builder
from idlc.semantics import types as t
from idlc.settings import Dialect, Settings
from idlrt.rpc import Interface
from tests.in_memory import load
from tests.vectors.values import Converter


@dataclass(frozen=True, slots=True)
class Compiled:
    bound: t.BoundFile
    module: ModuleType
    names: Mapping[str, str]
    """What is called how in the module, as Builder.names."""

    @property
    def interfaces(self) -> list[Interface]:
        return [value for value in vars(self.module).values() if isinstance(value, Interface)]

    def operation(self, name: str) -> tuple[Interface, t.Operation]:
        """The generated interface and the bound operation of that IDL name, or of `Interface.Name`."""
        for bound in self.bound.interfaces:
            for operation in bound.operations:
                if name in (operation.name, f"{bound.name}.{operation.name}"):
                    return next(i for i in self.interfaces if i.name == bound.name), operation
        raise LookupError(name)

    def find_class(self, name: str) -> type[Any]:
        called = self.names[f"type {name}"]
        module = self.module
        if not hasattr(module, called):  # of the prelude, and seen through a converter only
            module = import_module(f"idlrt.prelude.{self.bound.declared[name].origin}")
        found: type[Any] = getattr(module, called)
        return found

    def result_class(self, interface: Interface, operation: t.Operation) -> type[Any]:
        found: type[Any] = getattr(self.module, self.names[f"Result {interface.name} {operation.name}"])
        return found

    def converter(self) -> Converter:
        return Converter(self.bound.declared, self.find_class)


def dialect_of(path: Path) -> Dialect:
    """Whose IDL lies in a folder of the tests: Samba's in those that are called for it."""
    return Dialect.PIDL if "pidl" in path.parts else Dialect.MIDL


@cache
def compile_cached(
    text: str, stem: str = "vector", acf: str | None = None, dialect: Dialect = Dialect.MIDL
) -> Compiled:
    """Compile one self-contained IDL text; raises CompileError with the diagnostics."""
    result = idlc.compile_text(text, name=f"{stem}.idl", acf=acf, settings=Settings(dialect=dialect))
    result.raise_for_errors()
    module = load(result.files, module_name(stem))
    return Compiled(result.bound, module, Builder(result.bound, {}, "").names)
