"""How good a fit is: a letter, flags in words, and the arbitrage that a grid finds.

The grid check is independent of the fit's own: g from the slices' analytic derivatives, and
convexity of Black prices computed from total variance alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import NamedTuple

import numpy as np

from quantdesk import pricing
from quantdesk.domain.times import expiry_code
from quantdesk.market.chain import FloatArray
from quantdesk.market.surface_quotes import ExpiryQuotes
from quantdesk.market.wide_futures import BY_NEIGHBOURS
from quantdesk.pricing.smile import COMMON_GRID, Jets, Slice, durrleman, slice_jets
from quantdesk.pricing.surface import FittedSlice

PRICE_ROUNDING = 4e-16
"""Relative error of a price and of a strike; over the gap of strikes it is that of a slope."""

LEE_SLOPE = 2.0

OFF_CURVE = 0.01
"""Distance of a forward from its neighbours' line that is told: of 1,216 recorded ones only those
of a chain read over many minutes of a moving market are further off, all others within 0.5 %."""

BETWEEN_SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)
"""Shares of the clock's time between two expiries at which the surface is looked at."""


class Grade(Enum):
    """A: to quote from. B: to trade by. C: look first. D: a guess. F: not a market's smile."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"
    F = "F"


GRADE_SHARES = ((0.98, Grade.A), (0.95, Grade.B), (0.88, Grade.C), (0.70, Grade.D))
"""Least share of two-sided quotes inside bid and ask for each grade; below all of them F."""

QUOTES_FEW = 7
"""Quotes below which a slice is graded one letter lower: few enough to be hit by any curve."""

WIDE_HALF_SPREAD = 0.05
"""A median half-spread of more than five vol points: being inside it proves little."""

NEAR_DEVIATIONS = 0.75
"""A side counts as quoted if a quote lies beyond this many standard deviations on it."""

GAP_DEVIATIONS = 2.0
"""Standard deviations between the quotes beside the money from which the vol there is a guess. Of
1,531 recorded expiries two are further apart, in their last four hours; the others 1.8 at most."""

LOW_SHARE = 0.2
"""Share of slices whose grades a surface is at best one letter above: a chain in distress has the
bad ones first, and the many quotes of the good ones hide them."""

DROPPED_SHARE = 0.2
VOL_HIGH = 2.5
DAY = 1.0 / 365.0


def off_curve(expiries: Sequence[ExpiryQuotes]) -> dict[int, str]:
    """Forwards that their neighbours contradict, as sentences by expiry instant.

    The forward of an expiry is held against the line, ln F in time, through those of the expiries
    beside it. Of several in a row the furthest off is named: it bends the lines of the others.
    Expiries that are held are left out: their forwards are of another moment.
    """
    expiries = [each for each in expiries if not each.held]
    years = np.array([each.years for each in expiries])
    logs = np.log([each.forward for each in expiries])
    if years.size < 3:
        return {}
    share = (years[1:-1] - years[:-2]) / (years[2:] - years[:-2])
    off = np.zeros(years.size)
    off[1:-1] = logs[1:-1] - (logs[:-2] + share * (logs[2:] - logs[:-2]))
    size = np.abs(off)
    return {
        expiries[i].expiry_ns: (
            f"Off the curve: forward {expiries[i].forward:,.2f} is {off[i]:+.1%} from the line "
            "through its neighbours'."
        )
        for i in range(1, years.size - 1)
        if size[i] > OFF_CURVE and size[i] >= max(size[i - 1], size[i + 1])
    }


def slice_flags(
    expiry: ExpiryQuotes, fitted: FittedSlice, fallback: str, off_line: str = ""
) -> tuple[str, ...]:
    """What to know before trusting the slice, as sentences; `off_line` is that of `off_curve`."""
    flags = [flag for flag in (expiry.held, off_line) if flag]
    used = expiry.is_used
    count = int(used.sum())
    mid = expiry.mid_iv[used]
    if fallback:
        flags.append(f"Another model stands in: {fallback}.")
    flags += _forward_flags(expiry)
    if count < QUOTES_FEW:
        flags.append(f"Only {count} quotes.")
    flags += _missing_quotes(expiry.log_moneyness[used], float(np.median(mid)) * expiry.years**0.5)
    half = float(np.median((expiry.ask_iv[used] - expiry.bid_iv[used]) / 2))
    if half > WIDE_HALF_SPREAD:
        flags.append(f"Wide quotes: half of them are {200 * half:.0f} vol points wide or more.")
    if float(np.median(mid)) > VOL_HIGH:
        flags.append(f"Vols around {np.median(mid):.0%}: a market in distress, or broken quotes.")
    two_sided = int(expiry.is_scored.sum())
    if two_sided - count > DROPPED_SHARE * two_sided:
        flags.append(f"{two_sided - count} of {two_sided} two-sided quotes were left out.")
    if expiry.years < DAY / 4:
        flags.append("Expires within six hours.")
    if not fitted.g_min >= 0:
        flags.append(f"Butterfly arbitrage: g falls to {fitted.g_min:.3g}.")
    if not fitted.calendar_slack >= 0:
        flags.append("Calendar arbitrage: it crosses the next longer slice.")
    return tuple(flags)


def _forward_flags(expiry: ExpiryQuotes) -> Iterator[str]:
    if expiry.forward_source.endswith(BY_NEIGHBOURS):
        yield "Its future is quoted wide: the forward is its neighbours' line within it."
    if expiry.forward_source == "index":
        yield "No forward of its own: the index stands in, carry is missing."
    evidence = expiry.evidence
    if evidence is not None and evidence.is_consistent is False:
        yield evidence.words


def _missing_quotes(k: FloatArray, deviation: float) -> Iterator[str]:
    """Where quotes at `k` leave the smile to a guess; `deviation` is one of moneyness."""
    beyond = f"No quotes beyond {NEAR_DEVIATIONS} standard deviations"
    if float(k.min()) > -NEAR_DEVIATIONS * deviation:
        yield f"{beyond} on the put side: the left wing is a guess."
    if float(k.max()) < NEAR_DEVIATIONS * deviation:
        yield f"{beyond} on the call side: the right wing is a guess."
    below, above = k[k <= 0], k[k >= 0]
    if below.size and above.size:
        low, high = float(below.max()), float(above.min())
        if high - low > GAP_DEVIATIONS * deviation:
            yield f"No quotes between k = {low:.2f} and {high:+.2f}: the vol there is a guess."


def share_grade(share: float) -> Grade:
    """The grade that a share inside stands for by itself; F for NaN."""
    return next((letter for least, letter in GRADE_SHARES if share >= least), Grade.F)


def grade_slice(in_spread: float, fitted: FittedSlice, flags: Sequence[str]) -> Grade:
    """The grade of a slice: its share inside the spread, one letter less for each kind of doubt."""
    letters = list(Grade)
    place = letters.index(share_grade(in_spread))
    place += any(
        flag.startswith(("Another", "Only", "Wide", "Expires", "No forward", "Off the"))
        for flag in flags
    )
    place += any(flag.startswith("No quotes") for flag in flags) * 3
    place += any(flag.startswith("Vols around") for flag in flags) * 3
    place += any(" were left out." in flag for flag in flags)
    is_held = any(flag.startswith("Held from") for flag in flags)
    if is_held or not (fitted.g_min >= 0 and fitted.calendar_slack >= 0):
        place = max(place, letters.index(Grade.D))
    return letters[min(place, len(letters) - 1)]


def worst_grade(in_spread: float, slices: Sequence[Grade], faults: Sequence[str]) -> Grade:
    """The grade of a surface: its own share inside, no better than its median slice, one letter
    above the slices that a fifth of them are not better than, and D at best with arbitrage."""
    letters = list(Grade)
    own = share_grade(in_spread)
    ranks = sorted(letters.index(grade) for grade in slices)
    low = ranks[int((1.0 - LOW_SHARE) * len(ranks))]
    place = max(letters.index(own), ranks[len(ranks) // 2], low - 1)
    if faults:
        place = max(place, letters.index(Grade.D))
    return letters[place]


class GridFaults(NamedTuple):
    """Violations of one slice on the common grid: numbers of points, wings above Lee's bound."""

    butterfly: int
    convexity: int
    calendar: int
    lee: int

    def words(self) -> list[str]:
        """The violations there are, as phrases."""
        names = (
            (self.butterfly, "points with g below 0"),
            (self.convexity, "points with concave prices"),
            (self.calendar, "points below the shorter slice"),
            (self.lee, "wings steeper than Lee's bound"),
        )
        return [f"{count} {name}" for count, name in names if count]


