"""What traders ask of a surface: vol at a delta, ATM, risk reversals, butterflies, forward vols.

ATM is at the forward (k = 0). Deltas are forward deltas with the smile's own vol: Black's N(d₁),
or the premium-adjusted one of coin-settled options, N(d₁) − C/F. RR = call vol − put vol, BF = mean
of both − ATM. Everything works at any instant ahead, listed or not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from quantdesk.errors import InvalidInput, OutOfDomain
from quantdesk.market.fitting import SurfaceFit
from quantdesk.pricing.smile import Jets

K_REACH = 12.0
"""Log-moneyness between which a delta is looked for: a factor of 160,000 each way."""

BISECTIONS = 80
NORMAL = NormalDist()


@dataclass(frozen=True, slots=True, kw_only=True)
class SmilePoint:
    """One point of a surface: vol as a fraction, `k = ln(K/F)`, strike in quote currency."""

    expiry_ns: int
    k: float
    strike: float
    vol: float
    total_variance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TermPoint:
    """One expiry of a term structure: fractions; years ACT/365 and on the variance clock."""

    expiry_ns: int
    years: float
    clock_years: float
    forward: float
    atm: float
    risk_reversal: float
    butterfly: float


def point_at_moneyness(fit: SurfaceFit, expiry_ns: int, k: float) -> SmilePoint:
    """The surface at `k`, from −12 to 12.

    Raises InvalidInput for another `k`, and for an instant not ahead of the surface's.
    """
    _check_ahead(fit, expiry_ns)
    _check_moneyness(k)
    w = float(fit.total_variance(expiry_ns, np.array(k)))
    years = float(fit.years(expiry_ns))
    strike = float(fit.forward(expiry_ns)) * math.exp(k)
    return SmilePoint(
        expiry_ns=expiry_ns, k=k, strike=strike, vol=math.sqrt(w / years), total_variance=w
    )


def point_at_strike(fit: SurfaceFit, expiry_ns: int, strike: float) -> SmilePoint:
    """The surface at `strike`. Raises InvalidInput for one not above 0, or an instant not ahead."""
    if not (math.isfinite(strike) and strike > 0):
        raise InvalidInput("strike", strike, "must be finite and above 0")
    return point_at_moneyness(fit, expiry_ns, math.log(strike / float(fit.forward(expiry_ns))))


def point_at_delta(
    fit: SurfaceFit, expiry_ns: int, delta: float, *, premium_adjusted: bool = False
) -> SmilePoint:
    """The point whose option has `delta`: a call's above 0, a put's below.

    A premium-adjusted call delta is met twice; the higher strike is meant. Raises InvalidInput
    for a delta outside −1 to 1 (or 0), OutOfDomain where the smile has no such option.
    """
    _check_ahead(fit, expiry_ns)
    if not (0 < abs(delta) < 1):
        raise InvalidInput("delta", delta, "must be inside -1 to 1 and not 0")
    low, high = -K_REACH, K_REACH
    if premium_adjusted and delta > 0:
        low = _call_peak(fit, expiry_ns)
    at_low, at_high = (
        _delta_at(fit, expiry_ns, k, is_call=delta > 0, premium_adjusted=premium_adjusted)
        for k in (low, high)
    )
    if not at_high <= delta <= at_low:
        raise OutOfDomain(f"delta {delta:g}: this smile's go from {at_high:.4f} to {at_low:.4f}")
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        here = _delta_at(
            fit, expiry_ns, middle, is_call=delta > 0, premium_adjusted=premium_adjusted
        )
        low, high = (middle, high) if here > delta else (low, middle)
    return point_at_moneyness(fit, expiry_ns, 0.5 * (low + high))


def atm_vol(fit: SurfaceFit, expiry_ns: int) -> float:
    """Vol at the forward, a fraction."""
    return point_at_moneyness(fit, expiry_ns, 0.0).vol


def risk_reversal(
    fit: SurfaceFit, expiry_ns: int, delta: float = 0.25, *, premium_adjusted: bool = False
) -> float:
    """Vol of the `delta` call less that of the put, a fraction."""
    call, put = _both_sides(fit, expiry_ns, delta, premium_adjusted)
    return call - put


def butterfly(
    fit: SurfaceFit, expiry_ns: int, delta: float = 0.25, *, premium_adjusted: bool = False
) -> float:
    """Mean vol of the `delta` call and put less ATM, a fraction."""
    call, put = _both_sides(fit, expiry_ns, delta, premium_adjusted)
    return 0.5 * (call + put) - atm_vol(fit, expiry_ns)


def term_structure(
    fit: SurfaceFit, expiries_ns: Sequence[int] | None = None, *, delta: float = 0.25
) -> tuple[TermPoint, ...]:
    """ATM, RR and BF of each instant; of the fitted expiries where none are given."""
    instants = expiries_ns or [each.expiry_ns for each in fit.slices]
    found = []
    for expiry_ns in instants:
        atm = atm_vol(fit, expiry_ns)
        call, put = _both_sides(fit, expiry_ns, delta, premium_adjusted=False)
        found.append(
            TermPoint(
                expiry_ns=expiry_ns,
                years=float(fit.years(expiry_ns)),
                clock_years=float(fit.clock_years(expiry_ns)),
                forward=float(fit.forward(expiry_ns)),
                atm=atm,
                risk_reversal=call - put,
                butterfly=0.5 * (call + put) - atm,
            )
        )
    return tuple(found)


def forward_vol(fit: SurfaceFit, start_ns: int, end_ns: int, k: float = 0.0) -> float:
    """Vol between two instants at constant `k`: √((w₂ − w₁)/(T₂ − T₁)), ACT/365.

    `start_ns` may be the surface's own moment. Raises InvalidInput for an end not after the start,
    and for a `k` that is not from −12 to 12.
    """
    _check_moneyness(k)
    if not fit.as_of_ns <= start_ns < end_ns:
        raise InvalidInput("start_ns", start_ns, f"must be from {fit.as_of_ns} to before {end_ns}")
    far = float(fit.total_variance(end_ns, np.array(k)))
    years, near = float(fit.years(end_ns)), 0.0
    if start_ns > fit.as_of_ns:
        years -= float(fit.years(start_ns))
        near = float(fit.total_variance(start_ns, np.array(k)))
    return math.sqrt(max(far - near, 0.0) / years)


def jets_at(fit: SurfaceFit, expiry_ns: int, k: np.ndarray) -> Jets:
    """w, dw/dk and d²w/dk² at one instant, arrays of k's shape."""
    _check_ahead(fit, expiry_ns)
    return fit.surface.jets(float(fit.clock_years(expiry_ns)), k)


