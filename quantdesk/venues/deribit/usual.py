"""The two pushes that come most, an option's ticker and a change of a book, straight to events.

One pass over the bytes, no message between. Whatever is not spelt exactly as always, down to one
quotation mark, or holds a value at the edge, gives None here and is read and judged the long way
(`decode`, `normalize`): what is told of a frame never depends on this shortcut.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

import msgspec
from msgspec import UNSET, Struct, UnsetType

from quantdesk.domain.events import (
    BookChange,
    BookLevel,
    MarketEvent,
    QuoteUpdate,
    RawFrame,
    VenueGreeks,
)
from quantdesk.domain.instrument import InstrumentKind
from quantdesk.domain.quick import quick
from quantdesk.errors import InvalidInput, ProtocolError
from quantdesk.venues.decoding.ranges import (
    LARGEST,
    MS_HIGHEST,
    MS_LOWEST,
    NS_PER_MS,
    SMALLEST,
    name_like,
)
from quantdesk.venues.deribit.instruments import KNOWN_STATES, VENUE
from quantdesk.venues.deribit.names import NAMES_KEPT, parse_instrument_name
from quantdesk.venues.deribit.numbers import GREEK_MAX, iv_of_percent
from quantdesk.venues.deribit.stream_events import COMBOS, ID_MAX

BYTES_MAX = 64 * 1024
"""A longer push is no usual one."""

PUSH_HEAD = b'{"jsonrpc":"2.0","method":"subscription","params":{"channel":"'
_TICKER_HEAD = PUSH_HEAD + b"ticker."
_BOOK_HEAD = PUSH_HEAD + b"book."

NO_DOUBT = ""
"""A venue sends one record of a quote at a time: there is none to contradict it."""

_make_quote = quick(QuoteUpdate)
_make_greeks = quick(VenueGreeks)
_make_change = quick(BookChange)


class _Greeks(Struct, gc=False):
    delta: float
    gamma: float
    vega: float
    theta: float
    rho: float


class _Stats(Struct, gc=False):
    volume: Decimal | None
    price_change: float | None
    low: float | None
    high: float | None
    volume_usd: float | UnsetType | None = UNSET


class _Ticker(Struct, gc=False):
    """An option's ticker with all that is always there; what may be missing stands at the end."""

    instrument_name: str
    timestamp: int
    state: str
    underlying_index: str
    best_bid_price: Decimal | None
    best_bid_amount: Decimal | None
    best_ask_price: Decimal | None
    best_ask_amount: Decimal | None
    mark_price: Decimal | None
    index_price: Decimal
    last_price: Decimal | None
    open_interest: Decimal | None
    underlying_price: Decimal
    mark_iv: float | None
    bid_iv: float | None
    ask_iv: float | None
    stats: _Stats
    greeks: _Greeks
    interest_rate: float | None
    min_price: float | None
    max_price: float | None
    estimated_delivery_price: float | None
    settlement_price: float | UnsetType | None = UNSET


class _Change(Struct, gc=False):
    instrument_name: str
    timestamp: int
    change_id: int
    prev_change_id: int
    type: str
    bids: list[tuple[str, Decimal, Decimal]]
    asks: list[tuple[str, Decimal, Decimal]]


class _TickerParams(Struct, gc=False):
    channel: str
    data: _Ticker


class _TickerPush(Struct, gc=False):
    params: _TickerParams


class _ChangeParams(Struct, gc=False):
    channel: str
    data: _Change


class _ChangePush(Struct, gc=False):
    params: _ChangeParams


_decode_ticker = msgspec.json.Decoder(_TickerPush).decode
_decode_change = msgspec.json.Decoder(_ChangePush).decode

ENVELOPE_QUOTES = 16
"""Quotation marks of the keys jsonrpc, method, params, channel, data, and of three texts."""

TICKER_QUOTES = ENVELOPE_QUOTES + 2 * (22 + 4 + 5) + 2 * 3
"""Keys of the ticker, of its stats and Greeks, and the texts: name, state, index."""

CHANGE_QUOTES = ENVELOPE_QUOTES + 2 * 7 + 2 * 2

_ACTIONS = ("change", "new")
_NOTHING = Decimal(0)
_UNUSUAL = ProtocolError("unusual", "is read the long way")
"""Never seen outside: says that this file is not to judge."""


def usual_events(frame: RawFrame) -> tuple[MarketEvent, ...] | None:
    """The event of a ticker or a book's change spelt as always; None for anything else."""
    payload = frame.payload
    if len(payload) > BYTES_MAX or not payload.isascii():
        return None
    try:
        if payload.startswith(_BOOK_HEAD):
            return (_change_event(payload, frame.recv_ns),)
        if payload.startswith(_TICKER_HEAD):
            return (_quote_event(payload, frame.recv_ns),)
    except (msgspec.DecodeError, RecursionError, ProtocolError):
        # Refused the long way, with all that there is to say of it.
        return None
    return None


