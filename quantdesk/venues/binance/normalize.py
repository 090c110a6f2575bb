"""Wire messages made into domain events. Pure; the one place that knows Binance's habits.

Milliseconds become nanoseconds, and each of the venue's ways to say "no quote" (0, -1, a price
without a size) becomes None. An option's data comes over several streams with clocks of their own;
each makes an event of its own kind, and `market.state` puts them together.
"""

from __future__ import annotations

from collections import Counter
from urllib.parse import parse_qs

from quantdesk.domain.events import (
    BookChange,
    BookSnapshot,
    DayStats,
    FrameSetAside,
    IndexUpdate,
    InstrumentsListed,
    InstrumentStateChanged,
    MarketEvent,
    MarkUpdate,
    OpenInterestUpdate,
    PublicTrade,
    RawFrame,
    TopOfBook,
    VenueGreeks,
    VenueTime,
)
from quantdesk.domain.instrument import Side
from quantdesk.errors import InvalidInput, ProtocolError
from quantdesk.venues.binance.instruments import (
    KNOWN_STATES,
    UNLISTED_STATES,
    listed_instruments,
)
from quantdesk.venues.binance.names import VENUE, is_underlying, parse_symbol
from quantdesk.venues.binance.numbers import (
    amount,
    instant,
    iv,
    level,
    levels,
    model_value,
    positive,
    required,
)
from quantdesk.venues.binance.wire import (
    BookTicker,
    Control,
    ControlFailure,
    DayTicker,
    Depth,
    IndexPrice,
    Listing,
    MarkPrice,
    Message,
    NewSymbol,
    OpenInterest,
    Push,
    RestAnswer,
    RestDepth,
    RestFailure,
    RestHead,
    RestIndex,
    RestMark,
    RestTicker,
    ServerTime,
    StreamRecord,
    Trade,
    Unread,
)
from quantdesk.venues.decoding.notes import set_aside
from quantdesk.venues.decoding.ranges import event_ns_of_ms, name_like

DEPTH_LIMIT = 1_000
"""Levels a side that GET /depth gives at most; a book of fewer is whole."""

_SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}


def to_events(message: Message, frame: RawFrame) -> tuple[MarketEvent, ...]:
    """The events in `message`, which was decoded from `frame`.

    A record of a list that can not be believed is left out and counted in a `FrameSetAside` with
    `is_refused` false. Raises ProtocolError where the message is a single record that can not.
    """
    match message:
        case Push():
            events = _push_events(message, frame)
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


class _Faults:
    """Records of one frame that were left out, by reason, with the first of each told."""

    def __init__(self) -> None:
        self._count: Counter[str] = Counter()
        self._first: dict[str, str] = {}

    def note(self, kind: str, detail: str) -> None:
        self._count[kind] += 1
        self._first.setdefault(kind, detail)

    def events(self, frame: RawFrame) -> tuple[FrameSetAside, ...]:
        return tuple(
            set_aside(
                frame,
                kind,
                f"{self._first[kind]} ({count} records left out)",
                is_refused=False,
            )
            for kind, count in sorted(self._count.items())
        )


def _push_events(push: Push, frame: RawFrame) -> tuple[MarketEvent, ...]:
    if len(push.records) == 1:
        record = push.records[0]
        assert not isinstance(record, Unread)
        return _record_events(record, push.stream, frame)
    faults = _Faults()
    events: list[MarketEvent] = []
    for record in push.records:
        if isinstance(record, Unread):
            faults.note(record.reason, f"a record on {push.stream}")
            continue
        try:
            events.extend(_record_events(record, push.stream, frame))
        except ProtocolError as error:
            faults.note(error.kind, error.detail)
    return (*events, *faults.events(frame))


def _record_events(record: StreamRecord, stream: str, frame: RawFrame) -> tuple[MarketEvent, ...]:
    events: tuple[MarketEvent, ...]
    match record:
        case BookTicker():
            events = (_top_of_book(record, frame),)
        case MarkPrice():
            events = _mark_events(record, frame)
        case DayTicker():
            events = (_day_stats(record, frame),)
        case OpenInterest():
            events = (_open_interest(record, frame),)
        case IndexPrice():
            events = (_index(record, frame),)
        case Trade():
            events = (_trade(record, frame),)
        case Depth():
            events = (_depth(record, stream, frame),)
        case NewSymbol():
            events = _state_events(record, frame)
    return events


def checked_symbol(text: str) -> str:
    """`text` if it is an option's symbol. Raises ProtocolError "unknown_kind"."""
    try:
        parse_symbol(text)
    except InvalidInput as error:
        raise ProtocolError("unknown_kind", str(error)) from error
    return text


def _top_of_book(ticker: BookTicker, frame: RawFrame) -> TopOfBook:
    bid, bid_size = level(ticker.bid, ticker.bid_size, "bid")
    ask, ask_size = level(ticker.ask, ticker.ask_size, "ask")
    return TopOfBook(
        venue=VENUE,
        instrument_name=checked_symbol(ticker.symbol),
        event_ns=instant(ticker.event_ms, "E"),
        recv_ns=frame.recv_ns,
        bid=bid,
        ask=ask,
        bid_size=bid_size,
        ask_size=ask_size,
    )


