"""Events of the streams beside the ticker: books, quotes, trades, marks, volatility, funding. Pure.

A push with one value that can not be believed makes no event at all.
"""

from __future__ import annotations

from decimal import Decimal

from quantdesk.domain.events import (
    BookChange,
    BookLevel,
    BookSnapshot,
    FrameSetAside,
    FundingUpdate,
    MarketEvent,
    MarkPrice,
    MarkPrices,
    PublicTrade,
    RawFrame,
    TopOfBook,
    VolIndexUpdate,
)
from quantdesk.domain.instrument import InstrumentKind, Side
from quantdesk.errors import ProtocolError
from quantdesk.venues.decoding.notes import set_aside
from quantdesk.venues.decoding.ranges import LARGEST, SMALLEST, name_like
from quantdesk.venues.deribit.instruments import VENUE
from quantdesk.venues.deribit.notes import known_name
from quantdesk.venues.deribit.numbers import (
    IV_PERCENT_MAX,
    amount,
    instant,
    iv_of_percent,
    out_of_range,
    price_of,
    quote_level,
    rate,
)
from quantdesk.venues.deribit.wire import (
    Book,
    GroupedBook,
    MarkRecord,
    Notification,
    Perpetual,
    Quote,
    TradeRecord,
    VolIndex,
)

SIDES = {"buy": Side.BUY, "sell": Side.SELL}

COMBOS = (InstrumentKind.OPTION_COMBO, InstrumentKind.FUTURE_COMBO)
ID_MAX = (1 << 63) - 1
"""A book's ids are 64 bits wide with every known client; today's have eleven digits."""

_ACTIONS = ("new", "change", "delete")
_NOTHING = Decimal(0)


def stream_events(push: Notification, frame: RawFrame) -> tuple[MarketEvent, ...]:
    """The events of `push`. Raises ProtocolError; what is private is set aside."""
    found: MarketEvent
    match push.data:
        case Book() as book:
            found = _book_event(book, frame)
        case tuple() as records:
            return _list_events(records, push.channel, frame)
        case GroupedBook() as book:
            found = _grouped_event(book, push.channel, frame)
        case Quote() as quote:
            found = _quote_event(quote, frame)
        case VolIndex() as index:
            found = _vol_event(index, push.channel, frame)
        case Perpetual() as perpetual:
            found = _perpetual_event(perpetual, push.channel, frame)
        case _:
            found = _foreign(push.channel, frame)
    return (found,)


def _foreign(channel: str, frame: RawFrame) -> FrameSetAside:
    return set_aside(frame, "unknown_channel", f"{channel} is of an account")


def _list_events(
    records: tuple[object, ...], channel: str, frame: RawFrame
) -> tuple[MarketEvent, ...]:
    if channel.startswith("trades."):
        trades = (record for record in records if isinstance(record, TradeRecord))
        return tuple(_trade_event(trade, channel, frame) for trade in trades)
    if channel.startswith("markprice."):
        marks = (record for record in records if isinstance(record, MarkRecord))
        return _marks_events(tuple(map(_mark, marks)), channel, frame)
    return (_foreign(channel, frame),)


def _book_event(book: Book, frame: RawFrame) -> BookSnapshot | BookChange:
    """A book without `type` is from before 2020, when the missing predecessor told a snapshot."""
    signed = known_name(book.instrument_name).kind in COMBOS
    bids, asks = _levels(book.bids, signed=signed), _levels(book.asks, signed=signed)
    previous_id = book.prev_change_id
    event_ns = instant(book.timestamp)
    _check_id(book.change_id, "change_id")
    if book.type == "snapshot" or (not isinstance(book.type, str) and not _is_id(previous_id)):
        return BookSnapshot(
            venue=VENUE,
            instrument_name=book.instrument_name,
            event_ns=event_ns,
            recv_ns=frame.recv_ns,
            change_id=book.change_id,
            bids=_best_first(bids, is_bid=True),
            asks=_best_first(asks, is_bid=False),
            is_in_sequence=True,
        )
    if book.type != "change" and isinstance(book.type, str):
        raise ProtocolError("bad_field", "type of a book is neither snapshot nor change")
    if not isinstance(previous_id, int):
        raise ProtocolError("missing_field", "prev_change_id")
    _check_id(previous_id, "prev_change_id")
    return BookChange(
        venue=VENUE,
        instrument_name=book.instrument_name,
        event_ns=event_ns,
        recv_ns=frame.recv_ns,
        first_id=book.change_id,
        change_id=book.change_id,
        previous_id=previous_id,
        bids=bids,
        asks=asks,
    )


def _is_id(value: object) -> bool:
    return isinstance(value, int)


def _check_id(value: int, field: str) -> None:
    if not 0 <= value <= ID_MAX:
        raise out_of_range(field, value)


def _levels(levels: list[tuple[str, Decimal, Decimal]], *, signed: bool) -> tuple[BookLevel, ...]:
    """(price, new amount) of each level, 0 where it is gone; a price stands once on a side."""
    made = []
    for action, price, size in levels:
        if not signed and not SMALLEST <= price <= LARGEST:
            raise out_of_range("price of a level", price)
        if signed:
            price_of(price, "price of a level", may_be_negative=True)
        if action == "delete":
            made.append((price, _NOTHING))
        elif action not in _ACTIONS:
            raise ProtocolError("bad_field", "the action of a level is no known word")
        elif not SMALLEST <= size <= LARGEST:
            raise out_of_range("amount of a level", size)
        else:
            made.append((price, size))
    if len(made) > 1 and len({price for price, _ in made}) != len(made):
        raise ProtocolError("bad_field", "a price stands twice on one side of a book")
    return tuple(made)


