"""Shape of our answers against captured ones, and of the rest against the reference's field lists.

The REST captures are of 2024, before the interface of January 2026: what has changed since is named
here field by field, after the venue's SDK 8 and its documents of March 2026. Stream captures are of
December 2025 and of the present format.
"""

from __future__ import annotations

import json
from collections.abc import Set
from pathlib import Path
from typing import Any

import pytest

from quantdesk.runtime.clock import ManualClock
from quantdesk.simulator.binance.server import BinanceServer
from tests.unit.simulator.binance.client import Client, listen
from tests.unit.simulator.binance.test_expiry import CALL, held_through

FIXTURES = Path(__file__).parents[3] / "fixtures" / "binance"
SYMBOL = "BTC-260925-60000-C"
LOWER = SYMBOL.lower()


def captured(case: str) -> Any:
    text = (FIXTURES / "rest_and_ws_2024.jsonl").read_text(encoding="utf-8")
    return next(
        record["payload"] for record in map(json.loads, text.splitlines()) if record["case"] == case
    )


def captured_stream(kind: str) -> Any:
    text = (FIXTURES / "ws_streams_2025-12-17.jsonl").read_text(encoding="utf-8")
    return next(
        message["data"]
        for message in map(json.loads, text.splitlines())
        if kind in message["stream"]
    )


def kinds(record: dict[str, Any]) -> dict[str, str]:
    """JSON type of each field."""
    return {
        name: "number" if type(value) in (int, float) else type(value).__name__
        for name, value in record.items()
    }


def assert_fits(
    ours: dict[str, Any],
    theirs: dict[str, Any],
    *,
    gone: Set[str] = frozenset(),
    new: Set[str] = frozenset(),
    retyped: Set[str] = frozenset(),
) -> None:
    """Same fields and types but for those that are named as changed since the capture."""
    assert theirs.keys() - ours.keys() == gone
    assert ours.keys() - theirs.keys() == new
    mine, captured_kinds = kinds(ours), kinds(theirs)
    differ = {n for n in ours.keys() & theirs.keys() if mine[n] != captured_kinds[n]}
    assert differ == retyped


SINCE_2026 = {"selfTradePreventionMode"}


async def test_exchange_info(client: Client) -> None:
    ours, theirs = await client.public("/exchangeInfo"), captured("TestExchangeInfo")
    assert_fits(ours, theirs)
    assert_fits(ours["optionContracts"][0], theirs["optionContracts"][0], gone={"id"})
    assert_fits(ours["optionAssets"][0], theirs["optionAssets"][0], gone={"id"})
    assert_fits(ours["rateLimits"][0], theirs["rateLimits"][0])
    one, captured_one = ours["optionSymbols"][0], theirs["optionSymbols"][0]
    assert_fits(
        one,
        captured_one,
        gone={"contractId", "id", "makerFeeRate", "takerFeeRate"},
        new={
            "contractType",
            "liquidationFeeRate",
            "nakedSell",
            "status",
            "underlyingType",
        },
    )
    for mine, theirs_filter in zip(one["filters"], captured_one["filters"], strict=True):
        assert_fits(mine, theirs_filter)


async def test_depth(client: Client) -> None:
    ours, theirs = await client.public("/depth", symbol=SYMBOL), captured("TestDepth")
    assert_fits(ours, theirs, gone={"u"}, new={"lastUpdateId"})
    assert [type(cell) for cell in ours["bids"][0]] == [str, str]


@pytest.mark.parametrize(
    ("path", "params", "case"),
    [
        ("/index", {"underlying": "BTCUSDT"}, "TestIndex"),
        ("/mark", {"symbol": SYMBOL}, "TestMark"),
        ("/ticker", {"symbol": SYMBOL}, "TestTicker"),
        ("/openInterest", {"underlyingAsset": "BTC", "expiration": "260925"}, "TestOpenInterest"),
    ],
)
async def test_public_answers_that_have_not_changed(
    client: Client, path: str, params: dict[str, str], case: str
) -> None:
    ours, theirs = await client.public(path, **params), captured(case)
    assert type(ours) is type(theirs)
    if isinstance(ours, list):
        ours, theirs = ours[0], theirs[0]
    assert list(ours) == list(theirs) or set(ours) == set(theirs)
    assert_fits(ours, theirs)


async def test_trades_of_everyone_and_of_the_account(client: Client) -> None:
    _, ask = await client.best(SYMBOL)
    await client.order(SYMBOL, "BUY", "0.10", ask)
    (public,) = await client.public("/trades", symbol=SYMBOL)
    assert_fits(public, captured("TestTrades")[0])
    (mine,) = await client.ok("GET", "/userTrades", symbol=SYMBOL)
    assert_fits(mine, captured("TestUserTrades")[0], gone={"volatility"})


