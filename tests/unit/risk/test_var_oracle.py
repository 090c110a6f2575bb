"""Value at risk beside an independent computation: two coins, linear legs, expiries, cash, days."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pytest

from quantdesk.app.render.var_record import row_record
from quantdesk.domain.times import parse_instant
from quantdesk.risk.historical_moves import VarVols
from quantdesk.risk.revaluation import DeltaOneGroup, Group, PreparedBook, option_group
from quantdesk.risk.var import TOTAL, VarMethod, VarReport, VarRow, VarSettings, value_at_risk
from quantdesk.risk.var_backtest import backtest
from quantdesk.risk.var_exceptions import examine_exceptions, kupiec
from quantdesk.risk.var_quantiles import Figure
from tests.unit.risk import var_oracle as oracle
from tests.unit.risk.var_oracle import Leg

UNTIL = parse_instant("2026-01-01T00:00:00Z")
POWER, DECAY = 0.33, 0.88
BTC, ETH = 60_000.0, 2_500.0
DAY = 24

OPTIONS = (
    Leg("BTC", "option", -3.0, 60_500.0, BTC, days=45.0, strike=60_000.0, vol=0.5),
    Leg("BTC", "option", 2.0, 61_500.0, BTC, days=180.0, strike=50_000.0, is_call=False, vol=0.6),
)
LINEAR = (
    Leg("BTC", "option", 4.0, 60_400.0, BTC, False, days=20.0, strike=66_000.0, vol=0.55),
    Leg("BTC", "future", -1.5, 60_100.0, BTC, False),
)
FUTURES = (
    Leg("BTC", "future", 0.7, 60_020.0, BTC),
    Leg("BTC", "future", -1.2, 60_500.0, BTC, days=45.0),
    Leg("BTC", "spot", 0.4, BTC, BTC),
)
EXPIRING = (
    Leg("BTC", "option", -5.0, 60_010.0, BTC, days=0.4, strike=59_000.0, vol=0.7),
    Leg("BTC", "option", 3.0, 60_010.0, BTC, False, days=0.4, strike=61_000.0, vol=0.7),
    Leg("BTC", "future", 1.0, 60_010.0, BTC, days=0.4),
    Leg("BTC", "option", -1.0, 60_015.0, BTC, days=1.0, strike=60_000.0, vol=0.6),
)
ETHER = (
    Leg("ETH", "option", -30.0, 2_510.0, ETH, days=30.0, strike=2_500.0, vol=0.7),
    Leg("ETH", "option", 50.0, 2_510.0, ETH, False, days=30.0, strike=3_000.0, vol=0.75),
    Leg("ETH", "future", 12.0, 2_501.0, ETH),
)


def prepared_of(legs: Sequence[Leg]) -> PreparedBook:
    """The legs as the desk takes them, one group a leg."""
    coins = tuple(sorted({leg.coin for leg in legs}))
    groups: list[Group] = []
    for number, leg in enumerate(legs):
        place = coins.index(leg.coin)
        if leg.kind == "option":
            groups.append(
                option_group(
                    underlying=place,
                    first=number,
                    index=leg.index,
                    forward=leg.price,
                    years=leg.days / 365,
                    is_inverse=leg.is_inverse,
                    coins=np.array([leg.coins]),
                    strike=np.array([leg.strike]),
                    vol=np.array([leg.vol]),
                    is_call=np.array([leg.is_call]),
                )
            )
            continue
        groups.append(
            DeltaOneGroup(
                underlying=place,
                first=number,
                index=leg.index,
                is_inverse=leg.is_inverse and leg.kind == "future",
                is_spot=leg.kind == "spot",
                coins=np.array([leg.coins]),
                price=np.array([leg.price]),
                years=np.array([leg.days / 365]),
            )
        )
    names = tuple(("made", f"{number}") for number in range(len(legs)))
    return PreparedBook(
        underlyings=coins, legs=names, groups=tuple(groups), base_coin=np.zeros(len(coins))
    )


def report_of(legs: Sequence[Leg], settings: VarSettings | None = None, **cash: str) -> VarReport:
    return value_at_risk(
        prepared_of(legs),
        index_prices={"BTC": BTC, "ETH": ETH},
        until_ns=UNTIL,
        collateral={name: Decimal(amount) for name, amount in cash.items()},
        settings=settings,
    )


def close(found: Figure | None, expected: tuple[float, float]) -> None:
    assert found is not None
    assert (found.var, found.es) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def row_of(report: VarReport, method: VarMethod, vols: VarVols, scope: str = TOTAL) -> VarRow:
    row = report.row(scope, method, vols)
    assert row is not None
    return row


def default_of(report: VarReport, scope: str) -> VarRow:
    return row_of(report, VarMethod.FILTERED, VarVols.VOL_INDEX, scope)


METHODS = [(method, vols) for method in VarMethod for vols in VarVols]


@pytest.mark.parametrize(("method", "vols"), METHODS, ids=str)
@pytest.mark.parametrize(
    "legs",
    [OPTIONS, LINEAR, FUTURES, EXPIRING, (*OPTIONS, *LINEAR, *FUTURES)],
    ids=["inverse", "linear", "futures", "expiring", "all"],
)
def test_figures_in_usd_and_coin_with_and_without_cash(
    legs: Sequence[Leg], method: VarMethod, vols: VarVols
) -> None:
    report = report_of(legs, BTC="2.5", USDC="40000")
    row = row_of(report, method, vols)
    spot, vol, ends = oracle.moves(["BTC"], hours=DAY, with_vols=vols is VarVols.VOL_INDEX)
    decay = DECAY if method is VarMethod.FILTERED else None
    count = spot.shape[1]
    spot, vol = (oracle.sample(one, count, 200, decay) for one in (spot, vol))
    coin, usd = oracle.profits(legs, ["BTC"], spot, vol, days=1.0, power=POWER)
    simple = np.expm1(spot[0])
    close(row.usd, oracle.var_es(usd, 0.99))
    close(row.coin, oracle.var_es(coin, 0.99))
    close(row.usd_with_collateral, oracle.var_es(usd + 2.5 * BTC * simple, 0.99))
    dollars = 40_000 / BTC * (1 / (1 + simple) - 1)
    close(row.coin_with_collateral, oracle.var_es(coin + dollars, 0.99))
    assert row.sample is not None
    assert row.sample.observations == 200
    assert row.sample.last_ns == ends[-1] * 3600 * 10**9
    assert row.sample.first_ns == (ends[-200] - DAY) * 3600 * 10**9


def test_cash_in_another_coin_counts_in_usd_and_in_the_coin_of_the_book() -> None:
    """2.5 BTC have no profit in BTC, 30 ETH have one by their price in BTC."""
    report = report_of(OPTIONS, BTC="2.5", ETH="30", USDC="40000")
    row = row_of(report, VarMethod.HISTORICAL, VarVols.UNCHANGED)
    # What needs no ETH is drawn from all days of BTC, the rest from those that both have.
    spot, vol, own_ends = oracle.moves(["BTC"], hours=DAY, with_vols=False)
    coin, usd = oracle.profits(
        OPTIONS, ["BTC"], spot[:, -200:], vol[:, -200:], days=1.0, power=POWER
    )
    close(row.usd, oracle.var_es(usd, 0.99))
    close(row.coin, oracle.var_es(coin, 0.99))
    spot, vol, ends = oracle.moves(["BTC", "ETH"], hours=DAY, with_vols=False)
    spot, vol = spot[:, -200:], vol[:, -200:]
    coin, usd = oracle.profits(OPTIONS, ["BTC"], spot[:1], vol[:1], days=1.0, power=POWER)
    assert row.sample is not None
    assert row.collateral_sample is not None
    assert row.sample.last_ns == own_ends[-1] * 3600 * 10**9
    assert row.collateral_sample.last_ns == ends[-1] * 3600 * 10**9
    assert row.sample.last_ns > row.collateral_sample.last_ns
    btc, eth = 1 + np.expm1(spot)
    cash_usd = 2.5 * BTC * (btc - 1) + 30 * ETH * (eth - 1)
    close(row.usd_with_collateral, oracle.var_es(usd + cash_usd, 0.99))
    cash_coin = 40_000 / BTC * (1 / btc - 1) + 30 * ETH / BTC * (eth / btc - 1)
    close(row.coin_with_collateral, oracle.var_es(coin + cash_coin, 0.99))
    # The book's coin alone has no part of that cash.
    own = row_of(report, VarMethod.HISTORICAL, VarVols.UNCHANGED, "BTC")
    dollars = row_of(
        report_of(OPTIONS, BTC="2.5", USDC="40000"), VarMethod.HISTORICAL, VarVols.UNCHANGED
    )
    assert own.coin_with_collateral == dollars.coin_with_collateral


def test_cash_without_a_record_beside_the_book_s_leaves_no_figure_with_it() -> None:
    row = report_of(OPTIONS, ETH="30").row()
    assert row is not None
    assert row.usd is not None
    assert row.coin is not None
    assert row.usd_with_collateral is None
    assert row.coin_with_collateral is None
    assert "no time in common" in row.collateral_reason


def test_cash_with_too_few_days_beside_the_book_s_leaves_the_book_its_figures() -> None:
    settings = VarSettings(horizon_days=30, window=100)
    bare, with_cash = (report_of(OPTIONS, settings, **cash) for cash in ({}, {"ETH": "30"}))
    row = row_of(with_cash, VarMethod.HISTORICAL, VarVols.UNCHANGED)
    alone = row_of(bare, VarMethod.HISTORICAL, VarVols.UNCHANGED)
    assert alone.usd is not None
    assert (row.usd, row.coin, row.sample) == (alone.usd, alone.coin, alone.sample)
    assert row.usd_with_collateral is None
    assert row.coin_with_collateral is None
    assert row.collateral_reason.startswith("collateral: 41 windows of 30 d")
    assert with_cash.legs == bare.legs


@pytest.mark.parametrize("hours", [1, 6, 24, 72])
@pytest.mark.parametrize("method", VarMethod)
def test_eth_takes_hourly_prices_to_2020(method: VarMethod, hours: int) -> None:
    settings = VarSettings(horizon_days=hours / 24, window=300, confidence=0.975)
    row = row_of(report_of(ETHER, settings), method, VarVols.UNCHANGED)
    spot, vol, ends = oracle.moves(["ETH"], hours=hours, with_vols=False)
    decay = DECAY if method is VarMethod.FILTERED else None
    spot = oracle.sample(spot, spot.shape[1], 300, decay)
    coin, usd = oracle.profits(ETHER, ["ETH"], spot, vol[:, :300], days=hours / 24, power=POWER)
    close(row.usd, oracle.var_es(usd, 0.975))
    close(row.coin, oracle.var_es(coin, 0.975))
    assert row.sample is not None
    assert row.sample.last_ns == ends[-1] * 3600 * 10**9
    assert row.sample.last_ns == parse_instant("2021-01-01T00:00:00Z")


def test_without_a_vol_index_beside_the_prices_unchanged_vols_stand_in_by_name() -> None:
    report = report_of(ETHER)
    default = report.row()
    assert default is not None
    assert default.usd is None
    assert "no time in common" in default.reason
    assert report.headline == row_of(report, VarMethod.FILTERED, VarVols.UNCHANGED)
    assert len(report.legs) == len(ETHER)
    assert any("vols unchanged, stands in" in note for note in report.notes)


def test_plain_history_is_not_said_to_have_a_filter() -> None:
    """Of 30 days each there are 121 windows: enough, but not after a burn-in."""
    report = report_of(OPTIONS, VarSettings(horizon_days=30, window=100))
    head = report.headline
    assert head is not None
    assert head.method is VarMethod.HISTORICAL
    (said,) = [note for note in report.notes if "before this market" in note]
    assert "filter" not in said


@pytest.mark.parametrize("method", VarMethod)
def test_two_coins_take_the_moves_of_the_same_days(method: VarMethod) -> None:
    legs = (*OPTIONS, *ETHER, *LINEAR)
    report = report_of(legs, BTC="1", ETH="-20")
    row = row_of(report, method, VarVols.UNCHANGED)
    coins = ["BTC", "ETH"]
    spot, vol, ends = oracle.moves(coins, hours=DAY, with_vols=False)
    decay = DECAY if method is VarMethod.FILTERED else None
    spot = oracle.sample(spot, spot.shape[1], 200, decay)
    _, usd = oracle.profits(legs, coins, spot, vol[:, :200], days=1.0, power=POWER)
    cash = 1.0 * BTC * np.expm1(spot[0]) - 20.0 * ETH * np.expm1(spot[1])
    close(row.usd, oracle.var_es(usd, 0.99))
    close(row.usd_with_collateral, oracle.var_es(usd + cash, 0.99))
    assert row.coin is None
    assert row_record(row)["coin_reason"] == "coins are not added up"
    assert row_record(default_of(report, "BTC"))["coin_reason"] is None
    assert row.sample is not None
    assert row.sample.last_ns == ends[-1] * 3600 * 10**9
    # Each coin alone has its own, longer record, the vol index's too.
    own = row_of(report, method, VarVols.VOL_INDEX, "BTC")
    alone = row_of(report_of((*OPTIONS, *LINEAR)), method, VarVols.VOL_INDEX)
    assert own.usd == alone.usd
    # The total and ETH end with 2020, BTC alone with 2024.
    assert any("behind total, ETH ends 1,826 days" in note for note in report.notes)
    assert any("behind BTC ends 365 days" in note for note in report.notes)
    assert any("different days" in note for note in report.notes)
    parts = sum(leg.component_es for leg in report.legs)
    head = report.headline
    assert head is not None
    assert head.usd is not None
    assert parts == pytest.approx(head.usd.es, rel=1e-9)


def test_a_book_of_nothing_has_no_figure_and_says_so() -> None:
    report = report_of(())
    assert not report.is_available
    assert report.headline is None
    assert report.legs == ()
    assert {row.reason for row in report.rows} == {"no position could be marked"}
    found = backtest(prepared_of(()), until_ns=UNTIL)
    assert (found.tests, found.reason) == (None, "no position could be marked")


def test_one_linear_future_by_hand() -> None:
    report = report_of([Leg("BTC", "future", 2.0, 60_100.0, BTC, False)])
    row = row_of(report, VarMethod.HISTORICAL, VarVols.UNCHANGED)
    known = oracle.record("BTC", "index")
    hours = sorted(known)[-201:]
    simple = sorted(known[b] / known[a] - 1 for a, b in itertools.pairwise(hours))
    # One per cent of 200 is the two worst days.
    close(row.usd, (-2 * 60_100 * simple[1], -2 * 60_100 * (simple[0] + simple[1]) / 2))


@pytest.mark.parametrize("method", VarMethod)
@pytest.mark.parametrize(
    ("legs", "vols"),
    [(OPTIONS, VarVols.VOL_INDEX), (LINEAR, VarVols.VOL_INDEX), (ETHER, VarVols.UNCHANGED)],
    ids=["inverse", "linear", "ETH"],
)
def test_a_backtest_is_the_one_written_out_day_by_day(
    legs: Sequence[Leg], vols: VarVols, method: VarMethod
) -> None:
    settings = VarSettings(window=120, confidence=0.975)
    found = backtest(prepared_of(legs), until_ns=UNTIL, settings=settings, method=method, vols=vols)
    coins = [legs[0].coin]
    spot, vol, ends = oracle.moves(coins, hours=DAY, with_vols=vols is VarVols.VOL_INDEX)
    decay = DECAY if method is VarMethod.FILTERED else None
    first = 120 + (30 if decay else 0)
    assert found.end_ns.tolist() == [hour * 3600 * 10**9 for hour in ends[first:]]
    _, came = oracle.profits(legs, coins, spot[:, first:], vol[:, first:], days=1.0, power=POWER)
    np.testing.assert_allclose(found.profits, came, rtol=1e-9, atol=1e-7)
    for place in range(first, len(ends), 97):
        # Only what was before the day is handed over.
        before = (oracle.sample(one[:, :place], place, 120, None) for one in (spot, vol))
        if decay:
            before = (scaled_before(one, place, decay) for one in (spot, vol))
        _, usd = oracle.profits(legs, coins, *before, days=1.0, power=POWER)
        loss, _ = oracle.var_es(usd, 0.975)
        assert found.losses[place - first] == pytest.approx(loss, rel=1e-9)
    hits = (came < -found.losses).tolist()
    assert found.tests is not None
    assert found.tests.exceptions == sum(hits)
    for name, (statistic, p_value) in oracle.likelihood_ratios(hits, 0.025).items():
        ratio = getattr(found.tests, name)
        assert ratio.statistic == pytest.approx(statistic, rel=1e-9, abs=1e-9)
        assert ratio.p_value == pytest.approx(p_value, rel=1e-9)


def scaled_before(series: oracle.Array, place: int, decay: float) -> oracle.Array:
    return oracle.sample(series[:, :place], place, 120, decay)


@pytest.mark.parametrize("probability", [0.01, 0.05])
def test_exception_tests_are_those_of_scipy(probability: float) -> None:
    random = np.random.default_rng(8)
    for rate in (0.0, 0.004, 0.01, 0.05, 0.2):
        for days in (100, 250, 1000):
            hits = (random.random(days) < rate).tolist()
            found = examine_exceptions(hits, probability)
            for name, (statistic, p_value) in oracle.likelihood_ratios(hits, probability).items():
                ratio = getattr(found, name)
                assert ratio.statistic == pytest.approx(statistic, rel=1e-9, abs=1e-9)
                assert ratio.p_value == pytest.approx(p_value, rel=1e-7)


def test_kupiec_of_jorions_bank() -> None:
    """20 exceptions in 252 days at 95 %, Jorion, Value at Risk, 3rd edition, chapter 6: 3.91."""
    assert kupiec(252, 20, 0.05).statistic == pytest.approx(3.91, abs=5e-3)
