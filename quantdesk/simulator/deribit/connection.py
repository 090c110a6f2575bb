"""One WebSocket connection as the methods and the hub see it: its socket and its account."""

from __future__ import annotations

from quantdesk.simulator.deribit.hub import ChannelHub
from quantdesk.simulator.deribit.refusals import Refusal
from quantdesk.simulator.deribit.session import Session
from quantdesk.simulator.deribit.tokens import Grant
from quantdesk.simulator.faults import PlannedFaults
from quantdesk.simulator.outbox import GOING_AWAY

INACTIVITY_NS = 600 * 1_000_000_000
"""After ten minutes without a word the venue takes a client for lost."""


class Connection:
    """A client's connection. Fits `calls.Caller` and `hub.Subscriber`.

    Attributes
    ----------
    number : in the order of opening, from 1
    grant : of the token it authenticated with; None before
    cancels_on_disconnect : whether its orders end with it
    joined : channels of the request at hand, to be greeted after its answer
    """

    def __init__(
        self, number: int, session: Session, hub: ChannelHub, faults: PlannedFaults[Refusal]
    ) -> None:
        self.number = number
        self.session = session
        self.cancels_on_disconnect = False
        self.joined: list[str] = []
        self.joined_as: str | None = None
        self._hub = hub
        self._faults = faults
        self._grant: Grant | None = None
        self._accounts: dict[str, None] = {}

    @property
    def connection_id(self) -> str:
        """Unique as long as the server runs."""
        return f"connection-{self.number}"

    @property
    def grant(self) -> Grant | None:
        """See the class."""
        return self._grant

    @grant.setter
    def grant(self, grant: Grant | None) -> None:
        self._grant = grant
        if grant is not None:
            self._accounts[grant.account.account_id] = None

    @property
    def accounts(self) -> list[str]:
        """Accounts that authenticated on it, at the exchange's names."""
        return list(self._accounts)

    def send(self, payload: bytes) -> None:
        """Queue a message."""
        self.session.send(payload)

    def notify(self, channel: str, payload: bytes) -> None:
        """Queue a notification, unless a fault is planned for it."""
        self.session.send_as(self._faults.of_message(channel, self.number), payload)

    def subscribe(self, names: list[str], account_id: str | None) -> list[str]:
        """Join channels; gives those there are. Their state is sent by `greet`."""
        self.joined = self._hub.subscribe(self, names, account_id)
        self.joined_as = account_id
        return self.joined

    def greet(self) -> None:
        """Send the state of the channels that the last request joined."""
        joined, self.joined = self.joined, []
        self._hub.greet(self, joined, self.joined_as)

    def unsubscribe(self, names: list[str]) -> list[str]:
        """Leave channels; gives those it was in."""
        return self._hub.unsubscribe(self, names)

    def unsubscribe_all(self) -> None:
        """Leave every channel."""
        self._hub.unsubscribe_all(self)

    def start_heartbeat(self, interval_s: int) -> None:
        """Beat from now on, each `interval_s` of the machine's time."""
        self.session.start_heartbeat(interval_s)

    def stop_heartbeat(self) -> None:
        """Beat no more."""
        self.session.stop_heartbeat()

    def answer_test(self) -> None:
        """The client answered a test request."""
        self.session.answer_test()

    def log_out(self) -> None:
        """End after the answer; an end by logging out cancels nothing."""
        self.cancels_on_disconnect = False
        self.session.finish(GOING_AWAY, "logout")
