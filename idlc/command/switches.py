"""The switches of MIDL, as a table: what each takes and what it is to idlc.

A switch that we honour says which words of our own command line it stands for; one that only concerns C code, type
libraries or old machines is taken and has no effect; the rest is refused with the reason.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from idlc.data import dataclass


class Takes(Enum):
    """How a switch has its argument."""

    NOTHING = ""
    NEXT = "the next word, or behind a colon"
    GLUED = "the rest of the word, or the next one"
    PAIRS = "pairs of a word and a prefix"


class Effect(Enum):
    HONOURED = "honoured"
    IGNORED = "ignored"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Switch:
    """One switch, without the character it begins with."""

    name: str
    takes: Takes
    effect: Effect
    about: str
    """What it does; for one without effect why it has none, for a refused one why it is."""
    ours: str = ""
    """The word of our own that it stands for; `{}` is its argument."""
    choices: tuple[str, ...] = ()
    """The arguments there are, if they can be listed."""
    excludes: tuple[str, ...] = ()
    """Switches that say the opposite."""


_N, _A, _G = Takes.NOTHING, Takes.NEXT, Takes.GLUED
_C_CODE: Final = "concerns generated C code"
_TLB: Final = "no type library is written"
_ONE_MODULE: Final = "each IDL file becomes one Python module, named after it"
_ENVIRONMENTS: Final = ("win32", "win64", "amd64", "x64", "ia64", "arm32", "arm64")
_SAME: Final = {"win64", "amd64", "x64"}
_TARGETS: Final = ("NT40", "NT50", "NT51", "NT60", "NT61", "NT62", "NT63", "NT100")


def _ours(name: str, takes: Takes, ours: str, about: str, **more: tuple[str, ...]) -> Switch:
    return Switch(name, takes, Effect.HONOURED, about, ours, **more)


def _ignored(names: str, why: str, takes: Takes = _N) -> list[Switch]:
    return [Switch(name, takes, Effect.IGNORED, why) for name in names.split()]


def _refused(names: str, why: str, takes: Takes = _N) -> list[Switch]:
    return [Switch(name, takes, Effect.REFUSED, why) for name in names.split()]


_ROWS: Final = [
    # Input
    _ours("acf", _A, "--acf={}", "the ACF file of the IDL file"),
    _ours("I", _G, "--include={}", "folders to find files in, separated by semicolons"),
    _ours("no_def_idir", _N, "--only-include", "look into the folders of /I only"),
    _ours("D", _G, "--define={}", "define a macro"),
    _ours("U", _G, "--undefine={}", "undefine a macro"),
    _ours("no_cpp", _N, "--preprocessed", "the file has been through a preprocessor already"),
    _ours("nocpp", _N, "--preprocessed", "the same as /no_cpp"),
    _ours("cpp_opt", _A, "{}", "options for the preprocessor: /D, /U and /I among them count"),
    *_ignored("cpp_cmd", "idlc has a preprocessor of its own", _A),
    # Output
    _ours("out", _A, "--out={}", "the folder that becomes the package"),
    _ours("client", _A, "--client={}", "whether clients are generated", choices=("stub", "none")),
    _ours("server", _A, "--server={}", "whether services are generated", choices=("stub", "none")),
    _ours("protocol", _A, "--protocol={}", "the transfer syntaxes on offer", choices=("dce", "ndr64", "all")),
    _ours("savePP", _N, "--save-preprocessed", "write the text after preprocessing as well"),
    _ours("syntax_check", _N, "check", "only diagnose"),
    _ours("Zs", _N, "check", "the same as /syntax_check"),
    *_ignored("h header cstub sstub proxy iid dlldata", _ONE_MODULE, _A),
    *_ignored("prefix", "the classes of clients and services have names of their own", Takes.PAIRS),
    # The language
    _ours("app_config", _N, "--app-config", "handle attributes of ACF files may stand in IDL files"),
    _ours("osf", _N, "--osf", "the language of the DCE only", excludes=("ms_ext", "c_ext", "app_config", "ms_union")),
    _ours("ms_union", _N, "--ms-union", "unions travel as under the attribute ms_union"),
    *_ignored("ms_ext c_ext", "always on"),
    _ours("env", _A, "--env={}", "the machine whose macros are defined", choices=_ENVIRONMENTS),
    *(
        _ours(
            name,
            _N,
            f"--env={name}",
            f"the same as /env {name}",
            excludes=tuple(other for other in _ENVIRONMENTS if {other, name} - _SAME and other != name),
        )
        for name in _ENVIRONMENTS
    ),
    _ours("m32", _N, "--env=win32", "as other compilers spell /env win32", excludes=("m64",)),
    _ours("m64", _N, "--env=win64", "as other compilers spell /env win64"),
    _ours("target", _A, "--target={}", "the oldest Windows that has to understand it", choices=_TARGETS),
    _ours("robust", _N, "", "check sizes at run time: always done", excludes=("no_robust",)),
    *_ignored("no_robust", "what comes from the network is always checked"),
    *_ignored("char backward_compat", "changes nothing that goes over the wire", _A),
    # Diagnostics
    _ours("W", _G, "-W{}", "the level of warnings, 0 to 4", choices=("0", "1", "2", "3", "4")),
    _ours("warn", _G, "-W{}", "the same as /W", choices=("0", "1", "2", "3", "4")),
    _ours("WX", _N, "-Werror", "warnings are errors"),
    _ours("no_warn", _N, "-W0", "no warnings", excludes=("WX",)),
    _ours("o", _A, "--log={}", "write the diagnostics into a file"),
    _ours("help", _N, "", "this list"),
    _ours("?", _N, "", "this list"),
    _ours("confirm", _N, "", "show what the command line stands for, and do nothing"),
    *_ignored("nologo", "idlc shows none"),
    # What has no effect
    *_ignored("error msc_ver", _C_CODE, _A),
    *_ignored("Zp pack align", "packing changes nothing that goes over the wire", _G),
    *_ignored(
        "Os Oi Oic Oif Oicf rpcss no_format_opt no_stamp no_settings_comment version_stamp cstruct_out sal sal_local "
        "oldnames use_epv no_default_epv",
        _C_CODE,
    ),
    *_ignored("tlb", _TLB, _A),
    *_ignored("lcid", _TLB, _A),
    *_ignored("notlb newtlb oldtlb mktyplib203", _TLB),
    # What is refused
    *_refused("caux saux", "auxiliary files are a thing of the past: remove it", _A),
    *_refused("import", "says where code for imported files goes: compile those files themselves", _A),
    *_refused("old new", "chose between ways of marshaling that are both gone: remove it"),
    *_refused("winrt nomidl nomd enum_class", "Windows Runtime IDL is not supported"),
    *_refused("winmd metadata_dir ns_prefix", "Windows Runtime IDL is not supported", _A),
]

SWITCHES: Final = {row.name: row for row in _ROWS}
"""Every switch by its name."""