async def test_bars_are_lists_since_2026(client: Client) -> None:
    _, ask = await client.best(SYMBOL)
    await client.order(SYMBOL, "BUY", "0.10", ask)
    (bar,) = await client.public("/klines", symbol=SYMBOL, interval="1m")
    # The example of the documents of March 2026; the capture of 2024 holds objects.
    example = [
        1762779600000,
        "1300.000",
        "1300.000",
        "1300.000",
        "1300.000",
        "0.1000",
        1762780499999,
        "130.0000000",
        1,
        "0.1000",
        "130.0000000",
        "0",
    ]
    assert [type(cell) for cell in bar] == [type(cell) for cell in example]
    assert [len(str(cell).partition(".")[2]) for cell in bar[1:]] == [
        len(str(cell).partition(".")[2]) for cell in example[1:]
    ]


async def test_orders(client: Client) -> None:
    theirs = captured("TestCreateOrder")
    placed = await client.order(SYMBOL, "BUY", "0.1", "4000")
    # The documents leave the fee out of this answer, and the SDK reads no text there.
    assert_fits(placed, theirs, gone={"fee"}, new=SINCE_2026)
    asked = await client.ok("GET", "/order", symbol=SYMBOL, orderId=placed["orderId"])
    assert_fits(asked, captured("TestGetOrder"), gone={"fee"}, new=SINCE_2026)
    (row,) = await client.ok("GET", "/openOrders")
    listed = captured("TestListOpenOrders")[0]
    assert_fits(row, listed, gone={"fee", "postOnly"}, new=SINCE_2026)
    ended = await client.ok("DELETE", "/order", symbol=SYMBOL, orderId=placed["orderId"])
    assert_fits(
        ended,
        captured("TestCancelOrder"),
        gone={"fee", "postOnly", "createTime"},
        new=SINCE_2026 | {"createDate"},
    )
    (kept,) = await client.ok("GET", "/historyOrders", symbol=SYMBOL)
    assert_fits(
        kept,
        captured("TestHistoryOrders")[0],
        gone={"fee", "postOnly", "reason"},
        new=SINCE_2026,
    )


async def test_batches(client: Client) -> None:
    order = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "quantity": "0.1", "price": "4000"}
    bad = {**order, "price": "1"}
    placed, refused = await client.ok("POST", "/batchOrders", orders=json.dumps([order, bad]))
    theirs = captured("TestCreateBatchOrders")
    assert_fits(placed, theirs[0], gone={"fee"}, new=SINCE_2026)
    assert_fits(refused, theirs[-1])
    gone, unknown = await client.ok(
        "DELETE", "/batchOrders", symbol=SYMBOL, orderIds=json.dumps([placed["orderId"], 1])
    )
    theirs = captured("TestCancelBatchOrders")
    assert_fits(gone, theirs[0], new=SINCE_2026)
    assert_fits(unknown, theirs[-1])


async def test_cancelling_many(client: Client) -> None:
    ours = await client.ok("DELETE", "/allOpenOrders", symbol=SYMBOL)
    assert ours == captured("TestCancelAllOpenOrders")
    ours = await client.ok("DELETE", "/allOpenOrdersByUnderlying", underlying="BTCUSDT")
    theirs = captured("TestCancelAllOpenOrdersByUnderlying")
    assert_fits(ours, theirs, retyped={"code"})


async def test_positions(client: Client) -> None:
    _, ask = await client.best(SYMBOL)
    await client.order(SYMBOL, "BUY", "0.10", ask)
    (ours,) = await client.ok("GET", "/position")
    assert_fits(
        ours,
        captured("TestPosition")[0],
        gone={"positionCost", "reducibleQty", "ror"},
        new={"askQuantity", "bidQuantity"},
    )


async def test_bills(client: Client) -> None:
    _, ask = await client.best(SYMBOL)
    await client.order(SYMBOL, "BUY", "0.10", ask)
    fee = (await client.ok("GET", "/bill", currency="USDT"))[0]
    assert_fits(fee, captured("TestBill")[0], new={"symbol"}, retyped={"id"})


async def test_exercises(client: Client, clock: ManualClock) -> None:
    _, ask = await client.best(CALL)
    await held_through(client, clock, (CALL, "BUY", "0.50", ask))
    history = await client.public("/exerciseHistory")
    assert_fits(history[0], captured("TestExerciseHistory")[0])
    (record,) = await client.ok("GET", "/exerciseRecord")
    assert_fits(record, captured("TestExerciseRecord")[0], gone={"markPrice"})


async def test_account(client: Client) -> None:
    # /account is gone; /marginAccount took its place and changed its fields.
    ours, theirs = await client.ok("GET", "/marginAccount"), captured("TestAccount")
    assert_fits(
        ours,
        theirs,
        gone={"riskLevel"},
        new={"canTrade", "canDeposit", "canWithdraw", "reduceOnly", "tradeGroupId"},
    )
    assert_fits(
        ours["asset"][0],
        theirs["asset"][0],
        gone={"locked"},
        new={"initialMargin", "maintMargin", "adjustedEquity"},
    )
    assert_fits(ours["greek"][0], theirs["greek"][0])