def _both_sides(
    fit: SurfaceFit, expiry_ns: int, delta: float, premium_adjusted: bool
) -> tuple[float, float]:
    if not 0 < delta < 1:
        raise InvalidInput("delta", delta, "must be inside 0 to 1")
    call, put = (
        point_at_delta(fit, expiry_ns, sign * delta, premium_adjusted=premium_adjusted).vol
        for sign in (1.0, -1.0)
    )
    return call, put


def _delta_at(
    fit: SurfaceFit, expiry_ns: int, k: float, *, is_call: bool, premium_adjusted: bool
) -> float:
    root = math.sqrt(float(fit.total_variance(expiry_ns, np.array(k))))
    d1 = -k / root + root / 2
    if premium_adjusted:
        # N(d1) − C/F = e^k N(d2), and for a put −e^k N(−d2).
        d2 = d1 - root
        return math.exp(k) * (NORMAL.cdf(d2) if is_call else -NORMAL.cdf(-d2))
    return NORMAL.cdf(d1) if is_call else -NORMAL.cdf(-d1)


def _call_peak(fit: SurfaceFit, expiry_ns: int) -> float:
    """Where the premium-adjusted call delta is largest: it falls to both sides of it."""
    width = math.sqrt(float(fit.total_variance(expiry_ns, np.array(0.0))))
    k = width * np.sinh(np.linspace(-4.0, 4.0, 801))
    root = np.sqrt(fit.total_variance(expiry_ns, k))
    d2 = -k / root - root / 2
    deltas = [math.exp(at) * NORMAL.cdf(d) for at, d in zip(k.tolist(), d2.tolist(), strict=True)]
    return float(k[int(np.argmax(deltas))])


def _check_moneyness(k: float) -> None:
    if not abs(k) <= K_REACH:
        raise InvalidInput("log_moneyness", k, f"must be from -{K_REACH:g} to {K_REACH:g}")


def _check_ahead(fit: SurfaceFit, expiry_ns: int) -> None:
    if expiry_ns <= fit.as_of_ns:
        raise InvalidInput("expiry_ns", expiry_ns, f"must be after {fit.as_of_ns}, the surface's")
