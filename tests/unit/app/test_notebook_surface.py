"""`desk.surface("BTC")`: everything that can be asked of a surface, by dates in words."""

from __future__ import annotations

import math
from dataclasses import fields
from statistics import NormalDist

import numpy as np
import pytest

import quantdesk as qd
from quantdesk.errors import ConfigError, InvalidInput, OutOfDomain
from quantdesk.market.surface_points import SmilePoint

DESK = qd.sample("deribit-2026-06-27")
SURFACE = DESK.surface("BTC")
DAY_NS = 86_400 * 10**9


def delta_of(point: SmilePoint) -> float:
    root = math.sqrt(point.total_variance)
    return NormalDist().cdf(-point.k / root + root / 2)


def test_dates_are_words_instants_and_days() -> None:
    july = SURFACE.slice("31JUL26").expiry_ns
    assert {SURFACE.instant(when) for when in ("monthly", "2026-07-31", july)} == {july}
    assert SURFACE.instant("2026-07-31T08:00:00Z") == july
    assert SURFACE.instant("30d") == SURFACE.as_of_ns + 30 * DAY_NS
    unlisted = SURFACE.instant("2026-07-10")
    assert unlisted % DAY_NS == 8 * 3600 * 10**9
    assert SURFACE.expiries[0] == "28JUN26"


@pytest.mark.parametrize(
    "when",
    [
        *("yesterday", "", "2026-13-01", "2020-01-01", 0, "-3d"),
        *("9999-01-01", "2300-01-01T08:00", 2**63),
    ],
)
def test_what_is_no_date_ahead_is_refused(when: str | int) -> None:
    with pytest.raises(InvalidInput, match=r"date|when"):
        SURFACE.atm(when)


def test_every_way_of_asking_for_a_point_agrees() -> None:
    point = SURFACE.at_delta("2026-07-10", 0.25)
    assert delta_of(point) == pytest.approx(0.25, abs=1e-12)
    assert SURFACE.at_strike("2026-07-10", point.strike).vol == pytest.approx(point.vol)
    assert SURFACE.at_moneyness("2026-07-10", point.k).vol == pytest.approx(point.vol)
    vol = SURFACE.implied_vol("2026-07-10", point.strike)
    assert float(vol) == pytest.approx(point.vol)
    w = SURFACE.total_variance("2026-07-10", [point.k])
    assert w.shape == (1,)
    assert float(w[0]) == pytest.approx(point.total_variance)
    adjusted = SURFACE.at_delta("2026-07-10", 0.25, premium_adjusted=True)
    assert adjusted.strike < point.strike


def test_atm_reversal_and_butterfly_are_those_of_the_term_structure() -> None:
    for code, point in zip(SURFACE.expiries, SURFACE.term_structure(delta=0.1), strict=True):
        assert SURFACE.atm(code) == pytest.approx(point.atm)
        assert SURFACE.risk_reversal(code, 0.1) == pytest.approx(point.risk_reversal)
        assert SURFACE.butterfly(code, 0.1) == pytest.approx(point.butterfly)
        assert SURFACE.forward(code) == pytest.approx(point.forward)
    two = SURFACE.term_structure(["7d", "30d"])
    assert [round(each.years * 365, 6) for each in two] == [7.0, 30.0]


def test_forward_vol_adds_up() -> None:
    near, far = SURFACE.slice("17JUL26"), SURFACE.slice("31JUL26")
    w = far.atm_iv**2 * far.years - near.atm_iv**2 * near.years
    expected = math.sqrt(w / (far.years - near.years))
    assert SURFACE.forward_vol("17JUL26", "31JUL26") == pytest.approx(expected)
    with pytest.raises(InvalidInput, match="start_ns"):
        SURFACE.forward_vol("31JUL26", "17JUL26")


