"""How to compile: every option of a run but the names of the files. Data only, and cheap to import."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, IntEnum, StrEnum

from idlc.data import dataclass, field
from idlc.diagnostics.policy import Policy


class Dialect(StrEnum):
    """Whose IDL it is."""

    MIDL = "midl"
    """Microsoft's, with the extensions that have long been part of it."""
    DCE = "dce"
    """The language of the DCE only: MIDL's /osf."""
    PIDL = "pidl"
    """Samba's."""
    LENIENT = "lenient"
    """Microsoft's with what other compilers have added, which is left out with a warning."""


class Protocol(StrEnum):
    """Which transfer syntaxes the generated modules offer."""

    DCE = "dce"
    NDR64 = "ndr64"
    ALL = "all"


class Environment(Enum):
    """A machine that IDL may be compiled for: the macros that its C compiler defines, and the size of a pointer.

    What goes over the wire is the same for all of them.
    """

    WIN32 = "win32", 4, (("_M_IX86", "600"),)
    WIN64 = "win64", 8, (("_WIN64", "1"), ("_M_X64", "100"), ("_M_AMD64", "100"))
    IA64 = "ia64", 8, (("_WIN64", "1"), ("_M_IA64", "64100"))
    ARM32 = "arm32", 4, (("_M_ARM", "7"),)
    ARM64 = "arm64", 8, (("_WIN64", "1"), ("_M_ARM64", "1"))

    def __init__(self, word: str, pointer_octets: int, macros: tuple[tuple[str, str], ...]) -> None:
        self.word = word
        self.pointer_octets = pointer_octets
        self.macros = macros


class Target(IntEnum):
    """The oldest Windows that has to understand the interface."""

    NT40 = 40
    NT50 = 50
    NT51 = 51
    NT60 = 60
    NT61 = 61
    NT62 = 62
    NT63 = 63
    NT100 = 100


@dataclass(frozen=True, slots=True)
class Settings:
    """How to compile: everything but the names of the files."""

    include: tuple[str, ...] = ()
    """Folders to find imported and included files in."""
    defines: tuple[tuple[str, str], ...] = ()
    undefines: tuple[str, ...] = ()
    memory: Mapping[str, str] = field(default_factory=dict)
    """Files that exist in memory only, by name."""
    policy: Policy = field(default_factory=Policy)
    acf: str | None = None
    """The ACF file of the one file that is asked for; None for the one that stands beside it."""
    search_here: bool = True
    """Look for files beside the one that asks and in the current folder, before the folders of `include`."""
    preprocessed: bool = False
    """The text has been through a preprocessor: macros mean nothing any more."""
    dialect: Dialect = Dialect.MIDL
    environment: Environment = Environment.WIN64
    target: Target = Target.NT100
    app_config: bool = False
    """ACF attributes for handles may stand in the IDL even if `strict`."""
    ms_union: bool = False
    """Unions go as under the `ms_union` attribute, wherever they stand."""
    client: bool = True
    """Generate clients."""
    server: bool = True
    """Generate services."""
    protocol: Protocol = Protocol.ALL
    pause_collector: bool = False
    """Pause Python's garbage collector while files are parsed, and spare it what exists then for good: for a process
    that does nothing else, it concerns all of it."""

    @property
    def strict(self) -> bool:
        return self.policy.strict
