"""Open orders: how many are open, in flight or unknown in a scope."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from quantdesk.risk.checks.counted import Counted
from quantdesk.risk.limits.cells import Slot
from quantdesk.risk.limits.limit import Measure


class OpenOrders(Counted):
    """Living orders by scope."""

    name: ClassVar[str] = "open orders"
    measures: ClassVar[tuple[Measure, ...]] = (Measure.OPEN_ORDERS,)

    def rebuild(self, slots: Sequence[Slot]) -> None:
        """Count the orders of every cell."""
        super().rebuild(slots)
        self._mask = self.map.mask()
        self._count()

    def moved(self, slot: Slot) -> None:
        """Count anew."""
        self._count()

    def _count(self) -> None:
        orders = np.array([slot.orders for slot in self.slots], dtype=np.int64)
        self._counts: list[int] = (orders @ self._mask).tolist()

    def count(self, place: int, now_ns: int) -> int:
        """Orders of the slots that the cell looks at."""
        return self._counts[place]
