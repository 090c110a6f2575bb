"""One snapshot from wherever it is asked for: a venue, a market file or a recording."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from quantdesk.domain.events import InstrumentsListed, MarketEvent
from quantdesk.domain.ports import FrameRecorder
from quantdesk.errors import ConfigError
from quantdesk.runtime.clock import SystemClock
from quantdesk.runtime.desk import Desk
from quantdesk.runtime.live import Line, LiveDesk
from quantdesk.runtime.replay import snapshot_at
from quantdesk.runtime.settings import Settings, data_folder
from quantdesk.runtime.venues import VenueChoice, checked_underlyings, open_lines
from quantdesk.snapshot import DeskSnapshot, Environment, LinkState
from quantdesk.storage.chain_files import MarketFile, read_market_file

CHAIN_TIMEOUT_S = 30.0
"""How long a command waits for a venue to have quoted every listed option."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where numbers are to come from: exactly one of `market_file`, `replay` and `venue`.

    `at_ns` picks a moment of a file or recording; None is the last.
    """

    venue: VenueChoice | None = None
    market_file: Path | None = None
    replay: Path | None = None
    at_ns: int | None = None

    def __post_init__(self) -> None:
        given = [s for s in (self.venue, self.market_file, self.replay) if s is not None]
        if len(given) != 1:
            raise ConfigError("source: give exactly one of a venue, --market FILE and --replay DIR")
        if self.at_ns is not None and self.venue is not None:
            raise ConfigError("--at: a venue only has now; it goes with --market or --replay")


def read_snapshot(source: Source, underlying: str, settings: Settings) -> DeskSnapshot:
    """The desk with a complete chain of `underlying`, from any source.

    Raises ConfigError (an underlying the venue does not have), ChainFileError, StorageError or
    VenueError where there is no such chain.
    """
    underlying = underlying.upper()
    if source.market_file is not None:
        return file_snapshot(source.market_file, underlying, source.at_ns)
    if source.replay is not None:
        return snapshot_at(source.replay, underlying, source.at_ns)
    assert source.venue is not None
    coins = checked_underlyings(source.venue, [underlying])
    return asyncio.run(_venue_snapshot(source.venue, coins, settings))


def file_snapshot(path: Path, underlying: str | None, at_ns: int | None) -> DeskSnapshot:
    """A recorded market file through the desk, at its own moment; no clock, no feed."""
    market = read_market_file(path, at_ns=at_ns, underlying=underlying)
    name = f"file-{market.underlying.lower()}"
    # What was live when it was written down is a replay now; simulated stays simulated.
    is_simulated = market.environment == Environment.SIMULATED.value
    environment = Environment.SIMULATED if is_simulated else Environment.REPLAY
    desk = Desk(environment=environment, source=f"{path.name} ({market.layout})")
    desk.add_link(name, market.venue, LinkState.FILE)
    desk.apply(name, market.as_of_ns, _file_events(market))
    return desk.snapshot(market.as_of_ns)


def _file_events(market: MarketFile) -> Sequence[MarketEvent]:
    listed = InstrumentsListed(
        venue=market.venue,
        underlying=market.underlying,
        event_ns=market.as_of_ns,
        recv_ns=market.as_of_ns,
        instruments=market.instruments,
        unknown_kinds=market.skipped,
    )
    return (listed, *market.indices, *market.futures, *market.quotes)


async def _venue_snapshot(
    choice: VenueChoice, underlyings: Sequence[str], settings: Settings
) -> DeskSnapshot:
    async with live_desk(choice, underlyings, settings=settings) as live:
        return await live.quoted(underlyings, CHAIN_TIMEOUT_S)


@asynccontextmanager
async def live_desk(
    choice: VenueChoice,
    underlyings: Sequence[str],
    *,
    settings: Settings,
    open_recorder: Callable[[Sequence[Line]], FrameRecorder | None] | None = None,
    recording_is_vital: bool = False,
    publish: bool = False,
) -> AsyncIterator[LiveDesk]:
    """A live desk on the chosen venue, running while the block lasts.

    `open_recorder` is given the lines and makes what keeps their frames. `publish` lets other
    commands join the simulated venue that this desk starts.
    """
    clock = SystemClock()
    desk = Desk(environment=choice.environment, source=describe(choice))
    async with open_lines(
        choice,
        underlyings,
        clock=clock,
        settings=settings,
        data_folder=data_folder(),
        publish=publish,
    ) as lines:
        live = LiveDesk(
            desk,
            lines,
            clock=clock,
            recorder=None if open_recorder is None else open_recorder(lines),
            recording_is_vital=recording_is_vital,
        )
        async with live.running():
            yield live


def describe(choice: VenueChoice) -> str:
    """Where a venue's numbers come from, in words."""
    if choice.endpoint is not None:
        return f"{choice.venue} {choice.environment.value} at {choice.endpoint}"
    if choice.environment is Environment.SIMULATED:
        return f"simulated {choice.venue}, seeded with recorded chains"
    return f"{choice.venue} {choice.environment.value}"


class StillSource:
    """One snapshot that never changes, for a screen on a file."""

    def __init__(self, snapshot: DeskSnapshot) -> None:
        self._snapshot = snapshot

    def latest(self) -> DeskSnapshot:
        """The snapshot."""
        return self._snapshot
