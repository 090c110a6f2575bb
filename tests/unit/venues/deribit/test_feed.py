"""The feed against a venue on loopback that misbehaves as told. Real sockets, no sleeps."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from quantdesk.domain.events import FrameSetAside, InstrumentsListed, QuoteUpdate, RawFrame
from quantdesk.domain.ports import MarketFeed
from quantdesk.errors import ConfigError, ProtocolError
from quantdesk.venues.deribit import DeribitFeed, DeribitSettings, events_of
from quantdesk.venues.transport.ws import CertificateRefused, WsSession

OpenVenue = Callable[[], Any]

TEST_REQUEST = '{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"test_request"}}'


class CountingClock:
    """A clock that moves one microsecond each time it is read."""

    def __init__(self) -> None:
        self._now_ns = 1_782_552_300_000_000_000

    def now_ns(self) -> int:
        self._now_ns += 1_000
        return self._now_ns


class Reader:
    """Reads a feed in the background and keeps what came."""

    def __init__(self, feed: DeribitFeed) -> None:
        self.feed = feed
        self.frames: list[RawFrame] = []
        self.pause = asyncio.Event()
        self.pause.set()
        self._came = asyncio.Condition()

    async def read(self) -> None:
        async with aclosing(self.feed.frames()) as frames:
            async for frame in frames:
                self.frames.append(frame)
                async with self._came:
                    self._came.notify_all()
                await self.pause.wait()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Until `condition` holds; looked at whenever a frame came."""
        async with asyncio.timeout(10), self._came:
            await self._came.wait_for(condition)

    async def eventually(self, condition: Callable[[], bool]) -> None:
        """Until `condition` holds, of which no frame may tell; all others run meanwhile."""
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110  (nothing could set an event)
                await asyncio.sleep(0)

    def of_type(self, kind: type[Any]) -> list[Any]:
        """Events of `kind` so far."""
        return [e for f in self.frames for e in events_of(f) if isinstance(e, kind)]


def quick(url: str, **changes: Any) -> DeribitSettings:
    """Settings of a desk in a hurry."""
    values: dict[str, Any] = {
        "environment": "simulated",
        "url": url,
        "backoff_low_s": 0.01,
        "backoff_high_s": 0.05,
        "relist_gap_s": 0.01,
        **changes,
    }
    return DeribitSettings(**values)


@asynccontextmanager
async def reading(settings: DeribitSettings) -> AsyncIterator[Reader]:
    feed = DeribitFeed(
        settings,
        name="deribit-btc",
        underlyings=["BTC"],
        clock=CountingClock(),
        rng=random.Random(7),
    )
    reader = Reader(feed)
    task = asyncio.create_task(reader.read())
    try:
        yield reader
    finally:
        await feed.close()
        await task


def is_quoted(reader: Reader) -> Callable[[], bool]:
    return lambda: bool(reader.of_type(QuoteUpdate))


async def test_start_brings_list_and_quotes_and_every_frame(scripted_venue: OpenVenue) -> None:
    async with scripted_venue() as venue, reading(quick(venue.url)) as reader:
        await reader.until(is_quoted(reader))
        feed: MarketFeed = reader.feed
        assert (feed.name, feed.venue, feed.state) == ("deribit-btc", "deribit", "live")
        assert (feed.reconnects, feed.last_problem) == (0, "")
        (listed,) = reader.of_type(InstrumentsListed)
        assert [i.name for i in listed.instruments] == [venue.NAME]
        assert reader.feed.granted == {
            "platform_state",
            "platform_state.public_methods_state",
            "instrument.state.any.BTC",
            "instrument.creation.any.BTC",
            "deribit_price_index.btc_usd",
            f"ticker.{venue.NAME}.100ms",
            "markprice.options.btc_usd",
            "deribit_volatility_index.btc_usd",
            "trades.option.BTC.100ms",
            "trades.future.BTC.100ms",
        }
        methods = [request["method"] for request in venue.requests]
        assert methods == [
            "public/hello",
            "public/set_heartbeat",
            "public/get_time",
            "public/get_instruments",
            "public/subscribe",
        ]
        assert venue.requests[3]["params"] == {"currency": "BTC", "expired": False}
        answered = [json.loads(frame.payload).get("id") for frame in reader.frames]
        assert [i for i in answered if i] == [request["id"] for request in venue.requests]
        assert not reader.of_type(FrameSetAside)
        stamps = [frame.recv_ns for frame in reader.frames]
        assert stamps == sorted(set(stamps))
    assert reader.feed.state == "closed"


