"""USD per coin of a market's indices: what coin amounts are turned into dollars with."""

from __future__ import annotations

from quantdesk.market.market_data import MarketData


def index_prices_of(market: MarketData) -> dict[str, float]:
    """USD per coin of each coin with an index, coin-settled chains before dollar-settled ones."""
    prices: dict[str, float] = {}
    for one in sorted(market.markets, key=lambda each: ("_" in each.underlying, each.venue)):
        coin = one.underlying.split("_", 1)[0]
        if one.index_price is not None and one.index_price > 0:
            prices.setdefault(coin, one.index_price)
    return prices
