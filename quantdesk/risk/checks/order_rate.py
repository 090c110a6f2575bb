"""Order rate: new orders and edits sent within a window, by scope. Cancels are never counted."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import ClassVar

from quantdesk.risk.checks.counted import Counted
from quantdesk.risk.checks.order_limits import NS
from quantdesk.risk.limits.cells import Slot
from quantdesk.risk.limits.limit import Limit, Measure

KEPT_MAX = 100_000
"""Moments kept a cell; a limit of more orders than that limits nothing."""


class OrderRate(Counted):
    """Sliding windows that end now; an order counts until its window's length has passed."""

    name: ClassVar[str] = "order rate"
    measures: ClassVar[tuple[Measure, ...]] = (Measure.ORDER_RATE,)

    def __init__(self, limits: Sequence[tuple[int, Limit]]) -> None:
        super().__init__(limits)
        self._kept: dict[int, deque[int]] = {}

    def sent(self, slot: Slot, now_ns: int) -> None:
        """Count one order sent in `slot`."""
        for place in self.map.of_slot(slot.number):
            self._moments(place).append(now_ns)

    def _moments(self, place: int) -> deque[int]:
        return self._kept.setdefault(place, deque(maxlen=KEPT_MAX))

    def count(self, place: int, now_ns: int) -> int:
        """Orders of the window."""
        moments = self._moments(place)
        window_ns = self.map.cells[place].limit.per_s * NS
        while moments and now_ns - moments[0] >= window_ns:
            moments.popleft()
        return len(moments)