async def test_test_request_is_answered(scripted_venue: OpenVenue) -> None:
    async with scripted_venue() as venue, reading(quick(venue.url)) as reader:
        await reader.until(is_quoted(reader))
        await venue.send(TEST_REQUEST)
        await venue.wait_for(lambda: len(venue.asked("public/test")) == 1)


async def test_lost_connection_is_made_again_and_subscribed_again(
    scripted_venue: OpenVenue,
) -> None:
    async with scripted_venue() as venue, reading(quick(venue.url)) as reader:
        await reader.until(is_quoted(reader))
        await venue.sockets[0].close()
        await reader.until(lambda: len(reader.of_type(QuoteUpdate)) == 2)
        assert reader.feed.reconnects == 1
        assert reader.feed.state == "live"
        assert "closed by the venue" in reader.feed.last_problem
        assert len(venue.asked("public/set_heartbeat")) == 2


async def test_silence_is_a_lost_connection(scripted_venue: OpenVenue) -> None:
    async with scripted_venue() as venue:
        settings = quick(venue.url, time_poll_s=0.05, silence_margin_s=0.1)
        async with reading(settings) as reader:
            await reader.until(is_quoted(reader))
            venue.answers["public/get_time"] = lambda _: None
            await venue.wait_for(lambda: venue.connections == 2)
            assert "nothing came for 0.2 s" in reader.feed.last_problem
            venue.answers.clear()
            await reader.until(lambda: reader.feed.state == "live")


async def test_an_answer_that_never_comes_is_a_lost_connection(scripted_venue: OpenVenue) -> None:
    async with scripted_venue() as venue:
        venue.answers["public/get_instruments"] = lambda _: None
        async with reading(quick(venue.url, request_timeout_s=0.1)) as reader:
            await venue.wait_for(lambda: venue.connections == 2)
            assert reader.feed.last_problem == "no answer to public/get_instruments within 0.1 s"
            venue.answers.clear()
            await reader.until(is_quoted(reader))


async def test_refused_channels_are_named_and_asked_for_again(scripted_venue: OpenVenue) -> None:
    async with scripted_venue() as venue:
        index = "deribit_price_index.btc_usd"
        venue.answers["public/subscribe"] = lambda request: [
            channel for channel in request["params"]["channels"] if channel != index
        ]
        async with reading(quick(venue.url, refused_retry_s=0.05)) as reader:
            await reader.until(lambda: reader.feed.state == "live")
            assert reader.feed.refused == {index}
            assert index in reader.feed.last_problem
            del venue.answers["public/subscribe"]
            await venue.wait_for(lambda: len(venue.asked("public/subscribe")) >= 2)
            assert venue.asked("public/subscribe")[-1]["params"]["channels"] == [index]
            await reader.until(lambda: not reader.feed.refused)
            assert reader.feed.reconnects == 0


async def test_a_refused_request_does_not_cost_the_connection(scripted_venue: OpenVenue) -> None:
    async with scripted_venue() as venue:
        error = {"error": {"code": -32602, "message": "Invalid params"}}
        venue.answers["public/set_heartbeat"] = lambda _: error
        async with reading(quick(venue.url)) as reader:
            await reader.until(is_quoted(reader))
            assert reader.feed.reconnects == 0
            assert "-32602: Invalid params" in reader.feed.last_problem


async def test_too_many_requests_means_a_longer_pause(scripted_venue: OpenVenue) -> None:
    async with scripted_venue() as venue:
        error = {"error": {"code": 10028, "message": "too_many_requests"}}
        venue.answers["public/get_instruments"] = lambda _: error
        async with reading(quick(venue.url, rate_limit_pause_s=0.3)) as reader:
            started_s = asyncio.get_running_loop().time()
            await venue.wait_for(lambda: len(venue.asked("public/get_instruments")) == 1)
            venue.answers.clear()
            await reader.until(is_quoted(reader))
            assert asyncio.get_running_loop().time() - started_s >= 0.3
            assert reader.feed.last_problem == "venue error 10028: too_many_requests"


async def test_maintenance_is_shown_until_it_is_over(scripted_venue: OpenVenue) -> None:
    async with scripted_venue() as venue, reading(quick(venue.url)) as reader:
        await reader.until(is_quoted(reader))
        error = {"error": {"code": 11051, "message": "system_maintenance"}}
        venue.answers["public/get_instruments"] = lambda _: error
        head = (
            '{"jsonrpc":"2.0","method":"subscription","params":{"channel":"platform_state","data":'
        )
        await venue.send(head + '{"maintenance":true}}}')
        await reader.until(lambda: reader.feed.state == "maintenance")
        await venue.wait_for(lambda: venue.connections >= 3)
        assert reader.feed.state == "maintenance"
        venue.answers.clear()
        await reader.until(lambda: len(reader.of_type(QuoteUpdate)) == 2)
        assert reader.feed.state == "live"


