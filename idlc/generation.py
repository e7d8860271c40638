"""What a compilation becomes: a package of Python modules, or one stage of it as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from idlc.crashes import guard
from idlc.reading import Compilation, Unit, preprocessed
from idlc.source.files import Span
from idlc.version import VERSION

STAGES: Final = ("preprocessed", "ast", "bound", "wire", "codec")
"""What `dump` can show."""

PRELUDE: Final = "idlrt.prelude"
"""The package that has the types of the prelude files, compiled."""

PACKAGE_FILES: Final = {
    "__init__.py": '"""What idlc made from IDL files; importing a module of this package needs idlrt only."""\n',
    "py.typed": "",
}
"""What makes a package of a folder, whatever the IDL says."""


def generate(compilation: Compilation) -> dict[str, str]:
    """The package that a clean compilation becomes: file names to texts. Empty when there are errors.

    Raises InternalError.
    """
    from idlc.emit.render import render
    from idlc.wire.plan import CannotTravel

    if compilation.report.has_errors:
        return {}
    emitted = [unit for unit in compilation.units if unit.main or not unit.shipped]
    homes = _homes(compilation)
    files = dict(PACKAGE_FILES)
    owners: dict[str, Unit] = {}
    """By file name without regard to letter case, which some file systems do not keep apart."""
    clashes: set[tuple[str, str]] = set()
    refused = False
    for unit in emitted:
        assert unit.bound is not None
        with guard("emit", unit.bound):
            # An import makes types visible; procedures belong to whoever compiles the file itself.
            try:
                made = render(unit.bound, homes, VERSION, types_only=not unit.main, settings=compilation.settings)
            except CannotTravel as error:
                compilation.report.error("IDLC1304", str(error), error.span, help=error.help)
                refused = True
                continue
        for name, text in made.files.items():
            other = owners.setdefault(name.lower(), unit)
            if other is not unit and (unit.source.path, other.source.path) not in clashes:
                clashes.add((unit.source.path, other.source.path))
                message = f'"{unit.source.name}" and "{other.source.name}" would both become "{name}"'
                help_ = "rename one of them, or compile them into folders of their own"
                compilation.report.error("IDLC1302", message, Span.none(), help=help_)
            files[name] = text
            compilation.origins[name] = unit.source.path
        if unit.main:
            for one in made.renamed:
                message = f'"{one.wish}" is "{one.spelled}" in Python: {one.reason}'
                compilation.report.note("IDLC1306", message, one.span)
    return {} if refused or clashes else files


def dump(compilation: Compilation, stage: str) -> str:
    """One stage of the files that were asked for, as text. Raises InternalError."""
    if stage == "preprocessed":
        with guard(stage):
            return "\n".join(preprocessed(compilation).values())
    parts: list[str] = []
    for unit in compilation.main:
        with guard(stage, unit.bound):
            parts.append(_shown(unit, stage, _homes(compilation)))
    return "\n".join(parts)


def _homes(compilation: Compilation) -> dict[str, str]:
    """For each file of the run, the module that has its types, as its sibling modules import it."""
    from idlc.language.python_names import module_name

    homes: dict[str, str] = {}
    for unit in compilation.units:
        if unit.bound is not None:
            package = f"{PRELUDE}." if unit.shipped and not unit.main else "."
            homes[unit.bound.name] = package + module_name(unit.bound.name)
    return homes


def _shown(unit: Unit, stage: str, homes: Mapping[str, str]) -> str:
    if stage == "ast":
        from idlc.syntax.show import show

        return show(unit.tree) + (show(unit.acf) if unit.acf is not None else "")
    assert unit.bound is not None
    if stage == "bound":
        from idlc.semantics.show import show as show_bound

        return show_bound(unit.bound)
    from idlc.wire.plan import plan

    if stage == "wire":
        from idlc.wire.show import show as show_wire

        return show_wire(plan(unit.bound))
    from idlc.codec.fuse import fuse
    from idlc.codec.show import show as show_codec
    from idlc.pymodel.build import Builder
    from idlc.wire.layout import NDR20

    builder = Builder(unit.bound, homes, VERSION)
    builder.build()
    shown = [
        show_codec(fuse(plan(unit.bound, (each,)), NDR20, builder.python_types((each,)))) for each in builder.interfaces
    ]
    if builder.pickle_plan is not None:
        shown.append(show_codec(fuse(builder.pickle_plan, NDR20, builder.python_types(builder.pickling))))
    return "".join(shown)