def grid_faults(smile: Slice, shorter_variance: FloatArray | None) -> tuple[GridFaults, FloatArray]:
    """Violations of `smile` on the common grid, and its total variance there (1201,)."""
    jets = slice_jets(smile, COMMON_GRID)
    g = durrleman(COMMON_GRID, jets)
    left, right = smile.wing_slopes
    faults = GridFaults(
        butterfly=int(np.sum(~(g >= 0))),
        convexity=concave_points(jets.w),
        calendar=0 if shorter_variance is None else int(np.sum(jets.w < shorter_variance)),
        lee=int(not left >= -LEE_SLOPE) + int(not right <= LEE_SLOPE),
    )
    return faults, jets.w


def concave_points(total_variance: FloatArray) -> int:
    """Points of the common grid at which Black prices of `total_variance` (1201,) are concave.

    Second divided differences of out-of-the-money prices, for a forward of 1: the put's left of
    the money and the call's right of it, which differ by a straight line.
    """
    strikes = np.exp(COMMON_GRID)
    vols = np.sqrt(np.maximum(total_variance, 0.0))
    found = 0
    for is_call, side in ((False, COMMON_GRID <= 0), (True, COMMON_GRID >= 0)):
        price = np.asarray(pricing.price(is_call, 1.0, strikes[side], 1.0, vols[side], 0.0))
        gap = np.diff(strikes[side])
        slope = np.diff(price) / gap
        noise = PRICE_ROUNDING * np.maximum(price[1:-1], strikes[side][1:-1]) / gap[1:]
        found += int(np.sum(np.diff(slope) < -noise))
    return found


