"""Order value in USD: an option's premium at the order's price of a unit, a future's notional.

An order without a price, or with a better one than the mark, is valued at the mark at least.
"""

from __future__ import annotations

from typing import ClassVar

from quantdesk.domain.instrument import InstrumentKind
from quantdesk.risk.checks.order_limits import OrderLimits
from quantdesk.risk.limits.cells import Cell, Slot
from quantdesk.risk.limits.limit import Measure
from quantdesk.risk.limits.ticket import TicketLeg
from quantdesk.risk.limits.units import COLUMNS

_NOTIONAL = COLUMNS.index(("notional", "", ""))


class OrderValue(OrderLimits):
    """Premium or notional of one order, USD."""

    name: ClassVar[str] = "order value"
    measures: ClassVar[tuple[Measure, ...]] = (Measure.ORDER_VALUE,)

    def value(self, cell: Cell, leg: TicketLeg, slot: Slot, now_ns: int) -> float | None:
        """USD."""
        quote = slot.unit.quote
        if quote is None:
            return None
        size = abs(float(leg.quantity))
        if leg.instrument.kind is not InstrumentKind.OPTION:
            return size * abs(float(slot.unit.row[_NOTIONAL]))
        price = max(quote.mark, 0.0 if leg.price is None else abs(float(leg.price)))
        return size * price * quote.usd
