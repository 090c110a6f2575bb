"""How long does a tick take from the wire to what a screen shows?

One recorded ticker frame of a 330-option chain: decode, normalise, apply, revalue its expiry,
freeze the snapshot, lay out the visible lines. `test_frames_a_second` is the same path without a
snapshot a frame: what a feed may send.
"""

from __future__ import annotations

from typing import Any

import pytest

from quantdesk.domain.events import RawFrame
from quantdesk.runtime.clock import ManualClock
from quantdesk.runtime.desk import Desk
from quantdesk.simulator import SimulatedVenue, load_sample
from quantdesk.simulator.deribit.opening import opening_frames
from quantdesk.snapshot import DeskSnapshot, Environment
from quantdesk.venues.deribit import events_of
from quantdesk.views.chain import chain_view

VISIBLE_LINES = 40


@pytest.fixture
def frames() -> list[RawFrame]:
    """The opening of the BTC sample: its list and one ticker an option."""
    venue = SimulatedVenue(load_sample("btc-2026-06-27"), clock=ManualClock(0))
    return [
        RawFrame(venue="deribit", connection="deribit-btc", recv_ns=0, payload=payload)
        for payload in opening_frames(venue)
    ]


@pytest.fixture
def desk(frames: list[RawFrame]) -> Desk:
    """A desk that has seen the whole chain and been looked at once."""
    desk = Desk(environment=Environment.SIMULATED, source="bench")
    desk.add_link("deribit-btc", "deribit")
    for frame in frames:
        desk.apply(frame.connection, frame.recv_ns, events_of(frame))
    desk.snapshot(0)
    return desk


def show(snapshot: DeskSnapshot, expiry_ns: int) -> int:
    chain = snapshot.chains[0]
    view = chain_view(chain, expiry_ns=expiry_ns, now_ns=snapshot.ts_ns)
    return sum(len(view.line(number).calls) for number in range(min(VISIBLE_LINES, len(view))))


def test_tick_to_snapshot(benchmark: Any, desk: Desk, frames: list[RawFrame]) -> None:
    tickers = [frame for frame in frames if b'"channel":"ticker.' in frame.payload]
    turn = iter(range(10**9))

    def tick() -> DeskSnapshot:
        frame = tickers[next(turn) % len(tickers)]
        desk.apply(frame.connection, frame.recv_ns, events_of(frame))
        return desk.snapshot(0)

    snapshot = benchmark(tick)
    assert len(snapshot.chains[0].chain) == 330


def test_tick_to_visible_lines(benchmark: Any, desk: Desk, frames: list[RawFrame]) -> None:
    tickers = [frame for frame in frames if b'"channel":"ticker.' in frame.payload]
    expiry_ns = desk.snapshot(0).chains[0].expiries[0].expiry_ns
    turn = iter(range(10**9))

    def tick() -> int:
        frame = tickers[next(turn) % len(tickers)]
        desk.apply(frame.connection, frame.recv_ns, events_of(frame))
        return show(desk.snapshot(0), expiry_ns)

    assert benchmark(tick) > 0


def test_whole_chain_moved(benchmark: Any, desk: Desk, frames: list[RawFrame]) -> None:
    """Every option ticked since the last snapshot: the worst frame of a fast market."""

    def burst() -> DeskSnapshot:
        for frame in frames[1:]:
            desk.apply(frame.connection, frame.recv_ns, events_of(frame))
        return desk.snapshot(0)

    snapshot = benchmark(burst)
    assert snapshot.links[0].refused == 0


def test_frames_a_second(benchmark: Any, desk: Desk, frames: list[RawFrame]) -> None:
    tickers = [frame for frame in frames if b'"channel":"ticker.' in frame.payload]

    def apply_all() -> int:
        for frame in tickers:
            desk.apply(frame.connection, frame.recv_ns, events_of(frame))
        return len(tickers)

    benchmark.extra_info["frames"] = benchmark(apply_all)
