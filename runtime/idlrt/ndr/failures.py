"""What can be wrong with values and stub data, as NdrError with the path of the value.

Codecs raise at the place and leave the path to `explain`, which reads it from the codec module's own table of
lines (`PATHS`) and from the locals of the frame that failed: so the straight path pays nothing for it.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FrameType, TracebackType
from typing import Any

from idlrt.errors import NdrError, RpcError

CODEC_ERRORS = (
    NdrError,
    struct.error,
    UnicodeError,
    OverflowError,
    TypeError,
    AttributeError,
    ValueError,
    IndexError,
    KeyError,
)
"""What a codec lets escape when a value does not fit or the data ends; `explain` makes it an NdrError with its path."""


def out_of_range(value: int, low: int, high: int) -> NdrError:
    return NdrError(f"{value} is not between {low} and {high}")


def null_ref() -> NdrError:
    return NdrError("a ref pointer cannot be null")


def null_handle() -> NdrError:
    return NdrError("a null context handle cannot be passed in")


def size_mismatch(given: int, wanted: int) -> NdrError:
    return NdrError(f"has {given} elements, but its size says {wanted}")


def bad_extent(first: int, length: int, most: int, given: int) -> NdrError:
    return NdrError(f"elements {first} to {first + length} do not lie within {given} given and room for {most}")


def too_long(count: int, most: int) -> NdrError:
    return NdrError(f"takes {count} units with its terminator, but has room for {most}")


def bad_count(count: int, wanted: int) -> NdrError:
    return NdrError(f"the count in the data is {count}, where {wanted} was due")


def cut_short(end: int, data: Any) -> NdrError:
    return NdrError(f"{end} octets are announced, but the data has {len(data)}", offset=len(data), truncated=True)


def bad_string(data: Any, first: int, count: int, most: int, end: int) -> NdrError:
    if first or not 0 < count <= most:
        return NdrError(f"a string of {count} units from {first} on, with room for {most}, is not one")
    if end > len(data):
        return cut_short(end, data)
    return NdrError("the string has no terminator", offset=end)


def tag_mismatch(tag: int, wanted: int) -> NdrError:
    return NdrError(f"the union's tag is {int(tag)}, but its switch says {int(wanted)}")


def bad_tag(tag: int) -> NdrError:
    return NdrError(f"the union has no arm for {int(tag)}")


# ---------------------------------------------------------------------------- paths

_PLACE = re.compile(r"\[(?:(\w+) in (\w+)|len (\w+))\]")


def explain(
    error: BaseException, operation: str, data: Any = None, given: Sequence[tuple[str, str, Any]] = ()
) -> NdrError:
    """The NdrError for whatever a codec let escape.

    Args:
        error: what was caught: one of CODEC_ERRORS.
        operation: the operation's name, for when nothing better is known.
        data: the stub that was being read, if any.
        given: path, struct format letter and value of what a bare `Struct.pack` was called with.
    """
    path, items = _path(error.__traceback__)
    items = items or list(given)
    if isinstance(error, NdrError):
        if not error.path:
            error.path = path or operation
        return error
    if isinstance(error, RpcError):
        return NdrError(str(error), path=path or operation)
    if data is not None and isinstance(error, struct.error):
        return NdrError("the data ends too early", path=path or operation, offset=len(data), truncated=True)
    for name, letter, value in items:
        reason = unfit(letter, value)
        if reason:
            return NdrError(reason, path=name)
    if isinstance(error, AttributeError):
        return NdrError(_lacking(error), path=path or operation)
    return NdrError(str(error) or type(error).__name__, path=path or operation)


def _lacking(error: AttributeError) -> str:
    """Says of what kind a value is not, by the attribute that it lacks."""
    if error.obj is None:
        return "None cannot stand here"
    kinds = {"bytes_le": "a uuid.UUID", "bytes": "a uuid.UUID", "attributes": "a context handle", "tag": "a union"}
    kind = kinds.get(error.name or "")
    return f"{error.obj!r} is not {kind}" if kind else f'{error.obj!r} has no field "{error.name}"'


def packed(pack: Callable[..., Any], names: Sequence[str], values: Sequence[Any]) -> list[tuple[str, str, Any]]:
    """What `explain` needs of values that went straight into a `Struct.pack`; nothing for any other function."""
    layout = getattr(pack, "__self__", None)
    if not isinstance(layout, struct.Struct):
        return []
    letters = [letter for count, letter in _FIELDS.findall(layout.format) for _ in range(int(count or 1))]
    return list(zip(names, letters, values, strict=False))


_FIELDS = re.compile(r"(\d*)([?bBhHiIqQfd])")


_LETTERS: Mapping[str, tuple[str, int, int]] = {
    "B": ("an unsigned octet", 0, 0xFF),
    "b": ("a signed octet", -0x80, 0x7F),
    "H": ("an unsigned 16-bit integer", 0, 0xFFFF),
    "h": ("a 16-bit integer", -0x8000, 0x7FFF),
    "I": ("an unsigned 32-bit integer", 0, 0xFFFFFFFF),
    "i": ("a 32-bit integer", -0x80000000, 0x7FFFFFFF),
    "Q": ("an unsigned 64-bit integer", 0, 2**64 - 1),
    "q": ("a 64-bit integer", -(2**63), 2**63 - 1),
}


_UNKNOWN = object()
"""Stands for a value that the failed line computed and nothing kept."""


def unfit(letter: str, value: Any) -> str:
    """Why a value is none that this struct letter packs; nothing if it is one."""
    if value is _UNKNOWN:
        return ""
    if letter == "s":
        return "" if isinstance(value, str) else f"{value!r} is not a string"
    if letter.endswith("*"):
        try:
            return next((reason for reason in (unfit(letter[:-1], item) for item in value) if reason), "")
        except TypeError:
            return f"{value!r} is not a sequence"
    if letter in _LETTERS:
        what, low, high = _LETTERS[letter]
        if not hasattr(value, "__index__"):
            return f"{value!r} is not {what}"
        if not low <= value <= high:
            return f"{value} does not fit {what}"
    elif letter in ("f", "d") and not isinstance(value, int | float):
        return f"{value!r} is not a number"
    return ""


def _path(traceback: TracebackType | None) -> tuple[str, list[tuple[str, str, Any]]]:
    """The path that the failing lines handle, outer codec functions first, and the values of the innermost one."""
    path = ""
    items: list[tuple[str, str, Any]] = []
    while traceback is not None:
        frame = traceback.tb_frame
        paths = frame.f_globals.get("PATHS")
        text = paths.get(traceback.tb_lineno) if isinstance(paths, dict) else None
        if isinstance(paths, dict) and isinstance(text, int):  # the same as that line's
            text = paths[text]
        if text:
            entries = _entries(text)
            prefix = path
            items = [
                (prefix + each, kind, value)
                for name, spelling, letter in entries
                for each, kind, value in _given(_filled(name, frame), letter, _value(spelling, frame))
            ]
            path = prefix + _filled(_shared_prefix([name for name, _, _ in entries]), frame).replace("[*]", "[]")
        traceback = traceback.tb_next
    return path.lstrip("."), [(name.lstrip("."), letter, value) for name, letter, value in items]


def _given(name: str, letter: str, value: Any) -> Iterator[tuple[str, str, Any]]:
    """A value; with a letter such as `s/1/4` every fourth one of a list, from number 1 on: the second of each row."""
    letter, *column = letter.split("/")
    if not column or not isinstance(value, list):
        yield name, letter, value
        return
    first, every = map(int, column)
    for row, text in enumerate(value[first::every]):
        if text is not None:
            yield name.replace("[*]", f"[{row}]"), letter, text


def _entries(text: str) -> list[tuple[str, str, str]]:
    entries = []
    for part in text.split("; "):
        name, _, rest = part.partition("=")
        spelling, _, letter = rest.rpartition(":")
        entries.append((name, spelling, letter))
    return entries


def _shared_prefix(names: list[str]) -> str:
    if len(names) == 1:
        return names[0]
    first, last = min(names), max(names)
    same = 0
    while same < min(len(first), len(last)) and first[same] == last[same]:
        same += 1
    prefix = first[:same]
    return prefix[: max(prefix.rfind("."), prefix.rfind("]") + 1, 0)]


def _filled(path: str, frame: FrameType) -> str:
    def index(match: re.Match[str]) -> str:
        item, items, made = match.groups()
        known = frame.f_locals
        if made is not None:
            return f"[{len(known[made])}]" if isinstance(known.get(made), list) else "[]"
        found = known.get(items)
        for number, candidate in enumerate(found if isinstance(found, list | tuple) else ()):
            if candidate is known.get(item):
                return f"[{number}]"
        return "[]"

    return _PLACE.sub(index, path)


def _value(spelling: str, frame: FrameType) -> Any:
    """The value of `name` or `name.field.field` in the frame; _UNKNOWN for anything more."""
    first, *rest = spelling.split(".")
    value = frame.f_locals.get(first, _UNKNOWN)
    for name in rest:
        value = getattr(value, name, _UNKNOWN)
    return value
