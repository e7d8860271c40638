"""Where the outputs of a run go."""

from __future__ import annotations

from idlc.data import dataclass


@dataclass(frozen=True, slots=True)
class Places:
    """The folder of the package, and the files beside it that build tools ask for."""

    folder: str = "."
    """The folder that becomes the package."""
    depfile: str | None = None
    """Where a dependency file for Make or Ninja goes."""
    depfile_target: str | None = None
    """What the dependency file says is to be made, in place of the outputs."""
    depfile_prelude: bool = True
    """Whether the dependency file lists the compiler's own files, too."""
    manifest: str | None = None
    """Where a manifest goes."""