@pytest.mark.parametrize("channel", ["state", "creation"])
async def test_a_new_or_changed_instrument_is_listed_and_subscribed(
    channel: str, scripted_venue: OpenVenue, btc_2026: dict[str, bytes]
) -> None:
    records = json.loads(btc_2026["instruments"])["result"][:2]
    second = records[1]["instrument_name"]
    async with scripted_venue() as venue, reading(quick(venue.url)) as reader:
        await reader.until(is_quoted(reader))
        venue.answers["public/get_instruments"] = lambda _: records
        state = {"timestamp": 1_782_552_300_500, "state": "open", "instrument_name": second}
        data = state if channel == "state" else records[1]
        push = {"channel": f"instrument.{channel}.any.BTC", "data": data}
        body = {"jsonrpc": "2.0", "method": "subscription", "params": push}
        await venue.send(json.dumps(body))
        await venue.wait_for(lambda: len(venue.asked("public/subscribe")) == 2)
        assert venue.asked("public/subscribe")[1]["params"]["channels"] == [
            f"ticker.{second}.100ms"
        ]


@pytest.mark.parametrize("answer", [[{"name": "?"}], {"error": {"code": 11050, "message": "?"}}])
async def test_a_list_that_can_not_be_had_leaves_the_subscriptions_alone(
    answer: Any, scripted_venue: OpenVenue
) -> None:
    async with scripted_venue() as venue, reading(quick(venue.url, relist_s=0.05)) as reader:
        await reader.until(is_quoted(reader))
        venue.answers["public/get_instruments"] = lambda _: answer
        await venue.wait_for(lambda: len(venue.asked("public/get_instruments")) == 3)
        assert f"ticker.{venue.NAME}.100ms" in reader.feed.granted
        assert not venue.asked("public/unsubscribe")
        assert reader.feed.reconnects == 0
        assert reader.feed.last_problem
        assert len(reader.of_type(InstrumentsListed)) == 1


async def test_a_first_list_that_fails_is_asked_for_again(scripted_venue: OpenVenue) -> None:
    async with scripted_venue() as venue:
        error = {"error": {"code": 11094, "message": "internal_server_error"}}
        venue.answers["public/get_instruments"] = lambda _: error
        async with reading(quick(venue.url, refused_retry_s=0.05)) as reader:
            await reader.until(lambda: reader.feed.state == "live")
            assert "list of BTC: venue error 11094" in reader.feed.last_problem
            venue.answers.clear()
            await reader.until(is_quoted(reader))
            assert reader.feed.reconnects == 0


async def test_a_delisted_instrument_is_unsubscribed(scripted_venue: OpenVenue) -> None:
    async with scripted_venue() as venue, reading(quick(venue.url, relist_s=0.05)) as reader:
        await reader.until(is_quoted(reader))
        venue.answers["public/get_instruments"] = lambda _: []
        await venue.wait_for(lambda: bool(venue.asked("public/unsubscribe")))
        params = venue.asked("public/unsubscribe")[0]["params"]
        assert params == {"channels": [f"ticker.{venue.NAME}.100ms"]}
        await reader.until(lambda: f"ticker.{venue.NAME}.100ms" not in reader.feed.granted)


async def test_garbage_is_passed_on_and_the_connection_lives(
    scripted_venue: OpenVenue, btc_2026: dict[str, bytes]
) -> None:
    async with scripted_venue() as venue, reading(quick(venue.url)) as reader:
        await reader.until(is_quoted(reader))
        answer_to_nobody = b'{"jsonrpc":"2.0","id":"public/get_time##999","result":1782552300000}'
        garbage = [
            b"",
            b"\xff\xfe not text",
            b"[" * 100_000,
            b'{"jsonrpc":"2.0","id":1,"result":1}',
            answer_to_nobody,
            answer_to_nobody,
            b"x" * 20_000_000,
            btc_2026[venue.NAME][:-3],
        ]
        for payload in garbage:
            await venue.send(payload)
        await venue.send(btc_2026[venue.NAME])
        await reader.until(lambda: len(reader.of_type(QuoteUpdate)) == 2)
        received = [frame.payload for frame in reader.frames]
        assert [payload for payload in received if payload in garbage] == garbage
        assert len(reader.of_type(FrameSetAside)) == 6
        assert (reader.feed.state, reader.feed.reconnects) == ("live", 0)


