"""The opening state of a simulated venue as the frames a client would receive, without a socket.

For scripts that want a sample chain at once and exactly: nothing moves, no clock is read.
"""

from __future__ import annotations

from collections.abc import Iterator

from quantdesk.simulator.deribit.dispatch import answer
from quantdesk.simulator.deribit.face import DeribitFace
from quantdesk.simulator.deribit.hub import ChannelHub
from quantdesk.simulator.deribit.rpc import Request, encode_answer
from quantdesk.simulator.venue import SimulatedVenue


class _Inbox:
    """Keeps what a subscriber is sent."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []

    def send(self, payload: bytes) -> None:
        self.frames.append(payload)

    def notify(self, channel: str, payload: bytes) -> None:
        self.frames.append(payload)


def opening_frames(venue: SimulatedVenue) -> Iterator[bytes]:
    """The answer to get_instruments of each currency, the indexes and every instrument's ticker."""
    face = DeribitFace(venue)
    market = face.market
    for currency in market.currencies:
        request = Request(
            method="public/get_instruments",
            params={"currency": currency},
            request_id=f"public/get_instruments#{currency}#1",
        )
        yield encode_answer(
            answer(request, face),
            request_id=request.request_id,
            received_ns=venue.now_ns(),
            sent_ns=venue.now_ns(),
            is_testnet=True,
        )
    inbox = _Inbox()
    hub = ChannelHub(face)
    names = [f"deribit_price_index.{name}" for name in venue.indexes]
    names += [f"ticker.{market.names[line]}.100ms" for line in market.lines(None)]
    hub.greet(inbox, hub.subscribe(inbox, names))
    yield from inbox.frames
