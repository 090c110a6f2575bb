"""The forward of each expiry, and how it was found.

What is stated comes first: the venue's own `underlying_price` (what it prices off), else a dated
future; then put-call parity on near-the-money pairs, the venue's delta where a recording holds no
prices, the index. That is the `price` which a chain's rows are valued at.

Parity bounds it: pairs of quotes are a market in the forward. A fit takes the stated price where it
lies within, since quotes say no more, and else the nearest bound (`bounded_price`); why so is told
in `forward_curve`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist, median

import numpy as np

from quantdesk import pricing
from quantdesk.domain.events import FutureUpdate
from quantdesk.errors import PricingError
from quantdesk.market.chain import Chain
from quantdesk.market.discounts import ParityDiscount, parity_discount
from quantdesk.market.parity_pairs import (
    PAIRS_TO_AGREE,
    ParityPairs,
    parity_bounds,
    parity_pairs,
)
from quantdesk.market.wide_futures import future_cost, future_forward

DELTA_BAND = (0.05, 0.95)
"""Absolute call deltas from which a forward is read back: a delta is published to 5 decimals, so
outside this band its rounding dominates."""

NO_DISCOUNT = ParityDiscount(discount=1.0, source="1: settled in coin")

FOUND_BY_A_DESK = ("future:", "parity (", "delta (")
"""Beginnings of sources that no venue gives: a chain that a desk wrote down keeps its own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiryForward:
    """Forward of one expiry, quote currency per coin.

    `source` is "venue:<index>", "future:<name> mid" (or "mark", or "by its
    neighbours", see `wide_futures`), "parity (<n> pairs)", "delta (<n> rows)",
    "index" or "none". `venue_price` and `future_price` are what the venue states and what a dated
    future costs, whichever was taken; None without. `parity_price` is the cross-check from
    put-call parity on `parity_pairs` pairs of two-sided quotes; None without pairs.

    `parity_bid` and `parity_ask` are the market that `bound_pairs` pairs make in the forward, the
    second best of each side (`parity_pairs.ParityBounds`); None without pairs.

    A linear option's price is `discount` times its Black value. `discount_source` is "parity
    (<n> pairs)", or "1: " and the reason where it can not be told or there is none.
    """

    price: float | None
    source: str
    venue_price: float | None = None
    future_price: float | None = None
    parity_price: float | None = None
    parity_pairs: int = 0
    discount: float = 1.0
    discount_source: str = "1: not asked"
    parity_bid: float | None = None
    parity_ask: float | None = None
    bound_pairs: int = 0

    @property
    def is_bounded(self) -> bool:
        """Whether pairs that agree bound the forward: two at least, their bid not above their ask.

        A single pair may be one quote of another moment, and is told but decides nothing.
        """
        if self.parity_bid is None or self.parity_ask is None:
            return False
        return self.bound_pairs >= PAIRS_TO_AGREE and self.parity_bid <= self.parity_ask

    @property
    def bounded_price(self) -> float | None:
        """`price`, or the bound of parity that it lies beyond: what a fit stands on.

        It moves with `price` and with the bounds without a jump.
        """
        if self.price is None or not self.is_bounded:
            return self.price
        assert self.parity_bid is not None, "what is bounded has both bounds"
        assert self.parity_ask is not None, "what is bounded has both bounds"
        return min(max(self.price, self.parity_bid), self.parity_ask)

    @property
    def bounded_source(self) -> str:
        """`source`, or which bound stands in for it."""
        bounded = self.bounded_price
        if bounded == self.price or bounded is None:
            return self.source
        side = "bid" if bounded == self.parity_bid else "ask"
        return f"parity {side} ({self.bound_pairs} pairs)"


