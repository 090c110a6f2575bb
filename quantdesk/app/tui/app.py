"""The desk in a terminal: wiring only. Asks its source ten times a second and shows what is new."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import ClassVar

from rich.segment import Segments
from rich.traceback import Traceback
from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.screen import Screen

from quantdesk.app.tui.actions import bindings, palette_actions
from quantdesk.app.tui.book_desk import BookDesk, book_desk
from quantdesk.app.tui.context import DeskContext
from quantdesk.app.tui.messages import SnapshotArrived
from quantdesk.app.tui.screens.desk_screen import DeskScreen
from quantdesk.app.tui.screens.help import HelpScreen
from quantdesk.app.tui.screens.problems import ProblemsScreen
from quantdesk.app.tui.screens.registry import SCREENS, screen_entry
from quantdesk.app.tui.source import Fallible, SnapshotSource, SurfaceControl, Transport
from quantdesk.app.tui.theme import DESK_DARK
from quantdesk.app.tui.where import Where
from quantdesk.domain.ports import Clock
from quantdesk.market.surface_clock import CLOCK_CHOICES, ClockChoice
from quantdesk.market.variance_clock import VarianceClock
from quantdesk.runtime.screen_books import sample_book
from quantdesk.snapshot import DeskSnapshot
from quantdesk.views.status import problem_lines
from quantdesk.views.time_text import SECOND_NS

POLL_S = 0.1
"""At most ten frames a second, however fast the feed is."""

SPEED_MIN, SPEED_MAX = 1 / 64, 4096.0


class DeskApp(App[None], inherit_bindings=False):
    """The terminal desk over a source of snapshots. `run` returns when the user leaves.

    Closing what feeds the source is the caller's business.
    """

    TITLE = "quantdesk"
    CSS_PATH = "app.tcss"
    ALLOW_SELECT = False
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Where.APP, Where.REPLAY)]

    def __init__(
        self,
        source: SnapshotSource,
        *,
        clock: Clock,
        underlying: str = "BTC",
        book: BookDesk | None = None,
        variance_clocks: tuple[ClockChoice, ...] = CLOCK_CHOICES,
        keep_clock: Callable[[VarianceClock], Path] | None = None,
    ) -> None:
        # With NO_COLOR the library only greys its colours unless it may use the terminal's own.
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)
        self.register_theme(DESK_DARK)
        self.theme = DESK_DARK.name
        self._source = source
        self._clock = clock
        places = (Where.REPLAY, Where.APP) if isinstance(source, Transport) else (Where.APP,)
        self.context = DeskContext(
            clock=clock,
            places=places,
            underlying=underlying,
            book=book_desk((), sample_book()) if book is None else book,
            variance_clocks=variance_clocks,
            keep_clock=keep_clock,
            choose_surface=source.choose_surface if isinstance(source, SurfaceControl) else None,
        )
        self._screens: dict[str, DeskScreen] = {}
        self._posted: DeskSnapshot | None = None
        self._posted_second: int | None = None

    def on_mount(self) -> None:
        """Open the first screen and begin to ask."""
        self.push_screen(self._desk_screen(SCREENS[0].name))
        self._poll()
        self.set_interval(POLL_S, self._poll)

    @property
    def front(self) -> DeskScreen:
        """The desk's screen that is in front, also while help or the palette lies above it."""
        shown = [screen for screen in self.screen_stack if isinstance(screen, DeskScreen)]
        return shown[-1]

    def _desk_screen(self, name: str) -> DeskScreen:
        """The screen of this name, made when it is first asked for and kept from then on."""
        screen = self._screens.get(name)
        if screen is None:
            entry = screen_entry(name)
            screen = getattr(importlib.import_module(entry.module), entry.type_name)(self.context)
            assert isinstance(screen, DeskScreen), entry.name
            self.install_screen(screen, name=entry.name)
            self._screens[name] = screen
        return screen

    def action_screen(self, name: str) -> None:
        """Bring the screen called `name` to the front."""
        wanted = self._desk_screen(name)
        if wanted is not self.front and isinstance(self.screen, DeskScreen):
            self.switch_screen(wanted)

    def _poll(self) -> None:
        """Hand on the newest snapshot; without a new one let the clocks tick once a second."""
        snapshot = self._source.latest()
        failure = self._failure()
        second = self._clock.now_ns() // SECOND_NS
        is_new = snapshot is not self._posted or failure != self.context.failure
        if not is_new and second == self._posted_second:
            return
        self._posted, self._posted_second = snapshot, second
        self.context.failure = failure
        self._post(snapshot)

    def _post(self, snapshot: DeskSnapshot | None) -> None:
        self.context.pace = self._pace()
        self.front.post_message(SnapshotArrived(snapshot))

    def _failure(self) -> str:
        error = self._source.error if isinstance(self._source, Fallible) else None
        return "" if error is None else f"{error}"

    def _pace(self) -> str:
        if not isinstance(self._source, Transport):
            return ""
        return "paused" if self._source.is_paused else f"speed ×{self._source.speed:g}"

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette's entries, from the table of actions."""
        del screen
        front = self.front
        for action in palette_actions(front.places):
            name = f"{action.description} ({action.shown})"
            owner = front if action.where in front.PLACES else self
            run = partial(owner.run_action, action.action)

            yield SystemCommand(name, f"{action.where}", run)

    def action_help(self) -> None:
        """Show keys and symbols."""
        self.push_screen(HelpScreen(self.front.places, self.front.SYMBOLS))

    def action_problems(self) -> None:
        """List every kind of problem with its count."""
        self.push_screen(ProblemsScreen(problem_lines(self.context.snapshot)))

    def action_pause(self) -> None:
        """Pause or resume the replay."""
        if isinstance(self._source, Transport):
            self._source.pause()
            self._tell_pace()

    def action_slower(self) -> None:
        """Replay at half the speed."""
        self._change_speed(0.5)

    def action_faster(self) -> None:
        """Replay at twice the speed."""
        self._change_speed(2.0)

    def _change_speed(self, factor: float) -> None:
        if isinstance(self._source, Transport):
            speed = min(max(self._source.speed * factor, SPEED_MIN), SPEED_MAX)
            self._source.set_speed(speed)
            self._tell_pace()

    def _tell_pace(self) -> None:
        """Show the new pace at once: a paused replay brings no snapshot that would."""
        self._post(self._source.latest())

    def _fatal_error(self) -> None:
        """End with a traceback that shows no values: locals may hold what must not be printed."""
        self.bell()
        traceback = Traceback(show_locals=False, width=None)
        self._exit_renderables.append(
            Segments(self.console.render(traceback, self.console.options))
        )
        self._close_messages_no_wait()
