"""The forward that call and put prices of one expiry agree on, by put-call parity.

Linear prices: `C − P = D·(F − K)`. Coin-settled prices: `c − p = 1 − K/F` (undiscounted, in coin).
Pairs with a NaN, or a weight that is not above 0, are left out.
"""

from __future__ import annotations

import numpy as np

from quantdesk import _core
from quantdesk.errors import InvalidInput
from quantdesk.pricing.columns import FloatArray, Numbers, as_numbers, described, together

_FIELDS = ("strike", "call_price", "put_price", "weight")


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
    factor = as_numbers("discount", discount)
    if factor.shape != ():
        raise InvalidInput("discount", described(discount), "must be a single number above 0")
    pairs = _pairs(strike, call_price, put_price, weight)
    return _core.parity_forward(*pairs, float(factor))


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
    return _core.parity_forward(*_pairs(strike, call_price, put_price, weight), None)


def _pairs(
    strike: Numbers, call_price: Numbers, put_price: Numbers, weight: Numbers
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    columns = [
        np.atleast_1d(column)
        for column in together(_FIELDS, (strike, call_price, put_price, weight))
    ]
    if columns[0].ndim != 1:
        raise InvalidInput("strike", columns[0].shape, "must be one number a pair")
    k, c, p, w = (np.ascontiguousarray(column) for column in columns)
    return k, c, p, w
