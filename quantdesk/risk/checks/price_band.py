"""Price band: how far an order's price is from the mark, as a share of it or in quote currency."""

from __future__ import annotations

from typing import ClassVar

from quantdesk.risk.checks.order_limits import OrderLimits
from quantdesk.risk.limits.cells import Cell, Slot
from quantdesk.risk.limits.limit import Measure
from quantdesk.risk.limits.ticket import TicketLeg


class PriceBand(OrderLimits):
    """|price − mark|, on both sides: a price far on the good side is a mistake too."""

    name: ClassVar[str] = "price band"
    measures: ClassVar[tuple[Measure, ...]] = (Measure.PRICE_BAND,)

    def value(self, cell: Cell, leg: TicketLeg, slot: Slot, now_ns: int) -> float | None:
        """The distance in the cell's unit; None without a price or a mark above 0."""
        quote = slot.unit.quote
        if quote is None or leg.price is None or not quote.mark > 0:
            return None
        gap = abs(float(leg.price) - quote.mark)
        return gap / quote.mark if cell.limit.chosen_unit == "share" else gap

    def why_unknown(self, leg: TicketLeg, slot: Slot) -> str:
        """A market order has no price to hold to a band."""
        if leg.price is None:
            return "the order has no limit price"
        return super().why_unknown(leg, slot)

    def detail(self, cell: Cell, leg: TicketLeg, slot: Slot) -> str:
        """Price and mark."""
        quote = slot.unit.quote
        prices = (
            ""
            if quote is None or leg.price is None
            else (f" at {leg.price:f}, mark {quote.mark:.10g}")
        )
        return f"of {leg.quantity:+f} {leg.instrument.name}{prices}"
