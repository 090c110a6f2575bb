"""A chain fitted again: what no change reaches is the earlier slice itself, all else is as new."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quantdesk.errors import InvalidInput
from quantdesk.market.fitting import FitOptions, SurfaceFit, fit_surface, kernel_quotes
from quantdesk.market.surface_points import forward_vol
from quantdesk.market.surface_quotes import SurfaceQuotes
from quantdesk.pricing.surface import fit_slices
from quantdesk.runtime.surface_store import restored_fit, stored_fit
from quantdesk.runtime.surfaces import read_quotes
from tests.unit.surface.chains import AS_OF_NS, DAY_NS, RECORDED, chain

CHAIN = chain(2, 5, 9, 30, 120)
COLD_GAP = 1e-8
"""Vol by which an incremental fit may differ from a cold one at a quote: 1e-6 vol points."""


def fitted(quotes: SurfaceQuotes, previous: SurfaceFit | None = None) -> SurfaceFit:
    fit = fit_surface(quotes, previous=previous)
    assert isinstance(fit, SurfaceFit)
    return fit


def ticked(quotes: SurfaceQuotes, place: int, row: int, vol: float, seconds: int) -> SurfaceQuotes:
    """`quotes` so much later, with one ask of one expiry higher by `vol`; years count on."""
    moved = quotes.expiries[place]
    ask = moved.ask_iv.copy()
    ask[row] = max(ask[row] + vol, moved.bid_iv[row] + 1e-4)
    expiries = list(quotes.expiries)
    expiries[place] = replace(moved, ask_iv=ask)
    return replace(
        quotes,
        as_of_ns=quotes.as_of_ns + seconds * 10**9,
        reference_ns=AS_OF_NS,
        expiries=tuple(expiries),
    )


@pytest.mark.parametrize("place", range(5))
def test_a_tick_solves_its_own_slice_and_keeps_the_longer_ones_to_the_bit(place: int) -> None:
    first = fitted(CHAIN)
    again = fitted(ticked(CHAIN, place, 10, 0.002, 1), first)
    assert again.refitted is not None
    assert 1 <= again.refitted <= place + 1
    assert again.slices[place].smile is not first.slices[place].smile
    for new, held in zip(again.slices[place + 1 :], first.slices[place + 1 :], strict=True):
        assert new.fitted is held.fitted
        assert new.smile is held.smile
        assert np.array_equal(new.fit_iv, held.fit_iv)


def test_nothing_is_solved_where_only_the_moment_and_the_forward_moved() -> None:
    first = fitted(CHAIN)
    carried = tuple(replace(each, forward=each.forward * 1.01) for each in CHAIN.expiries)
    later = replace(CHAIN, as_of_ns=AS_OF_NS + 10**9, reference_ns=AS_OF_NS, expiries=carried)
    again = fitted(later, first)
    assert again.refitted == 0
    assert again is not first
    assert again.slices[2].forward == pytest.approx(1.01 * first.slices[2].forward)
    assert all(a.smile is b.smile for a, b in zip(again.slices, first.slices, strict=True))


def test_other_options_solve_every_slice() -> None:
    first = fitted(CHAIN)
    again = fit_surface(CHAIN, options=FitOptions(smoothing=0.6), previous=first)
    assert isinstance(again, SurfaceFit)
    assert again.refitted == len(CHAIN.expiries)


def test_an_expiry_that_is_new_or_gone_leaves_the_longer_ones_alone() -> None:
    without = replace(CHAIN, expiries=CHAIN.expiries[:1] + CHAIN.expiries[2:])
    first = fitted(without)
    again = fitted(CHAIN, first)
    assert again.refitted is not None
    assert again.refitted <= 2
    assert again.slices[4].smile is first.slices[3].smile
    back = fitted(without, again)
    assert back.slices[3].smile is first.slices[3].smile


tick = st.tuples(
    st.integers(0, 4), st.integers(0, 20), st.floats(-0.004, 0.004), st.integers(0, 60)
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(tick, min_size=1, max_size=8))
def test_any_sequence_of_ticks_ends_where_a_cold_fit_does(
    ticks: list[tuple[int, int, float, int]],
) -> None:
    quotes, fit = CHAIN, fitted(CHAIN)
    for place, row, vol, seconds in ticks:
        quotes = ticked(quotes, place, row, vol, seconds)
        before, fit = fit, fitted(quotes, fit)
        for new, held in zip(fit.slices[place + 1 :], before.slices[place + 1 :], strict=True):
            # Longer slices move where a bid comes near enough to lift them, and not otherwise.
            assert new.smile is held.smile or new.fitted is not held.fitted
    cold = fitted(quotes)
    assert fit.faults == ()
    assert fit.calendar_slack >= 0
    for live, once in zip(fit.slices, cold.slices, strict=True):
        assert np.abs(live.fit_iv - once.fit_iv).max() < COLD_GAP


def test_recorded_chain_is_refitted_expiry_by_expiry_as_a_whole_is() -> None:
    quotes = read_quotes(RECORDED, None, None)
    fit = fitted(quotes)
    solved = []
    for place in range(len(quotes.expiries)):
        row = int(np.flatnonzero(quotes.expiries[place].is_used)[3])
        moved = ticked(quotes, place, row, 0.001, 1)
        quotes = replace(moved, reference_ns=quotes.as_of_ns if place == 0 else quotes.reference_ns)
        fit = fitted(quotes, fit)
        assert fit.refitted is not None
        solved.append(fit.refitted)
    cold = fitted(quotes)
    assert sum(solved) < len(solved) * len(fit.slices) / 2
    for live, once in zip(fit.slices, cold.slices, strict=True):
        used = once.quotes.is_used
        assert np.abs(live.fit_iv - once.fit_iv)[used].max() < COLD_GAP


def test_a_reference_before_the_moment_changes_no_vol_of_a_listed_expiry() -> None:
    plain = fitted(CHAIN)
    late = fitted(replace(CHAIN, as_of_ns=AS_OF_NS + 60 * 10**9, reference_ns=AS_OF_NS))
    listed = np.array([each.expiry_ns for each in plain.slices])
    strikes = np.full(listed.size, 80_000.0)
    np.testing.assert_array_equal(
        late.implied_vol(listed, strikes), plain.implied_vol(listed, strikes)
    )
    assert np.isnan(late.implied_vol(np.array([AS_OF_NS + 1]), np.array([80_000.0]))).all()
    first_ns = late.slices[0].expiry_ns
    assert forward_vol(late, late.as_of_ns, first_ns) == pytest.approx(late.slices[0].atm_iv)


def test_history_keeps_the_reference_of_a_fit() -> None:
    late = fitted(replace(CHAIN, as_of_ns=AS_OF_NS + 60 * 10**9, reference_ns=AS_OF_NS))
    for fit in (late, fitted(CHAIN)):
        back = restored_fit(stored_fit(fit, origin="test", saved_ns=0))
        assert back.reference_ns == fit.reference_ns
        assert back.as_of_ns == fit.as_of_ns
        assert [each.clock_years for each in back.slices] == [
            each.clock_years for each in fit.slices
        ]
        again = fitted(replace(CHAIN, as_of_ns=AS_OF_NS + DAY_NS), back)
        assert again.refitted == len(CHAIN.expiries)


def test_earlier_slices_are_one_for_each_expiry() -> None:
    quotes = [kernel_quotes(each) for each in CHAIN.expiries]
    with pytest.raises(InvalidInput, match="earlier"):
        fit_slices(quotes, earlier=[None])
    found = fit_slices(quotes)
    assert all(a is b for a, b in zip(fit_slices(quotes, earlier=found), found, strict=True))
