"""What a run makes: every output with the inputs it depends on.

This is what dependency files, manifests and the comparison with what is on disk have in common.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from idlc.data import dataclass
from idlc.emit.output import OutputError, placed, read
from idlc.generation import PACKAGE_FILES
from idlc.reading import Compilation
from idlc.source.search import Traces


@dataclass(frozen=True, slots=True)
class Product:
    """An output, and what it was made from."""

    path: str
    text: str
    inputs: tuple[str, ...]
    """The paths of all files that it depends on, its own IDL file first."""


def products(compilation: Compilation, generated: Mapping[str, str], out: str) -> tuple[Product, ...]:
    """The files of a generated package in the folder `out`.

    A file of the whole package, such as `__init__.py`, depends on all inputs; one that says something else than ours
    belongs to whoever keeps the package, and is no product. An imported file may lean on what was imported before it,
    so its module counts as made from all inputs as well.

    Raises:
        OutputError: a name that leads out of the folder, or a place that cannot be used.
    """
    traces = compilation.traces
    named = [unit.source.path for unit in compilation.main]
    made: list[Product] = []
    for (name, text), path in zip(generated.items(), placed(generated, out), strict=True):
        origin = compilation.origins.get(name)
        if name in PACKAGE_FILES and _is_kept_by_hand(path, text):
            traces.names[os.path.dirname(path), name.lower()] = (name,)
            continue
        roots = [origin] if origin in named else [origin, *named] if origin is not None else named
        made.append(Product(path, text, inputs_of(traces, roots)))
    return tuple(made)


def inputs_of(traces: Traces, roots: Sequence[str]) -> tuple[str, ...]:
    """The files `roots` and everything that they need, directly or not, each once."""
    found: dict[str, None] = {}
    pending = list(reversed(roots))
    while pending:
        path = pending.pop()
        if path not in found:
            found[path] = None
            pending.extend(reversed(traces.needs.get(path, {})))
    return tuple(found)


def refuse_inputs(path: str, traces: Traces) -> None:
    """Raise OutputError if an output named by the user is one of the inputs."""
    for read_from in traces.octets:
        try:
            same = os.path.samefile(path, read_from)
        except (OSError, ValueError):
            continue
        if same:
            raise OutputError(f'cannot write "{path}": it is one of the inputs')


def _is_kept_by_hand(path: str, text: str) -> bool:
    try:
        there = read(path)
    except OSError as error:
        raise OutputError(f'cannot write "{path}": {error.strerror or error}') from error
    return there is not None and there != text.encode("utf-8")
