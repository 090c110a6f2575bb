"""Base of the checks that look at each leg of a ticket by itself: size, value, prices, age."""

from __future__ import annotations

from collections.abc import Sequence

from quantdesk.domain.times import NS_PER_S
from quantdesk.risk.checks.check import Check
from quantdesk.risk.limits.cells import Cell, Slot
from quantdesk.risk.limits.findings import Finding, Level, Use, is_over
from quantdesk.risk.limits.ticket import TicketLeg
from quantdesk.risk.limits.trial import Trial

NS = float(NS_PER_S)


class OrderLimits(Check):
    """Each leg has one value, compared with the levels of the cells that look at its slot."""

    def value(self, cell: Cell, leg: TicketLeg, slot: Slot, now_ns: int) -> float | None:
        """The leg's value in the cell's unit, from 0 up; None where it can not be told."""
        raise NotImplementedError

    def why_unknown(self, leg: TicketLeg, slot: Slot) -> str:
        """Why there is no value."""
        return slot.unit.reason or "it has no mark"

    def detail(self, cell: Cell, leg: TicketLeg, slot: Slot) -> str:
        """What is to be said beside the number."""
        return f"of {leg.quantity:+f} {leg.instrument.name}"

    def review(self, trial: Trial) -> Sequence[Finding]:
        """Legs over a level."""
        if not self.map.cells:
            return ()
        found: list[Finding] = []
        cells = self.map.cells
        for leg, slot in zip(trial.ticket.legs, trial.slots, strict=True):
            for place in self.map.of_slot(slot.number):
                cell = cells[place]
                limit = cell.limit
                value = self.value(cell, leg, slot, trial.now_ns)
                level, bound = Level.HARD, limit.hard
                if bound is None or (value is not None and not is_over(value, bound)):
                    level, bound = Level.SOFT, limit.soft
                    if bound is None or (value is not None and not is_over(value, bound)):
                        continue
                detail = self.detail(cell, leg, slot)
                if value is None:
                    detail = f"{detail}: {self.why_unknown(leg, slot)}"
                found.append(
                    Finding(
                        cell=cell, level=level, now=None, after=value, limit=bound, detail=detail
                    )
                )
        return found

    def uses(self, now_ns: int) -> Sequence[Use]:
        """Nothing is used up by orders that are gone."""
        return [Use(cell=cell, value=0.0, detail="by order") for cell in self.cells]
