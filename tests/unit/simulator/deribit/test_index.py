"""Indexes, DVOL, funding and candles: answers and channels."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest

from quantdesk.runtime.clock import ManualClock
from quantdesk.simulator import DeribitServer, SimulatedVenue
from tests.unit.simulator.deribit.client import Client
from tests.unit.simulator.test_venue import FIRST_EXPIRY_NS, NS_PER_S, run_for, run_to

NAME = "BTC-25SEP26-60000-C"
FUTURE = "BTC-PERPETUAL"
MINUTE_MS, HOUR_MS = 60_000, 3_600_000


@pytest.fixture
def now_ms(venue: SimulatedVenue) -> int:
    return venue.stamp_ms


async def data_of(client: Client, channel: str) -> list[Any]:
    return [told["data"] for told in await client.drain() if told["channel"] == channel]


async def test_dvol_is_near_the_money_volatility(client: Client, venue: SimulatedVenue) -> None:
    value = venue.volatility("btc_usd")
    assert value is not None
    at_the_money = await client.result("public/ticker", instrument_name="BTC-31JUL26-60000-C")
    assert value == pytest.approx(at_the_money["mark_iv"], abs=6)
    await client.subscribe("deribit_volatility_index.btc_usd")
    (told,) = await data_of(client, "deribit_volatility_index.btc_usd")
    assert told == {"timestamp": venue.stamp_ms, "volatility": value, "index_name": "btc_usd"}


async def test_dvol_history_has_bars_since_the_opening(
    client: Client, server: DeribitServer, clock: ManualClock, now_ms: int
) -> None:
    for _ in range(130):
        run_for(clock, NS_PER_S)
        server.pump()
    span = {"start_timestamp": now_ms - HOUR_MS, "end_timestamp": now_ms + HOUR_MS}
    ask = {"currency": "BTC", **span}
    fine = await client.result("public/get_volatility_index_data", **ask, resolution="1")
    coarse = await client.result("public/get_volatility_index_data", **ask, resolution="60")
    assert fine["continuation"] is coarse["continuation"] is None
    assert len(fine["data"]) == 131
    assert 3 <= len(coarse["data"]) <= 4
    for bars, width in ((fine["data"], 1_000), (coarse["data"], MINUTE_MS)):
        starts = [bar[0] for bar in bars]
        assert starts == sorted(set(starts))
        assert all(start % width == 0 for start in starts)
        for _, opened, high, low, closed in bars:
            assert low <= min(opened, closed) <= max(opened, closed) <= high
    assert coarse["data"][-1][4] == fine["data"][-1][4] == server.venue.volatility("btc_usd")
    none = await client.result(
        "public/get_volatility_index_data",
        currency="BTC",
        start_timestamp=0,
        end_timestamp=1,
        resolution="1D",
    )
    assert none == {"data": [], "continuation": None}


async def test_index_charts_end_at_the_index_of_now(
    client: Client, server: DeribitServer, clock: ManualClock
) -> None:
    run_for(clock, 90 * NS_PER_S)
    server.pump()
    for word, count in (("1h", 60), ("1d", 288), ("all", 1000)):
        points = await client.result(
            "public/get_index_chart_data", index_name="btc_usd", range=word
        )
        assert len(points) == count
        stamps = [stamp for stamp, _ in points]
        assert stamps == sorted(stamps)
        assert stamps[-1] <= server.venue.stamp_ms
        assert all(50_000 < price < 70_000 for _, price in points)


async def test_historical_volatility_is_hourly(client: Client) -> None:
    points = await client.result("public/get_historical_volatility", currency="BTC")
    assert len(points) == 360
    stamps = [stamp for stamp, _ in points]
    assert {b - a for a, b in itertools.pairwise(stamps)} == {HOUR_MS}
    assert all(math.isfinite(value) and value > 0 for _, value in points)


async def test_index_names(client: Client) -> None:
    ask = client.result
    assert await ask("public/get_supported_index_names") == ["btc_usd"]
    assert await ask("public/get_supported_index_names", type="spot") == []
    (name,) = await ask("public/get_index_price_names", extended=True)
    assert name["name"] == "btc_usd"
    index = await ask("public/get_index", currency="BTC")
    assert index.keys() == {"BTC", "edp"}


async def test_volumes_count_what_is_traded_here(trader: Client) -> None:
    (before,) = await trader.result("public/get_trade_volumes")
    await trader.order("buy", NAME, amount=1, type="market")
    await trader.order("buy", FUTURE, amount=10_000, type="market")
    (after,) = await trader.result("public/get_trade_volumes", extended=True)
    assert after["calls_volume"] == pytest.approx(before["calls_volume"] + 1)
    assert after["puts_volume"] == before["puts_volume"]
    assert after["futures_volume"] > before["futures_volume"]
    assert after["calls_volume_30d"] == after["calls_volume"]


async def test_book_by_number_is_the_book_by_name(client: Client) -> None:
    record = await client.result("public/get_instrument", instrument_name=NAME)
    by_id = await client.result(
        "public/get_order_book_by_instrument_id", instrument_id=record["instrument_id"], depth=10
    )
    by_name = await client.result("public/get_order_book", instrument_name=NAME, depth=10)
    assert by_id == by_name
    error = await client.error("public/get_order_book_by_instrument_id", instrument_id=1)
    assert error["code"] == 13020


async def test_funding_history_adds_up(client: Client, now_ms: int) -> None:
    span = {"start_timestamp": now_ms - 9 * HOUR_MS, "end_timestamp": now_ms}
    hours = await client.result("public/get_funding_rate_history", instrument_name=FUTURE, **span)
    assert len(hours) == 9
    assert all(hour["timestamp"] % HOUR_MS == 0 for hour in hours)
    for before, after in itertools.pairwise(hours):
        assert after["prev_index_price"] == before["index_price"]
    eight = hours[-1]["interest_8h"]
    assert eight == pytest.approx(sum(hour["interest_1h"] for hour in hours[1:]), abs=1e-9)
    ends = {"start_timestamp": hours[0]["timestamp"], "end_timestamp": hours[1]["timestamp"]}
    value = await client.result("public/get_funding_rate_value", instrument_name=FUTURE, **ends)
    assert value == pytest.approx(hours[1]["interest_1h"], abs=1e-12)


async def test_funding_chart(client: Client) -> None:
    ticker = await client.result("public/ticker", instrument_name=FUTURE)
    for length, count in (("8h", 48), ("24h", 24), ("1m", 90)):
        chart = await client.result(
            "public/get_funding_chart_data", instrument_name=FUTURE, length=length
        )
        assert chart["current_interest"] == ticker["current_funding"]
        assert chart["interest_8h"] == ticker["funding_8h"]
        assert len(chart["data"]) == count


async def test_candles_of_a_future_follow_its_mark_and_its_trades(
    trader: Client, server: DeribitServer, clock: ManualClock, now_ms: int
) -> None:
    span = {"start_timestamp": now_ms - HOUR_MS, "end_timestamp": now_ms + HOUR_MS}
    ask = {"instrument_name": FUTURE, "resolution": "1", **span}
    chart = await trader.result("public/get_tradingview_chart_data", **ask)
    assert chart["status"] == "ok"
    assert 60 <= len(chart["ticks"]) <= 61
    assert set(chart["volume"]) == {0}
    for opened, high, low, closed in zip(
        chart["open"], chart["high"], chart["low"], chart["close"], strict=True
    ):
        assert low <= min(opened, closed) <= max(opened, closed) <= high
        assert opened * 2 == int(opened * 2)
    for name in ("open", "high", "low", "close", "volume", "cost"):
        assert len(chart[name]) == len(chart["ticks"])
    told = await trader.result("private/buy", instrument_name=FUTURE, amount=10_000, type="market")
    chart = await trader.result("public/get_tradingview_chart_data", **ask)
    assert chart["cost"][-1] == 10_000
    assert chart["close"][-1] == told["trades"][0]["price"]
    assert chart["volume"][-1] == pytest.approx(10_000 / chart["close"][-1], abs=1e-8)


async def test_candles_of_an_option_are_its_trades(trader: Client, now_ms: int) -> None:
    span = {"start_timestamp": now_ms - HOUR_MS, "end_timestamp": now_ms + HOUR_MS}
    ask = {"instrument_name": NAME, "resolution": "60", **span}
    assert (await trader.result("public/get_tradingview_chart_data", **ask))["status"] == "no_data"
    await trader.subscribe(f"chart.trades.{NAME}.1")
    await trader.drain()
    told = await trader.result("private/buy", instrument_name=NAME, amount=2, type="market")
    price = told["trades"][0]["price"]
    chart = await trader.result("public/get_tradingview_chart_data", **ask)
    assert (chart["open"], chart["volume"], chart["cost"]) == (
        [price],
        [2.0],
        [pytest.approx(2 * price)],
    )
    (candle,) = await data_of(trader, f"chart.trades.{NAME}.1")
    assert (candle["close"], candle["volume"]) == (price, 2.0)
    assert candle["tick"] % MINUTE_MS == 0


async def test_index_channels_tell_of_now(
    client: Client, server: DeribitServer, venue: SimulatedVenue, clock: ManualClock
) -> None:
    names = [
        "estimated_expiration_price.btc_usd",
        "deribit_price_statistics.btc_usd",
        "deribit_price_ranking.btc_usd",
        f"perpetual.{FUTURE}.100ms",
    ]
    assert await client.subscribe(*names) == names
    shown = {told["channel"]: told["data"] for told in await client.drain()}
    expected = shown[names[0]]
    assert expected["seconds"] == (FIRST_EXPIRY_NS - venue.stamp_ms * 10**6) // NS_PER_S
    assert (expected["price"], expected["is_estimated"]) == (venue.index_price("btc_usd"), False)
    statistics = shown[names[1]]
    assert statistics["low24h"] <= venue.index_price("btc_usd") <= statistics["high24h"]
    (source,) = shown[names[2]]
    assert (source["weight"], source["price"]) == (100, venue.index_price("btc_usd"))
    ticker = await client.result("public/ticker", instrument_name=FUTURE)
    assert shown[names[3]]["interest"] == ticker["current_funding"]
    run_to(venue, clock, FIRST_EXPIRY_NS - 600 * NS_PER_S)
    server.pump()
    later = {told["channel"]: told["data"] for told in await client.drain()}
    assert later[names[0]]["is_estimated"] is True
    assert later.keys() == set(names)


async def test_perpetual_channel_is_of_perpetuals(client: Client) -> None:
    assert await client.subscribe("perpetual.BTC-25SEP26.100ms", f"perpetual.{NAME}.agg2") == []


SPAN = {"start_timestamp": 0, "end_timestamp": 1}


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("get_volatility_index_data", {"currency": "BTC", "resolution": "2", **SPAN}, -32602),
        ("get_volatility_index_data", {"currency": "DOGE", "resolution": "1", **SPAN}, -32602),
        ("get_volatility_index_data", {"currency": "BTC", "resolution": "1"}, -32602),
        ("get_historical_volatility", {"currency": "any"}, -32602),
        ("get_index_chart_data", {"index_name": "btc_usd", "range": "5y"}, -32602),
        ("get_index_chart_data", {"index_name": "x", "range": "1h"}, -32602),
        ("get_supported_index_names", {"type": "all of them"}, -32602),
        ("get_index", {"currency": "DOGE"}, -32602),
        ("get_funding_rate_value", {"instrument_name": NAME, **SPAN}, -32602),
        ("get_funding_rate_value", {"instrument_name": "X", **SPAN}, 13020),
        (
            "get_funding_rate_history",
            {"instrument_name": FUTURE, "start_timestamp": 5, "end_timestamp": 1},
            -32602,
        ),
        ("get_funding_chart_data", {"instrument_name": FUTURE, "length": "2h"}, -32602),
        (
            "get_tradingview_chart_data",
            {"instrument_name": FUTURE, "resolution": "7", **SPAN},
            -32602,
        ),
        ("get_tradingview_chart_data", {"instrument_name": "X", "resolution": "1", **SPAN}, 13020),
        ("get_last_trades_by_instrument_and_time", {"instrument_name": FUTURE}, -32602),
        ("get_last_trades_by_currency_and_time", {"currency": "BTC"}, -32602),
        ("get_delivery_prices", {"index_name": "x"}, -32602),
        ("get_delivery_prices", {"index_name": "btc_usd", "count": 1001}, -32602),
        ("get_mark_price_history", {"instrument_name": "X", **SPAN}, 13020),
        ("get_last_settlements_by_currency", {"currency": "BTC", "count": 0}, -32602),
    ],
)
async def test_bad_questions_have_the_venues_code(
    client: Client, method: str, params: dict[str, object], code: int
) -> None:
    assert (await client.error(f"public/{method}", **params))["code"] == code
