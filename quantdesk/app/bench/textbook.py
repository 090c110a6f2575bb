"""The formula as a textbook prints it, in NumPy: the yardstick, not used for anything else.

Needs scipy, which the desk does not depend on.
"""

from __future__ import annotations

import importlib

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
_INV_SQRT_2PI = 1.0 / np.sqrt(2.0 * np.pi)


def textbook_price(  # noqa: PLR0917 -- the model's own arguments, in its order
    is_call: npt.NDArray[np.bool_],
    forward: FloatArray,
    strike: FloatArray,
    years: FloatArray,
    vol: FloatArray,
    rate: FloatArray | float,
) -> FloatArray:
    """`D·w·(F·Φ(w·d₁) − K·Φ(w·d₂))`, w = ±1, quote currency."""
    ndtr = importlib.import_module("scipy.special").ndtr
    v = vol * np.sqrt(years)
    d1 = np.log(forward / strike) / v + 0.5 * v
    d2 = d1 - v
    sign = np.where(is_call, 1.0, -1.0)
    value = sign * (forward * ndtr(sign * d1) - strike * ndtr(sign * d2))
    return np.asarray(np.exp(-rate * years) * value)


def textbook_greeks(  # noqa: PLR0917 -- the model's own arguments, in its order
    is_call: npt.NDArray[np.bool_],
    forward: FloatArray,
    strike: FloatArray,
    years: FloatArray,
    vol: FloatArray,
    rate: FloatArray | float,
) -> tuple[FloatArray, ...]:
    """Price, delta, gamma, vega, theta and rho as a careful NumPy user writes them."""
    ndtr = importlib.import_module("scipy.special").ndtr
    root = np.sqrt(years)
    v = vol * root
    d1 = np.log(forward / strike) / v + 0.5 * v
    d2 = d1 - v
    sign = np.where(is_call, 1.0, -1.0)
    discount = np.exp(-rate * years)
    chance1, chance2 = ndtr(sign * d1), ndtr(sign * d2)
    density = discount * _INV_SQRT_2PI * np.exp(-0.5 * d1 * d1)
    price = discount * sign * (forward * chance1 - strike * chance2)
    vega = forward * density * root
    theta = rate * price - 0.5 * vega * vol / years
    return (
        price,
        discount * sign * chance1,
        density / (forward * v),
        vega,
        theta,
        -years * price,
    )
