"""The manifest: what a run read, what it made and from what, as JSON for other tools.

Version 1 is an object of `manifest` (1), `idlc` (the version of the compiler), `options` (`include`, `defines` and
the others by name), `inputs` (`path`, `sha256`, `needs`: what it imports and includes, and its ACF file) and `outputs`
(`path`, `sha256`, `inputs`: all that it depends on, its own IDL first). Later versions add members; those that are
there keep their meaning.

Paths that were given relative are relative to the folder of the manifest, with `/` between parts, so that a manifest
can be committed; others are absolute. The compiler's own files are `prelude:` and their name.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from enum import Enum
from typing import Any, Final

from idlc.building.products import Product
from idlc.data import fields
from idlc.settings import Environment, Settings
from idlc.source.search import Traces
from idlc.version import VERSION

FORMAT: Final = 1

_OTHER: Final = frozenset(["include", "defines", "acf", "memory", "policy", "pause_collector"])
"""Settings that are spelled in a way of their own, and those that change nothing in what is written."""


def manifest(products: Iterable[Product], traces: Traces, settings: Settings, prelude: str, path: str) -> str:
    """The text of the manifest that is to stand at `path`; `prelude` is the folder of the compiler's own files."""
    import json
    from hashlib import sha256

    folder = os.path.dirname(os.path.abspath(path))

    def spelled(name: str) -> str:
        if os.path.dirname(name) == prelude:
            return f"prelude:{os.path.basename(name)}"
        return (name if os.path.isabs(name) else os.path.relpath(name, folder)).replace(os.sep, "/")

    content = {
        "manifest": FORMAT,
        "idlc": VERSION,
        "options": {
            "include": [spelled(each) for each in settings.include],
            "defines": dict(settings.defines),
            "acf": None if settings.acf is None else spelled(settings.acf),
            **{each.name: _plain(getattr(settings, each.name)) for each in fields(settings) if each.name not in _OTHER},
        },
        "inputs": [
            {
                "path": spelled(name),
                "sha256": sha256(octets).hexdigest(),
                "needs": [spelled(needed) for needed in traces.needs.get(name, ())],
            }
            for name, octets in sorted(traces.octets.items())
        ],
        "outputs": [
            {
                "path": spelled(product.path),
                "sha256": sha256(product.text.encode("utf-8", "surrogateescape")).hexdigest(),
                "inputs": [spelled(name) for name in product.inputs],
            }
            for product in products
        ],
    }
    return json.dumps(content, indent=2) + "\n"


def _plain(value: object) -> object:
    """A setting as JSON has it: a choice as the command line spells it."""
    if isinstance(value, Environment):
        return value.word
    if isinstance(value, Enum):
        return value.value if isinstance(value.value, str) else value.name
    return list(value) if isinstance(value, tuple) else value


def outputs_in(text: str, path: str) -> list[str]:
    """The paths of the outputs that a manifest at `path` lists; none when `text` is no manifest."""
    import json

    try:
        content: Any = json.loads(text)
        names = [str(output["path"]) for output in content["outputs"]]
    except (ValueError, TypeError, KeyError, RecursionError):
        return []
    return [os.path.join(os.path.dirname(path), name) for name in names]
