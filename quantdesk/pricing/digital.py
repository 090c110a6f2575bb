"""Digital options and the probability of touching a level: what structures need."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from quantdesk import _core
from quantdesk.pricing.black import greeks
from quantdesk.pricing.columns import FloatArray, Kinds, Numbers, as_kinds, broadcast, together

_TOUCH_FIELDS = ("spot", "forward", "level", "years", "vol")


class Digital(NamedTuple):
    """A European digital that pays 1 in quote currency, and its raw partials.

    Attributes
    ----------
    price : quote currency; undiscounted it is the probability of ending in the money
    delta : ∂V/∂F, per currency
    vega : ∂V/∂σ, per 1.00 of vol
    gamma : ∂²V/∂F², per currency squared
    theta : −∂V/∂T with F and r held, per year
    """

    price: FloatArray
    delta: FloatArray
    vega: FloatArray
    gamma: FloatArray
    theta: FloatArray


def digital(  # noqa: PLR0917 -- the model's own arguments, in its order
    is_call: Kinds,
    forward: Numbers,
    strike: Numbers,
    years: Numbers,
    vol: Numbers,
    rate: Numbers = 0.0,
    *,
    threads: int | None = None,
) -> Digital:
    """Price and partials of a digital: `D·Φ(±d₂)`, which is ∓∂V/∂K of the plain option.

    Arguments as for `quantdesk.pricing.price`. Source: Breeden and Litzenberger (1978).

    Returns
    -------
    Digital of float64 arrays of the broadcast shape. ∂/∂F is `±D·φ(d₂)/(F·v)`, ∂/∂σ is
    `∓D·φ(d₂)·d₁/σ`, ∂²/∂F² is `∓D·φ(d₂)·d₁/(F·v)²`, −∂/∂T is `r·V ± D·φ(d₂)·d₁/(2T)`;
    without time or vol they are 0. Rows outside the domain are NaN.

    Raises
    ------
    InvalidInput : naming the argument
    """
    kinds = as_kinds(is_call)
    f, k, t, s, r = together(
        ("forward", "strike", "years", "vol", "rate"), (forward, strike, years, vol, rate)
    )
    names = ("dual_delta", "dual_gamma")
    plain = greeks(kinds, f, k, t, s, r, which=names, threads=threads)
    assert plain.dual_delta is not None  # asked for by name, as is the next
    assert plain.dual_gamma is not None
    sign = np.where(kinds != 0, 1.0, -1.0)
    with np.errstate(all="ignore"):
        root = np.sqrt(t)
        v = s * root
        is_spread = (v > 0) & (plain.dual_gamma > 0)
        d1 = np.where(is_spread, _log_ratio(f, k) / v + 0.5 * v, 0.0)
        # D·φ(d₂)/v is K·∂²V/∂K².
        density = sign * plain.dual_gamma * k
        price, delta = -sign * plain.dual_delta, density / f
        twist = np.where(is_spread, density * d1, 0.0)
        vega, gamma = -twist * root, -twist / f / f / np.where(is_spread, v, 1.0)
        theta = r * price + np.where(is_spread, 0.5 * twist * v / t, 0.0)
    valid = ~np.isnan(plain.dual_delta)
    rest = (np.where(valid, column, np.nan) for column in (delta, vega, gamma, theta))
    return Digital(price, *rest)


def _log_ratio(forward: FloatArray, strike: FloatArray) -> FloatArray:
    """ln(F/K), near the money from the exact difference."""
    is_near = np.abs(forward - strike) < 0.5 * strike
    near = np.log1p(np.where(is_near, (forward - strike) / strike, 0.0))
    return np.where(is_near, near, np.log(forward) - np.log(strike))


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

    Raises
    ------
    InvalidInput : naming the argument that holds no numbers, or whose shape does not fit
    """
    carried = spot if forward is None else forward
    columns = broadcast(False, _TOUCH_FIELDS, (spot, carried, level, years, vol))
    probabilities = np.empty(columns.shape)
    s, f, h, t, v = columns.numbers
    _core.touch(s, f, h, t, v, probabilities.reshape(-1))
    return probabilities
