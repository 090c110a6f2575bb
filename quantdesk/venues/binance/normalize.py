"""Wire messages made into domain events. Pure; with `stream_events`, what knows Binance's habits.

Milliseconds become nanoseconds, and each of the venue's ways to say "no quote" (0, -1, a price
without a size) becomes None. Here are the answers of REST; pushes are read in `stream_events`.
"""

from __future__ import annotations

from urllib.parse import parse_qs

from quantdesk.domain.events import (
    BookSnapshot,
    DayStats,
    IndexUpdate,
    InstrumentsListed,
    MarketEvent,
    MarkUpdate,
    RawFrame,
    VenueGreeks,
    VenueTime,
)
from quantdesk.errors import ProtocolError
from quantdesk.venues.binance.instruments import (
    listed_instruments,
)
from quantdesk.venues.binance.names import VENUE, checked_symbol, is_underlying
from quantdesk.venues.binance.numbers import (
    amount,
    instant,
    iv,
    levels,
    model_value,
    positive,
    required,
)
from quantdesk.venues.binance.stream_events import push_events
from quantdesk.venues.binance.wire import (
    Control,
    ControlFailure,
    Listing,
    Message,
    Push,
    RestAnswer,
    RestDepth,
    RestFailure,
    RestHead,
    RestIndex,
    RestMark,
    RestTicker,
    ServerTime,
    Unread,
)
from quantdesk.venues.decoding.notes import LeftOut, set_aside
from quantdesk.venues.decoding.ranges import event_ns_of_ms

DEPTH_LIMIT = 1_000
"""Levels a side that GET /depth gives at most; a book of fewer is whole."""


def to_events(message: Message, frame: RawFrame) -> tuple[MarketEvent, ...]:
    """The events in `message`, which was decoded from `frame`.

    A record of a list that can not be believed is left out and counted in a `FrameSetAside` with
    `is_refused` false. Raises ProtocolError where the message is a single record that can not.
    """
    match message:
        case Push():
            events = push_events(message, frame)
        case RestAnswer():
            events = _answer_events(message, frame)
        case RestFailure():
            events = (set_aside(frame, "venue_error", failure_text(message)),)
        case ControlFailure():
            words = f"stream request {message.id}: {message.code} {message.message}"
            events = (set_aside(frame, "venue_error", words),)
        case Control():
            events = ()
    if message.unknown_fields:
        detail = ", ".join(message.unknown_fields)
        events += (set_aside(frame, "unknown_field", detail, is_refused=False),)
    return events


def failure_text(failure: RestFailure) -> str:
    """A refused request in one line: "GET /eapi/v1/mark: HTTP 429, -1003 Too many requests"."""
    head = failure.head
    code = "" if failure.code is None else f"{failure.code} "
    return f"{head.method} {head.path}: HTTP {head.status}, {code}{failure.message}"


def _answer_events(answer: RestAnswer, frame: RawFrame) -> tuple[MarketEvent, ...]:
    match answer.body:
        case ServerTime() as time:
            event_ns = instant(time.server_time, "serverTime")
            return (VenueTime(venue=VENUE, event_ns=event_ns, recv_ns=frame.recv_ns),)
        case Listing() as listing:
            return _listing_events(listing, answer.head, frame)
        case RestIndex() as index:
            return (_rest_index(index, answer.head, frame),)
        case RestDepth() as depth:
            return (_rest_depth(depth, answer.head, frame),)
        case tuple() as records:
            return _rest_records(records, answer.head, frame)
        case None:
            return ()


def _listing_events(listing: Listing, head: RestHead, frame: RawFrame) -> tuple[MarketEvent, ...]:
    event_ns = instant(listing.server_time, "serverTime")
    events = []
    for coin in head.coins:
        instruments, unknown_kinds = listed_instruments(listing, coin)
        events.append(
            InstrumentsListed(
                venue=VENUE,
                underlying=coin,
                event_ns=event_ns,
                recv_ns=frame.recv_ns,
                instruments=instruments,
                unknown_kinds=unknown_kinds,
            )
        )
    return tuple(events)


