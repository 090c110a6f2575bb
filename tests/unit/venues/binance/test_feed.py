"""The market feed against a venue on loopback that misbehaves as told. Real sockets, no sleeps."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web

from quantdesk.domain.events import (
    DayStats,
    FrameSetAside,
    InstrumentsListed,
    MarkUpdate,
    TopOfBook,
    VenueTime,
)
from quantdesk.errors import ConfigError, StorageError
from quantdesk.venues.binance import BinanceFeed, BinanceSettings, events_of

from .payloads import NEW_SYMBOL_PUSH, STREAMS, SYMBOLS, exchange_info, symbol_record
from .scripted import (
    HandClock,
    MemoryBans,
    Reader,
    ScriptedBinance,
    ok,
    reading,
    refusal,
    scripted_binance,
    until,
)

MARKS = STREAMS[7]
BOOK = STREAMS[3]
MARKET, PUBLIC = "/market/stream", "/public/stream"
FAST = {"backoff_low_s": 0.01, "backoff_high_s": 0.02, "relist_gap_s": 0.01}


@dataclass(slots=True)
class Line:
    """A feed that runs, what it brought, and the venue on its other end."""

    feed: BinanceFeed
    reader: Reader
    venue: ScriptedBinance
    clock: HandClock
    bans: MemoryBans

    async def live(self) -> None:
        """Until the feed says live and the venue has all its streams."""
        await until(lambda: self.feed.state == "live")


def make_feed(
    venue: ScriptedBinance,
    clock: HandClock,
    bans: MemoryBans,
    coins: Sequence[str] = ("BTC", "ETH"),
    **changes: Any,
) -> BinanceFeed:
    settings = BinanceSettings(
        environment="simulated",
        rest_url=venue.base,
        stream_url=venue.base.replace("http", "ws"),
        **{**FAST, "messages_per_s": 10.0, **changes},
    )
    return BinanceFeed(
        settings,
        name="binance",
        underlyings=coins,
        clock=clock,
        rng=random.Random(7),
        bans=bans,
    )


@asynccontextmanager
async def open_line(
    prepare: Callable[[ScriptedBinance], None] = lambda venue: None, **changes: Any
) -> AsyncIterator[Line]:
    clock, bans = HandClock(), MemoryBans()
    async with scripted_binance(clock) as venue:
        prepare(venue)
        feed = make_feed(venue, clock, bans, **changes)
        async with reading(feed, events_of) as reader:
            yield Line(feed=feed, reader=reader, venue=venue, clock=clock, bans=bans)


async def test_list_clock_marks_and_streams_come_in_order() -> None:
    async with open_line() as line:
        await line.live()
        await line.venue.push(MARKS)
        await line.venue.push(STREAMS[2].replace(b"depth20@100ms", b"bookTicker"))
        await line.venue.push(BOOK)
        await until(lambda: bool(line.reader.of_type(TopOfBook)))
        await until(lambda: bool(line.reader.of_type(DayStats)))
        listed = line.reader.of_type(InstrumentsListed)
        assert [(e.underlying, len(e.instruments)) for e in listed] == [("BTC", 2), ("ETH", 2)]
        assert line.venue.asked[:3] == ["GET time", "GET exchangeInfo", "GET mark"]
        clock = line.reader.of_type(VenueTime)[0]
        assert abs(clock.event_ns - clock.recv_ns - 30_000 * 10**6) < 10**7
        assert {f.connection for f in line.reader.frames} == {"binance"}
        assert line.reader.of_type(MarkUpdate)[0].instrument_name == "ETH-240628-800-C"


async def test_each_stream_is_on_its_own_path() -> None:
    async with open_line() as line:
        await line.live()
        by_path: dict[str, set[str]] = {}
        for request in line.venue.requests:
            by_path.setdefault(request["path"], set()).update(request["params"])
        assert by_path[MARKET] == {
            "!index@arr",
            "!optionSymbol",
            *(f"{coin}usdt@optionMarkPrice" for coin in ("btc", "eth")),
            *(f"{coin}usdt@openInterest@2512{d}" for coin in ("btc", "eth") for d in (18, 19)),
        }
        assert {f"{symbol.lower()}@bookTicker" for symbol in SYMBOLS} < by_path[PUBLIC]
        assert line.feed.granted == line.venue.subscribed()


async def test_streams_share_as_many_connections_as_they_need() -> None:
    async with open_line(streams_per_connection=4, streams_per_request=3) as line:
        await line.live()
        assert len(line.venue.sockets(PUBLIC)) == 3
        assert max(len(socket.streams) for socket in line.venue.sockets(PUBLIC)) <= 4
        assert max(len(request["params"]) for request in line.venue.requests) <= 3
        assert line.feed.left_out == ()


async def test_what_does_not_fit_is_told() -> None:
    async with open_line(streams_per_connection=4, connections_max=2) as line:
        await line.live()
        assert line.feed.left_out == (
            "btc-251219-89000-c@bookTicker",
            "eth-251219-3100-c@bookTicker",
        )
        assert "2 streams do not fit" in line.feed.last_problem


async def test_lost_connection_is_made_again_and_everything_subscribed() -> None:
    async with open_line() as line:
        await line.live()
        before = line.feed.granted
        statistics = line.venue.count("GET ticker")
        await line.venue.drop(MARKET)
        await until(lambda: line.feed.reconnects == 1 and line.feed.state == "live")
        assert line.feed.granted == before == line.venue.subscribed()
        assert "closed by the venue" in line.feed.last_problem
        await until(lambda: line.venue.count("GET ticker") > statistics)


async def test_feed_is_reconnecting_while_one_socket_is_down() -> None:
    async with open_line() as line:
        await line.live()
        line.venue.handshake = web.Response(status=503)
        opened = line.venue.opened
        await line.venue.drop(PUBLIC)
        await until(lambda: line.venue.opened > opened)
        assert line.feed.state == "reconnecting"
        line.venue.handshake = None
        await line.live()


async def test_silent_and_mute_connection_is_given_up() -> None:
    async with open_line(probe_s=0.1, stream_silence_s=60.0) as line:
        await line.live()
        line.venue.is_mute = True
        await until(lambda: line.feed.reconnects > 0)
        assert "nothing came for" in line.feed.last_problem


async def test_silent_connection_that_answers_is_kept() -> None:
    async with open_line(probe_s=0.2, stream_silence_s=60.0) as line:
        await line.live()
        await until(
            lambda: sum(r["method"] == "LIST_SUBSCRIPTIONS" for r in line.venue.requests) >= 4
        )
        assert (line.feed.reconnects, line.feed.state) == (0, "live")


async def test_stream_that_the_venue_forgot_is_asked_for_again() -> None:
    def deaf(venue: ScriptedBinance) -> None:
        venue.deaf = {"btcusdt@optionMarkPrice"}

    async with open_line(deaf, probe_s=0.2, stream_silence_s=60.0) as line:
        await line.live()
        assert "btcusdt@optionMarkPrice" not in line.venue.subscribed()
        line.venue.deaf = set()
        await until(lambda: "btcusdt@optionMarkPrice" in line.venue.subscribed())
        assert "streams were lost" in line.feed.last_problem


async def test_stream_that_falls_silent_is_subscribed_anew_then_its_connection_replaced() -> None:
    async with open_line(stream_silence_s=0.2) as line:
        await line.live()
        await until(
            lambda: any(
                r["method"] == "UNSUBSCRIBE" and "btcusdt@optionMarkPrice" in r["params"]
                for r in line.venue.requests
            )
        )
        await until(lambda: line.feed.reconnects > 0)


async def test_refused_streams_are_told_and_the_rest_works() -> None:
    def refusing(venue: ScriptedBinance) -> None:
        venue.refused = {"btcusdt@openInterest@251218"}

    async with open_line(refusing, streams_per_request=1) as line:
        await line.live()
        assert "btcusdt@openInterest@251218" not in line.feed.granted
        assert "ethusdt@openInterest@251219" in line.feed.granted
        assert "SUBSCRIBE of 1 streams refused: 2 Invalid request" in line.feed.last_problem
        assert [e.kind for e in line.reader.of_type(FrameSetAside)] == ["venue_error"]


async def test_new_symbol_brings_a_new_list_and_its_streams() -> None:
    async with open_line() as line:
        await line.live()
        name = "BTC-251219-95000-C"
        records = [symbol_record(symbol) for symbol in (*SYMBOLS[1:], name)]
        line.venue.info = exchange_info(*records)
        await line.venue.push(
            json.dumps(
                {
                    "stream": "!optionSymbol",
                    "data": {"e": "optionSymbol", "E": 1765983420000, "s": name, "cs": "TRADING"},
                }
            )
        )
        await until(
            lambda: (
                f"{name.lower()}@bookTicker" in line.venue.subscribed()
                and f"{SYMBOLS[0].lower()}@bookTicker" not in line.venue.subscribed()
            )
        )
        newest = [e for e in line.reader.of_type(InstrumentsListed) if e.underlying == "BTC"][-1]
        assert [instrument.name for instrument in newest.instruments] == [SYMBOLS[1], name]


async def test_list_is_fetched_after_an_expiry() -> None:
    async with scripted_binance(HandClock()) as venue:
        # A second before the first expiry of the list, on the venue's clock.
        expiry_ns = 1_766_044_800_000 * 10**6
        venue.clock.now = expiry_ns - 10**9 // 2 - venue.offset_ms * 10**6
        feed = make_feed(venue, venue.clock, MemoryBans(), expiry_lag_s=0.01)
        async with reading(feed, events_of):
            await until(lambda: venue.count("GET exchangeInfo") >= 2)


async def test_start_goes_on_until_the_list_comes() -> None:
    failures = iter([web.Response(status=502, text="<html>"), refusal(500, -1001, "busy")])

    def failing(venue: ScriptedBinance) -> None:
        venue.answers["GET exchangeInfo"] = lambda http: next(failures, None)

    async with open_line(failing) as line:
        await line.live()
        assert line.venue.count("GET exchangeInfo") == 3
        kinds = [e.kind for e in line.reader.of_type(FrameSetAside)]
        assert kinds == ["venue_error", "venue_error"]


@pytest.mark.parametrize(
    ("response", "ban_s"),
    [
        (lambda: refusal(429, -1003, "Too many requests", **{"Retry-After": "7"}), 7),
        (lambda: refusal(418, -1003, "IP banned", **{"Retry-After": "120"}), 120),
        (lambda: refusal(418, -1003, "Way too many requests; IP banned until {until}."), 900),
        (lambda: refusal(418, -1003, "IP banned"), 300),
        (lambda: web.Response(status=403, text="<html>WAF</html>"), 300),
        (lambda: refusal(429, -1003, "Too many", **{"Retry-After": "99999999"}), 3 * 86_400),
    ],
)
async def test_ban_stops_everything_and_is_kept(
    response: Callable[[], web.Response], ban_s: int
) -> None:
    clock, bans = HandClock(), MemoryBans()
    async with scripted_binance(clock) as venue:

        def banning(http: web.Request) -> web.Response | None:
            made = response()
            until = str(venue.clock.now_ms() + venue.offset_ms + 900_000)
            body = (made.body or b"").replace(b"{until}", until.encode())  # type: ignore[union-attr]
            return web.Response(status=made.status, body=body, headers=dict(made.headers))

        venue.answers["GET mark"] = banning
        feed = make_feed(venue, clock, bans)
        async with reading(feed, events_of) as reader:
            await until(lambda: bool(reader.of_type(FrameSetAside)))
            (until_ns,) = bans.bans.values()
            assert (until_ns - clock.now) / 10**9 == pytest.approx(ban_s, abs=1)
            await until(lambda: "nothing is sent" in feed.last_problem)
            asked = list(venue.asked)
        assert venue.asked == asked == ["GET time", "GET exchangeInfo", "GET mark"]
        assert venue.opened == 0


async def test_ban_of_an_earlier_run_is_respected() -> None:
    clock, bans = HandClock(), MemoryBans()
    async with scripted_binance(clock) as venue:
        bans.note_ban(venue.base.removeprefix("http://"), clock.now + 3600 * 10**9)
        feed = make_feed(venue, clock, bans)
        async with reading(feed, events_of):
            await until(lambda: "refuses this address" in feed.last_problem)
        assert (venue.asked, venue.opened) == ([], 0)


async def test_end_of_a_ban_ends_the_silence() -> None:
    clock, bans = HandClock(), MemoryBans()
    async with scripted_binance(clock) as venue:
        bans.note_ban(venue.base.removeprefix("http://"), clock.now + 10**8)
        feed = make_feed(venue, clock, bans)
        async with reading(feed, events_of):
            await until(lambda: feed.last_problem)
            clock.now += 10**9
            await until(lambda: feed.state == "live")


async def test_ban_from_a_clock_that_was_wrong_is_not_believed() -> None:
    clock, bans = HandClock(), MemoryBans()
    async with scripted_binance(clock) as venue:
        bans.note_ban(venue.base.removeprefix("http://"), clock.now + 40 * 86_400 * 10**9)
        feed = make_feed(venue, clock, bans)
        async with reading(feed, events_of):
            await until(lambda: feed.state == "live")


async def test_banned_handshake_is_kept_too() -> None:
    def banned(venue: ScriptedBinance) -> None:
        venue.handshake = web.Response(status=418, headers={"Retry-After": "60"})

    async with open_line(banned) as line:
        await until(lambda: bool(line.bans.bans))
        (until_ns,) = line.bans.bans.values()
        assert (until_ns - line.clock.now) / 10**9 == pytest.approx(60, abs=1)


async def test_ban_that_can_not_be_stored_still_holds() -> None:
    class FullDisk(MemoryBans):
        def note_ban(self, address: str, until_ns: int) -> None:
            raise StorageError("bans.json: can not be written: no space")

    clock = HandClock()
    async with scripted_binance(clock) as venue:
        venue.answers["GET mark"] = lambda http: refusal(418, -1003, "IP banned")
        feed = make_feed(venue, clock, FullDisk())
        async with reading(feed, events_of) as reader:
            await until(lambda: bool(reader.of_type(FrameSetAside)))
            await until(lambda: "nothing is sent" in feed.last_problem)
        assert venue.count("GET mark") == 1


async def test_ban_that_can_not_be_stored_silences_sockets_too() -> None:
    class FullDisk(MemoryBans):
        def note_ban(self, address: str, until_ns: int) -> None:
            raise StorageError("bans.json: can not be written: no space")

    clock = HandClock()
    async with scripted_binance(clock) as venue:
        feed = make_feed(venue, clock, FullDisk(), time_poll_s=0.05)
        async with reading(feed, events_of):
            await until(lambda: feed.state == "live")
            venue.answers["GET time"] = lambda http: refusal(418, -1003, "IP banned")
            await until(lambda: "nothing is sent" in feed.last_problem)
            opened = venue.opened
            await venue.drop(MARKET)
            await until(lambda: "market: " in feed.last_problem and "refuses" in feed.last_problem)
            assert venue.opened == opened


async def test_weight_in_the_answers_holds_back_what_would_exceed_it() -> None:
    def heavy(venue: ScriptedBinance) -> None:
        venue.answers["GET exchangeInfo"] = lambda http: ok(
            {**venue.info, "serverTime": venue.clock.now_ms()},
            **{"X-MBX-USED-WEIGHT-1M": "1999"},
        )

    async with open_line(heavy) as line:
        await until(lambda: len(line.reader.of_type(InstrumentsListed)) == 2)
        for _ in range(50):
            await asyncio.sleep(0)
        assert line.venue.count("GET mark") == 0


async def test_bad_bytes_are_passed_on_and_end_nothing() -> None:
    async with open_line() as line:
        await line.live()
        for data in (b"\xff\xfe", b"{", b"null", b'{"stream":"btcusdt@optionMarkPrice"}'):
            await line.venue.send_raw(MARKET, data)
        await line.venue.push(MARKS)
        await until(lambda: bool(line.reader.of_type(TopOfBook)))
        kinds = [e.kind for e in line.reader.of_type(FrameSetAside)]
        assert kinds == ["not_utf8", "not_json", "bad_field", "missing_field"]
        assert line.feed.reconnects == 0


async def test_slow_desk_gets_the_newest_marks_and_every_answer() -> None:
    async with open_line(frames_max=8) as line:
        await line.live()
        line.reader.may_read.clear()
        before = line.reader.of_type(InstrumentsListed)
        for number in range(1, 201):
            await line.venue.push(MARKS.replace(b"1450.5", str(number).encode()))
        await until(lambda: line.feed.dropped)
        await line.venue.push(NEW_SYMBOL_PUSH)
        await until(lambda: line.venue.count("GET exchangeInfo") == 2)
        line.reader.may_read.set()
        await until(lambda: len(line.reader.of_type(InstrumentsListed)) == 2 * len(before))
        marks = [event.mark for event in line.reader.of_type(MarkUpdate)]
        assert marks[-1] == 200
        assert marks[1:] == sorted(marks[1:])
        assert len(marks) + line.feed.dropped == 201


async def test_connection_is_replaced_before_the_venue_ends_it() -> None:
    async with open_line(connection_age_s=0.2) as line:
        await until(lambda: line.feed.reconnects >= 2)
        assert "replaced before" in line.feed.last_problem


async def test_closed_feed_ends_its_frames_and_tasks() -> None:
    clock = HandClock()
    async with scripted_binance(clock) as venue:
        feed = make_feed(venue, clock, MemoryBans())
        before = asyncio.all_tasks()
        async with reading(feed, events_of):
            await until(lambda: feed.state == "live")
        await until(lambda: not venue.open)
        assert feed.state == "closed"
        ours = [t for t in asyncio.all_tasks() - before if "feed" in t.get_name()]
        assert not ours
        with pytest.raises(ConfigError, match="read once"):
            await anext(feed.frames())


@pytest.mark.parametrize("coins", [[], ["btc"], ["BTC-USDT"], ["BTC", ""]])
def test_underlyings_must_be_coins(coins: list[str]) -> None:
    settings = BinanceSettings(environment="live")
    with pytest.raises(ConfigError, match="underlyings"):
        BinanceFeed(
            settings,
            name="b",
            underlyings=coins,
            clock=HandClock(),
            rng=random.Random(1),
            bans=MemoryBans(),
        )
