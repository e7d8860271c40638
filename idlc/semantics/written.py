"""Attribute lists as written, checked against the table: known names, right places, no contradictions.

What is left after the check can be asked for by name, and every attribute in it is one that may stand there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from idlc.data import dataclass, replace
from idlc.diagnostics.near import did_you_mean
from idlc.diagnostics.report import Note, Report
from idlc.language.attributes import ATTRIBUTES, CONFLICTS, MISPLACED, AttributeRule, Effect, Place, Takes
from idlc.source.files import Span
from idlc.syntax import ast


@dataclass(frozen=True, slots=True)
class Attributes:
    """The attributes in force at one place, by name."""

    by_name: dict[str, ast.Attribute]
    disputed: frozenset[str] = frozenset()
    """Those beside which another was refused: what follows from that is said."""

    def __contains__(self, name: str) -> bool:
        return name in self.by_name

    def get(self, name: str) -> ast.Attribute | None:
        return self.by_name.get(name)

    def first_of(self, *names: str) -> ast.Attribute | None:
        for name in names:
            if name in self.by_name:
                return self.by_name[name]
        return None

    @property
    def helpstring(self) -> str:
        """The text of `helpstring`, which documents what it stands on; empty if there is none."""
        attribute = self.by_name.get("helpstring")
        if attribute is None:
            return ""
        argument = attribute.arguments[0] if attribute.arguments else None
        return argument.value if isinstance(argument, ast.StringLiteral) else ""

    def uuid(self, name: str = "uuid") -> UUID | None:
        """The value of `uuid` or `async_uuid`."""
        attribute = self.by_name.get(name)
        argument = attribute.arguments[0] if attribute is not None else None
        return argument.value if isinstance(argument, ast.UuidLiteral) else None

    @property
    def version(self) -> tuple[int, int]:
        attribute = self.by_name.get("version")
        argument = attribute.arguments[0] if attribute is not None else None
        return (argument.major, argument.minor) if isinstance(argument, ast.Version) else (0, 0)

    def without(self, *names: str) -> Attributes:
        return Attributes({name: found for name, found in self.by_name.items() if name not in names})


NONE = Attributes({})

# Members of an enumeration are found slowly, and these are asked for at every attribute.
_NOTHING = Takes.NOTHING
_IGNORED = Effect.IGNORED


def suggestion(name: str, candidates: Iterable[str]) -> str | None:
    """A "did you mean" for a misspelled name."""
    return did_you_mean(name, candidates)


def check(
    written: Sequence[ast.Attribute], place: Place, report: Report, subject: str = "", further: Iterable[Place] = ()
) -> Attributes:
    """The attributes that may stand at `place`, one of each name; the others are reported.

    `further` are places that are as good: a parameter's attributes may come from an ACF as well.
    """
    kept: dict[str, ast.Attribute] = {}
    disputed: set[str] = set()
    if not written:
        return Attributes(kept)
    places = {place, *further}
    for attribute in written:
        name = attribute.name
        rule = ATTRIBUTES.get(name)
        if rule is None:
            fitting = did_you_mean(name, [known for known, row in ATTRIBUTES.items() if row.places & places])
            message = f'unknown attribute "{name}"{_where(place, subject)}'
            help_ = fitting or suggestion(name, ATTRIBUTES)
            report.error("IDLC1203", message, _name_of(attribute), help=help_)
            if fitting is not None and _arguments_fit(attribute, ATTRIBUTES[fitting.instead], Report()):
                # What depends on it would only say the same again.
                kept.setdefault(fitting.instead, replace(attribute, name=fitting.instead))
            continue
        if rule.places.isdisjoint(places):
            allowed = ", ".join(sorted(p.value for p in rule.places))
            message = f'"{name}" cannot stand{_where(place, subject)}'
            code = MISPLACED.get((name, place), "MIDL2072")
            report.error(code, message, attribute.span, help=f"it belongs on {allowed}")
            continue
        if rule.effect is _IGNORED:
            report.warning("MIDL2176", f'"{name}" is not implemented and ignored', attribute.span)
            continue
        if name in kept and name != "custom":
            first = Note("first written here", kept[name].span)
            report.warning("MIDL2209", f'"{name}" is repeated, the first one counts', attribute.span, (first,))
            continue
        clash = next((other for other in kept if other in _CLASHES[name]), None) if name in _CLASHES else None
        if clash is not None:
            code = CONFLICTS[frozenset({name, clash})]
            note = Note(f'"{clash}" is here', kept[clash].span)
            where = _where(place, subject)
            report.error(code, f'"{name}" and "{clash}" exclude each other{where}', attribute.span, (note,))
            disputed.add(clash)
            continue
        if (rule.takes is _NOTHING and not attribute.arguments) or _arguments_fit(attribute, rule, report):
            kept[name] = attribute
    return Attributes(kept, frozenset(disputed))


def _name_of(attribute: ast.Attribute) -> Span:
    """The place of an attribute's name alone; of all of it where that is not how it was written."""
    span = attribute.span
    if not span.text.startswith(attribute.name):  # a macro made it
        return span
    return Span(span.file, span.start, span.start + len(attribute.name))


