"""One snapshot from wherever it is asked for: a venue, a market file or a recording."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from quantdesk.domain.ports import FrameRecorder
from quantdesk.errors import ConfigError
from quantdesk.market.surface_choice import DEFAULT_CHOICE, SurfaceChoice
from quantdesk.runtime.accounts import AccountChoice
from quantdesk.runtime.clock import SystemClock
from quantdesk.runtime.desk import Desk
from quantdesk.runtime.file_moments import market_events, read_moment
from quantdesk.runtime.lines import account_line, open_lines
from quantdesk.runtime.live import AccountLine, Line, LiveDesk
from quantdesk.runtime.live_surfaces import Key, LiveSurfaces
from quantdesk.runtime.made_numbers import made_by_rule
from quantdesk.runtime.replay import snapshot_at
from quantdesk.runtime.settings import Settings, data_folder
from quantdesk.runtime.venues import VenueChoice, check_choices, checked_underlyings
from quantdesk.snapshot import DeskSnapshot, Environment, LinkState
from quantdesk.storage.chain_files import MarketFile

if TYPE_CHECKING:
    from quantdesk.runtime.own_vols_store import OwnVolsKeeper
    from quantdesk.runtime.surface_store import FitKeeper

CHAIN_TIMEOUT_S = 30.0
"""How long a command waits for a venue to have quoted every listed option."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where numbers are to come from: exactly one of `market_file`, `replay` and `venues`.

    `at_ns` picks a moment of a file or recording; None is the last. `accounts` are read beside
    venues.
    """

    venues: tuple[VenueChoice, ...] = ()
    market_file: Path | None = None
    replay: Path | None = None
    at_ns: int | None = None
    accounts: tuple[AccountChoice, ...] = ()

    def __post_init__(self) -> None:
        given = [s for s in (self.venues, self.market_file, self.replay) if s]
        if len(given) != 1:
            raise ConfigError("source: give exactly one of a venue, --market FILE and --replay DIR")
        if self.at_ns is not None and self.venues:
            raise ConfigError("--at: a venue only has now; it goes with --market or --replay")
        if self.accounts and not self.venues:
            raise ConfigError("--account: goes with a venue, not with --market or --replay")
        if self.venues:
            check_choices(self.venues)


def read_snapshot(source: Source, underlying: str | None, settings: Settings) -> DeskSnapshot:
    """The desk with a complete chain of `underlying` at each venue of the source that has it.

    None is every underlying of the venues, and the first of a file or recording. Accounts of the
    source are read whole. Raises ConfigError (an underlying no venue has), ChainFileError,
    StorageError or VenueError where there is no such chain.
    """
    name = None if underlying is None else underlying.upper()
    if source.market_file is not None:
        return file_snapshot(source.market_file, name, source.at_ns)
    if source.replay is not None:
        return snapshot_at(source.replay, name, source.at_ns, venues=settings.venue_names)
    coins = checked_underlyings(source.venues, [] if name is None else [name])
    return asyncio.run(_venue_snapshot(source, coins, settings))


def file_snapshot(path: Path, underlying: str | None, at_ns: int | None) -> DeskSnapshot:
    """A recorded market file through the desk, at its own moment; no clock, no feed.

    `at_ns` chooses the last moment not after it. Raises ChainFileError.
    """
    return market_snapshot(read_moment(path, underlying, at_ns))


def market_snapshot(market: MarketFile) -> DeskSnapshot:
    """What a market file says, through the desk, at its own moment."""
    name = f"file-{market.underlying.lower()}"
    # What was live when it was written down is a replay now; simulated stays simulated.
    is_simulated = market.environment == Environment.SIMULATED.value
    environment = Environment.SIMULATED if is_simulated else Environment.REPLAY
    desk = Desk(environment=environment, source=f"{Path(market.path).name} ({market.layout})")
    desk.add_link(name, market.venue, LinkState.FILE)
    desk.apply(name, market.as_of_ns, market_events(market))
    return desk.snapshot(market.as_of_ns)


async def _venue_snapshot(
    source: Source, underlyings: Sequence[str], settings: Settings
) -> DeskSnapshot:
    async with live_desk(
        source.venues, underlyings, settings=settings, accounts=source.accounts
    ) as live:
        if source.accounts:
            await live.accounts_read(CHAIN_TIMEOUT_S)
        return await live.quoted(underlyings, CHAIN_TIMEOUT_S)


OpenRecorder = Callable[[Sequence[Line], Sequence[AccountLine]], FrameRecorder | None]
"""Makes what keeps the frames of these lines."""


@asynccontextmanager
async def live_desk(
    choices: Sequence[VenueChoice],
    underlyings: Sequence[str],
    *,
    settings: Settings,
    accounts: Sequence[AccountChoice] = (),
    open_recorder: OpenRecorder | None = None,
    recording_is_vital: bool = False,
    publish: bool = False,
    fits_surfaces: bool = False,
    keeper: FitKeeper | None = None,
    own_vols: OwnVolsKeeper | None = None,
    surface: SurfaceChoice = DEFAULT_CHOICE,
) -> AsyncIterator[LiveDesk]:
    """A live desk on the chosen venues, running while the block lasts.

    `open_recorder` is given the lines and makes what keeps their frames. `publish` lets other
    commands join the simulated venues that this desk starts. Surfaces are fitted by `surface`
    until something else is chosen.
    """
    clock, folder = SystemClock(), data_folder()
    desk = desk_of(choices)
    desk.surfaces.set_standard(surface)
    if own_vols is not None:
        # A simulated venue lives at the time of its recording.
        is_now = choices[0].environment is not Environment.SIMULATED
        kept = own_vols.restored(clock.now_ns() if is_now else None)
        for key, overrides in kept.items():
            desk.surfaces.choose(key, replace(surface, overrides=overrides))
    async with open_lines(
        choices,
        underlyings,
        clock=clock,
        settings=settings,
        data_folder=folder,
        publish=publish,
    ) as lines:
        private = [account_line(each, clock=clock, data_folder=folder) for each in accounts]
        live = LiveDesk(
            desk,
            lines,
            clock=clock,
            accounts=private,
            recorder=None if open_recorder is None else open_recorder(lines, private),
            recording_is_vital=recording_is_vital,
            fits_surfaces=fits_surfaces,
            keeper=keeper,
            own_vols=own_vols,
        )
        async with live.running():
            yield live


def desk_of(choices: Sequence[VenueChoice]) -> Desk:
    """An empty desk for the chosen venues, which are all of one environment."""
    environment, source = choices[0].environment, describe(choices)
    if environment is not Environment.SIMULATED:
        return Desk(environment=environment, source=source)
    return Desk(environment=environment, source=source, made_by_rule=made_by_rule)


def describe(choices: Sequence[VenueChoice]) -> str:
    """Where the venues' numbers come from, in words."""
    environment = choices[0].environment
    names = " and ".join(
        f"{each.venue} at {each.endpoint}" if each.endpoint else each.venue for each in choices
    )
    if environment is Environment.SIMULATED and any(each.is_embedded for each in choices):
        return f"simulated {names}, seeded with recorded chains"
    return f"{names}, {environment.value}"


class StillSource:
    """One moment that never changes, for a screen on a file; surfaces are fitted on the spot."""

    def __init__(self, snapshot: DeskSnapshot, *, surface: SurfaceChoice = DEFAULT_CHOICE) -> None:
        self._surfaces = LiveSurfaces(surface)
        self._snapshot = self._surfaces.fit_now(snapshot)

    def latest(self) -> DeskSnapshot:
        """The snapshot."""
        return self._snapshot

    def choose_surface(self, key: Key, choice: SurfaceChoice) -> None:
        """Fit the surface of `key` by `choice`: another snapshot of the same moment."""
        self._surfaces.choose(key, choice)
        self._snapshot = replace(self._surfaces.fit_now(self._snapshot), seq=self._snapshot.seq + 1)
