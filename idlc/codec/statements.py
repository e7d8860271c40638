"""Flat Python statements: what a codec function is made of, before it is spelled.

Every statement carries the path of the value it handles, so that an error at run time can name it.
"""

from __future__ import annotations

from idlc.data import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """One simple statement. `path` names the value it moves, as the runtime's `explain` reads it."""

    text: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """A compound statement: `head` ends in a colon; chained `elif`/`else` blocks follow as further blocks."""

    head: str
    body: tuple[Statement, ...]
    path: str = ""


Statement = Line | Block


@dataclass(frozen=True, slots=True)
class Function:
    """A function inside the codec factory."""

    name: str
    parameters: str
    returns: str
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """What one operation offers: an expression for each half of each stub, and its pipe elements."""

    opnum: int
    arguments: str
    """Of ndr.OperationCodec( ): the four functions, then the tuples of pipe elements."""


@dataclass(frozen=True, slots=True)
class PickleEntry:
    """What a type offers that is serialized by itself."""

    name: str
    arguments: str
    """Of ndr.TypeCodec( ): its writer, its reader, whether it has a private header."""

    @property
    def label(self) -> str:
        """The name as a literal; an identifier needs no escapes."""
        return f'"{self.name}"'


@dataclass(frozen=True, slots=True)
class CodecModule:
    """One codec module: the factory's tables, its functions and the entries of operations, or of types."""

    syntax: str
    """Name of the factory: ndr20 or ndr64."""
    parameters: str
    doc: str
    """The factory's, as a finished string literal."""
    types: tuple[str, ...]
    """Classes taken from the public module, or dotted `module.Class` ones from siblings."""
    converters: tuple[str, ...]
    """Dotted names of the converters that the functions use."""
    tables: tuple[str, ...]
    """Assignments at the top of the factory: struct packers and readers, bulk movers."""
    functions: tuple[Function, ...]
    entries: tuple[Entry, ...]
    pickles: tuple[PickleEntry, ...] = ()