def _asked(head: RestHead, name: str) -> str:
    """The value of `name` in what was asked. Raises ProtocolError where it was not asked."""
    values = parse_qs(head.query).get(name, [])
    if len(values) != 1:
        raise ProtocolError("bad_envelope", f"{head.path} was asked without one {name}")
    return values[0]


def asked_ns(head: RestHead) -> int:
    """When the question left, on the venue's clock: no part of the answer is older.

    Raises ProtocolError where that is not known.
    """
    event_ns = event_ns_of_ms(head.asked_ms) if head.asked_ms is not None else None
    if event_ns is None:
        raise ProtocolError("bad_envelope", f"{head.path} was asked at an unknown time")
    return event_ns


def _rest_index(index: RestIndex, head: RestHead, frame: RawFrame) -> IndexUpdate:
    underlying = _asked(head, "underlying")
    if not is_underlying(underlying):
        raise ProtocolError("bad_envelope", "underlying is no name")
    return IndexUpdate(
        venue=VENUE,
        index_name=underlying,
        event_ns=instant(index.time, "time"),
        recv_ns=frame.recv_ns,
        price=required(index.index_price, "indexPrice"),
    )


def _rest_depth(depth: RestDepth, head: RestHead, frame: RawFrame) -> BookSnapshot:
    bids, asks = levels(depth.bids, "bids"), levels(depth.asks, "asks")
    is_whole = max(len(bids), len(asks)) < DEPTH_LIMIT
    return BookSnapshot(
        venue=VENUE,
        instrument_name=checked_symbol(_asked(head, "symbol")),
        event_ns=instant(depth.transaction_ms, "T"),
        recv_ns=frame.recv_ns,
        change_id=depth.last_update_id,
        bids=bids,
        asks=asks,
        levels_max=None if is_whole else DEPTH_LIMIT,
    )


def _rest_records(
    records: tuple[RestTicker | RestMark | Unread, ...], head: RestHead, frame: RawFrame
) -> tuple[MarketEvent, ...]:
    """Statistics or marks of many options; those of coins that were not asked for are passed over.

    The answer says nothing of its time, so it is that of the question.
    """
    event_ns = asked_ns(head)
    faults = LeftOut()
    events: list[MarketEvent] = []
    for record in records:
        if isinstance(record, Unread):
            faults.note(record.reason, f"a record of {head.path}")
            continue
        if record.symbol.partition("-")[0] not in head.coins:
            continue
        try:
            events.append(_rest_record(record, event_ns, frame))
        except ProtocolError as error:
            faults.note(error.kind, error.detail)
    return (*events, *faults.events(frame))


def _rest_record(
    record: RestTicker | RestMark, event_ns: int, frame: RawFrame
) -> DayStats | MarkUpdate:
    name = checked_symbol(record.symbol)
    if isinstance(record, RestTicker):
        return DayStats(
            venue=VENUE,
            instrument_name=name,
            event_ns=event_ns,
            recv_ns=frame.recv_ns,
            last=positive(record.last_price, "lastPrice"),
            volume=amount(record.volume, "volume"),
        )
    return MarkUpdate(
        venue=VENUE,
        instrument_name=name,
        event_ns=event_ns,
        recv_ns=frame.recv_ns,
        mark=amount(record.mark_price, "markPrice"),
        venue_bid_iv=iv(record.bid_iv, "bidIV"),
        venue_mark_iv=iv(record.mark_iv, "markIV"),
        venue_ask_iv=iv(record.ask_iv, "askIV"),
        venue_greeks=VenueGreeks(
            delta=model_value(record.delta, "delta"),
            gamma=model_value(record.gamma, "gamma"),
            vega=model_value(record.vega, "vega"),
            theta=model_value(record.theta, "theta"),
        ),
    )
