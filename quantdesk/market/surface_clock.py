"""Which clock a surface runs on: by name, and as each fit finds it.

A clock acts between listed expiries only, so that a fit is put on another one without being fitted
again. The weekend of a chain is estimated anew from each fit's own forward variances.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from quantdesk.market.fitting import (
    FitOptions,
    FitRefusal,
    SurfaceFit,
    fit_digest,
    fit_surface,
)
from quantdesk.market.surface_quotes import SurfaceQuotes
from quantdesk.market.variance_clock import (
    CALENDAR,
    DAY_NAMES,
    SAME_WEIGHT,
    VarianceClock,
    estimate_weekend,
    usual_weight,
)
from quantdesk.pricing.surface import VarianceSurface


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockChoice:
    """A clock as the user names it.

    name : "calendar", "weekend", or that of a file
    clock : what the name stands for; None is estimated from each chain
    """

    name: str
    clock: VarianceClock | None


CALENDAR_CHOICE = ClockChoice(name="calendar", clock=CALENDAR)
WEEKEND_CHOICE = ClockChoice(name="weekend", clock=None)
CLOCK_CHOICES = (CALENDAR_CHOICE, WEEKEND_CHOICE)
"""The clocks that need no file."""


def suggested_weekend(fit: SurfaceFit) -> VarianceClock:
    """The clock whose weekend the forward variances of `fit` suggest; at the least the calendar."""
    at_money = [each.atm_iv**2 * each.years for each in fit.slices]
    return estimate_weekend(fit.reference_ns, [each.expiry_ns for each in fit.slices], at_money)


def on_clock(fit: SurfaceFit, quotes: SurfaceQuotes, clock: VarianceClock) -> SurfaceFit:
    """`fit`, which was made of `quotes`, on another clock: the same slices at other times of it."""
    slices = tuple(
        replace(each, clock_years=float(clock.years(fit.reference_ns, each.expiry_ns)))
        for each in fit.slices
    )
    return replace(
        fit,
        clock=clock,
        slices=slices,
        digest=fit_digest(quotes, fit.options, clock),
        surface=VarianceSurface(
            [each.clock_years for each in slices], [each.smile for each in slices]
        ),
    )


def fit_on_clock(
    quotes: SurfaceQuotes,
    *,
    options: FitOptions | None = None,
    choice: ClockChoice = CALENDAR_CHOICE,
    previous: SurfaceFit | None = None,
) -> SurfaceFit | FitRefusal:
    """As `fit_surface`, on the clock that `choice` stands for."""
    clock = CALENDAR if choice.clock is None else choice.clock
    found = fit_surface(quotes, options=options, clock=clock, previous=previous)
    if choice.clock is not None or isinstance(found, FitRefusal):
        return found
    return on_clock(found, quotes, suggested_weekend(found))


def clock_words(clock: VarianceClock) -> str:
    """What a clock weighs differently, as a phrase: "Sat 0.45, Sun 0.60, FOMC +0.5 d".

    Days are weighed against the weight that most of them have.
    """
    usual = usual_weight(clock)
    parts = [
        f"{day} {weight / usual:.2f}"
        for day, weight in zip(DAY_NAMES, clock.day_weights, strict=True)
        if abs(weight / usual - 1.0) > SAME_WEIGHT
    ]
    parts += [f"{event.name} +{event.extra_days:g} d" for event in clock.events]
    return ", ".join(parts) or "every day alike"
