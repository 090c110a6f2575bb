"""What every market feed must do, on the simulated exchange over a real socket.

Clock and market are moved by hand, so that heartbeats and expiries come when a test says so.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from quantdesk.domain.events import (
    FrameSetAside,
    IndexUpdate,
    InstrumentsListed,
    MarketEvent,
    QuoteUpdate,
    RawFrame,
    VenueTime,
)
from quantdesk.domain.instrument import Instrument, InstrumentKind
from quantdesk.domain.ports import FrameDecoder, MarketFeed
from quantdesk.runtime.clock import ManualClock
from quantdesk.simulator import DeribitServer, SimulatedVenue, load_sample
from quantdesk.venues import deribit

NS_PER_S = 1_000_000_000
START_NS = 1_700_000_000 * NS_PER_S
PATIENCE_S = 20.0


@dataclass(slots=True)
class Line:
    """A feed that runs, what it brought, and the exchange on its other end."""

    feed: MarketFeed
    decode: FrameDecoder
    server: DeribitServer
    clock: ManualClock
    underlying: str
    frames: list[RawFrame] = field(default_factory=list)
    events: list[MarketEvent] = field(default_factory=list)
    came: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def read(self) -> None:
        async for frame in self.feed.frames():
            self.frames.append(frame)
            self.events.extend(self.decode(frame))
            async with self.came:
                self.came.notify_all()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Until `condition` holds; looked at whenever a frame came."""
        async with asyncio.timeout(PATIENCE_S), self.came:
            await self.came.wait_for(condition)

    def of_type(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def options(self) -> list[Instrument]:
        """The options of the newest list."""
        lists = self.of_type(InstrumentsListed)
        listed: list[Instrument] = list(lists[-1].instruments) if lists else []
        return [i for i in listed if i.kind is InstrumentKind.OPTION]

    def listed(self) -> set[str]:
        """Names of the options of the newest list."""
        return {i.name for i in self.options()}

    def is_whole(self) -> bool:
        """Whether each listed option has been quoted."""
        names = self.listed()
        return bool(names) and names <= {q.instrument_name for q in self.of_type(QuoteUpdate)}

    def is_quoted_after(self, event_ns: int) -> bool:
        """Whether a quote later than the exchange's time `event_ns` has come."""
        return any(quote.event_ns > event_ns for quote in self.of_type(QuoteUpdate))

    def move(self, seconds: float) -> None:
        """Let `seconds` pass at the exchange and for the desk."""
        self.clock.advance_to(self.clock.now_ns() + int(seconds * NS_PER_S))
        self.server.pump()

    def forget(self) -> None:
        """Begin to count anew."""
        self.frames.clear()
        self.events.clear()


def deribit_feed(
    url: str, underlying: str, clock: ManualClock, intervals: dict[str, float]
) -> MarketFeed:
    settings = deribit.DeribitSettings(
        environment="simulated",
        url=url,
        backoff_low_s=0.01,
        backoff_high_s=0.05,
        relist_gap_s=0.01,
        **intervals,  # type: ignore[arg-type]
    )
    return deribit.DeribitFeed(
        settings,
        name=f"deribit-{underlying.lower()}",
        underlyings=[underlying],
        clock=clock,
        rng=random.Random(3),
    )


@asynccontextmanager
async def open_line(underlying: str, sample: str, **intervals: float) -> AsyncIterator[Line]:
    clock = ManualClock(START_NS)
    venue = SimulatedVenue(load_sample(sample), clock=clock, speed=1.0, seed=0)
    async with DeribitServer(venue, step_s=None) as server:
        line = Line(
            feed=deribit_feed(server.ws_url, underlying, clock, intervals),
            decode=deribit.events_of,
            server=server,
            clock=clock,
            underlying=underlying,
        )
        reader = asyncio.create_task(line.read())
        try:
            yield line
        finally:
            await line.feed.close()
            await reader


@pytest.mark.parametrize(
    ("underlying", "sample", "options"),
    [("BTC", "btc-2026-06-27", 330), ("ETH", "eth-2026-01-31", 429)],
)
async def test_whole_chain_comes_with_list_clock_and_index(
    underlying: str, sample: str, options: int
) -> None:
    async with open_line(underlying, sample) as line:
        await line.until(line.is_whole)
        await line.until(lambda: bool(line.of_type(IndexUpdate)))
        assert len(line.listed()) == options
        assert (line.feed.state, line.feed.last_problem) == ("live", "")
        assert not line.of_type(FrameSetAside)
        assert {i.index_name for i in line.of_type(IndexUpdate)} == {f"{underlying.lower()}_usd"}
        stamps = line.of_type(VenueTime)
        assert all(abs(s.event_ns - line.server.venue.now_ns()) < NS_PER_S for s in stamps)
        assert {(f.venue, f.connection) for f in line.frames} == {(line.feed.venue, line.feed.name)}


async def test_moving_market_brings_new_quotes_in_order() -> None:
    async with open_line("BTC", "btc-2026-06-27") as line:
        await line.until(line.is_whole)
        line.forget()
        for _ in range(20):
            moved_from_ns = line.server.venue.now_ns()
            line.move(3.0)
            await line.until(partial(line.is_quoted_after, moved_from_ns))
        by_name: dict[str, list[int]] = {}
        for quote in line.of_type(QuoteUpdate):
            by_name.setdefault(quote.instrument_name, []).append(quote.event_ns)
        assert len(by_name) > 100
        assert all(times == sorted(times) for times in by_name.values())
        assert not line.of_type(FrameSetAside)


async def test_a_cut_connection_comes_back_with_the_whole_chain() -> None:
    async with open_line("BTC", "btc-2026-06-27") as line:
        await line.until(line.is_whole)
        line.forget()
        line.server.drop_connections()
        await line.until(line.is_whole)
        assert line.feed.reconnects == 1
        assert line.feed.last_problem
        assert line.server.connection_count == 1


async def test_a_silent_connection_is_given_up_and_made_again() -> None:
    async with open_line("BTC", "btc-2026-06-27", time_poll_s=0.2, silence_margin_s=0.1) as line:
        await line.until(line.is_whole)
        line.forget()
        line.server.stall(True)
        asyncio.get_running_loop().call_later(0.8, line.server.stall, False)
        await line.until(line.is_whole)
        assert line.feed.reconnects >= 1
        assert "nothing came" in line.feed.last_problem


async def test_heartbeats_are_answered_for_as_long_as_it_lasts() -> None:
    async with open_line("BTC", "btc-2026-06-27") as line:
        await line.until(line.is_whole)
        for _ in range(5):
            line.forget()
            line.move(10.0)
            # The answer to our own public/test is the proof that the venue got it.
            await line.until(lambda: any(b"public/test" in f.payload for f in line.frames))
        assert line.feed.reconnects == 0


async def test_garbage_is_set_aside_and_the_feed_lives() -> None:
    async with open_line("BTC", "btc-2026-06-27") as line:
        await line.until(line.is_whole)
        ticker = next(f.payload for f in line.frames if b'"ticker.' in f.payload[:120])
        garbage: list[str | bytes] = [
            "not json",
            b"\x00\xff\xfe",
            "[" * 100_000,
            "x" * 20_000_000,
            ticker[:-9].decode(),
            ticker.replace(b'"mark_price":', b'"mark_price":NaN,"was":').decode(),
            ticker.replace(b'"mark_price":', b'"mark_price":1,"mark_price":').decode(),
            '{"jsonrpc":"2.0","id":"public/get_time##4096","error":{"code":1,"message":"?"}}',
        ]
        line.forget()
        for payload in garbage:
            line.server.inject(payload)
        moved_from_ns = line.server.venue.now_ns()
        line.move(3.0)
        await line.until(partial(line.is_quoted_after, moved_from_ns))
        assert len(line.of_type(FrameSetAside)) == len(garbage)
        assert all(note.is_refused for note in line.of_type(FrameSetAside))
        assert (line.feed.state, line.feed.reconnects) == ("live", 0)


async def test_an_expiry_takes_its_options_off_the_list() -> None:
    async with open_line("BTC", "btc-2026-06-27") as line:
        await line.until(line.is_whole)
        before = line.listed()
        first_ns = min(i.expiry_ns for i in line.options() if i.expiry_ns is not None)
        expiring = {i.name for i in line.options() if i.expiry_ns == first_ns}
        line.move((first_ns - line.server.venue.now_ns()) / NS_PER_S + 60)
        await line.until(lambda: line.listed() == before - expiring)
        assert expiring
        assert line.feed.reconnects == 0


async def test_the_same_frames_give_the_same_events() -> None:
    async with open_line("BTC", "btc-2026-06-27") as line:
        await line.until(line.is_whole)
        line.move(5.0)
        again = [event for frame in line.frames for event in line.decode(frame)]
        assert again == line.events


async def test_close_ends_the_frames_and_can_be_repeated() -> None:
    async with open_line("BTC", "btc-2026-06-27") as line:
        await line.until(line.is_whole)
        await line.feed.close()
        await line.feed.close()
        assert line.feed.state == "closed"
