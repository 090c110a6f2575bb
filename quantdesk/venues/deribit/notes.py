"""Events that any frame can make, public or private: what was not understood, the venue's clock."""

from __future__ import annotations

from quantdesk.domain.events import FrameSetAside, RawFrame, VenueTime
from quantdesk.errors import InvalidInput, ProtocolError
from quantdesk.venues.decoding.notes import set_aside
from quantdesk.venues.decoding.ranges import event_ns_of_us
from quantdesk.venues.deribit.instruments import VENUE
from quantdesk.venues.deribit.names import InstrumentName, parse_instrument_name
from quantdesk.venues.deribit.numbers import out_of_range
from quantdesk.venues.deribit.wire import Failure


def failure_note(failure: Failure, frame: RawFrame) -> FrameSetAside:
    """The event of the venue's own error."""
    asked = failure.request_id or "no request of ours"
    return set_aside(frame, "venue_error", f"{asked}: {failure.code} {failure.message}")


def venue_time(us_out: int | None, frame: RawFrame) -> tuple[VenueTime, ...]:
    """The venue's clock as an answer tells it in microseconds; nothing where it does not.

    Raises ProtocolError "out_of_range" for no date of this century.
    """
    if us_out is None:
        return ()
    event_ns = event_ns_of_us(us_out)
    if event_ns is None:
        raise out_of_range("usOut", us_out)
    return (VenueTime(venue=VENUE, event_ns=event_ns, recv_ns=frame.recv_ns),)


def known_name(text: str) -> InstrumentName:
    """What the name `text` says. Raises ProtocolError "unknown_kind" for one of no known form."""
    try:
        return parse_instrument_name(text)
    except InvalidInput as error:
        raise ProtocolError("unknown_kind", str(error)) from error
