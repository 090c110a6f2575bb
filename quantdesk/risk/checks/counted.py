"""Base of the checks that count orders in a scope."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from quantdesk.risk.checks.check import Check
from quantdesk.risk.limits.findings import Finding, Level, Use, is_over
from quantdesk.risk.limits.trial import Trial


class Counted(Check):
    """A cell has a count; each leg of a ticket adds one to the cells that look at its slot."""

    @abstractmethod
    def count(self, place: int, now_ns: int) -> int:
        """Orders that count in a cell now."""

    def review(self, trial: Trial) -> Sequence[Finding]:
        """Cells whose count would pass a level."""
        if not self.map.cells:
            return ()
        more: dict[int, int] = {}
        for slot in trial.slots:
            for place in self.map.of_slot(slot.number):
                more[place] = more.get(place, 0) + 1
        found = []
        for place, extra in more.items():
            cell = self.map.cells[place]
            now = self.count(place, trial.now_ns)
            for level, bound in ((Level.HARD, cell.limit.hard), (Level.SOFT, cell.limit.soft)):
                if bound is not None and is_over(now + extra, bound):
                    after = float(now + extra)
                    found.append(
                        Finding(cell=cell, level=level, now=float(now), after=after, limit=bound)
                    )
                    break
        return found

    def uses(self, now_ns: int) -> Sequence[Use]:
        """The counts now."""
        return [
            Use(cell=cell, value=float(self.count(place, now_ns)))
            for place, cell in enumerate(self.cells)
        ]
