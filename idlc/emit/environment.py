"""The jinja2 environment, and the one place that knows where templates are."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import BytecodeCache, Environment, FileSystemLoader, StrictUndefined
from jinja2.bccache import Bucket

from idlc import cache as kept


def template_folder() -> Path:
    """Inside the package (wheel) or beside it (checkout)."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "templates"
    return inside if inside.is_dir() else package.parent / "templates"


class _Compiled(BytecodeCache):
    """Templates that were compiled before, in the user's cache."""

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = kept.load("template", kept.key(bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        kept.store("template", kept.key(bucket.key, bucket.checksum), bucket.code)


@cache
def environment() -> Environment:
    """Templates only spell: undefined names are errors, blocks leave no blank lines."""
    return Environment(
        loader=FileSystemLoader(template_folder()),
        bytecode_cache=_Compiled(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
        auto_reload=False,
    )
