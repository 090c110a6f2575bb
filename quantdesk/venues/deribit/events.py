"""A raw frame to the events it carries: decode, then normalize. Never raises on any bytes."""

from __future__ import annotations

from quantdesk.domain.events import MarketEvent, RawFrame
from quantdesk.errors import ProtocolError
from quantdesk.venues.decoding.notes import set_aside
from quantdesk.venues.deribit.decode import decode
from quantdesk.venues.deribit.normalize import to_events
from quantdesk.venues.deribit.usual import usual_events


def events_of(frame: RawFrame) -> tuple[MarketEvent, ...]:
    """Events in `frame`, judged by its bytes alone: the same frame always gives the same events.

    A frame that makes no sense becomes one `FrameSetAside`; one that mostly does gives its events
    and a `FrameSetAside` with `is_refused` false. A heartbeat gives nothing.
    """
    if (events := usual_events(frame)) is not None:
        return events
    try:
        return to_events(decode(frame.payload), frame)
    except ProtocolError as error:
        return (set_aside(frame, error.kind, error.detail),)
