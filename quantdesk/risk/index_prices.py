"""USD per coin of a market's indices: what coin amounts are turned into dollars with."""

from __future__ import annotations

from dataclasses import replace

from quantdesk.domain.times import expiry_code
from quantdesk.market.market_data import MarketData, UnderlyingMarket


def index_prices_of(market: MarketData) -> dict[str, float]:
    """USD per coin of each coin with an index, coin-settled chains before dollar-settled ones."""
    prices: dict[str, float] = {}
    for one in sorted(market.markets, key=lambda each: ("_" in each.underlying, each.venue)):
        coin = one.underlying.split("_", 1)[0]
        if one.index_price is not None and one.index_price > 0:
            prices.setdefault(coin, one.index_price)
    return prices


def with_stand_in_index(market: MarketData) -> tuple[MarketData, tuple[str, ...]]:
    """`market` in which chains recorded without an index have their nearest forward for one.

    Each such chain has a sentence, and says so in its `index_source`. One that has neither stays
    without.
    """
    found, notes = [], []
    for one in market.markets:
        expiry_ns = None if one.index_price is not None else _nearest_forward(one)
        if expiry_ns is None:
            found.append(one)
            continue
        source = f"forward {expiry_code(expiry_ns)}"
        notes.append(
            f"{one.venue} {one.underlying}: no index was recorded; the {source} stands in for it"
        )
        found.append(
            replace(
                one,
                index_price=one.forwards[expiry_ns].price,
                index_source=f"{source}, no index was recorded",
            )
        )
    return replace(market, markets=tuple(found)), tuple(notes)


def _nearest_forward(market: UnderlyingMarket) -> int | None:
    """The first expiry after the market's moment with a forward."""
    known = (ns for ns, forward in market.forwards.items() if forward.price and forward.price > 0)
    return min((ns for ns in known if ns > market.as_of_ns), default=None)