def test_three_kinds_of_greeks_differ_by_the_skew() -> None:
    strikes = [55_000, 60_000]
    found = {
        name: SURFACE.greeks("monthly", strikes, "put", stickiness=name)
        for name in ("strike", "delta", "surface")
    }
    sticky = found["strike"]
    np.testing.assert_allclose(sticky.delta, sticky.black_delta)
    by_ratio = SURFACE.greeks("monthly", strikes, "put", stickiness=0.0)
    np.testing.assert_array_equal(by_ratio.delta, found["delta"].delta)
    # On a falling smile a strike gains vol with the forward if deltas keep theirs.
    assert (sticky.skew < 0).all()
    assert (found["delta"].delta > sticky.delta).all()
    assert (found["surface"].delta < sticky.delta).all()
    calls = SURFACE.greeks("monthly", strikes, np.array([True, False]))
    np.testing.assert_allclose(calls.delta[0] - sticky.delta[0], 1.0)


@pytest.mark.parametrize(
    ("field", "words"),
    [("option_type", {"option_type": "straddle"}), ("stickiness", {"stickiness": "sticky"})],
)
def test_unknown_words_are_refused(field: str, words: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match=field):
        SURFACE.greeks("monthly", 60_000, **words)


@pytest.mark.parametrize("when", ["monthly", "30d"])
def test_density_and_moments_are_of_any_date(when: str) -> None:
    moments, density = SURFACE.moments(when), SURFACE.density(when)
    assert moments.mass == pytest.approx(1.0, abs=1e-9)
    assert moments.forward == pytest.approx(1.0, abs=1e-9)
    assert (density.density > -1e-12).all()


def test_slices_are_of_fitted_expiries_only() -> None:
    assert SURFACE.slice("monthly").grade.value == "A"
    with pytest.raises(InvalidInput, match="must be a fitted expiry: 28JUN26"):
        SURFACE.slice("30d")


def test_index_is_about_that_of_the_swap_and_says_whose_it_is() -> None:
    index = SURFACE.index()
    assert "not DVOL" in index.words
    assert index.points == pytest.approx(100 * SURFACE.variance_swap("30d").vol, abs=0.5)
    with pytest.raises(InvalidInput, match="days"):
        SURFACE.index(0)


def test_shocked_surface_is_a_surface() -> None:
    moved = SURFACE.shocked(level=0.05)
    assert moved.gap is not None
    assert SURFACE.gap is None
    assert moved.atm("monthly") - SURFACE.atm("monthly") == pytest.approx(0.05, abs=1e-3)
    assert moved.fit.faults == ()
    assert "shocked by level +5 vol points" in repr(moved)
    assert "nan" not in repr(moved)


def test_roll_down_is_that_of_one_day() -> None:
    roll = SURFACE.roll_down("monthly", [60_000.0, 64_000.0], "put")
    assert roll.vol_change.shape == (2,)
    assert (roll.price_change < 0).all()
    with pytest.raises(InvalidInput, match="option_type"):
        SURFACE.roll_down("monthly", 60_000.0, "straddle")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("strike", [0.0, -1.0, np.nan, np.inf])
def test_what_is_no_strike_has_no_greeks(strike: float) -> None:
    greeks = SURFACE.greeks("monthly", [strike, 60_000.0])
    roll = SURFACE.roll_down("monthly", [strike, 60_000.0])
    for values in (*(getattr(greeks, each.name) for each in fields(greeks)), *roll):
        assert np.isnan(values).tolist() == [True, False]


@pytest.mark.parametrize("ratio", [math.nan, math.inf, -math.inf, 1e300, -100.5])
def test_what_is_no_ratio_is_no_stickiness(ratio: float) -> None:
    with pytest.raises(InvalidInput, match=r"stickiness = .*from -100 to 100"):
        SURFACE.greeks("monthly", [60_000.0], "put", stickiness=ratio)


@pytest.mark.parametrize("k", [math.nan, math.inf, -math.inf, 12.5])
def test_forward_vol_is_at_a_moneyness(k: float) -> None:
    with pytest.raises(InvalidInput, match=r"log_moneyness = .*from -12 to 12"):
        SURFACE.forward_vol("monthly", "2026-12-25", k)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_vols_of_what_is_no_number_are_none(number: float) -> None:
    vols = SURFACE.implied_vol("monthly", [number, 60_000.0])
    variances = SURFACE.total_variance("monthly", [number, 0.0])
    for values in (vols, variances):
        assert np.isnan(values).tolist() == [True, False]


