"""One WebSocket connection: its streams, its pings and its end. Times are the machine's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec
from aiohttp import WSMsgType, web

from quantdesk.simulator.binance.faults import Faults
from quantdesk.simulator.binance.hub import StreamHub
from quantdesk.simulator.outbox import GOING_AWAY, POLICY_VIOLATION, Outbox

NS_PER_S = 1_000_000_000
PING_PERIOD_NS = 5 * 60 * NS_PER_S
PONG_WITHIN_NS = 15 * 60 * NS_PER_S
LIFE_NS = 24 * 3_600 * NS_PER_S
INCOMING_PER_S_MAX = 10


class Connection(Outbox):
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
        super().__init__(socket, transport, too_slow="connection too slow")
        self.number = number
        self.path = path
        self.is_combined = is_combined
        self._hub, self._owner_of, self._faults = hub, owner_of, faults
        self._names: dict[str, None] = {}
        self._opened_ns = now_ns
        self._pinged_ns = now_ns
        self._ponged_ns = now_ns
        self._second = -1
        self._incoming = 0

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
        self.send_as(self._faults.of_message(name, self.number), payload)

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