def _mark_events(mark: MarkPrice, frame: RawFrame) -> tuple[MarketEvent, ...]:
    name, event_ns = checked_symbol(mark.symbol), instant(mark.event_ms, "E")
    update = MarkUpdate(
        venue=VENUE,
        instrument_name=name,
        event_ns=event_ns,
        recv_ns=frame.recv_ns,
        mark=amount(mark.mark, "mp"),
        index_price=positive(mark.index, "i"),
        venue_bid_iv=iv(mark.bid_iv, "b"),
        venue_mark_iv=iv(mark.mark_iv, "vo"),
        venue_ask_iv=iv(mark.ask_iv, "a"),
        venue_greeks=VenueGreeks(
            delta=model_value(mark.delta, "d"),
            gamma=model_value(mark.gamma, "g"),
            vega=model_value(mark.vega, "v"),
            theta=model_value(mark.theta, "t"),
        ),
    )
    if not isinstance(mark.bid, str) or not isinstance(mark.ask, str):
        return (update,)
    bid, bid_size = level(mark.bid, mark.bid_size, "bo")
    ask, ask_size = level(mark.ask, mark.ask_size, "ao")
    book = TopOfBook(
        venue=VENUE,
        instrument_name=name,
        event_ns=event_ns,
        recv_ns=frame.recv_ns,
        bid=bid,
        ask=ask,
        bid_size=bid_size,
        ask_size=ask_size,
        is_sampled=True,
    )
    return (update, book)


def _day_stats(ticker: DayTicker, frame: RawFrame) -> DayStats:
    return DayStats(
        venue=VENUE,
        instrument_name=checked_symbol(ticker.symbol),
        event_ns=instant(ticker.event_ms, "E"),
        recv_ns=frame.recv_ns,
        last=positive(ticker.last, "c"),
        volume=amount(ticker.volume, "v"),
    )


def _open_interest(interest: OpenInterest, frame: RawFrame) -> OpenInterestUpdate:
    return OpenInterestUpdate(
        venue=VENUE,
        instrument_name=checked_symbol(interest.symbol),
        event_ns=instant(interest.event_ms, "E"),
        recv_ns=frame.recv_ns,
        open_interest=amount(interest.contracts, "o"),
    )


def _index(index: IndexPrice, frame: RawFrame) -> IndexUpdate:
    if not is_underlying(index.underlying):
        raise ProtocolError("bad_field", "s is no underlying")
    return IndexUpdate(
        venue=VENUE,
        index_name=index.underlying,
        event_ns=instant(index.event_ms, "E"),
        recv_ns=frame.recv_ns,
        price=required(index.price, "p"),
    )


def _trade(trade: Trade, frame: RawFrame) -> PublicTrade:
    side = _SIDES.get(trade.side)
    if side is None:
        raise ProtocolError("bad_field", "S is neither BUY nor SELL")
    return PublicTrade(
        venue=VENUE,
        instrument_name=checked_symbol(trade.symbol),
        event_ns=instant(trade.transaction_ms, "T"),
        recv_ns=frame.recv_ns,
        trade_id=str(trade.trade_id),
        price=required(trade.price, "p"),
        amount=required(trade.size, "q"),
        side=side,
        is_block=trade.kind == "BLOCK",
    )


def _depth(depth: Depth, stream: str, frame: RawFrame) -> BookSnapshot | BookChange:
    name, event_ns = checked_symbol(depth.symbol), instant(depth.event_ms, "E")
    bids, asks = levels(depth.bids, "b"), levels(depth.asks, "a")
    word = stream.split("@")[1]
    if not depth.first_id <= depth.last_id:
        raise ProtocolError("bad_field", "U is above u")
    if word != "depth":
        return BookSnapshot(
            venue=VENUE,
            instrument_name=name,
            event_ns=event_ns,
            recv_ns=frame.recv_ns,
            change_id=depth.last_id,
            bids=bids,
            asks=asks,
            levels_max=int(word.removeprefix("depth")),
        )
    return BookChange(
        venue=VENUE,
        instrument_name=name,
        event_ns=event_ns,
        recv_ns=frame.recv_ns,
        first_id=depth.first_id,
        change_id=depth.last_id,
        previous_id=depth.previous_id,
        bids=bids,
        asks=asks,
    )


def _state_events(symbol: NewSymbol, frame: RawFrame) -> tuple[MarketEvent, ...]:
    state = symbol.status or "TRADING"
    if name_like(state) is None:
        raise ProtocolError("bad_field", "cs is no word")
    event = InstrumentStateChanged(
        venue=VENUE,
        instrument_name=checked_symbol(symbol.symbol),
        event_ns=instant(symbol.event_ms, "E"),
        recv_ns=frame.recv_ns,
        state=state.lower(),
        is_listed=state not in UNLISTED_STATES,
    )
    if state in KNOWN_STATES:
        return (event,)
    detail = f"{event.instrument_name} is {state}"
    return (event, set_aside(frame, "unknown_state", detail, is_refused=False))


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
    faults = _Faults()
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
