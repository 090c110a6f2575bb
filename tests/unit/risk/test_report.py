"""The report as a value and from a script: what it holds, what it says is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

import quantdesk as qd
from quantdesk.app.render.risk_record import excluded_records
from quantdesk.errors import InvalidInput
from quantdesk.risk.exposure import Grouping, expose
from quantdesk.risk.greeks import GREEK_FIELDS
from quantdesk.risk.live import LiveGreeks
from quantdesk.risk.report import RiskReport, build_report
from quantdesk.risk.scenario import Move, Scenario
from quantdesk.risk.taylor import LABEL
from quantdesk.risk.valuation import value_positions
from tests.unit.market.chains import future
from tests.unit.risk.books import (
    INDEX,
    made_market,
    named,
    only,
    position,
    random_book,
    sample_market,
)
from tests.unit.risk.test_valuation import FlatSurface

MARKET = made_market()
CALL, PUT = "BTC-25SEP26-60000-C", "BTC-25DEC26-50000-P"


def small_report(**options: object) -> RiskReport:
    held = [position(named(MARKET, CALL), 2, "a"), position(named(MARKET, PUT), -3, "b")]
    return qd.risk_report(held, market=MARKET, **options)  # type: ignore[arg-type]


def test_report_holds_everything_of_one_moment() -> None:
    report = small_report(collateral={"btc": "1.5"})
    assert report.as_of_ns == only(MARKET).as_of_ns
    assert report.greeks is report.exposures
    assert report.collateral == {"BTC": Decimal("1.5")}
    assert report.excluded == ()
    assert [leg.requirement.instrument_name for leg in report.margin.legs] == [CALL, PUT]
    assert set(report.reasons) == {"limits", "pnl_explain"}
    assert report.var is not None
    assert report.var.settings.confidence == 0.99
    assert report.own is None


def test_report_takes_one_leg_a_structure_and_positions() -> None:
    desk = qd.sample("deribit-2026-06-27")
    chain = desk.chain("BTC", expiry="2026-09-25")
    custom = chain.call(70_000).buy(2) + chain.put(50_000).sell(1)
    hedge = desk.perpetual("BTC").sell("0.8")
    alone = qd.risk_report(hedge, market=desk.market())
    assert alone.greeks.underlying("BTC").greeks.delta_black == pytest.approx(-0.8, rel=1e-3)
    both = qd.risk_report([custom, hedge], market=desk.market())
    assert len(both.book) == 3
    printed = str(both.greeks)
    for unit in ("BTC", "USD per vol point", "USD per day"):
        assert unit in printed


def test_sources_say_what_each_number_rests_on_and_how_old_it_is() -> None:
    report = small_report()
    said = {source.what: source for source in report.sources}
    assert said["positions"].source == "positions handed in"
    assert said["deribit BTC index"].source == "btc_usd"
    assert said["deribit BTC forward 25SEP26"].source == "venue:SYN.BTC"
    vols = said["deribit BTC vol: venue mark IV of 2 positions, the oldest"]
    assert vols.age_s == 0.0
    late = replace(
        MARKET, markets=(replace(only(MARKET), as_of_ns=only(MARKET).as_of_ns + 5 * 10**9),)
    )
    aged = qd.risk_report([position(named(MARKET, CALL), 1)], market=late)
    ages = {source.what: source.age_s for source in aged.sources}
    assert ages["deribit BTC vol: venue mark IV of 1 positions, the oldest"] == 5.0


def test_index_that_came_with_the_quotes_is_as_old_as_they_are() -> None:
    one = replace(only(MARKET), index_source="ticker", as_of_ns=only(MARKET).as_of_ns + 10**9)
    report = build_report([position(named(MARKET, CALL), 1)], replace(MARKET, markets=(one,)))
    ages = {source.what: source.age_s for source in report.sources}
    assert ages["deribit BTC index"] == 1.0


def test_account_s_cash_without_a_price_is_named_and_stops_nothing() -> None:
    held = [position(named(MARKET, CALL), 1)]
    cash = {"BTC": Decimal(2), "SOL": Decimal(9), "USDC": Decimal(5)}
    report = build_report(held, MARKET, account_cash=cash, collateral={"BTC": Decimal(3)})
    assert report.collateral == {"BTC": Decimal(3), "USDC": Decimal(5)}
    assert report.unpriced_cash == {"SOL": Decimal(9)}
    (left_out,) = excluded_records(report)
    assert (left_out["instrument_name"], left_out["left_out_of"]) == ("cash in SOL", "collateral")


def test_surface_of_a_script_replaces_the_marks() -> None:
    flat = FlatSurface(0.8)
    for surface in (flat, {"BTC": flat}):
        report = small_report(surface=surface)
        assert set(report.book.options.vol.tolist()) == {0.8}
        assert {mark.vol_source for mark in report.book.marks} == {"surface"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"surface": {"DOGE": FlatSurface(0.5)}}, "surface = 'DOGE'"),
        ({"collateral": {"BTC": "much"}}, "collateral = 'much'"),
        ({"collateral": {"BTC": float("nan")}}, "collateral = nan"),
        ({"collateral": {"DOGE": 1}}, "collateral = 'DOGE'"),
    ],
)
def test_mistake_of_a_script_is_named(options: Mapping[str, object], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        small_report(**options)


def test_own_scenarios_stand_beside_the_stresses() -> None:
    own = Scenario(name="mine", move=Move(spot=-0.1))
    report = small_report(scenarios=[own])
    assert report.own is not None
    assert report.own.results.total_usd[0] == pytest.approx(
        report.scenario(spot=-0.1).total_usd().item(), rel=1e-12
    )


def test_taylor_is_near_for_a_small_move_and_labelled_a_comparison() -> None:
    small = Scenario(name="small", move=Move(spot=0.002, vol=0.001), days=0.1)
    large = Scenario(name="large", move=Move(spot=-0.4, vol=0.3))
    report = small_report(scenarios=[small, large])
    assert report.own is not None
    full, taylor = report.own.results.pnl_usd[0], report.own.taylor_usd[0]
    assert taylor[0] == pytest.approx(full[0], rel=2e-3)
    assert abs(taylor[1] / full[1] - 1) > 2e-3
    assert "comparison" in LABEL


def test_taylor_follows_linear_legs_and_futures() -> None:
    linear = made_market(inverse=False)
    held = [position(named(linear, "BTC_USDC-25SEP26-60000-C"), 1)]
    small = Scenario(name="small", move=Move(spot=0.002), stable_move=-0.001)
    report = build_report(held, linear, own_scenarios=[small])
    assert report.own is not None
    assert report.own.taylor_usd[0, 0] == pytest.approx(report.own.results.pnl_usd[0, 0], rel=1e-3)
    hedge = build_report([position(future(), 60_000)], MARKET, own_scenarios=[small])
    assert hedge.own is not None
    assert hedge.own.taylor_usd[0, 0] == pytest.approx(hedge.own.results.pnl_usd[0, 0], rel=1e-12)


def test_report_without_anything_marked_says_so_and_goes_on() -> None:
    unknown = replace(named(MARKET, CALL), name="BTC-25SEP26-60001-C")
    report = qd.risk_report([position(unknown, 1)], market=MARKET)
    assert len(report.excluded) == 1
    assert report.cube.results.underlyings == ()
    assert "60001" in str(report)


def test_empty_book_is_reported() -> None:
    report = qd.risk_report([], market=MARKET)
    assert len(report.book) == 0
    assert np.isnan(report.stresses.results.total_usd).all()
    assert report.greeks.net(Grouping.UNDERLYING) == ()


def test_same_input_gives_the_same_report() -> None:
    held = random_book(sample_market(), 60)
    one, two = (build_report(held, sample_market()) for _ in range(2))
    assert str(one) == str(two)


def test_tick_gives_the_greeks_of_a_new_report() -> None:
    held = random_book(sample_market(), 200)
    book = value_positions(held, sample_market())
    live = LiveGreeks(book)
    index = only(sample_market()).index_price
    assert index is not None
    for move in (0.0, 0.013, -0.2):
        ticked = live.at("BTC", index * (1 + move))
        options, contracts = book.options, book.delta_ones
        moved = replace(
            book,
            options=replace(
                options, forward=options.forward * (1 + move), index=options.index * (1 + move)
            ),
            delta_ones=replace(
                contracts,
                price=contracts.price * (1 + move),
                index=contracts.index * (1 + move),
                coins=np.where(contracts.is_inverse, contracts.coins / (1 + move), contracts.coins),
            ),
        )
        expected = expose(moved).underlying("BTC").greeks
        for name, value in zip(GREEK_FIELDS, ticked, strict=True):
            assert value == pytest.approx(getattr(expected, name), rel=1e-9, abs=1e-9), name


def test_tick_of_a_coin_that_is_not_held_is_refused() -> None:
    live = LiveGreeks(value_positions([position(named(MARKET, CALL), 1)], MARKET))
    with pytest.raises(InvalidInput, match="underlying = 'ETH'"):
        live.at("ETH", 3_000.0)
    for price in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(InvalidInput, match="index_price"):
            live.at("BTC", price)
    assert live.at("BTC", INDEX).delta_black > 0
