"""How IDL names become Python names: the one home of escaping.

IDL names are kept wherever Python allows it, so that a specification can be read beside the code.
A name that is a Python keyword, that the generated module uses itself, or that Python would mangle
or treat as special gets a trailing underscore.
"""

from __future__ import annotations

import keyword
import re

_USED_BY_GENERATED_CODE = frozenset(
    """
    idlrt com ndr rpc pipes blocking prelude annotations abstractmethod Mapping Sequence UUID ClassVar Final TypeAlias
    Any int float str bytes bool list tuple object len
    self call result return_value
    """.split()
)
"""Names that generated modules import, use as types, or give to their own parameters."""

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def python_name(name: str) -> str:
    """The Python spelling of one IDL identifier; the identifier itself in nearly all cases.

    Raises:
        ValueError: `name` is no identifier (a stage before should have refused it).
    """
    if not _IDENTIFIER.match(name):
        raise ValueError(f"not an identifier: {name!r}")
    if name.startswith("__"):  # mangled inside classes, or one of Python's special names
        return f"_{name.strip('_') or 'x'}_"
    if keyword.iskeyword(name) or name in _USED_BY_GENERATED_CODE:
        return f"{name}_"
    return name


def python_names(names: tuple[str, ...], reserved: frozenset[str] = frozenset()) -> dict[str, str]:
    """The Python spellings of all names of one scope, made distinct by further underscores.

    Names in `reserved` mean something else in that scope.
    """
    spelled: dict[str, str] = {}
    taken = reserved | {name for name in names if name not in reserved and python_name(name) == name}
    for name in names:
        if name in spelled:
            continue
        candidate = python_name(name)
        while candidate in reserved or (candidate != name and candidate in taken):
            candidate += "_"
        taken |= {candidate}
        spelled[name] = candidate
    return spelled


def module_name(stem: str) -> str:
    """The module that an IDL file becomes: `ms-dtyp` gives `ms_dtyp`, `3d` gives `_3d`."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", stem) or "_"
    if name[0].isdigit():
        name = f"_{name}"
    return f"{name}_" if keyword.iskeyword(name) or name.lower() in ("__init__", "__main__") else name
