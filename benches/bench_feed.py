"""How many messages a second does one core take in, events and order books included?

The same messages over loopback in the same run, from a process of its own: two changes of an order
book to one ticker. Our feed decodes and checks each, makes exact events and keeps the books; the
bare receivers hold a dictionary that nobody has looked at. Between the two stand the steps of our
own way: the socket alone, and the feed without events. `extra_info` holds messages a second of this
process's own processor time, from the first message to the last: what a core takes in, also where
the machine has other things to do. The table's times are of whole passes.

Of Binance the public socket is measured (`StreamLink`), with events and books; the REST side, which
a feed asks a few times a minute, is left out, and the first snapshots are handed in.

Goal: as many as bare `websockets` with orjson. Reached at commit bf0dc41 on a core of a shared
two-core x86-64 machine, Python 3.11: Deribit 0.62 of it (130,000 a second of 210,000; our socket
alone takes 1,040,000, the feed without events 324,000), Binance 0.80 (191,000 of 238,000). What is
left is the making of typed, exact values: 1.9 µs to decode a ticker and 2.4 µs to check and make
it, 0.8 and 1.6 µs for a change of a book, 0.6 µs to apply it.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from decimal import Decimal
from pathlib import Path

import msgspec
import orjson
import pytest
import websockets
from pytest_benchmark.fixture import BenchmarkFixture

from quantdesk.domain.events import (
    BookChange,
    BookSnapshot,
    QuoteUpdate,
    RawFrame,
    TopOfBook,
)
from quantdesk.market.order_book import OrderBooks
from quantdesk.runtime.clock import SystemClock
from quantdesk.venues.binance import BinanceSettings
from quantdesk.venues.binance import events_of as binance_events_of
from quantdesk.venues.binance.stream_link import StreamLink
from quantdesk.venues.deribit import DeribitFeed, DeribitSettings, events_of
from quantdesk.venues.transport.ws import WsSession

HERE = Path(__file__).parent
RECORDS = HERE.parent / "tests" / "fixtures" / "deribit" / "rest_btc_2026-06-27.json"
FRAMES = 40_000
ROUNDS = 3


SYMBOLS = [f"BTC-260925-{strike}-C" for strike in range(40_000, 60_000, 1_000)]


@contextmanager
def blasting(given: dict[str, object]) -> Iterator[int]:
    """Port of a server of these options, which runs as a process of its own."""
    with subprocess.Popen(
        [sys.executable, str(HERE / "blast_server.py"), str(FRAMES)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(json.dumps(given) + "\n")
        server.stdin.flush()
        yield int(server.stdout.readline())
        server.stdin.close()
        server.wait(10)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Port of the Deribit server."""
    given = json.loads(RECORDS.read_bytes())
    tickers = {ticker["instrument_name"]: ticker for ticker in given["tickers"]}
    with blasting({"instruments": given["instruments"], "tickers": tickers}) as found:
        yield found


@pytest.fixture(scope="module")
def binance_port() -> Iterator[int]:
    """Port of the Binance server."""
    with blasting({"instruments": [], "tickers": {}, "symbols": SYMBOLS}) as found:
        yield found


def deribit_feed(port: int) -> DeribitFeed:
    """Our feed on the server, with all its books."""
    settings = DeribitSettings(
        environment="simulated",
        url=f"ws://127.0.0.1:{port}/ws/api/v2",
        frames_max=2 * FRAMES,
        # One socket only measures: nothing but the messages counted here may come.
        time_poll_s=60.0,
    )
    feed = DeribitFeed(
        settings, name="bench", underlyings=["BTC"], clock=SystemClock(), rng=random.Random(1)
    )
    given = json.loads(RECORDS.read_bytes())
    feed.watch_books([ticker["instrument_name"] for ticker in given["tickers"]])
    return feed


async def feed_with_books(port: int) -> float:
    """Our feed: seconds from the first change of a book to the last message."""
    feed, books, quotes, changes = deribit_feed(port), OrderBooks(), 0, 0
    started_s = 0.0
    async with aclosing(feed.frames()) as frames:
        async for frame in frames:
            for event in events_of(frame):
                if isinstance(event, BookChange):
                    books.apply(event)
                    changes += 1
                elif isinstance(event, QuoteUpdate):
                    quotes += 1
                elif isinstance(event, BookSnapshot):
                    books.apply(event)
            if not started_s and changes:
                started_s = time.process_time()
            if quotes + changes == FRAMES:
                break
        taken_s = time.process_time() - started_s
    assert len(books) > 10
    assert books.bad() == ()
    assert feed.dropped == 0
    return taken_s


