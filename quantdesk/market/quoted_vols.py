"""The vol that an option's own quotes give it: what risk, limits and margin stand on.

One rule for all of them, so that no two answers take one leg at two vols. A fitted surface is
another's business: it serves where this gives nothing, or where somebody chose it.
"""

from __future__ import annotations

import math

import numpy as np

from quantdesk.market.chain import BoolArray, FloatArray
from quantdesk.market.market_data import UnderlyingMarket
from quantdesk.market.valuation import GreeksSource

VENUE_MARK_IV = "venue mark IV"

VOL_RULE = (
    "each option's own: the venue's mark IV, else that of its mark, of its strike's other side, "
    "of its mid; a fitted surface only where none of them is"
)
"""What risk, limits and margin stand on, in words."""

_SOURCES = {
    GreeksSource.MARK: "vol of the mark",
    GreeksSource.TWIN: "vol of the strike's other side",
    GreeksSource.VENUE_IV: VENUE_MARK_IV,
    GreeksSource.MID: "vol of the mid",
}


def quoted_vols(market: UnderlyingMarket) -> tuple[FloatArray, list[str]]:
    """Vol (n,) a row of the chain and its source; NaN and "" where no quote gives one.

    The venue's mark IV, else what the desk found from the quotes: the former has more digits than a
    vol solved from a mark that is rounded to the tick, and stands where that mark is rounded to 0.
    """
    venue_iv, own = market.chain.venue_mark_iv, market.values
    has_iv, has_own = _are_vols(venue_iv), _are_vols(own.greeks_iv)
    vols = np.where(has_iv, venue_iv, np.where(has_own, own.greeks_iv, np.nan))
    codes = np.where(has_own, own.greeks_source, GreeksSource.NONE)
    sources = [
        VENUE_MARK_IV if known else _SOURCES.get(GreeksSource(code), "")
        for known, code in zip(has_iv.tolist(), codes.tolist(), strict=True)
    ]
    return vols, sources


def _are_vols(vols: FloatArray) -> BoolArray:
    return np.asarray(np.isfinite(vols) & (vols > 0))


def quoted_vol(market: UnderlyingMarket, row: int) -> float:
    """The vol of one row, by the rule of `quoted_vols`; NaN where there is none."""
    for vols in (market.chain.venue_mark_iv, market.values.greeks_iv):
        vol = float(vols[row])
        if vol > 0 and math.isfinite(vol):
            return vol
    return math.nan
