"""The distribution behind a smile: density, moments, variance swap, a 30-day index.

The density of the log-return is `p(k) = g(k) φ(d₂)/√w` under the forward's own measure. The fair
variance of a swap is replicated by out-of-the-money options, `2∫OTM(k) e^{−k} dk`, wings going on
straight beyond the quotes, on the surface's own smile of the date: between expiries total variance
is linear on the variance clock, before the first it is in proportion to the clock's time, and
after the last the forward variance at the money of the last interval is added at every moneyness.
The index is the textbook's: the fair variances of the two expiries that straddle 30 days, linear
in total variance between them. It is not DVOL, whose strike filter is not published.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from quantdesk import pricing
from quantdesk.errors import InvalidInput
from quantdesk.market.chain import FloatArray
from quantdesk.market.fitting import SurfaceFit
from quantdesk.market.variance_clock import NS_PER_DAY
from quantdesk.pricing.smile import Jets, Slice, durrleman, slice_jets

K_REACH = 12.0
"""Integrals go on to this log-moneyness at least, and further where wings carry mass there."""

K_FURTHEST = 384.0
"""No integral goes on beyond: e to more than this leaves no room for products."""

TAIL_MASS = 1e-14
"""Probability beyond an end of an integral that is nothing, under either measure."""

PANELS = 160
NODES = 16
INDEX_DAYS = 30


class Density(NamedTuple):
    """Density of the log-return over `k`, arrays (n,); it integrates to 1, and e^k to 1."""

    k: FloatArray
    density: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Of the log-return: mean, standard deviation, skewness, excess kurtosis.

    `mass` and `forward` are ∫p and ∫eᵏp: 1 for a smile without arbitrage, a check of the rest.
    """

    mass: float
    forward: float
    mean: float
    deviation: float
    skewness: float
    kurtosis: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VarianceSwap:
    """Fair total variance, and the strike as a vol (a fraction, ACT/365)."""

    years: float
    total_variance: float
    vol: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VolIndex:
    """Constant-maturity vol index in vol points, and how it came about."""

    points: float
    days: int
    words: str


class _Rule(NamedTuple):
    """Places and weights of an integral over log-moneyness."""

    k: FloatArray
    weight: FloatArray


def _rule(smile: Slice, low: float | None = None, high: float | None = None) -> _Rule:
    """Gauss-Legendre nodes between the breaks of `smile`: its knots, where the density bends.

    `low` and `high` cut the rule off; without them it goes as far as the wings carry mass.
    """

    def w(k: float) -> float:
        return float(slice_jets(smile, k).w)

    start = -_reach(w, -1.0) if low is None else low
    stop = _reach(w, 1.0) if high is None else high
    return _panels(_width(smile), start, stop, smile.parameters[: smile.knots])


def _panels(width: float, low: float, high: float, breaks: FloatArray) -> _Rule:
    """Gauss-Legendre in u, k = width·sinh(u), on even panels of u that end at 0 and all breaks.

    Panels are dense where a smile of that width bends, and each integrand is smooth on each.
    """
    start, stop = math.asinh(low / width), math.asinh(high / width)
    inner = np.arcsinh(np.append(breaks, 0.0) / width)
    edges = np.union1d(
        np.linspace(start, stop, PANELS + 1), inner[(inner > start) & (inner < stop)]
    )
    node, share = np.polynomial.legendre.leggauss(NODES)
    half = np.diff(edges) / 2
    u = (edges[:-1] + half)[:, None] + half[:, None] * node
    weight = half[:, None] * share * width * np.cosh(u)
    return _Rule(width * np.sinh(u).ravel(), weight.ravel())


def _reach(w: Callable[[float], float], sign: float) -> float:
    """Distance from the money at which too little mass is left on one side to be counted."""
    reach = K_REACH
    while reach < K_FURTHEST:
        root = math.sqrt(w(sign * reach))
        # Φ(−x) of the nearer of both measures' distances; Mills' ratio bounds it from above.
        distance = reach / root - root / 2
        if distance > 0 and math.erfc(distance / math.sqrt(2)) / 2 < TAIL_MASS:
            break
        reach *= 2
    return reach


def density(k: FloatArray, jets: Jets) -> FloatArray:
    """p(k) of a smile with `jets` there; arrays (n,)."""
    root = np.sqrt(jets.w)
    d2 = -k / root - root / 2
    normal = np.exp(-0.5 * d2 * d2) / math.sqrt(2 * math.pi)
    return np.asarray(durrleman(k, jets) * normal / root, dtype=np.float64)


def slice_density(smile: Slice) -> Density:
    """The density of a slice, on log-moneyness from −12 to 12 or as far as its wings carry mass."""
    k = _rule(smile).k
    return Density(k, density(k, slice_jets(smile, k)))


def slice_moments(smile: Slice) -> Moments:
    """Moments of the log-return that a slice implies."""
    rule = _rule(smile)
    return _moments(rule, slice_jets(smile, rule.k))


def date_moments(fit: SurfaceFit, expiry_ns: int) -> Moments:
    """Moments of the log-return to any instant ahead. Raises InvalidInput for one that is not."""
    rule = _date_rule(fit, expiry_ns)
    return _moments(rule, fit.surface.jets(float(fit.clock_years(expiry_ns)), rule.k))


def date_density(fit: SurfaceFit, expiry_ns: int) -> Density:
    """The density of the log-return to any instant ahead, as `slice_density`."""
    k = _date_rule(fit, expiry_ns).k
    years = float(fit.clock_years(expiry_ns))
    return Density(k, density(k, fit.surface.jets(years, k)))


