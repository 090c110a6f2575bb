"""The vol of an option by its own quotes: one rule, for a row and for all of them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from quantdesk.market.market_data import UnderlyingMarket
from quantdesk.market.quoted_vols import VENUE_MARK_IV, quoted_vol, quoted_vols
from quantdesk.market.valuation import GreeksSource
from tests.unit.risk.books import made_market, only


def with_vols(venue_iv: float, own: float, source: GreeksSource) -> UnderlyingMarket:
    """A market whose first row has these vols."""
    market = only(made_market())
    ivs, vols = market.chain.venue_mark_iv.copy(), market.values.greeks_iv.copy()
    codes = market.values.greeks_source.copy()
    ivs[0], vols[0], codes[0] = venue_iv, own, source
    return replace(
        market,
        chain=replace(market.chain, venue_mark_iv=ivs),
        values=replace(market.values, greeks_iv=vols, greeks_source=codes),
    )


@pytest.mark.parametrize("venue_iv", [math.nan, math.inf, -math.inf, 0.0, -0.5])
@pytest.mark.parametrize(
    ("own", "source", "expected", "said"),
    [
        (0.6, GreeksSource.MARK, 0.6, "vol of the mark"),
        (0.6, GreeksSource.TWIN, 0.6, "vol of the strike's other side"),
        (math.nan, GreeksSource.NONE, math.nan, ""),
        (math.inf, GreeksSource.MARK, math.nan, ""),
        (0.0, GreeksSource.MARK, math.nan, ""),
    ],
)
def test_what_is_no_vol_is_passed_over(
    venue_iv: float, own: float, source: GreeksSource, expected: float, said: str
) -> None:
    market = with_vols(venue_iv, own, source)
    vols, sources = quoted_vols(market)
    assert vols[0] == pytest.approx(expected, nan_ok=True)
    assert sources[0] == said
    assert quoted_vol(market, 0) == pytest.approx(expected, nan_ok=True)


def test_a_row_and_all_rows_have_one_vol_and_the_venue_s_stands_first() -> None:
    market = with_vols(0.7, 0.6, GreeksSource.MARK)
    vols, sources = quoted_vols(market)
    assert (vols[0], sources[0]) == (0.7, VENUE_MARK_IV)
    assert np.array_equal(vols, [quoted_vol(market, row) for row in range(len(market.chain))])
