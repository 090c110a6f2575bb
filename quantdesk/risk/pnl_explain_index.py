"""An index for markets that were recorded without one: the forward of their nearest common expiry.

The same expiry serves both moments, so that its move is a move of the market and not of the list.
"""

from __future__ import annotations

from dataclasses import replace

from quantdesk.domain.times import expiry_code
from quantdesk.market.market_data import MarketData, UnderlyingMarket


def with_index(
    opening: MarketData, closing: MarketData
) -> tuple[MarketData, MarketData, tuple[str, ...]]:
    """Both markets with an index where one can be had, and a sentence for each found so."""
    pairs: list[tuple[UnderlyingMarket, UnderlyingMarket]] = []
    notes = []
    for first in opening.markets:
        last = closing.find(first.venue, first.underlying)
        if last is None or not (first.index_price is None or last.index_price is None):
            continue
        shared = sorted(
            expiry_ns
            for expiry_ns in first.forwards.keys() & last.forwards.keys()
            if first.forwards[expiry_ns].price and last.forwards[expiry_ns].price
        )
        if not shared:
            continue
        source = f"forward {expiry_code(shared[0])}"
        notes.append(
            f"{first.venue} {first.underlying}: no index was recorded at both moments; "
            f"the {source} of both stands in for it"
        )
        pairs.append((_indexed(first, shared[0], source), _indexed(last, shared[0], source)))
    return (
        _replaced(opening, [first for first, _ in pairs]),
        _replaced(closing, [last for _, last in pairs]),
        tuple(notes),
    )


def _indexed(market: UnderlyingMarket, expiry_ns: int, source: str) -> UnderlyingMarket:
    return replace(market, index_price=market.forwards[expiry_ns].price, index_source=source)


def _replaced(market: MarketData, with_indices: list[UnderlyingMarket]) -> MarketData:
    found = {(one.venue, one.underlying): one for one in with_indices}
    return replace(
        market,
        markets=tuple(found.get((one.venue, one.underlying), one) for one in market.markets),
    )
