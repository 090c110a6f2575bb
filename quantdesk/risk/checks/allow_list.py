"""Allow-list: names of what may be traded in a scope; all else is refused, whatever its size."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import ClassVar

from quantdesk.risk.checks.check import Check
from quantdesk.risk.limits.cells import Slot
from quantdesk.risk.limits.findings import Finding, Level, Use
from quantdesk.risk.limits.limit import Measure
from quantdesk.risk.limits.trial import Trial


class AllowList(Check):
    """Instrument names by pattern, * for any letters."""

    name: ClassVar[str] = "allow-list"
    measures: ClassVar[tuple[Measure, ...]] = (Measure.ALLOW_LIST,)

    def rebuild(self, slots: Sequence[Slot]) -> None:
        """Note the lists that each slot is not on."""
        super().rebuild(slots)
        self._missing = [
            [
                place
                for place in self.map.of_slot(slot.number)
                if not any(
                    fnmatchcase(slot.instrument.name, pattern)
                    for pattern in self.cells[place].limit.allow
                )
            ]
            for slot in slots
        ]

    def review(self, trial: Trial) -> Sequence[Finding]:
        """Legs that no pattern names."""
        found = []
        for slot in trial.slots:
            for place in self._missing[slot.number]:
                cell = self.map.cells[place]
                name = slot.instrument.name
                listed = ", ".join(cell.limit.allow[:8])
                detail = f"{name} is not on it; allowed are {listed}"
                found.append(
                    Finding(
                        cell=cell,
                        level=Level.HARD,
                        now=None,
                        after=None,
                        limit=None,
                        detail=detail,
                    )
                )
        return found

    def uses(self, now_ns: int) -> Sequence[Use]:
        """A list is never used up."""
        return [
            Use(cell=cell, value=0.0, detail=f"{len(cell.limit.allow)} names")
            for cell in self.cells
        ]
