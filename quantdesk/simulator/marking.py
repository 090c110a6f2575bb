"""Re-marks options from their recorded IVs: the venue's risk engine, sticky by strike.

Pure: arrays in, arrays out, the kernel underneath. Gives values as computed; `rounded_marks` puts
them into the venue's published form. Knows no clock and no quote's history.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quantdesk import pricing

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

DAYS_PER_YEAR = 365.0

MARK_DECIMALS = 4
"""Decimals of a mark price in the capture of 2026-06-27; older captures show six to eight."""

IV_DECIMALS = 2
GREEK_DECIMALS = 5
USD_DECIMALS = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Marks:
    """Marks of some options, all (n,): price in coin, value and Greeks in USD per coin.

    vega per vol point, theta per calendar day by the venue's rule, rho per 1 %.
    """

    price: FloatArray
    delta: FloatArray
    gamma: FloatArray
    vega: FloatArray
    theta: FloatArray
    rho: FloatArray


def mark_options(
    is_call: BoolArray, forward: FloatArray, strike: FloatArray, years: FloatArray, iv: FloatArray
) -> Marks:
    """Marks by Black-76 at `iv` (fractions) on each row's own `forward`, all (n,).

    Price in coin is value / forward. Theta is −min(day theta × min(days left, 1), value), the rule
    that the recorded tickers follow. Rho is that of spot held: T·(F·Δ − V).
    """
    greeks = pricing.greeks(is_call, forward, strike, years, iv)
    value, delta = asked(greeks.price), asked(greeks.delta)
    day_theta = -asked(greeks.theta) / DAYS_PER_YEAR
    days_left = np.minimum(years * DAYS_PER_YEAR, 1.0)
    return Marks(
        price=value / forward,
        delta=delta,
        gamma=asked(greeks.gamma),
        vega=asked(greeks.vega) / 100,
        theta=-np.minimum(day_theta * days_left, value),
        rho=years * (forward * delta - value) / 100,
    )


def quote_ivs(
    price: FloatArray,
    is_call: BoolArray,
    forward: FloatArray,
    strike: FloatArray,
    years: FloatArray,
) -> FloatArray:
    """IVs of coin prices in percent, published decimals; 0 where there is none, as the venue does.

    price : float64 array (n,), coin; 0 means no quote.
    """
    found = pricing.implied_vol(price * forward, is_call, forward, strike, years)
    has_iv = (found.status == pricing.IvStatus.OK) & (price > 0)
    return np.round(np.where(has_iv, found.vol, 0.0) * 100, IV_DECIMALS)


def asked(values: FloatArray | None) -> FloatArray:
    """One of the Greeks that the kernel gives where none is named."""
    if values is None:
        raise AssertionError("the kernel left out a Greek that is in its default set")
    return values
