"""Millions of changes of order books: every book ends as the exchange's, in memory that is flat.

The issue's pace is 5,000 a second; here they come as fast as the feed takes them, from a process of
its own, and the pace reached is printed.
"""

from __future__ import annotations

import asyncio
import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from quantdesk.domain.events import BookChange, BookSnapshot
from quantdesk.market.order_book import OrderBooks
from quantdesk.runtime.clock import SystemClock
from quantdesk.venues.deribit import DeribitFeed, DeribitSettings, events_of

FIXTURES = Path(__file__).parents[1] / "fixtures" / "deribit"
BOOKS_MIN = 16
PACE_MIN = 5_000
GROWTH_BYTES_MAX = 24 * 2**20
"""After the first tenth: what the allocator may still spread to."""


@contextmanager
def exchange(count: int) -> Iterator[tuple[subprocess.Popen[str], int]]:
    records = json.loads((FIXTURES / "rest_btc_2026-06-27.json").read_bytes())
    quoted = {ticker["instrument_name"] for ticker in records["tickers"]}
    listed = [each for each in records["instruments"] if each["instrument_name"] in quoted]
    program = Path(__file__).with_name("book_blast.py")
    with subprocess.Popen(
        [sys.executable, str(program), str(count), "7"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(json.dumps(listed) + "\n")
        server.stdin.flush()
        yield server, int(server.stdout.readline())
        server.stdin.close()
        server.wait(10)


async def follow(port: int, count: int) -> tuple[OrderBooks, float, int]:
    """Take all changes in; the books, changes a second, and bytes grown after the first tenth."""
    records = json.loads((FIXTURES / "rest_btc_2026-06-27.json").read_bytes())
    names = [ticker["instrument_name"] for ticker in records["tickers"]]
    settings = DeribitSettings(
        environment="simulated",
        url=f"ws://127.0.0.1:{port}/ws/api/v2",
        # Of the streams that speak each second this exchange has none.
        steady_silence_s=3_600.0,
    )
    feed = DeribitFeed(
        settings, name="soak", underlyings=["BTC"], clock=SystemClock(), rng=random.Random(1)
    )
    feed.watch_books(names)
    books, changes, early, started_s = OrderBooks(), 0, 0, 0.0
    async with aclosing(feed.frames()) as frames:
        async for frame in frames:
            for event in events_of(frame):
                if isinstance(event, BookSnapshot | BookChange):
                    books.apply(event)
                    changes += isinstance(event, BookChange)
            if changes == 1:
                started_s = time.perf_counter()
            if changes == count // 10 and not early:
                early = peak_bytes()
            if changes == count:
                break
        pace = count / (time.perf_counter() - started_s)
    assert feed.dropped == 0
    assert feed.last_problem == ""
    assert feed.reconnects == 0
    return books, pace, peak_bytes() - early


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def check(count: int) -> float:
    with exchange(count) as (server, port):
        books, pace, grown = asyncio.run(follow(port, count))
        assert server.stdout is not None
        truth = json.loads(server.stdout.readline())
    assert len(truth) >= BOOKS_MIN
    assert books.bad() == ()
    for name, sides in truth.items():
        book = books.book("deribit", name)
        assert book is not None
        for side, levels in (("bids", book.bids()), ("asks", book.asks())):
            exact = {Decimal(str(price)): Decimal(str(amount)) for price, amount in sides[side]}
            assert dict(levels) == exact, f"{side} of {name}"
            assert book.gaps == 0
    assert grown < GROWTH_BYTES_MAX
    return pace


def test_every_book_is_the_exchanges_after_sixty_thousand_changes() -> None:
    check(60_000)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_every_book_is_the_exchanges_after_three_million_changes() -> None:
    pace = check(3_000_000)
    print(f"{pace:,.0f} changes a second")
    assert pace >= PACE_MIN
