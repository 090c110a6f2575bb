"""The market as the desk knows it: events in, chains out. One writer, no clock.

`MarketState.apply` is the only way in. A row that changed makes its expiry dirty; `read_book`
hands out a frozen chain with the values recomputed for the dirty expiries only.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import numpy as np

from quantdesk.domain.events import (
    BookChange,
    BookSnapshot,
    DayStats,
    FrameSetAside,
    FundingUpdate,
    FutureUpdate,
    IndexUpdate,
    InstrumentsListed,
    InstrumentStateChanged,
    MarketEvent,
    MarkPrices,
    MarkUpdate,
    OpenInterestUpdate,
    PlatformState,
    PublicTrade,
    QuoteUpdate,
    TopOfBook,
    VenueTime,
    VolIndexUpdate,
)
from quantdesk.domain.instrument import Instrument, InstrumentKind
from quantdesk.market.chain import QUOTE_COLUMNS, BoolArray, Chain, build_chain, chain_order
from quantdesk.market.forwards import ExpiryForward, expiry_forward
from quantdesk.market.futures import FuturesBoard
from quantdesk.market.market_data import FutureQuote
from quantdesk.market.valuation import ChainValues, value_chain

NO_VALUE = float("nan")

QuotePart = TopOfBook | MarkUpdate | DayStats | OpenInterestUpdate
"""What some venues send instead of a whole ticker: each replaces its own columns only."""

PART_SLOTS = {TopOfBook: 0, MarkUpdate: 1, DayStats: 2, OpenInterestUpdate: 3}
"""Column of `_Book.part_ns` that holds the instant of each kind of part."""

SAMPLED_SLOT = 4
"""Column of `_Book.part_ns` for sampled tops of book, which are ordered among themselves."""

SAMPLED_LAG_NS = 2_000_000_000
"""A sampled book replaces a direct one only when it is this much newer: a sample is up to a second
older than its stamp says (Binance samples its books once a second), so within the lag the direct
one may know better; beyond it the sample is newer, or the direct stream is silent."""

_COLUMN = {name: column for column, name in enumerate(QUOTE_COLUMNS)}


def _number(value: Decimal | float | None) -> float:
    return NO_VALUE if value is None else float(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketReading:
    """One underlying's chain with its values and forwards, all of one state.

    `expiry_rows` are (first, one past last) rows of each expiry, in order; `forwards` match them.
    """

    chain: Chain
    values: ChainValues
    expiry_rows: tuple[tuple[int, int], ...]
    forwards: tuple[ExpiryForward, ...]
    index_price: float | None
    index_source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotedTop:
    """Best bid and ask of an option in its quote currency, None on an empty side."""

    bid: float | None
    ask: float | None
    event_ns: int


@dataclass(slots=True, kw_only=True)
class _Book:
    """Mutable quotes of one underlying: in `quotes` a row an instrument, a column a field."""

    venue: str
    underlying: str
    instruments: list[Instrument] = field(default_factory=list)
    row_of: dict[str, int] = field(default_factory=dict)
    quotes: np.ndarray = field(default_factory=lambda: np.empty((0, len(QUOTE_COLUMNS))))
    event_ns: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    recv_ns: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    part_ns: np.ndarray = field(default_factory=lambda: _no_parts(0))
    forward_index: list[str] = field(default_factory=list)
    dirty: BoolArray = field(default_factory=lambda: np.empty(0, dtype=np.bool_))
    doubts: dict[str, str] = field(default_factory=dict)
    index_price: float | None = None
    index_source: str = ""
    index_ns: int = 0
    listed: Chain | None = None
    last_reading: MarketReading | None = None
    is_dirty: bool = True


class MarketState:
    """Quotes of every underlying of every venue the desk hears of."""

    def __init__(self) -> None:
        self._books: dict[tuple[str, str], _Book] = {}
        self._home: dict[tuple[str, str], _Book] = {}
        self._index_books: dict[tuple[str, str], list[_Book]] = {}
        self._futures: dict[tuple[str, str], FuturesBoard] = {}
        self.counters: Counter[str] = Counter()

    def apply(self, event: MarketEvent) -> None:
        """Take one event in. Quotes of instruments that are not listed are counted and dropped."""
        match event:
            case QuoteUpdate():
                self._apply_quote(event)
            case TopOfBook() | MarkUpdate() | DayStats() | OpenInterestUpdate():
                self._apply_part(event)
            case IndexUpdate():
                self._apply_index(event)
            case InstrumentsListed():
                self._apply_listing(event)
            case InstrumentStateChanged():
                self._apply_state(event)
            case FutureUpdate():
                self._apply_future(event)
            case VenueTime() | PlatformState() | FrameSetAside():
                pass  # the desk's business, not the market's
            case PublicTrade() | BookSnapshot() | BookChange():
                pass  # no chain holds them
            case MarkPrices() | VolIndexUpdate() | FundingUpdate():
                pass  # a chain's row takes its mark with the rest of its ticker, of one instant

    def underlyings(self) -> tuple[tuple[str, str], ...]:
        """(venue, underlying) pairs with at least one listed option, sorted."""
        return tuple(sorted(key for key, book in self._books.items() if book.instruments))

    def coverage(self, venue: str, underlying: str) -> tuple[int, int]:
        """(quoted, listed) options of an underlying; (0, 0) where it is unknown.

        Of a venue that sends its quotes in parts an option is quoted once its book was heard of.
        """
        book = self._books.get((venue, underlying))
        if book is None:
            return 0, 0
        has_parts = book.part_ns.any(axis=1)
        has_book = book.part_ns[:, (PART_SLOTS[TopOfBook], SAMPLED_SLOT)].any(axis=1)
        quoted = (book.event_ns > 0) & (has_book | ~has_parts)
        return int(np.count_nonzero(quoted)), len(book.instruments)

    def underlying_of(self, venue: str, instrument_name: str) -> str | None:
        """The underlying under which an instrument is listed; None where it is not."""
        book = self._home.get((venue, instrument_name))
        if book is not None:
            return book.underlying
        for (of, underlying), board in self._futures.items():
            if of == venue and instrument_name in board:
                return underlying
        return None

    def top_of(self, venue: str, instrument_name: str) -> QuotedTop | None:
        """The best prices of a listed option as its quotes tell them; None before the first."""
        book = self._home.get((venue, instrument_name))
        if book is None:
            return None
        row = book.row_of[instrument_name]
        parts = book.part_ns[row]
        # Of a venue that sends parts, marks and statistics make a row newer and not its prices.
        event_ns = int(max(parts[PART_SLOTS[TopOfBook]], parts[SAMPLED_SLOT]))
        if not parts.any():
            event_ns = int(book.event_ns[row])
        if not event_ns:
            return None
        bid, ask = (float(book.quotes[row, _COLUMN[name]]) for name in ("bid", "ask"))
        return QuotedTop(
            bid=None if math.isnan(bid) else bid,
            ask=None if math.isnan(ask) else ask,
            event_ns=event_ns,
        )

    def futures(self, venue: str, underlying: str) -> Mapping[str, FutureQuote]:
        """Listed futures and perpetuals with their last quote, by name; unchanged: the same one."""
        board = self._futures.get((venue, underlying))
        return {} if board is None else board.quotes()

    def read_book(self, venue: str, underlying: str) -> MarketReading | None:
        """The chain and its values now; None where nothing is listed. Unchanged: the same one."""
        book = self._books.get((venue, underlying))
        if book is None or not book.instruments:
            return None
        if not book.is_dirty and book.last_reading is not None:
            return book.last_reading
        chain = _freeze(book)
        previous = book.last_reading
        expiry_rows = _expiry_rows(chain) if previous is None else previous.expiry_rows
        forwards = self._forwards(book, chain, expiry_rows, previous)
        forward, discount = chain.forward.copy(), np.ones(len(chain))
        for (first, stop), found in zip(expiry_rows, forwards, strict=True):
            discount[first:stop] = found.discount
            if found.price is not None:
                part = forward[first:stop]
                part[np.isnan(part)] = found.price
        values = value_chain(
            chain,
            forward,
            discount=discount,
            previous=None if previous is None else previous.values,
            dirty=_dirty_rows(book, expiry_rows, forward, discount, previous),
        )
        book.last_reading = MarketReading(
            chain=chain,
            values=values,
            expiry_rows=expiry_rows,
            forwards=forwards,
            index_price=book.index_price,
            index_source=book.index_source,
        )
        book.dirty[:] = False
        book.is_dirty = False
        return book.last_reading

    def _forwards(
        self,
        book: _Book,
        chain: Chain,
        expiry_rows: tuple[tuple[int, int], ...],
        previous: MarketReading | None,
    ) -> tuple[ExpiryForward, ...]:
        """The forward of each expiry, found again only where a quote changed."""
        board = self._futures.get((book.venue, book.underlying))
        futures = {} if board is None else board.dated()
        found = []
        for number, rows in enumerate(expiry_rows):
            old = None if previous is None else previous.forwards[number]
            # The index decides only where nothing of the expiry itself does.
            if old is None or old.source in ("index", "none") or book.dirty[slice(*rows)].any():
                old = expiry_forward(chain, rows, futures, book.index_price)
            found.append(old)
        return tuple(found)

    def _apply_quote(self, event: QuoteUpdate) -> None:
        book = self._home.get((event.venue, event.instrument_name))
        if book is None:
            self.counters["quote of an unlisted instrument"] += 1
            return
        row = book.row_of[event.instrument_name]
        if event.event_ns < book.event_ns[row]:
            self.counters["quote older than the last"] += 1
            return
        greeks = event.venue_greeks
        book.quotes[row] = (
            _number(event.bid),
            _number(event.ask),
            _number(event.bid_size),
            _number(event.ask_size),
            _number(event.mark),
            _number(event.last),
            _number(event.forward),
            _number(event.index_price),
            _number(event.venue_bid_iv),
            _number(event.venue_mark_iv),
            _number(event.venue_ask_iv),
            _number(greeks.delta),
            _number(greeks.gamma),
            _number(greeks.vega),
            _number(greeks.theta),
            _number(greeks.rho),
            _number(event.open_interest),
            _number(event.volume),
        )
        book.event_ns[row] = event.event_ns
        book.recv_ns[row] = event.recv_ns
        book.forward_index[row] = event.forward_index or ""
        if event.doubt:
            book.doubts[event.instrument_name] = event.doubt
        elif book.doubts:
            book.doubts.pop(event.instrument_name, None)
        book.dirty[row] = True
        book.is_dirty = True
        if event.index_price is not None:
            _note_index(book, float(event.index_price), event.event_ns, "ticker")

    def _apply_part(self, event: QuotePart) -> None:
        """Replace the columns of one part; a part is late only against others of its own kind."""
        book = self._home.get((event.venue, event.instrument_name))
        if book is None:
            self.counters["quote of an unlisted instrument"] += 1
            return
        row, slot = book.row_of[event.instrument_name], PART_SLOTS[type(event)]
        is_sampled = isinstance(event, TopOfBook) and event.is_sampled
        last_ns = int(book.part_ns[row, SAMPLED_SLOT if is_sampled else slot])
        if event.event_ns < last_ns:
            self.counters["quote older than the last"] += 1
            return
        if is_sampled:
            book.part_ns[row, SAMPLED_SLOT] = event.event_ns
            if event.event_ns < int(book.part_ns[row, slot]) + SAMPLED_LAG_NS:
                return
        else:
            book.part_ns[row, slot] = event.event_ns
        for column, value in _part_columns(event):
            book.quotes[row, column] = _number(value)
        book.event_ns[row] = max(book.event_ns[row], event.event_ns)
        book.recv_ns[row] = max(book.recv_ns[row], event.recv_ns)
        book.dirty[row] = True
        book.is_dirty = True
        if isinstance(event, MarkUpdate) and event.index_price is not None:
            _note_index(book, float(event.index_price), event.event_ns, "mark price")

    def _apply_index(self, event: IndexUpdate) -> None:
        for book in self._index_books.get((event.venue, event.index_name), ()):
            _note_index(book, float(event.price), event.event_ns, event.index_name)

    def _apply_future(self, event: FutureUpdate) -> None:
        board = self._futures.setdefault((event.venue, event.underlying), FuturesBoard())
        if not board.apply(event):
            self.counters["quote older than the last"] += 1
            return
        book = self._books.get((event.venue, event.underlying))
        if book is None or event.expiry_ns is None or book.listed is None:
            return
        # The future is the forward of its own expiry only; the perpetual is nobody's.
        rows = book.listed.expiry_ns == event.expiry_ns
        if rows.any():
            book.dirty |= rows
            book.is_dirty = True

    def _apply_listing(self, event: InstrumentsListed) -> None:
        for reason, count in event.unknown_kinds:
            self.counters[f"instrument record: {reason}"] += count
        key = (event.venue, event.underlying)
        self._futures.setdefault(key, FuturesBoard()).list_contracts(event.instruments)
        options = [i for i in event.instruments if i.kind is InstrumentKind.OPTION]
        by_name = {instrument.name: instrument for instrument in options}
        self._relist(key, sorted(by_name.values(), key=chain_order))

    def _apply_state(self, event: InstrumentStateChanged) -> None:
        if event.is_listed:
            return
        book = self._home.get((event.venue, event.instrument_name))
        if book is None:
            for (venue, _), board in self._futures.items():
                if venue == event.venue and board.remove(event.instrument_name):
                    return
            return
        left = [i for i in book.instruments if i.name != event.instrument_name]
        self._relist((book.venue, book.underlying), left)

    def _relist(self, key: tuple[str, str], instruments: list[Instrument]) -> None:
        """Make `instruments` the listed ones, keeping the quotes of those that stay."""
        book = self._books.get(key)
        if book is None:
            book = self._books[key] = _Book(venue=key[0], underlying=key[1])
        if book.instruments == instruments:
            return
        rows = len(instruments)
        quotes = np.full((rows, len(QUOTE_COLUMNS)), np.nan)
        event_ns = np.zeros(rows, dtype=np.int64)
        recv_ns = np.zeros(rows, dtype=np.int64)
        part_ns = _no_parts(rows)
        forward_index = [""] * rows
        for row, instrument in enumerate(instruments):
            old = book.row_of.get(instrument.name)
            if old is not None:
                quotes[row] = book.quotes[old]
                event_ns[row], recv_ns[row] = book.event_ns[old], book.recv_ns[old]
                part_ns[row] = book.part_ns[old]
                forward_index[row] = book.forward_index[old]
        for name in book.row_of:
            self._home.pop((key[0], name), None)
        book.instruments = instruments
        book.row_of = {instrument.name: row for row, instrument in enumerate(instruments)}
        book.quotes, book.event_ns, book.recv_ns = quotes, event_ns, recv_ns
        book.part_ns = part_ns
        book.forward_index = forward_index
        listed = {instrument.name for instrument in instruments}
        book.doubts = {name: doubt for name, doubt in book.doubts.items() if name in listed}
        book.dirty = np.ones(rows, dtype=np.bool_)
        book.is_dirty = True
        book.listed = book.last_reading = None
        for name in book.row_of:
            self._home[(key[0], name)] = book
        self._index_books = _books_by_index(self._books)


def _no_parts(rows: int) -> np.ndarray:
    return np.zeros((rows, SAMPLED_SLOT + 1), dtype=np.int64)


def _part_columns(event: QuotePart) -> tuple[tuple[int, Decimal | float | None], ...]:
    """(column, value) pairs that a part replaces."""
    match event:
        case TopOfBook():
            names: tuple[str, ...] = ("bid", "ask", "bid_size", "ask_size")
        case MarkUpdate():
            names = ("mark", "index_price", "venue_bid_iv", "venue_mark_iv", "venue_ask_iv")
        case DayStats():
            names = ("last", "volume")
        case OpenInterestUpdate():
            names = ("open_interest",)
    pairs = [(_COLUMN[name], getattr(event, name)) for name in names]
    if isinstance(event, MarkUpdate):
        greeks = event.venue_greeks
        names = ("delta", "gamma", "vega", "theta", "rho")
        pairs += [(_COLUMN[f"venue_{name}"], getattr(greeks, name)) for name in names]
    return tuple(pairs)


def _note_index(book: _Book, price: float, event_ns: int, source: str) -> None:
    if event_ns >= book.index_ns:
        book.index_price, book.index_ns, book.index_source = price, event_ns, source
        book.is_dirty = True


def _books_by_index(books: dict[tuple[str, str], _Book]) -> dict[tuple[str, str], list[_Book]]:
    found: dict[tuple[str, str], list[_Book]] = {}
    for book in books.values():
        for index_name in sorted({instrument.index_name for instrument in book.instruments}):
            found.setdefault((book.venue, index_name), []).append(book)
    return found


def _freeze(book: _Book) -> Chain:
    """The chain of `book`; what the listing decides is built once and shared by later chains."""
    table = np.array(book.quotes, order="F")
    columns: dict[str, Any] = {name: table[:, column] for column, name in enumerate(QUOTE_COLUMNS)}
    if book.listed is None:
        book.listed = build_chain(
            venue=book.venue,
            underlying=book.underlying,
            instruments=book.instruments,
            columns=columns,
            event_ns=book.event_ns,
            recv_ns=book.recv_ns,
            forward_index=book.forward_index,
            doubts=book.doubts,
        )
        return book.listed
    return replace(
        book.listed,
        doubts=dict(book.doubts),
        event_ns=book.event_ns.copy(),
        recv_ns=book.recv_ns.copy(),
        forward_index=tuple(book.forward_index),
        **columns,
    )


def _expiry_rows(chain: Chain) -> tuple[tuple[int, int], ...]:
    cuts = np.flatnonzero(np.diff(chain.expiry_ns)) + 1
    edges = [0, *cuts.tolist(), len(chain)]
    return tuple(itertools.pairwise(edges))


def _dirty_rows(
    book: _Book,
    expiry_rows: tuple[tuple[int, int], ...],
    forward: np.ndarray,
    discount: np.ndarray,
    previous: MarketReading | None,
) -> BoolArray:
    """Rows to value again: whole expiries, where a quote or what it is valued with changed."""
    dirty = book.dirty.copy()
    if previous is not None:
        before = previous.values.forward
        dirty |= ~((forward == before) | (np.isnan(forward) & np.isnan(before)))
        is_linear = ~previous.chain.is_inverse
        dirty |= is_linear & (discount != previous.values.discount)
    for first, stop in expiry_rows:
        dirty[first:stop] = dirty[first:stop].any()
    return dirty
