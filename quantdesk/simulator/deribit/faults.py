"""What is to go wrong with the next messages and answers. State only: the server acts on it."""

from __future__ import annotations

from quantdesk.errors import InvalidInput
from quantdesk.simulator.deribit.refusals import Refusal
from quantdesk.simulator.faults import PLANNED_MAX, Fate, Plan

__all__ = ["PLANNED_MAX", "Fate", "Faults"]


class Faults:
    """Fates of what comes next, first come first served; SENT where nothing is planned.

    Attributes
    ----------
    messages : fates of notifications by channel
    requests : by method, what refuses it; None carries it out and loses the answer
    """

    def __init__(self) -> None:
        self.messages: Plan[Fate] = Plan()
        self.requests: Plan[tuple[Fate, Refusal | None]] = Plan()

    def plan_messages(self, *fates: Fate) -> None:
        """Decide the fate of the next notifications. Raises InvalidInput over the bound."""
        if len(fates) > PLANNED_MAX:
            raise InvalidInput("fates", len(fates), f"must leave at most {PLANNED_MAX} planned")
        for fate in fates:
            self.messages.add(fate)

    def refuse_requests(self, refusal: Refusal, count: int = 1, *, pattern: str = "*") -> None:
        """Answer the next `count` requests with `refusal`, carrying none of them out."""
        self.requests.add((Fate.SENT, refusal), count, pattern=pattern)

    def lose_answers(self, count: int = 1, *, pattern: str = "*") -> None:
        """Carry out the next `count` requests and never answer them."""
        self.requests.add((Fate.LOST, None), count, pattern=pattern)

    def of_message(self, channel: str = "", connection: int = 0) -> Fate:
        """The fate of the notification to be sent now."""
        return self.messages.take(channel, connection) or Fate.SENT

    def of_request(self, method: str = "") -> tuple[Fate, Refusal | None]:
        """The fate of the answer to the request that came now, and what refuses it."""
        return self.requests.take(method) or (Fate.SENT, None)
