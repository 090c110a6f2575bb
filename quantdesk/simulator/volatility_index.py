"""DVOL: the volatility that a coin's options price for the next thirty days, and its history.

The variance of each of the two expiries around thirty days is replicated by out-of-the-money marks
(the published method of variance indexes; the venue's own weighting is not published), then
interpolated in total variance. With letters: σ²·T = 2·Σ ΔK/K²·Q(K) − (F/K₀ − 1)², Q in quote
currency, K₀ the last strike at or below the forward F. Pure; knows no clock.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

HORIZON_YEARS = 30 / 365
YEARS_MIN = 1 / 365
"""Expiries nearer than a day are left out: their last hours say nothing of thirty days."""

STRIKES_MIN = 3
DECIMALS = 2
NS_PER_S = 1_000_000_000
FINE_KEPT_MAX = 3_600
COARSE_S = 60
COARSE_KEPT_MAX = 20_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Strip:
    """The options of one expiry: all arrays (n,), marks in coin of the forward."""

    years: float
    forward: float
    is_call: NDArray[np.bool_]
    strike: FloatArray
    mark: FloatArray


def strip_variance(strip: Strip) -> float | None:
    """Total variance σ²·T that a strip prices; None where it has too few strikes."""
    strikes, forward = np.unique(strip.strike), strip.forward
    below = strikes[strikes <= forward]
    if len(strikes) < STRIKES_MIN or not len(below):
        return None
    central = float(below[-1])
    values = np.zeros(len(strikes))
    for at, strike in enumerate(strikes.tolist()):
        here = strip.strike == strike
        wanted = np.ones_like(here) if strike == central else strip.is_call == (strike > central)
        marks = strip.mark[here & wanted]
        values[at] = float(np.mean(marks)) * forward if len(marks) else 0.0
    widths = np.gradient(strikes)
    contributions = 2.0 * np.sum(widths / strikes**2 * values)
    return max(0.0, float(contributions) - (forward / central - 1.0) ** 2)


def thirty_day_volatility(strips: Sequence[Strip]) -> float | None:
    """The index in percent points; None where no strip can be priced.

    Between the two expiries around the horizon the variance is linear in time; outside of all of
    them the nearest one's volatility holds.
    """
    priced = sorted(
        (strip.years, variance)
        for strip in strips
        if strip.years >= YEARS_MIN and (variance := strip_variance(strip)) is not None
    )
    if not priced:
        return None
    years = np.array([at for at, _ in priced])
    variances = np.array([variance for _, variance in priced])
    if not years[0] < HORIZON_YEARS < years[-1]:
        nearest = int(np.argmin(np.abs(years - HORIZON_YEARS)))
        annual = variances[nearest] / years[nearest]
    else:
        annual = float(np.interp(HORIZON_YEARS, years, variances)) / HORIZON_YEARS
    return round(100.0 * math.sqrt(float(annual)), DECIMALS)


@dataclass(slots=True)
class Bar:
    """Open, high, low and close of the index over a time that begins at `start_s`."""

    start_s: int
    open: float
    high: float
    low: float
    close: float

    def take(self, other: Bar) -> None:
        """Let the bar run on over a later one."""
        self.high, self.low = max(self.high, other.high), min(self.low, other.low)
        self.close = other.close


class VolatilityHistory:
    """The index by the second for an hour, by the minute for long after. Bounded."""

    def __init__(self) -> None:
        self._fine: deque[Bar] = deque(maxlen=FINE_KEPT_MAX)
        self._coarse: deque[Bar] = deque(maxlen=COARSE_KEPT_MAX)

    def note(self, venue_ns: int, value: float) -> None:
        """Remember the index of a moment that is not before the last."""
        second = venue_ns // NS_PER_S
        for kept, width_s in ((self._fine, 1), (self._coarse, COARSE_S)):
            bar = Bar(second // width_s * width_s, value, value, value, value)
            if kept and kept[-1].start_s == bar.start_s:
                kept[-1].take(bar)
            else:
                kept.append(bar)

    def bars(self, width_s: int, *, from_s: int, to_s: int) -> list[Bar]:
        """Bars of `width_s` seconds that begin in [from_s, to_s], oldest first; gaps stay gaps."""
        found: list[Bar] = []
        for bar in self._kept(width_s):
            start_s = bar.start_s // width_s * width_s
            if not from_s <= start_s <= to_s:
                continue
            if found and found[-1].start_s == start_s:
                found[-1].take(bar)
            else:
                found.append(Bar(start_s, bar.open, bar.high, bar.low, bar.close))
        return found

    def _kept(self, width_s: int) -> Iterator[Bar]:
        return iter(self._fine if width_s < COARSE_S else self._coarse)
