"""What is to go wrong with the next requests and messages, and maintenance."""

from __future__ import annotations

import msgspec

from quantdesk.simulator.binance.refusals import UNAVAILABLE, ApiRefusal
from quantdesk.simulator.faults import Fate, PlannedFaults

MAINTENANCE = ApiRefusal(code=-1016, msg="This service is no longer available.", status=UNAVAILABLE)


class Faults(PlannedFaults[ApiRefusal]):
    """As planned; requests go by method and path, as "POST /order".

    is_in_maintenance : every request is refused, and no stream connects
    """

    def __init__(self) -> None:
        super().__init__()
        self.is_in_maintenance = False

    def of_request(self, name: str = "") -> tuple[Fate, ApiRefusal | None]:
        """The fate of the request that came now, and what refuses it."""
        if self.is_in_maintenance:
            return Fate.SENT, MAINTENANCE
        return super().of_request(name)

    @staticmethod
    def encode(refusal: ApiRefusal) -> bytes:
        """The body of a refused request."""
        return msgspec.json.encode(refusal.body())
