"""User data streams: listen keys and account events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from quantdesk.runtime.clock import ManualClock
from quantdesk.simulator.binance.server import BinanceServer
from tests.unit.simulator.binance.client import Client, Streams, listen
from tests.unit.simulator.binance.test_expiry import CALL, EXPIRY_MS, held_through

SYMBOL = "BTC-260925-60000-C"
MINUTE_NS = 60_000_000_000


@asynccontextmanager
async def listening(server: BinanceServer, client: Client) -> AsyncIterator[tuple[str, Streams]]:
    answer = await client.send("POST", "/listenKey", key=client.account.api_key)
    key = answer.body["listenKey"]
    async with listen(server, f"/private/ws/{key}") as streams:
        await streams.settle()
        yield key, streams


async def events(streams: Streams, count: int) -> list[Any]:
    return [await streams.receive() for _ in range(count)]


async def test_listen_key_is_one_an_account_and_lives_an_hour(
    client: Client, clock: ManualClock
) -> None:
    key = client.account.api_key
    first = (await client.send("POST", "/listenKey", key=key)).body
    again = (await client.send("POST", "/listenKey", key=key)).body
    assert first["listenKey"] == again["listenKey"]
    assert first["expiration"] - client.server.floor.now_ms == 3_600_000
    clock.advance_to(clock.now_ns() + 59 * MINUTE_NS)
    assert (await client.send("PUT", "/listenKey", key=key)).body == {}
    clock.advance_to(clock.now_ns() + 60 * MINUTE_NS)
    gone = await client.send("PUT", "/listenKey", key=key)
    assert gone.body == {"code": -1125, "msg": "This listenKey does not exist."}
    fresh = (await client.send("POST", "/listenKey", key=key)).body
    assert fresh["listenKey"] != first["listenKey"]


async def test_resting_order_is_told_as_new_and_cancelled(
    server: BinanceServer, client: Client
) -> None:
    async with listening(server, client) as (_, streams):
        placed = await client.order(SYMBOL, "BUY", "0.10", "4000", clientOrderId="abc")
        (new,) = await events(streams, 1)
        await client.ok("DELETE", "/order", symbol=SYMBOL, clientOrderId="abc")
        (gone,) = await events(streams, 1)
    assert new["e"] == gone["e"] == "ORDER_TRADE_UPDATE"
    assert (new["o"]["x"], new["o"]["X"], new["o"]["c"]) == ("NEW", "NEW", "abc")
    assert new["o"]["i"] == placed["orderId"]
    assert (new["o"]["b"], gone["o"]["b"]) == ("0.10", "0.00")
    assert (gone["o"]["x"], gone["o"]["X"]) == ("CANCELED", "CANCELED")


async def test_fill_is_told_with_fee_balance_position_and_margins(
    server: BinanceServer, client: Client
) -> None:
    _, ask = await client.best(SYMBOL)
    async with listening(server, client) as (_, streams):
        await client.order(SYMBOL, "BUY", "0.10", ask)
        new, trade, balance, account, greeks = await events(streams, 5)
    order = trade["o"]
    assert (new["o"]["x"], order["x"], order["X"]) == ("NEW", "TRADE", "FILLED")
    assert (order["l"], order["z"], order["L"], order["t"]) == ("0.10", "0.10", ask, 1)
    assert order["m"] is False
    fee = -Decimal(order["n"])
    assert fee > 0
    cash = balance["B"][0]
    assert Decimal(cash["bc"]) == -Decimal(ask) * Decimal("0.1") - fee
    assert Decimal(cash["b"]) == 1_000_000 + Decimal(cash["bc"])
    assert balance["P"][0]["c"] == "0.10"
    assert Decimal(balance["P"][0]["a"]) == Decimal(ask)
    assert account["e"] == "ACCOUNT_UPDATE"
    assert Decimal(account["eq"]) == Decimal(account["b"]) + Decimal(account["m"])
    (mark,) = await client.public("/mark", symbol=SYMBOL)
    (held,) = greeks["G"]
    assert Decimal(held["d"]) == Decimal(mark["delta"]) / 10


async def test_expiry_of_a_position_is_told_as_cash(
    server: BinanceServer, client: Client, clock: ManualClock
) -> None:
    _, ask = await client.best(CALL)
    await client.order(CALL, "BUY", "0.50", ask)
    left_ns = EXPIRY_MS * 1_000_000 - server.venue.now_ns()
    clock.advance_to(clock.now_ns() + left_ns - 5 * MINUTE_NS)
    async with listening(server, client) as (_, streams):
        await held_through(client, clock)
        account = {message["e"]: message for message in await streams.waiting()}
    balance = account["BALANCE_POSITION_UPDATE"]
    assert balance["P"] == [{"s": CALL, "c": "0.00", "p": "0.00000000", "a": "0"}]
    (row,) = await client.ok("GET", "/exerciseRecord")
    paid = Decimal(row["amount"]) - Decimal(row["fee"])
    assert Decimal(balance["B"][0]["bc"]) == paid > 0


async def test_deposit_is_told_as_one(server: BinanceServer, client: Client) -> None:
    async with listening(server, client) as (_, streams):
        server.floor.exchange.deposit(client.account.account_id, "USDT", Decimal(5))
        server.pump()
        message = await streams.receive()
    assert (message["e"], message["m"], message["P"]) == ("BALANCE_POSITION_UPDATE", "DEPOSIT", [])
    assert message["B"] == [{"a": "USDT", "b": "1000005.00000000", "bc": "5.00000000"}]


async def test_maker_is_told_of_its_fill_too(
    server: BinanceServer, client: Client, other: Client
) -> None:
    bid, _ = await client.best(SYMBOL)
    price = f"{float(bid) + 5:.0f}"
    await client.order(SYMBOL, "SELL", "0.30", price)
    async with listening(server, client) as (_, streams):
        await other.order(SYMBOL, "BUY", "0.10", price)
        trade = await streams.receive()
    assert (trade["o"]["x"], trade["o"]["X"]) == ("TRADE", "PARTIALLY_FILLED")
    assert trade["o"]["m"] is True
    assert trade["o"]["a"] == "0.20"


async def test_standing_is_told_every_ten_seconds_while_something_is_held(
    server: BinanceServer, client: Client, clock: ManualClock
) -> None:
    async with listening(server, client) as (_, streams):
        server.pump()
        _, ask = await client.best(SYMBOL)
        await client.order(SYMBOL, "BUY", "0.10", ask)
        await events(streams, 5)
        clock.advance_to(clock.now_ns() + MINUTE_NS // 6)
        server.pump()
        account, greeks = await events(streams, 2)
    assert (account["e"], greeks["e"]) == ("ACCOUNT_UPDATE", "GREEK_UPDATE")


async def test_listen_key_may_be_subscribed_to_like_a_stream(
    server: BinanceServer, client: Client
) -> None:
    answer = await client.send("POST", "/listenKey", key=client.account.api_key)
    key = answer.body["listenKey"]
    async with listen(server, "/private/stream") as streams:
        await streams.request("SUBSCRIBE", key)
        await client.order(SYMBOL, "BUY", "0.10", "4000")
        message = await streams.receive()
    assert message["stream"] == key
    assert message["data"]["e"] == "ORDER_TRADE_UPDATE"


@pytest.mark.parametrize("path", ["/public/ws/", "/market/ws/"])
async def test_listen_key_says_nothing_on_another_path(
    server: BinanceServer, client: Client, path: str
) -> None:
    answer = await client.send("POST", "/listenKey", key=client.account.api_key)
    async with listen(server, path + answer.body["listenKey"]) as streams:
        await streams.settle()
        await client.order(SYMBOL, "BUY", "0.10", "4000")
        assert "result" in await streams.request("LIST_SUBSCRIPTIONS")


async def test_expiry_of_the_key_is_told_and_ends_the_events(
    server: BinanceServer, client: Client, clock: ManualClock
) -> None:
    async with listening(server, client) as (key, streams):
        for _ in range(12):
            clock.advance_to(clock.now_ns() + 5 * MINUTE_NS)
            server.pump()
            await (await streams.socket.ping())
        message = await streams.receive()
        assert (message["e"], message["listenKey"]) == ("listenKeyExpired", key)
        await client.order(SYMBOL, "BUY", "0.10", "4000")
        assert "result" in await streams.request("LIST_SUBSCRIPTIONS")


async def test_closed_key_is_told_nothing_more(server: BinanceServer, client: Client) -> None:
    async with listening(server, client) as (_, streams):
        await client.send("DELETE", "/listenKey", key=client.account.api_key)
        await client.order(SYMBOL, "BUY", "0.10", "4000")
        assert "result" in await streams.request("LIST_SUBSCRIPTIONS")


async def test_events_of_an_account_reach_no_other(
    server: BinanceServer, client: Client, other: Client
) -> None:
    async with listening(server, other) as (_, streams):
        await client.order(SYMBOL, "BUY", "0.10", "4000")
        assert "result" in await streams.request("LIST_SUBSCRIPTIONS")
