"""Order books kept from snapshots and changes, exact, and never called good unless proven so.

One class serves both ways in which venues number their changes:

- Deribit: the snapshot comes in the stream of its changes (`is_in_sequence`), and each change names
  its predecessor in `previous_id`. The snapshot alone proves the book.
- Binance: the snapshot is fetched beside the stream. Changes are kept until it is there; those with
  `u` (`change_id`) at or below its own id are in it already; the first after it must satisfy
  `U <= id <= u` (`first_id`), every later one `pu == u` of the one before (`previous_id`). The book
  is good once a change that began at or before the snapshot has joined it.

A book that is not good has no levels to read: a gap makes it unknown at once. Asking for another
snapshot is the feed's business. Knows no venue's spelling, reads no clock.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Iterator

from quantdesk.domain.events import BookChange, BookLevel, BookSnapshot
from quantdesk.errors import InvalidInput

PENDING_MAX = 1_024
"""Changes kept while a snapshot is awaited: about a minute and a half of one every 100 ms."""

LEVELS_MAX = 20_000
"""Price levels of one side: twice the deepest book that a venue hands out (10,000)."""

REPEATS_MAX = 256
"""Changes in a row that the book holds already before they are taken for a sequence begun anew."""

BOOKS_MAX = 4_096

NO_SNAPSHOT = "no snapshot yet"


class _Side:
    """Price levels of one side: amounts by price, and the prices in ascending order."""

    __slots__ = ("amounts", "prices")

    def __init__(self, levels: Iterable[BookLevel] = ()) -> None:
        self.amounts = {price: amount for price, amount in levels if amount}
        self.prices = sorted(self.amounts)

    def apply(self, levels: Iterable[BookLevel]) -> None:
        amounts, prices = self.amounts, self.prices
        for price, amount in levels:
            if amount:
                # One look-up for a level that is there and one that is new: hashing an exact
                # price is most of the work.
                amounts[price] = amount
                if len(amounts) != len(prices):
                    prices.insert(bisect_left(prices, price), price)
            elif amounts.pop(price, None) is not None:
                del prices[bisect_left(prices, price)]


class OrderBook:
    """The order book of one instrument.

    Parameters
    ----------
    venue, instrument_name : whose events it takes; those of others are refused
    pending_max : changes held while there is no snapshot; the oldest give way
    """

    def __init__(self, *, venue: str, instrument_name: str, pending_max: int = PENDING_MAX) -> None:
        if pending_max < 1:
            raise InvalidInput("pending_max", pending_max, "must be at least 1")
        self.venue = venue
        self.instrument_name = instrument_name
        self._pending: deque[BookChange] = deque(maxlen=pending_max)
        self._bids = _Side()
        self._asks = _Side()
        self._has_levels = False
        self._is_good = False
        self._may_overlap = False
        self._change_id = 0
        self._repeats = 0
        self._event_ns = 0
        self._recv_ns = 0
        self._bad_reason = NO_SNAPSHOT
        self.gaps = 0
        self.ignored = 0

    @property
    def is_good(self) -> bool:
        """Whether the levels are proven to be the venue's, as of `change_id`."""
        return self._is_good

    @property
    def bad_reason(self) -> str:
        """Why the book is not good, as a phrase; "" where it is."""
        return "" if self._is_good else self._bad_reason

    @property
    def change_id(self) -> int | None:
        """The venue's id of the last change in the book; None while it is not good."""
        return self._change_id if self._is_good else None

    @property
    def event_ns(self) -> int | None:
        """The venue's time of the last change in the book; None while it is not good."""
        return self._event_ns if self._is_good else None

    @property
    def recv_ns(self) -> int | None:
        """When that change came to us; None while the book is not good."""
        return self._recv_ns if self._is_good else None

    @property
    def best_bid(self) -> BookLevel | None:
        """Highest bid; None on an empty side and while the book is not good."""
        return next(self._down(self._bids), None)

    @property
    def best_ask(self) -> BookLevel | None:
        """Lowest ask; None on an empty side and while the book is not good."""
        return next(self._up(self._asks), None)

    @property
    def level_counts(self) -> tuple[int, int]:
        """How many levels the bids and the asks have; (0, 0) while the book is not good."""
        if not self._is_good:
            return 0, 0
        return len(self._bids.prices), len(self._asks.prices)

    @property
    def is_crossed(self) -> bool:
        """Whether the best bid is at or above the best ask: in sequence, yet no price to use."""
        bid, ask = self.best_bid, self.best_ask
        return bid is not None and ask is not None and bid[0] >= ask[0]

    def bids(self, depth: int | None = None) -> tuple[BookLevel, ...]:
        """The best `depth` bids, best first, all without one; () while the book is not good."""
        return _first(self._down(self._bids), depth)

    def asks(self, depth: int | None = None) -> tuple[BookLevel, ...]:
        """The best `depth` asks, best first, all without one; () while the book is not good."""
        return _first(self._up(self._asks), depth)

    def apply(self, event: BookSnapshot | BookChange) -> None:
        """Take in a snapshot or a change, in the order received.

        Raises InvalidInput for an event of another book: a mix-up of the caller's.
        """
        if event.instrument_name != self.instrument_name or event.venue != self.venue:
            raise InvalidInput(
                "event",
                f"{event.venue} {event.instrument_name}",
                f"must be of {self.venue} {self.instrument_name}",
            )
        if isinstance(event, BookSnapshot):
            self._apply_snapshot(event)
        else:
            self._follow(event)

    def forget(self) -> None:
        """The connection ended: nothing that comes next follows from what was."""
        self._pending.clear()
        self._mark_bad("the connection ended")

    def _apply_snapshot(self, snapshot: BookSnapshot) -> None:
        if self._is_good and snapshot.change_id < self._change_id:
            # Late by its id, yet a venue that restarted counts anew: which of the two is the
            # truth can not be told, so neither is shown.
            self.gaps += 1
            self._pending.clear()
            self._mark_bad(f"snapshot {snapshot.change_id} is older than {self._change_id}")
            return
        self._bids, self._asks = _Side(snapshot.bids), _Side(snapshot.asks)
        self._has_levels = True
        self._repeats = 0
        self._change_id = snapshot.change_id
        self._event_ns, self._recv_ns = snapshot.event_ns, snapshot.recv_ns
        self._may_overlap = not snapshot.is_in_sequence
        first = self._pending[0] if self._pending else None
        self._is_good = snapshot.is_in_sequence or (
            first is not None and first.first_id <= snapshot.change_id
        )
        self._bad_reason = "" if self._is_good else "no change has joined the snapshot yet"
        waiting, self._pending = self._pending, deque(maxlen=self._pending.maxlen)
        # What came before a snapshot in its own stream is in it.
        for change in () if snapshot.is_in_sequence else waiting:
            if change.change_id > snapshot.change_id:
                self._follow(change)
        self._check_depth()

    def _follow(self, change: BookChange) -> None:
        """A change to a book that has levels: it continues them, repeats, or shows a gap."""
        if not self._has_levels:
            self._keep(change)
            return
        if change.change_id <= self._change_id:
            self._note_repeat(change)
            return
        overlaps = self._may_overlap and change.first_id <= self._change_id
        if change.previous_id != self._change_id and not overlaps:
            self.gaps += 1
            self._mark_bad(
                f"change {change.change_id} follows {change.previous_id}, not {self._change_id}"
            )
            self._keep(change)
            return
        if change.bids:
            self._bids.apply(change.bids)
        if change.asks:
            self._asks.apply(change.asks)
        self._change_id = change.change_id
        self._event_ns, self._recv_ns = change.event_ns, change.recv_ns
        self._repeats = 0
        self._may_overlap = False
        self._is_good = True
        self._check_depth()

    def _note_repeat(self, change: BookChange) -> None:
        """A change that the book holds already; a long run of them is no repetition."""
        self.ignored += 1
        self._repeats += 1
        if self._may_overlap and change.first_id <= self._change_id:
            # The stream was there before the snapshot was taken: nothing lies between them.
            self._is_good = True
        if self._repeats > REPEATS_MAX:
            self.gaps += 1
            self._mark_bad(f"{self._repeats} changes in a row are older than {self._change_id}")

    def _keep(self, change: BookChange) -> None:
        """Hold a change for the snapshot that is awaited; only an unbroken run can be joined."""
        last = self._pending[-1] if self._pending else None
        if last is not None and change.change_id <= last.change_id:
            self.ignored += 1
            self._repeats += 1
            if self._repeats <= REPEATS_MAX:
                return
        if last is not None and change.previous_id != last.change_id:
            self._pending.clear()
        self._repeats = 0
        self._pending.append(change)

    def _check_depth(self) -> None:
        bids, asks = len(self._bids.prices), len(self._asks.prices)
        if bids > LEVELS_MAX or asks > LEVELS_MAX:
            levels = max(bids, asks)
            self._mark_bad(f"{levels} levels on one side, {LEVELS_MAX} are kept")

    def _mark_bad(self, reason: str) -> None:
        self._is_good = self._has_levels = self._may_overlap = False
        self._bids, self._asks = _Side(), _Side()
        self._repeats = 0
        self._bad_reason = reason

    def _down(self, side: _Side) -> Iterator[BookLevel]:
        prices = reversed(side.prices) if self._is_good else ()
        return ((price, side.amounts[price]) for price in prices)

    def _up(self, side: _Side) -> Iterator[BookLevel]:
        prices = side.prices if self._is_good else ()
        return ((price, side.amounts[price]) for price in prices)


