"""Clocks: ours, the still one, and the venue's as seen from here."""

from __future__ import annotations

import pytest

from quantdesk.errors import InvalidInput
from quantdesk.runtime.clock import ManualClock, SystemClock, VenueClock

S = 1_000_000_000


def test_system_clock_never_runs_backwards() -> None:
    clock = SystemClock()
    readings = [clock.now_ns() for _ in range(1000)]
    assert readings == sorted(readings)


def test_manual_clock_moves_forward_only() -> None:
    clock = ManualClock(10)
    clock.advance_to(20)
    assert clock.now_ns() == 20
    with pytest.raises(InvalidInput, match="now_ns"):
        clock.advance_to(19)


def test_unknown_venue_clock_is_ours() -> None:
    assert VenueClock().at(5 * S) == 5 * S
    assert not VenueClock().is_set


def test_venue_clock_runs_on_between_answers() -> None:
    clock = VenueClock()
    clock.set(event_ns=1000 * S, recv_ns=5 * S)
    assert clock.at(7 * S) == 1002 * S


def test_late_event_does_not_set_the_clock_back() -> None:
    clock = VenueClock()
    clock.set(event_ns=1000 * S, recv_ns=5 * S)
    clock.observe(event_ns=900 * S, recv_ns=5 * S)
    assert clock.at(5 * S) == 1000 * S


def test_event_from_the_venues_future_sets_the_clock_on() -> None:
    clock = VenueClock()
    clock.set(event_ns=1000 * S, recv_ns=5 * S)
    clock.observe(event_ns=1060 * S, recv_ns=6 * S)
    assert clock.at(6 * S) == 1060 * S


def test_faulty_stamp_moves_nothing() -> None:
    clock = VenueClock()
    clock.set(event_ns=1000 * S, recv_ns=5 * S)
    clock.observe(event_ns=10**9 * S, recv_ns=6 * S)
    assert clock.at(6 * S) == 1001 * S


def test_one_wild_word_of_the_venue_moves_nothing() -> None:
    clock = VenueClock()
    clock.set(event_ns=1_000_000 * S, recv_ns=1_000_000 * S)
    for wild in (10_000_000, 1, 10_000_000):
        clock.set(event_ns=wild * S, recv_ns=1_000_001 * S)
        assert clock.at(1_000_002 * S) == 1_000_002 * S


def test_a_word_of_reason_between_two_wild_ones_keeps_the_second_out() -> None:
    clock = VenueClock()
    clock.set(event_ns=1_000_000 * S, recv_ns=1_000_000 * S)
    clock.set(event_ns=9_000_000 * S, recv_ns=1_000_001 * S)
    clock.set(event_ns=1_000_002 * S, recv_ns=1_000_002 * S)
    clock.set(event_ns=9_000_000 * S, recv_ns=1_000_003 * S)
    assert clock.at(1_000_004 * S) == 1_000_004 * S


def test_a_venue_that_set_its_clock_anew_is_believed_at_its_second_word() -> None:
    clock = VenueClock()
    clock.set(event_ns=1_000_000 * S, recv_ns=1_000_000 * S)
    clock.set(event_ns=2_000_001 * S, recv_ns=1_000_001 * S)
    clock.set(event_ns=2_000_003 * S, recv_ns=1_000_003 * S)
    assert clock.at(1_000_004 * S) == 2_000_004 * S
