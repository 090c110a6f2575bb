"""What is to go wrong with the next requests and messages. State only: the server acts on it."""

from __future__ import annotations

from collections import deque
from enum import Enum

import msgspec

from quantdesk.errors import InvalidInput
from quantdesk.simulator.binance.refusals import UNAVAILABLE, ApiRefusal

PLANNED_MAX = 100_000

MAINTENANCE = ApiRefusal(code=-1016, msg="This service is no longer available.", status=UNAVAILABLE)


class Fate(Enum):
    """What becomes of a message or an answer.

    LOST : never sent; TWICE : sent two times; LATE : sent after the one that follows it
    """

    SENT = "sent"
    LOST = "lost"
    TWICE = "twice"
    LATE = "late"


class Faults:
    """Fates of what comes next, first come first served; SENT where nothing is planned.

    Attributes
    ----------
    is_in_maintenance : every request is refused, and no stream connects
    """

    def __init__(self) -> None:
        self.is_in_maintenance = False
        self._messages: deque[Fate] = deque()
        self._requests: deque[tuple[Fate, ApiRefusal | None]] = deque()

    def plan_messages(self, *fates: Fate) -> None:
        """Decide the fate of the next stream messages. Raises InvalidInput over the bound."""
        if len(self._messages) + len(fates) > PLANNED_MAX:
            raise InvalidInput("fates", len(fates), f"must leave at most {PLANNED_MAX} planned")
        self._messages.extend(fates)

    def refuse_requests(self, refusal: ApiRefusal, count: int = 1) -> None:
        """Answer the next `count` requests with `refusal`, carrying none of them out."""
        self._plan_requests(Fate.SENT, refusal, count)

    def lose_answers(self, count: int = 1) -> None:
        """Carry out the next `count` requests and cut their connections before the answer."""
        self._plan_requests(Fate.LOST, None, count)

    def of_message(self) -> Fate:
        """The fate of the message to be sent now."""
        return self._messages.popleft() if self._messages else Fate.SENT

    def of_request(self) -> tuple[Fate, ApiRefusal | None]:
        """The fate of the request that came now, and what refuses it."""
        if self.is_in_maintenance:
            return Fate.SENT, MAINTENANCE
        return self._requests.popleft() if self._requests else (Fate.SENT, None)

    @staticmethod
    def encode(refusal: ApiRefusal) -> bytes:
        """The body of a refused request."""
        return msgspec.json.encode(refusal.body())

    def _plan_requests(self, fate: Fate, refusal: ApiRefusal | None, count: int) -> None:
        if not 1 <= count <= PLANNED_MAX - len(self._requests):
            raise InvalidInput("count", count, f"must leave 1 to {PLANNED_MAX} planned")
        self._requests.extend((fate, refusal) for _ in range(count))
