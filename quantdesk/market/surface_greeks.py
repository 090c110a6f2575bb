"""Greeks on a surface: what the vol of a fixed strike does when the forward moves.

`dσ/d ln F` at fixed strike is `(R − 1) ∂σ/∂k`: R is the skew-stickiness ratio. R = 1 keeps the vol
of a strike (sticky strike), R = 0 that of a moneyness (sticky delta), R = 2 is what a local-vol
model of short expiries does with the surface's own skew. Theta rolls one calendar day down the
variance clock at fixed strike and forward.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

import numpy as np

from quantdesk import pricing
from quantdesk.errors import InvalidInput
from quantdesk.market.chain import BoolArray, FloatArray
from quantdesk.market.fitting import SurfaceFit
from quantdesk.market.surface_points import jets_at
from quantdesk.market.variance_clock import NS_PER_DAY

VOL_POINT = 0.01
FORWARD_BUMP = 1e-4
"""Relative move of the forward for second differences: small, and far above rounding."""

STICKINESS_MAX = 100.0
"""Ratio up to which the bump slides the smile by no more than a hundredth of log-moneyness."""


class Stickiness(Enum):
    """What stays when the forward moves; the value is the skew-stickiness ratio R."""

    DELTA = 0.0
    STRIKE = 1.0
    SURFACE = 2.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SurfaceGreeks:
    """Of one coin of underlying, quote currency; arrays (n,).

    delta : with the vol moving as R says;  black_delta : with it fixed
    gamma : of that delta, per unit of forward
    vega_per_point : for one vol point
    theta_per_day : one calendar day on, forward and smile by moneyness kept
    skew : ∂σ/∂k at the strike;  vol : a fraction
    """

    price: FloatArray
    delta: FloatArray
    black_delta: FloatArray
    gamma: FloatArray
    vega_per_point: FloatArray
    theta_per_day: FloatArray
    vol: FloatArray
    skew: FloatArray


def surface_greeks(
    fit: SurfaceFit,
    expiry_ns: int,
    strikes: FloatArray,
    is_call: BoolArray,
    stickiness: Stickiness | float = Stickiness.STRIKE,
) -> SurfaceGreeks:
    """Greeks of options (n,) of one expiry. `stickiness` may be any ratio R from −100 to 100.

    Raises InvalidInput for another ratio, and for an instant not ahead of the surface's.
    """
    ratio = stickiness.value if isinstance(stickiness, Stickiness) else float(stickiness)
    if not abs(ratio) <= STICKINESS_MAX:
        rule = f"must be a ratio from -{STICKINESS_MAX:g} to {STICKINESS_MAX:g}"
        raise InvalidInput("stickiness", stickiness, rule)
    forward, years = float(fit.forward(expiry_ns)), float(fit.years(expiry_ns))
    k = np.log(strikes / forward)
    jets = jets_at(fit, expiry_ns, k)
    vol = np.sqrt(jets.w / years)
    skew = jets.dw / (2.0 * vol * years)
    raw = pricing.greeks(
        is_call, forward, strikes, years, vol, which=("price", "delta", "gamma", "vega")
    )
    assert raw.price is not None
    assert raw.delta is not None
    assert raw.vega is not None
    by_forward = (ratio - 1.0) * skew / forward
    delta = raw.delta + raw.vega * by_forward
    prices = []
    for move in (-FORWARD_BUMP, FORWARD_BUMP):
        # The smile slides under a strike by (1 − R) of the forward's own move.
        slide = (ratio - 1.0) * float(np.log1p(move))
        moved = np.sqrt(jets_at(fit, expiry_ns, k + slide).w / years)
        there = pricing.price(is_call, forward * (1.0 + move), strikes, years, moved, 0.0)
        prices.append(np.asarray(there))
    gamma = (prices[0] - 2.0 * raw.price + prices[1]) / (forward * FORWARD_BUMP) ** 2
    return SurfaceGreeks(
        price=raw.price,
        delta=delta,
        black_delta=raw.delta,
        gamma=gamma,
        vega_per_point=raw.vega * VOL_POINT,
        theta_per_day=_rolled(fit, expiry_ns, strikes, is_call) - raw.price,
        vol=vol,
        skew=skew,
    )


class RollDown(NamedTuple):
    """What one calendar day does to options (n,) that roll down the surface as it stands.

    The forward is held at that of the option's own expiry, and so is its strike: the vol is the
    one that the surface now has at the same ln(K/F) for a date one day nearer.

    vol_change : vol there less the vol now, a fraction; NaN where no day is left
    price_change : value then less now, one coin in quote currency: decay and roll together
    beyond_theta : the part of it that the smile's own decay (`theta_per_day`) does not hold: what
        the slope of the term structure adds
    """

    vol_change: FloatArray
    price_change: FloatArray
    beyond_theta: FloatArray


def roll_down(fit: SurfaceFit, expiry_ns: int, strikes: FloatArray, is_call: BoolArray) -> RollDown:
    """The roll-down of options (n,) of one expiry over one calendar day.

    Raises InvalidInput for an instant not ahead of the surface's.
    """
    forward, years = float(fit.forward(expiry_ns)), float(fit.years(expiry_ns))
    k = np.log(strikes / forward)
    w = jets_at(fit, expiry_ns, k).w
    now = np.asarray(pricing.price(is_call, forward, strikes, 1.0, np.sqrt(w), 0.0))
    decayed = _rolled(fit, expiry_ns, strikes, is_call)
    nearer_ns = expiry_ns - NS_PER_DAY
    if nearer_ns <= fit.as_of_ns:
        return RollDown(np.full(k.shape, np.nan), decayed - now, np.zeros(k.shape))
    there = jets_at(fit, nearer_ns, k).w
    rolled = np.asarray(pricing.price(is_call, forward, strikes, 1.0, np.sqrt(there), 0.0))
    vols = np.sqrt(there / float(fit.years(nearer_ns)))
    return RollDown(vols - np.sqrt(w / years), rolled - now, rolled - decayed)


def _rolled(fit: SurfaceFit, expiry_ns: int, strikes: FloatArray, is_call: BoolArray) -> FloatArray:
    """Prices one calendar day on: total variance falls by what the clock says the day holds."""
    forward = float(fit.forward(expiry_ns))
    left_ns = expiry_ns - fit.as_of_ns - NS_PER_DAY
    if left_ns <= 0:
        inside = np.where(is_call, forward - strikes, strikes - forward)
        return np.asarray(np.maximum(inside, 0.0), dtype=np.float64)
    whole = float(fit.clock_years(expiry_ns))
    left = float(fit.clock.years(fit.reference_ns + NS_PER_DAY, expiry_ns))
    w = fit.total_variance(expiry_ns, np.log(strikes / forward)) * (left / whole)
    return np.asarray(pricing.price(is_call, forward, strikes, 1.0, np.sqrt(w), 0.0))
