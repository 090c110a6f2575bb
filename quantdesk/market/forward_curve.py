"""The forwards of a chain side by side: what prices them, what parity allows, what they cost.

A fit reads vols at the forward that the venue states where it states one, which is what its makers
quote off, and checks that against parity and the dated future; where it states none, a future and
then parity decide. Parity knows a near forward to some ten basis points, which is a vol point or
two of a one-day option at the money, and each tick of a quote there moves it: parity first would
have every theo of an expiry follow. On recorded chains the venue's forward lies within parity's
bounds but at a few expiries, and fits at either have the same share inside the spread
(`tests/unit/surface/test_forward_curve.py`).

Every two-sided pair of a strike bounds the forward: bought call and sold put at one end, sold call
and bought put at the other. Boxes without a common point mean stale quotes. The basis is the
forward over the index, a year; linear prices are discounted as their own parity says.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from quantdesk.market.chain import Chain, FloatArray
from quantdesk.market.forwards import ExpiryForward
from quantdesk.market.variance_clock import DAYS_PER_YEAR, NS_PER_DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardPoint:
    """The forward of one expiry, quote currency per coin.

    venue_price, future_price : what the venue states and what a dated future costs, None without
    parity_price, pairs : from put-call parity on near-the-money pairs, and how many bound it
    low, high : what all pairs together allow; None without a pair. low above high is a box that
        is empty: quotes of different moments
    is_consistent : whether `price` lies within the bounds; None where one is not known
    basis : ln(F/index) a year, a fraction; None without an index
    """

    expiry_ns: int
    years: float
    price: float | None
    source: str
    venue_price: float | None
    future_price: float | None
    parity_price: float | None
    pairs: int
    low: float | None
    high: float | None
    is_consistent: bool | None
    basis: float | None

    @property
    def half_width(self) -> float | None:
        """Half the width of the bounds; None without a pair, below 0 where the box is empty."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2

    @property
    def words(self) -> str:
        """Which forward was taken and what the others say, as a sentence."""
        if self.price is None:
            return "No forward: no statement of the venue, future, pair of quotes or index."
        others = [
            f"{name} {1e4 * (price / self.price - 1.0):+.1f} bp"
            for name, price in (
                ("venue", self.venue_price),
                ("future", self.future_price),
                ("parity", self.parity_price),
            )
            if price is not None and price != self.price
        ]
        bounds = {None: "no pair of quotes bounds it", True: "within the bounds of parity"}.get(
            self.is_consistent, "outside the bounds of parity"
        )
        return f"Forward {self.price:,.2f} by {self.source}, {'; '.join([bounds, *others])}."


def forward_curve(
    chain: Chain,
    forwards: Mapping[int, ExpiryForward],
    *,
    as_of_ns: int,
    index_price: float | None,
) -> tuple[ForwardPoint, ...]:
    """Forwards of every expiry of `chain`, ascending, cross-checked with its own quotes."""
    return tuple(
        forward_point(
            chain,
            np.flatnonzero(chain.expiry_ns == expiry_ns),
            forwards.get(expiry_ns, ExpiryForward(price=None, source="none")),
            as_of_ns=as_of_ns,
            index_price=index_price,
        )
        for expiry_ns in np.unique(chain.expiry_ns).tolist()
    )


def forward_point(
    chain: Chain,
    rows: np.ndarray,
    forward: ExpiryForward,
    *,
    as_of_ns: int,
    index_price: float | None,
) -> ForwardPoint:
    """The forward of the expiry in `rows` of `chain`, cross-checked with its quotes."""
    expiry_ns = int(chain.expiry_ns[rows[0]])
    low, high, pairs = _box(chain, rows, forward.discount)
    years = (expiry_ns - as_of_ns) / (DAYS_PER_YEAR * NS_PER_DAY)
    price = forward.price
    within = None
    if price is not None and low is not None and high is not None:
        within = low <= price <= high
    basis = None
    if price is not None and price > 0 and index_price is not None and years > 0:
        basis = math.log(price / index_price) / years
    return ForwardPoint(
        expiry_ns=expiry_ns,
        years=years,
        price=price,
        source=forward.source,
        venue_price=forward.venue_price,
        future_price=forward.future_price,
        parity_price=forward.parity_price,
        pairs=pairs,
        low=low,
        high=high,
        is_consistent=within,
        basis=basis,
    )


def _box(chain: Chain, rows: np.ndarray, discount: float) -> tuple[float | None, float | None, int]:
    """Bounds of the forward from all pairs of one expiry, and how many pairs gave one."""
    calls, puts = rows[chain.is_call[rows]], rows[~chain.is_call[rows]]
    strike, at_call, at_put = np.intersect1d(
        chain.strike[calls], chain.strike[puts], return_indices=True
    )
    call, put = calls[at_call], puts[at_put]
    inverse = chain.is_inverse[call]
    scale = chain.price_coins[call] * np.where(inverse, 1.0, discount)
    lows = _implied(strike, (chain.bid[call] - chain.ask[put]) / scale, inverse)
    highs = _implied(strike, (chain.ask[call] - chain.bid[put]) / scale, inverse)
    known = np.isfinite(lows) & np.isfinite(highs)
    if not known.any():
        return None, None, 0
    return float(lows[known].max()), float(highs[known].min()), int(known.sum())


def _implied(strike: FloatArray, gap: FloatArray, inverse: np.ndarray) -> FloatArray:
    """F of C − P = `gap`: K + gap, and in coin K/(1 − gap); NaN where there is none."""
    share = np.where(gap < 1.0, 1.0 - gap, np.nan)
    return np.asarray(np.where(inverse, strike / share, strike + gap), dtype=np.float64)
