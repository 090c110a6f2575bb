"""The two pushes that come most, best prices and changes of a book, straight to events.

One pass over the bytes, no message between. Whatever is not spelt exactly as always, down to one
quotation mark, gives None here and is read and judged the long way (`decode`, `normalize`): what
is told of a frame never depends on this shortcut.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

import msgspec
from msgspec import Struct, field

from quantdesk.domain.events import BookChange, BookLevel, MarketEvent, RawFrame, TopOfBook
from quantdesk.domain.quick import quick
from quantdesk.errors import InvalidInput, ProtocolError
from quantdesk.venues.binance.names import VENUE, parse_symbol
from quantdesk.venues.binance.numbers import LEVELS_MAX, amount, required
from quantdesk.venues.binance.wire import BookTicker, Depth, Whole
from quantdesk.venues.decoding.ranges import MS_HIGHEST, MS_LOWEST, NS_PER_MS

BYTES_MAX = 64 * 1024
"""A longer push is no usual one."""

NAMES_KEPT = 16_384
NUMBERS_KEPT = 65_536
"""Prices and sizes come back again and again; their texts are read once."""

HEAD = b'{"stream":"'

PUSH_QUOTES = 6
"""Quotation marks of the keys stream and data and of the stream's name."""

TOP_QUOTES = PUSH_QUOTES + 2 * 9 + 2 * 6
CHANGE_QUOTES = PUSH_QUOTES + 2 * 9 + 2 * 2
LEVEL_QUOTES = 4

DEPTH_SPEEDS = ("100ms", "500ms")

_make_top = quick(TopOfBook)
_make_change = quick(BookChange)


class _TopPush(Struct, gc=False):
    stream: str
    data: BookTicker


class _ChangePush(Struct, gc=False):
    stream: str
    data: Depth


class BookIds(Struct, gc=False):
    """Whose change a push tells, and the ids that join it to others."""

    symbol: str = field(name="s")
    first_id: Whole = field(name="U")
    last_id: Whole = field(name="u")
    previous_id: Whole = field(name="pu")


class _IdsPush(Struct, gc=False):
    data: BookIds


_decode_top = msgspec.json.Decoder(_TopPush).decode
_decode_change = msgspec.json.Decoder(_ChangePush).decode
_decode_ids = msgspec.json.Decoder(_IdsPush).decode

_UNUSUAL = ProtocolError("unusual", "is read the long way")
"""Never seen outside: says that this file is not to judge."""


def usual_events(frame: RawFrame) -> tuple[MarketEvent, ...] | None:
    """The event of best prices or a book's change spelt as always; None for anything else."""
    payload = frame.payload
    if not payload.startswith(HEAD) or len(payload) > BYTES_MAX or not payload.isascii():
        return None
    stream = payload[len(HEAD) : payload.find(b'"', len(HEAD))]
    try:
        if b"@depth@" in stream:
            return (_change_event(payload, frame.recv_ns),)
        if stream.endswith(b"@bookTicker"):
            return (_top_event(payload, frame.recv_ns),)
    except (msgspec.DecodeError, RecursionError, ProtocolError):
        # Refused the long way, with all that there is to say of it.
        return None
    return None


def book_ids(payload: bytes) -> BookIds | None:
    """The ids of a change of a book, its levels unread; None where it is not told as always."""
    try:
        return _decode_ids(payload).data
    except (msgspec.DecodeError, RecursionError):
        return None


def _top_event(payload: bytes, recv_ns: int) -> TopOfBook:
    push = _decode_top(payload)
    data = push.data
    if not (
        data.symbol == _symbol_on(push.stream)
        and data.event == "bookTicker"
        and payload.count(b'"') == TOP_QUOTES
        and MS_LOWEST <= data.event_ms <= MS_HIGHEST
    ):
        raise _UNUSUAL
    bid, bid_size = _best(data.bid, data.bid_size)
    ask, ask_size = _best(data.ask, data.ask_size)
    return _make_top(
        VENUE,
        _symbol_on(push.stream),
        data.event_ms * NS_PER_MS,
        recv_ns,
        bid,
        ask,
        bid_size,
        ask_size,
        False,
    )


def _best(price: str, size: str) -> tuple[Decimal | None, Decimal | None]:
    """Price and size of a side, both None where either is 0."""
    found = _size(price), _size(size)
    return found if all(found) else (None, None)


def _change_event(payload: bytes, recv_ns: int) -> BookChange:
    push = _decode_change(payload)
    data = push.data
    name = _symbol_on(push.stream)
    bids, asks = _levels(data.bids), _levels(data.asks)
    if not (
        data.symbol == name
        and data.event == "depthUpdate"
        and payload.count(b'"') == CHANGE_QUOTES + LEVEL_QUOTES * (len(bids) + len(asks))
        and MS_LOWEST <= data.event_ms <= MS_HIGHEST
        and data.first_id <= data.last_id
    ):
        raise _UNUSUAL
    return _make_change(
        VENUE,
        name,
        data.event_ms * NS_PER_MS,
        recv_ns,
        data.first_id,
        data.last_id,
        data.previous_id,
        bids,
        asks,
    )


def _levels(side: list[list[str]]) -> tuple[BookLevel, ...]:
    if len(side) > LEVELS_MAX:
        raise _UNUSUAL
    made = []
    for level in side:
        if len(level) != 2:
            raise _UNUSUAL
        made.append((_price(level[0]), _size(level[1])))
    return tuple(made)


@lru_cache(maxsize=NUMBERS_KEPT)
def _price(text: str) -> Decimal:
    return required(text, "price")


@lru_cache(maxsize=NUMBERS_KEPT)
def _size(text: str) -> Decimal:
    """A number that may be 0, which is how the venue says that there is none."""
    value = amount(text, "size")
    assert value is not None
    return value


@lru_cache(maxsize=NAMES_KEPT)
def _symbol_on(stream: str) -> str:
    """The symbol of a stream of one option, the same text each time."""
    topic, _, suffix = stream.partition("@")
    name, _, speed = suffix.partition("@")
    is_known = suffix == "bookTicker" or (name == "depth" and speed in DEPTH_SPEEDS)
    if not is_known or topic != topic.lower():
        raise _UNUSUAL
    symbol = topic.upper()
    try:
        parse_symbol(symbol)
    except InvalidInput as error:
        raise _UNUSUAL from error
    return symbol
