"""Each Greek by its definition, against textbook formulas and finite differences."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal

import pytest

from quantdesk.risk.exposure import Exposures, expose
from quantdesk.risk.greeks import GREEK_FIELDS, GREEK_UNITS, DeskGreeks, unit_of
from quantdesk.risk.valuation import value_positions
from quantdesk.risk.venue_decay import averaging_share, decay_note
from tests.unit.market.chains import DEC, NOW, SEP, YEAR_NS, future
from tests.unit.risk import black
from tests.unit.risk.books import FORWARDS, INDEX, made_market, named, only, position, spot

VOL = 0.5
YEARS = (SEP - NOW) / YEAR_NS
F, K, Q = FORWARDS[SEP], 55_000.0, 3.0
DAY = 1 / 365


def exposed(name: str, quantity: float = Q, *, inverse: bool = True) -> DeskGreeks:
    market = made_market(inverse=inverse)
    book = value_positions([position(named(market, name), quantity)], market)
    assert not book.excluded
    return expose(book).position(0)


def inverse_call() -> DeskGreeks:
    return exposed("BTC-25SEP26-55000-C")


def test_value_and_both_deltas_of_an_inverse_option() -> None:
    greeks = inverse_call()
    value = black.coin_price(True, F, K, YEARS, VOL)
    delta = black.delta(True, F, K, YEARS, VOL)
    assert greeks.value_coin == pytest.approx(Q * value, rel=1e-12)
    assert greeks.value_usd == pytest.approx(Q * value * INDEX, rel=1e-12)
    assert greeks.delta_black == pytest.approx(Q * delta, rel=1e-12)
    assert greeks.delta_premium_adjusted == pytest.approx(Q * (delta - value), rel=1e-12)
    assert greeks.dollar_delta == pytest.approx(Q * delta * F, rel=1e-12)


def test_premium_adjusted_delta_is_the_coin_profit_of_a_relative_move() -> None:
    step = 1e-5
    up, down = (
        black.coin_price(True, F * (1 + sign * step), K, YEARS, VOL) for sign in (1.0, -1.0)
    )
    assert inverse_call().delta_premium_adjusted == pytest.approx(
        Q * (up - down) / (2 * step), rel=1e-6
    )


def test_gamma_is_the_change_of_delta_by_one_per_cent() -> None:
    greeks = inverse_call()
    step = 1e-4
    up, down = (black.delta(True, F * (1 + sign * step), K, YEARS, VOL) for sign in (1.0, -1.0))
    per_pct = Q * (up - down) / (2 * step) / 100
    assert greeks.gamma_per_pct_coin == pytest.approx(per_pct, rel=1e-6)
    assert greeks.gamma_per_pct_usd == pytest.approx(per_pct * F, rel=1e-6)


def test_vega_is_by_the_point_and_weighted_by_the_root_of_30_over_days() -> None:
    greeks = inverse_call()
    vega = Q * black.vega(F, K, YEARS, VOL) / 100
    days = YEARS * 365
    assert greeks.vega_per_point == pytest.approx(vega, rel=1e-12)
    assert greeks.vega_per_point_weighted == pytest.approx(vega * math.sqrt(30 / days), rel=1e-12)


def test_weight_of_vega_stops_growing_below_a_day() -> None:
    market = made_market()
    late = replace(market, markets=(replace(only(market), as_of_ns=SEP - int(3.6e12)),))
    book = value_positions([position(named(market, "BTC-25SEP26-60000-C"), 1)], late)
    greeks = expose(book).position(0)
    assert greeks.vega_per_point_weighted == pytest.approx(
        greeks.vega_per_point * math.sqrt(30.0), rel=1e-12
    )


def test_three_thetas_stand_side_by_side() -> None:
    greeks = inverse_call()
    plain = Q * black.theta(F, K, YEARS, VOL) / 365
    later = black.price(True, F, K, YEARS - DAY, VOL) - black.price(True, F, K, YEARS, VOL)
    assert greeks.theta_per_day == pytest.approx(plain, rel=1e-10)
    assert greeks.theta_one_day_revalued == pytest.approx(Q * later, rel=1e-9)
    assert greeks.theta_venue_per_day == greeks.theta_per_day


@pytest.mark.parametrize(("hours", "strike"), [(6.0, 60_000), (6.0, 90_000), (36.0, 90_000)])
def test_venue_s_theta_follows_its_rule_near_expiry(hours: float, strike: int) -> None:
    market = made_market()
    late = replace(market, markets=(replace(only(market), as_of_ns=SEP - int(hours * 3.6e12)),))
    book = value_positions([position(named(market, f"BTC-25SEP26-{strike}-C"), -2)], late)
    greeks = expose(book).position(0)
    years = hours / 24 / 365
    day_theta = -black.theta(F, strike, years, VOL) / 365
    value = black.price(True, F, strike, years, VOL)
    rule = -min(day_theta * min(hours / 24, 1.0), value)
    assert greeks.theta_venue_per_day == pytest.approx(-2 * rule, rel=1e-9)
    assert greeks.theta_per_day == pytest.approx(2 * day_theta, rel=1e-9)


def test_last_day_revalued_settles_on_the_index() -> None:
    market = made_market()
    late = replace(market, markets=(replace(only(market), as_of_ns=SEP - int(6 * 3.6e12)),))
    book = value_positions([position(named(market, "BTC-25SEP26-55000-C"), 1)], late)
    value = black.price(True, F, 55_000, 0.25 / 365, VOL)
    assert expose(book).position(0).theta_one_day_revalued == pytest.approx(
        (INDEX - 55_000) - value, rel=1e-9
    )


def test_cross_partials_by_finite_differences() -> None:
    greeks, step = inverse_call(), 1e-4
    deltas = [black.delta(True, F, K, YEARS, VOL + sign * step) for sign in (1.0, -1.0)]
    vegas = [black.vega(F, K, YEARS, VOL + sign * step) for sign in (1.0, -1.0)]
    before, after = (black.delta(True, F, K, YEARS + sign * step, VOL) for sign in (1.0, -1.0))
    assert greeks.vanna_per_point == pytest.approx(
        Q * (deltas[0] - deltas[1]) / (2 * step) * 0.01, rel=1e-5
    )
    assert greeks.volga_per_point == pytest.approx(
        Q * (vegas[0] - vegas[1]) / (2 * step) * 1e-4, rel=1e-5
    )
    assert greeks.charm_per_day == pytest.approx(Q * (after - before) / (2 * step) / 365, rel=1e-4)


def test_basis_delta_is_by_expiry_and_none_for_what_has_no_forward() -> None:
    market = made_market()
    book = value_positions(
        [
            position(named(market, "BTC-25SEP26"), 60_500),
            position(named(market, "BTC-PERPETUAL"), 60_000),
        ],
        market,
    )
    dated, perpetual = (expose(book).position(row) for row in (0, 1))
    assert dated.basis_delta_per_bp == pytest.approx(60_500 * 1e-4)
    assert perpetual.basis_delta_per_bp == 0.0


def test_inverse_future_is_worth_nothing_at_its_mark_and_moves_with_its_coins() -> None:
    market = made_market()
    book = value_positions([position(future(), -90_000)], market)
    greeks = expose(book).position(0)
    assert greeks.value_coin == 0.0
    assert greeks.delta_black == greeks.delta_premium_adjusted == pytest.approx(-1.5)
    assert greeks.dollar_delta == pytest.approx(-90_000)


def test_linear_option_holds_no_coin_and_has_one_delta() -> None:
    greeks = exposed("BTC_USDC-25SEP26-55000-C", inverse=False)
    assert greeks.value_coin == 0.0
    assert greeks.value_usd == pytest.approx(Q * black.price(True, F, K, YEARS, VOL), rel=1e-12)
    assert greeks.delta_premium_adjusted == greeks.delta_black


def test_spot_is_a_coin_held() -> None:
    market = made_market()
    book = value_positions([position(spot(), 2)], made_market(inverse=False))
    greeks = expose(book).position(0)
    assert (greeks.value_coin, greeks.delta_black, greeks.delta_premium_adjusted) == (2.0, 2.0, 0.0)
    assert greeks.value_usd == 2 * INDEX
    assert only(market).index_price == INDEX


def hedge_of(collateral: str) -> tuple[Exposures, float]:
    market = made_market()
    book = value_positions(
        [
            position(named(market, "BTC-25SEP26-55000-C"), 4),
            position(named(market, "BTC-25DEC26-70000-P"), -7),
            position(future(), -30_000),
        ],
        market,
    )
    return expose(book, collateral={"BTC": Decimal(collateral)}), float(collateral)


@pytest.mark.parametrize("collateral", ["0", "3.25", "-1"])
def test_equity_and_adjusted_delta_are_cash_and_black_delta(collateral: str) -> None:
    exposures, cash = hedge_of(collateral)
    (hedge,) = exposures.hedges
    net = exposures.underlying("BTC").greeks
    assert hedge.equity_coin == pytest.approx(cash + net.value_coin, rel=1e-14)
    assert hedge.equity_coin + net.delta_premium_adjusted == pytest.approx(
        cash + net.delta_black, rel=1e-13
    )


def test_two_hedges_flatten_two_things() -> None:
    """Coin P&L and the account's dollars, by brute force of the textbook formula."""
    exposures, cash = hedge_of("3.25")
    (hedge,) = exposures.hedges

    def coins(move: float, hedge_coins: float) -> float:
        late = (DEC - NOW) / YEAR_NS
        call = black.coin_price(True, F * (1 + move), K, YEARS, VOL)
        put = black.coin_price(False, FORWARDS[DEC] * (1 + move), 70_000, late, VOL)
        futures = (hedge_coins - 0.5) * (1 - 1 / (1 + move))
        return cash + 4 * call - 7 * put + futures

    step = 1e-5
    flat_coin = [coins(sign * step, hedge.flattens_coin_pnl) for sign in (1.0, -1.0)]
    assert (flat_coin[0] - flat_coin[1]) / (2 * step) == pytest.approx(0.0, abs=1e-6)
    dollars = [
        coins(sign * step, hedge.flattens_account_usd) * INDEX * (1 + sign * step)
        for sign in (1.0, -1.0)
    ]
    assert (dollars[0] - dollars[1]) / (2 * step) / INDEX == pytest.approx(0.0, abs=1e-6)


def test_every_greek_names_its_unit() -> None:
    assert set(GREEK_UNITS) == set(GREEK_FIELDS)
    assert unit_of("gamma_per_pct_coin", "ETH") == "ETH per 1 %"
    text = str(hedge_of("0")[0])
    for field in GREEK_FIELDS:
        assert f"{field} " in text
        assert unit_of(field, "BTC") in text


def test_near_expiry_decay_of_the_venue_is_said_with_its_reason() -> None:
    market = only(made_market())
    hour = int(3.6e12)
    assert decay_note(replace(market, as_of_ns=SEP - 30 * hour), SEP) == ""
    last_day = decay_note(replace(market, as_of_ns=SEP - 6 * hour), SEP)
    assert "6.0 h left" in last_day
    assert "fades" not in last_day
    averaging = replace(market, as_of_ns=SEP - hour // 6)
    assert averaging_share(averaging, SEP) == pytest.approx(1 / 3)
    assert "10 of 30 minutes" in decay_note(averaging, SEP)
    assert "33%" in decay_note(averaging, SEP)
