"""What a term structure says of weekend and events: found where told, said where it is not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from quantdesk.app.cli.surface import command
from quantdesk.domain.times import parse_instant
from quantdesk.market.clock_edits import parse_event
from quantdesk.market.clock_estimate import ClockEstimate, estimate_clock
from quantdesk.market.clock_files import parse_clock
from quantdesk.market.fitting import SliceFit, SurfaceFit, fit_surface
from quantdesk.market.variance_clock import NS_PER_DAY, VarianceClock, VarianceEvent, weekend_clock
from quantdesk.runtime.surfaces import read_quotes
from tests.unit.surface.chains import RECORDED

NOW_NS = parse_instant("2026-06-01T08:00:00Z")
"""A Monday."""

DAYS = (1, 2, 3, 4, 5, 6, 7, 11, 18, 25)
VOL = 0.5


def fit_on(clock: VarianceClock, days: tuple[int, ...] = DAYS) -> SurfaceFit:
    """A recorded fit whose slices stand at `days` and lie at the money as `clock` says."""
    fit = fit_surface(read_quotes(RECORDED, None, None))
    assert isinstance(fit, SurfaceFit)

    def placed(each: SliceFit, day: int) -> SliceFit:
        expiry_ns, years = NOW_NS + day * NS_PER_DAY, day / 365
        share = float(clock.years(NOW_NS, expiry_ns)) / clock.scale / years
        return replace(each, expiry_ns=expiry_ns, years=years, atm_iv=VOL * share**0.5)

    slices = (fit.slices * 2)[: len(days)]
    placed_slices = tuple(placed(each, day) for each, day in zip(slices, days, strict=True))
    return replace(fit, as_of_ns=NOW_NS, reference_ns=NOW_NS, slices=placed_slices)


def event(text: str, extra_days: float = 0.0) -> VarianceEvent:
    return replace(parse_event(text, needs_days=False), extra_days=extra_days)


VOTE = event("2026-06-03T18:00Z 2h vote", 3.0)


def estimate(clock: VarianceClock, *events: VarianceEvent) -> ClockEstimate:
    return estimate_clock(fit_on(clock), events)


def test_an_event_that_the_expiries_straddle_is_found_again() -> None:
    found = estimate(VarianceClock(events=(VOTE,)), replace(VOTE, extra_days=0.0))
    told = found.events[0]
    assert told.reason == ""
    assert told.extra_days == pytest.approx(3.0, rel=1e-6)
    assert 0 < told.error_days < 1
    assert (told.before_ns, told.after_ns) == (NOW_NS + 2 * NS_PER_DAY, NOW_NS + 3 * NS_PER_DAY)
    assert found.weekend.weights == pytest.approx((1.0, 1.0), abs=1e-6)


def test_weekend_and_event_are_told_together_and_normalised() -> None:
    clock = weekend_clock(0.4, 0.6, (VOTE,))
    found = estimate(clock, replace(VOTE, extra_days=0.0))
    saturday, sunday = found.weekend.weights
    assert 0.35 < saturday < 0.65
    assert 0.55 < sunday < 0.8
    assert saturday < sunday
    made = found.clock
    assert sum(made.day_weights) == pytest.approx(7.0)
    assert made.events[0].extra_days == pytest.approx(3.0, rel=0.15)
    assert float(made.years(NOW_NS, NOW_NS + 365 * NS_PER_DAY)) == pytest.approx(1.0, rel=1e-3)


def test_a_live_fit_is_read_from_the_instant_that_its_years_count_from() -> None:
    fit = fit_on(weekend_clock(0.4, 0.6, (VOTE,)))
    later = replace(fit, as_of_ns=NOW_NS + NS_PER_DAY // 8)
    held, found = estimate_clock(later, (VOTE,)), estimate_clock(fit, (VOTE,))
    assert held.events == found.events
    assert held.weekend == found.weekend


def test_without_an_event_nothing_is_found_of_one() -> None:
    told = estimate(VarianceClock(), VOTE).events[0]
    assert "not more than its error" in told.reason
    assert told.extra_days == pytest.approx(0.0, abs=1e-6)
    assert estimate(VarianceClock(), VOTE).clock.events == ()


@pytest.mark.parametrize(
    ("events", "why"),
    [
        ((event("2026-07-01 1d late"),), "no fitted expiry comes after it"),
        ((event("2026-05-31 1d early"),), "before the moment of the quotes"),
        ((event("2026-06-03T09:00Z 1h other"), VOTE), "vote too lies between 3JUN26 and 4JUN26"),
        ((event("2026-06-01T08:00Z 20d long"),), "fewer than two neighbouring expiries"),
        ((event("2026-06-15 1d quiet"), VOTE), "less variance than its neighbours"),
    ],
)
def test_what_can_not_be_told_is_said(events: tuple[VarianceEvent, ...], why: str) -> None:
    clock = VarianceClock(events=(VOTE,))
    if why.startswith("less"):
        dip = VarianceEvent(
            name="x",
            start_ns=NOW_NS + 18 * NS_PER_DAY,
            end_ns=NOW_NS + 25 * NS_PER_DAY,
            extra_days=9.0,
        )
        clock = VarianceClock(events=(VOTE, dip))
    told = estimate(clock, *events).events[0]
    assert why in told.reason
    assert told.event.name not in {each.name for each in estimate(clock, *events).clock.events}


def test_a_chain_of_two_expiries_says_that_it_can_not_tell_a_weekend() -> None:
    found = estimate_clock(fit_on(VarianceClock(), (1, 30)), ())
    assert "fewer than two expiries" in found.weekend.reason
    assert found.clock.is_calendar


def run(*args: str) -> str:
    result = CliRunner().invoke(command, ["clock", str(RECORDED), *args], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_verb_prints_estimates_with_errors_and_a_file_to_edit(tmp_path: Path) -> None:
    asked = ["--estimate", "--event", "2026-05-24T12:00Z 2h vote", "--event", "2040-01-01"]
    text = run(*asked)
    assert " ± " in text
    assert "2040-01-01 (2040-01-01T00:00:00Z): can not be told: no fitted expiry" in text
    record = json.loads(run(*asked, "--format", "json"))
    assert [each["day"] for each in record["weekend"]["days"]] == ["Sat", "Sun"]
    assert {each["name"] for each in record["events"]} == {"vote", "2040-01-01"}
    path = tmp_path / "clock.toml"
    run(*asked, "--format", "toml", "-o", str(path))
    weights = parse_clock(path.read_text()).day_weights
    assert weights == pytest.approx(record["clock"]["day_weights"], rel=1e-6)
    assert run("--clock", str(path)).splitlines()[0].startswith("BTC at deribit")


def test_an_event_without_an_estimate_is_refused() -> None:
    result = CliRunner().invoke(command, ["clock", str(RECORDED), "--event", "2026-06-01"])
    assert result.exit_code == 2
    assert "--event goes with --estimate" in result.stderr
