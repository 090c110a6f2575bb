"""The forward of each expiry, and how it was found.

Order of trust: the venue's own `underlying_price` (what it prices off), a dated future, put-call
parity on near-the-money pairs, the venue's delta where a recording holds no prices, the index.
Parity is always computed beside the chosen one where there are pairs, as a cross-check; why it does
not come first is told in `forward_curve`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist, median

import numpy as np

from quantdesk import pricing
from quantdesk.domain.events import FutureUpdate
from quantdesk.errors import PricingError
from quantdesk.market.chain import Chain, FloatArray
from quantdesk.market.discounts import ParityDiscount, parity_discount

PARITY_MONEYNESS = 0.10
"""Pairs further than this from the reference price (as |ln(K/F)|) are left out of parity: their
spreads carry less information on the forward than noise."""

DELTA_BAND = (0.05, 0.95)
"""Absolute call deltas from which a forward is read back: a delta is published to 5 decimals, so
outside this band its rounding dominates."""

NO_DISCOUNT = ParityDiscount(discount=1.0, source="1: settled in coin")

FOUND_BY_A_DESK = ("future:", "parity (", "delta (")
"""Beginnings of sources that no venue gives: a chain that a desk wrote down keeps its own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiryForward:
    """Forward of one expiry, quote currency per coin.

    `source` is "venue:<index>", "future:<name> mid", "parity (<n> pairs)", "delta (<n> rows)",
    "index" or "none". `venue_price` and `future_price` are what the venue states and what a dated
    future costs, whichever was taken; None without. `parity_price` is the cross-check from
    put-call parity on `parity_pairs` pairs of two-sided quotes; None without pairs.

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
    future, future_source = _future_forward(futures.get(int(chain.expiry_ns[rows[0]])))
    price, source = (venue, venue_source) if venue is not None else (future, future_source)
    reference = price if price is not None else index_price
    parity, pairs = _parity_forward(chain, part, reference)
    discount = _discount(chain, rows)
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
        future_price=future,
        parity_price=parity,
        parity_pairs=pairs,
        discount=discount.discount,
        discount_source=discount.source,
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


def _future_forward(future: FutureUpdate | None) -> tuple[float | None, str]:
    if future is None:
        return None, "none"
    if future.bid is not None and future.ask is not None:
        return float((future.bid + future.ask) / 2), f"future:{future.instrument_name} mid"
    if future.mark is not None:
        return float(future.mark), f"future:{future.instrument_name} mark"
    return None, "none"


def _parity_forward(chain: Chain, part: slice, reference: float | None) -> tuple[float | None, int]:
    pairs = _parity_pairs(chain, part, reference)
    if pairs is None:
        return None, 0
    strike, call_mid, put_mid, weight, is_inverse = pairs
    try:
        parity = pricing.parity_forward_coin if is_inverse else pricing.parity_forward
        price = parity(strike, call_mid, put_mid, weight)
    except PricingError:
        return None, 0
    return price, int(strike.size)


def _parity_pairs(
    chain: Chain, part: slice, reference: float | None
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, bool] | None:
    strike, is_call = chain.strike[part], chain.is_call[part]
    mid = (chain.bid[part] + chain.ask[part]) / (2 * chain.price_coins[part])
    width = (chain.ask[part] - chain.bid[part]) / chain.price_coins[part]
    calls, puts = np.flatnonzero(is_call), np.flatnonzero(~is_call)
    both, at_call, at_put = np.intersect1d(strike[calls], strike[puts], return_indices=True)
    call, put = calls[at_call], puts[at_put]
    spread = width[call] + width[put]
    with np.errstate(invalid="ignore"):
        usable = np.isfinite(mid[call]) & np.isfinite(mid[put]) & (spread > 0)
        if reference is not None:
            usable &= np.abs(np.log(both / reference)) <= PARITY_MONEYNESS
    if not usable.any():
        return None
    inverse = chain.is_inverse[part][call[usable]]
    if inverse.any() != inverse.all():
        return None
    weight = 1.0 / spread[usable] ** 2
    return both[usable], mid[call][usable], mid[put][usable], weight, bool(inverse.all())


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
