"""Each fault as a client of the simulated Deribit meets it, over a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from websockets.exceptions import ConnectionClosed

from tests.unit.simulator.deribit.client import Client, connect
from tests.unit.simulator.faults.conftest import Rig

NAME = "BTC-25SEP26-60000-C"
ORDERS = f"user.orders.{NAME}.raw"
BOOK = f"book.{NAME}.raw"


@pytest.fixture
async def client(rig: Rig) -> AsyncIterator[Client]:
    async with connect(rig.deribit.ws_url) as client:
        await client.log_in(rig.deribit.face.accounts[0])
        yield client


async def place(client: Client, label: str = "") -> str:
    """An order that rests far below the market; its id."""
    order = await client.order("buy", NAME, amount=0.1, price=0.02, type="limit", label=label)
    return str(order["order_id"])


async def told(client: Client, count: int) -> list[str]:
    """Labels of the orders that were told of while `count` were placed, as they arrived."""
    await client.result("private/subscribe", channels=[ORDERS])
    for number in range(count):
        await place(client, f"{number}")
    return [params["data"]["label"] for params in await client.drain()]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("lost", ["1", "2", "3"]),
        ("duplicate", ["0", "0", "1", "2", "3"]),
        ("late", ["1", "0", "2", "3"]),
    ],
)
async def test_messages_are_lost_doubled_and_late(
    rig: Rig, client: Client, kind: str, expected: list[str]
) -> None:
    await rig.let("deribit", kind, channel="user.orders.*")
    assert await told(client, 4) == expected


async def test_only_the_named_channel_and_connection_are_struck(rig: Rig, client: Client) -> None:
    await rig.let("deribit", "lost", channel="trades.*", count=5)
    await rig.let("deribit", "lost", channel="user.*", connection=99)
    assert await told(client, 2) == ["0", "1"]


async def test_gap_leaves_a_hole_in_the_change_ids(rig: Rig, client: Client) -> None:
    await client.result("private/subscribe", channels=[BOOK, ORDERS])
    first = (await client.notification())["data"]
    assert first["type"] == "snapshot"
    await rig.let("deribit", "gap")
    for _ in range(2):
        await place(client)
    notes = await client.drain()
    assert len([note for note in notes if note["channel"] == ORDERS]) == 2
    (change,) = [note["data"] for note in notes if note["channel"] == BOOK]
    assert change["prev_change_id"] > first["change_id"]


async def test_lost_answer_leaves_the_order_standing(rig: Rig, client: Client) -> None:
    await rig.let("deribit", "lost-ack", request="private/buy")
    await client.result("private/subscribe", channels=[ORDERS])
    body = '{"jsonrpc":"2.0","id":77,"method":"private/buy","params":'
    await client.socket.send(
        f'{body}{{"instrument_name":"{NAME}","amount":0.1,"price":0.02,"type":"limit"}}}}'
    )
    # The answer would stand before the notification and before that of the next request.
    assert (await client.receive())["params"]["channel"] == ORDERS
    (order,) = await client.result("private/get_open_orders")
    assert order["price"] == 0.02


async def test_disconnect_cuts_without_a_handshake(rig: Rig, client: Client) -> None:
    async with connect(rig.deribit.ws_url) as second:
        await second.result("public/test")
        await rig.let("deribit", "disconnect", connection=1)
        with pytest.raises(ConnectionClosed) as closed:
            await client.receive()
        assert closed.value.rcvd is None
        await second.result("public/test")
        await rig.let("deribit", "disconnect")
        with pytest.raises(ConnectionClosed):
            await second.receive()


async def test_stall_holds_everything_back_and_then_goes_on(rig: Rig, client: Client) -> None:
    await rig.let("deribit", "stall", seconds=0.3)
    waiting = asyncio.create_task(client.request("public/test"))
    # A stall holds back sockets only: this answer comes while the other waits.
    async with rig.session.get(f"{rig.deribit.http_url}/public/test") as response:
        assert response.status == 200
    assert not waiting.done()
    assert (await waiting)["result"]


async def test_rate_limit_refuses_and_ends_the_session(rig: Rig, client: Client) -> None:
    await rig.let("deribit", "rate-limit", request="public/test")
    assert await client.result("private/get_open_orders") == []
    assert (await client.error("public/test"))["code"] == 10028
    with pytest.raises(ConnectionClosed):
        await client.receive()


async def test_rate_limit_is_status_429_over_http(rig: Rig) -> None:
    await rig.let("deribit", "rate-limit", count=1)
    async with rig.session.get(f"{rig.deribit.http_url}/public/test") as response:
        assert (response.status, (await response.json())["error"]["code"]) == (429, 10028)
    async with rig.session.get(f"{rig.deribit.http_url}/public/test") as response:
        assert response.status == 200


async def test_maintenance_is_told_refuses_and_ends(rig: Rig, client: Client) -> None:
    await client.subscribe("platform_state")
    await client.drain()
    await rig.let("deribit", "maintenance", seconds=0.3)
    assert (await client.notification())["data"] == {"maintenance": True}
    assert (await client.error("public/test"))["code"] == 11051
    assert (await client.notification())["data"] == {"maintenance": False}
    await client.result("public/test")


async def test_expired_token_is_refused_and_refreshed(rig: Rig, client: Client) -> None:
    granted = await client.log_in(rig.deribit.face.accounts[0])
    await rig.let("deribit", "token-expiry")
    assert (await client.error("private/get_open_orders"))["code"] == 13009
    await client.result(
        "public/auth", grant_type="refresh_token", refresh_token=granted["refresh_token"]
    )
    assert await client.result("private/get_open_orders") == []


async def test_bad_bytes_are_sent_as_they_are(rig: Rig, client: Client) -> None:
    await rig.let("deribit", "bad-bytes", payload='{"jsonrpc": NaN}')
    assert await client.socket.recv() == '{"jsonrpc": NaN}'
    await rig.let("deribit", "bad-bytes", payload_hex="ff00")
    assert await client.socket.recv() == b"\xff\x00"


async def test_restart_loses_orders_tokens_and_connections(rig: Rig, client: Client) -> None:
    await place(client)
    await rig.let("deribit", "restart")
    with pytest.raises(ConnectionClosed):
        await client.receive()
    async with connect(rig.deribit.ws_url) as after:
        assert (await after.error("private/get_open_orders"))["code"] == 10000
        await after.log_in(rig.deribit.face.accounts[0])
        assert await after.result("private/get_open_orders") == []
