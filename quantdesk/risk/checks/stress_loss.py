"""Stress loss: the largest loss of the named stresses, open orders filled only where they hurt.

Each stress is held to the level by itself: an order may not deepen one that is over it, and may do
as it likes with one that stays within.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from quantdesk.errors import InvalidInput
from quantdesk.market.chain import FloatArray
from quantdesk.risk.checks.scenario_losses import NOISE_USD, ScenarioLosses
from quantdesk.risk.limits.cells import Slot
from quantdesk.risk.limits.findings import Finding
from quantdesk.risk.limits.limit import Limit, Measure
from quantdesk.risk.limits.trial import Trial


class StressLoss(ScenarioLosses):
    """The worst of the stresses that a limit names, or of all."""

    name: ClassVar[str] = "stress loss"
    measures: ClassVar[tuple[Measure, ...]] = (Measure.STRESS_LOSS,)

    def __init__(self, limits: Sequence[tuple[int, Limit]], names: Sequence[str]) -> None:
        for _, limit in limits:
            for name in limit.scenarios:
                if name not in names:
                    raise InvalidInput("scenarios", name, f"must be of {', '.join(names)}")
        self._names = tuple(names)
        super().__init__(limits)

    def losses(self, slot: Slot) -> FloatArray:
        """P&L of a unit by stress."""
        return slot.unit.stress

    @property
    def scenarios_count(self) -> int:
        """The named stresses."""
        return len(self._names)

    def rebuild(self, slots: Sequence[Slot]) -> None:
        """As the base does, and which stresses count for which cell."""
        chosen = [cell.limit.scenarios or self._names for cell in self.cells]
        self._counts = np.array(
            [[name in names for name in self._names] for names in chosen], dtype=np.bool_
        ).reshape(len(chosen), len(self._names))
        super().rebuild(slots)

    def review(self, trial: Trial) -> Sequence[Finding]:
        """Stresses that the ticket would take over a level."""
        added = self.added(trial)
        after = self.worst + added
        is_worse = (added < -NOISE_USD) & self._counts
        bad = (is_worse & (-after > self._tightest[:, None])).any(axis=1)
        blind = self.blind(trial) if self._has_blind else None
        if blind is not None:
            bad |= blind
        if not bad.any():
            return ()
        found = []
        for place in np.flatnonzero(bad).tolist():
            if blind is not None and blind[place]:
                found.append(self.finding(place, None, None, self.blindness(place, trial.slots)))
                continue
            loss = np.where(is_worse[place], -after[place], -np.inf)
            deepest = int(np.argmax(loss))
            now = max(float(-self.worst[place, deepest]), 0.0)
            detail = f"in the stress {self._names[deepest]}"
            found.append(self.finding(place, now, float(loss[deepest]), detail))
        return found

    def value(self, place: int) -> float | None:
        """The largest loss of the cell's stresses, 0 where none loses."""
        losses = np.where(self._counts[place], -self.worst[place], -np.inf)
        # Nothing lost is 0, not the -0 of turned signs.
        return max(float(losses.max(initial=0.0)), 0.0) + 0.0

    def detail(self, place: int) -> str:
        """The stress that binds."""
        losses = np.where(self._counts[place], -self.worst[place], -np.inf)
        if not losses.size or losses.max() <= 0:
            return "no stress loses"
        return f"worst in {self._names[int(np.argmax(losses))]}"
