"""The order books that somebody asked the desk to follow.

Books of other instruments are passed over: a feed that was told to follow fewer may still bring
some. Asking the venue is the live desk's business.
"""

from __future__ import annotations

from collections.abc import Iterable

from quantdesk.domain.events import BookChange, BookSnapshot
from quantdesk.market.order_book import OrderBook
from quantdesk.snapshot import BookDepth

BookKey = tuple[str, str]
"""Venue and instrument name."""

DEPTH_SHOWN = 50


class FollowedBooks:
    """Order books by venue and instrument, in the order asked for. None are followed at first.

    A recording tells nothing of what was asked for: `follow_all` takes every book that comes.
    """

    def __init__(self, *, follow_all: bool = False) -> None:
        self._books: dict[BookKey, OrderBook] = {}
        self._follow_all = follow_all
        self._shown: dict[BookKey, BookDepth] = {}

    @property
    def keys(self) -> tuple[BookKey, ...]:
        """The followed books."""
        return tuple(self._books)

    def follow(self, keys: Iterable[BookKey]) -> None:
        """Follow these books and no others; those followed already stay as they are."""
        self._books = {key: self._books.get(key) or _new_book(key) for key in dict.fromkeys(keys)}
        self._shown = {key: shown for key, shown in self._shown.items() if key in self._books}

    def apply(self, event: BookSnapshot | BookChange) -> None:
        """Take in a snapshot or change; one of a book that nobody follows is passed over."""
        key = (event.venue, event.instrument_name)
        book = self._books.get(key)
        if book is None:
            if not self._follow_all:
                return
            book = self._books[key] = _new_book(key)
        book.apply(event)
        self._shown.pop(key, None)

    def book(self, key: BookKey) -> OrderBook | None:
        """The book itself; None where it is not followed."""
        return self._books.get(key)

    def forget(self, keys: Iterable[BookKey]) -> None:
        """The connection of these books began anew: each waits for a snapshot."""
        for key in keys:
            if key in self._books:
                self._books[key].forget()
                self._shown.pop(key, None)

    def depths(self) -> tuple[BookDepth, ...]:
        """Each book as far as it is shown; an unchanged one is the same value."""
        for key, book in self._books.items():
            if key not in self._shown:
                self._shown[key] = _depth(book)
        return tuple(self._shown[key] for key in self._books)


def _new_book(key: BookKey) -> OrderBook:
    return OrderBook(venue=key[0], instrument_name=key[1])


def _depth(book: OrderBook) -> BookDepth:
    levels_bid, levels_ask = book.level_counts
    return BookDepth(
        venue=book.venue,
        instrument_name=book.instrument_name,
        is_good=book.is_good,
        bad_reason=book.bad_reason,
        change_id=book.change_id,
        event_ns=book.event_ns,
        recv_ns=book.recv_ns,
        bids=book.bids(DEPTH_SHOWN),
        asks=book.asks(DEPTH_SHOWN),
        levels_bid=levels_bid,
        levels_ask=levels_ask,
        gaps=book.gaps,
    )