def _first(levels: Iterator[BookLevel], depth: int | None) -> tuple[BookLevel, ...]:
    if depth is None:
        return tuple(levels)
    return tuple(level for _, level in zip(range(depth), levels, strict=False))


class OrderBooks:
    """The books of many instruments, made as their first events come.

    Parameters
    ----------
    books_max : most books held; events of further instruments are counted in `refused`
    """

    def __init__(self, books_max: int = BOOKS_MAX) -> None:
        if books_max < 1:
            raise InvalidInput("books_max", books_max, "must be at least 1")
        self._books_max = books_max
        self._books: dict[tuple[str, str], OrderBook] = {}
        self.refused = 0

    def __len__(self) -> int:
        return len(self._books)

    def apply(self, event: BookSnapshot | BookChange) -> OrderBook | None:
        """Take `event` in; the book it went to, None where there is no room for another."""
        key = (event.venue, event.instrument_name)
        book = self._books.get(key)
        if book is None:
            if len(self._books) >= self._books_max:
                self.refused += 1
                return None
            book = self._books[key] = OrderBook(venue=key[0], instrument_name=key[1])
        book.apply(event)
        return book

    def book(self, venue: str, instrument_name: str) -> OrderBook | None:
        """The book of an instrument; None where no event of it came."""
        return self._books.get((venue, instrument_name))

    def bad(self) -> tuple[tuple[str, str], ...]:
        """(venue, instrument name) of the books that are not good, sorted."""
        return tuple(sorted(key for key, book in self._books.items() if not book.is_good))

    def drop(self, venue: str, instrument_name: str) -> None:
        """Forget the book of an instrument that is no longer watched."""
        self._books.pop((venue, instrument_name), None)

    def forget(self, venue: str) -> None:
        """The connection to `venue` ended: each of its books waits for a snapshot."""
        for (of, _), book in self._books.items():
            if of == venue:
                book.forget()
