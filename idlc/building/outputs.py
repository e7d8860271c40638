"""The outputs of a run: the package, and beside it a dependency file and a manifest where they are asked for."""

from __future__ import annotations

import os
from collections.abc import Mapping

from idlc.building.comparison import Comparison, compare, left_over
from idlc.building.depfile import depfile
from idlc.building.manifest import manifest, outputs_in
from idlc.building.places import Places
from idlc.building.products import Product, products, refuse_inputs
from idlc.emit.output import OutputError, read
from idlc.emit.output import write as write_files
from idlc.reading import Compilation, builtin_folder
from idlc.settings import Settings


def write(
    compilation: Compilation, generated: Mapping[str, str], settings: Settings, places: Places
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Write all outputs or none: what is on disk now, path -> text, and the paths of those that were not so before.

    Raises:
        OutputError: an output cannot be written.
    """
    made = products(compilation, generated, places.folder)
    outputs = {product.path: product.text for product in made}
    _add(outputs, places.manifest, _manifest(made, compilation, settings, places), compilation)
    if places.depfile is not None:
        _add(outputs, places.depfile, _depfile(made, compilation, places), compilation)
    return outputs, write_files(outputs)


def verify(
    compilation: Compilation, generated: Mapping[str, str], settings: Settings, places: Places
) -> tuple[dict[str, str], Comparison]:
    """Compare the package and the manifest with what is on disk: what should be there, and what differs.

    Raises:
        OutputError: an output cannot be looked at.
    """
    made = products(compilation, generated, places.folder)
    outputs = {product.path: product.text for product in made}
    folders = dict.fromkeys(os.path.dirname(path) for path in compilation.traces.octets)
    folders.update(dict.fromkeys(("", *settings.include)))

    def exists(name: str) -> bool:
        return any(os.path.isfile(os.path.join(folder, name)) for folder in folders)

    old = dict.fromkeys(left_over(places.folder, outputs, exists))
    if places.manifest is not None:
        known = {os.path.abspath(path) for path in (*outputs, *old)}
        there = _text(places.manifest)
        listed = [] if there is None else outputs_in(there, places.manifest)
        old.update(dict.fromkeys(path for path in listed if os.path.abspath(path) not in known))
    _add(outputs, places.manifest, _manifest(made, compilation, settings, places), compilation)
    return outputs, compare(outputs, iter(old))


def _manifest(made: tuple[Product, ...], compilation: Compilation, settings: Settings, places: Places) -> str:
    if places.manifest is None:
        return ""
    return manifest(made, compilation.traces, settings, builtin_folder(), places.manifest)


def _depfile(made: tuple[Product, ...], compilation: Compilation, places: Places) -> str:
    prelude = None if places.depfile_prelude else builtin_folder()
    listed = [
        Product(each.path, each.text, tuple(path for path in each.inputs if os.path.dirname(path) != prelude))
        for each in made
    ]
    return depfile(listed, [unit.source.path for unit in compilation.main], places.depfile_target)


def _add(outputs: dict[str, str], path: str | None, text: str, compilation: Compilation) -> None:
    """Add an output that the user named; it may be nothing else as well."""
    if path is None:
        return
    refuse_inputs(path, compilation.traces.octets)
    if os.path.abspath(path) in map(os.path.abspath, outputs):
        raise OutputError(f'cannot write "{path}": another output goes there')
    outputs[path] = text


def _text(path: str) -> str | None:
    try:
        there = read(path)
    except OSError as error:
        raise OutputError(f'cannot read "{path}": {error.strerror or error}') from error
    return None if there is None else there.decode("utf-8", "replace")
