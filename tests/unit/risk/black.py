"""Black (1976) and its partials from the textbook, in plain Python: an oracle that shares no code
with the kernel.
"""

from __future__ import annotations

import math
from statistics import NormalDist

NORMAL = NormalDist()


def price(is_call: bool, forward: float, strike: float, years: float, vol: float) -> float:
    """Undiscounted price; the payoff where no time is left."""
    if years <= 0 or vol <= 0:
        return max(forward - strike, 0.0) if is_call else max(strike - forward, 0.0)
    s = vol * math.sqrt(years)
    d1 = math.log(forward / strike) / s + s / 2
    call = forward * NORMAL.cdf(d1) - strike * NORMAL.cdf(d1 - s)
    return call if is_call else call - forward + strike


def coin_price(is_call: bool, forward: float, strike: float, years: float, vol: float) -> float:
    """Price in coin of a coin-settled option."""
    return price(is_call, forward, strike, years, vol) / forward


def delta(is_call: bool, forward: float, strike: float, years: float, vol: float) -> float:
    """∂V/∂F."""
    s = vol * math.sqrt(years)
    d1 = math.log(forward / strike) / s + s / 2
    return NORMAL.cdf(d1) - (0.0 if is_call else 1.0)


def gamma(forward: float, strike: float, years: float, vol: float) -> float:
    """∂²V/∂F²."""
    s = vol * math.sqrt(years)
    d1 = math.log(forward / strike) / s + s / 2
    return NORMAL.pdf(d1) / (forward * s)


def vega(forward: float, strike: float, years: float, vol: float) -> float:
    """∂V/∂σ per 1.00."""
    s = vol * math.sqrt(years)
    d1 = math.log(forward / strike) / s + s / 2
    return forward * NORMAL.pdf(d1) * math.sqrt(years)


def theta(forward: float, strike: float, years: float, vol: float) -> float:
    """∂V/∂t per year with the forward held."""
    return -gamma(forward, strike, years, vol) * forward**2 * vol**2 / 2
