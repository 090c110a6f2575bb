"""The live desk against a simulated venue over real sockets."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from quantdesk.domain.events import RawFrame
from quantdesk.errors import StorageError, Transient
from quantdesk.runtime.clock import SystemClock
from quantdesk.runtime.desk import Desk
from quantdesk.runtime.live import DeskThread, Line, LiveDesk
from quantdesk.runtime.recordings import screen_desk
from quantdesk.runtime.settings import Settings
from quantdesk.runtime.sources import live_desk
from quantdesk.runtime.venues import parse_venues
from quantdesk.simulator import DeribitServer, SimulatedVenue, load_sample
from quantdesk.snapshot import DeskSnapshot, Environment, LinkState
from quantdesk.venues.deribit import DeribitFeed, DeribitSettings, events_of


@asynccontextmanager
async def server() -> AsyncIterator[DeribitServer]:
    venue = SimulatedVenue(load_sample("btc-2026-06-27"), clock=SystemClock())
    async with DeribitServer(venue) as running:
        yield running


def line(server: DeribitServer) -> Line:
    feed = DeribitFeed(
        DeribitSettings(environment="simulated", url=server.ws_url),
        name="deribit-btc",
        underlyings=["BTC"],
        clock=SystemClock(),
        rng=random.Random(1),
    )
    return Line(feed=feed, decode=events_of)


def desk() -> Desk:
    return Desk(environment=Environment.SIMULATED, source="test")


class Kept:
    """A recorder in memory that fails after `room` frames."""

    def __init__(self, room: int = 10**9) -> None:
        self.frames: list[RawFrame] = []
        self.room = room
        self.is_closed = False

    def append(self, frame: RawFrame) -> None:
        if len(self.frames) >= self.room:
            raise StorageError("no room left")
        self.frames.append(frame)

    def flush(self) -> None:
        self.is_flushed = True

    def close(self) -> None:
        self.is_closed = True


async def until(live: LiveDesk, condition: object) -> DeskSnapshot:
    """Wait for a snapshot that meets `condition`."""
    assert callable(condition)
    async with asyncio.timeout(30):
        while True:
            snapshot = live.latest()
            if snapshot is not None and condition(snapshot):
                return snapshot
            await asyncio.sleep(0)


async def test_chain_comes_complete_and_moves() -> None:
    async with server() as venue:
        live = LiveDesk(desk(), [line(venue)], clock=SystemClock())
        async with live.running():
            first = await live.quoted(["BTC"], 30)
            chain = first.chain("BTC")
            assert chain is not None
            assert len(chain.chain) == 330
            assert first.links[0].state is LinkState.LIVE
            await until(live, lambda now: now.chain("BTC").index_price != chain.index_price)


async def test_every_frame_is_kept_before_it_is_understood() -> None:
    kept = Kept()
    order: list[str] = []
    async with server() as venue:
        plain = line(venue)

        def decode(frame: RawFrame) -> object:
            assert kept.frames[-1] is frame
            order.append("decoded")
            return events_of(frame)

        watched = Line(feed=plain.feed, decode=decode)  # type: ignore[arg-type]
        live = LiveDesk(desk(), [watched], clock=SystemClock(), recorder=kept)
        async with live.running():
            await live.quoted(["BTC"], 30)
    assert len(order) == len(kept.frames) > 330
    assert kept.is_closed


@pytest.mark.parametrize(
    "garbage",
    [
        b"{",
        b'{"jsonrpc":"2.0","method":"subscription","params":{"channel":"ticker.X.100ms","data":{}}}',
        b'{"a":1,"a":2}',
        b"\xff\xfe",
        b"NaN",
    ],
)
async def test_bad_frame_is_counted_and_the_desk_goes_on(garbage: bytes) -> None:
    async with server() as venue:
        live = LiveDesk(desk(), [line(venue)], clock=SystemClock())
        async with live.running():
            before = await live.quoted(["BTC"], 30)
            venue.inject(garbage)
            after = await until(live, lambda now: now.links[0].refused == 1)
            assert after.links[0].last_problem
            await until(live, lambda now: now.chain("BTC").as_of_ns > before.chains[0].as_of_ns)


async def test_lost_connection_is_made_again() -> None:
    async with server() as venue:
        live = LiveDesk(desk(), [line(venue)], clock=SystemClock())
        async with live.running():
            await live.quoted(["BTC"], 30)
            venue.drop_connections()
            await until(
                live,
                lambda now: now.links[0].reconnects >= 1 and now.links[0].state.value == "live",
            )


async def test_recording_that_fails_is_said_and_the_screen_goes_on() -> None:
    async with server() as venue:
        live = LiveDesk(desk(), [line(venue)], clock=SystemClock(), recorder=Kept(room=3))
        async with live.running():
            await live.quoted(["BTC"], 30)
            snapshot = await until(live, lambda now: now.chain("BTC") is not None)
            assert "not recording: no room left" in snapshot.links[0].last_problem


async def test_vital_recording_that_fails_ends_the_desk() -> None:
    async with server() as venue:
        live = LiveDesk(
            desk(),
            [line(venue)],
            clock=SystemClock(),
            recorder=Kept(room=3),
            recording_is_vital=True,
        )
        with pytest.raises(StorageError, match="no room left"):
            async with live.running():
                await asyncio.Event().wait()


async def test_silent_venue_is_named_with_what_came() -> None:
    async with server() as venue:
        venue.stall(True)
        live = LiveDesk(desk(), [line(venue)], clock=SystemClock())
        async with live.running():
            with pytest.raises(Transient, match=r"no complete chain after .* BTC 0 of 0"):
                await live.quoted(["BTC"], 0.3)


def test_embedded_default_needs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUANTDESK_DATA_DIR", str(tmp_path))

    async def one() -> DeskSnapshot:
        choice = parse_venues(["deribit"])
        async with live_desk(choice, ("BTC", "ETH"), settings=Settings()) as live:
            return await live.quoted(("BTC", "ETH"), 30)

    snapshot = asyncio.run(one())
    assert snapshot.environment is Environment.SIMULATED
    assert {chain.underlying: len(chain.chain) for chain in snapshot.chains} == {
        "BTC": 330,
        "ETH": 429,
    }


def test_desk_on_a_thread_starts_and_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUANTDESK_DATA_DIR", str(tmp_path))
    thread = DeskThread(lambda: live_desk(parse_venues(["deribit"]), ("ETH",), settings=Settings()))
    thread.start()
    thread.close()
    assert thread.error is None


def test_thread_says_what_kept_the_desk_from_starting() -> None:
    def broken() -> AbstractAsyncContextManager[LiveDesk]:
        raise StorageError("nowhere to write")

    with pytest.raises(StorageError, match="nowhere to write"):
        DeskThread(broken).start()


async def test_folder_that_can_not_be_written_does_not_keep_the_screen_dark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("QUANTDESK_DATA_DIR", str(tmp_path / "file" / "data"))
    choice = parse_venues(["deribit"])
    async with screen_desk(choice, ("ETH",), settings=Settings(), run_id="t") as live:
        await live.quoted(("ETH",), 30)
        snapshot = await until(live, lambda now: "not recording" in now.links[0].last_problem)
        assert "can not be made" in snapshot.links[0].last_problem
