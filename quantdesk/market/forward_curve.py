"""The forwards of a chain side by side: what prices them, what parity allows, what they cost.

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

    low, high : what all pairs together allow; None without a pair. low above high is a box that
        is empty: quotes of different moments
    is_consistent : whether `price` lies within the bounds; None where one is not known
    basis : ln(F/index) a year, a fraction; None without an index
    """

    expiry_ns: int
    years: float
    price: float | None
    source: str
    parity_price: float | None
    pairs: int
    low: float | None
    high: float | None
    is_consistent: bool | None
    basis: float | None


def forward_curve(
    chain: Chain,
    forwards: Mapping[int, ExpiryForward],
    *,
    as_of_ns: int,
    index_price: float | None,
) -> tuple[ForwardPoint, ...]:
    """Forwards of every expiry of `chain`, ascending, cross-checked with its own quotes."""
    points = []
    for expiry_ns in np.unique(chain.expiry_ns).tolist():
        forward = forwards.get(expiry_ns, ExpiryForward(price=None, source="none"))
        rows = np.flatnonzero(chain.expiry_ns == expiry_ns)
        low, high, pairs = _box(chain, rows, forward.discount)
        years = (expiry_ns - as_of_ns) / (DAYS_PER_YEAR * NS_PER_DAY)
        price = forward.price
        within = None
        if price is not None and low is not None and high is not None:
            within = low <= price <= high
        basis = None
        if price is not None and price > 0 and index_price is not None and years > 0:
            basis = math.log(price / index_price) / years
        points.append(
            ForwardPoint(
                expiry_ns=expiry_ns,
                years=years,
                price=price,
                source=forward.source,
                parity_price=forward.parity_price,
                pairs=pairs,
                low=low,
                high=high,
                is_consistent=within,
                basis=basis,
            )
        )
    return tuple(points)


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
