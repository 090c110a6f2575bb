"""Base of the checks that look at each leg of a ticket by itself: size, value, prices, age."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence

from quantdesk.domain.times import NS_PER_S
from quantdesk.risk.checks.check import Check
from quantdesk.risk.limits.cells import Cell, Slot
from quantdesk.risk.limits.findings import Finding, Level, Use, allowed
from quantdesk.risk.limits.ticket import TicketLeg
from quantdesk.risk.limits.trial import Trial

NS = float(NS_PER_S)


class OrderLimits(Check):
    """Each leg has one value, compared with the levels of the cells that look at its slot."""

    @abstractmethod
    def value(self, cell: Cell, leg: TicketLeg, slot: Slot, now_ns: int) -> float | None:
        """The leg's value in the cell's unit, from 0 up; None where it can not be told."""

    def why_unknown(self, leg: TicketLeg, slot: Slot) -> str:
        """Why there is no value."""
        return slot.unit.reason or "it has no mark"

    def detail(self, cell: Cell, leg: TicketLeg, slot: Slot) -> str:
        """What is to be said beside the number."""
        return f"of {leg.quantity:+f} {leg.instrument.name}"

    def rebuild(self, slots: Sequence[Slot]) -> None:
        """Note the cells and bounds of each slot."""
        super().rebuild(slots)
        self._bounds_of = [
            tuple((self.cells[place], *_bounds(self.cells[place])) for place in self.map.of_slot(n))
            for n in range(len(slots))
        ]

    def review(self, trial: Trial) -> Sequence[Finding]:
        """Legs over a level."""
        found: list[Finding] = []
        for leg, slot in zip(trial.ticket.legs, trial.slots, strict=True):
            for cell, hard, soft in self._bounds_of[slot.number]:
                value = self.value(cell, leg, slot, trial.now_ns)
                if value is not None and value <= soft and value <= hard:
                    continue
                is_hard = hard < math.inf if value is None else not value <= hard
                found.append(self._finding(cell, leg, slot, value, is_hard=is_hard))
        return found

    def _finding(
        self, cell: Cell, leg: TicketLeg, slot: Slot, value: float | None, *, is_hard: bool
    ) -> Finding:
        detail = self.detail(cell, leg, slot)
        if value is None:
            detail = f"{detail}: {self.why_unknown(leg, slot)}"
        return Finding(
            cell=cell,
            level=Level.HARD if is_hard else Level.SOFT,
            now=None,
            after=value,
            limit=cell.limit.hard if is_hard else cell.limit.soft,
            detail=detail,
        )

    def uses(self, now_ns: int) -> Sequence[Use]:
        """Nothing is used up by orders that are gone."""
        return [Use(cell=cell, value=0.0, detail="by order") for cell in self.cells]


def _bounds(cell: Cell) -> tuple[float, float]:
    """The largest values within hard and soft; infinite where there is no such level."""
    hard, soft = cell.limit.hard, cell.limit.soft
    return (
        math.inf if hard is None else allowed(hard),
        math.inf if soft is None else allowed(soft),
    )
