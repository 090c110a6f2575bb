"""Stepwise revaluation of one unit of each leg, and the Greek lines of each step.

A step goes from one state to the next. Its first-order line is the *opening* Greek × the whole
move; what that Greek's change along the way adds is a line of its own. The way is walked in
strides, so short that Taylor terms hold: they follow each expiry's own width σ√T and time left.

    delta = Δ₀·ΔF        gamma = Σ(Δᵢ dF + ½Γᵢ dF²) − Δ₀·ΔF
    vega  = ν₀·Δσ        volga = Σ(νᵢ dσ + ½νσᵢ dσ²) − ν₀·Δσ
    theta = Θ₀·Δt        theta drift = Σ ½(Θᵢ + Θᵢ₊₁) dt − Θ₀·Δt
    vanna = Σ vannaᵢ dF dσ
    rho   = Δ₀·ΔF + ∂V/∂r·Δr of the basis step: the forward against its index, and the rate that a
            linear option is discounted at

With one stride gamma, volga and vanna are the textbook's. `one_step` has those of each step: every
Greek of its start × the whole move, with no stride, so that it is seen what strides explain.

Values are coin per coin for inverse options, whose partials are those of V/F, and quote currency
for linear ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from quantdesk import pricing
from quantdesk.market.chain import BoolArray, FloatArray, IntArray
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
    "theta drift",
    "delta",
    "gamma",
    "vega",
    "vanna",
    "volga",
    "rho",
    "mark",
)
"""Lines; `rho` is the first-order line of the basis step: the rate between index and forward, and
the rate of the discount."""

STRIDE_FORWARD = 0.01
STRIDE_WIDTH = 0.1
"""A stride of the forward: at most 1 %, and a tenth of a standard deviation of the expiry."""

STRIDE_VOL = 0.01
STRIDE_LOG = 0.25
"""A stride of the vol: at most one point. Of vol and time left also so much of (1 + d²)·|Δ ln|,
d = |ln K/F|/(σ√T): a wing's value is exp(−d²/2), and follows what changes d."""

DEVIATIONS_MAX = 6.0
"""Beyond so many d there is no value to follow."""

STRIDES_MAX = 128
VOL_LEAST = 0.01
"""Vols on the way are not taken below this; the first and the last are what they are."""

