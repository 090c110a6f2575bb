"""Wire messages made into domain events. Pure; the one place that knows Deribit's habits.

Percent becomes fraction, milliseconds nanoseconds, and each of the venue's ways to say "no quote"
(null, 0, a price without an amount) becomes None.
"""

from __future__ import annotations

from quantdesk.domain.events import (
    FundingUpdate,
    FutureUpdate,
    IndexUpdate,
    InstrumentsListed,
    InstrumentStateChanged,
    MarketEvent,
    PlatformState,
    QuoteUpdate,
    RawFrame,
    VenueGreeks,
    VenueTime,
)
from quantdesk.domain.instrument import InstrumentKind
from quantdesk.errors import ProtocolError
from quantdesk.venues.decoding.notes import set_aside
from quantdesk.venues.decoding.ranges import event_ns_of_us, name_like
from quantdesk.venues.deribit.instruments import (
    KNOWN_STATES,
    UNLISTED_STATES,
    VENUE,
    listed_instruments,
)
from quantdesk.venues.deribit.names import InstrumentName
from quantdesk.venues.deribit.notes import failure_note, known_name, venue_time
from quantdesk.venues.deribit.numbers import (
    amount,
    instant,
    iv_of_percent,
    model_value,
    out_of_range,
    positive,
    quote_level,
    rate,
)
from quantdesk.venues.deribit.stream_events import stream_events
from quantdesk.venues.deribit.wire import (
    Answer,
    Book,
    Failure,
    Greeks,
    Heartbeat,
    InstrumentRecord,
    InstrumentState,
    Message,
    Notification,
    Platform,
    PriceIndex,
    PublicMethods,
    Ticker,
)


def to_events(message: Message, frame: RawFrame) -> tuple[MarketEvent, ...]:
    """The events in `message`, which was decoded from `frame`.

    Raises ProtocolError ("out_of_range", "missing_field", "bad_field", "unknown_kind") where a
    value can not be believed: a frame with one bad number makes no price at all.
    """
    if type(message) is Notification:
        # By far the most frequent, so asked for first.
        events = _push_events(message, frame)
    else:
        events = _events_of_message(message, frame)
    if message.unknown_fields:
        detail = ", ".join(message.unknown_fields)
        events += (set_aside(frame, "unknown_field", detail, is_refused=False),)
    return events


def _events_of_message(message: Message, frame: RawFrame) -> tuple[MarketEvent, ...]:
    match message:
        case Notification():
            return _push_events(message, frame)
        case Answer():
            return _answer_events(message, frame)
        case Failure():
            return _failure_events(message, frame)
        case Heartbeat():
            return ()


def _push_events(push: Notification, frame: RawFrame) -> tuple[MarketEvent, ...]:
    data = push.data
    if isinstance(data, Ticker):
        return _ticker_events(data, frame)
    if isinstance(data, Book):
        return stream_events(push, frame)
    return _rare_push_events(push, frame)


def _rare_push_events(push: Notification, frame: RawFrame) -> tuple[MarketEvent, ...]:
    match push.data:
        case PriceIndex() as index:
            return (_index_event(index, push.channel, frame),)
        case InstrumentState() as state:
            return _state_events(state.instrument_name, state.state, state.timestamp, frame)
        case InstrumentRecord() as record:
            return _creation_events(record, frame)
        case Platform() | PublicMethods() as platform:
            return (_platform_event(platform, frame),)
    return stream_events(push, frame)


def _ticker_events(ticker: Ticker, frame: RawFrame) -> tuple[MarketEvent, ...]:
    name = known_name(ticker.instrument_name)
    if name.kind is InstrumentKind.OPTION:
        return (_quote(ticker, frame),)
    if name.kind is InstrumentKind.PERPETUAL:
        return _future(ticker, name, frame), _funding(ticker, frame)
    if name.kind is InstrumentKind.FUTURE:
        return (_future(ticker, name, frame),)
    return (set_aside(frame, "unknown_kind", f"ticker of a {name.kind.value}: {name.text}"),)


