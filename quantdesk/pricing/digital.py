"""Digital options and the probability of touching a level: what structures need."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from quantdesk import _core
from quantdesk.pricing.black import greeks
from quantdesk.pricing.columns import FloatArray, Kinds, Numbers, broadcast

_TOUCH_FIELDS = ("spot", "forward", "level", "years", "vol")


class Digital(NamedTuple):
    """A European digital that pays 1 in quote currency, and its raw partials.

    Attributes
    ----------
    price : quote currency; undiscounted it is the probability of ending in the money
    delta : ∂V/∂F
    vega : ∂V/∂σ, per 1.00 of vol
    """

    price: FloatArray
    delta: FloatArray
    vega: FloatArray


def digital(  # noqa: PLR0917 -- the model's own arguments, in its order
    is_call: Kinds,
    forward: Numbers,
    strike: Numbers,
    years: Numbers,
    vol: Numbers,
    rate: Numbers = 0.0,
) -> Digital:
    """Price and partials of a digital: `D·Φ(±d₂)`, which is ∓∂V/∂K of the plain option.

    Arguments as for `quantdesk.pricing.price`. Source: Breeden and Litzenberger (1978).

    Returns
    -------
    Digital of float64 arrays of the broadcast shape. ∂/∂F is `±D·φ(d₂)/(F·v)`, ∂/∂σ is
    `∓D·φ(d₂)·d₁/σ`; rows outside the domain are NaN.
    """
    plain = greeks(
        is_call, forward, strike, years, vol, rate, which=("dual_delta", "dual_gamma", "volga")
    )
    assert plain.dual_delta is not None  # asked for by name, as is the next
    assert plain.dual_gamma is not None
    sign = np.where(np.asarray(is_call, dtype=bool), 1.0, -1.0)
    f, k = np.asarray(forward, dtype=np.float64), np.asarray(strike, dtype=np.float64)
    t, s = np.asarray(years, dtype=np.float64), np.asarray(vol, dtype=np.float64)
    slope = plain.dual_gamma * k / f
    with np.errstate(divide="ignore", invalid="ignore"):
        v = s * np.sqrt(t)
        d1 = np.where(v > 0, np.log(f / k) / v + 0.5 * v, 0.0)
        vega = np.where(v > 0, -sign * plain.dual_gamma * k * np.sqrt(t) * d1, 0.0)
    valid = ~np.isnan(plain.dual_delta)
    return Digital(-sign * plain.dual_delta, sign * slope, np.where(valid, vega, np.nan))


def touch_probability(
    spot: Numbers,
    level: Numbers,
    years: Numbers,
    vol: Numbers,
    forward: Numbers | None = None,
) -> FloatArray:
    """Probability that the price touches `level` before expiry: the reflection principle, exact.

    Parameters
    ----------
    spot : float or array, price now, above 0
    level : float or array, above 0, on either side of the spot
    years : float or array, years to expiry
    vol : float or array, 1.00 is 100 %
    forward : float or array, forward for the expiry; the spot where None (no carry)

    Returns
    -------
    float64 array of the broadcast shape, NaN where an argument is outside its domain
    """
    carried = spot if forward is None else forward
    columns = broadcast(False, _TOUCH_FIELDS, (spot, carried, level, years, vol))
    probabilities = np.empty(columns.shape)
    s, f, h, t, v = columns.numbers
    _core.touch(s, f, h, t, v, probabilities.reshape(-1))
    return probabilities
