"""Quotes that follow the mark: recorded spreads and sizes kept, on the instrument's price grid.

Pure: arrays in, arrays out. All prices in coin.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

PRICE_DECIMALS = 6
"""Finer than any tick: takes the binary dust off a multiple of a decimal tick."""

_GRID_TOLERANCE = 1e-6
"""Part of a tick by which a price may miss its grid point and still be on it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PriceGrid:
    """Ticks of some instruments: `fine` up to `above`, `coarse` over it; all (n,)."""

    fine: FloatArray
    above: FloatArray
    coarse: FloatArray

    def tick_at(self, price: FloatArray) -> FloatArray:
        """The tick at each price (n,); the coarse one applies strictly above its bound."""
        return np.where(price > self.above * (1 + 1e-12), self.coarse, self.fine)

    def nearest(self, price: FloatArray) -> FloatArray:
        """The grid point nearest to each price (n,)."""
        tick = self.tick_at(price)
        return np.round(np.rint(price / tick) * tick, PRICE_DECIMALS)

    def at_or_above(self, price: FloatArray) -> FloatArray:
        """The first grid point not below each price (n,)."""
        tick = self.tick_at(price)
        return np.round(np.ceil(price / tick - _GRID_TOLERANCE) * tick, PRICE_DECIMALS)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Quotes:
    """Top of book of some options, all (n,); price and amount 0 where a side has no quote."""

    bid: FloatArray
    bid_amount: FloatArray
    ask: FloatArray
    ask_amount: FloatArray


def follow_mark(opening: Quotes, shift: FloatArray, grid: PriceGrid) -> Quotes:
    """Quotes after the mark moved by `shift` (n,) from its opening.

    The bid moves with the mark to the nearest grid point; the ask stands the recorded spread above
    it, on the first grid point that is not nearer. A bid below one tick is no bid; an ask is at
    least one tick. A side that had no quote at the opening has none later; sizes stay.
    """
    bid = grid.nearest(opening.bid + shift)
    has_bid = (opening.bid > 0) & (bid > 0)
    ask_alone = opening.ask + shift
    ask_target = np.where(opening.bid > 0, bid + (opening.ask - opening.bid), ask_alone)
    ask = np.maximum(grid.at_or_above(ask_target), grid.fine)
    has_ask = opening.ask > 0
    return Quotes(
        bid=np.where(has_bid, bid, 0.0),
        bid_amount=np.where(has_bid, opening.bid_amount, 0.0),
        ask=np.where(has_ask, ask, 0.0),
        ask_amount=np.where(has_ask, opening.ask_amount, 0.0),
    )
