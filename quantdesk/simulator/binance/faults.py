"""What is to go wrong with the next requests and messages. State only: the server acts on it."""

from __future__ import annotations

import msgspec

from quantdesk.errors import InvalidInput
from quantdesk.simulator.binance.refusals import UNAVAILABLE, ApiRefusal
from quantdesk.simulator.faults import PLANNED_MAX, Fate, Plan

__all__ = ["MAINTENANCE", "PLANNED_MAX", "Fate", "Faults"]

MAINTENANCE = ApiRefusal(code=-1016, msg="This service is no longer available.", status=UNAVAILABLE)


class Faults:
    """Fates of what comes next, first come first served; SENT where nothing is planned.

    Attributes
    ----------
    is_in_maintenance : every request is refused, and no stream connects
    messages : fates of stream messages by stream
    requests : by method and path, as "POST /order"
    """

    def __init__(self) -> None:
        self.is_in_maintenance = False
        self.messages: Plan[Fate] = Plan()
        self.requests: Plan[tuple[Fate, ApiRefusal | None]] = Plan()

    def plan_messages(self, *fates: Fate) -> None:
        """Decide the fate of the next stream messages. Raises InvalidInput over the bound."""
        if len(fates) > PLANNED_MAX:
            raise InvalidInput("fates", len(fates), f"must leave at most {PLANNED_MAX} planned")
        for fate in fates:
            self.messages.add(fate)

    def refuse_requests(self, refusal: ApiRefusal, count: int = 1, *, pattern: str = "*") -> None:
        """Answer the next `count` requests with `refusal`, carrying none of them out."""
        self.requests.add((Fate.SENT, refusal), count, pattern=pattern)

    def lose_answers(self, count: int = 1, *, pattern: str = "*") -> None:
        """Carry out the next `count` requests and cut their connections before the answer."""
        self.requests.add((Fate.LOST, None), count, pattern=pattern)

    def of_message(self, stream: str = "", connection: int = 0) -> Fate:
        """The fate of the message to be sent now."""
        return self.messages.take(stream, connection) or Fate.SENT

    def of_request(self, name: str = "") -> tuple[Fate, ApiRefusal | None]:
        """The fate of the request that came now, and what refuses it."""
        if self.is_in_maintenance:
            return Fate.SENT, MAINTENANCE
        return self.requests.take(name) or (Fate.SENT, None)

    @staticmethod
    def encode(refusal: ApiRefusal) -> bytes:
        """The body of a refused request."""
        return msgspec.json.encode(refusal.body())