@pytest.mark.parametrize("option_type", [["put"], [math.nan], [1], [True, False], []])
def test_types_of_options_are_words_or_one_truth_each(option_type: list[object]) -> None:
    types = np.array(option_type)
    for ask in (SURFACE.greeks, SURFACE.roll_down):
        with pytest.raises(InvalidInput, match="option_type"):
            ask("monthly", [60_000.0], types)


def test_own_vols_stand_beside_the_market() -> None:
    own = SURFACE.own_vols("monthly", pins={60_000: 0.5})
    at = np.array([SURFACE.instant("monthly")])
    assert own.implied_vol(at, np.array([60_000.0]))[0] == pytest.approx(0.5)
    assert float(SURFACE.implied_vol("monthly", 60_000)) < 0.45
    columns, market = SURFACE.edge(own), SURFACE.edge()
    moved = np.abs(columns["theo_iv"] - market["theo_iv"]) > 1e-9
    assert set(columns["expiry"][moved].astype("int64").tolist()) == {int(at[0])}
    assert own.faults()


def test_edge_is_by_option_of_the_chain() -> None:
    columns, chain = SURFACE.edge(), qd.chain_columns(DESK.chain("BTC"))
    np.testing.assert_array_equal(columns["instrument_name"], chain["instrument_name"])
    np.testing.assert_allclose(columns["sell_edge_vol"], chain["bid_iv"] - columns["theo_iv"])


def test_weekend_and_events_are_estimated_with_their_errors() -> None:
    found = SURFACE.clock_estimate("2026-07-10T12:30Z 2h CPI", "2040-01-01")
    cpi, late = found.events
    assert (cpi.event.name, late.event.name) == ("CPI", "2040-01-01")
    assert np.isfinite(cpi.extra_days)
    assert cpi.error_days > 0
    assert late.reason == "no fitted expiry comes after it"
    assert sum(found.clock.day_weights) == pytest.approx(7.0)


@pytest.mark.parametrize("length", ["2w", "-1d", "1.5", "2weeks", "1d 3.0"])
def test_a_length_that_is_none_is_no_name_of_an_event(length: str) -> None:
    with pytest.raises(InvalidInput, match="lengths in d, h or m"):
        SURFACE.clock_estimate(f"2026-07-10 {length} CPI")
    (named,) = SURFACE.clock_estimate("2026-07-04 4th of July").events
    assert named.event.name == "4th of July"


def test_model_clock_and_points_can_be_chosen() -> None:
    name = SURFACE.slice("17JUL26").quotes.names[5]
    other = DESK.surface("BTC", model="svi", exclude=[name])
    assert other.fit.options.model == "svi"
    quotes = other.slice("17JUL26").quotes
    assert quotes.reasons[quotes.names.index(name)] == "excluded by hand"
    assert "svi" in repr(other)
    with pytest.raises(ConfigError, match="clock nowhere"):
        DESK.surface("BTC", clock="nowhere")


def test_what_to_leave_out_is_a_list_of_names() -> None:
    name = SURFACE.slice("nearest").quotes.names[0]
    for wrong in (name, [1]):
        with pytest.raises(InvalidInput, match=r"exclude.*must be a list of names"):
            DESK.surface("BTC", exclude=wrong)  # type: ignore[arg-type]


def test_delta_that_no_option_has_is_out_of_domain() -> None:
    with pytest.raises(OutOfDomain, match="delta"):
        SURFACE.at_delta("monthly", 0.999999999999, premium_adjusted=True)


def test_arrays_of_instants_are_read_as_risk_reads_them() -> None:
    at = np.array([SURFACE.slice(code).expiry_ns for code in SURFACE.expiries])
    vols = SURFACE.implied_vol(at, np.array(60_000.0))
    assert vols.shape == at.shape
    assert np.isnan(SURFACE.implied_vol(np.array([SURFACE.as_of_ns]), 60_000.0)).all()
