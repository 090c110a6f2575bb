"""The embedded default: simulated venues on loopback, started by the desk itself.

One venue a recorded sample, each with its own clock: the samples were recorded on different days,
and names and dates are never shifted. A desk that runs leaves the addresses in the data folder,
so that a command in another terminal looks at the same market.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from quantdesk.domain.events import RawFrame
from quantdesk.domain.ports import Clock
from quantdesk.errors import ConfigError
from quantdesk.runtime.clock import ManualClock
from quantdesk.runtime.desk import Desk
from quantdesk.simulator import DeribitServer, SimulatedVenue, load_sample
from quantdesk.simulator.deribit.opening import opening_frames
from quantdesk.snapshot import DeskSnapshot, Environment, LinkState
from quantdesk.venues import deribit

SAMPLE_OF = {"BTC": "btc-2026-06-27", "ETH": "eth-2026-01-31"}
"""Which shipped sample an underlying of the embedded venue opens on."""

ADDRESS_FILE = "simulated-venue.json"


@asynccontextmanager
async def embedded_venues(
    underlyings: Sequence[str], *, clock: Clock, speed: float, seed: int
) -> AsyncIterator[dict[str, str]]:
    """Simulated venues for `underlyings`, running; their WebSocket address by underlying."""
    async with AsyncExitStack() as stack:
        addresses = {}
        for underlying in underlyings:
            sample = load_sample(SAMPLE_OF[underlying])
            venue = SimulatedVenue(sample, clock=clock, speed=speed, seed=seed)
            server = await stack.enter_async_context(DeribitServer(venue, host="127.0.0.1", port=0))
            addresses[underlying] = server.ws_url
        yield addresses


@contextlib.contextmanager
def published(addresses: Mapping[str, str], folder: Path) -> Iterator[None]:
    """Leave `addresses` in `folder` while the block lasts, unless another desk's are there."""
    path = folder / ADDRESS_FILE
    if running_venues(folder):
        yield
        return
    with contextlib.suppress(OSError):  # other commands then start a venue of their own
        folder.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}")
        left = json.dumps({"pid": os.getpid(), "ws": dict(addresses)})
        temporary.write_text(left, encoding="utf-8")
        temporary.replace(path)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def running_venues(folder: Path) -> dict[str, str]:
    """Addresses that a running desk left, {} where none runs."""
    try:
        left = json.loads((folder / ADDRESS_FILE).read_text(encoding="utf-8"))
        os.kill(int(left["pid"]), 0)
        addresses = {str(name): str(url) for name, url in left["ws"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    return addresses if set(addresses) >= set(SAMPLE_OF) else {}


def opening_snapshot(underlying: str) -> DeskSnapshot:
    """The recorded sample of `underlying` through the desk, at its recorded moment; nothing moves.

    Raises ConfigError for an underlying without a sample.
    """
    name = SAMPLE_OF.get(underlying)
    if name is None:
        raise ConfigError(f"underlying {underlying!r}: samples are of {', '.join(SAMPLE_OF)}")
    still = ManualClock(0)
    venue = SimulatedVenue(load_sample(name), clock=still)
    desk = Desk(environment=Environment.SIMULATED, source=f"sample {name}")
    link = f"deribit-{underlying.lower()}"
    desk.add_link(link, "deribit", LinkState.FILE)
    for payload in opening_frames(venue):
        frame = RawFrame(venue="deribit", connection=link, recv_ns=0, payload=payload)
        desk.apply(link, 0, deribit.events_of(frame))
    return desk.snapshot(0)
