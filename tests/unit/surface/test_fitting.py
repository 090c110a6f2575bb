"""A fit is a value: inside the spread, free of arbitrage, the same for the same input."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from quantdesk.errors import InvalidInput
from quantdesk.market.fitting import (
    MODELS,
    FitOptions,
    FitRefusal,
    Grade,
    SurfaceFit,
    fit_surface,
    keep_last_good,
)
from quantdesk.market.fitting_grades import between_flags, worst_grade
from quantdesk.market.surface_grading import score_snapshot, summarise
from quantdesk.market.surface_quotes import SurfaceQuotes
from quantdesk.market.variance_clock import weekend_clock
from quantdesk.pricing.smile import COMMON_GRID, RawSvi, slice_jets, svi_slice
from quantdesk.runtime.surfaces import read_quotes
from tests.unit.surface.chains import AS_OF_NS, DAY_NS, RECORDED, chain, expiry


def fitted(quotes: SurfaceQuotes, model: str = "spline") -> SurfaceFit:
    fit = fit_surface(quotes, options=FitOptions(model=model))
    assert isinstance(fit, SurfaceFit)
    return fit


def test_recorded_chain_is_met_without_arbitrage() -> None:
    fit = fitted(read_quotes(RECORDED, None, None))
    assert fit.faults == ()
    assert fit.g_min > 0
    assert fit.calendar_slack > 0
    assert fit.in_spread >= 0.99
    assert fit.in_spread_core >= 0.99
    assert fit.rmse <= 0.0050
    assert fit.grade is Grade.A
    assert all(not each.fallback for each in fit.slices)


def test_no_butterfly_between_listed_expiries() -> None:
    assert fitted(read_quotes(RECORDED, None, None)).between == ()


def test_a_butterfly_between_expiries_is_named() -> None:
    tame = svi_slice(RawSvi(0.01, 0.0, 0.0, 0.0, 0.1))
    wild = svi_slice(RawSvi(-0.0410, 0.1331, 0.3060, 0.3586, 0.4153))
    between, after = between_flags([(AS_OF_NS, tame), (AS_OF_NS + DAY_NS, wild)])
    assert "between it and the expiry before, g falls to -0.0" in between
    assert "at dates after it, g falls to -0.0" in after


def test_hidden_quotes_are_met_too() -> None:
    score = score_snapshot(read_quotes(RECORDED, None, None), FitOptions(), hold_out=4)
    assert score.held_out.quotes > 60
    assert score.held_out.share >= 0.925
    assert summarise("spline", [score]).failed == 0


@pytest.mark.parametrize("model", [model for model in MODELS if model != "svi-free"])
def test_every_model_but_the_free_one_keeps_arbitrage_out(model: str) -> None:
    assert fitted(read_quotes(RECORDED, None, None), model=model).faults == ()


def test_free_svi_shows_its_violations() -> None:
    fit = fitted(read_quotes(RECORDED, None, None), model="svi-free")
    assert fit.faults
    assert fit.grade.value >= "D"


def test_same_input_gives_the_same_surface() -> None:
    one, two = fitted(chain()), fitted(chain())
    assert one.digest == two.digest
    for a, b in zip(one.slices, two.slices, strict=True):
        assert np.array_equal(a.parameters, b.parameters)


def test_unchanged_quotes_give_the_earlier_fit_itself() -> None:
    first = fitted(chain())
    assert fit_surface(chain(), previous=first) is first


def test_start_from_an_earlier_fit_moves_no_theo() -> None:
    quotes = chain()
    cold = fitted(quotes)
    later = replace(quotes, as_of_ns=quotes.as_of_ns + 1)
    # As a fit comes back from the history: with coefficients, and nothing of the kernel's.
    start = replace(cold, slices=tuple(replace(each, fitted=None) for each in cold.slices))
    warm = fit_surface(later, previous=start)
    assert isinstance(warm, SurfaceFit)
    assert warm.refitted == len(cold.slices)
    for a, b in zip(cold.slices, warm.slices, strict=True):
        assert b.steps < a.steps
        np.testing.assert_allclose(b.fit_iv, a.fit_iv, atol=1e-8)


def test_one_tick_of_one_quote_stays_local() -> None:
    quotes = chain()
    before = fitted(quotes)
    moved = quotes.expiries[2]
    ask = moved.ask_iv.copy()
    ask[10] += 0.002
    expiries = (*quotes.expiries[:2], replace(moved, ask_iv=ask), quotes.expiries[3])
    after = fitted(replace(quotes, expiries=expiries))
    for place, (a, b) in enumerate(zip(before.slices, after.slices, strict=True)):
        half = (a.quotes.ask_iv - a.quotes.bid_iv) / 2
        change = np.abs(b.fit_iv - a.fit_iv) / half
        if place == 2:
            change[8:13] = 0.0
        assert change.max() < 0.1


def test_implied_vol_is_that_of_the_slices_and_between_them_of_the_clock() -> None:
    fit = fitted(chain())
    each = fit.slices[1]
    found = fit.implied_vol(np.array([each.expiry_ns]), each.quotes.strike)
    np.testing.assert_allclose(found, each.fit_iv, rtol=1e-12)
    assert np.isnan(fit.implied_vol(np.array([AS_OF_NS]), np.array([80_000.0]))).all()
    assert np.isnan(fit.implied_vol(np.array([each.expiry_ns]), np.array([-1.0, 0.0]))).all()
    middle = AS_OF_NS + 20 * DAY_NS
    w = [slice_jets(one.smile, 0.1).w for one in fit.slices[1:3]]
    share = (20 - 9) / (30 - 9)
    expected = np.sqrt(((1 - share) * w[0] + share * w[1]) / (20 / 365))
    strike = float(fit.forward(middle)) * np.exp(0.1)
    assert fit.implied_vol(np.array([middle]), np.array([strike])) == pytest.approx(expected)


def test_no_clock_changes_a_listed_expiry() -> None:
    quotes = chain()
    plain = fitted(quotes)
    weighted = fit_surface(quotes, clock=weekend_clock(0.2, 0.7))
    assert isinstance(weighted, SurfaceFit)
    listed = np.array([each.expiry_ns for each in plain.slices])
    between = listed[:-1] + DAY_NS
    strikes = np.array([80_000.0])
    assert np.allclose(
        plain.implied_vol(listed, strikes),
        weighted.implied_vol(listed, strikes),
        rtol=1e-13,
        atol=0,
    )
    gap = plain.implied_vol(between, strikes) - weighted.implied_vol(between, strikes)
    assert np.abs(gap).max() > 1e-4


def test_what_the_quotes_do_not_carry_is_refused_in_words() -> None:
    thin = replace(
        expiry(9),
        is_used=np.zeros(21, dtype=np.bool_),
        refusal="2 usable two-sided quotes; a slice needs 3",
    )
    quotes = replace(chain(), expiries=(thin,))
    refusal = fit_surface(quotes)
    assert isinstance(refusal, FitRefusal)
    assert "2 usable two-sided quotes" in refusal.reason
    good = fitted(chain())
    assert keep_last_good(refusal, good) is good
    assert keep_last_good(refusal, None) is None
    empty = fit_surface(replace(quotes, expiries=()))
    assert isinstance(empty, FitRefusal)
    assert empty.reason == "no expiry is listed"


def test_three_quotes_make_a_simple_slice_with_a_low_grade() -> None:
    three = expiry(9, count=3)
    fit = fitted(replace(chain(), expiries=(three,)))
    (only,) = fit.slices
    assert only.model == "ssvi"
    assert only.grade.value >= "B"
    assert any("Only 3 quotes" in flag for flag in only.flags)


def test_one_sided_wings_are_a_guess_and_say_so() -> None:
    whole = expiry(30)
    calls = whole.log_moneyness > 0.05
    quotes = replace(chain(), expiries=(replace(whole, is_used=calls),))
    (only,) = fitted(quotes).slices
    assert only.grade.value >= "D"
    assert any("put side" in flag for flag in only.flags)


def test_a_hole_at_the_money_is_a_guess_and_says_so() -> None:
    whole = expiry(30)
    far = np.abs(whole.log_moneyness) > 0.15
    (only,) = fitted(replace(chain(), expiries=(replace(whole, is_used=far),))).slices
    assert only.grade.value >= "D"
    assert any(flag.startswith("No quotes between k = -0.") for flag in only.flags)
    (only,) = fitted(replace(chain(), expiries=(whole,))).slices
    assert only.flags == ()


@pytest.mark.parametrize(
    ("letters", "grade"),
    [("A" * 12, "A"), ("A" * 11 + "F", "A"), ("A" * 9 + "F" * 3, "D"), ("AAAAD", "C"), ("F", "F")],
)
def test_a_few_bad_slices_do_not_vanish_among_many_good_ones(letters: str, grade: str) -> None:
    assert worst_grade(0.995, [Grade(letter) for letter in letters], ()) is Grade(grade)


def test_wings_rise_below_lee_and_below_longer_ones() -> None:
    fit = fitted(chain())
    before = np.zeros(COMMON_GRID.size)
    for each in fit.slices:
        left, right = each.smile.wing_slopes
        assert -2 < left < 0 < right < 2
        w = slice_jets(each.smile, COMMON_GRID).w
        assert (w > before).all()
        before = w


@pytest.mark.parametrize(("field", "value"), [("model", "sabr"), ("smoothing", 0.0)])
def test_options_outside_their_domain_are_refused(field: str, value: object) -> None:
    with pytest.raises(InvalidInput, match=field):
        FitOptions(**{field: value})  # type: ignore[arg-type]


def test_hold_out_of_one_is_refused() -> None:
    with pytest.raises(InvalidInput, match="hold_out"):
        score_snapshot(chain(), FitOptions(), hold_out=1)


@pytest.mark.parametrize("factor", [1.02, 0.97])
def test_a_forward_that_its_neighbours_contradict_is_told(factor: float) -> None:
    quotes = chain(2, 9, 30, 60, 120)
    expiries = list(quotes.expiries)
    bad = expiries[2]
    expiries[2] = replace(
        bad,
        forward=bad.forward * factor,
        log_moneyness=bad.log_moneyness - np.log(factor),
    )
    plain, off = fit_surface(quotes), fit_surface(replace(quotes, expiries=tuple(expiries)))
    assert isinstance(plain, SurfaceFit)
    assert isinstance(off, SurfaceFit)
    told = [[flag for flag in each.flags if "Off the curve" in flag] for each in off.slices]
    assert [len(each) for each in told] == [0, 0, 1, 0, 0]
    assert f"{factor - 1:+.1%}"[:2] in told[2][0]
    assert off.slices[2].grade.value > plain.slices[2].grade.value
    assert not any("Off the curve" in flag for each in plain.slices for flag in each.flags)


def test_a_held_forward_is_of_another_moment_and_not_told_to_be_off() -> None:
    expiries = list(chain(2, 9, 30, 60, 120).expiries)
    moved = [
        replace(each, forward=each.forward * 1.05, log_moneyness=each.log_moneyness - np.log(1.05))
        for each in expiries
    ]
    moved[2] = replace(expiries[2], held="Held from an hour ago.")
    fit = fit_surface(replace(chain(2, 9, 30, 60, 120), expiries=tuple(moved)))
    assert isinstance(fit, SurfaceFit)
    assert not any("Off the curve" in flag for each in fit.slices for flag in each.flags)
