"""Names that are nearly the one that was written: the one mechanism behind every "did you mean".

Two names are near when they differ in letter case and underscores only, or by few letters left out, put in, exchanged
or swapped. Few is one in three, so that short names find no partners by chance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

_MOST: Final = 3
"""Names that one message lists."""
_LONGEST: Final = 64
"""Longer names are not compared letter by letter."""
_PATIENCE: Final = 400_000
"""Pairs of names that are compared in one run: whoever misspells thousands is not helped by further hints."""

_compared = 0


class Suggestion(str):
    """A "did you mean" sentence that knows what it would put in place of what."""

    written: str
    instead: str


def start() -> None:
    """Begin a run, with all of the patience."""
    global _compared
    _compared = 0


def near(name: str, candidates: Iterable[str]) -> list[str]:
    """The candidates that are nearest to `name`, at most three; empty when none is near. `name` itself is none."""
    global _compared
    if _compared > _PATIENCE:
        return []
    plain, letters = _plain(name), set(name.lower())
    counted = Counter(name.lower())
    alike: list[str] = []
    close: list[str] = []
    least = max(1, len(name) // 3) if len(name) > 1 else 0
    known = dict.fromkeys(candidates)
    _compared += len(known)
    for candidate in known:
        if candidate == name or not candidate:
            continue
        if plain and _plain(candidate) == plain:
            alike.append(candidate)
            continue
        if alike or abs(len(candidate) - len(name)) > least or not least:
            continue
        if len(name) > _LONGEST or len(set(candidate.lower()) ^ letters) > 2 * least:
            continue
        other = Counter(candidate.lower())
        if max((counted - other).total(), (other - counted).total()) > least:
            continue  # a bound that is found sooner than the distance
        distance = _distance(name.lower(), candidate.lower(), least)
        if distance > least:
            continue
        if distance < least:
            least, close = distance, []
        close.append(candidate)
    return _once(name, alike or close)[:_MOST]


def did_you_mean(name: str, candidates: Iterable[str]) -> Suggestion | None:
    """The sentence that offers the candidates nearest to `name`; None when none is near."""
    found = near(name, candidates)
    if not found:
        return None
    quoted = [f'"{each}"' for each in found]
    listed = quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"
    suggestion = Suggestion(f"did you mean {listed}?")
    suggestion.written = name
    suggestion.instead = found[0]
    return suggestion


def _once(name: str, found: list[str]) -> list[str]:
    """Of names that differ in letter case only, the one that is written most like `name`."""
    chosen: dict[str, str] = {}
    for each in found:
        other = chosen.setdefault(each.lower(), each)
        if other is not each and _distance(name, each, _LONGEST) < _distance(name, other, _LONGEST):
            chosen[each.lower()] = each
    return list(chosen.values())


@lru_cache(maxsize=10_000)
def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


def _distance(one: str, other: str, bound: int) -> int:
    """Letters to leave out, put in, exchange or swap with a neighbour; anything above `bound` when they are more."""
    begin, end, other_end = 0, len(one), len(other)
    while begin < min(end, other_end) and one[begin] == other[begin]:
        begin += 1
    while min(end, other_end) > begin and one[end - 1] == other[other_end - 1]:
        end, other_end = end - 1, other_end - 1
    one, other = one[begin:end], other[begin:other_end]
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        older, before, row = before, row, [i]
        for j, wanted in enumerate(other, 1):
            least = min(before[j] + 1, row[-1] + 1, before[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                least = min(least, older[j - 2] + 1)
            row.append(least)
        if min(row) > bound:
            break
    return row[-1] if len(row) == len(other) + 1 else bound + 1
