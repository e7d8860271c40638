"""What a command line asks for, as data."""

from __future__ import annotations

from enum import StrEnum

from idlc.building.places import Places
from idlc.data import dataclass, field
from idlc.diagnostics.report import Diagnostic
from idlc.settings import Settings


class Action(StrEnum):
    COMPILE = "compile"
    CHECK = "check"
    DUMP = "dump"


class Form(StrEnum):
    """How diagnostics are written."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"


class Colour(StrEnum):
    """When text is coloured."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Invocation:
    """One run of the command."""

    action: Action
    files: tuple[str, ...]
    settings: Settings = field(default_factory=Settings)
    out: str = "."
    """The folder that becomes the package."""
    stage: str = ""
    """What `dump` shows."""
    form: Form = Form.TEXT
    colour: Colour = Colour.AUTO
    log: str | None = None
    """A file that gets the diagnostics."""
    places: Places = field(default_factory=Places)
    """Where a dependency file and a manifest go."""
    verify: bool = False
    """Compare the outputs with what is there, and write nothing."""
    words: tuple[str, ...] = ()
    """The command line as it was typed: a run that has nothing to do is known by it."""
    keep_preprocessed: bool = False
    """Write each file's text after preprocessing into the folder `out`."""
    remarks: tuple[Diagnostic, ...] = ()
    """What is to be said about the command line itself."""
