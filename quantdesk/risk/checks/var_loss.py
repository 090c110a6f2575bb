"""Value at risk over historical scenarios, open orders filled only where they hurt.

The quantile is that of the desk's VaR (`risk.var_quantiles`). Under 100
scenarios there is no VaR, and without one nothing passes.

An order passes where the quantile stays within the level with every leg filled only where it hurts.
Over the level it passes where that raises the quantile of no book: neither as it stands, each leg
filled where it hurts, nor from one step to the next as each leg alone or all of them fill.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from quantdesk.market.chain import BoolArray, FloatArray
from quantdesk.risk.checks.fill_paths import RISES_AGAIN, fill_paths, most_risen
from quantdesk.risk.checks.scenario_losses import NOISE_USD, NOTHING_SAID, ScenarioLosses
from quantdesk.risk.limits.cells import Slot
from quantdesk.risk.limits.findings import TOLERANCE, Finding
from quantdesk.risk.limits.limit import Limit, Measure
from quantdesk.risk.limits.trial import Trial
from quantdesk.risk.var_quantiles import OBSERVATIONS_MIN, rank

NOTHING_RECORDED = np.zeros(0)
UNCHANGED = "-vols-unchanged"
"""Ends the conventions in which each option keeps its vol."""


class VarLoss(ScenarioLosses):
    """A quantile of losses; a breach passes what does not raise the quantile however it fills."""

    name: ClassVar[str] = "value at risk"
    measures: ClassVar[tuple[Measure, ...]] = (Measure.VAR,)
    convention: ClassVar[str] = "historical"

    def __init__(self, limits: Sequence[tuple[int, Limit]]) -> None:
        super().__init__([one for one in limits if one[1].convention == self.convention])

    def losses(self, slot: Slot) -> FloatArray:
        """P&L of a unit by recorded move."""
        return slot.unit.recorded.get(self.convention, NOTHING_RECORDED)

    def _reach(self) -> FloatArray:
        self._now = [self.value(place) for place in range(len(self.cells))]
        # Without a VaR there is no room.
        return np.array([np.inf if value is None else value for value in self._now])

    def review(self, trial: Trial) -> Sequence[Finding]:
        """Cells whose VaR would grow over a level, or can not be told."""
        touched: BoolArray = np.asarray(self._mask[trial.rows].any(axis=0))
        blind = self.blind(trial) if self._has_blind else np.zeros(len(touched), dtype=np.bool_)
        after = self.worst + self.added(trial)
        found = []
        for place in np.flatnonzero(touched).tolist():
            now = self._now[place]
            if blind[place] or now is None:
                reason = self.blindness(place, trial.slots) if blind[place] else self.detail(place)
                found.append(self.finding(place, None, None, reason))
                continue
            value = self._quantile(place, after[place])
            if value <= self._tightest[place]:
                continue
            if value > now + max(NOISE_USD, TOLERANCE * now):
                found.append(self.finding(place, now, value, self.detail(place)))
            elif (risen := self._risen(place, now, after[place], trial)) > self._tightest[place]:
                detail = f"{RISES_AGAIN}, {self.detail(place)}"
                found.append(self.finding(place, now, risen, detail))
        return found

    def _risen(self, place: int, now: float, after: FloatArray, trial: Trial) -> float:
        """The largest VaR to which a step of the ticket's fills raises it; −∞ where none does.

        after : (scenarios,) with every leg filled where it hurts
        """
        is_worse = after < self.worst[place] - NOISE_USD
        if not (is_worse & (-after > self._tightest[place])).any():
            # What is over the level only falls as the ticket fills.
            return -np.inf
        units = self._units[trial.rows, place]
        risen = -np.inf
        for path in fill_paths(trial):
            pnl = self.worst[place] + path @ units
            rank_of = rank(pnl.shape[1], self.cells[place].limit.confidence)
            values = np.maximum(-np.partition(pnl, rank_of - 1, axis=1)[:, rank_of - 1], 0.0)
            risen = max(risen, most_risen(now, values))
        return risen

    def _quantile(self, place: int, pnl: FloatArray) -> float:
        confidence = self.cells[place].limit.confidence
        place_of = rank(pnl.size, confidence)
        return max(-float(np.partition(pnl, place_of - 1)[place_of - 1]), 0.0)

    def value(self, place: int) -> float | None:
        """VaR with open orders, USD; 0 of nothing at all, None under 100 observations."""
        if not self.slots:
            return 0.0
        if self.worst.shape[1] < OBSERVATIONS_MIN:
            return None
        return self._quantile(place, self.worst[place])

    def detail(self, place: int) -> str:
        """How many observations there are."""
        if not self.slots:
            return "nothing is held"
        count = self.worst.shape[1]
        if count < OBSERVATIONS_MIN:
            few = f"not available: {count} observations, {OBSERVATIONS_MIN} are needed"
            return f"{few}{self._way_out}"
        return f"{count} observations"

    def blindness(self, place: int, slots: Sequence[Slot] = ()) -> str:
        """As by scenario; a coin without a vol index has a VaR under the convention without."""
        said = super().blindness(place, slots)
        return f"{said}{self._way_out}" if said.endswith(NOTHING_SAID) else said

    @property
    def _way_out(self) -> str:
        if self.convention.endswith(UNCHANGED):
            return ""
        return f"; {self.convention}{UNCHANGED} needs no record of a vol index"


class FilteredVarLoss(VarLoss):
    """The same over moves that were scaled to the vol of now."""

    name: ClassVar[str] = "filtered value at risk"
    convention: ClassVar[str] = "filtered"


class UnchangedVolsVarLoss(VarLoss):
    """The same over moves in which each option keeps its vol."""

    name: ClassVar[str] = "value at risk, vols unchanged"
    convention: ClassVar[str] = "historical-vols-unchanged"


class FilteredUnchangedVolsVarLoss(VarLoss):
    """The same over moves that were scaled to the vol of now, each option keeping its vol."""

    name: ClassVar[str] = "filtered value at risk, vols unchanged"
    convention: ClassVar[str] = "filtered-vols-unchanged"
