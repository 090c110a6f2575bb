"""Order books over a real socket: gaps, resnapshots, full queues, silent channels, bans."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from quantdesk.domain.events import BookChange, BookSnapshot, RawFrame
from quantdesk.domain.secret import Secret
from quantdesk.errors import ConfigError
from quantdesk.market.order_book import OrderBook, OrderBooks
from quantdesk.storage.bans import JsonBanStore
from quantdesk.venues.deribit import DeribitCredentials, DeribitFeed, events_of

from .conftest import ScriptedVenue
from .scripted_account import CLIENT_ID, CLIENT_SECRET, AccountDesk
from .test_feed import CountingClock, Reader, quick

OpenVenue = Callable[[], Any]
NAME = ScriptedVenue.NAME
CHANNEL = f"book.{NAME}.100ms"


class BookSource:
    """A book at a scripted venue: what it holds, and the messages that tell of it."""

    def __init__(self, venue: ScriptedVenue) -> None:
        self.venue = venue
        self.change_id = 1_000
        self.bid_size = 1.0
        self.snapshots = 0
        self.withheld = 0
        venue.on_subscribed = self._greet

    def data(self, kind: str, previous_id: int | None) -> dict[str, Any]:
        known = {} if previous_id is None else {"prev_change_id": previous_id}
        return {
            "type": kind,
            "timestamp": 1_782_552_300_000,
            "instrument_name": NAME,
            **known,
            "change_id": self.change_id,
            "bids": [["new" if kind == "snapshot" else "change", 0.01, self.bid_size]],
            "asks": [],
        }

    async def _greet(self, channels: list[str]) -> None:
        if CHANNEL not in channels:
            return
        if self.withheld:
            self.withheld -= 1
            return
        self.snapshots += 1
        await self.venue.push(CHANNEL, self.data("snapshot", None))

    def move(self) -> dict[str, Any]:
        """The book changes; the message of it, which nobody has to be sent."""
        before, self.change_id = self.change_id, self.change_id + 3
        self.bid_size += 1.0
        return self.data("change", before)


class BookReader(Reader):
    """A reader that keeps the books too."""

    def __init__(self, feed: DeribitFeed) -> None:
        super().__init__(feed)
        self.books = OrderBooks()
        self._seen = 0

    def book(self) -> OrderBook | None:
        """The book as of all frames so far."""
        for frame in self.frames[self._seen :]:
            self._seen += 1
            for event in events_of(frame):
                if isinstance(event, BookSnapshot | BookChange):
                    self.books.apply(event)
        return self.books.book("deribit", NAME)

    def holds(self, size: float) -> Callable[[], bool]:
        """Whether the book is good and its best bid of this size."""

        def check() -> bool:
            book = self.book()
            return book is not None and book.best_bid == (Decimal("0.01"), Decimal(str(size)))

        return check


@asynccontextmanager
async def following(venue: ScriptedVenue, **changes: Any) -> AsyncIterator[BookReader]:
    extra = {name: changes.pop(name) for name in ("bans", "credentials") if name in changes}
    feed = DeribitFeed(
        quick(venue.url, **{"book_gap_s": 0.01, **changes}),
        name="deribit-btc",
        underlyings=["BTC"],
        clock=CountingClock(),
        rng=random.Random(7),
        **extra,
    )
    feed.watch_books([NAME])
    reader = BookReader(feed)
    task = asyncio.create_task(reader.read())
    try:
        yield reader
    finally:
        await feed.close()
        await task


async def test_a_watched_book_follows_its_changes(scripted_venue: OpenVenue) -> None:
    async with scripted_venue() as venue:
        source = BookSource(venue)
        async with following(venue) as reader:
            await reader.until(reader.holds(1.0))
            await venue.push(CHANNEL, source.move())
            await venue.push(CHANNEL, source.move())
            await reader.until(reader.holds(3.0))
            assert reader.feed.is_book_good(NAME)
            assert source.snapshots == 1


async def test_a_gap_makes_the_book_bad_and_a_snapshot_makes_it_good(
    scripted_venue: OpenVenue,
) -> None:
    async with scripted_venue() as venue:
        source = BookSource(venue)
        async with following(venue) as reader:
            await reader.until(reader.holds(1.0))
            source.move()
            await venue.push(CHANNEL, source.move())
            await reader.until(lambda: not _is_good(reader))
            assert not reader.feed.is_book_good(NAME)
            await reader.until(reader.holds(3.0))
            assert reader.feed.is_book_good(NAME)
            assert reader.feed.reconnects == 0
            asked = [r["params"]["channels"] for r in venue.asked("public/unsubscribe")]
            assert asked[0] == [CHANNEL]


def _is_good(reader: BookReader) -> bool:
    book = reader.book()
    return book is not None and book.is_good


async def test_a_repeated_change_does_not_cost_a_snapshot(scripted_venue: OpenVenue) -> None:
    async with scripted_venue() as venue:
        source = BookSource(venue)
        async with following(venue) as reader:
            await reader.until(reader.holds(1.0))
            change = source.move()
            await venue.push(CHANNEL, change)
            await venue.push(CHANNEL, change)
            await venue.push(CHANNEL, source.move())
            await reader.until(reader.holds(3.0))
            assert source.snapshots == 1


async def test_a_snapshot_that_does_not_come_is_asked_for_again(scripted_venue: OpenVenue) -> None:
    async with scripted_venue() as venue:
        source = BookSource(venue)
        source.withheld = 2
        async with following(venue, book_patience_s=0.05) as reader:
            await reader.until(reader.holds(1.0))
            assert len(venue.asked("public/unsubscribe")) >= 2


async def test_a_book_that_its_reader_doubts_is_asked_for_again(scripted_venue: OpenVenue) -> None:
    async with scripted_venue() as venue:
        source = BookSource(venue)
        async with following(venue) as reader:
            await reader.until(reader.holds(1.0))
            bad = source.move() | {"bids": [["new", 0.01, -1.0]]}
            await venue.push(CHANNEL, bad)
            await venue.push(CHANNEL, source.move())
            await reader.until(lambda: not _is_good(reader))
            reader.feed.ask_book_again(NAME)
            await reader.until(reader.holds(3.0))


async def test_bad_books_are_asked_for_in_rounds(scripted_venue: OpenVenue) -> None:
    names = [f"BTC-28JUN26-{strike}-C" for strike in range(60_000, 70_000, 1_000)]
    async with scripted_venue() as venue, following(venue, books_per_round=4) as reader:
        reader.feed.watch_books(names)
        await venue.wait_for(
            lambda: any(f"book.{names[9]}.100ms" in _channels(r) for r in venue.requests)
        )
        await reader.eventually(lambda: f"book.{names[9]}.100ms" in reader.feed.granted)
        venue.requests.clear()
        for name in names:
            reader.feed.ask_book_again(name)
        await venue.wait_for(lambda: len(venue.asked("public/subscribe")) >= 3)
        rounds = [r["params"]["channels"] for r in venue.asked("public/subscribe")[:3]]
        assert [len(channels) for channels in rounds] == [4, 4, 2]
        assert {c for channels in rounds for c in channels} == {f"book.{n}.100ms" for n in names}


def _channels(request: dict[str, Any]) -> list[str]:
    found: list[str] = request["params"].get("channels", [])
    return found


async def test_a_book_no_longer_watched_is_left(scripted_venue: OpenVenue) -> None:
    async with scripted_venue() as venue:
        BookSource(venue)
        async with following(venue) as reader:
            await reader.until(reader.holds(1.0))
            reader.feed.watch_books([])
            await venue.wait_for(lambda: bool(venue.asked("public/unsubscribe")))
            await reader.eventually(lambda: CHANNEL not in reader.feed.granted)
            assert not reader.feed.is_book_good(NAME)


async def test_a_reader_that_is_too_slow_gets_a_fresh_book(scripted_venue: OpenVenue) -> None:
    async with scripted_venue() as venue:
        source = BookSource(venue)
        async with following(venue, frames_max=64) as reader:
            await reader.until(reader.holds(1.0))
            reader.pause.clear()
            for _ in range(400):
                await venue.push(CHANNEL, source.move())
            await reader.eventually(lambda: reader.feed.dropped > 64)
            reader.pause.set()
            await reader.until(reader.holds(401.0))
            assert reader.feed.reconnects == 0


async def test_more_books_than_allowed_are_refused(scripted_venue: OpenVenue) -> None:
    async with scripted_venue() as venue, following(venue, books_max=1) as reader:
        await reader.until(lambda: bool(reader.frames))
        with pytest.raises(ConfigError, match="books_max allows 1"):
            reader.feed.watch_books(["A", "B"])
        with pytest.raises(ConfigError, match="must be an instrument's name"):
            reader.feed.watch_books(["a b"])


async def test_after_maintenance_books_are_asked_for_again(scripted_venue: OpenVenue) -> None:
    async with scripted_venue() as venue:
        source = BookSource(venue)
        async with following(venue) as reader:
            await reader.until(reader.holds(1.0))
            await venue.push("platform_state", {"maintenance": True})
            await reader.until(lambda: reader.feed.state == "maintenance")
            source.bid_size, source.change_id = 9.0, 5_000
            await venue.push("platform_state", {"maintenance": False})
            await reader.until(reader.holds(9.0))
            assert reader.feed.state == "live"


async def test_a_steady_channel_that_falls_silent_is_subscribed_anew_then_given_up(
    scripted_venue: OpenVenue,
) -> None:
    async with scripted_venue() as venue:
        index = "deribit_price_index.btc_usd"
        async with following(venue, steady_silence_s=0.2) as reader:
            await venue.wait_for(
                lambda: any(index in _channels(r) for r in venue.asked("public/unsubscribe"))
            )
            await venue.wait_for(lambda: venue.connections == 2)
            assert "stayed silent though subscribed anew" in reader.feed.last_problem


async def test_a_steady_channel_that_speaks_again_is_believed(scripted_venue: OpenVenue) -> None:
    steady = (
        "deribit_price_index.btc_usd",
        "markprice.options.btc_usd",
        "deribit_volatility_index.btc_usd",
    )
    async with scripted_venue() as venue:

        async def greet(channels: list[str]) -> None:
            for channel in set(steady) & set(channels):
                await venue.push(channel, [])

        venue.on_subscribed = greet
        async with following(venue, steady_silence_s=0.2) as reader:
            await venue.wait_for(lambda: len(venue.asked("public/unsubscribe")) >= 3)
            assert reader.feed.reconnects == 0
            assert "has been silent for 0.2 s" in reader.feed.last_problem
            loop = asyncio.get_running_loop()
            assert f"ticker.{NAME}.100ms" in reader.feed.silent_channels(0.0, loop.time() + 1.0)


async def test_a_pause_that_the_venue_asked_for_outlives_the_process(
    scripted_venue: OpenVenue, tmp_path: Path
) -> None:
    error = {"error": {"code": 10028, "message": "too_many_requests"}}
    async with scripted_venue() as venue:
        venue.answers["public/get_instruments"] = lambda _: error
        bans = JsonBanStore(tmp_path / "bans.json")
        async with following(venue, bans=bans, rate_limit_pause_s=600.0) as reader:
            await venue.wait_for(lambda: bool(venue.asked("public/get_instruments")))
            await reader.eventually(lambda: "10028" in reader.feed.last_problem)
        venue.answers.clear()
        fresh = JsonBanStore(tmp_path / "bans.json")
        async with following(venue, bans=fresh) as reader:
            await reader.eventually(lambda: "no requests for" in reader.feed.last_problem)
            assert venue.connections == 1


async def test_raw_channels_come_with_a_key_and_without_its_tokens(
    scripted_venue: OpenVenue,
) -> None:
    desk = AccountDesk()
    key = DeribitCredentials(client_id=Secret(CLIENT_ID), client_secret=Secret(CLIENT_SECRET))
    async with scripted_venue() as venue:
        venue.answers |= desk.answers()
        async with following(
            venue, credentials=key, ticker_interval="raw", book_interval="raw"
        ) as reader:
            await reader.eventually(lambda: f"book.{NAME}.raw" in reader.feed.granted)
            methods = [r["method"] for r in venue.requests]
            assert methods.index("public/auth") < methods.index("public/subscribe")
            frames: list[RawFrame] = reader.frames
            assert not any(desk.issued()[0].encode() in f.payload for f in frames)
            answers = [json.loads(f.payload) for f in frames if b"public/auth" in f.payload]
            assert answers[0]["result"]["access_token"] == "***"
            await venue.push(f"book.{NAME}.raw", {"note": CLIENT_SECRET})
            await reader.until(lambda: b'"note"' in reader.frames[-1].payload)
            assert json.loads(reader.frames[-1].payload)["params"]["data"] == {"note": "***"}
