"""What MIDL forbids, over bound types: one module per family, each rule with Microsoft's number.

A rule reads the bound file and reports; it changes nothing. Types that could not be bound are silent, so
one mistake gives one message.
"""

from __future__ import annotations

from idlc.diagnostics.report import Report
from idlc.semantics.rules import (
    arrays,
    async_,
    com,
    com_automation,
    com_methods,
    handles,
    identifiers,
    operations,
    pipes,
    pointers,
    records,
    unions,
)
from idlc.semantics.rules.places import Places
from idlc.semantics.types import BoundFile
from idlc.settings import Target

_FAMILIES = (
    identifiers,
    records,
    pointers,
    arrays,
    unions,
    pipes,
    handles,
    operations,
    async_,
    com,
    com_methods,
    com_automation,
)


def check(bound: BoundFile, report: Report, target: Target = Target.NT100) -> None:
    """Report every rule that the file breaks, for a target."""
    places = Places(bound, target)
    for family in _FAMILIES:
        family.check(places, report)
