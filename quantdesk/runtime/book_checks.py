"""Followed books that must be fetched again: lost with their connection, or proven wrong here.

A feed follows the ids of its books and mends gaps by itself. Two things it can not see: levels that
did not decode, and a lost change that none has followed yet, which the quotes of the same option
contradict after a while. Gives names; asking is the live desk's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from quantdesk.domain.ports import MarketFeed
from quantdesk.market.state import MarketState
from quantdesk.runtime.followed_books import BookKey, FollowedBooks

QUOTE_LEAD_NS = 2_000_000_000
"""A quote this much newer than the book's last change should show what the book shows: a venue's
slowest sample of a book is a second old."""

PATIENCE_S = 2.0
"""How long a book must be wrong before it is fetched again: the desk may lag behind its feed, and
quotes come by other sockets. Of the machine's own time, which is what sockets lag by."""


class BookChecks:
    """What the live desk knows against the books it follows. One a desk; `now_s` is monotonic."""

    def __init__(self, market: MarketState, books: FollowedBooks) -> None:
        self._market = market
        self._books = books
        self._cut: set[str] = set()
        self._wrong_since_s: dict[BookKey, float] = {}

    def note_cut(self, connection: str, keys: Sequence[BookKey], *, is_cut: bool) -> None:
        """Books of a connection that went are unknown at once, not when the next one stands."""
        if is_cut and connection not in self._cut:
            self._books.forget(keys)
        (self._cut.add if is_cut else self._cut.discard)(connection)

    def due(self, feed: MarketFeed, keys: Sequence[BookKey], now_s: float) -> tuple[str, ...]:
        """Names of books to be asked for again: those that have been wrong for long enough."""
        due = []
        for key in keys:
            if not (feed.is_book_good(key[1]) and self._is_wrong(key)):
                # A book that the feed itself holds for bad is being fetched already.
                self._wrong_since_s.pop(key, None)
            elif now_s - self._wrong_since_s.setdefault(key, now_s) >= PATIENCE_S:
                del self._wrong_since_s[key]
                due.append(key[1])
        return tuple(due)

    def _is_wrong(self, key: BookKey) -> bool:
        """Whether the book has no levels to show, or others than the option's quotes tell of."""
        book, top = self._books.book(key), self._market.top_of(*key)
        if book is None or book.event_ns is None:
            return book is not None
        return (
            top is not None
            and top.event_ns >= book.event_ns + QUOTE_LEAD_NS
            and (_price(book.best_bid), _price(book.best_ask)) != (top.bid, top.ask)
        )


def _price(level: tuple[Decimal, Decimal] | None) -> float | None:
    return None if level is None else float(level[0])
