"""The clock that variance runs on: weekends and events have a rate of their own.

It acts on what lies between listed expiries (interpolation, forward vol, theta, roll-down) and on
nothing else: a quoted vol stays ACT/365, and total variance at a listed expiry is what the quotes
say, whatever the clock. Weights are normalised: without events a week weighs seven days, and with
them the year that holds them weighs 365, so that what an event adds other days give. Days run from
08:00 to 08:00 UTC, from one expiry to the next. Reads no clock: instants are handed in.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quantdesk.domain.times import INSTANT_MAX_NS, NS_PER_S, format_instant
from quantdesk.errors import InvalidInput
from quantdesk.market.chain import FloatArray, IntArray

NS_PER_DAY = 86_400 * NS_PER_S
NS_PER_WEEK = 7 * NS_PER_DAY
DAYS_PER_YEAR = 365.0
MINUTES_PER_YEAR = 525_600
NS_PER_MINUTE = 60 * NS_PER_S

DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
SATURDAY, SUNDAY = 5, 6

WEEK_START_NS = 4 * NS_PER_DAY + 8 * 3600 * NS_PER_S
"""Monday 5 January 1970, 08:00 UTC: the first weekly cycle of instants after the epoch."""

WEIGHT_RANGE = (0.02, 50.0)
"""A day's weight against the others: outside this it is a slip of the keyboard, not a rate."""

SAME_WEIGHT = 1e-6
"""Weights that differ by a smaller share are told as one."""

ESTIMATE_DAYS = 15.0
"""Only intervals that end within this many days say something of single days."""

ESTIMATE_RANGE = (0.05, 2.0)
"""Weights of weekend days that one chain's forward variances may suggest."""

PRIOR_DAYS = 0.5
"""Pull of an estimate towards the calendar: as if so many days had been seen at weight one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VarianceEvent:
    """Extra variance between two instants: a data release, an expiry, a vote.

    `extra_days` is variance beyond that of the same hours without it, in days of an average day
    without an event.
    """

    name: str
    start_ns: int
    end_ns: int
    extra_days: float

    def __post_init__(self) -> None:
        if self.end_ns <= self.start_ns:
            raise InvalidInput("end_ns", self.end_ns, f"must be after start_ns = {self.start_ns}")
        for instant in (self.start_ns, self.end_ns):
            if abs(instant) > INSTANT_MAX_NS:
                raise InvalidInput("event", format_instant(instant), "must be from 1678 to 2261")
        if not (math.isfinite(self.extra_days) and 0 <= self.extra_days <= 365):
            raise InvalidInput("extra_days", self.extra_days, "must be from 0 to 365")


@dataclass(frozen=True, slots=True, kw_only=True)
class VarianceClock:
    """Weights of the seven days (Monday first, each from 08:00 UTC), and events.

    `day_weights` are normalised when the clock is made: their mean is 1. All equal and without
    events it is the calendar. `scale` does the same for events.
    """

    day_weights: tuple[float, ...] = (1.0,) * 7
    events: tuple[VarianceEvent, ...] = ()

    def __post_init__(self) -> None:
        if len(self.day_weights) != 7:
            raise InvalidInput("day_weights", self.day_weights, "must be seven, Monday first")
        low, high = WEIGHT_RANGE
        for weight in self.day_weights:
            if not (math.isfinite(weight) and low <= weight <= high):
                raise InvalidInput("day_weights", weight, f"must be from {low:g} to {high:g}")
        mean = math.fsum(self.day_weights) / 7
        normalised = tuple(weight / mean for weight in self.day_weights)
        object.__setattr__(self, "day_weights", normalised)

    @property
    def is_calendar(self) -> bool:
        """Whether every day weighs the same and there is no event."""
        return not self.events and max(self.day_weights) == min(self.day_weights)

    @property
    def scale(self) -> float:
        """What all variance is multiplied by, so that events add none to the year that holds them.

        Events that lie further apart count against the time from the first to the end of the last.
        """
        if not self.events:
            return 1.0
        first_ns = min(event.start_ns for event in self.events)
        last_ns = max(event.end_ns for event in self.events)
        days = max((last_ns - first_ns) / NS_PER_DAY, DAYS_PER_YEAR)
        return days / (days + math.fsum(event.extra_days for event in self.events))

    def years(self, start_ns: int, end_ns: int | IntArray) -> FloatArray:
        """Clock time from `start_ns` to `end_ns` (any shape), years; negative for the past."""
        ends = np.asarray(end_ns, dtype=np.int64)
        if self.is_calendar:
            return np.asarray((ends - start_ns) / (DAYS_PER_YEAR * NS_PER_DAY), dtype=np.float64)
        days = self._days(ends) - self._days(np.asarray(start_ns, dtype=np.int64))
        return np.asarray(days * (self.scale / DAYS_PER_YEAR), dtype=np.float64)

    def _days(self, instants: IntArray) -> FloatArray:
        weeks, rest = np.divmod(instants - WEEK_START_NS, NS_PER_WEEK)
        edges = np.arange(8, dtype=np.float64) * NS_PER_DAY
        passed = np.concatenate(([0.0], np.cumsum(self.day_weights)))
        days = weeks * 7.0 + np.interp(rest.astype(np.float64), edges, passed)
        for event in self.events:
            share = (instants - event.start_ns) / (event.end_ns - event.start_ns)
            days = days + event.extra_days * np.clip(share, 0.0, 1.0)
        return np.asarray(days, dtype=np.float64)


CALENDAR = VarianceClock()
"""Every day weighs the same."""


def usual_weight(clock: VarianceClock) -> float:
    """The weight that most days of `clock` have; others are told against it."""
    rounded = [round(weight, 6) for weight in clock.day_weights]
    usual = max(set(rounded), key=lambda weight: (rounded.count(weight), weight))
    return clock.day_weights[rounded.index(usual)]


def weekend_clock(
    saturday: float, sunday: float, events: Sequence[VarianceEvent] = ()
) -> VarianceClock:
    """A clock whose Saturday and Sunday weigh so much against the other days' one."""
    weights = (1.0,) * 5 + (saturday, sunday)
    return VarianceClock(day_weights=weights, events=tuple(events))


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekendEstimate:
    """What forward variances say of Saturday and Sunday.

    weights : of both, against the other days' one; one each where `reason` says why nothing is told
    errors : standard errors of the weights; NaN where nothing is told
    """

    weights: tuple[float, float] = (1.0, 1.0)
    errors: tuple[float, float] = (math.nan, math.nan)
    reason: str = ""

    @property
    def clock(self) -> VarianceClock:
        """The clock with these weights."""
        return CALENDAR if self.reason else weekend_clock(*self.weights)


