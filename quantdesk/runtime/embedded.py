"""The embedded default: simulated venues on loopback, started by the desk itself.

One venue a recorded sample, each with its own clock: the samples were recorded on different days,
and names and dates are never shifted. A desk that runs leaves the addresses in the data folder,
so that a command in another terminal looks at the same market.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from quantdesk.domain.events import RawFrame
from quantdesk.domain.ports import Clock
from quantdesk.errors import ConfigError
from quantdesk.runtime.clock import ManualClock
from quantdesk.runtime.desk import Desk
from quantdesk.runtime.made_numbers import SAMPLE_OF, made_by_rule
from quantdesk.simulator import BinanceServer, DeribitServer, SimulatedVenue, load_sample
from quantdesk.simulator.deribit.opening import opening_frames
from quantdesk.snapshot import DeskSnapshot, Environment, LinkState
from quantdesk.storage.whole_files import write_whole
from quantdesk.venues import deribit

EMBEDDED_VENUES = ("deribit", "binance")
ADDRESS_FILE = "simulated-venue.json"
LOOPBACK = "127.0.0.1"


Addresses = dict[str, dict[str, str]]
"""Endpoint by venue and underlying."""


@asynccontextmanager
async def embedded_venues(
    venues: Sequence[str], underlyings: Sequence[str], *, clock: Clock, speed: float, seed: int
) -> AsyncIterator[Addresses]:
    """Simulated venues for `underlyings`, running; where each listens.

    Both venues of an underlying stand on one market: the same index moves them.
    """
    async with AsyncExitStack() as stack:
        addresses: Addresses = {venue: {} for venue in venues}
        for underlying in underlyings:
            sample = load_sample(SAMPLE_OF[underlying])
            market = SimulatedVenue(sample, clock=clock, speed=speed, seed=seed)
            if "deribit" in addresses:
                face = await stack.enter_async_context(DeribitServer(market, host=LOOPBACK))
                addresses["deribit"][underlying] = face.ws_url
            if "binance" in addresses:
                other = await stack.enter_async_context(BinanceServer(market, host=LOOPBACK))
                addresses["binance"][underlying] = other.rest_url
        yield addresses


@contextlib.contextmanager
def published(addresses: Addresses, folder: Path) -> Iterator[None]:
    """Leave `addresses` in `folder` while the block lasts, unless another desk's are there."""
    path = folder / ADDRESS_FILE
    if running_venues(folder):
        yield
        return
    with contextlib.suppress(OSError):  # other commands then start a venue of their own
        folder.mkdir(parents=True, exist_ok=True)
        left = json.dumps({"pid": os.getpid(), "venues": addresses})
        write_whole(path, left.encode())
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def running_venues(folder: Path) -> Addresses:
    """Addresses that a running desk left, {} where none runs."""
    try:
        left = json.loads((folder / ADDRESS_FILE).read_text(encoding="utf-8"))
        os.kill(int(left["pid"]), 0)
        addresses = {
            str(venue): {str(coin): str(url) for coin, url in places.items()}
            for venue, places in left["venues"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    is_whole = all(set(addresses.get(venue, {})) >= set(SAMPLE_OF) for venue in EMBEDDED_VENUES)
    return addresses if is_whole else {}


def opening_snapshot(underlying: str) -> DeskSnapshot:
    """The recorded sample of `underlying` through the desk, at its recorded moment; nothing moves.

    Raises ConfigError for an underlying without a sample.
    """
    name = SAMPLE_OF.get(underlying)
    if name is None:
        raise ConfigError(f"underlying {underlying!r}: samples are of {', '.join(SAMPLE_OF)}")
    still = ManualClock(0)
    venue = SimulatedVenue(load_sample(name), clock=still)
    desk = Desk(
        environment=Environment.SIMULATED, source=f"sample {name}", made_by_rule=made_by_rule
    )
    link = f"deribit-{underlying.lower()}"
    desk.add_link(link, "deribit", LinkState.FILE)
    for payload in opening_frames(venue):
        frame = RawFrame(venue="deribit", connection=link, recv_ns=0, payload=payload)
        desk.apply(link, 0, deribit.events_of(frame))
    return desk.snapshot(0)
