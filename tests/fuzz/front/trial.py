"""One input and what is asked of the compiler: an answer, in time, in little memory, and Python that is Python."""

from __future__ import annotations

import gc
import random
import re
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

import idlc
from idlc.crashes import InternalError
from idlc.data import replace
from idlc.diagnostics.as_json import as_json
from idlc.diagnostics.policy import Policy
from idlc.diagnostics.render import render_all
from idlc.settings import Dialect, Environment, Protocol, Settings, Target
from idlc.source.decode import NotText, decode
from tests.fuzz.front import made
from tests.fuzz.front.mutations import mutated
from tests.fuzz.front.seeds import MAX_SIZE, Seed

SECONDS: Final = 4.0
"""Processor time that an input of no more than MAX_SIZE may take; most take some milliseconds."""
OCTETS: Final = 300 << 20
"""Memory that one input may take on top of what the process has."""
_MOST_WORDS: Final = 4 << 20
"""Characters of all that is said about an input."""
_USUAL: Final = Settings()
_MAKERS: Final[list[tuple[Callable[[random.Random], Seed], int]]] = [
    (mutated, 58),
    (made.sentence, 18),
    (made.valid, 7),
    (made.objects, 7),
    (made.constants, 10),
]


@dataclass(frozen=True, slots=True)
class Input:
    """What is compiled, and how."""

    idl: str
    acf: str | None = None
    settings: Settings = _USUAL


@dataclass(frozen=True, slots=True)
class Find:
    """Something that must not happen: what, told apart from others by `kind`, and a whole account of it."""

    kind: str
    account: str


class TooSlow(BaseException):
    """Raised in the middle of whatever takes too long; no handler of the compiler's may stop it."""


class _Claim(Exception):
    """The result is not what it must be."""


def numbered(number: int) -> Input:
    """The input with that number; the same one whenever it is asked for."""
    chance = random.Random(number)
    makers, weights = zip(*_MAKERS, strict=True)
    seed = chance.choices(makers, weights)[0](chance)
    if chance.random() < 0.3 and seed.acf is None and "interface" in seed.idl:
        seed = Seed(seed.idl, made.configuration(chance, seed.idl)[:MAX_SIZE])
    elif chance.random() < 0.5:
        seed = Seed(seed.idl)
    return Input(_encoded(chance, seed.idl), seed.acf, _settings(chance))


def _encoded(chance: random.Random, text: str) -> str:
    """The text as it was, or by way of a file in some encoding that had a few octets changed."""
    if chance.random() < 0.97:
        return text
    octets = bytearray(text.encode(chance.choice(["utf-8", "utf-16", "utf-16-le", "cp1252", "utf-8-sig"]), "replace"))
    for _ in range(chance.choice([0, 1, 4])):
        if octets:
            octets[chance.randrange(len(octets))] = chance.randrange(256)
    try:
        return decode(bytes(octets))
    except NotText:
        return text


def _settings(chance: random.Random) -> Settings:
    """Mostly what everybody uses, so that inputs get far; sometimes any option there is."""
    if chance.random() < 0.6:
        return _USUAL
    settings = Settings(
        policy=Policy(
            strict=chance.random() < 0.4,
            level=chance.randrange(5),
            warnings_are_errors=chance.random() < 0.1,
            max_errors=chance.choice([0, 1, 5, 100]),
        ),
        dialect=chance.choice([Dialect.MIDL, Dialect.MIDL, *Dialect]),
        ms_union=chance.random() < 0.3,
        client=chance.random() < 0.8,
        server=chance.random() < 0.8,
        protocol=chance.choice(list(Protocol)),
    )
    match chance.randrange(12):  # what the prelude depends on, which costs time
        case 0:
            return replace(settings, environment=chance.choice(list(Environment)))
        case 1:
            return replace(settings, target=chance.choice([Target.NT40, Target.NT60]), app_config=True)
        case 2:
            return replace(settings, defines=chance.choice([(("A", "1"), ("long", "short")), (("X", ""),)]))
        case 3:
            return replace(settings, undefines=("_WIN32", "__midl"), preprocessed=chance.random() < 0.5)
        case _:
            return settings


