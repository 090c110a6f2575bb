"""One WebSocket connection: its streams, its outgoing queue, its pings and its end.

Sending never blocks the market: messages wait in a bounded queue, and a reader that lets it fill is
disconnected. Times are the machine's.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence

import msgspec
from aiohttp import WSMsgType, web

from quantdesk.simulator.binance.faults import Fate, Faults
from quantdesk.simulator.binance.hub import StreamHub

NS_PER_S = 1_000_000_000
PING_PERIOD_NS = 5 * 60 * NS_PER_S
PONG_WITHIN_NS = 15 * 60 * NS_PER_S
LIFE_NS = 24 * 3_600 * NS_PER_S
INCOMING_PER_S_MAX = 10

QUEUE_MESSAGES_MAX = 20_000
QUEUE_BYTES_MAX = 32 * 1024 * 1024
CLOSE_TIMEOUT_S = 0.5

GOING_AWAY = 1001
POLICY_VIOLATION = 1008


class Connection:
    """A client's connection. Made and driven by the server; `send_event` is what the hub uses.

    Attributes
    ----------
    number : in the order of opening, from 1
    path : "public", "market" or "private"
    is_combined : whether messages are wrapped with their stream's name
    """

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.BaseTransport | None,
        *,
        path: str,
        is_combined: bool,
        hub: StreamHub,
        owner_of: Callable[[str], str | None],
        now_ns: int,
        faults: Faults,
        number: int,
    ) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.number = number
        self.path = path
        self.is_combined = is_combined
        self._socket, self._transport = socket, transport
        self._hub, self._owner_of, self._faults = hub, owner_of, faults
        self._held_back: bytes | None = None
        self._names: dict[str, None] = {}
        self._queue: deque[tuple[bytes, WSMsgType]] = deque()
        self._queued_bytes = 0
        self._wake = asyncio.Event()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._end: tuple[int, str] | None = None
        self._opened_ns = now_ns
        self._pinged_ns = now_ns
        self._ponged_ns = now_ns
        self._second = -1
        self._incoming = 0

    @property
    def is_ending(self) -> bool:
        """Whether the connection was told to end."""
        return self._end is not None

    def streams(self) -> list[str]:
        """Names subscribed to, existing or not, in that order."""
        return list(self._names)

    def subscribe(self, names: Sequence[str]) -> None:
        """Listen to more streams."""
        for name in names:
            self._names[name] = None
            self._hub.subscribe(self, name, self._owner_of(name))

    def unsubscribe(self, names: Sequence[str]) -> None:
        """Listen to fewer streams."""
        for name in names:
            if self._names.pop(name, self) is None:
                self._hub.unsubscribe(self, name)

    def send_event(self, name: str, payload: bytes) -> None:
        """Queue a stream's message."""
        if self.is_combined:
            payload = b'{"stream":' + msgspec.json.encode(name) + b',"data":' + payload + b"}"
        fate = self._faults.of_message(name, self.number)
        if fate is Fate.LATE:
            self._held_back, payload = payload, self._held_back or b""
        if fate is not Fate.LOST and payload:
            self.send(payload)
        if fate is Fate.TWICE:
            self.send(payload)
        if fate is not Fate.LATE and self._held_back is not None:
            late, self._held_back = self._held_back, None
            self.send(late)

    def send(self, payload: bytes, opcode: WSMsgType = WSMsgType.TEXT) -> None:
        """Queue a frame; a queue over its bound ends the connection."""
        if self._end is not None:
            return
        self._queue.append((payload, opcode))
        self._queued_bytes += len(payload)
        if len(self._queue) > QUEUE_MESSAGES_MAX or self._queued_bytes > QUEUE_BYTES_MAX:
            self.end(POLICY_VIOLATION, "connection too slow")
        self._wake.set()

    def note_incoming(self, now_ns: int) -> None:
        """A frame came; more than the venue allows in a second end the connection."""
        second = now_ns // NS_PER_S
        if second != self._second:
            self._second, self._incoming = second, 0
        self._incoming += 1
        if self._incoming > INCOMING_PER_S_MAX:
            self.end(POLICY_VIOLATION, "Too many requests")

    def note_pong(self, now_ns: int) -> None:
        """The client lives."""
        self._ponged_ns = now_ns

    def beat(self, now_ns: int) -> None:
        """Ping where due; end a connection that does not answer, or is a day old."""
        if now_ns - self._opened_ns >= LIFE_NS:
            self.end(GOING_AWAY, "24 hours")
        elif now_ns - self._ponged_ns >= PONG_WITHIN_NS:
            self.end(POLICY_VIOLATION, "Pong timeout")
        elif now_ns - self._pinged_ns >= PING_PERIOD_NS:
            self._pinged_ns = now_ns
            self.send(str(now_ns // 1_000_000).encode(), WSMsgType.PING)

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