def _where(place: Place, subject: str) -> str:
    return f' on "{subject}"' if subject else f" on {place.value}"


_CLASHES = {
    name: frozenset[str]().union(*(each for each in CONFLICTS if name in each)) for pair in CONFLICTS for name in pair
}

_COUNTS: dict[Takes, tuple[int, int | None, str]] = {
    Takes.NOTHING: (0, 0, "nothing in parentheses"),
    Takes.EXPRESSIONS: (1, None, "an expression for each pointer level or dimension"),
    Takes.EXPRESSION: (1, 1, "one expression"),
    Takes.CONSTANTS: (1, None, "one or more constants"),
    Takes.TWO_CONSTANTS: (2, 2, "two constants, the lowest and the highest value"),
    Takes.TYPE: (1, 1, "one type"),
    Takes.NAME: (1, 1, "one name"),
    Takes.NAMES: (1, None, "one or more names"),
    Takes.UUID: (1, 1, "one uuid"),
    Takes.VERSION: (1, 1, "a version such as 1.0"),
    Takes.STRINGS: (1, None, "one or more strings"),
    Takes.DECLARATION: (1, 1, "a type and a name"),
}

_KINDS: dict[Takes, tuple[type, ...]] = {
    Takes.TYPE: (ast.TypeName,),
    Takes.NAME: (ast.Identifier,),
    Takes.NAMES: (ast.Identifier,),
    Takes.UUID: (ast.UuidLiteral,),
    Takes.VERSION: (ast.Version,),
    Takes.STRINGS: (ast.StringLiteral,),
    Takes.DECLARATION: (ast.TypeName,),
}
_MISFITS = {"version": "MIDL2152", "case": "MIDL2340"}
_NO_HOLES = {Takes.EXPRESSION, Takes.CONSTANTS, Takes.TWO_CONSTANTS}


def _arguments_fit(attribute: ast.Attribute, rule: AttributeRule, report: Report) -> bool:
    if rule.takes is Takes.ANYTHING or (rule.effect is Effect.KEPT and rule.takes is Takes.STRINGS):
        return True
    low, high, wanted = _COUNTS[rule.takes]
    count = len(attribute.arguments)
    fits = low <= count and (high is None or count <= high)
    kinds = _KINDS.get(rule.takes)
    if fits and kinds is not None:
        fits = all(isinstance(argument, kinds) for argument in attribute.arguments)
    elif fits and rule.takes in _NO_HOLES:
        fits = not any(isinstance(argument, ast.Hole) for argument in attribute.arguments)
    if not fits:
        code = _MISFITS.get(rule.name, "IDLC1202")
        report.error(code, f'"{attribute.name}" takes {wanted}', attribute.span)
    return fits
