"""What is to go wrong with the next messages and answers. State only: the server acts on it."""

from __future__ import annotations

from collections import deque
from enum import Enum

from quantdesk.errors import InvalidInput
from quantdesk.simulator.deribit.refusals import Refusal

PLANNED_MAX = 100_000


class Fate(Enum):
    """What becomes of a message or an answer.

    LOST : never sent; TWICE : sent two times; LATE : sent after the one that follows it
    """

    SENT = "sent"
    LOST = "lost"
    TWICE = "twice"
    LATE = "late"


class Faults:
    """Fates of what comes next, first come first served; SENT where nothing is planned."""

    def __init__(self) -> None:
        self._messages: deque[Fate] = deque()
        self._requests: deque[Refusal | None] = deque()

    def plan_messages(self, *fates: Fate) -> None:
        """Decide the fate of the next notifications. Raises InvalidInput over the bound."""
        if len(self._messages) + len(fates) > PLANNED_MAX:
            raise InvalidInput("fates", len(fates), f"must leave at most {PLANNED_MAX} planned")
        self._messages.extend(fates)

    def refuse_requests(self, refusal: Refusal, count: int = 1) -> None:
        """Answer the next `count` requests with `refusal`, carrying none of them out."""
        self._plan_requests(refusal, count)

    def lose_answers(self, count: int = 1) -> None:
        """Carry out the next `count` requests and never answer them."""
        self._plan_requests(None, count)

    def of_message(self) -> Fate:
        """The fate of the notification to be sent now."""
        return self._messages.popleft() if self._messages else Fate.SENT

    def of_request(self) -> tuple[Fate, Refusal | None]:
        """The fate of the answer to the request that came now, and what refuses it."""
        if not self._requests:
            return Fate.SENT, None
        refusal = self._requests.popleft()
        return (Fate.LOST, None) if refusal is None else (Fate.SENT, refusal)

    def _plan_requests(self, refusal: Refusal | None, count: int) -> None:
        if not 1 <= count <= PLANNED_MAX - len(self._requests):
            raise InvalidInput("count", count, f"must leave 1 to {PLANNED_MAX} planned")
        self._requests.extend([refusal] * count)
