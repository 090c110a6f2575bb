"""A ticket as checks see it: slots and quantities as arrays; and what is known beside the book."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

import numpy as np

from quantdesk.errors import InvalidInput
from quantdesk.market.chain import FloatArray, IntArray
from quantdesk.risk.limits.cells import Slot
from quantdesk.risk.limits.ticket import Ticket


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trial:
    """A ticket on its slots at `now_ns` of the desk's clock.

    rows : (legs,) numbers of the slots;  quantity : (legs,) signed, amount unit;  size : |quantity|
    """

    ticket: Ticket
    slots: tuple[Slot, ...]
    rows: IntArray
    quantity: FloatArray
    size: FloatArray
    now_ns: int

    @staticmethod
    def of(ticket: Ticket, slots: tuple[Slot, ...], now_ns: int) -> Trial:
        """The trial of `ticket` on the slots of its legs."""
        quantity = np.array([float(leg.quantity) for leg in ticket.legs], dtype=np.float64)
        return Trial(
            ticket=ticket,
            slots=slots,
            rows=np.array([slot.number for slot in slots], dtype=np.int64),
            quantity=quantity,
            size=np.abs(quantity),
            now_ns=now_ns,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Profit of the day and distance from the peak of equity, USD; None where unknown.

    day_pnl_usd : negative for a loss;  drawdown_usd, equity_usd : from 0 up. Raises InvalidInput
    """

    day_pnl_usd: float | None = None
    drawdown_usd: float | None = None
    equity_usd: float | None = None

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            lowest = -math.inf if one.name == "day_pnl_usd" else 0.0
            if value is not None and not (math.isfinite(value) and value >= lowest):
                rule = "must be a number" if lowest else "must be a number from 0 up"
                raise InvalidInput(one.name, value, rule)

    def updated(self, other: Result) -> Result:
        """This with what `other` knows."""
        known = {one.name: getattr(other, one.name) for one in fields(other)}
        return replace(self, **{name: value for name, value in known.items() if value is not None})
