"""Open orders: how many are open, in flight or unknown in a scope."""

from __future__ import annotations

from typing import ClassVar

from quantdesk.risk.checks.counted import Counted
from quantdesk.risk.limits.limit import Measure


class OpenOrders(Counted):
    """Living orders by scope."""

    name: ClassVar[str] = "open orders"
    measures: ClassVar[tuple[Measure, ...]] = (Measure.OPEN_ORDERS,)

    def count(self, place: int, now_ns: int) -> int:
        """Orders of the slots that the cell looks at."""
        return sum(slot.orders for slot in self.slots if place in self.map.of_slot(slot.number))
