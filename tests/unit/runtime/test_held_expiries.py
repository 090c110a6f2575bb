"""An expiry that fails keeps its last good slice, and costs nothing while nothing changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from quantdesk.market.fitting import SurfaceFit
from quantdesk.runtime.embedded import opening_snapshot
from quantdesk.runtime.live_surfaces import LiveSurfaces, SurfaceFitted, run_fit
from quantdesk.snapshot import DeskSnapshot
from tests.unit.runtime.chain_steps import changed_expiry, moved, one_quote_moved

NO_QUOTES, WILD, LOWERED = (np.nan, np.nan), (0.2, 3.0), (0.6, 0.6)
"""Factors of an expiry's vols: nothing, no smile by itself, a smile that fails among others."""


@pytest.fixture(scope="module")
def opening() -> DeskSnapshot:
    return opening_snapshot("BTC")


def stepped(surfaces: LiveSurfaces, snapshot: DeskSnapshot) -> SurfaceFitted:
    """What the one request that `snapshot` is due came to, applied."""
    (request,) = surfaces.due(snapshot)
    event = run_fit(request)
    surfaces.apply(event)
    return event


def fit_of(event: SurfaceFitted) -> SurfaceFit:
    assert event.fit is not None
    return event.fit


def held(fit: SurfaceFit) -> list[int]:
    return [each.expiry_ns for each in fit.slices if each.quotes.held]


