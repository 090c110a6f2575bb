"""Credits, cancel-on-disconnect, maintenance and restarts, over real sockets."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from quantdesk.runtime.clock import ManualClock
from quantdesk.simulator import DeribitServer, Sample, SimulatedVenue
from tests.unit.simulator.deribit.client import TIMEOUT_S, Client, connect
from tests.unit.simulator.deribit.test_session import closed
from tests.unit.simulator.test_venue import NS_PER_S, run_for

NAME = "BTC-25SEP26-60000-C"


@pytest.fixture
async def limited(btc: Sample, clock: ManualClock) -> AsyncIterator[DeribitServer]:
    """A server that charges credits."""
    async with DeribitServer(SimulatedVenue(btc, clock=clock), step_s=None) as server:
        yield server


async def refused_after(client: Client, method: str, **params: object) -> int:
    """Requests answered before the first that finds no credits, which ends the session."""
    for count in range(1_000):
        answer = await client.request(method, **params)
        if "error" in answer:
            assert answer["error"] == {
                "code": 10028,
                "message": "too_many_requests",
                "data": None,
            }
            end = await closed(client)
            assert end.rcvd is not None
            assert end.rcvd.reason == "too_many_requests"
            return count
    raise AssertionError("never refused")


@pytest.mark.parametrize(
    ("method", "params", "burst"),
    [
        ("public/get_time", {}, 100),
        ("public/get_instruments", {"currency": "ETH"}, 50),
        ("public/subscribe", {"channels": ["platform_state"]}, 10),
    ],
)
async def test_burst_is_the_pools_and_running_dry_ends_the_session(
    limited: DeribitServer, method: str, params: dict[str, object], burst: int
) -> None:
    async with connect(limited.ws_url) as client:
        assert await refused_after(client, method, **params) == burst


async def test_matching_has_a_pool_of_its_own(limited: DeribitServer) -> None:
    async with connect(limited.ws_url) as client:
        await client.log_in(limited.face.accounts[0])
        assert await refused_after(client, "private/cancel_all") == 20
    async with connect(limited.ws_url) as again:
        # The pool is the account's, whatever the connection.
        await again.log_in(limited.face.accounts[0])
        assert await refused_after(again, "private/cancel_all") == 0


async def test_log_has_a_pool_of_its_own(limited: DeribitServer) -> None:
    asked = {"currency": "BTC", "start_timestamp": 0, "end_timestamp": 1}
    async with connect(limited.ws_url) as client:
        await client.log_in(limited.face.accounts[0])
        assert await refused_after(client, "private/get_transaction_log", **asked) == 8


async def test_credits_refill_with_the_machines_time(
    limited: DeribitServer, clock: ManualClock
) -> None:
    async with connect(limited.ws_url) as client:
        for _ in range(100):
            await client.result("public/get_time")
        run_for(clock, NS_PER_S)
        for _ in range(20):
            await client.result("public/get_time")
        assert await refused_after(client, "public/get_time") == 0


async def test_accounts_spend_their_own_credits(limited: DeribitServer) -> None:
    async with connect(limited.ws_url) as one, connect(limited.ws_url) as two:
        for client, account in zip((one, two), limited.face.accounts, strict=True):
            await client.log_in(account)
        await refused_after(one, "private/cancel_all")
        assert await two.result("private/cancel_all") == 0


async def test_http_without_credits_is_429(limited: DeribitServer) -> None:
    async with aiohttp.ClientSession() as session:
        for _ in range(100):
            async with session.get(f"{limited.http_url}/public/get_time") as response:
                assert response.status == 200
        async with session.get(f"{limited.http_url}/public/get_time") as response:
            assert response.status == 429
            assert (await response.json())["error"]["code"] == 10028


# Cancel on disconnect


async def until_open(trader: Client, names: set[str]) -> None:
    """Wait until exactly the orders of these labels are open."""
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            shown = await trader.result("private/get_open_orders")
            if {order["label"] for order in shown} == names:
                return


async def test_lost_connection_cancels_its_own_orders_alone(
    server: DeribitServer, trader: Client
) -> None:
    async with connect(server.ws_url) as lost:
        await lost.log_in(server.face.accounts[0])
        assert await lost.result("private/enable_cancel_on_disconnect") == "ok"
        state = await lost.result("private/get_cancel_on_disconnect")
        assert state == {"scope": "connection", "enabled": True}
        await lost.order("buy", NAME, amount=1, price=0.02, label="lost")
        await trader.order("buy", NAME, amount=1, price=0.02, label="kept")
        await trader.result("private/subscribe", channels=["user.orders.any.any.raw"])
        lost.socket.transport.abort()
        await until_open(trader, {"kept"})
    data = [params["data"] for params in await trader.drain()]
    assert [(one["label"], one["cancel_reason"]) for one in data] == [
        ("lost", "cancel_on_disconnect")
    ]


async def test_without_it_orders_outlive_their_connection(
    server: DeribitServer, trader: Client
) -> None:
    async with connect(server.ws_url) as lost:
        await lost.log_in(server.face.accounts[0])
        await lost.result("private/enable_cancel_on_disconnect")
        assert await lost.result("private/disable_cancel_on_disconnect") == "ok"
        await lost.order("buy", NAME, amount=1, price=0.02, label="lives")
    await until_open(trader, {"lives"})


async def test_account_scope_holds_for_later_connections(
    server: DeribitServer, trader: Client
) -> None:
    await trader.result("private/enable_cancel_on_disconnect", scope="account")
    state = await trader.result("private/get_cancel_on_disconnect", scope="account")
    assert state == {"scope": "account", "enabled": True}
    async with connect(server.ws_url) as later:
        await later.log_in(server.face.accounts[0])
        await later.order("buy", NAME, amount=1, price=0.02, label="later")
    await until_open(trader, set())


async def test_heartbeat_failure_cancels(
    server: DeribitServer, trader: Client, clock: ManualClock
) -> None:
    async with connect(server.ws_url) as silent:
        await silent.log_in(server.face.accounts[0])
        await silent.result("private/enable_cancel_on_disconnect")
        await silent.result("public/set_heartbeat", interval=10)
        await silent.order("buy", NAME, amount=1, price=0.02, label="silent")
        for _ in range(2):
            run_for(clock, 10 * NS_PER_S)
            server.pump()
        await until_open(trader, set())


async def test_ten_silent_minutes_cancel_and_the_socket_stays(
    server: DeribitServer, trader: Client, client: Client, clock: ManualClock
) -> None:
    await trader.result("private/enable_cancel_on_disconnect")
    await trader.order("buy", NAME, amount=1, price=0.02)
    run_for(clock, 601 * NS_PER_S)
    server.pump()
    assert await trader.result("private/get_open_orders") == []


async def test_connection_scope_needs_a_connection(server: DeribitServer) -> None:
    account = server.face.accounts[0]
    packed = base64.b64encode(f"{account.client_id}:{account.client_secret}".encode()).decode()
    headers = {"Authorization": f"Basic {packed}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        url = f"{server.http_url}/private/enable_cancel_on_disconnect"
        for scope, expected in (("connection", 10030), ("account", None)):
            async with session.get(url, params={"scope": scope}) as response:
                answer: dict[str, Any] = await response.json()
            assert answer.get("error", {}).get("code") == expected


# Maintenance and restarts


async def test_maintenance_is_told_and_refuses_everything(
    server: DeribitServer, trader: Client
) -> None:
    await trader.subscribe("platform_state")
    await trader.drain()
    server.set_maintenance(True)
    assert (await trader.notification())["data"] == {"maintenance": True}
    for method in ("public/get_time", "private/get_open_orders", "public/test"):
        error = await trader.error(method)
        assert (error["code"], error["message"]) == (11051, "system_maintenance")
    server.set_maintenance(False)
    assert (await trader.notification())["data"] == {"maintenance": False}
    assert await trader.result("private/get_open_orders") == []


async def test_restart_loses_orders_and_tokens_and_keeps_positions(
    server: DeribitServer, trader: Client
) -> None:
    await trader.order("buy", NAME, amount=1, type="market")
    await trader.order("buy", NAME, amount=1, price=0.02)
    server.restart()
    await closed(trader)
    async with connect(server.ws_url) as again:
        assert (await again.error("private/get_open_orders"))["code"] == 10000
        await again.log_in(server.face.accounts[0])
        assert await again.result("private/get_open_orders") == []
        (held,) = await again.result("private/get_positions")
        assert held["size"] == 1.0


async def test_lost_answer_was_carried_out(server: DeribitServer, trader: Client) -> None:
    server.faults.lose_answers()
    order = (
        '{"id":1,"method":"private/buy","params":{"instrument_name":"%s","amount":1,"price":%s}}'
    )
    await trader.socket.send(order % (NAME, 0.02))
    (standing,) = await trader.result("private/get_open_orders")
    assert standing["price"] == 0.02


async def test_refusal_on_demand_ends_the_session(server: DeribitServer, trader: Client) -> None:
    server.refuse_next()
    error = await trader.error("private/buy", instrument_name=NAME, amount=1, price=0.02)
    assert error["code"] == 10028
    await closed(trader)
    assert server.face.exchange.open_orders(server.face.accounts[0].account_id) == ()
