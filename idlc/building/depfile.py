"""Dependency files, as GNU Make includes them and Ninja reads them.

Every output is a target of every file it depends on. Files that are not named by the user get an empty rule of their
own, so that Make does not stop when one of them has gone. An ACF file that was looked for and not found is not listed:
what does not exist would make its targets out of date for ever.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from idlc.building.products import Product
from idlc.emit.output import OutputError


def depfile(products: Iterable[Product], named: Sequence[str], target: str | None = None) -> str:
    """The text of a dependency file.

    Args:
        products: what the run makes.
        named: the inputs that the user named; they get no empty rule.
        target: what to say depends on the inputs in place of the outputs, such as the name of a stamp.

    Raises:
        OutputError: a name that no Makefile can spell.
    """
    rules: dict[tuple[str, ...], list[str]] = {}
    for product in products:
        rules.setdefault(product.inputs, []).append(product.path)
    if target is not None:
        everything = dict.fromkeys(path for inputs in rules for path in inputs)
        rules = {tuple(everything): [target]}
    text = ""
    extras: dict[str, None] = {}
    for inputs, targets in rules.items():
        parts = [" ".join(_target(path) for path in targets) + ":", *(_spelled(path) for path in inputs)]
        text += " \\\n  ".join(parts) + "\n"
        extras.update((path, None) for path in inputs if path not in named)
    # Make reads "a=b:" as an assignment, so such a name does without.
    return text + "".join(f"\n{_target(path)}:\n" for path in extras if "=" not in path)


def _spelled(path: str) -> str:
    found = re.search(r"[\n\r\t;|]|\\$", path)
    if found is not None:
        raise OutputError(f"a dependency file cannot name {path!r}: Make has no spelling for {found[0]!r} in a name")
    return _guarded("[ #:]", path).replace("$", "$$")


def _target(path: str) -> str:
    return _guarded("%", _spelled(path))


def _guarded(characters: str, path: str) -> str:
    """With a backslash before each of `characters`; backslashes that stand there already are doubled."""
    return re.sub(rf"(\\*)({characters})", lambda found: found[1] * 2 + "\\" + found[2], path)
