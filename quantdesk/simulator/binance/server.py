"""Binance's endpoints on loopback: REST below `/eapi/v1`, streams below `/public`, `/market` and
`/private`.

One port serves both, as the simulator's ready line promises. The server moves its floor on a fixed
step of the machine's time; it is the only place of this face that starts tasks and opens sockets.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from itertools import count

from aiohttp import WSMsgType, web

from quantdesk.simulator.binance.accounts import ApiAccount, draw_accounts
from quantdesk.simulator.binance.connection import Connection
from quantdesk.simulator.binance.control import STREAMS_MAX, answer
from quantdesk.simulator.binance.faults import Faults
from quantdesk.simulator.binance.floor import BinanceFloor
from quantdesk.simulator.binance.hub import StreamHub
from quantdesk.simulator.binance.limits import WEIGHT_PER_MINUTE, Limits
from quantdesk.simulator.binance.listen_keys import ListenKeys
from quantdesk.simulator.binance.refusals import TOO_MUCH_WEIGHT, ApiRefusal
from quantdesk.simulator.binance.rest import BASE, RawAnswer, RawRequest, RestFace
from quantdesk.simulator.binance.stream import MARKET, PRIVATE, PUBLIC
from quantdesk.simulator.exchange.refusals import EndReason
from quantdesk.simulator.faults import Fate
from quantdesk.simulator.faulty_server import FaultyServer
from quantdesk.simulator.outbox import CLOSE_TIMEOUT_S
from quantdesk.simulator.venue import SimulatedVenue

STEP_S = 0.1
CONNECTIONS_MAX = 64
MESSAGE_BYTES_MAX = 64 * 1024
BODY_BYTES_MAX = 256 * 1024

_METHODS = ("GET", "POST", "PUT", "DELETE")


class BinanceServer(FaultyServer[ApiRefusal]):
    """Serves the Binance face of one simulated venue. `async with`, or `start` and `stop`.

    Attributes
    ----------
    floor : the exchange behind it
    accounts : who may trade on it, keys and all
    faults : what is to go wrong next, maintenance too
    """

    def __init__(
        self,
        venue: SimulatedVenue,
        *,
        accounts: Sequence[ApiAccount] | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        step_s: float | None = STEP_S,
        weight_per_minute: int = WEIGHT_PER_MINUTE,
        routes: Sequence[web.RouteDef] = (),
    ) -> None:
        """Opens the floor; the sockets open with `start`.

        accounts : None draws one from the venue's seed, with 1,000,000 USDT
        port : 0 picks a free one
        step_s : seconds of the machine's time between moves; None leaves moving it to `pump`
        routes : to serve on the same port besides the venue's own

        The venue may be moved by another face too: this one reads its clock and indexes only.
        Raises InvalidInput.
        """
        super().__init__(
            host=host, port=port, step_s=step_s, routes=routes, body_bytes_max=BODY_BYTES_MAX
        )
        self.venue = venue
        self.accounts = tuple(accounts) if accounts is not None else draw_accounts(venue.seed)
        self.floor = BinanceFloor(venue, self.accounts)
        self.faults: Faults = Faults()
        self._listen_keys = ListenKeys(venue.seed)
        limits = Limits(weight_per_minute)
        self._rest = RestFace(self.floor, self.accounts, self._listen_keys, limits)
        self._hub = StreamHub(self.floor, [account.account_id for account in self.accounts])
        self._connections: dict[Connection, None] = {}
        self._connection_numbers = count(1)

    @property
    def rest_url(self) -> str:
        """Base address of REST; `/eapi/v1` hangs below it."""
        return f"http://{self._host}:{self._port}"

    @property
    def ws_url(self) -> str:
        """Base address of the streams; `/public`, `/market` and `/private` hang below it."""
        return f"ws://{self._host}:{self._port}"

    def endpoints(self) -> dict[str, str]:
        """What the simulator's ready line says of this face."""
        return {"rest": self.rest_url, "ws": self.ws_url}

    def credentials(self) -> list[dict[str, object]]:
        """Keys, secrets and opening balances for the ready line: they are good only here."""
        return [
            {
                "api_key": account.api_key,
                "api_secret": account.api_secret,
                "balances": {coin: f"{amount:f}" for coin, amount in account.balances.items()},
            }
            for account in self.accounts
        ]

    @property
    def connection_count(self) -> int:
        """WebSocket connections open now."""
        return len(self._connections)

    def _add_routes(self, router: web.UrlDispatcher) -> None:
        for path in (PUBLIC, MARKET, PRIVATE):
            for kind in ("ws", "stream"):
                router.add_get(f"/{path}/{kind}", self._serve_socket)
                router.add_get(f"/{path}/{kind}/{{names:.*}}", self._serve_socket)
        for method in _METHODS:
            router.add_route(method, f"{BASE}/{{path:.*}}", self._serve_rest)

    def pump(self) -> None:
        """Move the floor to its clock's time, send what happened, and beat where due."""
        self.floor.advance()
        self._publish()
        machine_ns = self.venue.clock.now_ns()
        self._hub.expire(self._listen_keys.take_expired(machine_ns), self.floor.now_ms)
        for connection in list(self._connections):
            connection.beat(machine_ns)

    # Faults that act on connections and state at once; those of single messages are in `faults`

    def expire_listen_keys(self) -> None:
        """End every user data stream's key before its time."""
        self._hub.expire(self._listen_keys.expire_all(), self.floor.now_ms)

    def set_maintenance(self, is_on: bool) -> None:
        """Refuse every request and end all streams, or take them again."""
        self.faults.is_in_maintenance = is_on
        if is_on:
            self._end_connections("maintenance")

    def refuse_next(self, count: int = 1, *, retry_after_s: int = 1, pattern: str = "*") -> None:
        """Answer the next requests with 429, carrying none of them out."""
        refusal = replace(TOO_MUCH_WEIGHT, retry_after_s=retry_after_s)
        self.faults.refuse_requests(refusal, count, pattern=pattern)

    def ban(self, seconds: int, address: str = "127.0.0.1") -> None:
        """Answer an address with 418 for so long, as the venue's machinery does."""
        self._rest.limits.ban(address, seconds, self.venue.clock.now_ns())

    def restart(self) -> None:
        """Come back as a venue that lost its open orders and every connection."""
        self.floor.exchange.cancel_everything(EndReason.VENUE_RESTART)
        self.drop_connections()
        self._publish()

    def _expire_logins(self) -> None:
        self.expire_listen_keys()

    def _limit_requests(self, count: int, wait_s: int, pattern: str) -> None:
        self.refuse_next(count, retry_after_s=wait_s, pattern=pattern)

    def _ban_clients(self, seconds: int) -> None:
        self.ban(seconds)

    def _outboxes(self, number: int | None = None) -> list[Connection]:
        return [one for one in self._connections if number in (None, one.number)]

    def _publish(self) -> None:
        self._hub.close(self._listen_keys.take_closed())
        events = self.floor.take_events()
        self._hub.publish(events, self.floor.now_ms, self.venue.clock.now_ns())

    async def _serve_rest(self, request: web.Request) -> web.StreamResponse:
        # The signature is over the bytes as sent, which the parsed URL does not keep.
        _, _, query = request.raw_path.partition("?")
        body = (await request.read()).decode("utf-8", "replace") if request.can_read_body else ""
        raw = RawRequest(
            method=request.method,
            path=f"/{request.match_info['path']}",
            query=query,
            body=body,
            api_key=request.headers.get("X-MBX-APIKEY"),
            address=request.remote or "",
        )
        fate, refusal = self.faults.of_request(f"{raw.method} {BASE}{raw.path}")
        if refusal is not None:
            return _response(
                RawAnswer(
                    status=refusal.status,
                    headers={}
                    if refusal.retry_after_s is None
                    else {"Retry-After": str(refusal.retry_after_s)},
                    body=self.faults.encode(refusal),
                )
            )
        raw_answer = self._rest.answer(raw)
        self._publish()
        if fate is Fate.LOST:
            assert request.transport is not None
            request.transport.abort()
        return _response(raw_answer)

    async def _serve_socket(self, request: web.Request) -> web.StreamResponse:
        if len(self._connections) >= CONNECTIONS_MAX or self.faults.is_in_maintenance:
            return web.Response(status=503)
        _, path, kind = request.path.split("/")[:3]
        names = _stream_names(request, kind)
        if len(names) > STREAMS_MAX:
            return web.Response(status=400)
        socket = web.WebSocketResponse(
            compress=False,
            max_msg_size=MESSAGE_BYTES_MAX,
            timeout=CLOSE_TIMEOUT_S,
            autoping=False,
        )
        await socket.prepare(request)
        connection = Connection(
            socket,
            request.transport,
            path=path,
            is_combined=kind == "stream",
            hub=self._hub,
            owner_of=self._listen_keys.owner,
            now_ns=self.venue.clock.now_ns(),
            faults=self.faults,
            number=next(self._connection_numbers),
        )
        connection.stall(self._is_stalled)
        self._connections[connection] = None
        connection.subscribe(names)
        sender = asyncio.create_task(connection.run_sender(), name="simulated-binance-sender")
        try:
            await self._read(socket, connection)
        finally:
            self._connections.pop(connection, None)
            connection.unsubscribe(connection.streams())
            if not connection.is_ending:
                sender.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sender
        return socket

    async def _read(self, socket: web.WebSocketResponse, connection: Connection) -> None:
        async for message in socket:
            machine_ns = self.venue.clock.now_ns()
            connection.note_incoming(machine_ns)
            if connection.is_ending:
                return
            if message.type is WSMsgType.PING:
                # Through the queue like everything else, so that a stall holds it back too.
                connection.send(message.data, WSMsgType.PONG)
            elif message.type is WSMsgType.PONG:
                connection.note_pong(machine_ns)
            elif message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                payload = message.data.encode() if isinstance(message.data, str) else message.data
                connection.send(answer(payload, connection))
            else:
                return


def _stream_names(request: web.Request, kind: str) -> list[str]:
    """Names in the address: `/ws/a/b`, or `/stream?streams=a/b`."""
    text = request.query.get("streams", "") if kind == "stream" else ""
    text = text or request.match_info.get("names", "")
    return list(dict.fromkeys(name for name in text.split("/") if name))


def _response(raw: RawAnswer) -> web.Response:
    return web.Response(
        status=raw.status,
        headers=dict(raw.headers),
        body=raw.body,
        content_type="application/json",
    )
