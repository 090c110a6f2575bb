"""How each fault happens at a served face: what both have in common, by what each does its own way.

Faults of single messages and requests are planned in the face's `faults`.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Generic

from aiohttp import WSMsgType

from quantdesk.simulator.faults import FATES, Fault, FaultKind, PlannedFaults, Refused
from quantdesk.simulator.outbox import GOING_AWAY, Outbox
from quantdesk.simulator.serving import FaceServer


class FaultyServer(FaceServer, Generic[Refused]):
    """A face that can be told to go wrong: a `faults.FaultTarget`.

    Attributes
    ----------
    faults : what is to go wrong with the next messages and requests
    """

    faults: PlannedFaults[Refused]
    _is_stalled = False

    @abstractmethod
    def _outboxes(self, number: int | None = None) -> Sequence[Outbox]:
        """Of all connections, or of the one of that number."""

    @abstractmethod
    def set_maintenance(self, is_on: bool) -> None:
        """Take no requests, or take them again."""

    @abstractmethod
    def restart(self) -> None:
        """Come back as a venue that lost its open orders and every connection."""

    @abstractmethod
    def _expire_logins(self) -> None:
        """End what proves who a client is before its time."""

    @abstractmethod
    def _limit_requests(self, count: int, wait_s: int, pattern: str) -> None:
        """Answer the next `count` requests as to a client that asks too often."""

    @abstractmethod
    def _ban_clients(self, seconds: int) -> None:
        """Answer nothing for so long. Of the venues that do."""

    def apply_fault(self, fault: Fault) -> None:
        """Let `fault` happen from now. Raises InvalidInput over a bound."""
        match fault.kind:
            case FaultKind.GAP | FaultKind.LOST | FaultKind.DUPLICATE | FaultKind.LATE:
                fate = FATES[fault.kind]
                self.faults.messages.add(
                    fate, fault.count, pattern=fault.channel, connection=fault.connection
                )
            case FaultKind.LOST_ACK:
                self.faults.lose_answers(fault.count, pattern=fault.request)
            case FaultKind.RATE_LIMIT:
                self._limit_requests(fault.count, math.ceil(fault.seconds), fault.request)
            case FaultKind.BAN:
                self._ban_clients(math.ceil(fault.seconds))
            case FaultKind.DISCONNECT:
                self.drop_connections(fault.connection)
            case FaultKind.STALL:
                self.stall(True, fault.connection)
            case FaultKind.MAINTENANCE:
                self.set_maintenance(True)
            case FaultKind.TOKEN_EXPIRY:
                self._expire_logins()
            case FaultKind.BAD_BYTES:
                bad = fault.payload
                text = bad.decode("utf-8", "surrogatepass") if fault.is_text else bad
                self.inject(text, fault.connection)
            case FaultKind.RESTART:
                self.restart()

    def end_fault(self, fault: Fault) -> None:
        """Let a stall or a maintenance be over."""
        if fault.kind is FaultKind.STALL:
            self.stall(False, fault.connection)
        else:
            assert fault.kind is FaultKind.MAINTENANCE, f"{fault.kind} has no end"
            self.set_maintenance(False)

    def drop_connections(self, number: int | None = None) -> None:
        """Cut every connection as a lost network does: without a closing handshake."""
        for outbox in self._outboxes(number):
            outbox.cut()

    def stall(self, is_stalled: bool, number: int | None = None) -> None:
        """Stop sending on all connections, which stay open; or go on with what was queued."""
        if number is None:
            self._is_stalled = is_stalled
        for outbox in self._outboxes(number):
            outbox.stall(is_stalled)

    def inject(self, payload: str | bytes, number: int | None = None) -> None:
        """Send `payload` as it is to every connection: text as a text frame, bytes as binary."""
        for outbox in self._outboxes(number):
            if isinstance(payload, str):
                outbox.send(payload.encode("utf-8", "surrogatepass"))
            else:
                outbox.send(payload, WSMsgType.BINARY)

    def _end_connections(self, reason: str = "shutdown") -> None:
        for outbox in self._outboxes():
            outbox.end(GOING_AWAY, reason)
