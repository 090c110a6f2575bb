"""The life of a connection: heartbeats, slow readers, limits, faults on demand, the end."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import aiohttp
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from quantdesk.errors import InvalidInput
from quantdesk.runtime.clock import ManualClock, SystemClock
from quantdesk.simulator import DeribitServer, Sample, SimulatedVenue
from quantdesk.simulator.deribit.server import CONNECTIONS_MAX, MESSAGE_BYTES_MAX
from tests.unit.simulator.deribit.client import TIMEOUT_S, Client, connect
from tests.unit.simulator.test_venue import run_for

SECOND_NS = 10**9
MEGABYTE = "x" * 1024 * 1024


async def closed(client: Client) -> ConnectionClosed:
    """Read until the connection ends; how it ended."""
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            try:
                await client.socket.recv()
            except ConnectionClosed as end:
                return end


async def test_heartbeat_asks_for_a_test_and_keeps_who_answers(
    server: DeribitServer, client: Client, clock: ManualClock
) -> None:
    assert await client.result("public/set_heartbeat", interval=10) == "ok"
    for _ in range(4):
        run_for(clock, 10 * SECOND_NS)
        server.pump()
        kinds = [(await client.receive())["params"]["type"] for _ in range(2)]
        assert kinds == ["heartbeat", "test_request"]
        assert (await client.result("public/test"))["version"]


async def test_heartbeat_is_silent_before_its_interval(
    server: DeribitServer, client: Client, clock: ManualClock
) -> None:
    await client.result("public/set_heartbeat", interval=30)
    run_for(clock, 29 * SECOND_NS)
    server.pump()
    assert await client.drain() == []


async def test_unanswered_test_request_ends_the_connection(
    server: DeribitServer, client: Client, clock: ManualClock
) -> None:
    await client.result("public/set_heartbeat", interval=10)
    for _ in range(2):
        run_for(clock, 10 * SECOND_NS)
        server.pump()
    end = await closed(client)
    assert end.rcvd is not None
    assert end.rcvd.code == 1001


async def test_other_requests_do_not_answer_a_test_request(
    server: DeribitServer, client: Client, clock: ManualClock
) -> None:
    await client.result("public/set_heartbeat", interval=10)
    run_for(clock, 10 * SECOND_NS)
    server.pump()
    await client.result("public/get_time")
    run_for(clock, 10 * SECOND_NS)
    server.pump()
    await closed(client)


async def test_disabled_heartbeat_asks_no_more(
    server: DeribitServer, client: Client, clock: ManualClock
) -> None:
    await client.result("public/set_heartbeat", interval=10)
    assert await client.result("public/disable_heartbeat") == "ok"
    run_for(clock, 100 * SECOND_NS)
    server.pump()
    assert await client.drain() == []


async def test_reader_that_lets_its_queue_fill_is_disconnected(
    server: DeribitServer, client: Client
) -> None:
    await client.result("public/test")
    for _ in range(40):
        server.inject(MEGABYTE)
    end = await closed(client)
    assert end.rcvd is not None
    assert end.rcvd.reason == "connection_too_slow"


async def test_message_beyond_all_bounds_ends_its_own_connection_only(
    server: DeribitServer, client: Client
) -> None:
    async with connect(server.ws_url) as other:
        await other.socket.send("x" * (MESSAGE_BYTES_MAX + 1))
        end = await closed(other)
        assert end.rcvd is not None
        assert end.rcvd.code == 1009
    assert (await client.result("public/test"))["version"]


async def test_slow_reader_does_not_hold_up_another(server: DeribitServer, client: Client) -> None:
    async with connect(server.ws_url) as slow:
        await slow.result("public/test")
        for _ in range(20):
            server.inject(MEGABYTE)
        for _ in range(20):
            async with asyncio.timeout(TIMEOUT_S):
                assert len(await client.socket.recv()) == len(MEGABYTE)
        assert (await client.result("public/test"))["version"]
        # It read nothing and holds megabytes back: the heartbeat kill can not wait for it.
        server.drop_connections()


async def test_half_open_client_is_cut_by_its_heartbeat(
    server: DeribitServer, client: Client, clock: ManualClock
) -> None:
    reader, writer = await asyncio.open_connection(*server.ws_url[5:].split("/")[0].split(":"))
    handshake = (
        "GET /ws/api/v2 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    request = b'{"id":1,"method":"public/set_heartbeat","params":{"interval":10}}'
    mask = bytes(4)
    writer.write(handshake.encode() + bytes([0x81, 0x80 | len(request)]) + mask + request)
    await reader.readuntil(b'"ok"')
    assert server.connection_count == 2
    # From here on it neither reads nor answers; its socket buffers fill.
    await client.result("public/set_heartbeat", interval=3600)
    for _ in range(24):
        server.inject(MEGABYTE)
    for _ in range(24):
        await client.socket.recv()
    for _ in range(2):
        run_for(clock, 10 * SECOND_NS)
        server.pump()
    for _ in range(50):
        await client.result("public/test")
    assert server.connection_count == 1
    writer.close()


async def test_connections_are_capped_and_freed(btc: Sample, clock: ManualClock) -> None:
    venue = SimulatedVenue(btc, clock=clock)
    async with DeribitServer(venue, step_s=None) as server, contextlib.AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(connect(server.ws_url)) for _ in range(CONNECTIONS_MAX)
        ]
        with pytest.raises(InvalidStatus) as refused:
            async with connect(server.ws_url):
                pass
        assert refused.value.response.status_code == 429
        await clients[0].socket.close()
        async with connect(server.ws_url) as another:
            assert (await another.result("public/test"))["version"]


async def test_injected_text_and_bytes_arrive_as_they_are(
    server: DeribitServer, client: Client
) -> None:
    await client.result("public/test")
    server.inject('{"broken":')
    server.inject(b"\xff\x00")
    assert await client.socket.recv() == '{"broken":'
    assert await client.socket.recv() == b"\xff\x00"


async def test_dropped_connection_ends_without_a_handshake(
    server: DeribitServer, client: Client
) -> None:
    await client.result("public/test")
    server.drop_connections()
    end = await closed(client)
    assert end.rcvd is None
    async with connect(server.ws_url) as again:
        assert (await again.result("public/test"))["version"]


async def test_stalled_server_holds_everything_back_until_it_goes_on(
    server: DeribitServer, client: Client, clock: ManualClock
) -> None:
    await client.subscribe("deribit_price_index.btc_usd")
    await client.drain()
    server.stall(True)
    run_for(clock, 60 * SECOND_NS)
    server.pump()
    await client.socket.send('{"id":1,"method":"public/test"}')
    pong = asyncio.ensure_future(await client.socket.ping())
    waiting = asyncio.ensure_future(client.socket.recv())
    async with aiohttp.ClientSession() as session:
        # An answer over HTTP proves that the server has had its turn since.
        for _ in range(3):
            async with session.get(f"{server.http_url}/public/test") as response:
                assert response.status == 200
    assert not pong.done()
    assert not waiting.done()
    server.stall(False)
    async with asyncio.timeout(TIMEOUT_S):
        assert "deribit_price_index" in str(await waiting)
        assert '"id":1' in str(await client.socket.recv())
        await pong


async def test_stop_closes_connections_and_frees_the_port(btc: Sample, clock: ManualClock) -> None:
    server = DeribitServer(SimulatedVenue(btc, clock=clock), step_s=None)
    await server.start()
    async with connect(server.ws_url) as client:
        await client.result("public/test")
        await server.stop()
        await closed(client)
    port = int(server.http_url.split(":")[2].split("/")[0])
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
    await server.stop()


async def test_taken_port_is_an_os_error(server: DeribitServer, venue: SimulatedVenue) -> None:
    port = int(server.http_url.split(":")[2].split("/")[0])
    with pytest.raises(OSError, match="address already in use"):
        await DeribitServer(venue, port=port, step_s=None).start()


async def test_served_market_moves_by_itself(btc: Sample) -> None:
    venue = SimulatedVenue(btc, clock=SystemClock(), speed=100.0)
    async with DeribitServer(venue, step_s=0.01) as server, connect(server.ws_url) as client:
        await client.subscribe("deribit_price_index.btc_usd")
        prices = {told["data"]["price"] for told in await client.notifications(5)}
        assert len(prices) > 1


async def test_step_must_be_positive(venue: SimulatedVenue) -> None:
    with pytest.raises(InvalidInput, match="step_s"):
        DeribitServer(venue, step_s=0.0)
