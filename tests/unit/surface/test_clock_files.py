"""A clock that a user wrote: what it says is what the clock does, and slips are named."""

from __future__ import annotations

import pytest

from quantdesk.domain.times import parse_instant
from quantdesk.errors import InvalidInput
from quantdesk.market.clock_files import parse_clock
from quantdesk.market.variance_clock import CALENDAR, NS_PER_DAY, weekend_clock

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
    ],
)
def test_slips_are_refused_by_name(text: str, field: str) -> None:
    with pytest.raises(InvalidInput, match=field):
        parse_clock(text)
