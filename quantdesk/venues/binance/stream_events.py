"""Pushed messages made into domain events. Pure, as `normalize`, which hands them on.

An option's data comes over several streams with clocks of their own; each makes an event of its own
kind, and `market.state` puts them together.
"""

from __future__ import annotations

from quantdesk.domain.events import (
    BookChange,
    BookSnapshot,
    DayStats,
    IndexUpdate,
    InstrumentStateChanged,
    MarketEvent,
    MarkUpdate,
    OpenInterestUpdate,
    PublicTrade,
    RawFrame,
    TopOfBook,
    VenueGreeks,
)
from quantdesk.domain.instrument import Side
from quantdesk.errors import ProtocolError
from quantdesk.venues.binance.instruments import (
    KNOWN_STATES,
    UNLISTED_STATES,
)
from quantdesk.venues.binance.names import VENUE, checked_symbol, is_underlying
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
    DayTicker,
    Depth,
    IndexPrice,
    MarkPrice,
    NewSymbol,
    OpenInterest,
    Push,
    StreamRecord,
    Trade,
    Unread,
)
from quantdesk.venues.decoding.notes import LeftOut, set_aside
from quantdesk.venues.decoding.ranges import name_like

_SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}


def push_events(push: Push, frame: RawFrame) -> tuple[MarketEvent, ...]:
    """The events of a push; a record of a list that can not be believed is left out and counted.

    Raises ProtocolError where the push is a single record that can not.
    """
    if len(push.records) == 1:
        record = push.records[0]
        assert not isinstance(record, Unread)
        return _record_events(record, push.stream, frame)
    faults = LeftOut()
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