def _quote_event(payload: bytes, recv_ns: int) -> QuoteUpdate:
    """The quote in a ticker. Raises ProtocolError or DecodeError for the smallest oddity."""
    params = _decode_ticker(payload).params
    data = params.data
    stats, mark, last = data.stats, data.mark_price, data.last_price
    index, forward = data.index_price, data.underlying_price
    interest, volume = data.open_interest, stats.volume
    name = _option_on(params.channel)
    needed = TICKER_QUOTES
    if data.settlement_price is not UNSET:
        needed += 2
    if stats.volume_usd is not UNSET:
        needed += 2
    if not (
        name == data.instrument_name
        and MS_LOWEST <= data.timestamp <= MS_HIGHEST
        and payload.count(b'"') == needed
        and data.state in KNOWN_STATES
        and SMALLEST <= index <= LARGEST
        and SMALLEST <= forward <= LARGEST
        and (not mark or SMALLEST <= mark <= LARGEST)
        and (not last or SMALLEST <= last <= LARGEST)
        and (not interest or SMALLEST <= interest <= LARGEST)
        and (not volume or SMALLEST <= volume <= LARGEST)
    ):
        raise _UNUSUAL
    bid, bid_size = _best(data.best_bid_price, data.best_bid_amount)
    ask, ask_size = _best(data.best_ask_price, data.best_ask_amount)
    return _make_quote(
        VENUE,
        name,
        data.timestamp * NS_PER_MS,
        recv_ns,
        bid,
        ask,
        bid_size,
        ask_size,
        mark,
        last,
        forward,
        _word(data.underlying_index),
        index,
        _iv(data.bid_iv),
        _iv(data.mark_iv),
        _iv(data.ask_iv),
        _greeks_of(data.greeks),
        interest,
        volume,
        data.state,
        NO_DOUBT,
    )


def _best(price: Decimal | None, size: Decimal | None) -> tuple[Decimal | None, Decimal | None]:
    """Price and size of a best quote, both None where there is none."""
    if price and size:
        if SMALLEST <= price <= LARGEST and SMALLEST <= size <= LARGEST:
            return price, size
        raise _UNUSUAL
    if price or size:
        raise _UNUSUAL
    return None, None


def _greeks_of(greeks: _Greeks) -> VenueGreeks:
    delta, gamma, vega = greeks.delta, greeks.gamma, greeks.vega
    theta, rho = greeks.theta, greeks.rho
    if (
        -GREEK_MAX <= delta <= GREEK_MAX
        and -GREEK_MAX <= gamma <= GREEK_MAX
        and -GREEK_MAX <= vega <= GREEK_MAX
        and -GREEK_MAX <= theta <= GREEK_MAX
        and -GREEK_MAX <= rho <= GREEK_MAX
    ):
        return _make_greeks(delta, gamma, vega, theta, rho)
    raise _UNUSUAL


def _change_event(payload: bytes, recv_ns: int) -> BookChange:
    """The change of a book. Raises ProtocolError or DecodeError for the smallest oddity."""
    params = _decode_change(payload).params
    data = params.data
    name, change_id, previous_id = _name_on(params.channel), data.change_id, data.prev_change_id
    bids, asks = _levels(data.bids), _levels(data.asks)
    if not (
        name == data.instrument_name
        and data.type == "change"
        and payload.count(b'"') == CHANGE_QUOTES + 2 * (len(bids) + len(asks))
        and MS_LOWEST <= data.timestamp <= MS_HIGHEST
        and 0 <= change_id <= ID_MAX
        and 0 <= previous_id <= ID_MAX
    ):
        raise _UNUSUAL
    return _make_change(
        VENUE,
        name,
        data.timestamp * NS_PER_MS,
        recv_ns,
        change_id,
        change_id,
        previous_id,
        bids,
        asks,
    )


def _levels(levels: list[tuple[str, Decimal, Decimal]]) -> tuple[BookLevel, ...]:
    """(price, new amount) of each level, 0 where it is gone; a price stands once."""
    if not levels:
        return ()
    made = []
    for action, price, size in levels:
        if action == "delete":
            made.append((price, _NOTHING))
        elif action in _ACTIONS and SMALLEST <= size <= LARGEST:
            made.append((price, size))
        else:
            raise _UNUSUAL
        if not SMALLEST <= price <= LARGEST:
            raise _UNUSUAL
    count = len(made)
    if count > 1:
        is_twice = made[0][0] == made[1][0] if count == 2 else len(dict(made)) != count
        if is_twice:
            raise _UNUSUAL
    return tuple(made)


@lru_cache(maxsize=NAMES_KEPT)
def _name_on(channel: str) -> str | None:
    """The instrument that a channel of one names; None for a combo, a grouped book or no name.

    The same text each time, so that whoever looks it up finds its hash made.
    """
    parts = channel.split(".")
    if len(parts) != 3:
        return None
    try:
        name = parse_instrument_name(parts[1])
    except InvalidInput:
        return None
    return None if name.kind in COMBOS else name.text


@lru_cache(maxsize=NAMES_KEPT)
def _option_on(channel: str) -> str | None:
    """As `_name_on`, of options alone."""
    name = _name_on(channel)
    if name is None or parse_instrument_name(name).kind is not InstrumentKind.OPTION:
        return None
    return name


_iv = lru_cache(maxsize=NAMES_KEPT)(lambda percent: iv_of_percent(percent, "iv"))


@lru_cache(maxsize=NAMES_KEPT)
def _word(text: str) -> str | None:
    """`text` if it is a name, the same each time; None where it is empty."""
    if text and name_like(text) is None:
        raise ProtocolError("bad_field", "underlying_index is no name")
    return text or None
