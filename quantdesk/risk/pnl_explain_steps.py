"""Stepwise revaluation of one unit of each leg, and the Greek lines of each step.

A step goes from one state to the next along a straight line, in equal strides of at most an hour of
time, 1 % of the forward and one vol point. Lines are Taylor terms with Greeks taken at the start of
each stride. The first-order line of a step is its *opening* Greek × the whole move; what that
Greek's change along the way adds is in the second-order line:

    delta = Δ₀·ΔF        gamma = Σ(Δᵢ dF + ½Γᵢ dF²) − Δ₀·ΔF
    vega  = ν₀·Δσ        volga = Σ(νᵢ dσ + ½νσᵢ dσ²) − ν₀·Δσ
    vanna = Σ vannaᵢ dF dσ                     theta = Σ Θᵢ dt

so that with one stride they are the textbook's. Values are coin per coin for inverse options, whose
partials are those of V/F, and quote currency for linear ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from quantdesk import pricing
from quantdesk.market.chain import BoolArray, FloatArray
from quantdesk.risk.columns import DAYS_PER_YEAR
from quantdesk.risk.pnl_explain_legs import OptionMoves
from quantdesk.risk.pnl_explain_vols import VolParts

STEPS = (
    "cash",
    "time",
    "forward",
    "vol level",
    "vol skew",
    "vol curvature",
    "vol term",
    "vol strike",
    "basis",
    "mark",
)
"""Steps in their order."""

LINES = (
    "trades",
    "expiry",
    "fees",
    "funding",
    "theta",
    "delta",
    "gamma",
    "vega",
    "vanna",
    "volga",
    "rho",
    "mark",
)
"""Lines; `rho` is the first-order line of the basis step: the rate between index and forward."""

STRIDE_YEARS = 1.0 / (24.0 * DAYS_PER_YEAR)
STRIDE_FORWARD = 0.01
STRIDE_VOL = 0.01
STRIDES_MAX = 96
VOL_LEAST = 0.01
"""Vols on the way are not taken below this; the first and the last are what they are."""

STEP = {name: number for number, name in enumerate(STEPS)}
LINE = {name: number for number, name in enumerate(LINES)}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _State:
    """Forward, years and vol of each option (n,)."""

    forward: FloatArray
    years: FloatArray
    vol: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UnitSteps:
    """Change of value of one coin's option or one unit's future: steps (n, s), lines (n, s, l)."""

    steps: FloatArray
    lines: FloatArray


def option_steps(legs: OptionMoves, vols: VolParts) -> UnitSteps:
    """Steps and lines of one coin's option of each leg, settlement currency."""
    steps = np.zeros((len(legs), len(STEPS)))
    lines = np.zeros((len(legs), len(STEPS), len(LINES)))
    if not len(legs):
        return UnitSteps(steps=steps, lines=lines)
    state = _State(forward=legs.forward_before, years=legs.years_before, vol=legs.vol_before)
    value = _value(legs, state)
    for name, target in _path(legs, vols):
        after = _value(legs, target)
        steps[:, STEP[name]] = after - value
        lines[:, STEP[name]] = _walk(legs, state, target, is_basis=name == "basis")
        state, value = target, after
    return UnitSteps(steps=steps, lines=lines)


def contract_steps(
    prices: FloatArray, moves: FloatArray, after: FloatArray, is_inverse: BoolArray
) -> UnitSteps:
    """Steps and lines of a unit of each future (n,): its price moved with the index, then basis.

    An inverse contract of one dollar is worth −1/P coins.
    """
    steps = np.zeros((prices.size, len(STEPS)))
    lines = np.zeros((prices.size, len(STEPS), len(LINES)))
    before = prices
    for name, target in (("forward", prices * moves), ("basis", after)):
        change = target - before
        delta = np.where(is_inverse, 1.0 / before**2, 1.0)
        gamma = np.where(is_inverse, -2.0 / before**3, 0.0)
        steps[:, STEP[name]] = np.where(is_inverse, 1.0 / before - 1.0 / target, change)
        first = LINE["rho" if name == "basis" else "delta"]
        lines[:, STEP[name], first] = delta * change
        lines[:, STEP[name], LINE["gamma"]] = 0.5 * gamma * change**2
        before = target
    return UnitSteps(steps=steps, lines=lines)


