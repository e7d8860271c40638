"""From one bound file to the text of its modules."""

from __future__ import annotations

import re
from collections.abc import Mapping

from idlc.codec.fuse import fuse
from idlc.codec.statements import CodecModule
from idlc.data import dataclass
from idlc.emit.environment import environment
from idlc.emit.wrap import DITTO, wrap
from idlc.pymodel.build import Builder
from idlc.pymodel.model import ModuleModel
from idlc.pymodel.names import Renamed
from idlc.pymodel.text import literal
from idlc.semantics.types import BoundFile
from idlc.settings import Settings
from idlc.wire.layout import NDR20, NDR64
from idlc.wire.plan import plan, plan_objects

_PATHS = "PATHS: Final[dict[int, int | str]] = "
_BLANK_LINES = re.compile(r"\n{4,}")


@dataclass(frozen=True, slots=True)
class Rendered:
    """What one IDL file becomes."""

    files: dict[str, str]
    """Relative file names, and texts."""
    renamed: tuple[Renamed, ...]
    """Names that are spelled otherwise than the IDL lets expect."""


def render(
    bound: BoundFile,
    homes: Mapping[str, str],
    version: str,
    *,
    types_only: bool = False,
    settings: Settings | None = None,
) -> Rendered:
    """The generated modules of one IDL file.

    Args:
        bound: the file, free of errors.
        homes: for each file it imports (directly or not), the module its types come from.
        version: the compiler's, for the header.
        types_only: for a file that is only imported: its types, no interfaces.
        settings: which sides and transfer syntaxes there are; all by default.
    """
    builder = Builder(bound, homes, version, types_only=types_only, settings=settings)
    model = builder.build()
    files = {f"{model.module}.py": _public(model)}
    for interface in builder.interfaces:
        planned = plan(bound, (interface,))
        python = builder.python_types((interface,))
        for syntax in builder.syntaxes:
            suffix = "ndr64" if syntax is NDR64 else "codec"
            name = f"{builder.codec_stem(interface)}_{suffix}.py"
            files[name] = _codec("codec", model, fuse(planned, syntax, python), builder)
    if any(interface.operations for interface in builder.objects.values()):
        objects = tuple(builder.objects.values())
        codec = fuse(plan_objects(bound, objects), NDR20, builder.python_types(objects), objects=True)
        files[f"{builder.objects_codec}.py"] = _codec("codec", model, codec, builder)
    if builder.pickle_plan is not None:
        codec = fuse(builder.pickle_plan, NDR20, builder.python_types(builder.pickling))
        files[f"{builder.pickles_codec}.py"] = _codec("pickles", model, codec, builder)
    return Rendered(files, tuple(builder.spelling.renamed([exported[1:-1] for exported in model.exports])))


def _public(model: ModuleModel) -> str:
    text = environment().get_template("module.py.j2").render(module=model)
    return wrap(_BLANK_LINES.sub("\n\n\n", text).rstrip("\n") + "\n")


def _codec(template: str, model: ModuleModel, codec: CodecModule, builder: Builder) -> str:
    modules = builder.imports_of(codec.types, codec.converters)
    text = (
        environment()
        .get_template(f"{template}.py.j2")
        .render(
            codec=codec,
            name=model.module,
            sources=model.sources,
            version=model.version,
            runtime_imports=[statement for module, statement in modules.items() if not module.startswith(".")],
            sibling_imports=[statement for module, statement in modules.items() if module.startswith(".")],
        )
    )
    lines = wrap(text).split("\n")
    return _with_paths(_tidy(lines))


def _tidy(lines: list[str]) -> list[str]:
    """Blank lines left by nested templates go; those between functions stay."""
    followers: list[str] = []
    following = ""
    for line in reversed(lines):
        followers.append(following)
        following = line if line.strip() else following
    tidy: list[str] = []
    for line, following in zip(lines, reversed(followers), strict=True):
        if line.strip():
            tidy.append(line)
            continue
        inside = following.startswith("     ") and not following.lstrip().startswith("def ")
        if not inside and not (len(tidy) > 1 and tidy[-1] == "" and (tidy[-2] == "" or following.startswith("    "))):
            tidy.append("")
    return tidy


def _with_paths(lines: list[str]) -> str:
    """Moves the paths from the marks behind lines into the table at the end."""
    paths: dict[int, str] = {}
    first: dict[str, int] = {}
    before = ""
    for number, line in enumerate(lines, 1):
        code, mark, path = line.partition("  #@ ")
        if mark:
            path = before = before if path == DITTO else path
            lines[number - 1] = code
            earlier = first.setdefault(path, number)
            paths[number] = literal(path) if earlier == number else str(earlier)  # long ones stand there once
    text = "\n".join(lines).rstrip("\n") + "\n"
    if not paths:
        return text
    table = "".join(f"    {number}: {path},\n" for number, path in paths.items())
    return text.replace(f"{_PATHS}{{}}", f"{_PATHS}{{\n{table}}}")
