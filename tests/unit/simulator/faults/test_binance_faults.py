"""Each fault as a client of the simulated Binance meets it, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise

import aiohttp
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.unit.simulator.binance.client import Client, Streams, connect, listen
from tests.unit.simulator.faults.conftest import Rig

SYMBOL = "BTC-260925-60000-C"
TRADES = f"/public/ws/{SYMBOL.lower()}@optionTrade"
BOOK = f"/public/ws/{SYMBOL.lower()}@depth@100ms"
TICKS = 6


@pytest.fixture
async def client(rig: Rig) -> AsyncIterator[Client]:
    async with connect(rig.binance, rig.binance.accounts[0]) as client:
        yield client


async def trades(client: Client, streams: Streams, count: int) -> list[int]:
    """Trade `count` times; the trade numbers that were told, as they arrived."""
    _, ask = await client.best(SYMBOL)
    for _ in range(count):
        await client.order(SYMBOL, "BUY", "0.01", ask)
    return [message["t"] for message in await streams.waiting()]


@pytest.mark.parametrize(
    ("kind", "told"),
    [("lost", [2, 3]), ("duplicate", [1, 1, 2, 3]), ("late", [2, 1, 3])],
)
async def test_messages_are_lost_doubled_and_late(
    rig: Rig, client: Client, kind: str, told: list[int]
) -> None:
    async with listen(rig.binance, TRADES) as streams:
        await streams.settle()
        await rig.let("binance", kind, channel="*@optiontrade")
        assert await trades(client, streams, 3) == told


async def test_only_the_named_stream_and_connection_are_struck(rig: Rig, client: Client) -> None:
    async with listen(rig.binance, TRADES) as streams:
        await streams.settle()
        await rig.let("binance", "lost", channel="eth*", count=5)
        await rig.let("binance", "lost", connection=99)
        assert await trades(client, streams, 2) == [1, 2]


async def test_gap_leaves_a_hole_in_the_update_ids(rig: Rig, client: Client) -> None:
    async with listen(rig.binance, BOOK) as streams:
        await streams.settle()
        clock = rig.binance.venue.clock
        seen = []
        for number in range(TICKS):
            clock.advance_to(clock.now_ns() + 200_000_000)  # type: ignore[attr-defined]
            if number == 2:
                await rig.let("binance", "gap")
            await client.order(SYMBOL, "BUY", "0.01", f"{1000 + 5 * number}")
            seen += await streams.waiting()
        holes = [b["pu"] != a["u"] for a, b in pairwise(seen)]
        assert holes.count(True) == 1


async def test_lost_answer_leaves_the_order_standing(rig: Rig, client: Client) -> None:
    await rig.let("binance", "lost-ack", request="POST */order")
    await client.public("/ping")
    with pytest.raises(aiohttp.ClientError):
        await client.order(SYMBOL, "BUY", "0.10", "4000", clientOrderId="lost")
    found = await client.ok("GET", "/order", symbol=SYMBOL, clientOrderId="lost")
    assert found["status"] == "NEW"


async def test_disconnect_cuts_without_a_handshake(rig: Rig) -> None:
    async with listen(rig.binance, TRADES) as first, listen(rig.binance, TRADES) as second:
        await first.settle()
        await second.settle()
        await rig.let("binance", "disconnect", connection=1)
        with pytest.raises(ConnectionClosed) as closed:
            await first.receive()
        assert closed.value.rcvd is None
        await second.settle()


async def test_stall_holds_everything_back_and_then_goes_on(rig: Rig, client: Client) -> None:
    async with listen(rig.binance, TRADES) as streams:
        await streams.settle()
        await rig.let("binance", "stall", seconds=0.3)
        waiting = asyncio.create_task(streams.receive())
        _, ask = await client.best(SYMBOL)
        await client.order(SYMBOL, "BUY", "0.01", ask)
        assert not waiting.done()
        assert (await waiting)["t"] == 1


async def test_rate_limit_is_429_with_retry_after(rig: Rig, client: Client) -> None:
    await rig.let("binance", "rate-limit", seconds=7, request="GET */depth")
    assert (await client.send("GET", "/ping")).status == 200
    refused = await client.send("GET", "/depth", f"symbol={SYMBOL}")
    assert (refused.status, refused.headers["Retry-After"]) == (429, "7")
    assert refused.body["code"] == -1008
    assert (await client.send("GET", "/depth", f"symbol={SYMBOL}")).status == 200


async def test_ban_is_418_until_it_is_over(rig: Rig, client: Client) -> None:
    await rig.let("binance", "ban", seconds=30)
    banned = await client.send("GET", "/ping")
    assert (banned.status, banned.headers["Retry-After"], banned.body["code"]) == (418, "30", -1003)
    clock = rig.binance.venue.clock
    clock.advance_to(clock.now_ns() + 31_000_000_000)  # type: ignore[attr-defined]
    assert (await client.send("GET", "/ping")).status == 200


async def test_maintenance_ends_streams_refuses_and_ends(rig: Rig, client: Client) -> None:
    async with listen(rig.binance, TRADES) as streams:
        await streams.settle()
        await rig.let("binance", "maintenance", seconds=0.5)
        with pytest.raises(ConnectionClosed):
            await streams.receive()
    assert (await client.send("GET", "/ping")).status == 503
    with pytest.raises(InvalidStatus, match="503"):
        async with listen(rig.binance, TRADES):
            pass
    async with asyncio.timeout(5):
        while (await client.send("GET", "/ping")).status != 200:
            assert (await rig.listed("binance"))["done"]


async def test_listen_key_expires(rig: Rig, client: Client) -> None:
    answer = await client.send("POST", "/listenKey", key=client.account.api_key)
    async with listen(rig.binance, f"/private/ws/{answer.body['listenKey']}") as streams:
        await streams.settle()
        await rig.let("binance", "token-expiry")
        assert (await streams.receive())["e"] == "listenKeyExpired"


async def test_bad_bytes_are_sent_as_they_are(rig: Rig) -> None:
    async with listen(rig.binance, TRADES) as streams:
        await streams.settle()
        await rig.let("binance", "bad-bytes")
        received = await streams.socket.recv()
        assert isinstance(received, bytes)
        with pytest.raises(UnicodeDecodeError):
            received.decode()


async def test_restart_loses_orders_and_connections_but_not_positions(
    rig: Rig, client: Client
) -> None:
    _, ask = await client.best(SYMBOL)
    await client.order(SYMBOL, "BUY", "0.10", ask)
    await client.order(SYMBOL, "BUY", "0.10", "4000")
    async with listen(rig.binance, TRADES) as streams:
        await streams.settle()
        await rig.let("binance", "restart")
        with pytest.raises(ConnectionClosed):
            await streams.receive()
    assert await client.ok("GET", "/openOrders") == []
    assert len(await client.ok("GET", "/position")) == 1
