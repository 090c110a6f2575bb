"""Other faces of Black-76: the spot face (Black, Scholes, Merton) and the coin-settled one.

The spot face is arithmetic on the kernel's raw partials; the coin face is the kernel's own
(`pricing-core/src/inverse.rs`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from quantdesk import _core
from quantdesk.errors import InvalidInput
from quantdesk.pricing.black import OUTPUTS, greeks, price_one, wanted_names
from quantdesk.pricing.columns import (
    FloatArray,
    Kinds,
    Numbers,
    as_kinds,
    as_numbers,
    broadcast,
    common_shape,
    thread_count,
    together,
)
from quantdesk.pricing.outputs import shelf

_EXPONENT_MAX = 700.0


class SpotGreeks(NamedTuple):
    """Price and raw partials of V(S, K, T, σ, r, b), `F = S·exp(bT)`, `D = exp(−rT)`.

    Those beyond rho are None where not asked for.

    Attributes
    ----------
    price : quote currency
    delta : ∂V/∂S
    gamma : ∂²V/∂S², per currency
    vega : ∂V/∂σ, per 1.00 of vol
    theta : −∂V/∂T with S, r and b held, per year
    rho : ∂V/∂r with the yield r − b held, per 1.00 of rate
    vanna : ∂²V/∂S∂σ
    volga : ∂²V/∂σ²
    charm : −∂²V/∂S∂T, per year
    dual_delta : ∂V/∂K
    dual_gamma : ∂²V/∂K², per currency
    """

    price: FloatArray
    delta: FloatArray
    gamma: FloatArray
    vega: FloatArray
    theta: FloatArray
    rho: FloatArray
    vanna: FloatArray | None = None
    volga: FloatArray | None = None
    charm: FloatArray | None = None
    dual_delta: FloatArray | None = None
    dual_gamma: FloatArray | None = None


class CoinGreeks(NamedTuple):
    """Value and raw partials of v = B(F)/F, coin per coin of underlying (undiscounted).

    None of them is the partial in quote currency over F, except those by vol, time and strike
    alone. Those beyond `delta_premium_adjusted` are None where not asked for.

    Attributes
    ----------
    price : coin
    delta : ∂v/∂F = (Δ − v)/F, coin per quote currency
    gamma : ∂²v/∂F² = Γ/F − 2(Δ − v)/F²
    vega : ∂v/∂σ, coin per 1.00 of vol
    theta : −∂v/∂T, coin per year
    delta_premium_adjusted : Δ − v, what hedges the option and the premium paid in coin
    vanna : ∂²v/∂F∂σ = (∂²B/∂F∂σ − ∂v/∂σ)/F
    volga : ∂²v/∂σ²
    charm : −∂²v/∂F∂T, per year
    dual_delta : ∂v/∂K
    dual_gamma : ∂²v/∂K²
    """

    price: FloatArray
    delta: FloatArray
    gamma: FloatArray
    vega: FloatArray
    theta: FloatArray
    delta_premium_adjusted: FloatArray
    vanna: FloatArray | None = None
    volga: FloatArray | None = None
    charm: FloatArray | None = None
    dual_delta: FloatArray | None = None
    dual_gamma: FloatArray | None = None


_FIRST = ("price", "delta", "gamma", "vega", "theta")
_SECOND = ("vanna", "volga", "charm", "dual_delta", "dual_gamma")


def spot_greeks(  # noqa: PLR0917 -- the model's own arguments, in its order
    is_call: Kinds,
    spot: Numbers,
    strike: Numbers,
    years: Numbers,
    vol: Numbers,
    rate: Numbers = 0.0,
    carry: Numbers = 0.0,
    *,
    also: Iterable[str] = (),
    threads: int | None = None,
) -> SpotGreeks:
    """Black–Scholes–Merton on the spot, with a cost of carry.

    `S·exp(bT)` is rounded once before the kernel prices on it, which costs a relative error of
    about `2e-16·(1 + |d₁|/v)`, v = σ√T: more than the kernel's own only where v is below 0.01.

    Parameters
    ----------
    is_call, strike, years, vol, rate, threads : as for `quantdesk.pricing.greeks`
    spot : float or array, quote currency, above 0
    carry : float or array b, continuously compounded: rate less yield, with carry·years within
        ±700; 0 prices on a forward
    also : names of partials beyond the first order: vanna, volga, charm, dual_delta, dual_gamma

    Returns
    -------
    SpotGreeks of float64 arrays of the broadcast shape; rows outside the domain are NaN

    Raises
    ------
    InvalidInput : naming the argument
    """
    more = wanted_names(also, _SECOND)
    s, t, b = together(("spot", "years", "carry"), (spot, years, carry))
    if s.shape == ():
        _check_spot(float(s), float(t), float(b))
    with np.errstate(all="ignore"):
        exponent = np.where(np.abs(b * t) <= _EXPONENT_MAX, b * t, np.nan)
        growth = np.exp(exponent)
        forward = s * growth
        needed = more | {"gamma"} if "charm" in more else more
        names = [name for name in OUTPUTS if name in {*_FIRST, *needed}]
        kernel = greeks(is_call, forward, strike, t, vol, rate, which=names, threads=threads)
        price, delta, gamma, vega, theta = (_given(getattr(kernel, name)) for name in _FIRST)
        # T moves F too: −∂V/∂T|S = −∂V/∂T|F − Δ·b·F. With the yield held, r moves F by T·F.
        drift = b * delta * forward
        vanna = None if kernel.vanna is None else kernel.vanna * growth
        charm = None
        if kernel.charm is not None:
            charm = growth * (kernel.charm - b * (forward * gamma + delta))
        return SpotGreeks(
            price=price,
            delta=delta * growth,
            gamma=gamma * growth * growth,
            vega=vega,
            theta=theta - drift,
            rho=t * (delta * forward - price),
            vanna=vanna,
            volga=kernel.volga,
            charm=charm,
            dual_delta=kernel.dual_delta,
            dual_gamma=kernel.dual_gamma,
        )


def _check_spot(spot: float, years: float, carry: float) -> None:
    """Refuse single numbers by their own names, which the kernel would call a forward."""
    if not (spot > 0.0 and np.isfinite(spot)):
        raise InvalidInput("spot", spot, "must be a finite number above 0")
    if not (years >= 0.0 and np.isfinite(years)):
        raise InvalidInput("years", years, "must be a finite number, 0 or more")
    if not (np.isfinite(carry) and abs(carry * years) <= _EXPONENT_MAX):
        raise InvalidInput("carry", carry, "must be finite, with carry·years within ±700")


def coin_greeks(
    is_call: Kinds,
    forward: Numbers,
    strike: Numbers,
    years: Numbers,
    vol: Numbers,
    *,
    also: Iterable[str] = (),
    threads: int | None = None,
) -> CoinGreeks:
    """Coin-settled option: value in coin and its own partials, which are not those in quote over F.

    Arguments as for `quantdesk.pricing.greeks`, without a rate: coin prices are not discounted.

    Parameters
    ----------
    also : names of partials beyond the first order: vanna, volga, charm, dual_delta, dual_gamma

    Returns
    -------
    CoinGreeks of float64 arrays of the broadcast shape; rows outside the domain are NaN

    Raises
    ------
    InvalidInput : naming the argument
    """
    more = wanted_names(also, _SECOND)
    columns = broadcast(
        is_call, ("forward", "strike", "years", "vol"), (forward, strike, years, vol)
    )
    f, k, t, s = columns.numbers
    if columns.shape == ():
        price_one(bool(columns.is_call), float(f), float(k), float(t), float(s))
    names = {*_FIRST, *more}
    arrays = {name: shelf.take(columns.shape) for name in OUTPUTS if name in names}
    targets = [arrays[name].reshape(-1) if name in names else None for name in OUTPUTS]
    _core.evaluate_coin(columns.is_call, f, k, t, s, targets, thread_count(threads))
    with np.errstate(all="ignore"):
        adjusted = arrays["delta"] * np.reshape(f, columns.shape if np.ndim(f) else ())
    return CoinGreeks(
        **{name: arrays[name] for name in _FIRST},
        delta_premium_adjusted=np.asarray(adjusted),
        **{name: arrays[name] for name in more},
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

    Raises
    ------
    InvalidInput : naming the argument that holds no numbers, or whose shape does not fit
    """
    kinds = as_kinds(is_call)
    s, k = as_numbers("settlement", settlement), as_numbers("strike", strike)
    common_shape({"is_call": kinds.shape, "settlement": s.shape, "strike": k.shape})
    with np.errstate(all="ignore"):
        difference = np.where(kinds != 0, s - k, k - s)
        payoff = np.maximum(difference, 0.0) / s
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
    float64 array of the broadcast shape, NaN where an argument is not finite or outside its domain

    Raises
    ------
    InvalidInput : naming the argument that holds no numbers, or whose shape does not fit
    """
    payoff = coin_payoff(is_call, settlement, strike)
    premiums, quantities = as_numbers("premium", premium), as_numbers("quantity", quantity)
    common_shape({"payoff": payoff.shape, "premium": premiums.shape, "quantity": quantities.shape})
    with np.errstate(all="ignore"):
        profit = np.asarray(quantities * (payoff - premiums))
    return np.where(np.isfinite(premiums) & np.isfinite(quantities), profit, np.nan)


def _where_positive(values: npt.NDArray[np.float64], *arguments: FloatArray) -> FloatArray:
    allowed = np.logical_and.reduce(
        np.broadcast_arrays(*(np.isfinite(x) & (x > 0) for x in arguments))
    )
    return np.where(allowed, values, np.nan)


def _given(array: FloatArray | None) -> FloatArray:
    assert array is not None  # each output was asked for by name
    return array