def attempt(given: Input, seconds: float = SECONDS, octets: int = OCTETS) -> Find | None:
    """Compile an input under watch; what is wrong about that, if anything."""
    before = _peak()
    try:
        with _watched(seconds):
            _compiled(given)
    except TooSlow as error:
        return Find(f"too slow in {_place(error)}", f"more than {seconds} seconds\n{_trace(error)}")
    except Exception as error:
        cause = error.cause if isinstance(error, InternalError) else error
        return Find(f"{type(cause).__name__} in {_place(cause)}", _trace(error))
    grown = _peak() - before
    if grown > octets:
        return Find("too much memory", f"{grown >> 20} MiB more than before")
    return None


def _compiled(given: Input) -> None:
    memory = {"x.idl": given.idl, "import.idl": "typedef long IMPORTED;", "x.h": "#define X 1\n"}
    report = idlc.compile_text(given.idl, name="fuzz.idl", acf=given.acf, files=memory, settings=given.settings)
    said = render_all(report.diagnostics)
    if len(given.idl) % 8 == 0:
        as_json(report.diagnostics)
    if len(said) > _MOST_WORDS:
        raise _Claim(f"{len(report.diagnostics)} diagnostics of {len(said)} characters")
    if not report.ok and report.files:
        raise _Claim("there are files although there are errors")
    if report.ok and not report.files:
        raise _Claim("there are neither errors nor files")
    for name, text in report.files.items():
        if name.endswith(".py"):
            text.encode("utf-8")
            compile(text, name, "exec", dont_inherit=True)


@contextmanager
def _watched(seconds: float) -> Iterator[None]:
    """Interrupt what takes longer than that; processor time, so that a busy machine makes no difference."""

    def ring(_signal: int, _frame: FrameType | None) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds, 0.5)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _peak() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _trace(error: BaseException) -> str:
    lines = "".join(traceback.format_exception(error)).splitlines()
    return "\n".join(lines if len(lines) < 120 else [*lines[:60], "...", *lines[-60:]])


def _place(error: BaseException) -> str:
    """The function of the compiler that an exception comes out of."""
    frames = traceback.extract_tb(error.__traceback__)
    root = str(Path(idlc.__file__).parent)
    own = [frame for frame in frames if frame.filename.startswith(root)] or list(frames)
    if not own:
        return "the trial"
    if isinstance(error, TooSlow):  # the innermost functions of a loop are many
        own = own[: next((at for at, frame in enumerate(own) if "driver" not in frame.filename and at > 3), 6) + 1]
    return f"{Path(own[-1].filename).stem}.{own[-1].name}"


def warm() -> None:
    """Load everything that is loaded once, so that no input is charged for it."""
    for number in range(40):
        attempt(numbered(number), seconds=60, octets=1 << 40)
    gc.collect()
    gc.freeze()


def smaller(given: Input, kind: str, patience: float = 40) -> Input:
    """The input with everything left out that its find does without."""

    def same(candidate: Input) -> bool:
        found = attempt(candidate)
        return found is not None and found.kind == kind

    end = time.monotonic() + patience
    for simpler in (Input(given.idl, None, given.settings), Input(given.idl, given.acf), Input(given.idl)):
        if same(simpler):
            given = simpler
    idl = _reduced(given.idl, lambda text: same(Input(text, given.acf, given.settings)), end)
    given = Input(idl, given.acf, given.settings)
    if given.acf is not None:
        acf = _reduced(given.acf, lambda text: same(Input(given.idl, text, given.settings)), end)
        given = Input(given.idl, acf, given.settings)
    return given


def _reduced(text: str, same: Callable[[str], bool], end: float) -> str:
    """Take away stretches of lines, then of words, as long as the find stays."""
    for pattern in (r"[^\n]*\n?", r"\w+|\s+|."):
        pieces = [piece for piece in re.findall(pattern, text, re.S if pattern.startswith(r"\w") else 0) if piece]
        width = max(1, len(pieces) // 2)
        while width:
            at = 0
            while at < len(pieces) and time.monotonic() < end:
                rest = pieces[:at] + pieces[at + width :]
                if rest and same("".join(rest)):
                    pieces = rest
                else:
                    at += width
            width //= 2
        text = "".join(pieces)
    return text
