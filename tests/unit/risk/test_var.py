"""Value at risk against brute force, its samples, and a backtest that can not see ahead."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from quantdesk.app.render.var_record import row_record
from quantdesk.domain.times import parse_instant
from quantdesk.errors import InvalidInput
from quantdesk.risk.historical_moves import (
    INDEX,
    NS_PER_HOUR,
    VOL_INDEX,
    MoveHistory,
    Series,
    VarVols,
    joint_moves,
    recorded_series,
)
from quantdesk.risk.index_prices import index_prices_of
from quantdesk.risk.prepare import prepare
from quantdesk.risk.revaluation import PreparedBook
from quantdesk.risk.valuation import value_positions
from quantdesk.risk.var import TOTAL, VarMethod, VarReport, VarSettings, value_at_risk
from quantdesk.risk.var_backtest import Backtest, backtest
from quantdesk.risk.var_filter import BURN_IN, forecast_vols
from quantdesk.risk.var_revaluation import TENOR_POWER, moved_pnl
from quantdesk.views.var import var_tables
from tests.unit.market.chains import SEP
from tests.unit.risk import black
from tests.unit.risk.books import FORWARDS, made_market, named, position
from tests.unit.risk.books import INDEX as INDEX_PRICE

MARKET = made_market()
UNTIL = parse_instant("2026-01-01T00:00:00Z")
DAY = 24 * NS_PER_HOUR
CALL, PUT = "BTC-25SEP26-60000-C", "BTC-25SEP26-60000-P"
PERPETUAL = "BTC-PERPETUAL"
PLAIN = VarMethod.HISTORICAL


def book_of(quantities: Mapping[str, float]) -> PreparedBook:
    legs = [position(named(MARKET, name), quantity) for name, quantity in quantities.items()]
    book = value_positions(legs, MARKET)
    assert not book.excluded
    return prepare(book)


def short_straddle() -> PreparedBook:
    return book_of({CALL: -1, PUT: -1})


def risk(book: PreparedBook, settings: VarSettings | None = None, **more: object) -> VarReport:
    options: dict[str, object] = {"until_ns": UNTIL, "settings": settings} | more
    return value_at_risk(book, index_prices=index_prices_of(MARKET), **options)  # type: ignore[arg-type]


def made_records(days: int, seed: int = 5) -> dict[tuple[str, str], Series]:
    random = np.random.default_rng(seed)
    instants = np.arange(1, days + 1, dtype=np.int64) * DAY

    def series(what: str, deviation: float, level: float) -> Series:
        values = level * np.exp(np.cumsum(random.normal(0.0, deviation, days)))
        return Series(
            coin="BTC", what=what, instants_ns=instants, values=values, step_ns=DAY, source=what
        )

    return {
        ("BTC", INDEX): series(INDEX, 0.03, 50_000.0),
        ("BTC", VOL_INDEX): series(VOL_INDEX, 0.05, 60.0),
    }


def history(vols: VarVols = VarVols.VOL_INDEX, days: float = 1.0) -> MoveHistory:
    found = joint_moves(["BTC"], horizon_days=days, vols=vols, until_ns=UNTIL)
    assert isinstance(found, MoveHistory)
    return found


def test_records_are_those_of_the_issue() -> None:
    records = recorded_series()
    btc, eth = records["BTC", INDEX], records["ETH", INDEX]
    assert btc.values.size == 3653
    assert btc.instants_ns[-1] == parse_instant("2025-01-01T00:00:00Z")
    assert (eth.values.size, eth.step_ns) == (29_578, NS_PER_HOUR)
    assert records["BTC", VOL_INDEX].values.size == 1379


def test_moves_are_full_revaluations_with_a_day_passed() -> None:
    spot, vol = np.array([[-0.10, 0.07, 0.0]]), np.array([[0.2, -0.1, 0.0]])
    coin, usd = moved_pnl(short_straddle(), spot, vol, horizon_days=1.0)
    options = value_positions([position(named(MARKET, CALL), 1)], MARKET).options
    years = float(options.years[0])
    weight = (30.0 / (365.0 * years)) ** TENOR_POWER
    for place in range(3):
        factor = math.exp(spot[0, place])
        after, before = 0.0, 0.0
        for is_call in (True, False):
            terms = (is_call, FORWARDS[SEP] * factor, 60_000.0, years - 1 / 365)
            moved_vol = 0.5 * math.exp(weight * vol[0, place])
            after -= black.price(*terms, moved_vol) / (FORWARDS[SEP] * factor)
            before -= black.price(is_call, FORWARDS[SEP], 60_000.0, years, 0.5) / FORWARDS[SEP]
        assert coin[0, place] == pytest.approx(after - before, abs=1e-12)
        expected = after * INDEX_PRICE * factor - before * INDEX_PRICE
        assert usd[0, place] == pytest.approx(expected, abs=1e-7)


def test_vol_rules_are_apart_and_samples_are_stated() -> None:
    report = risk(short_straddle())
    moved, still = (
        report.row(TOTAL, PLAIN, vols) for vols in (VarVols.VOL_INDEX, VarVols.UNCHANGED)
    )
    assert moved is not None
    assert still is not None
    assert moved.usd != still.usd
    assert moved.sample is not None
    assert moved.sample.observations == 200
    assert moved.sample.last_ns == parse_instant("2025-01-01T00:00:00Z")
    assert moved.sample.sources == ("BTC-USD daily closes", "BTC DVOL daily closes")


def test_longer_horizon_takes_longer_windows_and_no_root_of_time() -> None:
    one, ten = (risk(short_straddle(), VarSettings(horizon_days=d)).row() for d in (1.0, 10.0))
    assert one is not None
    assert ten is not None
    assert one.usd is not None
    assert ten.usd is not None
    assert ten.sample is not None
    assert 100 <= ten.sample.observations < 138
    assert abs(ten.usd.var / one.usd.var / math.sqrt(10.0) - 1.0) > 0.02
    windows = history(days=10.0)
    assert (np.diff(windows.end_ns) >= 10 * DAY).all()
    assert (windows.end_ns - windows.start_ns == 10 * DAY).all()


def test_too_few_windows_are_not_available() -> None:
    row = risk(short_straddle(), VarSettings(horizon_days=30.0)).row()
    assert row is not None
    assert row.usd is None
    assert row.coin is None
    assert row.reason.startswith("not available: ")
    assert "at least 100" in row.reason


@pytest.mark.parametrize(("days", "is_there"), [(99, False), (100, True)])
def test_a_hundred_observations_are_the_least(days: int, is_there: bool) -> None:
    report = risk(short_straddle(), records=made_records(days + 1))
    row = report.row(TOTAL, PLAIN, VarVols.VOL_INDEX)
    assert row is not None
    assert (row.usd is not None) is is_there
    filtered = report.row()
    assert filtered is not None
    assert filtered.usd is None


def test_eth_has_no_vol_index_beside_its_prices() -> None:
    found = joint_moves(["ETH"], horizon_days=1, vols=VarVols.VOL_INDEX, until_ns=UNTIL)
    assert isinstance(found, str)
    assert "no time in common" in found
    hourly = joint_moves(["ETH"], horizon_days=1 / 24, vols=VarVols.UNCHANGED, until_ns=UNTIL)
    assert isinstance(hourly, MoveHistory)
    assert len(hourly) > 29_000


def test_nothing_after_the_markets_moment_is_used() -> None:
    until = parse_instant("2022-06-01T12:00:00Z")
    row = risk(short_straddle(), until_ns=until).row()
    assert row is not None
    assert row.sample is not None
    assert row.sample.last_ns == parse_instant("2022-06-01T00:00:00Z")


def test_collateral_moves_usd_by_its_coin_and_coin_by_its_dollars() -> None:
    book = book_of({PERPETUAL: -60_000})
    bare, coins, dollars = (
        risk(book, collateral=cash).row()
        for cash in ({}, {"BTC": Decimal(3)}, {"USDC": Decimal(90_000)})
    )
    assert bare is not None
    assert coins is not None
    assert dollars is not None
    assert bare.usd == bare.usd_with_collateral
    assert coins.usd == bare.usd
    assert coins.usd_with_collateral != bare.usd
    assert coins.coin_with_collateral == bare.coin
    assert dollars.usd_with_collateral == bare.usd
    assert dollars.coin_with_collateral != bare.coin


def ether_index(days: range) -> Series:
    """Prices that go up and down by 2 % from day to day."""
    values = 3_000.0 * 1.02 ** (np.array(days) % 2)
    instants = np.array(days, dtype=np.int64) * DAY
    return Series(
        coin="ETH", what=INDEX, instants_ns=instants, values=values, step_ns=DAY, source="short"
    )


@pytest.mark.parametrize("vols", VarVols)
def test_a_short_record_of_the_collateral_s_coin_leaves_the_book_its_days(vols: VarVols) -> None:
    """The book has 300 days of BTC, the cash the first 151 of ETH: a crash of BTC after them is in
    the figure without the cash, and could not be in the one with it.
    """
    records = made_records(301)
    crash = records["BTC", INDEX].values.copy()
    crash[250:] *= 0.5
    records["BTC", INDEX] = replace(records["BTC", INDEX], values=crash)
    records["ETH", INDEX] = ether_index(range(1, 152))
    book = book_of({PERPETUAL: 60_000})
    bare, with_cash = (
        value_at_risk(
            book,
            index_prices={"BTC": INDEX_PRICE, "ETH": 3_000.0},
            until_ns=UNTIL,
            records=records,
            collateral=cash,
        )
        for cash in ({}, {"ETH": Decimal(20)})
    )
    alone, row = (one.row(TOTAL, PLAIN, vols) for one in (bare, with_cash))
    assert alone is not None
    assert row is not None
    assert alone.usd is not None
    assert row.usd is not None
    assert (row.usd, row.coin, row.delta_gamma_usd) == (
        alone.usd,
        alone.coin,
        alone.delta_gamma_usd,
    )
    assert row.sample == alone.sample
    assert row.sample is not None
    assert (row.sample.observations, row.sample.last_ns) == (200, 301 * DAY)
    # Of 200 days one per cent are the worst two: the crash is the worst.
    profit = np.sort(np.diff(crash[-201:]) / crash[-201:-1])[:2] * 60_000
    assert row.usd.es == pytest.approx(-profit.mean(), rel=5e-3)
    # With the cash: the 150 days of both, though the cash's coin has no vol index, nor needs one.
    assert row.collateral_sample is not None
    assert (row.collateral_sample.observations, row.collateral_sample.last_ns) == (150, 151 * DAY)
    assert row.usd_with_collateral is not None
    assert row.usd_with_collateral.es < row.usd.es
    assert with_cash.legs == bare.legs
    head = with_cash.headline
    assert head is not None
    assert head.usd is not None
    parts = math.fsum(leg.component_es for leg in with_cash.legs)
    assert parts == pytest.approx(head.usd.es, rel=1e-12)
    said = "drawn from the days that the collateral's record covers too"
    assert any(said in note for note in with_cash.notes)
    assert not any(said in note for note in bare.notes)
    record = row_record(row)
    assert record["sample"]["to"] == "1970-10-29T00:00:00Z"
    assert record["collateral_sample"]["to"] == "1970-06-01T00:00:00Z"
    (samples,) = (one for one in var_tables(with_cash) if one.title == "Samples")
    assert [line[3] for line in samples.rows if line[0] == "total, with collateral"] == (
        ["120", "150", "120", "150"]
    )


@pytest.mark.parametrize(("currency", "amount"), [("BTC", "NaN"), ("USDC", "Infinity")])
def test_collateral_that_is_no_number_is_refused(currency: str, amount: str) -> None:
    with pytest.raises(InvalidInput, match=f"of {currency} must be a number"):
        risk(short_straddle(), collateral={currency: Decimal(amount)})


@pytest.mark.parametrize("price", [math.nan, math.inf, 0.0, -60_000.0, None])
@pytest.mark.parametrize("coin", ["BTC", "ETH"])
def test_price_of_a_coin_that_is_none_is_refused(coin: str, price: float | None) -> None:
    prices = {"BTC": 60_000.0, "ETH": 3_000.0} | {coin: price}
    with pytest.raises(InvalidInput, match=f"of {coin} must be above 0"):
        value_at_risk(
            short_straddle(),
            index_prices=prices,  # type: ignore[arg-type]
            until_ns=UNTIL,
            collateral={"ETH": Decimal(1)},
        )


def test_collateral_without_a_price_is_refused() -> None:
    with pytest.raises(InvalidInput, match="DOGE"):
        risk(short_straddle(), collateral={"DOGE": Decimal(1)})


def test_delta_gamma_is_near_for_a_future_and_apart_for_options() -> None:
    future, options = (risk(book).row() for book in (book_of({PERPETUAL: 10}), short_straddle()))
    assert future is not None
    assert options is not None
    assert future.delta_gamma_usd == future.usd
    assert options.delta_gamma_usd != options.usd


def test_forecasts_know_nothing_of_their_day_or_later() -> None:
    moves = np.random.default_rng(3).normal(size=200)
    whole = forecast_vols(moves, 0.94)
    changed = moves.copy()
    changed[120:] *= 7.0
    later = forecast_vols(changed, 0.94)
    np.testing.assert_array_equal(whole[: 120 + 1], later[: 120 + 1])
    assert whole[121] != later[121]
    assert np.isnan(whole[:BURN_IN]).all()


def tried(records: Mapping[tuple[str, str], Series], method: VarMethod) -> Backtest:
    return backtest(
        short_straddle(),
        until_ns=UNTIL,
        settings=VarSettings(window=100),
        method=method,
        records=records,
    )


@pytest.mark.parametrize("method", VarMethod)
def test_a_backtest_sees_no_data_of_the_day_it_tests_or_later(method: VarMethod) -> None:
    records = made_records(260)
    whole = tried(records, method)
    place = 60
    cut = int(whole.end_ns[place])
    bent = {}
    for key, one in records.items():
        values = one.values.copy()
        values[one.instants_ns >= cut] *= 3.0
        bent[key] = Series(
            coin=one.coin,
            what=one.what,
            instants_ns=one.instants_ns,
            values=values,
            step_ns=one.step_ns,
            source=one.source,
        )
    changed = tried(bent, method)
    np.testing.assert_array_equal(whole.losses[: place + 1], changed.losses[: place + 1])
    assert whole.profits[place] != changed.profits[place]
    assert whole.losses[place + 1] != changed.losses[place + 1]


@pytest.mark.parametrize("method", VarMethod)
def test_a_record_shifted_by_a_day_shifts_the_figures_by_one(method: VarMethod) -> None:
    records = made_records(260)
    shifted = {
        key: Series(
            coin=one.coin,
            what=one.what,
            instants_ns=one.instants_ns[:-1] + DAY,
            values=one.values[:-1],
            step_ns=one.step_ns,
            source=one.source,
        )
        for key, one in records.items()
    }
    whole, later = tried(records, method), tried(shifted, method)
    np.testing.assert_array_equal(whole.losses[:-1], later.losses)
    np.testing.assert_array_equal(whole.end_ns[1:], later.end_ns)


@pytest.mark.parametrize(
    "quantities",
    [
        {"BTC-PERPETUAL": 10_000},
        {"BTC-PERPETUAL": -10_000},
        {CALL: -1, PUT: -1},
        {CALL: 1, PUT: 1},
        {"BTC-25SEP26-50000-P": -1},
        {"BTC-25SEP26-70000-C": -1},
        {"BTC-25DEC26-75000-C": 1, "BTC-25DEC26-50000-P": -1},
    ],
    ids=str,
)
def test_the_default_method_is_not_rejected_on_the_record(quantities: dict[str, float]) -> None:
    found = backtest(book_of(quantities), until_ns=UNTIL)
    assert found.tests is not None
    assert found.tests.days == 1148
    assert not found.tests.is_rejected


def test_a_backtest_too_large_to_make_says_so() -> None:
    found = backtest(short_straddle(), until_ns=UNTIL, cells_max=1000)
    assert found.tests is None
    assert found.reason.startswith("not made: ")


def test_settings_out_of_range_are_refused() -> None:
    for bad in ({"window": 99}, {"horizon_days": 0.0}, {"horizon_days": 0.01}, {"decay": 1.0}):
        with pytest.raises(InvalidInput):
            VarSettings(**bad)
