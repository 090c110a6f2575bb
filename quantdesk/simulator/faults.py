"""What can go wrong on purpose, in words of no venue, and plans of what becomes of messages.

A `Fault` is one wish of a script or of the control endpoint; each face carries it out in its own
protocol. Reads no clock, opens no socket.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase
from typing import Generic, Protocol, TypeVar

from quantdesk.errors import InvalidInput

PLANNED_MAX = 100_000
"""Messages, and requests, whose fate can be decided ahead."""

VENUES = ("deribit", "binance")

Outcome = TypeVar("Outcome")
Refused = TypeVar("Refused")
"""How a face says no."""


class Fate(Enum):
    """What becomes of a message or an answer.

    LOST : never sent; TWICE : sent two times; LATE : sent after the one that follows it
    """

    SENT = "sent"
    LOST = "lost"
    TWICE = "twice"
    LATE = "late"


class FaultKind(Enum):
    """What goes wrong. The values are the words of scripts."""

    GAP = "gap"
    LOST = "lost"
    DUPLICATE = "duplicate"
    LATE = "late"
    LOST_ACK = "lost-ack"
    DISCONNECT = "disconnect"
    STALL = "stall"
    RATE_LIMIT = "rate-limit"
    BAN = "ban"
    MAINTENANCE = "maintenance"
    TOKEN_EXPIRY = "token-expiry"
    BAD_BYTES = "bad-bytes"
    RESTART = "restart"


FATES = {
    FaultKind.GAP: Fate.LOST,
    FaultKind.LOST: Fate.LOST,
    FaultKind.DUPLICATE: Fate.TWICE,
    FaultKind.LATE: Fate.LATE,
}
"""Kinds that befall single messages."""

BAD_BYTES_DEFAULT = b'{"jsonrpc":"2.0","method":\xff\xfe'
"""Neither UTF-8 nor JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault, checked.

    Attributes
    ----------
    venue : "deribit" or "binance"
    at_s : machine seconds after the simulator is ready, or after the wish came
    count : of messages or requests that it befalls
    seconds : how long it lasts; what a refused client is told to wait
    channel : pattern (`*`, `?`, `[…]`) of the channels or streams it befalls
    connection : number of the only WebSocket connection it befalls, in the order of opening from 1
    request : pattern of the methods it befalls: "private/buy", "POST /order"
    payload : bytes to send
    times, every_s : how often, and after how many seconds again
    """

    kind: FaultKind
    venue: str
    at_s: float = 0.0
    count: int = 1
    seconds: float = 0.0
    channel: str = "*"
    connection: int | None = None
    request: str = "*"
    payload: bytes = BAD_BYTES_DEFAULT
    is_text: bool = False
    times: int = 1
    every_s: float = 0.0


class FaultTarget(Protocol):
    """A face that faults happen to."""

    def apply_fault(self, fault: Fault) -> None:
        """Let it go wrong from now. Raises InvalidInput over a bound."""

    def end_fault(self, fault: Fault) -> None:
        """Let what lasts for `fault.seconds` be well again."""


@dataclass(slots=True, eq=False)
class _Planned(Generic[Outcome]):
    outcome: Outcome
    left: int
    pattern: str
    connection: int | None

    def fits(self, name: str, connection: int) -> bool:
        if self.connection not in (None, connection):
            return False
        return self.pattern == "*" or fnmatchcase(name.lower(), self.pattern)


class Plan(Generic[Outcome]):
    """Outcomes of the next messages or requests, first come first served. Bounded."""

    def __init__(self) -> None:
        self._planned: deque[_Planned[Outcome]] = deque()
        self._count = 0

    def add(
        self, outcome: Outcome, count: int = 1, *, pattern: str = "*", connection: int | None = None
    ) -> None:
        """Decide for the next `count` whose name, in any case, and connection fit.

        Raises InvalidInput over the bound.
        """
        if not 1 <= count <= PLANNED_MAX - self._count:
            raise InvalidInput("count", count, f"must leave 1 to {PLANNED_MAX} planned")
        self._count += count
        self._planned.append(_Planned(outcome, count, pattern.lower(), connection))

    def take(self, name: str = "", connection: int = 0) -> Outcome | None:
        """The outcome decided for the one that comes now, None where nothing was."""
        for planned in self._planned:
            if planned.fits(name, connection):
                self._count -= 1
                planned.left -= 1
                if not planned.left:
                    self._planned.remove(planned)
                return planned.outcome
        return None


class PlannedFaults(Generic[Refused]):
    """Fates of a face's next messages and requests, first come first served.

    State only: the server acts on it. What nothing is planned for is SENT.

    Attributes
    ----------
    messages : fates by channel or stream
    requests : by method, the fate of the answer and what refuses the request, if anything does
    """

    def __init__(self) -> None:
        self.messages: Plan[Fate] = Plan()
        self.requests: Plan[tuple[Fate, Refused | None]] = Plan()

    def plan_messages(self, *fates: Fate) -> None:
        """Decide the fate of the next messages. Raises InvalidInput over the bound."""
        if len(fates) > PLANNED_MAX:
            raise InvalidInput("fates", len(fates), f"must leave at most {PLANNED_MAX} planned")
        for fate in fates:
            self.messages.add(fate)

    def refuse_requests(self, refusal: Refused, count: int = 1, *, pattern: str = "*") -> None:
        """Answer the next `count` requests with `refusal`, carrying none of them out."""
        self.requests.add((Fate.SENT, refusal), count, pattern=pattern)

    def lose_answers(self, count: int = 1, *, pattern: str = "*") -> None:
        """Carry out the next `count` requests, whose answers never arrive."""
        self.requests.add((Fate.LOST, None), count, pattern=pattern)

    def of_message(self, channel: str = "", connection: int = 0) -> Fate:
        """The fate of the message to be sent now."""
        return self.messages.take(channel, connection) or Fate.SENT

    def of_request(self, name: str = "") -> tuple[Fate, Refused | None]:
        """The fate of the answer to the request that came now, and what refuses it."""
        return self.requests.take(name) or (Fate.SENT, None)
