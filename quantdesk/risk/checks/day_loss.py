"""Day loss and drawdown: past the level only orders that reduce a position leave.

An order reduces where its whole size, with what is open on its side, does not take what the scope
holds of its instrument through nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from quantdesk.risk.checks.check import Check
from quantdesk.risk.checks.closing import only_reduces
from quantdesk.risk.limits.cells import Cell
from quantdesk.risk.limits.findings import Finding, Level, Use, is_over
from quantdesk.risk.limits.limit import Filters, Limit, Measure
from quantdesk.risk.limits.trial import Result, Trial


class DayLoss(Check):
    """Losses that have happened, as they were told."""

    name: ClassVar[str] = "losses"
    measures: ClassVar[tuple[Measure, ...]] = (Measure.DAY_LOSS, Measure.DRAWDOWN)

    def __init__(self, limits: Sequence[tuple[int, Limit]]) -> None:
        self._results: dict[Filters, Result] = {}
        super().__init__(limits)

    def learned(self, results: dict[Filters, Result]) -> None:
        """Take results of scopes."""
        self._results = results

    def value(self, cell: Cell) -> float | None:
        """The loss in USD, from 0 up; None where nobody told."""
        result = self._results.get(cell.names)
        if result is None:
            return None
        if cell.limit.measure is Measure.DRAWDOWN:
            return result.drawdown_usd
        if result.day_pnl_usd is None:
            return None
        # A day without profit or loss is one of 0, not of -0.
        return max(-result.day_pnl_usd, 0.0) + 0.0

    def review(self, trial: Trial) -> Sequence[Finding]:
        """Cells over a level, for a ticket that does more than reduce."""
        if not self.map.cells:
            return ()
        places = sorted({p for slot in trial.slots for p in self.map.of_slot(slot.number)})
        found: list[Finding] = []
        for place in places:
            cell = self.map.cells[place]
            value = self.value(cell)
            for level, bound in ((Level.HARD, cell.limit.hard), (Level.SOFT, cell.limit.soft)):
                if bound is None or (value is not None and not is_over(value, bound)):
                    continue
                if not only_reduces(trial, place, self.map, self.slots):
                    detail = "only orders that reduce a position may pass"
                    if value is None:
                        detail = f"{_untold(cell)}; {detail}"
                    found.append(
                        Finding(
                            cell=cell,
                            level=level,
                            now=value,
                            after=value,
                            limit=bound,
                            detail=detail,
                        )
                    )
                break
        return found

    def uses(self, now_ns: int) -> Sequence[Use]:
        """The losses."""
        return [
            Use(
                cell=cell,
                value=self.value(cell),
                detail="" if self.value(cell) is not None else _untold(cell),
            )
            for cell in self.cells
        ]


def _untold(cell: Cell) -> str:
    what = "the peak of its equity" if cell.limit.measure is Measure.DRAWDOWN else "its day's P&L"
    return f"nobody told {what}"