def _quote(ticker: Ticker, frame: RawFrame) -> QuoteUpdate:
    bid, bid_size = quote_level(ticker.best_bid_price, ticker.best_bid_amount, "best_bid")
    ask, ask_size = quote_level(ticker.best_ask_price, ticker.best_ask_amount, "best_ask")
    stats = ticker.stats
    return QuoteUpdate(
        venue=VENUE,
        instrument_name=ticker.instrument_name,
        event_ns=instant(ticker.timestamp),
        recv_ns=frame.recv_ns,
        bid=bid,
        ask=ask,
        bid_size=bid_size,
        ask_size=ask_size,
        mark=amount(ticker.mark_price, "mark_price"),
        last=amount(ticker.last_price, "last_price"),
        forward=positive(ticker.underlying_price, "underlying_price"),
        forward_index=_index_word(ticker),
        index_price=positive(ticker.index_price, "index_price"),
        venue_bid_iv=iv_of_percent(ticker.bid_iv, "bid_iv"),
        venue_mark_iv=iv_of_percent(ticker.mark_iv, "mark_iv"),
        venue_ask_iv=iv_of_percent(ticker.ask_iv, "ask_iv"),
        venue_greeks=_greeks(ticker.greeks) if ticker.greeks else NO_GREEKS,
        open_interest=amount(ticker.open_interest, "open_interest"),
        volume=amount(stats.volume, "stats.volume") if stats else None,
        state=_state_word(ticker.state),
    )


def _future(ticker: Ticker, name: InstrumentName, frame: RawFrame) -> FutureUpdate:
    bid, bid_size = quote_level(ticker.best_bid_price, ticker.best_bid_amount, "best_bid")
    ask, ask_size = quote_level(ticker.best_ask_price, ticker.best_ask_amount, "best_ask")
    return FutureUpdate(
        venue=VENUE,
        instrument_name=name.text,
        underlying=name.underlying,
        event_ns=instant(ticker.timestamp),
        recv_ns=frame.recv_ns,
        expiry_ns=name.expiry_ns,
        bid=bid,
        ask=ask,
        mark=positive(ticker.mark_price, "mark_price"),
        bid_size=bid_size,
        ask_size=ask_size,
        last=positive(ticker.last_price, "last_price"),
        index_price=positive(ticker.index_price, "index_price"),
        open_interest=amount(ticker.open_interest, "open_interest"),
    )


def _funding(ticker: Ticker, frame: RawFrame) -> FundingUpdate:
    return FundingUpdate(
        venue=VENUE,
        instrument_name=ticker.instrument_name,
        event_ns=instant(ticker.timestamp),
        recv_ns=frame.recv_ns,
        current=rate(ticker.current_funding, "current_funding"),
        last_8h=rate(ticker.funding_8h, "funding_8h"),
    )


NO_GREEKS = VenueGreeks()


def _greeks(greeks: Greeks) -> VenueGreeks:
    return VenueGreeks(
        delta=model_value(greeks.delta, "greeks.delta"),
        gamma=model_value(greeks.gamma, "greeks.gamma"),
        vega=model_value(greeks.vega, "greeks.vega"),
        theta=model_value(greeks.theta, "greeks.theta"),
        rho=model_value(greeks.rho, "greeks.rho"),
    )


def _index_word(ticker: Ticker) -> str | None:
    word = ticker.underlying_index
    if not word:
        return None
    if name_like(word) is None:
        raise ProtocolError("bad_field", "underlying_index is no name")
    return word


def _state_word(state: str) -> str:
    if state in KNOWN_STATES:
        return state
    # A word that is not known is passed on as long as it is a word.
    if name_like(state) is None:
        raise ProtocolError("bad_field", "state is no word")
    return state


