"""Type libraries by name: which IDL says the same as a library that is named but cannot be read."""

from __future__ import annotations

from types import MappingProxyType

_SAME = MappingProxyType({"stdole32.tlb": "stdole2.idl", "stdole.tlb": "stdole2.idl"})
_SUFFIXES = (".tlb", ".olb", ".dll", ".exe", ".ocx")


def source_of(library: str) -> str:
    """The IDL file that a type library is made from, by custom: `probe.idl` for `importlib("probe.tlb")`."""
    name = library.replace("\\", "/").strip()
    known = _SAME.get(name.rpartition("/")[2].lower())
    if known is not None:
        return known
    stem = name[:-4] if name.lower().endswith(_SUFFIXES) else name
    return f"{stem}.idl"
