"""Wire messages made into domain events. Pure; the one place that knows Deribit's habits.

Percent becomes fraction, milliseconds nanoseconds, and each of the venue's ways to say "no quote"
(null, 0, a price without an amount) becomes None.
"""

from __future__ import annotations

from decimal import Decimal

from quantdesk.domain.events import (
    FrameSetAside,
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
from quantdesk.errors import InvalidInput, ProtocolError
from quantdesk.venues.deribit.instruments import (
    KNOWN_STATES,
    UNLISTED_STATES,
    VENUE,
    listed_instruments,
)
from quantdesk.venues.deribit.names import InstrumentName, parse_instrument_name
from quantdesk.venues.deribit.ranges import (
    LARGEST,
    SMALLEST,
    event_ns_of_ms,
    event_ns_of_us,
    name_like,
    safe_text,
)
from quantdesk.venues.deribit.wire import (
    Answer,
    Failure,
    Greeks,
    Heartbeat,
    InstrumentRecord,
    InstrumentState,
    Message,
    Notification,
    OptionalDecimal,
    OptionalFloat,
    Platform,
    PriceIndex,
    Ticker,
)

SAMPLE_LENGTH = 200
DETAIL_LENGTH = 200

IV_PERCENT_MAX = 100_000.0
"""A thousand times one. The venue's own caps lie at 500 to 999 percent."""

GREEK_MAX = 1e15


def to_events(message: Message, frame: RawFrame) -> tuple[MarketEvent, ...]:
    """The events in `message`, which was decoded from `frame`.

    Raises ProtocolError ("out_of_range", "missing_field", "bad_field", "unknown_kind") where a
    value can not be believed: a frame with one bad number makes no price at all.
    """
    events = _events_of_message(message, frame)
    if message.unknown_fields:
        detail = ", ".join(message.unknown_fields)
        events += (set_aside(frame, "unknown_field", detail, is_refused=False),)
    return events


def set_aside(frame: RawFrame, kind: str, detail: str, *, is_refused: bool = True) -> FrameSetAside:
    """The event that says what in `frame` was not understood, with a bounded, printable sample."""
    return FrameSetAside(
        venue=VENUE,
        recv_ns=frame.recv_ns,
        kind=kind,
        detail=safe_text(detail, DETAIL_LENGTH),
        sample=safe_text(frame.payload[:SAMPLE_LENGTH].decode("latin-1"), SAMPLE_LENGTH),
        is_refused=is_refused,
    )


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
    match push.data:
        case Ticker() as ticker:
            return (_ticker_event(ticker, frame),)
        case PriceIndex() as index:
            return (_index_event(index, push.channel, frame),)
        case InstrumentState() as state:
            return _state_events(state.instrument_name, state.state, state.timestamp, frame)
        case InstrumentRecord() as record:
            return _creation_events(record, frame)
        case Platform() as platform:
            return (_platform_event(platform, frame),)


def _ticker_event(ticker: Ticker, frame: RawFrame) -> MarketEvent:
    try:
        name = parse_instrument_name(ticker.instrument_name)
    except InvalidInput as error:
        raise ProtocolError("unknown_kind", str(error)) from error
    if name.kind is InstrumentKind.OPTION:
        return _quote(ticker, frame)
    if name.kind in (InstrumentKind.FUTURE, InstrumentKind.PERPETUAL):
        return _future(ticker, name, frame)
    return set_aside(frame, "unknown_kind", f"ticker of a {name.kind.value}: {name.text}")


def _quote(ticker: Ticker, frame: RawFrame) -> QuoteUpdate:
    bid, bid_size = _level(ticker.best_bid_price, ticker.best_bid_amount, "best_bid")
    ask, ask_size = _level(ticker.best_ask_price, ticker.best_ask_amount, "best_ask")
    stats = ticker.stats
    return QuoteUpdate(
        venue=VENUE,
        instrument_name=ticker.instrument_name,
        event_ns=_event_ns(ticker.timestamp),
        recv_ns=frame.recv_ns,
        bid=bid,
        ask=ask,
        bid_size=bid_size,
        ask_size=ask_size,
        mark=_amount(ticker.mark_price, "mark_price"),
        last=_amount(ticker.last_price, "last_price"),
        forward=_positive(ticker.underlying_price, "underlying_price"),
        forward_index=_index_word(ticker),
        index_price=_positive(ticker.index_price, "index_price"),
        venue_bid_iv=_iv(ticker.bid_iv, "bid_iv"),
        venue_mark_iv=_iv(ticker.mark_iv, "mark_iv"),
        venue_ask_iv=_iv(ticker.ask_iv, "ask_iv"),
        venue_greeks=_greeks(ticker.greeks) if ticker.greeks else NO_GREEKS,
        open_interest=_amount(ticker.open_interest, "open_interest"),
        volume=_amount(stats.volume, "stats.volume") if stats else None,
        state=_state_word(ticker.state),
    )


def _future(ticker: Ticker, name: InstrumentName, frame: RawFrame) -> FutureUpdate:
    bid, _ = _level(ticker.best_bid_price, ticker.best_bid_amount, "best_bid")
    ask, _ = _level(ticker.best_ask_price, ticker.best_ask_amount, "best_ask")
    return FutureUpdate(
        venue=VENUE,
        instrument_name=name.text,
        underlying=name.underlying,
        event_ns=_event_ns(ticker.timestamp),
        recv_ns=frame.recv_ns,
        expiry_ns=name.expiry_ns,
        bid=bid,
        ask=ask,
        mark=_positive(ticker.mark_price, "mark_price"),
    )


NO_GREEKS = VenueGreeks()


def _greeks(greeks: Greeks) -> VenueGreeks:
    return VenueGreeks(
        delta=_model_value(greeks.delta, "greeks.delta"),
        gamma=_model_value(greeks.gamma, "greeks.gamma"),
        vega=_model_value(greeks.vega, "greeks.vega"),
        theta=_model_value(greeks.theta, "greeks.theta"),
        rho=_model_value(greeks.rho, "greeks.rho"),
    )


def _level(
    price: Decimal | None, amount: Decimal | None, field: str
) -> tuple[Decimal | None, Decimal | None]:
    """One side of the book; a price without an amount, or the reverse, is no quote."""
    checked = _positive(price, f"{field}_price"), _positive(amount, f"{field}_amount")
    return (None, None) if None in checked else checked


def _positive(value: OptionalDecimal, field: str) -> Decimal | None:
    """`value`, None where it is absent or 0. Raises ProtocolError where it is out of range."""
    if not value:
        return None
    if not SMALLEST <= value <= LARGEST:
        raise _out_of_range(field, value)
    return value


def _amount(value: OptionalDecimal, field: str) -> Decimal | None:
    """`value`, which may be 0; None where it is absent."""
    if value is None or not isinstance(value, Decimal):
        return None
    if value and not SMALLEST <= value <= LARGEST:
        raise _out_of_range(field, value)
    return value


def _iv(percent: OptionalFloat, field: str) -> float | None:
    """A volatility as a fraction; 0 means that there is none."""
    if not percent:
        return None
    if not 0.0 < percent <= IV_PERCENT_MAX:
        raise _out_of_range(field, percent)
    # Rounded so that 115.62 gives 1.1562; the venue sends two decimals.
    return round(percent / 100.0, 12)


def _model_value(value: OptionalFloat, field: str) -> float | None:
    if value is None or not isinstance(value, float):
        return None
    if not -GREEK_MAX <= value <= GREEK_MAX:
        raise _out_of_range(field, value)
    return value


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


def _out_of_range(field: str, value: object) -> ProtocolError:
    return ProtocolError("out_of_range", f"{field} = {str(value)[:40]}")


def _event_ns(timestamp_ms: int) -> int:
    event_ns = event_ns_of_ms(timestamp_ms)
    if event_ns is None:
        raise _out_of_range("timestamp", timestamp_ms)
    return event_ns


def _index_event(index: PriceIndex, channel: str, frame: RawFrame) -> IndexUpdate:
    if channel != f"deribit_price_index.{index.index_name}" or name_like(index.index_name) is None:
        raise ProtocolError("bad_field", "index_name is not the channel's")
    price = _positive(index.price, "price")
    if price is None:
        raise _out_of_range("price", index.price)
    return IndexUpdate(
        venue=VENUE,
        index_name=index.index_name,
        event_ns=_event_ns(index.timestamp),
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
        event_ns=_event_ns(timestamp_ms),
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


def _platform_event(platform: Platform, frame: RawFrame) -> PlatformState:
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
    asked = failure.request_id or "no request of ours"
    detail = f"{asked}: {failure.code} {failure.message}"
    return (*_venue_time(failure.us_out, frame), set_aside(frame, "venue_error", detail))


def _answer_events(answer: Answer, frame: RawFrame) -> tuple[MarketEvent, ...]:
    events = _venue_time(answer.us_out, frame)
    if answer.method == "public/get_time" and not events:
        assert answer.time_ms is not None
        event_ns = _event_ns(answer.time_ms)
        return (VenueTime(venue=VENUE, event_ns=event_ns, recv_ns=frame.recv_ns),)
    if answer.method == "public/get_instruments":
        events += _listing_events(answer, frame)
    return events


def _venue_time(us_out: int | None, frame: RawFrame) -> tuple[MarketEvent, ...]:
    if us_out is None:
        return ()
    event_ns = event_ns_of_us(us_out)
    if event_ns is None:
        raise _out_of_range("usOut", us_out)
    return (VenueTime(venue=VENUE, event_ns=event_ns, recv_ns=frame.recv_ns),)


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
