"""Deribit's endpoints on loopback: WebSocket `/ws/api/v2` and HTTP `/api/v2/<method>`.

Both go through one dispatch. The server moves the market on a fixed step of the machine's time and
sends what changed; it is the only place of the simulator that starts tasks and opens sockets.
"""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType
from typing import Self

from aiohttp import WSMsgType, web

from quantdesk.errors import InvalidInput
from quantdesk.simulator.deribit import methods, refusals
from quantdesk.simulator.deribit.hub import ChannelHub
from quantdesk.simulator.deribit.market import DeribitMarket
from quantdesk.simulator.deribit.rpc import (
    Malformed,
    Request,
    encode_answer,
    parse_request,
)
from quantdesk.simulator.deribit.session import CLOSE_TIMEOUT_S, GOING_AWAY, Session
from quantdesk.simulator.venue import SimulatedVenue

STEP_S = 0.25
CONNECTIONS_MAX = 32
MESSAGE_BYTES_MAX = 1024 * 1024
"""Over the venue's 32 kB, so that such a request gets its answer; beyond this the socket ends."""

_WS_PATH, _HTTP_PATH = "/ws/api/v2", "/api/v2"


class _Caller:
    """A session with its subscriptions, as the methods see it."""

    def __init__(self, session: Session, hub: ChannelHub) -> None:
        self._session, self._hub = session, hub
        self.joined: list[str] = []

    def subscribe(self, names: list[str]) -> list[str]:
        self.joined = self._hub.subscribe(self._session, names)
        return self.joined

    def unsubscribe(self, names: list[str]) -> list[str]:
        return self._hub.unsubscribe(self._session, names)

    def unsubscribe_all(self) -> None:
        self._hub.unsubscribe_all(self._session)

    def start_heartbeat(self, interval_s: int) -> None:
        self._session.start_heartbeat(interval_s)

    def stop_heartbeat(self) -> None:
        self._session.stop_heartbeat()

    def answer_test(self) -> None:
        self._session.answer_test()


