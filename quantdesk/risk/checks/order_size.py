"""Order size: contracts of each order."""

from __future__ import annotations

from typing import ClassVar

from quantdesk.risk.checks.order_limits import OrderLimits
from quantdesk.risk.limits.cells import Cell, Slot
from quantdesk.risk.limits.contract_words import contract_words
from quantdesk.risk.limits.limit import Measure
from quantdesk.risk.limits.ticket import TicketLeg
from quantdesk.risk.limits.units import CONTRACTS


class OrderSize(OrderLimits):
    """Contracts of one order."""

    name: ClassVar[str] = "order size"
    measures: ClassVar[tuple[Measure, ...]] = (Measure.ORDER_SIZE,)

    def value(self, cell: Cell, leg: TicketLeg, slot: Slot, now_ns: int) -> float | None:
        """Contracts."""
        return abs(float(leg.quantity)) * float(slot.unit.row[CONTRACTS])

    def detail(self, cell: Cell, leg: TicketLeg, slot: Slot) -> str:
        """The leg, and what a contract of it is."""
        return f"{super().detail(cell, leg, slot)}; {contract_words([leg.instrument])}"
