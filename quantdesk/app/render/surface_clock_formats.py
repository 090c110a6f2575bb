"""A variance clock, and what a chain says of one: for people, programs, and as a file to edit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from quantdesk.app.render.chain_record import to_json
from quantdesk.app.render.known_numbers import known
from quantdesk.app.render.surface_formats import aligned_rows
from quantdesk.app.render.surface_record import clock_record
from quantdesk.domain.times import expiry_code, format_instant
from quantdesk.market.clock_estimate import ClockEstimate, EventEstimate
from quantdesk.market.clock_files import clock_text
from quantdesk.market.fitting import SurfaceFit
from quantdesk.market.surface_clock import clock_words
from quantdesk.market.variance_clock import DAYS_PER_YEAR, VarianceClock

SCHEMA = "quantdesk.surface-clock/1"
WEEKEND_NAMES = ("Sat", "Sun")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockReading:
    """A fit, on the clock that it runs on, and what its term structure suggests, where asked."""

    fit: SurfaceFit
    estimate: ClockEstimate | None = None

    @property
    def clock(self) -> VarianceClock:
        """What was estimated, else what the fit runs on."""
        return self.fit.clock if self.estimate is None else self.estimate.clock


def clock_table(reading: ClockReading) -> bytes:
    """Days to each expiry on the calendar and on the clock; then the estimates, in words."""
    fit, clock = reading.fit, reading.clock
    lines = [
        f"{fit.underlying} at {fit.venue}, {format_instant(fit.as_of_ns)}: {clock_words(clock)}",
        "",
    ]
    rows = [("expiry", "days", "clock days", "ATM %")]
    rows += [
        (
            expiry_code(each.expiry_ns),
            f"{DAYS_PER_YEAR * each.years:.3f}",
            f"{DAYS_PER_YEAR * float(clock.years(fit.as_of_ns, each.expiry_ns)):.3f}",
            f"{100 * each.atm_iv:.2f}",
        )
        for each in fit.slices
    ]
    lines += aligned_rows(rows)
    if reading.estimate is not None:
        lines += ["", *estimate_lines(reading.estimate)]
    return ("\n".join(lines) + "\n").encode()


def estimate_lines(estimate: ClockEstimate) -> list[str]:
    """A sentence for the weekend's days and for each event."""
    weekend = estimate.weekend
    if weekend.reason:
        lines = [f"Sat, Sun: can not be told: {weekend.reason}."]
    else:
        lines = [
            f"{day} {weight:.2f} ± {error:.2f} of a weekday's variance"
            for day, weight, error in zip(
                WEEKEND_NAMES, weekend.weights, weekend.errors, strict=True
            )
        ]
    return [*lines, *(_event_line(each) for each in estimate.events)]


def _event_line(each: EventEstimate) -> str:
    name = f"{each.event.name} ({format_instant(each.event.start_ns)})"
    amount = "" if each.extra_days != each.extra_days else f"{each.extra_days:+.2f}"
    figures = f"{amount} ± {each.error_days:.2f} average days" if amount else ""
    if each.reason:
        return f"{name}: can not be told{figures and f' ({figures})'}: {each.reason}."
    return f"{name}: {figures} beyond its own, by the expiries around it"


def clock_json(reading: ClockReading) -> bytes:
    """The clock, and estimates with their errors, as one JSON object and a newline."""
    fit, estimate = reading.fit, reading.estimate
    record: dict[str, object] = {
        "schema": SCHEMA,
        "venue": fit.venue,
        "underlying": fit.underlying,
        "as_of": format_instant(fit.as_of_ns),
        "clock": clock_record(reading.clock),
    }
    if estimate is not None:
        weekend = estimate.weekend
        record["weekend"] = {
            "reason": weekend.reason or None,
            "days": [
                {"day": day, "weight": weight, "error": known(error)}
                for day, weight, error in zip(
                    WEEKEND_NAMES, weekend.weights, weekend.errors, strict=True
                )
            ],
        }
        record["events"] = [
            {
                "name": each.event.name,
                "start": format_instant(each.event.start_ns),
                "end": format_instant(each.event.end_ns),
                "extra_days": known(each.extra_days),
                "error_days": known(each.error_days),
                "before": format_instant(each.before_ns) if each.before_ns else None,
                "after": format_instant(each.after_ns) if each.after_ns else None,
                "reason": each.reason or None,
            }
            for each in estimate.events
        ]
    return to_json(record) + b"\n"


def clock_toml(reading: ClockReading) -> bytes:
    """The clock as a file that `--clock` reads, with the estimates as comments."""
    fit = reading.fit
    comment = f"{fit.underlying} at {fit.venue}, {format_instant(fit.as_of_ns)}"
    if reading.estimate is not None:
        comment = "\n".join([comment, *estimate_lines(reading.estimate)])
    return clock_text(reading.clock, comment).encode()


CLOCK_FORMATS: dict[str, Callable[[ClockReading], bytes]] = {
    "table": clock_table,
    "json": clock_json,
    "toml": clock_toml,
}
"""Each format's writer, by the name that `--format` takes."""
