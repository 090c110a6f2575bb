"""A clock that a user wrote: what it says is what the clock does, and slips are named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from quantdesk.domain.times import parse_instant
from quantdesk.errors import InvalidInput
from quantdesk.market.clock_edits import edited_clock
from quantdesk.market.clock_files import clock_text, parse_clock
from quantdesk.market.variance_clock import CALENDAR, NS_PER_DAY, VarianceClock, weekend_clock

EVENT = """
[[events]]
name = "FOMC"
start = 2026-06-17T18:00:00Z
end = 2026-06-17T20:00:00+00:00
extra_days = 0.5
"""


def test_nothing_is_the_calendar() -> None:
    assert parse_clock("") == CALENDAR


def test_weights_are_those_of_the_days_named() -> None:
    assert parse_clock("[weights]\nSat = 0.4\nSun = 0.6\n") == weekend_clock(0.4, 0.6)


def test_an_event_makes_its_own_days_longer_and_not_the_year() -> None:
    clock = parse_clock(EVENT)
    start = parse_instant("2026-06-17T08:00:00Z")
    eventful = float(clock.years(start, start + NS_PER_DAY))
    after = float(clock.years(start + NS_PER_DAY, start + 2 * NS_PER_DAY))
    assert eventful == pytest.approx(1.5 * after)
    assert float(clock.years(start, start + 365 * NS_PER_DAY)) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("[weights\n", "clock"),
        ("[days]\nSat = 1\n", "clock"),
        ("weights = 3\n", "weights"),
        ("[weights]\nSaturday = 0.5\n", "weights"),
        ("[weights]\nSat = 'low'\n", "weights.Sat"),
        ("[weights]\nSat = 0\n", "day_weights"),
        ("events = 3\n", "events"),
        ("[[events]]\nname = 'vote'\n", r"events\[0\]"),
        (EVENT.replace("T18:00:00Z", "T18:00:00"), r"events\[0\].start"),
        (EVENT.replace("0.5", "-1"), "extra_days"),
        (EVENT.replace("T20", "T17"), "end_ns"),
        (EVENT.replace("2026", "9999"), "event = '9999-.*must be from 1678 to 2261"),
        (EVENT.replace("start = 2026", "start = 1600"), "event = '1600-"),
    ],
)
def test_slips_are_refused_by_name(text: str, field: str) -> None:
    with pytest.raises(InvalidInput, match=field):
        parse_clock(text)


@pytest.mark.parametrize(
    "clock",
    [
        CALENDAR,
        weekend_clock(0.4, 0.6),
        parse_clock(EVENT),
        VarianceClock(day_weights=(1.3, 1, 1, 1, 0.9, 0.2, 0.7), events=parse_clock(EVENT).events),
    ],
)
def test_a_clock_is_written_as_it_is_read(clock: VarianceClock) -> None:
    again = parse_clock(clock_text(clock, "a word\nand another"))
    assert again.day_weights == pytest.approx(clock.day_weights, rel=1e-7)
    assert again.events == clock.events


def test_what_is_typed_changes_the_clock() -> None:
    typed = "sat 0.4 Sun 0.6, event 2026-06-17T18:00:00Z 2h 0.5 FOMC, event 2026-07-01 1d 3"
    clock = edited_clock(CALENDAR, typed)
    assert clock.day_weights == pytest.approx(weekend_clock(0.4, 0.6).day_weights)
    assert clock.events[0] == parse_clock(EVENT).events[0]
    assert (clock.events[1].name, clock.events[1].extra_days) == ("2026-07-01", 3.0)
    assert edited_clock(clock, "event 2026-06-17T18:00Z 2h 1 FOMC").events[0].extra_days == 1.0
    assert edited_clock(clock, "drop 2026-07-01, drop FOMC") == replace(clock, events=())
    assert edited_clock(clock, "calendar") == CALENDAR


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "must say a change"),
        ("sat", "must be a change"),
        ("sat 0.5, ", "must say a change"),
        ("sat low", "must be a number"),
        ("sat nan", "day_weights"),
        ("noon 3", "Mon, Tue"),
        ("event", "START LENGTH DAYS"),
        ("event 2026-05-01 3", "START LENGTH DAYS"),
        ("event 2026-05-01 1d", "START LENGTH DAYS"),
        ("event 2026-05-01 1d -1", "extra_days"),
        ("event 2026-05-01 0d 1", "end_ns"),
        ("event someday 1d 1", "must look like"),
        ("drop FOMC", "it has none"),
        ("drop", "it has none"),
    ],
)
def test_what_is_mistyped_is_named(text: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        edited_clock(CALENDAR, text)
