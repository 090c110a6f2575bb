"""How wide the prices and strikes of a chain get, so that no digit has to give way."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from quantdesk.snapshot import ChainSnapshot, ExpirySummary
from quantdesk.views.chain_cells import USD_DECIMALS
from quantdesk.views.chain_columns import PRICE_WIDTH_MAX, PRICE_WIDTH_MIN
from quantdesk.views.number_text import number_text, strike_text, tick_decimals
from quantdesk.views.units import Units

STRIKE_WIDTH_MIN = 9
STRIKE_WIDTH_MAX = 16


def strike_width(strikes: Sequence[float]) -> int:
    """Cells of the longest strike and the mark on each side of it."""
    longest = max((len(strike_text(strike)) for strike in strikes), default=0)
    return min(max(longest + 2, STRIKE_WIDTH_MIN), STRIKE_WIDTH_MAX)


def price_width(snapshot: ChainSnapshot, expiries: Sequence[ExpirySummary], units: Units) -> int:
    """Cells of the longest price in `expiries`.

    The whole expiries count, not what is on screen: columns must not shift while one scrolls.
    """
    if not expiries or units is Units.IV:
        return PRICE_WIDTH_MIN
    chain = snapshot.chain
    part = slice(expiries[0].rows[0], expiries[-1].rows[1])
    quotes = np.fmax(np.fmax(chain.bid[part], chain.ask[part]), chain.last[part])
    prices = np.fmax(np.fmax(quotes, chain.mark[part]), 0.0)
    longest = PRICE_WIDTH_MIN
    for is_inverse in (True, False):
        rows = np.flatnonzero(chain.is_inverse[part] == is_inverse)
        if rows.size == 0:
            continue
        price = float(prices[rows].max())
        decimals = tick_decimals(chain.instruments[part.start + int(rows[0])].ticks)
        if is_inverse and units is not Units.COIN:
            price, decimals = price * _dollars(snapshot, expiries), USD_DECIMALS
        longest = max(longest, len(number_text(price, decimals)))
    return min(longest, PRICE_WIDTH_MAX)


def _dollars(snapshot: ChainSnapshot, expiries: Sequence[ExpirySummary]) -> float:
    """The largest factor that turns coin into dollars here."""
    known = (snapshot.index_price, *(expiry.forward.price for expiry in expiries))
    return max((price for price in known if price is not None), default=1.0)
