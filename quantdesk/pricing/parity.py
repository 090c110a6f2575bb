"""The forward that call and put prices of one expiry agree on, by put-call parity.

Linear prices: `C − P = D·(F − K)`. Coin-settled prices: `c − p = 1 − K/F` (undiscounted, in coin).
Pairs with a NaN, or a weight that is not above 0, are left out.
"""

from __future__ import annotations

import numpy as np

from quantdesk.errors import InvalidInput
from quantdesk.pricing.columns import FloatArray, Numbers, as_numbers

_ROUNDS = 8
# Tukey's biweight loses 5 % against least squares on normal errors at this many scales.
_BIWEIGHT = 4.685
_MAD_TO_SIGMA = 1.4826


def parity_forward(
    strike: Numbers,
    call_price: Numbers,
    put_price: Numbers,
    weight: Numbers = 1.0,
    discount: float = 1.0,
) -> float:
    """Forward in quote currency from prices in quote currency.

    Each pair says `F = K + (C − P)/D`; the answer is their weighted mean with outliers weighed
    down (Tukey's biweight about the weighted median).

    Parameters
    ----------
    strike, call_price, put_price : arrays (n,), quote currency; NaN where there is none
    weight : float or array (n,), relative trust in a pair, for example one over the summed spreads
        squared
    discount : discount factor D, above 0

    Raises
    ------
    InvalidInput : where no pair is usable, or the discount is not above 0
    """
    if not (np.isfinite(discount) and discount > 0):
        raise InvalidInput("discount", discount, "must be a finite number above 0")
    k, c, p, w = _pairs(strike, call_price, put_price, weight)
    return _robust_mean(k + (c - p) / discount, w)


def parity_forward_coin(
    strike: Numbers, call_price: Numbers, put_price: Numbers, weight: Numbers = 1.0
) -> float:
    """Forward in quote currency from coin-settled prices in coin.

    Each pair says `1/F = (1 − (c − p))/K`, equally `F = K/(1 − (c − p))`.

    Parameters
    ----------
    strike : array (n,), quote currency
    call_price, put_price : arrays (n,), coin; NaN where there is none
    weight : as for `parity_forward`

    Raises
    ------
    InvalidInput : where no pair is usable
    """
    k, c, p, w = _pairs(strike, call_price, put_price, weight)
    share = 1.0 - (c - p)
    usable = share > 0
    if not usable.any():
        raise InvalidInput("call_price - put_price", (c - p).tolist(), "must be below 1 coin")
    return _robust_mean(k[usable] / share[usable], w[usable])


def _pairs(
    strike: Numbers, call_price: Numbers, put_price: Numbers, weight: Numbers
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    arrays = np.broadcast_arrays(
        *(
            np.atleast_1d(as_numbers(field, value))
            for field, value in (
                ("strike", strike),
                ("call_price", call_price),
                ("put_price", put_price),
                ("weight", weight),
            )
        )
    )
    k, c, p, w = arrays
    usable = np.isfinite(k) & (k > 0) & np.isfinite(c) & np.isfinite(p) & np.isfinite(w) & (w > 0)
    if not usable.any():
        raise InvalidInput(
            "pairs", int(k.size), "must hold one with strike, call, put and weight at least"
        )
    return k[usable], c[usable], p[usable], w[usable]


def _robust_mean(values: FloatArray, weights: FloatArray) -> float:
    centre = _weighted_median(values, weights)
    for _ in range(_ROUNDS):
        scale = _MAD_TO_SIGMA * _weighted_median(np.abs(values - centre), weights)
        # Below this the pairs agree to the rounding of their own prices.
        scale = max(scale, 1e-12 * abs(centre))
        inside = np.clip(1.0 - ((values - centre) / (_BIWEIGHT * scale)) ** 2, 0.0, None)
        trust = weights * inside**2
        following = float(np.sum(trust * values) / np.sum(trust))
        if abs(following - centre) <= 1e-15 * abs(centre):
            return following
        centre = following
    return centre


def _weighted_median(values: FloatArray, weights: FloatArray) -> float:
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    below = np.cumsum(weights[order])
    half = 0.5 * below[-1]
    place = int(np.searchsorted(below, half))
    if below[place] == half and place + 1 < ordered.size:
        return float(0.5 * (ordered[place] + ordered[place + 1]))
    return float(ordered[place])