def common_grid_faults(slices: Sequence[tuple[int, Slice]]) -> tuple[str, ...]:
    """Violations of slices (expiry instant, smile), ascending in expiry, as sentences."""
    sentences = []
    before: FloatArray | None = None
    for expiry_ns, smile in slices:
        faults, before = grid_faults(smile, before)
        if any(faults):
            sentences.append(f"{expiry_code(expiry_ns)}: {', '.join(faults.words())}.")
    return tuple(sentences)


def between_flags(slices: Sequence[tuple[int, Slice]]) -> tuple[str, ...]:
    """Where g falls below 0 between listed expiries or after the last, as sentences.

    Total variance is linear between two slices without arbitrage: calendar order holds there by
    construction, g does not. Looked at on the common grid at five dates of each interval, and of
    that before the first expiry; the share of time decides, so that this holds on every clock.
    After the last expiry total variance grows by the same everywhere: there the least g over all
    levels is looked at, which no date on no clock is below.
    """
    sentences = []
    jets = [slice_jets(smile, COMMON_GRID) for _, smile in slices]
    nothing = Jets(*(np.zeros(COMMON_GRID.size) for _ in range(3)))
    for (expiry_ns, _), (shorter, longer) in zip(
        slices, itertools.pairwise([nothing, *jets]), strict=True
    ):
        least, at = np.inf, 0.0
        for share in BETWEEN_SHARES:
            mixed = Jets(
                *((1 - share) * a + share * b for a, b in zip(shorter, longer, strict=True))
            )
            g = durrleman(COMMON_GRID, mixed)
            place = int(np.argmin(g))
            if g[place] < least:
                least, at = float(g[place]), float(COMMON_GRID[place])
        if not least >= 0:
            sentences.append(
                f"{expiry_code(expiry_ns)}: between it and the expiry before, "
                f"g falls to {least:.2g} at k = {at:.3g}."
            )
    for (expiry_ns, _), last in list(zip(slices, jets, strict=True))[-1:]:
        g = least_raised(COMMON_GRID, last)
        place = int(np.argmin(g))
        if not g[place] >= 0:
            sentences.append(
                f"{expiry_code(expiry_ns)}: at dates after it, "
                f"g falls to {g[place]:.2g} at k = {COMMON_GRID[place]:.3g}."
            )
    return tuple(sentences)


def least_raised(log_moneyness: FloatArray, jets: Jets) -> FloatArray:
    """The least g (n,) of a slice with `jets` over all levels of total variance from its own up.

    With u = 1/w, `g = (1 − k w' u/2)² − w'² u/4 − w'²/16 + w''/2` is convex in u, which falls from
    1/w to 0: the least is at its bottom, `u = 2(k w' + w'²/4)/(k w')²`, or at the end nearer to it.
    """
    drift, square = log_moneyness * jets.dw, jets.dw**2
    own = 1.0 / np.where(jets.w > 0, jets.w, np.nan)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore", under="ignore"):
        bottom = 2.0 * (drift + 0.25 * square) / drift**2
    u = np.clip(np.where(np.isnan(bottom), own, bottom), 0.0, own)
    lean = 1.0 - 0.5 * drift * u
    g = lean * lean - 0.25 * square * (u + 0.25) + 0.5 * jets.d2w
    return np.asarray(g, dtype=np.float64)