def estimate_weekend(
    as_of_ns: int, expiry_ns: Sequence[int], atm_variance: npt.ArrayLike
) -> VarianceClock:
    """A clock whose weekend the forward variances of one chain suggest; see `weekend_estimate`."""
    return weekend_estimate(as_of_ns, expiry_ns, atm_variance).clock


def weekend_estimate(
    as_of_ns: int,
    expiry_ns: Sequence[int],
    atm_variance: npt.ArrayLike,
    events: Sequence[VarianceEvent] = (),
) -> WeekendEstimate:
    """Weights of Saturday and Sunday that the forward variances of one chain suggest.

    The variance between neighbouring expiries is taken as level × weighted days, the level being
    that of the intervals without a weekend day; Saturday and Sunday are found by least squares,
    drawn towards one. Fewer than two such intervals, or no weekend day alone enough to tell, leave
    the calendar. Intervals that an event reaches into take no part. Errors are those of the least
    squares, by the scatter of all intervals about what was found.

    Parameters
    ----------
    expiry_ns : ascending, after `as_of_ns`
    atm_variance : total variance at the money of each
    """
    instants = [as_of_ns, *expiry_ns]
    total = np.concatenate(([0.0], np.asarray(atm_variance, dtype=np.float64)))
    days = np.array([_days_by_kind(a, b) for a, b in itertools.pairwise(instants)])
    gained = np.diff(total)
    near = (np.array(expiry_ns) - as_of_ns) / NS_PER_DAY <= ESTIMATE_DAYS
    near &= np.array(
        [
            not any(event.start_ns < b and a < event.end_ns for event in events)
            for a, b in itertools.pairwise(instants)
        ],
        dtype=np.bool_,
    )
    if near.sum() < 2 or not np.isfinite(gained[near]).all():
        return WeekendEstimate(
            reason=f"fewer than two expiries lie within {ESTIMATE_DAYS:g} days without an event"
        )
    days, gained = days[near], gained[near]
    plain = days[:, 1] + days[:, 2] < 0.05 * days.sum(axis=1)
    if not plain.any():
        return WeekendEstimate(reason="no two neighbouring expiries have weekdays alone between")
    if plain.all():
        return WeekendEstimate(reason=f"no weekend lies within {ESTIMATE_DAYS:g} days of expiries")
    level = gained[plain].sum() / days[plain, 0].sum()
    if level <= 0:
        return WeekendEstimate(reason="total variance falls over the weekdays")
    # Unknown: what Saturday and Sunday differ from one by, with a ridge towards no difference.
    design = np.vstack([days[:, 1:], PRIOR_DAYS * np.eye(2)])
    wanted = np.concatenate([gained / level - days.sum(axis=1), np.zeros(2)])
    differences = np.linalg.lstsq(design, wanted, rcond=None)[0]
    left = wanted - design @ differences
    scatter = float(left @ left) / max(int(near.sum()) - 2, 1)
    errors = np.sqrt(scatter * np.diag(np.linalg.inv(design.T @ design)))
    saturday, sunday = np.clip(1.0 + differences, *ESTIMATE_RANGE).tolist()
    return WeekendEstimate(weights=(saturday, sunday), errors=(float(errors[0]), float(errors[1])))


def _days_by_kind(start_ns: int, end_ns: int) -> tuple[float, float, float]:
    """Days between two instants that are neither, Saturdays, Sundays (each from 08:00 UTC)."""
    found = [0.0, 0.0, 0.0]
    at = start_ns
    while at < end_ns:
        day, passed = divmod(at - WEEK_START_NS, NS_PER_DAY)
        until = min(end_ns, at - passed + NS_PER_DAY)
        kind = {SATURDAY: 1, SUNDAY: 2}.get(int(day % 7), 0)
        found[kind] += (until - at) / NS_PER_DAY
        at = until
    return found[0], found[1], found[2]


def venue_minutes(now_ns: int, expiry_ns: int) -> int:
    """Minutes to expiry, to the nearest whole one, as Deribit counts for its Greeks; not below 0.

    Recorded vegas of options at the money give the time that they were made with to a hundredth of
    a minute or so: whole minutes, and the nearest ones.
    """
    return max((expiry_ns - now_ns + NS_PER_MINUTE // 2) // NS_PER_MINUTE, 0)


def venue_years(now_ns: int, expiry_ns: int) -> float:
    """Time to expiry on the venue's clock: whole minutes over a year of 365 days."""
    return venue_minutes(now_ns, expiry_ns) / MINUTES_PER_YEAR
