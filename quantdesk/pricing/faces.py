"""Other faces of Black-76: the spot face (Black, Scholes, Merton) and the coin-settled one.

Both are arithmetic on the kernel's raw partials; what is cancelled there is named here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from quantdesk.pricing.black import greeks
from quantdesk.pricing.columns import FloatArray, Kinds, Numbers, as_kinds, as_numbers


class SpotGreeks(NamedTuple):
    """Price and raw partials of V(S, K, T, σ, r, b), `F = S·exp(bT)`, `D = exp(−rT)`.

    Attributes
    ----------
    price : quote currency
    delta : ∂V/∂S
    gamma : ∂²V/∂S²
    vega : ∂V/∂σ, per 1.00 of vol
    theta : −∂V/∂T with S, r and b held, per year
    rho : ∂V/∂r with the yield r − b held, per 1.00 of rate
    """

    price: FloatArray
    delta: FloatArray
    gamma: FloatArray
    vega: FloatArray
    theta: FloatArray
    rho: FloatArray


class CoinGreeks(NamedTuple):
    """Value and raw partials of v = B(F)/F, coin per coin of underlying (undiscounted).

    Attributes
    ----------
    price : coin
    delta : ∂v/∂F = (Δ − v)/F, coin per quote currency
    gamma : ∂²v/∂F² = Γ/F − 2(Δ − v)/F²
    vega : ∂v/∂σ, coin per 1.00 of vol
    theta : −∂v/∂T, coin per year
    delta_premium_adjusted : Δ − v, what hedges the option and the premium paid in coin
    """

    price: FloatArray
    delta: FloatArray
    gamma: FloatArray
    vega: FloatArray
    theta: FloatArray
    delta_premium_adjusted: FloatArray


def spot_greeks(  # noqa: PLR0917 -- the model's own arguments, in its order
    is_call: Kinds,
    spot: Numbers,
    strike: Numbers,
    years: Numbers,
    vol: Numbers,
    rate: Numbers = 0.0,
    carry: Numbers = 0.0,
    *,
    threads: int | None = None,
) -> SpotGreeks:
    """Black–Scholes–Merton on the spot, with a cost of carry.

    Parameters
    ----------
    is_call, strike, years, vol, rate, threads : as for `quantdesk.pricing.greeks`
    spot : float or array, quote currency, above 0
    carry : float or array b, continuously compounded: rate less yield; 0 prices on a forward

    Returns
    -------
    SpotGreeks of float64 arrays of the broadcast shape; rows outside the domain are NaN
    """
    s, t = as_numbers("spot", spot), as_numbers("years", years)
    b = as_numbers("carry", carry)
    growth = np.exp(b * t)
    names = ("price", "delta", "gamma", "vega", "theta")
    on_forward = greeks(is_call, s * growth, strike, t, vol, rate, which=names, threads=threads)
    price, delta, gamma, vega, theta = (_given(getattr(on_forward, name)) for name in names)
    spot_delta = delta * growth
    # T moves F too: −∂V/∂T|S = −∂V/∂T|F − Δ·b·F. With the yield held, r moves F by T·F.
    forward_delta = delta * s * growth
    return SpotGreeks(
        price=price,
        delta=spot_delta,
        gamma=gamma * growth * growth,
        vega=vega,
        theta=theta - b * forward_delta,
        rho=t * (forward_delta - price),
    )


def coin_greeks(
    is_call: Kinds,
    forward: Numbers,
    strike: Numbers,
    years: Numbers,
    vol: Numbers,
    *,
    threads: int | None = None,
) -> CoinGreeks:
    """Coin-settled option: value in coin and its own partials, which are not those in quote over F.

    Arguments as for `quantdesk.pricing.greeks`, without a rate: coin prices are not discounted.

    Returns
    -------
    CoinGreeks of float64 arrays of the broadcast shape; rows outside the domain are NaN
    """
    f, k = as_numbers("forward", forward), as_numbers("strike", strike)
    names = ("price", "gamma", "vega", "theta", "dual_delta")
    plain = greeks(is_call, f, k, years, vol, which=names, threads=threads)
    price, gamma, vega, theta, dual = (_given(getattr(plain, name)) for name in names)
    # V = F·∂V/∂F + K·∂V/∂K, so that Δ − v = −(K/F)·∂V/∂K without a difference of near numbers.
    adjusted = -(k / f) * dual
    return CoinGreeks(
        price=price / f,
        delta=adjusted / f,
        gamma=gamma / f - 2.0 * adjusted / (f * f),
        vega=vega / f,
        theta=theta / f,
        delta_premium_adjusted=adjusted,
    )


def coin_payoff(is_call: Kinds, settlement: Numbers, strike: Numbers) -> FloatArray:
    """Payoff in coin at a settlement price: `max(±(S − K), 0)/S`, coin per coin of underlying.

    Parameters
    ----------
    is_call : bool or bool array
    settlement, strike : floats or arrays, quote currency, above 0; else NaN

    Returns
    -------
    float64 array of the broadcast shape
    """
    s, k = as_numbers("settlement", settlement), as_numbers("strike", strike)
    sign = np.where(as_kinds(is_call) != 0, 1.0, -1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        payoff = np.maximum(sign * (s - k), 0.0) / s
    return _where_positive(payoff, s, k)


def coin_pnl(
    is_call: Kinds, settlement: Numbers, strike: Numbers, premium: Numbers, quantity: Numbers = 1.0
) -> FloatArray:
    """Profit in coin at expiry of options bought at `premium` coin each (sold where quantity < 0).

    Parameters
    ----------
    is_call, settlement, strike : as for `coin_payoff`
    premium : float or array, coin
    quantity : float or array, coins of underlying

    Returns
    -------
    float64 array of the broadcast shape
    """
    payoff = coin_payoff(is_call, settlement, strike)
    premiums, quantities = as_numbers("premium", premium), as_numbers("quantity", quantity)
    return np.asarray(quantities * (payoff - premiums))


def _where_positive(values: npt.NDArray[np.float64], *arguments: FloatArray) -> FloatArray:
    allowed = np.logical_and.reduce(
        np.broadcast_arrays(*(np.isfinite(x) & (x > 0) for x in arguments))
    )
    return np.where(allowed, values, np.nan)


def _given(array: FloatArray | None) -> FloatArray:
    assert array is not None  # each output was asked for by name
    return array