def _best_first(levels: tuple[BookLevel, ...], *, is_bid: bool) -> tuple[BookLevel, ...]:
    """The levels of a snapshot; the venue does not promise their order."""
    return tuple(sorted(((p, a) for p, a in levels if a), reverse=is_bid))


def _grouped_event(book: GroupedBook, channel: str, frame: RawFrame) -> BookSnapshot:
    depth = channel.split(".")[3]
    if not (depth.isascii() and depth.isdigit() and len(depth) <= 6):
        raise ProtocolError("bad_field", "the channel of a grouped book names no depth")
    signed = known_name(book.instrument_name).kind in COMBOS
    sides = [
        _levels([("new", price, size) for price, size in side], signed=signed)
        for side in (book.bids, book.asks)
    ]
    _check_id(book.change_id, "change_id")
    return BookSnapshot(
        venue=VENUE,
        instrument_name=book.instrument_name,
        event_ns=instant(book.timestamp),
        recv_ns=frame.recv_ns,
        change_id=book.change_id,
        bids=_best_first(sides[0], is_bid=True),
        asks=_best_first(sides[1], is_bid=False),
        levels_max=int(depth),
        is_in_sequence=True,
    )


def _quote_event(quote: Quote, frame: RawFrame) -> TopOfBook:
    known_name(quote.instrument_name)
    bid, bid_size = quote_level(quote.best_bid_price, quote.best_bid_amount, "best_bid")
    ask, ask_size = quote_level(quote.best_ask_price, quote.best_ask_amount, "best_ask")
    return TopOfBook(
        venue=VENUE,
        instrument_name=quote.instrument_name,
        event_ns=instant(quote.timestamp),
        recv_ns=frame.recv_ns,
        bid=bid,
        ask=ask,
        bid_size=bid_size,
        ask_size=ask_size,
    )


def _trade_event(trade: TradeRecord, channel: str, frame: RawFrame) -> PublicTrade:
    parts = channel.split(".")
    if len(parts) == 3 and parts[1] != trade.instrument_name:
        raise ProtocolError("bad_field", "instrument_name is not the channel's")
    side = SIDES.get(trade.direction)
    if side is None or name_like(trade.trade_id) is None:
        raise ProtocolError("bad_field", "direction or trade_id of a trade is no known word")
    size = amount(trade.amount, "amount")
    if not size:
        raise out_of_range("amount", trade.amount)
    is_combo = known_name(trade.instrument_name).kind in COMBOS
    return PublicTrade(
        venue=VENUE,
        instrument_name=trade.instrument_name,
        event_ns=instant(trade.timestamp),
        recv_ns=frame.recv_ns,
        trade_id=trade.trade_id,
        price=price_of(trade.price, "price", may_be_negative=is_combo),
        amount=size,
        side=side,
        is_block=isinstance(trade.block_trade_id, str),
    )


def _mark(record: MarkRecord) -> MarkPrice:
    known_name(record.instrument_name)
    if record.iv is not None and not 0.0 <= record.iv <= IV_PERCENT_MAX / 100:
        raise out_of_range("iv", record.iv)
    return MarkPrice(
        instrument_name=record.instrument_name,
        event_ns=instant(record.timestamp),
        mark=amount(record.mark_price, "mark_price"),
        venue_mark_iv=record.iv or None,
    )


def _marks_events(
    marks: tuple[MarkPrice, ...], channel: str, frame: RawFrame
) -> tuple[MarketEvent, ...]:
    index_name = name_like(channel.rpartition(".")[2])
    if index_name is None:
        raise ProtocolError("bad_field", "the channel of mark prices names no index")
    if not marks:
        return ()
    return (
        MarkPrices(
            venue=VENUE,
            index_name=index_name,
            event_ns=max(mark.event_ns for mark in marks),
            recv_ns=frame.recv_ns,
            marks=marks,
        ),
    )


def _vol_event(index: VolIndex, channel: str, frame: RawFrame) -> VolIndexUpdate:
    if channel != f"deribit_volatility_index.{index.index_name}" or not name_like(index.index_name):
        raise ProtocolError("bad_field", "index_name is not the channel's")
    volatility = iv_of_percent(index.volatility, "volatility")
    if volatility is None:
        raise out_of_range("volatility", index.volatility)
    return VolIndexUpdate(
        venue=VENUE,
        index_name=index.index_name,
        event_ns=instant(index.timestamp),
        recv_ns=frame.recv_ns,
        volatility=volatility,
    )


def _perpetual_event(perpetual: Perpetual, channel: str, frame: RawFrame) -> FundingUpdate:
    name = known_name(channel.split(".")[1])
    return FundingUpdate(
        venue=VENUE,
        instrument_name=name.text,
        event_ns=instant(perpetual.timestamp),
        recv_ns=frame.recv_ns,
        interest=rate(perpetual.interest, "interest"),
    )
