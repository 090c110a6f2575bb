"""What a fitted term structure says of the variance clock: weekend and events, and how surely.

An event's weight is the total variance at the money between the last expiry before it and the
first after it, beyond what the forward variance of the neighbouring intervals explains: the term
structure estimator of scheduled announcements (Dubinsky, Johannes, Kaeck and Seeger, "Option
Pricing of Earnings Announcement Risks", 2019), in total variance and on weighted days from 08:00
to 08:00 UTC (vol-surface reference, sections 4 and 7.4). What can not be told is said, not guessed.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from quantdesk.domain.times import expiry_code
from quantdesk.market.fitting import SliceFit, SurfaceFit
from quantdesk.market.variance_clock import (
    DAYS_PER_YEAR,
    VarianceClock,
    VarianceEvent,
    WeekendEstimate,
    weekend_estimate,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventEstimate:
    """What the expiries around an event say of it.

    event : name and time; its own `extra_days` is not looked at
    extra_days, error_days : variance beyond the neighbours', in average days, and its standard
        error from the quotes' half-spreads and from how far the neighbours differ; NaN where none
    before_ns, after_ns : the expiries (or the moment of the quotes) it lies between; 0 where none
    reason : why nothing can be told; "" where it can
    """

    event: VarianceEvent
    extra_days: float = math.nan
    error_days: float = math.nan
    before_ns: int = 0
    after_ns: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockEstimate:
    """What one fit says of weekend and events; `clock` has what could be told, normalised."""

    as_of_ns: int
    weekend: WeekendEstimate
    events: tuple[EventEstimate, ...]

    @property
    def clock(self) -> VarianceClock:
        """The clock that these estimates make; events of which nothing is told are left out."""
        told = tuple(
            replace(each.event, extra_days=each.extra_days)
            for each in self.events
            if not each.reason
        )
        return replace(self.weekend.clock, events=told)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Interval:
    """From one expiry to a later one: gained variance, its error, and days on the weekly clock."""

    start_ns: int
    end_ns: int
    gained: float
    error: float
    days: float

    @property
    def rate(self) -> float:
        """Variance a weighted day."""
        return self.gained / self.days

    @property
    def middle_ns(self) -> float:
        """Half way, ns."""
        return (self.start_ns + self.end_ns) / 2

    def holds(self, event: VarianceEvent) -> bool:
        """Whether any of `event` lies inside."""
        return event.start_ns < self.end_ns and self.start_ns < event.end_ns


def estimate_clock(fit: SurfaceFit, events: Sequence[VarianceEvent] = ()) -> ClockEstimate:
    """Weekend and `events` as the fitted term structure of `fit` suggests them."""
    at_money = [each.atm_iv**2 * each.years for each in fit.slices]
    weekend = weekend_estimate(
        fit.reference_ns, [each.expiry_ns for each in fit.slices], at_money, events
    )
    edges = [_Edge(ns=fit.reference_ns, total=0.0, error=0.0), *map(_edge, fit.slices)]
    found = tuple(_estimate(event, events, edges, weekend.clock) for event in events)
    return ClockEstimate(as_of_ns=fit.as_of_ns, weekend=weekend, events=found)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edge:
    """An instant with the total variance up to it, and the error of that."""

    ns: int
    total: float
    error: float


def _edge(each: SliceFit) -> _Edge:
    """The slice at the money; its error is the half-spread of the quotes next to the forward."""
    quotes = each.quotes
    used = np.flatnonzero(quotes.is_used)
    nearest = used[np.argsort(np.abs(quotes.log_moneyness[used]), kind="stable")[:2]]
    half = float(np.mean(quotes.ask_iv[nearest] - quotes.bid_iv[nearest])) / 2
    total = each.atm_iv**2 * each.years
    return _Edge(ns=each.expiry_ns, total=total, error=2 * each.atm_iv * each.years * half)


def _interval(start: _Edge, end: _Edge, clock: VarianceClock) -> _Interval:
    return _Interval(
        start_ns=start.ns,
        end_ns=end.ns,
        gained=end.total - start.total,
        error=math.hypot(start.error, end.error),
        days=DAYS_PER_YEAR * float(clock.years(start.ns, end.ns)),
    )


def _estimate(
    event: VarianceEvent,
    events: Sequence[VarianceEvent],
    edges: Sequence[_Edge],
    clock: VarianceClock,
) -> EventEstimate:
    before = [edge for edge in edges if edge.ns <= event.start_ns]
    after = [edge for edge in edges if edge.ns >= event.end_ns]
    if not before:
        return EventEstimate(event=event, reason="it began before the moment of the quotes")
    if not after:
        return EventEstimate(event=event, reason="no fitted expiry comes after it")
    around = _interval(before[-1], after[0], clock)
    free = [
        each
        for each in (_interval(a, b, clock) for a, b in itertools.pairwise(edges))
        if not any(each.holds(other) for other in events) and each.gained > 0
    ]
    sides = (
        [each for each in reversed(free) if each.end_ns <= around.start_ns],
        [each for each in free if each.start_ns >= around.end_ns],
    )
    told = EventEstimate(event=event, before_ns=around.start_ns, after_ns=around.end_ns)
    rate, rate_error = _neighbours_rate(around, *sides)
    if not rate > 0:
        words = "fewer than two neighbouring expiries without an event tell how much a day weighs"
        return replace(told, reason=words)
    extra = around.gained / rate - around.days
    error = math.hypot(around.error / rate, around.gained / rate**2 * rate_error)
    others = [each.name for each in events if each is not event and around.holds(each)]
    between = f"between {_name(around.start_ns, edges)} and {expiry_code(around.end_ns)}"
    reason = ""
    if others:
        reason = f"{', '.join(others)} too lies {between}: the days are of all"
    elif extra <= -error:
        reason = f"a day {between} has less variance than its neighbours"
    elif extra <= error:
        reason = f"not more than its error: {between} no event need have been"
    return replace(told, extra_days=extra, error_days=error, reason=reason)


def _neighbours_rate(
    around: _Interval, earlier: Sequence[_Interval], later: Sequence[_Interval]
) -> tuple[float, float]:
    """(variance a day without the event, its error), level or sloped from the nearest neighbours.

    From both sides where there are both, weighted by nearness; else from the nearest of one side,
    as sure as the next one agrees. (NaN, NaN) where there are fewer than two.
    """
    if earlier and later:
        one, other = earlier[0], later[0]
        share = (around.middle_ns - one.middle_ns) / (other.middle_ns - one.middle_ns)
        rate = one.rate + share * (other.rate - one.rate)
        apart = abs(other.rate - one.rate) / 2
    else:
        nearest = list(earlier or later)[:2]
        if len(nearest) < 2:
            return math.nan, math.nan
        one, other = nearest
        rate, apart = one.rate, abs(other.rate - one.rate)
    quoted = math.hypot(one.error / one.days, other.error / other.days) / 2
    return rate, math.hypot(apart, quoted)


def _name(instant_ns: int, edges: Sequence[_Edge]) -> str:
    return "now" if instant_ns == edges[0].ns else expiry_code(instant_ns)