def _path(legs: OptionMoves, vols: VolParts) -> list[tuple[str, _State]]:
    """The states after each step that moves the model, in order."""
    start = _State(forward=legs.forward_before, years=legs.years_before, vol=legs.vol_before)
    later = replace(start, years=legs.years_after)
    moved = legs.forward_before * legs.index_after / legs.index_before
    state = replace(later, forward=moved, vol=vols.ruled)
    path = [("time", later), ("forward", state)]
    wanted = vols.ruled
    names = ("vol level", "vol skew", "vol curvature", "vol term")
    for number, name in enumerate(names):
        wanted = wanted + vols.parts[:, number]
        # A row whose surface said nothing keeps its vol to the bit.
        vol = np.where(vols.is_shaped, np.maximum(wanted, VOL_LEAST), state.vol)
        state = replace(state, vol=vol)
        path.append((name, state))
    state = replace(state, vol=legs.vol_after)
    path.append(("vol strike", state))
    path.append(("basis", replace(state, forward=legs.forward_after)))
    return path


def _value(legs: OptionMoves, state: _State) -> FloatArray:
    price = np.asarray(
        pricing.price(legs.is_call, state.forward, legs.strike, state.years, state.vol)
    )
    return np.where(legs.is_inverse, price / state.forward, price)


def _strides(start: _State, stop: _State) -> int:
    """How many strides the largest move of any leg takes."""
    wanted = max(
        float(np.max(np.abs(stop.years - start.years))) / STRIDE_YEARS,
        float(np.max(np.abs(np.log(stop.forward / start.forward)))) / STRIDE_FORWARD,
        float(np.max(np.abs(stop.vol - start.vol))) / STRIDE_VOL,
    )
    # A stride of an hour and a rounding is one of an hour.
    return min(max(math.ceil(wanted - 1e-6), 1), STRIDES_MAX)


def _walk(legs: OptionMoves, start: _State, stop: _State, *, is_basis: bool) -> FloatArray:
    """Lines (n, l) of the step from `start` to `stop`."""
    lines = np.zeros((len(legs), len(LINES)))
    forward, vol = stop.forward - start.forward, stop.vol - start.vol
    years = stop.years - start.years
    if not (forward.any() or vol.any() or years.any()):
        return lines
    count = _strides(start, stop)
    first = LINE["rho" if is_basis else "delta"]
    for number in range(count):
        greeks = _partials(legs, start, stop, number / count)
        d_forward, d_vol = forward / count, vol / count
        if number == 0:
            lines[:, first] = greeks["delta"] * forward
            lines[:, LINE["vega"]] = greeks["vega"] * vol
        by_forward = greeks["delta"] * d_forward + 0.5 * greeks["gamma"] * d_forward**2
        by_vol = greeks["vega"] * d_vol + 0.5 * greeks["volga"] * d_vol**2
        lines[:, LINE["gamma"]] += by_forward
        lines[:, LINE["volga"]] += by_vol
        lines[:, LINE["vanna"]] += greeks["vanna"] * d_forward * d_vol
        # Theta is by time that passes; years are what is left.
        lines[:, LINE["theta"]] -= greeks["theta"] * years / count
    lines[:, LINE["gamma"]] -= lines[:, first]
    lines[:, LINE["volga"]] -= lines[:, LINE["vega"]]
    return lines


def _partials(legs: OptionMoves, start: _State, stop: _State, part: float) -> dict[str, FloatArray]:
    """Raw partials (n,) of each leg's own face at a part of the way."""
    at = _State(
        forward=start.forward + (stop.forward - start.forward) * part,
        years=start.years + (stop.years - start.years) * part,
        vol=start.vol + (stop.vol - start.vol) * part,
    )
    names = ("delta", "gamma", "vega", "theta", "vanna", "volga")
    found = {name: np.zeros(len(legs)) for name in names}
    for is_inverse in (True, False):
        rows = np.flatnonzero(legs.is_inverse == is_inverse)
        if not rows.size:
            continue
        terms = (
            legs.is_call[rows],
            at.forward[rows],
            legs.strike[rows],
            at.years[rows],
            at.vol[rows],
        )
        raw = (
            pricing.coin_greeks(*terms, also=("vanna", "volga"))
            if is_inverse
            else pricing.greeks(*terms, which=names)
        )
        for name in names:
            found[name][rows] = getattr(raw, name)
    return found
