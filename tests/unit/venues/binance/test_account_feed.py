"""The account feed against the scripted venue: signed questions, the listen key's life, secrets."""

from __future__ import annotations

import base64
import json
import logging
import random
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import web

from quantdesk.domain.account import (
    BalanceReport,
    FeeRates,
    OpenOrdersListed,
    OrderReport,
    PositionsListed,
    TradeReport,
)
from quantdesk.domain.secret import Secret
from quantdesk.errors import Rejected
from quantdesk.venues.binance import (
    BinanceAccountFeed,
    BinanceSettings,
    Credentials,
    account_events_of,
)

from .payloads import CAPTURED
from .scripted import (
    API_KEY,
    API_SECRET,
    LISTEN_KEY,
    HandClock,
    MemoryBans,
    Reader,
    ScriptedBinance,
    reading,
    refusal,
    scripted_binance,
    until,
)
from .test_account_decode import TRADED

PRIVATE = f"/private/ws/{LISTEN_KEY}"
START = [
    "POST listenKey",
    "GET time",
    "GET marginAccount",
    "GET position",
    "GET openOrders",
    "GET commission",
]


@dataclass(slots=True)
class Line:
    feed: BinanceAccountFeed
    reader: Reader
    venue: ScriptedBinance
    clock: HandClock

    async def live(self) -> None:
        await until(lambda: self.feed.state == "live")


def make_feed(
    venue: ScriptedBinance,
    clock: HandClock,
    *,
    key: str = API_KEY,
    secret: str = API_SECRET,
    **changes: Any,
) -> BinanceAccountFeed:
    settings = BinanceSettings(
        environment="simulated",
        rest_url=venue.base,
        stream_url=venue.base.replace("http", "ws"),
        **{"backoff_low_s": 0.01, "backoff_high_s": 0.02, **changes},
    )
    return BinanceAccountFeed(
        settings,
        name="binance-account",
        credentials=Credentials(key=Secret(key), secret=Secret(secret)),
        clock=clock,
        rng=random.Random(7),
        bans=MemoryBans(),
    )


@asynccontextmanager
async def open_line(
    prepare: Callable[[ScriptedBinance], None] = lambda venue: None, **changes: Any
) -> AsyncIterator[Line]:
    clock = HandClock()
    async with scripted_binance(clock) as venue:
        prepare(venue)
        feed = make_feed(venue, clock, **changes)
        async with reading(feed, account_events_of) as reader:
            yield Line(feed=feed, reader=reader, venue=venue, clock=clock)


async def test_account_is_read_whole_over_signed_questions() -> None:
    async with open_line() as line:
        await line.live()
        assert line.venue.asked == START
        await until(lambda: line.reader.of_type(FeeRates))
        assert [b.currency for b in line.reader.of_type(BalanceReport)] == ["USDT"]
        assert len(line.reader.of_type(PositionsListed)) == 1
        assert len(line.reader.of_type(OpenOrdersListed)) == 1
        assert len(line.venue.sockets(PRIVATE)) == 1
        assert {f.connection for f in line.reader.frames} == {"binance-account"}


async def test_trades_of_what_we_hold_are_fetched() -> None:
    def holding(venue: ScriptedBinance) -> None:
        venue.positions = CAPTURED["order", "TestPosition"]

    async with open_line(holding) as line:
        await until(lambda: line.reader.of_type(TradeReport))
        asked = [q for q in line.venue.queries if q.startswith("symbol=")]
        assert asked[0].startswith("symbol=DOGE-240531-0.14-C&limit=100&recvWindow=5000&timestamp=")


async def test_order_of_ours_comes_over_the_stream() -> None:
    async with open_line() as line:
        await line.live()
        await line.venue.send_raw(PRIVATE, json.dumps(TRADED).encode())
        await until(lambda: line.reader.of_type(OrderReport))
        assert line.reader.of_type(TradeReport)[0].order_id == "4611875134427365377"


async def test_account_is_read_again_on_a_clock() -> None:
    async with open_line(account_poll_s=0.05) as line:
        await until(lambda: line.venue.count("GET position") >= 3)


async def test_listen_key_is_kept_alive() -> None:
    async with open_line(listen_key_s=0.05) as line:
        await until(lambda: line.venue.count("PUT listenKey") >= 2)
        assert line.feed.state == "live"
        assert line.venue.count("DELETE listenKey") == 0


@pytest.mark.parametrize(
    "end",
    [
        b'{"e":"@dataStream#expired","expiration":1762855900452}',
        b'{"e":"listenKeyExpired","E":"1762855900452","listenKey":"canaryListenKeyOfTheTest0123456789"}',
    ],
)
async def test_expired_listen_key_is_replaced_and_the_account_read_again(end: bytes) -> None:
    async with open_line() as line:
        await line.live()
        await line.venue.send_raw(PRIVATE, end)
        await until(lambda: line.feed.reconnects == 1)
        assert line.venue.asked == START * 2
        assert line.feed.state == "live"


async def test_listen_key_that_the_venue_forgot_is_replaced() -> None:
    def forgetful(venue: ScriptedBinance) -> None:
        venue.answers["PUT listenKey"] = lambda http: refusal(400, -1125, "unknown")

    async with open_line(forgetful, listen_key_s=0.05) as line:
        await until(lambda: line.feed.reconnects >= 1)
        assert "listen key" in line.feed.last_problem


async def test_lost_stream_is_opened_again_and_the_account_read_again() -> None:
    async with open_line() as line:
        await line.live()
        await line.venue.drop(PRIVATE)
        await until(lambda: line.feed.reconnects == 1)
        assert line.venue.count("GET openOrders") == 2


