"""Moving a surface: level, skew, curvature and term, and what comes out is free of arbitrage.

A shocked smile is asked for in vols: at each slice's own quotes, across it and out on its wings. It
is fitted like quotes under the same constraints. Where arbitrage stands in the way the nearest
smile without it comes back, and `gap` says how far it lies from what was asked: nothing is repaired
in silence. A shock of nothing gives the surface itself.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, fields, replace

import numpy as np

from quantdesk.errors import InvalidInput, OutOfDomain
from quantdesk.market.chain import FloatArray
from quantdesk.market.fitting import AppliedShock, SliceFit, SurfaceFit
from quantdesk.market.fitting_grades import (
    between_flags,
    common_grid_faults,
    grade_slice,
    worst_grade,
)
from quantdesk.pricing.smile import COMMON_GRID, HALF_SPREAD_FLOOR, Slice, slice_jets
from quantdesk.pricing.surface import FittedSlice, SliceQuotes, VarianceSurface, fit_slices

POINTS = 41
DEVIATIONS = 4.0
"""Points lie evenly over so many standard deviations to each side of the money."""

WING_STEP = 1.1
"""Ratio of one point to the one before on the wings, out to the end of the common grid."""

WING_TRUST = 0.1
"""Share of a full weight of points that are neither at a quote nor near the money."""

HALF_WIDTH = 0.0005
"""Half-width of the band around an asked vol: a twentieth of a vol point."""

VOL_LEAST = 0.01
TERM_YEARS = 30.0 / 365.0
SMOOTHING = 0.05
SHOCK_MAX = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SurfaceShock:
    """What to add, in vol as a fraction; x = k in standard deviations at the money, at most ±4.

    level : everywhere
    skew : times −x/√(1 + x²/4): above 0 puts rise and calls fall, by 0.89 of it at one deviation
    curvature : times x²/(1 + |x|): both wings rise
    term : times √(30 days/T): the front moves more than the back
    """

    level: float = 0.0
    skew: float = 0.0
    curvature: float = 0.0
    term: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not (math.isfinite(value) and abs(value) <= SHOCK_MAX):
                raise InvalidInput(field.name, value, "must be a vol from -5 to 5, a fraction")

    @property
    def is_nothing(self) -> bool:
        """Whether it moves no vol."""
        return not any(getattr(self, field.name) for field in fields(self))

    def words(self) -> str:
        """The shock as a phrase in vol points: "level +5, skew -2"."""
        moved = [(field.name, 100 * getattr(self, field.name)) for field in fields(self)]
        return ", ".join(f"{name} {points:+.4g}" for name, points in moved if points)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShockedSurface:
    """The surface after a shock, and the largest distances of a vol from what was asked.

    gap, quoted_gap : as those of `AppliedShock`
    """

    fit: SurfaceFit
    gap: float
    quoted_gap: float


def shock_surface(fit: SurfaceFit, shock: SurfaceShock) -> ShockedSurface:
    """`fit` moved by `shock`, free of arbitrage; `fit` itself where the shock is nothing.

    Vols are not asked below 1 %. It is not scored against quotes: shares inside and residuals are
    NaN, and grades say how much of what was asked it has. Raises OutOfDomain where a slice can not
    be found.
    """
    if shock.is_nothing:
        return ShockedSurface(fit=fit, gap=0.0, quoted_gap=0.0)
    found = fit_slices(
        [_asked(each, shock) for each in fit.slices], smoothing=SMOOTHING, floor=HALF_WIDTH
    )
    slices, misses, gap = [], [], 0.0
    for each, fitted in zip(fit.slices, found, strict=True):
        if fitted.smile is None:
            days = each.years * 365
            raise OutOfDomain(f"shock: no slice of {days:.1f} days can be found: {fitted.reason}")
        missed = _misses(each, shock, fitted.smile, _quoted(each))
        misses.append(missed)
        gap = max(gap, float(_misses(each, shock, fitted.smile, COMMON_GRID).max()))
        slices.append(_moved_slice(each, fitted, fitted.smile, missed))
    all_misses = np.concatenate(misses)
    quoted_gap = float(all_misses.max()) if all_misses.size else 0.0
    applied = AppliedShock(
        words=shock.words(), gap=max(gap, quoted_gap), quoted_gap=quoted_gap, met=_met(all_misses)
    )
    digest = hashlib.sha256(f"{fit.digest} {shock!r}".encode()).hexdigest()
    moved = _moved_surface(fit, slices, applied, digest)
    return ShockedSurface(fit=moved, gap=applied.gap, quoted_gap=quoted_gap)


def _moved_slice(each: SliceFit, fitted: FittedSlice, smile: Slice, missed: FloatArray) -> SliceFit:
    own = slice_jets(smile, each.quotes.log_moneyness).w
    return replace(
        each,
        model="shocked",
        smile=smile,
        coefficients=fitted.coefficients,
        fit_iv=np.sqrt(own / each.years),
        residual=np.full(each.residual.size, np.nan),
        is_inside=np.zeros(each.is_inside.size, dtype=np.bool_),
        in_spread=math.nan,
        in_spread_core=math.nan,
        rmse=math.nan,
        rmse_core=math.nan,
        atm_iv=math.sqrt(float(slice_jets(smile, 0.0).w) / each.years),
        g_min=fitted.g_min,
        calendar_slack=fitted.calendar_slack,
        fallback=fitted.reason,
        grade=grade_slice(_met(missed), fitted, each.flags),
        fitted=None,
    )


def _moved_surface(
    fit: SurfaceFit, slices: list[SliceFit], applied: AppliedShock, digest: str
) -> SurfaceFit:
    smiles = [(each.expiry_ns, each.smile) for each in slices]
    faults = common_grid_faults(smiles)
    return replace(
        fit,
        slices=tuple(slices),
        digest=digest,
        in_spread=math.nan,
        in_spread_core=math.nan,
        rmse=math.nan,
        rmse_core=math.nan,
        g_min=min(each.g_min for each in slices),
        calendar_slack=min(each.calendar_slack for each in slices),
        faults=faults,
        grade=worst_grade(applied.met, [each.grade for each in slices], faults),
        between=between_flags(smiles),
        surface=VarianceSurface(
            [each.clock_years for each in slices], [each.smile for each in slices]
        ),
        shock=applied,
    )


def _asked(each: SliceFit, shock: SurfaceShock) -> SliceQuotes:
    width = each.atm_iv * math.sqrt(each.years)
    reach = DEVIATIONS * width
    steps = int(math.log(max(float(COMMON_GRID[-1]) / reach, 1.0)) / math.log(WING_STEP))
    wing = reach * WING_STEP ** np.arange(1.0, steps + 1)
    near = np.linspace(-reach, reach, POINTS)
    quoted = _quoted(each)
    k = np.unique(np.concatenate([-wing, near, wing, quoted]))
    vol = _wanted(each, shock, k)
    trust = np.where((np.abs(k) <= reach) | np.isin(k, quoted), 1.0, WING_TRUST)
    return SliceQuotes(
        years=each.years,
        log_moneyness=k,
        bid_iv=vol - HALF_WIDTH,
        ask_iv=vol + HALF_WIDTH,
        trust=trust,
    )


def _quoted(each: SliceFit) -> FloatArray:
    """Places of the two-sided quotes, used or not."""
    return np.asarray(each.quotes.log_moneyness[each.quotes.is_scored], dtype=np.float64)


def _wanted(each: SliceFit, shock: SurfaceShock, k: FloatArray) -> FloatArray:
    """Vols (n,) that `shock` asks for at `k`."""
    x = np.clip(k / (each.atm_iv * math.sqrt(each.years)), -DEVIATIONS, DEVIATIONS)
    vol = (
        np.sqrt(slice_jets(each.smile, k).w / each.years)
        + shock.level
        - shock.skew * x / np.sqrt(1.0 + x * x / 4.0)
        + shock.curvature * x * x / (1.0 + np.abs(x))
        + shock.term * math.sqrt(TERM_YEARS / each.years)
    )
    return np.asarray(np.maximum(vol, VOL_LEAST), dtype=np.float64)


def _misses(each: SliceFit, shock: SurfaceShock, smile: Slice, k: FloatArray) -> FloatArray:
    """Distances (n,) at `k` of the vols of `smile` from what `shock` asks for."""
    vols = np.sqrt(slice_jets(smile, k).w / each.years)
    return np.asarray(np.abs(vols - _wanted(each, shock, k)), dtype=np.float64)


def _met(misses: FloatArray) -> float:
    """Share of `misses` that are none: no larger than a half-spread's floor; 1 of none at all."""
    return float((misses <= HALF_SPREAD_FLOOR).mean()) if misses.size else 1.0
