"""One WebSocket connection: its outgoing queue, its heartbeat, its end.

Sending never blocks the market: messages wait in a bounded queue, and a reader that lets it fill is
disconnected, as the venue does.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque

from aiohttp import WSMsgType, web

from quantdesk.domain.ports import Clock
from quantdesk.simulator.deribit.rpc import heartbeat

NS_PER_S = 1_000_000_000
QUEUE_MESSAGES_MAX = 20_000
QUEUE_BYTES_MAX = 32 * 1024 * 1024
CLOSE_TIMEOUT_S = 0.5

GOING_AWAY = 1001
POLICY_VIOLATION = 1008


class Session:
    """A client's socket. Made and driven by the server.

    heard_ns : machine time of the client's last message
    """

    def __init__(
        self, socket: web.WebSocketResponse, transport: asyncio.BaseTransport, clock: Clock
    ) -> None:
        self._socket = socket
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._clock = clock
        self._queue: deque[tuple[bytes, WSMsgType]] = deque()
        self._queued_bytes = 0
        self._wake = asyncio.Event()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._end: tuple[int, str] | None = None
        self._interval_ns: int | None = None
        self._beat_ns = 0
        self._is_test_unanswered = False
        self._finish: tuple[int, str] | None = None
        self.heard_ns = clock.now_ns()

    @property
    def is_ending(self) -> bool:
        """Whether the connection was told to end."""
        return self._end is not None or self._finish is not None

    def send(self, payload: bytes, opcode: WSMsgType = WSMsgType.TEXT) -> None:
        """Queue a message; a queue over its bound ends the connection."""
        if self._end is not None:
            return
        self._queue.append((payload, opcode))
        self._queued_bytes += len(payload)
        if len(self._queue) > QUEUE_MESSAGES_MAX or self._queued_bytes > QUEUE_BYTES_MAX:
            self.end(POLICY_VIOLATION, "connection_too_slow")
        self._wake.set()

    def end(self, code: int, reason: str) -> None:
        """Close with `code` and drop what is queued; cut off a client that does not read."""
        if self._end is None:
            self._end = (code, reason)
            self._queue.clear()
            self._queued_bytes = 0
            self._wake.set()
            self._flowing.set()
            if self._transport.get_write_buffer_size() > 0:
                self._transport.abort()

    def finish(self, code: int, reason: str) -> None:
        """Close with `code` once what is queued is sent; nothing more is queued."""
        self._finish = self._finish or (code, reason)
        self._wake.set()

    def note_heard(self) -> None:
        """The client said something."""
        self.heard_ns = self._clock.now_ns()

    def cut(self) -> None:
        """Cut the connection as a lost network does: no closing handshake."""
        self._end = self._end or (GOING_AWAY, "cut")
        self._wake.set()
        self._flowing.set()
        self._transport.abort()

    def stall(self, is_stalled: bool) -> None:
        """Stop sending anything while the socket stays open, or go on."""
        if is_stalled:
            self._flowing.clear()
        else:
            self._flowing.set()

    def start_heartbeat(self, interval_s: int) -> None:
        """From now, one heartbeat and test request each `interval_s` of the machine's time."""
        self._interval_ns = interval_s * NS_PER_S
        self._beat_ns = self._clock.now_ns()
        self._is_test_unanswered = False

    def stop_heartbeat(self) -> None:
        """No more heartbeats; an open test request is forgotten."""
        self._interval_ns = None

    def answer_test(self) -> None:
        """The client proved that it is alive."""
        self._is_test_unanswered = False

    def beat(self) -> None:
        """Send heartbeat and test request where due; end where the last was left unanswered."""
        if self._interval_ns is None or self._clock.now_ns() - self._beat_ns < self._interval_ns:
            return
        self._beat_ns = self._clock.now_ns()
        if self._is_test_unanswered:
            self.end(GOING_AWAY, "heartbeat test_request unanswered")
            return
        self._is_test_unanswered = True
        self.send(heartbeat("heartbeat"))
        self.send(heartbeat("test_request"))

    async def run_sender(self) -> None:
        """Send what is queued until told to end, then close the socket."""
        # The peer may be gone at any send; the reader then ends the session.
        with contextlib.suppress(ConnectionError):
            await self._send_queued()
        code, reason = self._end or (GOING_AWAY, "connection lost")
        self._end = (code, reason)
        await self._socket.close(code=code, message=reason.encode())

    async def _send_queued(self) -> None:
        while self._end is None:
            await self._wake.wait()
            self._wake.clear()
            await self._flowing.wait()
            while self._queue and self._end is None:
                payload, opcode = self._queue.popleft()
                self._queued_bytes -= len(payload)
                await self._socket.send_frame(payload, opcode)
            if self._finish is not None and not self._queue:
                self._end = self._end or self._finish
