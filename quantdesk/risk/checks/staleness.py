"""Staleness: age of the quote that an order is priced on. Nothing is sent on a stale one."""

from __future__ import annotations

from typing import ClassVar

from quantdesk.risk.checks.order_limits import NS, OrderLimits
from quantdesk.risk.limits.cells import Cell, Slot
from quantdesk.risk.limits.limit import Measure
from quantdesk.risk.limits.ticket import TicketLeg


class Staleness(OrderLimits):
    """Seconds since the quote; unknown where the market does not say."""

    name: ClassVar[str] = "staleness"
    measures: ClassVar[tuple[Measure, ...]] = (Measure.STALENESS,)

    def value(self, cell: Cell, leg: TicketLeg, slot: Slot, now_ns: int) -> float | None:
        """Seconds; a quote from the future is not older than one from now."""
        quote = slot.unit.quote
        if quote is None or quote.event_ns <= 0:
            return None
        return max((now_ns - quote.event_ns) / NS, 0.0)

    def why_unknown(self, leg: TicketLeg, slot: Slot) -> str:
        """Nobody said when it was quoted."""
        return slot.unit.reason or "the market does not say when it was quoted"