def expiry_forward(
    chain: Chain,
    rows: tuple[int, int],
    futures: Mapping[int, FutureUpdate],
    index_price: float | None,
) -> ExpiryForward:
    """The forward of the expiry that occupies `rows` (first, one past last) of `chain`.

    `futures` maps an expiry instant to the dated future of it.
    """
    part = slice(*rows)
    venue, venue_source = _venue_forward(chain, part)
    expiry_ns = int(chain.expiry_ns[rows[0]])
    future, future_source = future_forward(futures, expiry_ns, index_price)
    price, source = (venue, venue_source) if venue is not None else (future, future_source)
    reference = price if price is not None else index_price
    found = parity_pairs(chain, part, reference)
    parity, pairs = _parity_forward(chain, found)
    discount = _discount(chain, rows)
    bounds = None
    if found is not None:
        bounds = parity_bounds(chain, found, discount=discount.discount, reference=venue)
    if discount.forward is not None:
        # The plain parity forward presumes a discount of 1; the fit of both knows better.
        parity, pairs = discount.forward, discount.pairs
    if price is None and parity is not None:
        price, source = parity, f"parity ({pairs} pairs)"
    if price is None:
        price, source = _delta_forward(chain, part)
    if price is None and index_price is not None:
        price, source = index_price, "index"
    return ExpiryForward(
        price=price,
        source=source,
        venue_price=venue,
        future_price=future_cost(futures, expiry_ns),
        parity_price=parity,
        parity_pairs=pairs,
        discount=discount.discount,
        discount_source=discount.source,
        parity_bid=None if bounds is None else bounds.bid,
        parity_ask=None if bounds is None else bounds.ask,
        bound_pairs=0 if bounds is None else bounds.pairs,
    )


def _discount(chain: Chain, rows: tuple[int, int]) -> ParityDiscount:
    if chain.is_inverse[slice(*rows)].all():
        return NO_DISCOUNT
    return parity_discount(chain, rows)


def _venue_forward(chain: Chain, part: slice) -> tuple[float | None, str]:
    forwards = chain.forward[part]
    known = np.flatnonzero(~np.isnan(forwards))
    if known.size == 0:
        return None, "none"
    newest = int(known[np.argmax(chain.event_ns[part][known])])
    name = chain.forward_index[part][newest]
    if name.startswith(FOUND_BY_A_DESK):
        return float(forwards[newest]), name
    return float(forwards[newest]), f"venue:{name}" if name else "venue"


def _parity_forward(chain: Chain, pairs: ParityPairs | None) -> tuple[float | None, int]:
    """The forward that the mids of `pairs` agree on, and how many of them have a spread."""
    if pairs is None:
        return None, 0
    bid, ask = (
        [side[rows] / chain.price_coins[rows] for rows in (pairs.call, pairs.put)]
        for side in (chain.bid, chain.ask)
    )
    spread = (ask[0] - bid[0]) + (ask[1] - bid[1])
    usable = spread > 0
    if not usable.any():
        return None, 0
    columns = [pairs.strike, (bid[0] + ask[0]) / 2, (bid[1] + ask[1]) / 2, spread]
    strike, call_mid, put_mid, width = (column[usable] for column in columns)
    parity = pricing.parity_forward_coin if pairs.is_inverse else pricing.parity_forward
    try:
        price = parity(strike, call_mid, put_mid, 1.0 / width**2)
    except PricingError:
        return None, 0
    return price, int(usable.sum())


def _delta_forward(chain: Chain, part: slice) -> tuple[float | None, str]:
    """F = K exp(d1 s − s²/2) from d1 = Φ⁻¹(Δ), s = σ√T (Black-76, undiscounted)."""
    normal = NormalDist()
    found: list[float] = []
    for row in range(part.start, part.stop):
        delta, iv = float(chain.venue_delta[row]), float(chain.venue_mark_iv[row])
        years = pricing.years_between(int(chain.event_ns[row]), int(chain.expiry_ns[row]))
        call_delta = delta if chain.is_call[row] else delta + 1.0
        if not (DELTA_BAND[0] <= call_delta <= DELTA_BAND[1] and iv > 0 and years > 0):
            continue
        total_vol = iv * years**0.5
        log_ratio = normal.inv_cdf(call_delta) * total_vol - 0.5 * total_vol * total_vol
        found.append(float(chain.strike[row] * np.exp(log_ratio)))
    if not found:
        return None, "none"
    return median(found), f"delta ({len(found)} rows)"
