"""Moving a surface: level, skew, curvature and term, and what comes out is free of arbitrage.

A shocked smile is asked for in vols, at points across each slice, and fitted like quotes under the
same constraints. Where arbitrage stands in the way the nearest smile without it comes back, and
`gap` says how far it lies from what was asked: nothing is repaired in silence.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

import numpy as np

from quantdesk.errors import InvalidInput, OutOfDomain
from quantdesk.market.chain import FloatArray
from quantdesk.market.fitting import SliceFit, SurfaceFit
from quantdesk.market.fitting_grades import common_grid_faults
from quantdesk.pricing.smile import slice_jets
from quantdesk.pricing.surface import SliceQuotes, VarianceSurface, fit_slices

POINTS = 41
DEVIATIONS = 4.0
"""Points reach so many standard deviations to each side of the money."""

HALF_WIDTH = 0.0005
"""Half-width of the band around an asked vol: a twentieth of a vol point."""

VOL_LEAST = 0.01
TERM_YEARS = 30.0 / 365.0
SMOOTHING = 0.05
SHOCK_MAX = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SurfaceShock:
    """What to add, in vol as a fraction; x = k in standard deviations at the money.

    level : everywhere
    skew : times −x/√(1 + x²/4): above 0 puts rise and calls fall, by this much at one deviation
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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShockedSurface:
    """The surface after a shock, and the largest distance of a vol from what was asked."""

    fit: SurfaceFit
    gap: float


def shock_surface(fit: SurfaceFit, shock: SurfaceShock) -> ShockedSurface:
    """`fit` moved by `shock`, free of arbitrage.

    Vols are not asked below 1 %. It is not scored against quotes: shares inside and residuals are
    NaN. Raises OutOfDomain where a slice can not be found.
    """
    asked = [_asked(each, shock) for each in fit.slices]
    found = fit_slices(asked, smoothing=SMOOTHING, floor=HALF_WIDTH)
    slices, gap = [], 0.0
    for each, quotes, fitted in zip(fit.slices, asked, found, strict=True):
        if fitted.smile is None:
            days = each.years * 365
            raise OutOfDomain(f"shock: no slice of {days:.1f} days can be found: {fitted.reason}")
        vols = np.sqrt(slice_jets(fitted.smile, quotes.log_moneyness).w / each.years)
        wanted = (quotes.bid_iv + quotes.ask_iv) / 2
        gap = max(gap, float(np.max(np.abs(vols - wanted))))
        own = slice_jets(fitted.smile, each.quotes.log_moneyness).w
        slices.append(
            replace(
                each,
                model="shocked",
                smile=fitted.smile,
                coefficients=fitted.coefficients,
                fit_iv=np.sqrt(own / each.years),
                residual=np.full(each.residual.size, np.nan),
                is_inside=np.zeros(each.is_inside.size, dtype=np.bool_),
                in_spread=math.nan,
                in_spread_core=math.nan,
                rmse=math.nan,
                rmse_core=math.nan,
                atm_iv=math.sqrt(float(slice_jets(fitted.smile, 0.0).w) / each.years),
                g_min=fitted.g_min,
                calendar_slack=fitted.calendar_slack,
                fallback=fitted.reason,
            )
        )
    moved = replace(
        fit,
        slices=tuple(slices),
        digest=f"{fit.digest}+{shock}",
        in_spread=math.nan,
        in_spread_core=math.nan,
        rmse=math.nan,
        rmse_core=math.nan,
        g_min=min(each.g_min for each in slices),
        calendar_slack=min(each.calendar_slack for each in slices),
        faults=common_grid_faults([(each.expiry_ns, each.smile) for each in slices]),
        surface=VarianceSurface(
            [each.clock_years for each in slices], [each.smile for each in slices]
        ),
    )
    return ShockedSurface(fit=moved, gap=gap)


def _asked(each: SliceFit, shock: SurfaceShock) -> SliceQuotes:
    width = each.atm_iv * math.sqrt(each.years)
    x: FloatArray = np.linspace(-DEVIATIONS, DEVIATIONS, POINTS)
    k = x * width
    vol = np.sqrt(slice_jets(each.smile, k).w / each.years)
    vol = (
        vol
        + shock.level
        - shock.skew * x / np.sqrt(1.0 + x * x / 4.0)
        + shock.curvature * x * x / (1.0 + np.abs(x))
        + shock.term * math.sqrt(TERM_YEARS / each.years)
    )
    vol = np.maximum(vol, VOL_LEAST)
    return SliceQuotes(
        years=each.years, log_moneyness=k, bid_iv=vol - HALF_WIDTH, ask_iv=vol + HALF_WIDTH
    )
