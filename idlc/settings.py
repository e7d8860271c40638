"""How to compile: every option of a run but the names of the files. Data only, and cheap to import."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from idlc.diagnostics.policy import Policy


@dataclass(frozen=True, slots=True)
class Settings:
    """How to compile: everything but the names of the files."""

    include: tuple[str, ...] = ()
    defines: tuple[tuple[str, str], ...] = ()
    undefines: tuple[str, ...] = ()
    memory: Mapping[str, str] = field(default_factory=dict)
    """Files that exist in memory only, by name."""
    policy: Policy = field(default_factory=Policy)

    @property
    def strict(self) -> bool:
        return self.policy.strict