STEP = {name: number for number, name in enumerate(STEPS)}
LINE = {name: number for number, name in enumerate(LINES)}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _State:
    """Forward, years, vol and rate of each option (n,)."""

    forward: FloatArray
    years: FloatArray
    vol: FloatArray
    rate: FloatArray

    def take(self, rows: IntArray) -> _State:
        """Those of `rows`."""
        return _State(
            forward=self.forward[rows],
            years=self.years[rows],
            vol=self.vol[rows],
            rate=self.rate[rows],
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UnitSteps:
    """Change of value of one coin's option or one unit's future: steps (n, s), lines (n, s, l).

    one_step : lines (n, s, l) by the Greeks of each step's start alone
    """

    steps: FloatArray
    lines: FloatArray
    one_step: FloatArray


def option_steps(legs: OptionMoves, vols: VolParts) -> UnitSteps:
    """Steps and lines of one coin's option of each leg, settlement currency."""
    steps = np.zeros((len(legs), len(STEPS)))
    lines = np.zeros((len(legs), len(STEPS), len(LINES)))
    one_step = np.zeros_like(lines)
    if not len(legs):
        return UnitSteps(steps=steps, lines=lines, one_step=one_step)
    state = _start(legs)
    value = _value(legs, state)
    for name, target in _path(legs, vols):
        after = _value(legs, target)
        steps[:, STEP[name]] = after - value
        is_basis = name == "basis"
        lines[:, STEP[name]] = _walk(legs, state, target, is_basis=is_basis)
        one_step[:, STEP[name]] = _one_step(legs, state, target, is_basis=is_basis)
        state, value = target, after
    return UnitSteps(steps=steps, lines=lines, one_step=one_step)


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
    return UnitSteps(steps=steps, lines=lines, one_step=lines.copy())


def _start(legs: OptionMoves) -> _State:
    return _State(
        forward=legs.forward_before,
        years=legs.years_before,
        vol=legs.vol_before,
        rate=legs.rate_before,
    )


def _path(legs: OptionMoves, vols: VolParts) -> list[tuple[str, _State]]:
    """The states after each step that moves the model, in order."""
    later = replace(_start(legs), years=legs.years_after)
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
    path.append(("basis", replace(state, forward=legs.forward_after, rate=legs.rate_after)))
    return path


def _value(legs: OptionMoves, state: _State) -> FloatArray:
    terms = (legs.is_call, state.forward, legs.strike, state.years, state.vol)
    price = np.asarray(pricing.price(*terms, rate=state.rate))
    return np.where(legs.is_inverse, price / state.forward, price)


_MARKET = ("forward", "vol", "rate")


def _walk(legs: OptionMoves, start: _State, stop: _State, *, is_basis: bool) -> FloatArray:
    """Lines (n, l) of the step from `start` to `stop`, each expiry in strides of its own."""
    lines = np.zeros((len(legs), len(LINES)))
    for expiry_ns in np.unique(legs.expiry_ns).tolist():
        rows = np.flatnonzero(legs.expiry_ns == expiry_ns)
        own, first, last = legs.take(rows), start.take(rows), stop.take(rows)
        if (last.years != first.years).any():
            lines[rows] += _walk_time(own, first, last)
        if any((getattr(last, name) != getattr(first, name)).any() for name in _MARKET):
            lines[rows] += _walk_market(own, first, last, is_basis=is_basis)
    return lines


def _one_step(legs: OptionMoves, start: _State, stop: _State, *, is_basis: bool) -> FloatArray:
    """Lines (n, l) of the step by the Greeks of `start` alone, to the second order."""
    lines = np.zeros((len(legs), len(LINES)))
    forward, vol, rate = (getattr(stop, one) - getattr(start, one) for one in _MARKET)
    greeks = _partials(legs, start)
    lines[:, LINE["theta"]] = greeks["theta"] * (start.years - stop.years)
    lines[:, LINE["rho" if is_basis else "delta"]] = greeks["delta"] * forward
    lines[:, LINE["gamma"]] = 0.5 * greeks["gamma"] * forward**2
    lines[:, LINE["vega"]] = greeks["vega"] * vol
    lines[:, LINE["volga"]] = 0.5 * greeks["volga"] * vol**2
    lines[:, LINE["vanna"]] = greeks["vanna"] * forward * vol
    if is_basis:
        lines[:, LINE["rho"]] += _by_rate(legs, start, rate)
    return lines


def _by_rate(legs: OptionMoves, start: _State, rate: FloatArray) -> FloatArray:
    """What the change `rate` of the discount is worth: V = exp(−rT)·Black, ∂V/∂r = −T·V."""
    return np.asarray(-start.years * _value(legs, start) * rate, dtype=np.float64)


def _deviations(legs: OptionMoves, state: _State) -> FloatArray:
    """d = |ln K/F|/(σ√T) of each leg (n,), as far as there is value."""
    width = np.maximum(state.vol * np.sqrt(state.years), np.finfo(np.float64).tiny)
    away = np.abs(np.log(legs.strike / state.forward)) / width
    return np.asarray(np.minimum(away, DEVIATIONS_MAX), dtype=np.float64)


def _strides(wanted: FloatArray) -> int:
    """How many strides the leg takes that wants most of `wanted` (n,)."""
    # A stride and a rounding is one stride.
    return min(max(math.ceil(float(np.max(wanted)) - 1e-6), 1), STRIDES_MAX)


def _walk_time(legs: OptionMoves, start: _State, stop: _State) -> FloatArray:
    """Lines (n, l) of time alone; strides are shorter the nearer the expiry."""
    lines = np.zeros((len(legs), len(LINES)))
    ratio = stop.years / start.years
    change = np.abs(np.log(ratio)) * (1.0 + _deviations(legs, start) ** 2)
    count = _strides(change / STRIDE_LOG)
    before = _partials(legs, start)["theta"]
    # Theta is by time that passes; years are what is left.
    lines[:, LINE["theta"]] = before * (start.years - stop.years)
    years = start.years
    for number in range(1, count + 1):
        left = start.years * ratio ** (number / count)
        after = _partials(legs, replace(start, years=left))["theta"]
        lines[:, LINE["theta drift"]] += 0.5 * (before + after) * (years - left)
        years, before = left, after
    lines[:, LINE["theta drift"]] -= lines[:, LINE["theta"]]
    return lines


def _walk_market(legs: OptionMoves, start: _State, stop: _State, *, is_basis: bool) -> FloatArray:
    """Lines (n, l) of forward and vol, in equal strides."""
    lines = np.zeros((len(legs), len(LINES)))
    forward, vol, rate = (getattr(stop, one) - getattr(start, one) for one in _MARKET)
    count = _market_strides(legs, start, stop)
    d_forward, d_vol = forward / count, vol / count
    first = LINE["rho" if is_basis else "delta"]
    for number in range(count):
        part = number / count
        at = replace(
            start,
            forward=start.forward + forward * part,
            vol=start.vol + vol * part,
            rate=start.rate + rate * part,
        )
        greeks = _partials(legs, at)
        if number == 0:
            lines[:, first] = greeks["delta"] * forward
            lines[:, LINE["vega"]] = greeks["vega"] * vol
        by_forward = greeks["delta"] * d_forward + 0.5 * greeks["gamma"] * d_forward**2
        by_vol = greeks["vega"] * d_vol + 0.5 * greeks["volga"] * d_vol**2
        lines[:, LINE["gamma"]] += by_forward
        lines[:, LINE["volga"]] += by_vol
        lines[:, LINE["vanna"]] += greeks["vanna"] * d_forward * d_vol
    lines[:, LINE["gamma"]] -= lines[:, first]
    lines[:, LINE["volga"]] -= lines[:, LINE["vega"]]
    if is_basis:
        lines[:, LINE["rho"]] += _by_rate(legs, start, rate)
    return lines


def _market_strides(legs: OptionMoves, start: _State, stop: _State) -> int:
    lower, upper = np.minimum(start.vol, stop.vol), np.maximum(start.vol, stop.vol)
    lower = np.maximum(lower, VOL_LEAST)
    width = lower * np.sqrt(start.years)
    move = np.abs(np.log(stop.forward / start.forward))
    away = _deviations(legs, replace(start, vol=upper))
    by_vol = np.log(np.maximum(upper, lower) / lower) * (1.0 + away**2)
    return _strides(
        np.maximum.reduce(
            [
                move / STRIDE_FORWARD,
                move / np.maximum(STRIDE_WIDTH * width, STRIDE_FORWARD / STRIDES_MAX),
                (upper - lower) / STRIDE_VOL,
                by_vol / STRIDE_LOG,
            ]
        )
    )


def _partials(legs: OptionMoves, at: _State) -> dict[str, FloatArray]:
    """Raw partials (n,) of each leg's own face."""
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
            else pricing.greeks(*terms, rate=at.rate[rows], which=names)
        )
        for name in names:
            found[name][rows] = getattr(raw, name)
    return found
