"""What goes wrong on demand."""

from __future__ import annotations

import aiohttp
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from quantdesk.errors import InvalidInput
from quantdesk.simulator.binance.faults import Faults
from quantdesk.simulator.binance.refusals import INTERNAL_UNKNOWN
from quantdesk.simulator.binance.server import BinanceServer
from quantdesk.simulator.faults import PLANNED_MAX, Fate
from tests.unit.simulator.binance.client import Client, Streams, listen

SYMBOL = "BTC-260925-60000-C"
STREAM = f"/public/ws/{SYMBOL.lower()}@optionTrade"


async def trades(client: Client, streams: Streams, count: int) -> list[int]:
    """Trade `count` times and give the trade numbers that were told, in order of arrival."""
    _, ask = await client.best(SYMBOL)
    for _ in range(count):
        await client.order(SYMBOL, "BUY", "0.01", ask)
    return [message["t"] for message in await streams.waiting()]


@pytest.mark.parametrize(
    ("fates", "told"),
    [
        ((Fate.SENT, Fate.LOST, Fate.SENT), [1, 3]),
        ((Fate.SENT, Fate.TWICE, Fate.SENT), [1, 2, 2, 3]),
        ((Fate.LATE, Fate.SENT, Fate.SENT), [2, 1, 3]),
        ((Fate.LATE, Fate.LATE, Fate.SENT), [1, 3, 2]),
    ],
)
async def test_messages_are_lost_doubled_and_late(
    server: BinanceServer, client: Client, fates: tuple[Fate, ...], told: list[int]
) -> None:
    async with listen(server, STREAM) as streams:
        await streams.settle()
        server.faults.plan_messages(*fates)
        assert await trades(client, streams, 3) == told


async def test_lost_answer_leaves_the_order_standing(server: BinanceServer, client: Client) -> None:
    server.faults.lose_answers()
    with pytest.raises(aiohttp.ClientError):
        await client.order(SYMBOL, "BUY", "0.10", "4000", clientOrderId="lost")
    found = await client.ok("GET", "/order", symbol=SYMBOL, clientOrderId="lost")
    assert found["status"] == "NEW"


async def test_refused_request_is_not_carried_out(server: BinanceServer, client: Client) -> None:
    server.faults.refuse_requests(INTERNAL_UNKNOWN, count=2)
    for _ in range(2):
        answer = await client.signed("POST", "/order", symbol=SYMBOL)
        assert (answer.status, answer.body["code"]) == (503, -1000)
    assert await client.ok("GET", "/openOrders") == []


async def test_maintenance_refuses_requests_and_connections(
    server: BinanceServer, client: Client
) -> None:
    server.faults.is_in_maintenance = True
    assert (await client.send("GET", "/ping")).status == 503
    with pytest.raises(InvalidStatus, match="503"):
        async with listen(server, STREAM):
            pass
    server.faults.is_in_maintenance = False
    assert (await client.send("GET", "/ping")).status == 200


async def test_restart_loses_orders_and_connections_but_not_positions(
    server: BinanceServer, client: Client
) -> None:
    _, ask = await client.best(SYMBOL)
    await client.order(SYMBOL, "BUY", "0.10", ask)
    await client.order(SYMBOL, "BUY", "0.10", "4000")
    async with listen(server, STREAM) as streams:
        await streams.settle()
        server.restart()
        with pytest.raises(ConnectionClosed):
            await streams.receive()
    assert await client.ok("GET", "/openOrders") == []
    assert len(await client.ok("GET", "/position")) == 1


async def test_listen_keys_expire_on_demand(server: BinanceServer, client: Client) -> None:
    answer = await client.send("POST", "/listenKey", key=client.account.api_key)
    async with listen(server, f"/private/ws/{answer.body['listenKey']}") as streams:
        await streams.settle()
        server.expire_listen_keys()
        assert (await streams.receive())["e"] == "listenKeyExpired"


async def test_stalled_connection_sends_nothing_until_it_goes_on(
    server: BinanceServer, client: Client
) -> None:
    async with listen(server, STREAM) as streams:
        await streams.settle()
        server.stall(True)
        _, ask = await client.best(SYMBOL)
        await client.order(SYMBOL, "BUY", "0.01", ask)
        server.stall(False)
        assert (await streams.receive())["t"] == 1


async def test_bad_bytes_are_sent_as_they_are(server: BinanceServer) -> None:
    async with listen(server, STREAM) as streams:
        await streams.settle()
        server.inject(b"\xff\x00{")
        assert await streams.socket.recv() == b"\xff\x00{"


def test_plans_are_bounded() -> None:
    faults = Faults()
    with pytest.raises(InvalidInput, match="planned"):
        faults.plan_messages(*([Fate.LOST] * (PLANNED_MAX + 1)))
