"""Order books of a feed: watched, whole, and fetched again after every gap."""

from __future__ import annotations

import pytest

from quantdesk.domain.events import (
    BookChange,
    BookSnapshot,
)
from quantdesk.errors import ConfigError, InvalidInput

from .payloads import SYMBOLS, depth_push
from .scripted import (
    ok,
    until,
)
from .test_feed import MARKET, PUBLIC, open_line


async def test_watched_book_gets_a_snapshot_and_after_a_gap_another() -> None:
    symbol = SYMBOLS[3]
    async with open_line() as line:
        line.feed.watch_books([symbol])
        await line.live()
        stream = f"{symbol.lower()}@depth@100ms"
        await until(lambda: stream in line.venue.subscribed())
        await line.venue.push(depth_push(95, 101, 94))
        await until(lambda: line.venue.count("GET depth") == 1)
        await until(lambda: bool(line.reader.of_type(BookSnapshot)))
        assert line.feed.is_book_good(symbol)
        assert f"symbol={symbol}&limit=1000" in line.venue.queries
        await line.venue.push(depth_push(102, 105, 101))
        await until(lambda: len(line.reader.of_type(BookChange)) == 2)
        assert line.feed.is_book_good(symbol)
        line.venue.answers["GET depth"] = lambda http: ok(
            {"bids": [], "asks": [], "T": line.clock.now_ms(), "lastUpdateId": 108}
        )
        await line.venue.push(depth_push(107, 109, 106))
        await until(lambda: len(line.reader.of_type(BookSnapshot)) == 2)
        assert line.feed.is_book_good(symbol)
        assert [s.change_id for s in line.reader.of_type(BookSnapshot)] == [100, 108]


async def test_snapshot_older_than_the_changes_calls_for_another() -> None:
    symbol = SYMBOLS[3]
    async with open_line() as line:
        line.feed.watch_books([symbol])
        await line.live()
        ids = iter([90, 90, 97])
        line.venue.answers["GET depth"] = lambda http: ok(
            {"bids": [], "asks": [], "T": line.clock.now_ms(), "lastUpdateId": next(ids)}
        )
        await line.venue.push(depth_push(95, 101, 94))
        await until(lambda: len(line.reader.of_type(BookSnapshot)) == 3)
        assert line.feed.is_book_good(symbol)


async def test_book_that_its_reader_doubts_is_fetched_again() -> None:
    symbol = SYMBOLS[3]
    async with open_line() as line:
        line.feed.watch_books([symbol])
        await line.live()
        await line.venue.push(depth_push(95, 101, 94))
        await until(lambda: line.feed.is_book_good(symbol))
        line.feed.ask_book_again("BTC-251219-1-C")
        line.feed.ask_book_again(symbol)
        assert not line.feed.is_book_good(symbol)
        await until(lambda: len(line.reader.of_type(BookSnapshot)) == 2)


async def test_books_of_a_lost_connection_are_fetched_again() -> None:
    symbol = SYMBOLS[3]
    async with open_line() as line:
        line.feed.watch_books([symbol])
        await line.live()
        await line.venue.push(depth_push(95, 101, 94))
        await until(lambda: line.feed.is_book_good(symbol))
        asked = line.venue.count("GET depth")
        await line.venue.drop(MARKET)
        await until(lambda: line.feed.reconnects == 1 and line.feed.state == "live")
        assert line.feed.is_book_good(symbol)
        await line.venue.drop(PUBLIC)
        await until(lambda: line.venue.count("GET depth") == asked + 1)
        assert not line.feed.is_book_good(symbol)


async def test_book_that_is_no_longer_watched_is_left() -> None:
    async with open_line() as line:
        line.feed.watch_books([SYMBOLS[3]])
        await line.live()
        line.feed.watch_books([])
        await until(lambda: not [s for s in line.venue.subscribed() if "@depth" in s])
        assert not line.feed.is_book_good(SYMBOLS[3])


async def test_books_are_bounded_and_must_be_symbols() -> None:
    async with open_line(books_max=1) as line:
        await line.live()
        with pytest.raises(ConfigError, match="books_max"):
            line.feed.watch_books(SYMBOLS[:2])
        with pytest.raises(InvalidInput, match="symbol"):
            line.feed.watch_books(["BTCUSDT"])
