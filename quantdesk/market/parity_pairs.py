"""Calls and puts of one strike near the money, and the bounds that they set to the forward.

A bought call and a sold put are a forward bought at the strike, so every pair of two-sided quotes
is a synthetic market in it. The best synthetic bid and ask of all pairs hang on one pair each, and
one quote of another moment would decide. A bound is therefore the second best: what at least two
pairs say. On all recorded chains with prices (1,354 expiries) the stated forward is outside twice,
of the best of near pairs five times, three of them by one pair alone, and of the best of all pairs
eleven times.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from quantdesk.market.chain import Chain, FloatArray

PARITY_MONEYNESS = 0.10
"""Pairs further than this from the reference price (as |ln(K/F)|) are left out of parity: their
spreads carry less information on the forward than noise."""

PAIRS_TO_AGREE = 2
"""Pairs that must say that a stated forward is off before it is left for parity's bound."""

HALF = 0.5
"""The delta of a call whose delta nobody states, near the money."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ParityPairs:
    """Two-sided pairs near the money of one expiry: strike, row of the call and of the put (n,)."""

    strike: FloatArray
    call: np.ndarray
    put: np.ndarray
    is_inverse: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityBounds:
    """The market that pairs make in the forward, quote currency per coin.

    `bid` and `ask` are the second best of `pairs`, with a single pair its own. A bid above the ask
    means quotes of different moments: then they bound nothing.
    """

    bid: float
    ask: float
    pairs: int


def parity_pairs(chain: Chain, part: slice, reference: float | None) -> ParityPairs | None:
    """The pairs of the expiry at `part` within reach of `reference` (None: all); None without one.

    Both quotes have two sides above 0 that do not cross and are not doubted, and both are settled
    alike.
    """
    strike, is_call = chain.strike[part], chain.is_call[part]
    bid, ask = chain.bid[part], chain.ask[part]
    with np.errstate(invalid="ignore"):
        sound = (bid > 0) & (ask >= bid) & np.isfinite(ask)
    if chain.doubts:
        sound &= [each.name not in chain.doubts for each in chain.instruments[part]]
    calls, puts = np.flatnonzero(is_call & sound), np.flatnonzero(~is_call & sound)
    both, at_call, at_put = np.intersect1d(strike[calls], strike[puts], return_indices=True)
    call, put = calls[at_call], puts[at_put]
    usable = np.ones(both.size, dtype=np.bool_)
    if reference is not None:
        with np.errstate(invalid="ignore", divide="ignore"):
            usable = np.abs(np.log(both / reference)) <= PARITY_MONEYNESS
    if not usable.any():
        return None
    call, put = call[usable] + part.start, put[usable] + part.start
    inverse = chain.is_inverse[np.concatenate((call, put))]
    if inverse.any() != inverse.all():
        return None
    return ParityPairs(strike=both[usable], call=call, put=put, is_inverse=bool(inverse.all()))


def parity_bounds(
    chain: Chain, pairs: ParityPairs, *, discount: float, reference: float | None
) -> ParityBounds | None:
    """What `pairs` of `chain` together say of the forward; None where no price gives one.

    In coin C − P = 1 − K/F; in money C − P = D·(F − K) with the `discount` D.

    Quotes of one capture are minutes apart. Where they carry the forward that they were made at,
    a pair speaks of the ratio to its own, which is brought to `reference`, the expiry's newest.
    """
    call, put, strike = pairs.call, pairs.put, pairs.strike
    coins = chain.price_coins[call] * (1.0 if pairs.is_inverse else discount)
    low = _implied(strike, (chain.bid[call] - chain.ask[put]) / coins, pairs.is_inverse)
    high = _implied(strike, (chain.ask[call] - chain.bid[put]) / coins, pairs.is_inverse)
    if reference is not None:
        to_newest = reference / _own_forward(chain, pairs)
        to_newest = np.where(np.isfinite(to_newest), to_newest, 1.0)
        low, high = low * to_newest, high * to_newest
    known = np.isfinite(low) & np.isfinite(high)
    count = int(known.sum())
    if count == 0:
        return None
    place = min(PAIRS_TO_AGREE, count) - 1
    return ParityBounds(
        bid=float(np.sort(low[known])[::-1][place]),
        ask=float(np.sort(high[known])[place]),
        pairs=count,
    )


def _own_forward(chain: Chain, pairs: ParityPairs) -> FloatArray:
    """The forward (n,) at which each pair was quoted; NaN where its quotes carry none.

    A pair follows the forward of its call by the call's delta and that of its put by the rest.
    """
    delta = chain.venue_delta[pairs.call]
    share = np.clip(np.where(np.isfinite(delta), delta, HALF), 0.0, 1.0)
    return np.asarray(share * chain.forward[pairs.call] + (1.0 - share) * chain.forward[pairs.put])


def _implied(strike: FloatArray, gap: FloatArray, is_inverse: bool) -> FloatArray:
    """F of C − P = `gap`: K + gap, and in coin K/(1 − gap); NaN where there is none."""
    if not is_inverse:
        return strike + gap
    return np.asarray(strike / np.where(gap < 1.0, 1.0 - gap, np.nan), dtype=np.float64)