def _index_event(index: PriceIndex, channel: str, frame: RawFrame) -> IndexUpdate:
    if channel != f"deribit_price_index.{index.index_name}" or name_like(index.index_name) is None:
        raise ProtocolError("bad_field", "index_name is not the channel's")
    price = positive(index.price, "price")
    if price is None:
        raise out_of_range("price", index.price)
    return IndexUpdate(
        venue=VENUE,
        index_name=index.index_name,
        event_ns=instant(index.timestamp),
        recv_ns=frame.recv_ns,
        price=price,
    )


def _state_events(
    name: str, state: str, timestamp_ms: int, frame: RawFrame
) -> tuple[MarketEvent, ...]:
    if name_like(name) is None or name_like(state) is None:
        raise ProtocolError("bad_field", "instrument_name or state is no name")
    event = InstrumentStateChanged(
        venue=VENUE,
        instrument_name=name,
        event_ns=instant(timestamp_ms),
        recv_ns=frame.recv_ns,
        state=state,
        is_listed=state not in UNLISTED_STATES,
    )
    if state in KNOWN_STATES:
        return (event,)
    return (event, set_aside(frame, "unknown_state", f"{name} is {state}", is_refused=False))


def _creation_events(record: InstrumentRecord, frame: RawFrame) -> tuple[MarketEvent, ...]:
    """A new instrument: its arrival. The contract itself comes with the next whole list."""
    created_ms = record.creation_timestamp
    if not isinstance(created_ms, int):
        raise ProtocolError("missing_field", "creation_timestamp")
    return _state_events(record.instrument_name, record.state or "open", created_ms, frame)


def _platform_event(platform: Platform | PublicMethods, frame: RawFrame) -> PlatformState:
    if isinstance(platform, PublicMethods):
        is_open = platform.allow_unauthenticated_public_requests
        words = f"public data is {'open to all' if is_open else 'for members only'}"
        return PlatformState(venue=VENUE, recv_ns=frame.recv_ns, is_maintenance=False, detail=words)
    if isinstance(platform.maintenance, bool):
        words = "maintenance" if platform.maintenance else "maintenance is over"
        return PlatformState(
            venue=VENUE,
            recv_ns=frame.recv_ns,
            is_maintenance=platform.maintenance,
            detail=words,
        )
    if isinstance(platform.locked, bool):
        index = name_like(platform.price_index or "") or "the platform"
        words = f"{index} is {'locked' if platform.locked else 'unlocked'}"
        return PlatformState(venue=VENUE, recv_ns=frame.recv_ns, is_maintenance=False, detail=words)
    raise ProtocolError("missing_field", "platform_state says neither maintenance nor locked")


def _failure_events(failure: Failure, frame: RawFrame) -> tuple[MarketEvent, ...]:
    return (*venue_time(failure.us_out, frame), failure_note(failure, frame))


def _answer_events(answer: Answer, frame: RawFrame) -> tuple[MarketEvent, ...]:
    events: tuple[MarketEvent, ...] = venue_time(answer.us_out, frame)
    if answer.method == "public/get_time" and not events:
        assert answer.time_ms is not None
        event_ns = instant(answer.time_ms)
        return (VenueTime(venue=VENUE, event_ns=event_ns, recv_ns=frame.recv_ns),)
    if answer.method == "public/get_instruments":
        events += _listing_events(answer, frame)
    return events


def _listing_events(answer: Answer, frame: RawFrame) -> tuple[MarketEvent, ...]:
    instruments, unknown_kinds = listed_instruments(answer.records, answer.detail)
    event_ns = event_ns_of_us(answer.us_out)
    listing = InstrumentsListed(
        venue=VENUE,
        underlying=answer.detail,
        event_ns=frame.recv_ns if event_ns is None else event_ns,
        recv_ns=frame.recv_ns,
        instruments=instruments,
        unknown_kinds=unknown_kinds,
    )
    if event_ns is not None:
        return (listing,)
    # Worth saying, not worth an empty screen: the list is used with the time of its arrival.
    return (listing, set_aside(frame, "missing_field", "usOut", is_refused=False))
