"""Deribit's endpoints on loopback: WebSocket `/ws/api/v2` and HTTP `/api/v2/<method>`.

Both go through one dispatch. The server moves the market on a fixed step of the machine's time and
sends what changed; it is the only place of this face that starts tasks and opens sockets.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count

from aiohttp import WSMsgType, web

from quantdesk.simulator.deribit import refusals
from quantdesk.simulator.deribit.accounts import ApiAccount, draw_accounts
from quantdesk.simulator.deribit.connection import INACTIVITY_NS, Connection
from quantdesk.simulator.deribit.credits import PRICES, Pool, Price
from quantdesk.simulator.deribit.dispatch import Origin, answer
from quantdesk.simulator.deribit.face import DeribitFace
from quantdesk.simulator.deribit.http import header_origin
from quantdesk.simulator.deribit.hub import ChannelHub
from quantdesk.simulator.deribit.rpc import (
    Malformed,
    Request,
    encode_answer,
    parse_request,
)
from quantdesk.simulator.deribit.session import Session
from quantdesk.simulator.exchange.orders import OrderFilter
from quantdesk.simulator.exchange.refusals import EndReason
from quantdesk.simulator.faults import Fate, PlannedFaults
from quantdesk.simulator.faulty_server import FaultyServer
from quantdesk.simulator.outbox import CLOSE_TIMEOUT_S, POLICY_VIOLATION
from quantdesk.simulator.venue import MarketChanges, SimulatedVenue

STEP_S = 0.25
CONNECTIONS_MAX = 32
MESSAGE_BYTES_MAX = 1024 * 1024
"""Over the venue's 32 kB, so that such a request gets its answer; beyond this the socket ends."""

_WS_PATH, _HTTP_PATH = "/ws/api/v2", "/api/v2"