@pytest.mark.parametrize(
    ("bid", "ask", "reason"),
    [(np.nan, np.nan, "0 usable two-sided quotes"), (0.2, 3.0, "grade F")],
    ids=["no quotes", "wild quotes"],
)
def test_an_expiry_that_fails_keeps_its_last_good_slice(
    opening: DeskSnapshot, bid: float, ask: float, reason: str
) -> None:
    surfaces = LiveSurfaces()
    first = surfaces.fit_now(opening).chains[0].fit
    assert first is not None
    last = first.slices[len(first.slices) // 2]
    bad = changed_expiry(moved(opening, 1.0), last.expiry_ns, bid, ask)
    fit = surfaces.fit_now(bad).chains[0].fit
    assert fit is not None
    assert [each.expiry_ns for each in fit.slices] == [each.expiry_ns for each in first.slices]
    held = fit.slice_at(last.expiry_ns)
    assert held is not None
    assert [each.expiry_ns for each in fit.slices if each.quotes.held] == [last.expiry_ns]
    np.testing.assert_allclose(held.fit_iv, last.fit_iv, rtol=0, atol=1e-8)
    assert held.grade.value >= "D"
    (flag,) = [each for each in held.flags if each.startswith("Held from")]
    assert reason in flag
    assert fit.faults == ()

    later = changed_expiry(moved(opening, 2.0), last.expiry_ns, bid, ask, seed=2)
    again = surfaces.fit_now(replace(later, seq=9)).chains[0].fit
    assert again is not None
    still = again.slice_at(last.expiry_ns)
    assert still is not None
    assert still.quotes.held == held.quotes.held

    well = surfaces.fit_now(replace(moved(opening, 3.0), seq=10)).chains[0].fit
    assert well is not None
    assert not any(each.quotes.held for each in well.slices)


def test_a_surface_of_wild_quotes_never_replaces_the_last_good_one(opening: DeskSnapshot) -> None:
    surfaces = LiveSurfaces()
    first = surfaces.fit_now(opening).chains[0].fit
    assert first is not None
    wild = moved(opening, 1.0)
    for seed, each in enumerate(first.slices):
        wild = changed_expiry(wild, each.expiry_ns, 0.2, 3.0, seed)
    after = surfaces.fit_now(wild).chains[0]
    assert after.fit is first
    assert after.surface is not None
    assert "no expiry's quotes make a smile" in after.surface.problem


@pytest.mark.parametrize("factors", [NO_QUOTES, WILD, LOWERED])
def test_an_unchanged_chain_with_a_held_expiry_solves_nothing(
    opening: DeskSnapshot, factors: tuple[float, float]
) -> None:
    surfaces = LiveSurfaces()
    first = fit_of(stepped(surfaces, opening))
    assert first.refitted == len(first.slices)
    bad = first.slices[-1].expiry_ns
    breaks = stepped(surfaces, changed_expiry(moved(opening, 1.0), bad, *factors))
    assert held(fit_of(breaks)) == [bad]
    for seconds in (2.0, 3.0):
        again = stepped(surfaces, changed_expiry(moved(opening, seconds), bad, *factors))
        assert again.fit is breaks.fit
        assert again.solved == 0


@pytest.mark.parametrize("factors", [NO_QUOTES, WILD])
def test_a_tick_beside_a_held_expiry_solves_what_it_would_beside_a_whole_one(
    opening: DeskSnapshot, factors: tuple[float, float]
) -> None:
    whole, broken = LiveSurfaces(), LiveSurfaces()
    first = fit_of(stepped(whole, opening))
    stepped(broken, opening)
    bad = first.slices[-1].expiry_ns
    stepped(broken, changed_expiry(moved(opening, 1.0), bad, *factors))
    ticked = moved(one_quote_moved(opening, first, 3), 1.0)
    alike = stepped(whole, ticked)
    event = stepped(broken, changed_expiry(ticked, bad, *factors))
    assert held(fit_of(event)) == [bad]
    assert event.solved == alike.solved == fit_of(alike).refitted
    assert 1 <= event.solved <= 4
    for one, other in zip(fit_of(event).slices, fit_of(alike).slices, strict=True):
        assert np.array_equal(one.fit_iv, other.fit_iv)


def test_a_held_expiry_that_fails_anew_is_solved_alone(opening: DeskSnapshot) -> None:
    surfaces = LiveSurfaces()
    first = fit_of(stepped(surfaces, opening))
    bad = first.slices[-1].expiry_ns
    stepped(surfaces, changed_expiry(moved(opening, 1.0), bad, *WILD))
    event = stepped(surfaces, changed_expiry(moved(opening, 2.0), bad, *WILD, seed=2))
    assert event.solved == 1
    assert held(fit_of(event)) == [bad]
    for one, other in zip(fit_of(event).slices, first.slices, strict=True):
        assert one.smile is other.smile


@pytest.mark.parametrize("factors", [NO_QUOTES, WILD, LOWERED])
def test_an_expiry_whose_quotes_are_whole_again_is_solved_alone_and_comes_back(
    opening: DeskSnapshot, factors: tuple[float, float]
) -> None:
    surfaces = LiveSurfaces()
    first = fit_of(stepped(surfaces, opening))
    bad = first.slices[-1].expiry_ns
    stepped(surfaces, changed_expiry(moved(opening, 1.0), bad, *factors))
    event = stepped(surfaces, moved(opening, 2.0))
    assert event.solved <= 1
    assert held(fit_of(event)) == []
    for one, other in zip(fit_of(event).slices, first.slices, strict=True):
        assert one.smile is other.smile


def test_an_expiry_that_fails_among_others_only_is_tried_from_the_last_trial(
    opening: DeskSnapshot,
) -> None:
    surfaces = LiveSurfaces()
    first = fit_of(stepped(surfaces, opening))
    bad = first.slices[-1].expiry_ns
    stepped(surfaces, changed_expiry(moved(opening, 1.0), bad, *LOWERED))
    ticked = moved(one_quote_moved(opening, first, 0), 1.0)
    event = stepped(surfaces, changed_expiry(ticked, bad, *LOWERED))
    assert held(fit_of(event)) == [bad]
    # One slice of the trial, none of the judgements of expiries by themselves, one of the answer.
    assert event.solved == 2


def test_quotes_that_leave_no_smile_at_all_are_fitted_once(opening: DeskSnapshot) -> None:
    def wild(seconds: float) -> DeskSnapshot:
        snapshot = moved(opening, seconds)
        for seed, each in enumerate(first.slices):
            snapshot = changed_expiry(snapshot, each.expiry_ns, *WILD, seed)
        return snapshot

    surfaces = LiveSurfaces()
    first = fit_of(stepped(surfaces, opening))
    event = stepped(surfaces, wild(1.0))
    again = stepped(surfaces, wild(2.0))
    assert event.fit is again.fit is None
    assert event.solved > 0
    assert again.solved == 0
    assert again.problem == event.problem
    assert "no expiry's quotes make a smile" in again.problem


def test_what_was_held_under_another_choice_is_no_answer(opening: DeskSnapshot) -> None:
    surfaces = LiveSurfaces()
    first = fit_of(stepped(surfaces, opening))
    bad = first.slices[-1].expiry_ns
    stepped(surfaces, changed_expiry(moved(opening, 1.0), bad, *NO_QUOTES))
    name = next(iter(first.slices[2].quotes.names))
    surfaces.choose(("deribit", "BTC"), surfaces.choice(("deribit", "BTC")).toggled(name))
    event = stepped(surfaces, changed_expiry(moved(opening, 2.0), bad, *NO_QUOTES))
    assert fit_of(event).slice_at(bad) is None