async def test_a_slow_desk_gets_the_newest_and_every_answer(
    scripted_venue: OpenVenue, btc_2026: dict[str, bytes]
) -> None:
    async with scripted_venue() as venue:
        feed = DeribitFeed(
            quick(venue.url, frames_max=32),
            name="deribit-btc",
            underlyings=["BTC"],
            clock=CountingClock(),
            rng=random.Random(7),
        )
        async with aclosing(feed.frames()) as frames:
            first = await anext(frames)
            await venue.wait_for(lambda: len(venue.requests) == 5)
            stamp = b'"timestamp":1782552297563'
            ticker = btc_2026[venue.NAME]
            assert stamp in ticker
            for number in range(500):
                fresh = stamp.replace(b"7563", b"%04d" % (7000 + number))
                await venue.send(ticker.replace(stamp, fresh))
            await venue.send(TEST_REQUEST)
            await venue.wait_for(lambda: len(venue.asked("public/test")) == 1)
            kept = [first]
            async for frame in frames:
                kept.append(frame)
                if b"public/test" in frame.payload:
                    break
        stamps = [e.event_ns for f in kept for e in events_of(f) if isinstance(e, QuoteUpdate)]
        assert stamps == sorted(stamps)
        assert stamps[-1] == 1_782_552_297_499_000_000
        assert feed.dropped + len(stamps) == 501
        assert feed.dropped > 400
        answers = [json.loads(f.payload).get("id", "") for f in kept]
        assert [a for a in answers if a] == [request["id"] for request in venue.requests]


async def test_nobody_at_home_is_tried_again(scripted_venue: OpenVenue) -> None:
    async with scripted_venue() as venue:
        venue.refuse_with = web.Response(status=503, text="<html>maintenance</html>")
        async with reading(quick(venue.url)) as reader:
            await reader.until(is_quoted(reader))
            assert "HTTP status 503" in reader.feed.last_problem
            assert (venue.connections, reader.feed.reconnects) == (2, 0)


async def test_retry_after_is_honoured(scripted_venue: OpenVenue) -> None:
    async with scripted_venue() as venue:
        venue.refuse_with = web.Response(status=429, headers={"Retry-After": "1"})
        async with reading(quick(venue.url)) as reader:
            started_s = asyncio.get_running_loop().time()
            await reader.until(is_quoted(reader))
            assert asyncio.get_running_loop().time() - started_s >= 1.0


async def test_closing_while_nobody_answers_is_quick(scripted_venue: OpenVenue) -> None:
    async with scripted_venue() as venue:
        venue.answers["public/hello"] = lambda _: None
        async with reading(quick(venue.url)) as reader:
            await venue.wait_for(lambda: len(venue.requests) == 1)
            async with asyncio.timeout(2):
                await reader.feed.close()
                await reader.feed.close()
            assert reader.feed.state == "closed"


async def test_a_fault_that_no_pause_mends_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    feed = DeribitFeed(
        quick("ws://127.0.0.1:1/x"),
        name="x",
        underlyings=["BTC"],
        clock=CountingClock(),
        rng=random.Random(7),
    )

    async def connect(url: str, *, timeout_s: float) -> WsSession:
        raise ProtocolError("bad_url", url)

    monkeypatch.setattr(WsSession, "connect", connect)
    with pytest.raises(ProtocolError, match="bad_url"):
        await anext(feed.frames())


async def test_frames_are_read_once(scripted_venue: OpenVenue) -> None:
    async with scripted_venue() as venue, reading(quick(venue.url)) as reader:
        await reader.until(is_quoted(reader))
        with pytest.raises(ConfigError, match="read once"):
            await anext(reader.feed.frames())


@pytest.mark.parametrize("underlyings", [[], [""], ["btc"], ["BTC-X"], ["BTC", "E#H"]])
def test_underlyings_must_be_names(underlyings: list[str]) -> None:
    with pytest.raises(ConfigError, match="underlyings"):
        DeribitFeed(
            quick("ws://127.0.0.1:1/"),
            name="x",
            underlyings=underlyings,
            clock=CountingClock(),
            rng=random.Random(7),
        )


async def test_an_unknown_certificate_is_refused(tls_url: str) -> None:
    with pytest.raises(CertificateRefused, match="TLS"):
        await WsSession.connect(tls_url, timeout_s=5)
