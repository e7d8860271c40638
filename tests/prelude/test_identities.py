"""Interfaces and classes of the prelude have the identities that are published."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from uuid import UUID

import idlrt.prelude
from idlrt.rpc import Interface

PUBLISHED = {
    name: UUID(identity)
    for name, identity in (line.split() for line in Path(__file__).with_name("identities.txt").read_text().splitlines())
}
ASYNCHRONOUS = {
    "IPipeByte": "AsyncIPipeByte",
    "IPipeLong": "AsyncIPipeLong",
    "IPipeDouble": "AsyncIPipeDouble",
    "IMultiQI": "AsyncIMultiQI",
    "IAdviseSink": "AsyncIAdviseSink",
    "IAdviseSink2": "AsyncIAdviseSink2",
}


def identities() -> dict[str, UUID]:
    """What the compiled prelude says, by name."""
    found: dict[str, UUID] = {}
    for info in pkgutil.iter_modules(idlrt.prelude.__path__):
        if info.name.startswith("_"):
            continue
        module = importlib.import_module(f"idlrt.prelude.{info.name}")
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            if isinstance(value, Interface):
                found[value.name] = value.syntax.uuid
            elif isinstance(value, type):
                identity = value.__dict__.get("IID") or value.__dict__.get("CLSID")
                if identity is not None:
                    found[name] = identity
    return found


def test_every_identity_is_the_published_one() -> None:
    assert identities() == PUBLISHED


def test_interfaces_with_an_asynchronous_form_are_those_that_are_published_with_one() -> None:
    found = identities()
    assert {name for name in found if name.startswith("AsyncI")} == {*ASYNCHRONOUS.values(), "AsyncIUnknown"}
