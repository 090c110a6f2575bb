"""Vol band: how many vol points an option order's price is from the mark's vol.

An order at the mark is 0 points away, whatever the last digit of the mark does to its vol: what is
compared is the vol at which the model's price moves as far from its own as the order's is from the
mark. Price grows with vol, so that prices within the model's at mark vol ± band are in the band;
they are made once a slot and band, and the vol is only solved for a refusal's sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from quantdesk import pricing
from quantdesk.domain.instrument import InstrumentKind
from quantdesk.risk.checks.order_limits import OrderLimits
from quantdesk.risk.limits.cells import Cell, Slot
from quantdesk.risk.limits.findings import allowed
from quantdesk.risk.limits.limit import Measure
from quantdesk.risk.limits.ticket import TicketLeg
from quantdesk.risk.limits.units import Quote

_POINT = 0.01


class VolBand(OrderLimits):
    """|vol of the price − vol of the mark| in points; futures and spot have none and pass."""

    name: ClassVar[str] = "vol band"
    measures: ClassVar[tuple[Measure, ...]] = (Measure.VOL_BAND,)

    def rebuild(self, slots: Sequence[Slot]) -> None:
        """Forget the prices of other units."""
        super().rebuild(slots)
        self._prices: dict[tuple[int, float], tuple[float, float]] = {}

    def value(self, cell: Cell, leg: TicketLeg, slot: Slot, now_ns: int) -> float | None:
        """Points; 0 where the price is within the tightest level."""
        if leg.instrument.kind is not InstrumentKind.OPTION:
            return 0.0
        quote = slot.unit.quote
        if quote is None or leg.price is None:
            return None
        limit = cell.limit
        level = limit.hard if limit.soft is None else limit.soft
        assert level is not None, "a limit has a level"
        lowest, highest = self._bounds(slot.number, quote, allowed(level))
        price = float(leg.price)
        if lowest <= price <= highest:
            return 0.0
        return _points(quote, price)

    def _bounds(self, number: int, quote: Quote, points: float) -> tuple[float, float]:
        key = (number, points)
        if key not in self._prices:
            gap = quote.mark - quote.price_at(quote.vol)
            self._prices[key] = (
                gap + quote.price_at(quote.vol - points * _POINT),
                gap + quote.price_at(quote.vol + points * _POINT),
            )
        return self._prices[key]

    def why_unknown(self, leg: TicketLeg, slot: Slot) -> str:
        """Without a price, or with one that no vol makes."""
        if leg.price is None:
            return "the order has no limit price"
        return slot.unit.reason or "no vol makes its price"

    def detail(self, cell: Cell, leg: TicketLeg, slot: Slot) -> str:
        """Price and the mark's vol."""
        quote = slot.unit.quote
        vol = "" if quote is None else f", vol of the mark {quote.vol * 100:.4g} %"
        price = "" if leg.price is None else f" at {leg.price:f}"
        return f"of {leg.quantity:+f} {leg.instrument.name}{price}{vol}"


def _points(quote: Quote, price: float) -> float | None:
    moved = price - quote.mark + quote.price_at(quote.vol)
    value = moved / quote.black_unit
    if not value > 0:
        return None
    solved = pricing.implied_vol(
        np.array([value]),
        np.array([quote.is_call]),
        np.array([quote.forward]),
        np.array([quote.strike]),
        np.array([quote.years]),
    )
    vol = float(np.asarray(solved.vol)[0])
    return abs(vol - quote.vol) / _POINT if np.isfinite(vol) else None
