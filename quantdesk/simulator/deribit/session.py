"""A client's socket with its heartbeat, by the machine's clock."""

from __future__ import annotations

import asyncio

from aiohttp import web

from quantdesk.domain.ports import Clock
from quantdesk.simulator.deribit.rpc import heartbeat
from quantdesk.simulator.outbox import GOING_AWAY, Outbox

NS_PER_S = 1_000_000_000


class Session(Outbox):
    """A client's socket. Made and driven by the server.

    heard_ns : machine time of the client's last message
    """

    def __init__(
        self, socket: web.WebSocketResponse, transport: asyncio.BaseTransport | None, clock: Clock
    ) -> None:
        super().__init__(socket, transport, too_slow="connection_too_slow")
        self._clock = clock
        self._interval_ns: int | None = None
        self._beat_ns = 0
        self._is_test_unanswered = False
        self.heard_ns = clock.now_ns()

    def note_heard(self) -> None:
        """The client said something."""
        self.heard_ns = self._clock.now_ns()

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
