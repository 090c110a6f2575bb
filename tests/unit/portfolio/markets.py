"""Markets for the tests of positions and margin: the shipped samples as the desk hands them out."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from quantdesk.market.market_data import MarketData, UnderlyingMarket
from quantdesk.runtime.embedded import opening_snapshot


@lru_cache(maxsize=2)
def sample_market(underlying: str = "BTC") -> MarketData:
    """The shipped Deribit sample of `underlying` at its recorded moment."""
    return opening_snapshot(underlying).market()


def btc() -> UnderlyingMarket:
    """The one market of the BTC sample."""
    return sample_market().markets[0]


def with_columns(market: UnderlyingMarket, **columns: dict[str, float]) -> MarketData:
    """The market with some cells of its chain replaced: column → instrument name → value."""
    row_of = {one.name: row for row, one in enumerate(market.chain.instruments)}
    changed: dict[str, Any] = {}
    for column, cells in columns.items():
        values = np.array(getattr(market.chain, column))
        for name, value in cells.items():
            values[row_of[name]] = value
        changed[column] = values
    chain = replace(market.chain, **changed)
    return MarketData(markets=(replace(market, chain=chain),), source="test")