class DeribitServer(FaultyServer[refusals.Refusal]):
    """Serves one simulated venue. `async with`, or `start` and `stop`.

    Attributes
    ----------
    face : accounts, tokens and history behind it
    """

    def __init__(
        self,
        venue: SimulatedVenue,
        *,
        accounts: Sequence[ApiAccount] | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        step_s: float | None = STEP_S,
        is_testnet: bool = True,
        prices: Mapping[Pool, Price] | None = PRICES,
        routes: Sequence[web.RouteDef] = (),
    ) -> None:
        """accounts : None draws two from the venue's seed, with cash in its underlyings
        port : 0 picks a free one
        step_s : seconds of the machine's time between moves of the market; None leaves moving it
            to calls of `pump`
        is_testnet : the `testnet` flag of every answer
        prices : of requests in credits; None limits nothing
        routes : to serve on the same port besides the venue's own
        """
        super().__init__(
            host=host, port=port, step_s=step_s, routes=routes, body_bytes_max=MESSAGE_BYTES_MAX
        )
        self.venue = venue
        self._is_testnet = is_testnet
        if accounts is None:
            accounts = draw_accounts(venue.seed, [sample.underlying for sample in venue.samples])
        self.face = DeribitFace(venue, accounts, prices=None if prices is None else dict(prices))
        self.faults = PlannedFaults()
        self._hub = ChannelHub(self.face)
        self._connections: dict[Connection, None] = {}
        self._connection_ids = count(1)
        self._bodies_open = 0

    @property
    def ws_url(self) -> str:
        """Address of the WebSocket endpoint."""
        return f"ws://{self._host}:{self._port}{_WS_PATH}"

    @property
    def http_url(self) -> str:
        """Base address of the HTTP endpoint; methods hang below it."""
        return f"http://{self._host}:{self._port}{_HTTP_PATH}"

    @property
    def connection_count(self) -> int:
        """WebSocket connections open now."""
        return len(self._connections)

    def endpoints(self) -> dict[str, str]:
        """What the simulator's ready line says of this face."""
        return {"ws": self.ws_url, "http": self.http_url}

    def credentials(self) -> list[dict[str, object]]:
        """Keys, secrets and opening balances for the ready line: they are good only here."""
        return [
            {
                "client_id": account.client_id,
                "client_secret": account.client_secret,
                "balances": {coin: f"{amount:f}" for coin, amount in account.balances.items()},
            }
            for account in self.face.accounts
        ]

    def _add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_get(_WS_PATH, self._serve_socket)
        router.add_get(f"{_HTTP_PATH}/{{method:.*}}", self._serve_query)
        router.add_post(_HTTP_PATH, self._serve_post)
        router.add_post(f"{_HTTP_PATH}/{{method:.*}}", self._serve_post)

    def pump(self) -> None:
        """Move the market to its clock's time, send what changed, and beat where due."""
        self._publish(self.venue.advance())
        machine_ns = self.venue.clock.now_ns()
        for connection in list(self._connections):
            connection.session.beat()
            if machine_ns - connection.session.heard_ns > INACTIVITY_NS:
                self._cancel_orders_of(connection)

    # Faults that act on connections and state at once; those of single messages are in `faults`

    def set_maintenance(self, is_on: bool) -> None:
        """Tell the platform's state, and from then refuse every request, or take them again."""
        self.face.is_in_maintenance = is_on
        self._hub.announce(is_on, self.venue.clock.now_ns())

    def expire_tokens(self) -> None:
        """Let every access token end now; refresh tokens stay good."""
        self.face.tokens.expire_all()
        for connection in self._connections:
            if connection.grant is not None:
                connection.grant = replace(connection.grant, expires_ns=0)

    def refuse_next(self, count: int = 1, *, pattern: str = "*") -> None:
        """Answer the next requests as to a client out of credits: refused, and the session ends."""
        self.faults.refuse_requests(refusals.TOO_MANY_REQUESTS, count, pattern=pattern)

    def restart(self) -> None:
        """Begin anew as a venue that lost its books: connections, tokens and open orders are gone.

        Positions, cash and history stay.
        """
        self.drop_connections()
        self.face.tokens.clear()
        self.face.exchange.cancel_everything(EndReason.VENUE_RESTART)
        self._publish(self.venue.changes())

    def _expire_logins(self) -> None:
        self.expire_tokens()

    def _limit_requests(self, count: int, wait_s: int, pattern: str) -> None:
        # The venue tells nobody how long to wait.
        self.refuse_next(count, pattern=pattern)

    def _ban_clients(self, seconds: int) -> None:
        raise AssertionError("a ban is of another venue")

    def _outboxes(self, number: int | None = None) -> list[Session]:
        return [one.session for one in self._connections if number in (None, one.number)]

    def _publish(self, changes: MarketChanges) -> None:
        self._hub.publish(changes, self.venue.clock.now_ns())

    def _cancel_orders_of(self, connection: Connection) -> None:
        """Cancel what was ordered over a connection that is lost, where the client asked for it."""
        if connection.cancels_on_disconnect:
            which = OrderFilter(session=connection.connection_id)
            self.venue.trading_now_ns()
            for account_id in connection.accounts:
                self.face.exchange.cancel_orders(account_id, which, reason=EndReason.DISCONNECT)
            self._publish(self.venue.changes())

    @property
    def _is_full(self) -> bool:
        return len(self._connections) + self._bodies_open >= CONNECTIONS_MAX

    async def _serve_socket(self, request: web.Request) -> web.StreamResponse:
        if self._is_full:
            return self._refuse_connection(self.venue.now_ns())
        socket = web.WebSocketResponse(
            compress=False,
            max_msg_size=MESSAGE_BYTES_MAX,
            timeout=CLOSE_TIMEOUT_S,
            autoping=False,
        )
        await socket.prepare(request)
        session = Session(socket, request.transport, self.venue.clock)
        session.stall(self._is_stalled)
        connection = Connection(next(self._connection_ids), session, self._hub, self.faults)
        self._connections[connection] = None
        sender = asyncio.create_task(session.run_sender(), name="simulated-venue-sender")
        try:
            await self._read(socket, connection, request.remote or "")
        finally:
            self._connections.pop(connection, None)
            self._hub.unsubscribe_all(connection)
            self._cancel_orders_of(connection)
            if not session.is_ending:
                sender.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sender
        return socket

    async def _read(
        self, socket: web.WebSocketResponse, connection: Connection, address: str
    ) -> None:
        session = connection.session
        async for message in socket:
            session.note_heard()
            if message.type is WSMsgType.PING:
                # Through the queue like everything else, so that a stall holds it back too.
                session.send(message.data, WSMsgType.PONG)
                continue
            if message.type is WSMsgType.PONG:
                continue
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                return
            payload = message.data.encode() if isinstance(message.data, str) else message.data
            received_ns = self.venue.now_ns()
            parsed = parse_request(payload)
            fate, outcome = self._outcome(parsed, Origin(caller=connection, address=address))
            if fate is not Fate.LOST:
                session.send(self._encoded(parsed, outcome, received_ns))
            connection.greet()
            self._publish_orders()
            if outcome is refusals.TOO_MANY_REQUESTS:
                session.finish(POLICY_VIOLATION, refusals.TOO_MANY_REQUESTS.message)
            if session.is_ending:
                return

    def _outcome(self, parsed: Request | Malformed, origin: Origin) -> tuple[Fate, object]:
        if isinstance(parsed, Malformed):
            return Fate.SENT, parsed.refusal
        fate, refusal = self.faults.of_request(parsed.method)
        return fate, answer(parsed, self.face, origin) if refusal is None else refusal

    def _publish_orders(self) -> None:
        """Tell what a request changed at the exchange, if anything."""
        if self.venue.untold_events():
            self._publish(self.venue.changes())

    def _encoded(self, parsed: Request | Malformed, outcome: object, received_ns: int) -> bytes:
        return encode_answer(
            outcome,
            request_id=parsed.request_id,
            received_ns=received_ns,
            sent_ns=self.venue.now_ns(),
            is_testnet=self._is_testnet,
        )

    async def _serve_query(self, request: web.Request) -> web.StreamResponse:
        """GET: parameters in the query string, or a JSON-RPC body."""
        if request.can_read_body:
            return await self._serve_post(request)
        received_ns = self.venue.now_ns()
        if self._is_full:
            return self._refuse_connection(received_ns)
        method = request.match_info["method"]
        asked = Request(method=method, params=dict(request.query), is_query=True)
        return self._http_answer(asked, header_origin(request, "", self.face), received_ns)

    async def _serve_post(self, request: web.Request) -> web.StreamResponse:
        """POST: a JSON-RPC body, whose method counts whatever the path says."""
        received_ns = self.venue.now_ns()
        if self._is_full:
            return self._refuse_connection(received_ns)
        self._bodies_open += 1
        try:
            payload = await request.read()
        finally:
            self._bodies_open -= 1
        body = payload.decode(errors="replace")
        origin = header_origin(request, body, self.face)
        return self._http_answer(parse_request(payload), origin, received_ns)

    def _refuse_connection(self, received_ns: int) -> web.Response:
        parsed = Malformed(refusal=refusals.TOO_MANY_REQUESTS)
        return self._http_answer(parsed, Origin(), received_ns)

    def _http_answer(
        self, parsed: Request | Malformed, origin: Origin, received_ns: int
    ) -> web.Response:
        fate, outcome = self._outcome(parsed, origin)
        self._publish_orders()
        if fate is Fate.LOST:
            return web.Response(status=504)
        body = self._encoded(parsed, outcome, received_ns)
        status = 200
        if isinstance(outcome, refusals.Refusal):
            status = 429 if outcome is refusals.TOO_MANY_REQUESTS else 400
        return web.Response(body=body, status=status, content_type="application/json")
