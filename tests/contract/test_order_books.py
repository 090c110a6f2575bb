"""Order books followed through a feed must be the exchange's own, whatever is lost on the way.

The simulated exchange serves the books over a real socket; its own answer to a question is what
they are held against.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from quantdesk.domain.events import BookChange, BookSnapshot, FrameSetAside, InstrumentsListed
from quantdesk.domain.instrument import InstrumentKind
from quantdesk.market.order_book import OrderBooks
from quantdesk.runtime.clock import ManualClock
from quantdesk.simulator import DeribitServer, SimulatedVenue, load_sample
from quantdesk.venues import deribit

NS_PER_S = 1_000_000_000
BOOKS = 12
PATIENCE_S = 20.0


class Line:
    """A feed whose books are kept, and the exchange on its other end."""

    def __init__(self, server: DeribitServer, clock: ManualClock, book_group: str | None) -> None:
        settings = deribit.DeribitSettings(
            environment="simulated",
            url=server.ws_url,
            backoff_low_s=0.01,
            backoff_high_s=0.05,
            book_gap_s=0.01,
            book_group=book_group,
        )
        self.server = server
        self.clock = clock
        self.feed = deribit.DeribitFeed(
            settings,
            name="deribit-btc",
            underlyings=["BTC"],
            clock=clock,
            rng=random.Random(11),
        )
        self.books = OrderBooks()
        self.names: list[str] = []
        self.refused: list[FrameSetAside] = []
        self.lost: set[str] = set()
        self.loses: Callable[[bytes], bool] = lambda _: False
        self._came = asyncio.Condition()

    async def read(self) -> None:
        async for frame in self.feed.frames():
            if b'"book.' in frame.payload[:100] and self.loses(frame.payload):
                self.lost.add(json.loads(frame.payload)["params"]["data"]["instrument_name"])
                continue
            for event in deribit.events_of(frame):
                if isinstance(event, BookSnapshot | BookChange):
                    book = self.books.apply(event)
                    if book is not None and not book.is_good:
                        self.feed.ask_book_again(event.instrument_name)
                elif isinstance(event, InstrumentsListed) and not self.names:
                    self._watch(event)
                elif isinstance(event, FrameSetAside):
                    self.refused.append(event)
            async with self._came:
                self._came.notify_all()

    def _watch(self, listing: InstrumentsListed) -> None:
        options = [i.name for i in listing.instruments if i.kind is InstrumentKind.OPTION]
        self.names = options[:: max(len(options) // BOOKS, 1)][:BOOKS]
        self.feed.watch_books(self.names)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S), self._came:
            await self._came.wait_for(condition)

    def all_good(self) -> bool:
        found = [self.books.book("deribit", name) for name in self.names]
        return bool(found) and all(book is not None and book.is_good for book in found)

    def move(self, seconds: float) -> None:
        """Let `seconds` pass at the exchange."""
        self.clock.advance_to(self.clock.now_ns() + int(seconds * NS_PER_S))
        self.server.pump()

    async def exchange_books(self) -> dict[str, Any]:
        """Every watched book as the exchange answers it."""
        found = {}
        async with aiohttp.ClientSession() as client:
            for name in self.names:
                query = {"instrument_name": name, "depth": "10000"}
                url = f"{self.server.http_url}/public/get_order_book"
                async with client.get(url, params=query) as answer:
                    body = json.loads(await answer.text(), parse_float=Decimal, parse_int=Decimal)
                    found[name] = body["result"]
        return found

    def differences(self, exchange: dict[str, Any]) -> list[str]:
        """Watched books that are not the exchange's, level by level."""
        return [name for name in self.names if not self._is_same(name, exchange[name])]

    def _is_same(self, name: str, theirs: dict[str, Any]) -> bool:
        book = self.books.book("deribit", name)
        assert book is not None
        sides = tuple(tuple((p, a) for p, a in theirs[side]) for side in ("bids", "asks"))
        return book.is_good and (book.bids(), book.asks()) == sides


@asynccontextmanager
async def open_line(book_group: str | None = None) -> AsyncIterator[Line]:
    clock = ManualClock(1_700_000_000 * NS_PER_S)
    venue = SimulatedVenue(load_sample("btc-2026-06-27"), clock=clock, speed=1.0, seed=0)
    async with DeribitServer(venue, step_s=None) as server:
        line = Line(server, clock, book_group)
        reader = asyncio.create_task(line.read())
        try:
            yield line
        finally:
            await line.feed.close()
            await reader


async def settle(line: Line) -> dict[str, Any]:
    """Let the last changes come: the books the exchange has once nothing moves any more."""
    exchange = await line.exchange_books()
    await line.until(lambda: not line.differences(exchange))
    return exchange


@pytest.mark.parametrize("book_group", [None, "none"])
async def test_every_book_is_the_exchanges_after_each_move(book_group: str | None) -> None:
    async with open_line(book_group) as line:
        await line.until(line.all_good)
        changed = 0
        before = await settle(line)
        for _ in range(10):
            line.move(3.0)
            after = await settle(line)
            changed += sum(before[name]["bids"] != after[name]["bids"] for name in line.names)
            before = after
        assert changed >= 3
        assert not line.refused
        assert line.feed.reconnects == 0


async def test_books_that_lost_messages_are_made_good_again() -> None:
    async with open_line() as line:
        await line.until(line.all_good)
        rng = random.Random(5)
        # Lost between feed and books, as a frame is that could not be read.
        line.loses = lambda payload: b'"type":"change"' in payload and rng.random() < 0.3
        while len(line.lost) < 3:
            line.move(3.0)
            await line.exchange_books()
        line.loses = lambda _: False
        # What was lost last can only be seen by what follows it: move until those books moved.
        stale = set(line.lost)
        while stale:
            before = await line.exchange_books()
            line.move(30.0)
            after = await line.exchange_books()
            stale -= {n for n in stale if before[n]["change_id"] != after[n]["change_id"]}
        await settle(line)
        assert line.feed.reconnects == 0


async def test_a_message_out_of_the_chain_has_its_book_fetched_again() -> None:
    async with open_line() as line:
        await line.until(line.all_good)
        name = line.names[0]
        data = {
            "type": "change",
            "timestamp": line.server.venue.now_ns() // 1_000_000,
            "instrument_name": name,
            "prev_change_id": 2**62,
            "change_id": 2**62 + 1,
            "bids": [["new", 0.0001, 99.0]],
            "asks": [],
        }
        params = {"channel": f"book.{name}.100ms", "data": data}
        body = {"jsonrpc": "2.0", "method": "subscription", "params": params}
        line.server.inject(json.dumps(body, separators=(",", ":")))
        await line.until(lambda: line.books.bad() == (("deribit", name),))
        await line.until(line.all_good)
        await settle(line)


async def test_books_come_back_whole_over_a_cut_connection() -> None:
    async with open_line() as line:
        await line.until(line.all_good)
        await settle(line)
        line.server.drop_connections()
        line.move(30.0)
        await line.until(lambda: line.feed.reconnects == 1)
        await settle(line)
