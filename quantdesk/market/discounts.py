"""What money of an expiry is worth today, as the linear options of it say by put-call parity.

An option's price there is the discount times its Black value: a vol is read from the price divided
by the discount. Coin-settled options need none: a coin premium at its own forward has none in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from quantdesk import pricing
from quantdesk.market.chain import Chain, FloatArray

PARITY_PAIRS_MIN = 3
"""Fewer pairs can not tell a discount from noise: two always lie on a line."""

DISCOUNT_ERROR_MAX = 0.005
"""A discount known worse than that is not used: at the money it would move a vol of 50 % by a
quarter of a point."""

RATE_MIN, RATE_MAX = -0.25, 0.75
"""Yearly rates that a discount may stand for. Far from the money quotes lean to one side; over a
few days that can look like any discount, and no money grows like that."""

TOLD_FROM_ONE = 2.0
"""Standard errors that a discount must lie from 1 to be one: a venue that does not discount would
otherwise have every value move with the noise of the fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityDiscount:
    """Discount factor of one expiry of linear options, from C − P = D·(F − K) over its strikes.

    `forward` is the fit's own, None where it was not found; `error` the standard error of
    `discount`; `source` says how it was found, or why it is 1.
    """

    discount: float
    source: str
    forward: float | None = None
    error: float | None = None
    pairs: int = 0


def parity_discount(chain: Chain, rows: tuple[int, int]) -> ParityDiscount:
    """The discount of the linear options of the expiry in `rows` (first, one past last).

    Weighted least squares over all strikes quoted on both sides as call and put; a pair counts with
    one over its summed spreads squared. Where it can not be told, 1, saying why.
    """
    part = slice(*rows)
    strike, gap, weight = _linear_pairs(chain, part)
    count = int(strike.size)
    if count < PARITY_PAIRS_MIN:
        return ParityDiscount(discount=1.0, source=f"1: {count} pairs say nothing", pairs=count)
    total = float(weight.sum())
    mean_strike = float((weight * strike).sum()) / total
    mean_gap = float((weight * gap).sum()) / total
    spread = float((weight * (strike - mean_strike) ** 2).sum())
    if spread <= 0.0:
        return ParityDiscount(discount=1.0, source="1: one strike says nothing", pairs=count)
    discount = -float((weight * (strike - mean_strike) * (gap - mean_gap)).sum()) / spread
    residual = gap - mean_gap + discount * (strike - mean_strike)
    scatter = float((weight * residual**2).sum()) / (count - 2)
    error = float(np.sqrt(scatter / spread))
    years = float(pricing.years_between(int(chain.event_ns[part].max()), _expiry_ns(chain, rows)))
    low, high = np.exp(-RATE_MAX * years), np.exp(-RATE_MIN * years)
    if not low <= discount <= high or error > DISCOUNT_ERROR_MAX:
        reason = f"1: parity gives {discount:.4f} ± {error:.4f}, not to be trusted"
        return ParityDiscount(discount=1.0, source=reason, error=error, pairs=count)
    if abs(discount - 1.0) <= TOLD_FROM_ONE * error:
        reason = f"1: parity gives {discount:.4f} ± {error:.4f}, not told from 1"
        return ParityDiscount(discount=1.0, source=reason, error=error, pairs=count)
    return ParityDiscount(
        discount=discount,
        source=f"parity ({count} pairs)",
        forward=mean_strike + mean_gap / discount,
        error=error,
        pairs=count,
    )


def _expiry_ns(chain: Chain, rows: tuple[int, int]) -> int:
    return int(chain.expiry_ns[rows[0]])


def _linear_pairs(chain: Chain, part: slice) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Strike, call mid − put mid per coin and weight of each usable pair of linear options."""
    linear = ~chain.is_inverse[part]
    strike, is_call = chain.strike[part], chain.is_call[part]
    mid = (chain.bid[part] + chain.ask[part]) / 2
    width = chain.ask[part] - chain.bid[part]
    calls, puts = np.flatnonzero(is_call & linear), np.flatnonzero(~is_call & linear)
    both, at_call, at_put = np.intersect1d(strike[calls], strike[puts], return_indices=True)
    call, put = calls[at_call], puts[at_put]
    spread = width[call] + width[put]
    with np.errstate(invalid="ignore"):
        usable = np.isfinite(mid[call]) & np.isfinite(mid[put]) & (spread > 0)
    coins = chain.price_coins[part][call[usable]]
    gap = (mid[call] - mid[put])[usable] / coins
    return both[usable], gap, (coins / spread[usable]) ** 2
