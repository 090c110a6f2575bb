"""Public REST endpoints."""

from __future__ import annotations

import pytest

from quantdesk.runtime.clock import ManualClock
from quantdesk.simulator.binance.server import BinanceServer
from tests.unit.simulator.binance.client import Client

SYMBOL = "BTC-260925-60000-C"
SECOND_NS = 1_000_000_000


async def test_time_is_the_venues(client: Client) -> None:
    body = await client.public("/time")
    assert body == {"serverTime": client.server.venue.now_ns() // 1_000_000}


async def test_ping_answers_with_nothing(client: Client) -> None:
    assert await client.public("/ping") == {}


async def test_exchange_info_lists_every_live_option_with_its_filters(client: Client) -> None:
    info = await client.public("/exchangeInfo")
    symbols = {row["symbol"]: row for row in info["optionSymbols"]}
    assert len(symbols) == len(client.server.floor.market.board)
    row = symbols[SYMBOL]
    assert (row["side"], row["strikePrice"], row["unit"]) == ("CALL", "60000", 1)
    assert row["underlying"] == "BTCUSDT"
    price, lot = row["filters"]
    assert price == {
        "filterType": "PRICE_FILTER",
        "minPrice": "5",
        "maxPrice": "200000",
        "tickSize": "5",
    }
    assert lot["stepSize"] == "0.01"
    assert [limit["limit"] for limit in info["rateLimits"]] == [2400, 1200, 300]


async def test_depth_gives_the_books_levels_best_first(client: Client) -> None:
    book = await client.public("/depth", symbol=SYMBOL)
    bids = [float(price) for price, _ in book["bids"]]
    asks = [float(price) for price, _ in book["asks"]]
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]
    assert len(bids) == 5


@pytest.mark.parametrize(("limit", "weight"), [(10, 1), (100, 5), (500, 10), (1000, 20)])
async def test_depth_weighs_by_its_limit(client: Client, limit: int, weight: int) -> None:
    before = await client.send("GET", "/ping")
    after = await client.send("GET", "/depth", f"symbol={SYMBOL}&limit={limit}")
    used = [int(answer.headers["X-MBX-USED-WEIGHT-1M"]) for answer in (before, after)]
    assert used[1] - used[0] == weight


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("/depth", "", -1102),
        ("/depth", "symbol=BTC-260925-1-C", -1121),
        ("/depth", "symbol=btc-260925-60000-c", -1121),
        ("/depth", f"symbol={SYMBOL}&limit=7", -6008),
        ("/depth", f"symbol={SYMBOL}&limit=x", -1100),
        ("/klines", f"symbol={SYMBOL}&interval=7m", -1120),
        ("/klines", f"symbol={SYMBOL}&interval=1m&startTime=2&endTime=1", -6031),
        ("/index", "underlying=SOLUSDT", -1128),
        ("/openInterest", "underlyingAsset=SOL&expiration=260925", -1129),
        ("/trades", f"symbol={SYMBOL}&limit=501", -6008),
    ],
)
async def test_bad_parameters_are_refused_in_the_venues_codes(
    client: Client, path: str, query: str, code: int
) -> None:
    answer = await client.send("GET", path, query)
    assert (answer.status, answer.body["code"]) == (400, code)


async def test_unknown_path_is_not_found(client: Client) -> None:
    assert (await client.send("GET", "/historicalTrades")).status == 404


async def test_mark_of_all_and_of_one(client: Client) -> None:
    every = await client.public("/mark")
    (one,) = await client.public("/mark", symbol=SYMBOL)
    assert one in every
    assert len(every) == len(client.server.floor.market.board)
    assert 0 < float(one["bidIV"]) < float(one["markIV"]) < float(one["askIV"]) < 3


async def test_quote_without_an_iv_says_minus_one(client: Client) -> None:
    marks = await client.public("/mark")
    assert "-1.00000000" in {row["bidIV"] for row in marks}


async def test_ticker_shows_the_books_best_prices_and_the_index(client: Client) -> None:
    (row,) = await client.public("/ticker", symbol=SYMBOL)
    assert (row["bidPrice"], row["askPrice"]) == await client.best(SYMBOL)
    index = await client.public("/index", underlying="BTCUSDT")
    assert row["exercisePrice"] == index["indexPrice"]
    assert row["volume"] == "0.00"


async def test_trades_statistics_and_bars_follow_a_trade(client: Client) -> None:
    _, ask = await client.best(SYMBOL)
    await client.order(SYMBOL, "BUY", "0.10", ask)
    await client.order(SYMBOL, "BUY", "0.20", ask)
    first, second = await client.public("/trades", symbol=SYMBOL)
    assert (first["price"], first["qty"], first["side"]) == (ask, "0.10", 1)
    assert (first["tradeId"], second["tradeId"]) == (1, 2)
    (ticker,) = await client.public("/ticker", symbol=SYMBOL)
    assert (ticker["volume"], ticker["tradeCount"], ticker["lastQty"]) == ("0.30", 2, "0.20")
    (bar,) = await client.public("/klines", symbol=SYMBOL, interval="1m")
    assert bar[1:5] == [ask] * 4
    assert (bar[5], bar[8], bar[9]) == ("0.3000", 2, "0.3000")
    assert bar[6] - bar[0] == 59_999


async def test_open_interest_counts_what_was_traded_here(client: Client) -> None:
    _, ask = await client.best(SYMBOL)
    await client.order(SYMBOL, "BUY", "0.10", ask)
    rows = await client.public("/openInterest", underlyingAsset="BTC", expiration="260925")
    mine = next(row for row in rows if row["symbol"] == SYMBOL)
    assert mine["sumOpenInterest"] == "0.100"
    assert {row["symbol"].split("-")[1] for row in rows} == {"260925"}


async def test_statistics_forget_trades_after_a_day(client: Client, clock: ManualClock) -> None:
    symbol = "BTC-260925-60000-C"
    _, ask = await client.best(symbol)
    await client.order(symbol, "BUY", "0.10", ask)
    clock.advance_to(clock.now_ns() + 86_400 * SECOND_NS)
    (ticker,) = await client.public("/ticker", symbol=symbol)
    assert (ticker["volume"], ticker["tradeCount"]) == ("0.00", 0)
    assert ticker["lastPrice"] == ask


async def test_block_trades_need_a_key_and_are_none(client: Client) -> None:
    assert (await client.send("GET", "/blockTrades")).status == 401
    answer = await client.send("GET", "/blockTrades", key=client.account.api_key)
    assert (answer.status, answer.body) == (200, [])


async def test_market_moves_between_requests(client: Client, server: BinanceServer) -> None:
    before = await client.public("/index", underlying="BTCUSDT")
    clock = server.venue.clock
    assert isinstance(clock, ManualClock)
    clock.advance_to(clock.now_ns() + 30 * SECOND_NS)
    after = await client.public("/index", underlying="BTCUSDT")
    assert after["time"] // 1000 - before["time"] // 1000 == 30
    assert after["indexPrice"] != before["indexPrice"]


async def test_ready_line_names_addresses_and_accounts(server: BinanceServer) -> None:
    assert server.endpoints() == {
        "rest": server.rest_url,
        "ws": server.rest_url.replace("http", "ws"),
    }
    first = server.credentials()[0]
    assert first["balances"] == {"USDT": "1000000"}
    assert first["api_key"] == server.accounts[0].api_key
    assert first["api_secret"] == server.accounts[0].api_secret
