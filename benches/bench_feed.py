"""How many messages a second does one core take in, events and order books included?

The same messages over loopback in the same run, from a process of its own: two changes of an order
book to one ticker. Our feed decodes and checks each, makes exact events and keeps the books; the
bare receivers hold a dictionary that nobody has looked at. Times are of one whole pass, from the
first message to the last; `extra_info` holds messages a second.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing
from pathlib import Path

import msgspec
import orjson
import pytest
import websockets
from pytest_benchmark.fixture import BenchmarkFixture

from quantdesk.domain.events import BookChange, BookSnapshot, QuoteUpdate
from quantdesk.market.order_book import OrderBooks
from quantdesk.runtime.clock import SystemClock
from quantdesk.venues.deribit import DeribitFeed, DeribitSettings, events_of

HERE = Path(__file__).parent
RECORDS = HERE.parent / "tests" / "fixtures" / "deribit" / "rest_btc_2026-06-27.json"
FRAMES = 40_000
ROUNDS = 3


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Port of the server, which runs as a process of its own."""
    given = json.loads(RECORDS.read_bytes())
    tickers = {ticker["instrument_name"]: ticker for ticker in given["tickers"]}
    text = json.dumps({"instruments": given["instruments"], "tickers": tickers})
    with subprocess.Popen(
        [sys.executable, str(HERE / "blast_server.py"), str(FRAMES)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(text + "\n")
        server.stdin.flush()
        yield int(server.stdout.readline())
        server.stdin.close()
        server.wait(10)


async def feed_with_books(port: int) -> float:
    """Our feed: seconds from the first change of a book to the last message."""
    settings = DeribitSettings(
        environment="simulated",
        url=f"ws://127.0.0.1:{port}/ws/api/v2",
        frames_max=2 * FRAMES,
        # One socket only measures: nothing but the messages counted here may come.
        time_poll_s=60.0,
    )
    feed = DeribitFeed(
        settings,
        name="bench",
        underlyings=["BTC"],
        clock=SystemClock(),
        rng=random.Random(1),
    )
    given = json.loads(RECORDS.read_bytes())
    names = [ticker["instrument_name"] for ticker in given["tickers"]]
    feed.watch_books(names)
    books, quotes, changes = OrderBooks(), 0, 0
    started_s = 0.0
    async with aclosing(feed.frames()) as frames:
        async for frame in frames:
            for event in events_of(frame):
                if isinstance(event, BookSnapshot | BookChange):
                    books.apply(event)
                    changes += isinstance(event, BookChange)
                elif isinstance(event, QuoteUpdate):
                    quotes += 1
            if not started_s and changes:
                started_s = time.perf_counter()
            if quotes + changes == FRAMES:
                break
        taken_s = time.perf_counter() - started_s
    assert len(books) == len(names)
    assert books.bad() == ()
    assert feed.dropped == 0
    return taken_s


def bare(read: Callable[[str], object]) -> Callable[[int], Awaitable[float]]:
    """A receiver of the `websockets` library that does nothing but `read` each message."""

    async def receive(port: int) -> float:
        async with websockets.connect(
            f"ws://127.0.0.1:{port}/", compression=None, max_queue=1_024
        ) as socket:
            await socket.send("blast")
            count, started_s = 0, 0.0
            async for message in socket:
                assert isinstance(message, str)
                pushed = read(message)
                is_snapshot = isinstance(pushed, dict) and '"type":"snapshot"' in message
                count += not is_snapshot
                if not started_s and count:
                    started_s = time.perf_counter()
                if count == FRAMES:
                    break
            return time.perf_counter() - started_s

    return receive


RECEIVERS: dict[str, Callable[[int], Awaitable[float]]] = {
    "quantdesk feed, events and books": feed_with_books,
    "bare websockets and json": bare(json.loads),
    "bare websockets and msgspec": bare(msgspec.json.decode),
    "bare websockets and orjson": bare(orjson.loads),
}


@pytest.mark.parametrize("name", RECEIVERS)
@pytest.mark.benchmark(group="take in a burst")
def test_messages_a_second(name: str, port: int, benchmark: BenchmarkFixture) -> None:
    taken: list[float] = []

    def one_pass() -> None:
        taken.append(asyncio.run(_timed(RECEIVERS[name], port)))

    benchmark.pedantic(one_pass, rounds=ROUNDS, warmup_rounds=1)  # type: ignore[no-untyped-call]
    benchmark.extra_info["messages_per_s"] = round(FRAMES / min(taken))


async def _timed(receive: Callable[[int], Awaitable[float]], port: int) -> float:
    return await receive(port)