class DeribitServer:
    """Serves one simulated venue. `async with`, or `start` and `stop`."""

    def __init__(
        self,
        venue: SimulatedVenue,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        step_s: float | None = STEP_S,
        is_testnet: bool = True,
    ) -> None:
        """port : 0 picks a free one
        step_s : seconds of the machine's time between moves of the market; None leaves moving it
            to calls of `pump`
        is_testnet : the `testnet` flag of every answer
        """
        if step_s is not None and not step_s > 0:
            raise InvalidInput("step_s", step_s, "must be positive, or None")
        self.venue = venue
        self._host, self._port = host, port
        self._step_s = step_s
        self._is_testnet = is_testnet
        self._market = DeribitMarket(venue)
        self._hub = ChannelHub(self._market)
        self._sessions: dict[Session, None] = {}
        self._bodies_open = 0
        self._runner: web.AppRunner | None = None
        self._stepper: asyncio.Task[None] | None = None
        self._is_stalled = False

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
        return len(self._sessions)

    async def start(self) -> None:
        """Listen, and begin to move the market. Raises OSError where the port is taken."""
        app = web.Application(client_max_size=MESSAGE_BYTES_MAX)
        app.router.add_get(_WS_PATH, self._serve_socket)
        app.router.add_get(f"{_HTTP_PATH}/{{method:.*}}", self._serve_query)
        app.router.add_post(_HTTP_PATH, self._serve_post)
        app.router.add_post(f"{_HTTP_PATH}/{{method:.*}}", self._serve_post)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        site = web.TCPSite(runner, self._host, self._port)
        try:
            await site.start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self._port = runner.addresses[0][1]
        if self._step_s is not None:
            self._stepper = asyncio.create_task(self._step(self._step_s), name="simulated-venue")

    async def stop(self) -> None:
        """Close every connection and stop listening. Does nothing where it does not run.

        Raises what ended the moving of the market, if anything did.
        """
        stepper, self._stepper = self._stepper, None
        if stepper is not None:
            stepper.cancel()
        self._end_sessions()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        if stepper is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await stepper

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    def pump(self) -> None:
        """Move the market to its clock's time, send what changed, and beat where due."""
        self._hub.publish(self.venue.advance(), self.venue.clock.now_ns())
        for session in list(self._sessions):
            session.beat()

    def inject(self, payload: str | bytes) -> None:
        """Send `payload` as it is to every connection: text as a text frame, bytes as binary."""
        for session in list(self._sessions):
            if isinstance(payload, str):
                session.send(payload.encode())
            else:
                session.send(payload, WSMsgType.BINARY)

    def drop_connections(self) -> None:
        """Cut every connection as a lost network does: without a closing handshake."""
        for session in list(self._sessions):
            session.cut()

    def stall(self, is_stalled: bool) -> None:
        """Stop sending on all connections, which stay open; or go on with what was queued."""
        self._is_stalled = is_stalled
        for session in self._sessions:
            session.stall(is_stalled)

    async def _step(self, step_s: float) -> None:
        loop = asyncio.get_running_loop()
        due_s = loop.time() + step_s
        try:
            while True:
                await asyncio.sleep(max(0.0, due_s - loop.time()))
                # Steps that were missed are not made up for: the market is a function of time.
                due_s = max(due_s + step_s, loop.time() + step_s / 2)
                self.pump()
        finally:
            # A market that stands still must not look alive to its clients.
            self._end_sessions()

    def _end_sessions(self) -> None:
        for session in list(self._sessions):
            session.end(GOING_AWAY, "shutdown")

    @property
    def _is_full(self) -> bool:
        return len(self._sessions) + self._bodies_open >= CONNECTIONS_MAX

    async def _serve_socket(self, request: web.Request) -> web.StreamResponse:
        if self._is_full:
            return self._refuse_connection(self.venue.now_ns())
        assert request.transport is not None
        socket = web.WebSocketResponse(
            compress=False,
            max_msg_size=MESSAGE_BYTES_MAX,
            timeout=CLOSE_TIMEOUT_S,
            autoping=False,
        )
        await socket.prepare(request)
        session = Session(socket, request.transport, self.venue.clock)
        session.stall(self._is_stalled)
        self._sessions[session] = None
        sender = asyncio.create_task(session.run_sender(), name="simulated-venue-sender")
        try:
            await self._read(socket, session)
        finally:
            self._sessions.pop(session, None)
            self._hub.unsubscribe_all(session)
            if not session.is_ending:
                sender.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sender
        return socket

    async def _read(self, socket: web.WebSocketResponse, session: Session) -> None:
        async for message in socket:
            if message.type is WSMsgType.PING:
                # Through the queue like everything else, so that a stall holds it back too.
                session.send(message.data, WSMsgType.PONG)
                continue
            if message.type is WSMsgType.PONG:
                continue
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                return
            payload = message.data.encode() if isinstance(message.data, str) else message.data
            caller = _Caller(session, self._hub)
            received_ns = self.venue.now_ns()
            parsed = parse_request(payload)
            session.send(self._encoded(parsed, self._outcome(parsed, caller), received_ns))
            self._hub.greet(session, caller.joined)
            if session.is_ending:
                return

    def _outcome(self, parsed: Request | Malformed, caller: _Caller | None) -> object:
        if isinstance(parsed, Malformed):
            return parsed.refusal
        return methods.answer(parsed, self._market, caller)

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
        return self._http_answer(
            Request(method=method, params=dict(request.query), is_query=True), received_ns
        )

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
        return self._http_answer(parse_request(payload), received_ns)

    def _refuse_connection(self, received_ns: int) -> web.Response:
        parsed = Malformed(refusal=refusals.TOO_MANY_REQUESTS)
        return self._http_answer(parsed, received_ns, status_refused=429)

    def _http_answer(
        self, parsed: Request | Malformed, received_ns: int, *, status_refused: int = 400
    ) -> web.Response:
        outcome = self._outcome(parsed, None)
        status = status_refused if isinstance(outcome, refusals.Refusal) else 200
        body = self._encoded(parsed, outcome, received_ns)
        return web.Response(body=body, status=status, content_type="application/json")