async def test_listen_key(client: Client) -> None:
    ours = (await client.send("POST", "/listenKey", key=client.account.api_key)).body
    assert_fits(ours, captured("TestStartUserStream"), new={"expiration"})


@pytest.mark.parametrize(
    ("path", "name", "capture"),
    [
        ("public", f"{LOWER}@optionTrade", "btc-251219-89000-c@optionTrade"),
        ("public", f"{LOWER}@bookTicker", "@bookTicker"),
        ("public", f"{LOWER}@depth20@100ms", "@depth20"),
        ("public", f"{LOWER}@optionTicker", "@optionTicker"),
        ("market", "btcusdt@optionMarkPrice", "xrpusdt@optionMarkPrice"),
        ("market", "btcusdt@openInterest@260925", "@optionOpenInterest"),
    ],
)
async def test_streams(
    server: BinanceServer,
    client: Client,
    clock: ManualClock,
    *,
    path: str,
    name: str,
    capture: str,
) -> None:
    theirs = captured_stream(capture)
    async with listen(server, f"/{path}/ws/{name}") as streams:
        await streams.settle()
        _, ask = await client.best(SYMBOL)
        await client.order(SYMBOL, "BUY", "0.10", ask)
        clock.advance_to(clock.now_ns() + 2_000_000_000)
        server.pump()
        ours = (await streams.waiting())[0]
    assert type(ours) is type(theirs)
    if isinstance(ours, list):
        ours, theirs = ours[0], theirs[0]
    assert list(ours) == list(theirs)
    assert_fits(ours, theirs)


FIELDS_OF_EVENTS = {
    "ORDER_TRADE_UPDATE": "e E T o",
    "BALANCE_POSITION_UPDATE": "e E T m B P",
    "ACCOUNT_UPDATE": "e E T eq aeq b m u i M",
    "GREEK_UPDATE": "e E T G",
}
"""Field lists of the reference, section 6: no capture of the present format exists."""

FIELDS_OF_PARTS = {
    "o": "s c S o f q p ap x X i l z L N n T t b a m R ot rp V",
    "B": "a b bc",
    "P": "s c p a",
    "G": "u d g t v",
}
NUMBERS = {"E", "T", "i", "t"}
FLAGS = {"m", "R"}


async def test_user_events(server: BinanceServer, client: Client) -> None:
    key = (await client.send("POST", "/listenKey", key=client.account.api_key)).body["listenKey"]
    async with listen(server, f"/private/ws/{key}") as streams:
        await streams.settle()
        _, ask = await client.best(SYMBOL)
        await client.order(SYMBOL, "BUY", "0.10", ask)
        found = {message["e"]: message for message in await streams.waiting()}
    assert {name: " ".join(message) for name, message in found.items()} == FIELDS_OF_EVENTS
    parts = {
        "o": found["ORDER_TRADE_UPDATE"]["o"],
        "B": found["BALANCE_POSITION_UPDATE"]["B"][0],
        "P": found["BALANCE_POSITION_UPDATE"]["P"][0],
        "G": found["GREEK_UPDATE"]["G"][0],
    }
    assert {name: " ".join(part) for name, part in parts.items()} == FIELDS_OF_PARTS
    order = kinds(parts["o"])
    assert {name for name, kind in order.items() if kind == "number"} == NUMBERS - {"E"}
    assert {name for name, kind in order.items() if kind == "bool"} == FLAGS
    for name in ("B", "P", "G"):
        assert set(kinds(parts[name]).values()) == {"str"}
    account = kinds(found["ACCOUNT_UPDATE"])
    assert {name for name, kind in account.items() if kind == "number"} == {"E", "T"}


FIELDS_OF_STREAMS = {
    ("public", f"{LOWER}@depth@100ms"): "e E T s U u pu b a",
    ("market", "!index@arr"): "e E s p",
    ("market", f"{LOWER}@kline_1m"): "e E s k",
}


@pytest.mark.parametrize(("path", "name"), list(FIELDS_OF_STREAMS))
async def test_streams_without_a_capture(
    server: BinanceServer, client: Client, clock: ManualClock, path: str, name: str
) -> None:
    async with listen(server, f"/{path}/ws/{name}") as streams:
        await streams.settle()
        _, ask = await client.best(SYMBOL)
        await client.order(SYMBOL, "BUY", "0.10", ask)
        clock.advance_to(clock.now_ns() + 2_000_000_000)
        server.pump()
        ours = (await streams.waiting())[0]
    ours = ours[0] if isinstance(ours, list) else ours
    assert " ".join(ours) == FIELDS_OF_STREAMS[path, name]
    if "k" in ours:
        assert " ".join(sorted(ours["k"])) == "L Q T V c f h i l n o q s t v x"
