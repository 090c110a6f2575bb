"""The outgoing side of a client's WebSocket connection, at either venue.

Sending never blocks the market: messages wait in a bounded queue, and a reader that lets it fill is
disconnected, as the venues do.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque

from aiohttp import WSMsgType, web

from quantdesk.simulator.faults import Fate

QUEUE_MESSAGES_MAX = 20_000
QUEUE_BYTES_MAX = 32 * 1024 * 1024
CLOSE_TIMEOUT_S = 0.5

GOING_AWAY = 1001
POLICY_VIOLATION = 1008


class Outbox:
    """What is to be sent on one socket, until it ends.

    too_slow : reason that a client is given whose queue fills
    """

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.BaseTransport | None,
        *,
        too_slow: str,
    ) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._socket, self._transport = socket, transport
        self._too_slow = too_slow
        self._queue: deque[tuple[bytes, WSMsgType]] = deque()
        self._queued_bytes = 0
        self._wake = asyncio.Event()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._end: tuple[int, str] | None = None
        self._finish: tuple[int, str] | None = None
        self._late: bytes | None = None

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
            self.end(POLICY_VIOLATION, self._too_slow)
        self._wake.set()

    def send_as(self, fate: Fate, payload: bytes) -> None:
        """Queue a message as it was planned: not at all, twice, or after the one that follows."""
        late, self._late = self._late, None
        if fate is Fate.LATE:
            self._late = payload
        elif fate is not Fate.LOST:
            self.send(payload)
            if fate is Fate.TWICE:
                self.send(payload)
        if late is not None:
            self.send(late)

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

    async def run_sender(self) -> None:
        """Send what is queued until told to end, then close the socket."""
        # The peer may be gone at any send; the reader then ends the connection.
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
