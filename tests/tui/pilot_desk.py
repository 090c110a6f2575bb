"""Running the desk's app headless, and reading what is on its screen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from textual.pilot import Pilot

from quantdesk.app.tui.app import DeskApp
from quantdesk.app.tui.screens.chain import ChainScreen
from quantdesk.app.tui.source import SnapshotSource
from quantdesk.app.tui.widgets.chain_grid import ChainGrid
from quantdesk.snapshot import DeskSnapshot
from tests.tui.desk_samples import OneSource, StillClock


@dataclass(slots=True, kw_only=True)
class RunningDesk:
    """A desk on a headless terminal."""

    app: DeskApp
    pilot: Pilot[None]
    source: OneSource
    clock: StillClock

    @property
    def screen(self) -> ChainScreen:
        """The chain screen, also while another lies above it."""
        found = [screen for screen in self.app.screen_stack if isinstance(screen, ChainScreen)]
        return found[0]

    @property
    def grid(self) -> ChainGrid:
        return self.screen.query_one(ChainGrid)

    @property
    def strikes_on_screen(self) -> list[float]:
        view = self.grid.view
        assert view is not None
        first = self.grid.first_line
        return [key.strike for key in view.keys[first : first + self.grid.body_height]]

    def lines(self) -> list[str]:
        """The screen as text, one string a line."""
        return [strip.text for strip in self.app.screen._compositor.render_strips()]

    def text(self) -> str:
        return "\n".join(self.lines())

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def bring(self, snapshot: DeskSnapshot | None) -> None:
        """Let the app find a newer snapshot, as its timer would."""
        self.source.snapshot = snapshot
        self.app._poll()
        await self.pilot.pause()


@asynccontextmanager
async def running_desk(
    snapshot: DeskSnapshot | None, *, size: tuple[int, int] = (120, 40), underlying: str = "BTC"
) -> AsyncIterator[RunningDesk]:
    """The app on one snapshot with a still clock."""
    source, clock = OneSource(snapshot), StillClock()
    app = DeskApp(source, clock=clock, underlying=underlying)
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.pause()
        yield RunningDesk(app=app, pilot=pilot, source=source, clock=clock)


@asynccontextmanager
async def running_app(
    source: SnapshotSource, *, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[tuple[DeskApp, Pilot[None]]]:
    """The app on any source."""
    app = DeskApp(source, clock=StillClock())
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.pause()
        yield app, pilot
