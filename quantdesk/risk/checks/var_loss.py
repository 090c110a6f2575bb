"""Value at risk over historical scenarios, open orders filled only where they hurt.

The quantile is the loss of rank ⌈(1 − confidence)·n⌉ from the worst, so that at least this share of
the scenarios loses as much. Under 100 scenarios there is no VaR, and without one nothing passes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from quantdesk.market.chain import FloatArray
from quantdesk.risk.checks.scenario_losses import NOISE_USD, ScenarioLosses
from quantdesk.risk.limits.cells import Slot
from quantdesk.risk.limits.findings import TOLERANCE, Finding
from quantdesk.risk.limits.limit import Measure
from quantdesk.risk.limits.trial import Trial

OBSERVATIONS_MIN = 100


class VarLoss(ScenarioLosses):
    """A quantile of losses; a breach passes what does not raise the quantile however it fills."""

    name: ClassVar[str] = "value at risk"
    measures: ClassVar[tuple[Measure, ...]] = (Measure.VAR,)

    def losses(self, slot: Slot) -> FloatArray:
        """P&L of a unit by historical scenario."""
        return slot.unit.history

    def review(self, trial: Trial) -> Sequence[Finding]:
        """Cells whose VaR would grow over a level, or can not be told."""
        if not len(self.cells):
            return ()
        touched = self._mask[trial.rows].any(axis=0)
        blind = self.blind(trial)
        after = self.worst + self.added(trial)
        found = []
        for place in np.flatnonzero(touched).tolist():
            now = self.value(place)
            if blind[place] or now is None:
                reason = self.blindness(place, trial.slots) if blind[place] else self.detail(place)
                found.append(self.finding(place, None, None, reason))
                continue
            value = self._quantile(place, after[place])
            is_more = value > now + max(NOISE_USD, TOLERANCE * now)
            if is_more and value > self._tightest[place]:
                found.append(self.finding(place, now, value, self.detail(place)))
        return found

    def _quantile(self, place: int, pnl: FloatArray) -> float:
        confidence = self.cells[place].limit.confidence
        rank = max(math.ceil((1.0 - confidence) * pnl.size - TOLERANCE), 1)
        return max(-float(np.partition(pnl, rank - 1)[rank - 1]), 0.0)

    def value(self, place: int) -> float | None:
        """VaR with open orders, USD; None under 100 observations."""
        if self.worst.shape[1] < OBSERVATIONS_MIN:
            return None
        return self._quantile(place, self.worst[place])

    def detail(self, place: int) -> str:
        """How many observations there are."""
        count = self.worst.shape[1]
        if count < OBSERVATIONS_MIN:
            return f"not available: {count} observations, {OBSERVATIONS_MIN} are needed"
        return f"{count} observations"
