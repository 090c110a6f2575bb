"""What traders read off a surface: deltas, densities, Greeks, shocks, clocks."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from quantdesk import pricing
from quantdesk.errors import InvalidInput
from quantdesk.market.fitting import FitOptions, SurfaceFit, fit_surface
from quantdesk.market.surface_clock import on_clock
from quantdesk.market.surface_density import (
    density_price,
    fair_variance,
    slice_moments,
    thirty_day_index,
    variance_swap,
)
from quantdesk.market.surface_greeks import Stickiness, roll_down, surface_greeks
from quantdesk.market.surface_points import (
    atm_vol,
    butterfly,
    forward_vol,
    point_at_delta,
    point_at_strike,
    risk_reversal,
    term_structure,
)
from quantdesk.market.surface_shocks import SurfaceShock, shock_surface
from quantdesk.market.variance_clock import (
    CALENDAR,
    VarianceClock,
    VarianceEvent,
    estimate_weekend,
    venue_minutes,
    venue_years,
    weekend_clock,
)
from quantdesk.pricing.smile import slice_jets, svi_slice
from tests.unit.surface.chains import AS_OF_NS, DAY_NS, chain


@pytest.fixture(scope="module")
def fit() -> SurfaceFit:
    found = fit_surface(chain())
    assert isinstance(found, SurfaceFit)
    return found


@pytest.mark.parametrize("delta", [0.1, 0.25, 0.5, -0.1, -0.25])
def test_the_point_at_a_delta_has_it(fit: SurfaceFit, delta: float) -> None:
    point = point_at_delta(fit, fit.slices[2].expiry_ns, delta)
    root = math.sqrt(point.total_variance)
    d1 = -point.k / root + root / 2
    black = NormalDist().cdf(d1) - (delta < 0)
    assert black == pytest.approx(delta, abs=1e-12)


@pytest.mark.parametrize("delta", [0.1, 0.25, -0.25])
def test_premium_adjusted_delta_is_less_the_premium(fit: SurfaceFit, delta: float) -> None:
    expiry_ns = fit.slices[3].expiry_ns
    point = point_at_delta(fit, expiry_ns, delta, premium_adjusted=True)
    forward, years = float(fit.forward(expiry_ns)), float(fit.years(expiry_ns))
    found = pricing.greeks(
        delta > 0, forward, point.strike, years, point.vol, which=("price", "delta")
    )
    assert found.price is not None
    assert found.delta is not None
    assert float(found.delta) - float(found.price) / forward == pytest.approx(delta, abs=1e-9)


def test_reversal_and_butterfly_follow_from_the_points(fit: SurfaceFit) -> None:
    expiry_ns = fit.slices[2].expiry_ns
    call, put = (point_at_delta(fit, expiry_ns, sign * 0.25).vol for sign in (1, -1))
    assert risk_reversal(fit, expiry_ns) == pytest.approx(call - put)
    assert risk_reversal(fit, expiry_ns) < 0
    expected = (call + put) / 2 - atm_vol(fit, expiry_ns)
    assert butterfly(fit, expiry_ns) == pytest.approx(expected)
    assert [each.expiry_ns for each in term_structure(fit)] == [s.expiry_ns for s in fit.slices]


def test_forward_vols_add_up_to_the_far_one(fit: SurfaceFit) -> None:
    near, far = fit.slices[1], fit.slices[2]
    gap = far.years - near.years
    total = near.atm_iv**2 * near.years
    total += forward_vol(fit, near.expiry_ns, far.expiry_ns) ** 2 * gap
    assert total == pytest.approx(far.atm_iv**2 * far.years)
    assert forward_vol(fit, AS_OF_NS, near.expiry_ns) == pytest.approx(near.atm_iv)
    with pytest.raises(InvalidInput, match="start_ns"):
        forward_vol(fit, far.expiry_ns, near.expiry_ns)


def test_questions_outside_the_surface_are_refused(fit: SurfaceFit) -> None:
    with pytest.raises(InvalidInput, match="expiry_ns"):
        atm_vol(fit, AS_OF_NS)
    with pytest.raises(InvalidInput, match="delta"):
        point_at_delta(fit, fit.slices[0].expiry_ns, 1.5)
    with pytest.raises(InvalidInput, match="strike"):
        point_at_strike(fit, fit.slices[0].expiry_ns, 0.0)


def test_density_is_one_and_reprices_the_chain(fit: SurfaceFit) -> None:
    for each in fit.slices:
        moments = slice_moments(each.smile)
        assert moments.mass == pytest.approx(1.0, abs=1e-10)
        assert moments.forward == pytest.approx(1.0, abs=1e-10)
        for k, is_call in zip(
            each.quotes.log_moneyness[::4].tolist(), each.quotes.is_call[::4].tolist(), strict=True
        ):
            root = math.sqrt(float(slice_jets(each.smile, k).w))
            black = float(pricing.price(is_call, 1.0, math.exp(k), 1.0, root, 0.0))
            assert density_price(each.smile, k, is_call=is_call) == pytest.approx(black, abs=1e-12)


def test_a_flat_smile_has_its_own_vol_as_variance_swap() -> None:
    flat = svi_slice(pricing.smile.RawSvi(0.04, 0.0, 0.0, 0.0, 0.1))
    assert fair_variance(flat) == pytest.approx(0.04, rel=1e-9)
    assert slice_moments(flat).skewness == pytest.approx(0.0, abs=1e-9)
    assert slice_moments(flat).kurtosis == pytest.approx(0.0, abs=1e-9)


def test_index_is_linear_between_the_fair_variances_around_it(fit: SurfaceFit) -> None:
    index = thirty_day_index(fit, 20)
    # An even grid and the trapezoid, with the options of both expiries, of 9 and 30 days.
    k = np.linspace(-4.0, 4.0, 80_001)
    fair = []
    for each in fit.slices[1:3]:
        vols = np.sqrt(slice_jets(each.smile, k).w)
        otm = np.asarray(pricing.price(k >= 0, 1.0, np.exp(k), 1.0, vols, 0.0))
        fair.append(2.0 * float(np.trapezoid(otm * np.exp(-k), k)))
    total = fair[0] + (fair[1] - fair[0]) * (20 - 9) / (30 - 9)
    assert index.points == pytest.approx(100 * math.sqrt(total / (20 / 365)), abs=1e-4)
    assert "not DVOL" in index.words
    assert "fair variances of 9.0 and 30.0 days" in index.words
    assert variance_swap(fit, fit.slices[1].expiry_ns).vol > fit.slices[1].atm_iv


@pytest.mark.parametrize("days", [1, 30, 400])
def test_without_two_expiries_around_it_the_index_is_the_swap_on_each_clock(
    fit: SurfaceFit, days: int
) -> None:
    for clock in (CALENDAR, weekend_clock(0.3, 0.5)):
        moved = on_clock(fit, chain(), clock)
        swap = variance_swap(moved, moved.as_of_ns + days * DAY_NS)
        assert thirty_day_index(moved, days).points == 100 * swap.vol
    for each in fit.slices:
        assert variance_swap(fit, each.expiry_ns).total_variance == pytest.approx(
            fair_variance(each.smile), rel=1e-12
        )


def test_the_index_says_how_its_smile_came_about(fit: SurfaceFit) -> None:
    assert "no two expiries around it, before the first expiry" in thirty_day_index(fit, 1).words
    assert "(replicated, not DVOL), a listed expiry" in thirty_day_index(fit, 30).words
    assert "no two expiries around it, after the last expiry" in thirty_day_index(fit, 400).words
    with pytest.raises(InvalidInput, match="days"):
        thirty_day_index(fit, 0)


def test_sticky_rules_differ_by_the_skew(fit: SurfaceFit) -> None:
    expiry_ns = fit.slices[2].expiry_ns
    forward = float(fit.forward(expiry_ns))
    strikes, is_call = forward * np.array([0.9, 1.0, 1.1]), np.array([False, True, True])
    found = {s: surface_greeks(fit, expiry_ns, strikes, is_call, s) for s in Stickiness}
    strike, by_delta = found[Stickiness.STRIKE], found[Stickiness.DELTA]
    np.testing.assert_allclose(strike.delta, strike.black_delta)
    expected = strike.vega_per_point / 0.01 * strike.skew / forward
    np.testing.assert_allclose(strike.delta - by_delta.delta, expected, rtol=1e-10)
    np.testing.assert_allclose(found[Stickiness.SURFACE].delta - strike.delta, expected, rtol=1e-10)
    plain = pricing.greeks(
        is_call, forward, strikes, float(fit.years(expiry_ns)), strike.vol, which=("gamma",)
    )
    assert plain.gamma is not None
    np.testing.assert_allclose(strike.gamma, plain.gamma, rtol=1e-4)
    assert (strike.theta_per_day < 0).all()


@pytest.mark.parametrize(
    "shock",
    [
        SurfaceShock(level=0.1),
        SurfaceShock(level=-0.2),
        SurfaceShock(skew=0.05),
        SurfaceShock(curvature=0.05),
        SurfaceShock(term=0.1),
    ],
)
def test_shocked_surfaces_are_free_of_arbitrage(fit: SurfaceFit, shock: SurfaceShock) -> None:
    moved = shock_surface(fit, shock)
    assert moved.fit.faults == ()
    assert moved.gap < 0.02
    wanted = shock.level + shock.term * math.sqrt(30 / 365 / fit.slices[2].years)
    change = moved.fit.slices[2].atm_iv - fit.slices[2].atm_iv
    assert change == pytest.approx(wanted, abs=0.003)


def test_a_shock_of_nothing_is_the_surface_itself(fit: SurfaceFit) -> None:
    moved = shock_surface(fit, SurfaceShock())
    assert moved.fit is fit
    assert (moved.gap, moved.quoted_gap) == (0.0, 0.0)


@pytest.mark.parametrize("shock", [SurfaceShock(level=1e-9), SurfaceShock(level=0.05)])
def test_a_gap_is_the_largest_distance_from_what_was_asked(
    fit: SurfaceFit, shock: SurfaceShock
) -> None:
    moved = shock_surface(fit, shock)
    grid = np.arange(-600, 601) / 200.0
    at_quotes: list[float] = []
    everywhere: list[float] = []
    for old, new in zip(fit.slices, moved.fit.slices, strict=True):
        for k, found in ((old.quotes.log_moneyness, at_quotes), (grid, everywhere)):
            before, after = (
                np.sqrt(slice_jets(each.smile, k).w / old.years) for each in (old, new)
            )
            found.append(float(np.abs(after - before - shock.level).max()))
    assert moved.quoted_gap == pytest.approx(max(at_quotes), rel=1e-9)
    assert moved.gap == pytest.approx(max(*at_quotes, *everywhere), rel=1e-9)
    assert moved.quoted_gap < 0.001


def test_shocks_that_differ_have_digests_that_differ(fit: SurfaceFit) -> None:
    shocks = (SurfaceShock(level=0.05), SurfaceShock(level=0.0500000001))
    one, other = (shock_surface(fit, shock).fit for shock in shocks)
    assert len({fit.digest, one.digest, other.digest}) == 3


def test_the_grade_of_a_shocked_surface_is_of_what_was_asked(fit: SurfaceFit) -> None:
    moved = shock_surface(fit, SurfaceShock(level=0.05)).fit
    assert moved.grade is fit.grade
    assert moved.shock is not None
    assert moved.shock.words == "level +5"
    assert moved.shock.met == 1.0
    torn = shock_surface(fit, SurfaceShock(curvature=3.0)).fit
    assert torn.shock is not None
    assert torn.shock.met < 0.7
    assert torn.grade.value == "F"


def test_rolling_down_reads_the_surface_a_day_nearer(fit: SurfaceFit) -> None:
    at_ns = fit.as_of_ns + 20 * DAY_NS
    forward = float(fit.forward(at_ns))
    strikes, is_call = forward * np.array([0.9, 1.1]), np.array([False, True])
    roll = roll_down(fit, at_ns, strikes, is_call)
    k = np.log(strikes / forward)
    now, nearer = (
        fit.total_variance(ns, k) / (days / 365) for ns, days in ((at_ns, 20), (at_ns - DAY_NS, 19))
    )
    np.testing.assert_allclose(roll.vol_change, np.sqrt(nearer) - np.sqrt(now), rtol=1e-9)
    there = np.asarray(pricing.price(is_call, forward, strikes, 19 / 365, np.sqrt(nearer), 0.0))
    greeks = surface_greeks(fit, at_ns, strikes, is_call)
    np.testing.assert_allclose(roll.price_change, there - greeks.price, rtol=1e-9)
    np.testing.assert_allclose(roll.beyond_theta, roll.price_change - greeks.theta_per_day)


def test_before_the_first_expiry_a_smile_rolls_by_its_decay_alone(fit: SurfaceFit) -> None:
    first_ns = fit.slices[0].expiry_ns
    strikes, is_call = np.array([float(fit.forward(first_ns))]), np.array([True])
    roll = roll_down(fit, first_ns, strikes, is_call)
    assert roll.vol_change[0] == pytest.approx(0.0, abs=1e-12)
    assert roll.beyond_theta[0] == pytest.approx(0.0, abs=1e-9)
    last_day = roll_down(fit, fit.as_of_ns + DAY_NS, strikes, is_call)
    assert np.isnan(last_day.vol_change).all()
    assert last_day.price_change[0] < 0


def test_jump_wings_of_svi_slices_are_at_hand() -> None:
    svi = fit_surface(chain(), options=FitOptions(model="svi"))
    assert isinstance(svi, SurfaceFit)
    for each in svi.slices:
        wings = each.jump_wings
        assert wings is not None
        assert wings.v == pytest.approx(each.atm_iv**2)
        left, right = each.smile.wing_slopes
        root = each.atm_iv * math.sqrt(each.years)
        assert (wings.p, wings.c) == pytest.approx((-left / root, right / root))


def test_a_spline_has_no_jump_wings(fit: SurfaceFit) -> None:
    assert all(each.jump_wings is None for each in fit.slices)


def test_a_shock_that_is_no_number_is_refused() -> None:
    with pytest.raises(InvalidInput, match="skew"):
        SurfaceShock(skew=math.nan)


def test_a_week_weighs_seven_days_on_any_clock() -> None:
    clock = weekend_clock(0.2, 0.7)
    week = AS_OF_NS + 7 * DAY_NS
    assert float(clock.years(AS_OF_NS, week)) == pytest.approx(7 / 365)
    assert math.fsum(clock.day_weights) == pytest.approx(7.0)
    assert clock.day_weights[5] / clock.day_weights[0] == pytest.approx(0.2)
    # 24 January 2026 is a Saturday.
    saturday = 1_769_241_600_000_000_000
    assert float(clock.years(saturday, saturday + DAY_NS)) == pytest.approx(
        clock.day_weights[5] / 365
    )


def test_an_event_takes_its_days_from_the_others_of_its_year() -> None:
    event = VarianceEvent(name="vote", start_ns=AS_OF_NS, end_ns=AS_OF_NS + DAY_NS, extra_days=2.0)
    clock = VarianceClock(events=(event,))
    assert float(clock.years(AS_OF_NS, AS_OF_NS + 365 * DAY_NS)) == pytest.approx(1.0, rel=1e-12)
    eventful = float(clock.years(AS_OF_NS, AS_OF_NS + DAY_NS))
    plain = float(clock.years(AS_OF_NS + DAY_NS, AS_OF_NS + 2 * DAY_NS))
    assert eventful == pytest.approx(3.0 * plain)
    assert plain == pytest.approx(1 / 367)


def test_events_of_several_years_count_against_their_own_time() -> None:
    events = tuple(
        VarianceEvent(
            name="vote",
            start_ns=AS_OF_NS + 365 * year * DAY_NS,
            end_ns=AS_OF_NS + (365 * year + 1) * DAY_NS,
            extra_days=3.0,
        )
        for year in range(4)
    )
    clock = VarianceClock(events=events)
    span = 3 * 365 + 1
    found = float(clock.years(AS_OF_NS, AS_OF_NS + span * DAY_NS))
    assert found == pytest.approx(span / 365, rel=1e-12)


def test_a_broken_event_or_weight_is_refused() -> None:
    with pytest.raises(InvalidInput, match="end_ns"):
        VarianceEvent(name="", start_ns=1, end_ns=1, extra_days=0.0)
    with pytest.raises(InvalidInput, match="day_weights"):
        VarianceClock(day_weights=(0.0,) * 7)


def test_a_quiet_weekend_is_seen_in_the_term_structure() -> None:
    # Friday 23 January 2026 01:48 UTC, expiries at 08:00: the ATM vols of the recorded chain.
    now = 1_769_132_880_000_000_000
    first = 1_769_241_600_000_000_000
    expiries = [first + day * DAY_NS for day in (0, 1, 2, 6)]
    atm = np.array([0.3365, 0.2779, 0.2931, 0.3530])
    years = CALENDAR.years(now, np.array(expiries))
    weights = estimate_weekend(now, expiries, atm**2 * years).day_weights
    assert weights[5] < 0.7 * weights[0]
    assert weights[5] < weights[6]
    assert estimate_weekend(now, expiries[:1], [0.001]).is_calendar


def test_the_venue_counts_whole_minutes() -> None:
    assert venue_minutes(0, 61_000_000_000) == 1
    assert venue_minutes(0, 91_000_000_000) == 2
    assert venue_minutes(61_000_000_000, 0) == 0
    assert venue_years(0, 525_600 * 60_000_000_000) == 1.0
