"""Instants, durations and ages in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantdesk.views.number_text import DASH
from quantdesk.views.time_text import (
    SECOND_NS,
    age_text,
    clock_text,
    date_clock_text,
    days_left_text,
    duration_text,
    expiry_text,
    instant_text,
    time_left_text,
)

DAY_NS = 86_400 * SECOND_NS
QUOTE_NS = 1_782_552_297_563_000_000


def test_instant_is_shown_in_utc() -> None:
    assert instant_text(QUOTE_NS) == "2026-06-27 09:24:57.563 UTC"
    assert date_clock_text(QUOTE_NS) == "2026-06-27 09:24:57"
    assert clock_text(QUOTE_NS) == "09:24:57"


@pytest.mark.parametrize("instant_ns", [0, 2**63 - 1 << 10, -(2**80)])
def test_never_and_the_unthinkable_are_a_dash(instant_ns: int) -> None:
    assert instant_text(instant_ns) == DASH
    assert clock_text(instant_ns) == DASH
    assert expiry_text(instant_ns) == DASH


def test_expiry_is_written_as_exchanges_do() -> None:
    assert expiry_text(1_782_633_600 * SECOND_NS) == "28JUN26"
    assert expiry_text(1_783_065_600 * SECOND_NS) == "3JUL26"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0s"),
        (59, "59s"),
        (60, "1m 0s"),
        (3_599, "59m 59s"),
        (81_300, "22h 35m"),
        (511_200, "5d 22h"),
        (-90, "-1m 30s"),
    ],
)
def test_duration_has_two_units(seconds: int, shown: str) -> None:
    assert duration_text(seconds * SECOND_NS) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.4, "0s"),
        (-0.4, "0s"),
        (7, "7s"),
        (99, "99s"),
        (100, "1m"),
        (720, "12m"),
        (100 * 60, "1h"),
        (18_000, "5h"),
        (99 * 86_400, "99d"),
        (100 * 86_400, ">99d"),
        (-5, "-5s"),
        (-400 * 86_400, "<-99d"),
    ],
)
def test_age_is_short(seconds: float, shown: str) -> None:
    assert age_text(round(seconds * SECOND_NS)) == shown


@given(st.integers(-(2**70), 2**70))
def test_any_duration_has_words(duration_ns: int) -> None:
    assert 0 < len(age_text(duration_ns)) <= 5
    assert duration_text(duration_ns)
    assert instant_text(duration_ns)


def test_days_left_lose_their_decimal_at_ten() -> None:
    assert days_left_text(DAY_NS * 9, 0) == "9.0d"
    assert days_left_text(round(DAY_NS * 9.96), 0) == "10d"
    assert days_left_text(DAY_NS, DAY_NS) == "exp"
    assert time_left_text(DAY_NS, DAY_NS) == "expired"
    assert time_left_text(2 * DAY_NS, DAY_NS) == "1d 0h"
