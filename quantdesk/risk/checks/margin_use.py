"""Margin use: initial margin with every open order filled where it hurts, in USD or of equity.

Deribit's standard model adds by instrument, so that its worst case is exact. Portfolio margin has
no limit of its own yet; a limits file that names it is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from quantdesk.market.chain import FloatArray
from quantdesk.risk.checks.instrument_sums import InstrumentSums
from quantdesk.risk.limits.cells import Slot
from quantdesk.risk.limits.findings import Finding, Level, Use, allowed
from quantdesk.risk.limits.limit import Filters, Limit, Measure
from quantdesk.risk.limits.trial import Result, Trial

STANDARD = "deribit-standard"


class StandardMarginUse(InstrumentSums):
    """Initial margin of the standard model, summed over instruments at today's marks."""

    name: ClassVar[str] = "margin use"
    measures: ClassVar[tuple[Measure, ...]] = (Measure.MARGIN_USE,)

    def __init__(self, limits: Sequence[tuple[int, Limit]]) -> None:
        self._results: dict[Filters, Result] = {}
        super().__init__([one for one in limits if one[1].convention == STANDARD])

    def weights(self, slot: Slot, limit: Limit) -> tuple[float, float, float]:
        """Margin of a unit long and short, and what grows with the square of a future's size."""
        return slot.unit.margin

    def learned(self, results: dict[Filters, Result]) -> None:
        """Take equity by scope."""
        self._results = results
        self.learn_levels()

    def equity(self, place: int) -> float | None:
        """Equity of a cell's scope, USD."""
        result = self._results.get(self.cells[place].names)
        return None if result is None else result.equity_usd

    def levels(self, level: Level) -> FloatArray:
        """Levels in USD: a share is of equity, and of no equity nothing may be used."""
        found = []
        for place, cell in enumerate(self.cells):
            value = getattr(cell.limit, level.value)
            if value is None:
                found.append(np.inf)
            elif cell.limit.chosen_unit == "usd":
                found.append(allowed(value))
            else:
                found.append(allowed(value * max(self.equity(place) or 0.0, 0.0)))
        return np.array(found)

    def shown(self, place: int, value: float) -> float | None:
        """USD, or the share of equity."""
        if self.cells[place].limit.chosen_unit == "usd":
            return value
        equity = self.equity(place)
        return None if equity is None or equity <= 0 else value / equity

    def review(self, trial: Trial) -> Sequence[Finding]:
        """As by instrument; an unknown equity is said."""
        found = list(super().review(trial))
        for number, one in enumerate(found):
            if one.after is None and not one.detail:
                found[number] = Finding(
                    cell=one.cell,
                    level=one.level,
                    now=None,
                    after=None,
                    limit=one.limit,
                    detail="the equity of its scope is not known or not above 0",
                )
        return found

    def uses(self, now_ns: int) -> Sequence[Use]:
        """Margin of each cell; unknown where a share of an unknown equity is asked for."""
        return [
            Use(cell=one.cell, value=None, detail=one.detail or "equity is not known")
            if one.value is None
            else one
            for one in super().uses(now_ns)
        ]