async def feed_alone(port: int) -> float:
    """Our feed with its books followed by their ids, and nobody who reads a frame."""
    feed, count, started_s = deribit_feed(port), 0, 0.0
    async with aclosing(feed.frames()) as frames:
        async for frame in frames:
            count += b'"type":"change"' in frame.payload or b'"ticker.' in frame.payload[:80]
            if not started_s and count:
                started_s = time.process_time()
            if count == FRAMES:
                break
    return time.process_time() - started_s


async def socket_alone(port: int) -> float:
    """The transport under our feeds."""
    count, started_s, over = 0, 0.0, asyncio.Event()

    def take(payload: bytes) -> None:
        nonlocal count, started_s
        count += b'"type":"snapshot"' not in payload
        if not started_s and count:
            started_s = time.process_time()
        if count == FRAMES:
            over.set()

    async with await WsSession.connect(f"ws://127.0.0.1:{port}/", timeout_s=5.0) as link:
        await link.send(b"blast")
        reading = asyncio.create_task(link.pass_on(take))
        await over.wait()
        taken_s = time.process_time() - started_s
        reading.cancel()
    return taken_s


async def binance_with_books(port: int) -> float:
    """Binance's public socket, events and books: seconds from the first push to the last."""
    books, count, started_s, over = OrderBooks(), 0, 0.0, asyncio.Event()
    for symbol in SYMBOLS:
        bids = tuple((Decimal(3_000 - 5 * n), Decimal(n + 5)) for n in range(20))
        books.apply(
            BookSnapshot(
                venue="binance",
                instrument_name=symbol,
                event_ns=1,
                recv_ns=1,
                change_id=1_000,
                bids=bids,
                asks=(),
                is_in_sequence=True,
            )
        )

    def emit(payload: bytes, _stream: bytes | None) -> None:
        nonlocal count, started_s
        frame = RawFrame(
            venue="binance", connection="bench", recv_ns=clock.now_ns(), payload=payload
        )
        for event in binance_events_of(frame):
            count += 1
            if isinstance(event, BookChange):
                books.apply(event)
            else:
                assert isinstance(event, TopOfBook)
        if not started_s and count:
            started_s = time.process_time()
        if count == FRAMES:
            over.set()

    clock = SystemClock()
    link = StreamLink(
        BinanceSettings(
            environment="simulated",
            rest_url=f"http://127.0.0.1:{port}",
            stream_url=f"ws://127.0.0.1:{port}",
        ),
        url=f"ws://127.0.0.1:{port}/public/stream",
        label="bench",
        emit=emit,
        on_push=lambda _stream, _payload: None,
        on_open=lambda: None,
        on_up=lambda: None,
        on_problem=lambda _words: None,
        is_blocked=lambda: False,
        check_ban=lambda: None,
        note_ban=lambda _pause_s: None,
        rng=random.Random(1),
    )
    link.want([f"{SYMBOLS[0].lower()}@depth@100ms"])
    running = asyncio.create_task(link.run())
    await over.wait()
    taken_s = time.process_time() - started_s
    running.cancel()
    await asyncio.wait([running])
    assert books.bad() == ()
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
                    started_s = time.process_time()
                if count == FRAMES:
                    break
            return time.process_time() - started_s

    return receive


BARE: dict[str, Callable[[int], Awaitable[float]]] = {
    "bare websockets and json": bare(json.loads),
    "bare websockets and msgspec": bare(msgspec.json.decode),
    "bare websockets and orjson": bare(orjson.loads),
}
DERIBIT = {
    "our socket alone": socket_alone,
    "quantdesk feed, no events": feed_alone,
    "quantdesk feed, events and books": feed_with_books,
    **BARE,
}
BINANCE = {"quantdesk stream, events and books": binance_with_books, **BARE}


@pytest.mark.parametrize("name", DERIBIT)
@pytest.mark.benchmark(group="take in a burst")
def test_messages_a_second(name: str, port: int, benchmark: BenchmarkFixture) -> None:
    measure(DERIBIT[name], port, benchmark)


@pytest.mark.parametrize("name", BINANCE)
@pytest.mark.benchmark(group="take in a burst from Binance")
def test_binance_messages_a_second(
    name: str, binance_port: int, benchmark: BenchmarkFixture
) -> None:
    measure(BINANCE[name], binance_port, benchmark)


def measure(
    receive: Callable[[int], Awaitable[float]], port: int, benchmark: BenchmarkFixture
) -> None:
    taken: list[float] = []

    def one_pass() -> None:
        taken.append(asyncio.run(_timed(receive, port)))

    benchmark.pedantic(one_pass, rounds=ROUNDS, warmup_rounds=1)  # type: ignore[no-untyped-call]
    benchmark.extra_info["messages_per_s"] = round(FRAMES / min(taken))


async def _timed(receive: Callable[[int], Awaitable[float]], port: int) -> float:
    return await receive(port)