async def test_clock_that_the_venue_refuses_is_measured_again() -> None:
    async with open_line(account_poll_s=0.05) as line:
        await line.live()
        times = line.venue.count("GET time")
        line.venue.offset_ms += 3_600_000
        # The timed measurement comes before each reading; spoil it so that the refusal has to.
        stale = iter([web.json_response({"serverTime": line.clock.now_ms()})])
        line.venue.answers["GET time"] = lambda http: next(stale, None)
        await until(lambda: line.venue.count("GET time") >= times + 2)
        before = line.venue.count("GET marginAccount")
        await until(lambda: line.venue.count("GET marginAccount") > before)
        assert line.feed.state == "live"


@pytest.mark.parametrize(("name", "value"), [("key", "wrongKey1"), ("secret", "wrongSecret1")])
async def test_key_that_the_venue_refuses_ends_the_feed(name: str, value: str) -> None:
    clock = HandClock()
    async with scripted_binance(clock) as venue:
        feed = make_feed(venue, clock, **{name: value})
        with pytest.raises(Rejected) as refused:
            async for _ in feed.frames():
                pass
        assert refused.value.code in (-2015, -1022)
        assert value not in str(refused.value)
        assert len(venue.asked) <= 3


async def test_answer_without_a_listen_key_is_tried_again() -> None:
    answers = iter([{"listenKey": ""}, {"listenKey": "a/../b"}, {}, {"listenKey": 5}])

    def odd(venue: ScriptedBinance) -> None:
        def answer(http: web.Request) -> web.Response | None:
            body = next(answers, None)
            return None if body is None else web.json_response(body)

        venue.answers["POST listenKey"] = answer

    async with open_line(odd) as line:
        await line.live()
        assert line.venue.count("POST listenKey") == 5


CANARIES = [
    form
    for text in (API_KEY, API_SECRET, LISTEN_KEY)
    for form in (text, quote(text), text.encode().hex(), base64.b64encode(text.encode()).decode())
]


def leaks(text: str) -> list[str]:
    return [form for form in CANARIES if form in text]


async def test_no_secret_is_recorded_logged_or_told(caplog: pytest.LogCaptureFixture) -> None:
    def quoting(venue: ScriptedBinance) -> None:
        """A proxy whose pages quote the request that they refuse, once for each question."""
        pages: set[str] = set()

        def page(http: web.Request) -> web.Response | None:
            asked = f"{http.method} {http.path}"
            if asked in pages:
                return None
            pages.add(asked)
            return web.Response(status=502, text=f"{http.url} {dict(http.headers)} {API_SECRET}")

        for question in (*START, "PUT listenKey"):
            venue.answers[question] = page

    problems: list[str] = []
    with caplog.at_level(logging.DEBUG):
        async with open_line(quoting, listen_key_s=0.05, probe_s=5.0) as line:
            await until(lambda: line.feed.state == "live" and line.venue.count("PUT listenKey"))
            problems.append(line.feed.last_problem)
            line.venue.handshake = web.Response(status=500, text=LISTEN_KEY)
            opened = line.venue.opened
            await line.venue.drop(PRIVATE)
            await until(lambda: line.venue.opened > opened)
            await until(lambda: "refused the connection" in line.feed.last_problem)
            problems.append(line.feed.last_problem)
            line.venue.handshake = None
            await line.live()
            expired = {"e": "listenKeyExpired", "E": 1, "listenKey": LISTEN_KEY}
            await line.venue.send_raw(PRIVATE, json.dumps(expired).encode())
            await until(lambda: "is over" in line.feed.last_problem)
        frames = line.reader.frames
    assert len(frames) > 10
    assert any(b"***" in frame.payload for frame in frames)
    told = [repr(line.feed.__dict__), repr(line.feed), *problems]
    told += [repr(event) for frame in frames for event in account_events_of(frame)]
    assert not leaks(" ".join(frame.payload.decode() for frame in frames))
    # The server of the test logs its requests as any server may; the client's side is ours.
    theirs = ("aiohttp.access", "aiohttp.server")
    ours = [record for record in caplog.records if record.name not in theirs]
    assert not leaks(" ".join([*told, *(record.getMessage() for record in ours)]))


async def test_no_secret_is_in_the_error_of_a_dead_line() -> None:
    clock = HandClock()
    async with scripted_binance(clock) as venue:
        settings = BinanceSettings(
            environment="simulated",
            rest_url=venue.base,
            stream_url="ws://127.0.0.1:9",
            backoff_low_s=0.01,
            backoff_high_s=0.02,
        )
        feed = BinanceAccountFeed(
            settings,
            name="a",
            credentials=Credentials(key=Secret(API_KEY), secret=Secret(API_SECRET)),
            clock=clock,
            rng=random.Random(1),
            bans=MemoryBans(),
        )
        async with reading(feed, account_events_of):
            await until(lambda: "no connection" in feed.last_problem)
            assert "/private/ws/***" in feed.last_problem


async def test_no_secret_is_in_the_traceback_of_a_refusal() -> None:
    clock = HandClock()
    async with scripted_binance(clock) as venue:
        venue.answers["GET position"] = lambda http: refusal(401, -2015, f"key {API_KEY} refused")
        feed = make_feed(venue, clock)
        with pytest.raises(Rejected) as refused:
            async for _ in feed.frames():
                pass
    lines = traceback.format_exception(refused.value)
    assert not leaks("".join(lines))
    assert "key *** refused" in str(refused.value)