def _moments(rule: _Rule, jets: Jets) -> Moments:
    k, weight = rule
    share = weight * density(k, jets)
    mass = float(share.sum())
    mean = float(share @ k) / mass
    centred = k - mean
    variance = float(share @ centred**2) / mass
    deviation = math.sqrt(variance)
    return Moments(
        mass=mass,
        forward=float(share @ np.exp(k)),
        mean=mean,
        deviation=deviation,
        skewness=float(share @ centred**3) / mass / deviation**3,
        kurtosis=float(share @ centred**4) / mass / variance**2 - 3.0,
    )


def density_price(smile: Slice, k: float, *, is_call: bool) -> float:
    """Undiscounted price over forward of an option at `k`, from the density alone."""
    at, weight = _rule(smile, low=k) if is_call else _rule(smile, high=k)
    payoff = np.abs(np.exp(at) - math.exp(k))
    return float((weight * payoff) @ density(at, slice_jets(smile, at)))


def fair_variance(smile: Slice) -> float:
    """Fair total variance of a variance swap, by replication with out-of-the-money options."""
    rule = _rule(smile)
    return _replicated(rule, slice_jets(smile, rule.k).w)


def variance_swap(fit: SurfaceFit, expiry_ns: int) -> VarianceSwap:
    """The variance swap to any instant ahead. Raises InvalidInput for one that is not."""
    rule = _date_rule(fit, expiry_ns)
    total = _replicated(rule, fit.total_variance(expiry_ns, rule.k))
    years = float(fit.years(expiry_ns))
    return VarianceSwap(years=years, total_variance=total, vol=math.sqrt(total / years))


def _date_rule(fit: SurfaceFit, expiry_ns: int) -> _Rule:
    """As `_rule`, for the surface's smile of any date: breaks are those of all slices."""
    if expiry_ns <= fit.as_of_ns:
        raise InvalidInput("expiry_ns", expiry_ns, f"must be after {fit.as_of_ns}, the surface's")

    def w(k: float) -> float:
        return float(fit.total_variance(expiry_ns, np.array(k)))

    breaks = np.concatenate([each.smile.parameters[: each.smile.knots] for each in fit.slices])
    return _panels(math.sqrt(w(0.0)), -_reach(w, -1.0), _reach(w, 1.0), breaks)


def thirty_day_index(fit: SurfaceFit, days: int = INDEX_DAYS) -> VolIndex:
    """Our constant-maturity index of `days` days, in vol points.

    Between two expiries the fair variance of each by replication, linear in total variance on the
    surface's clock; at one its own. Before the first expiry and after the last there is none to
    straddle with: there it is the variance swap of the surface's own smile of that date, and the
    words say so. Raises InvalidInput for a number of days that is not above 0.
    """
    if days <= 0:
        raise InvalidInput("days", days, "must be above 0")
    target_ns = fit.as_of_ns + days * NS_PER_DAY
    total, words = _fair_at(fit, target_ns)
    return VolIndex(
        points=100.0 * math.sqrt(total / float(fit.years(target_ns))),
        days=days,
        words=f"quantdesk {days}-day index (replicated, not DVOL), {words}",
    )


def _fair_at(fit: SurfaceFit, target_ns: int) -> tuple[float, str]:
    """Fair total variance to a date as the index takes it, and how it comes about."""
    if fit.slice_at(target_ns) is not None:
        return variance_swap(fit, target_ns).total_variance, date_words(fit, target_ns)
    shorter = next((each for each in reversed(fit.slices) if each.expiry_ns < target_ns), None)
    longer = next((each for each in fit.slices if each.expiry_ns > target_ns), None)
    if shorter is None or longer is None:
        words = f"no two expiries around it, {date_words(fit, target_ns)}"
        return variance_swap(fit, target_ns).total_variance, words
    at = float(fit.clock_years(target_ns))
    share = (at - shorter.clock_years) / (longer.clock_years - shorter.clock_years)
    total = (1.0 - share) * fair_variance(shorter.smile) + share * fair_variance(longer.smile)
    return total, (
        f"fair variances of {shorter.years * 365:.1f} and {longer.years * 365:.1f} days, linear in "
        "variance on the clock"
    )


def date_words(fit: SurfaceFit, expiry_ns: int) -> str:
    """Where a date stands among the expiries of a surface, and so how its smile comes about."""
    below = [each for each in fit.slices if each.expiry_ns <= expiry_ns]
    above = [each for each in fit.slices if each.expiry_ns > expiry_ns]
    if below and below[-1].expiry_ns == expiry_ns:
        return "a listed expiry"
    if not below:
        return (
            f"before the first expiry, of {above[0].years * 365:.1f} days: variance in proportion "
            "to the clock's time"
        )
    if not above:
        return (
            f"after the last expiry, of {below[-1].years * 365:.1f} days: its variance, grown at "
            f"every moneyness by {_growth_words(fit)}; the forward stays that of the last expiry"
        )
    return (
        f"between {below[-1].years * 365:.1f} and {above[0].years * 365:.1f} days, linear in "
        "variance on the clock"
    )


def _growth_words(fit: SurfaceFit) -> str:
    if len(fit.slices) == 1:
        return "its own variance at the money"
    return "the forward variance at the money of the last interval"


def _width(smile: Slice) -> float:
    """Standard deviation at the money."""
    return math.sqrt(float(slice_jets(smile, 0.0).w))


def _replicated(rule: _Rule, w: FloatArray) -> float:
    # The kink from put to call is at k = 0, where two panels meet.
    k = rule.k
    price = np.asarray(pricing.price(k >= 0, 1.0, np.exp(k), 1.0, np.sqrt(w), 0.0))
    return 2.0 * float((rule.weight * price) @ np.exp(-k))
