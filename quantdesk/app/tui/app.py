"""The desk in a terminal: wiring only. Asks its source ten times a second and shows what is new."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import partial
from typing import ClassVar

from rich.segment import Segments
from rich.traceback import Traceback
from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.screen import Screen

from quantdesk.app.tui.actions import Where, bindings, palette_actions
from quantdesk.app.tui.messages import SnapshotArrived
from quantdesk.app.tui.screens.chain import ChainScreen
from quantdesk.app.tui.screens.help import HelpScreen
from quantdesk.app.tui.source import Fallible, SnapshotSource, Transport
from quantdesk.app.tui.theme import DESK_DARK
from quantdesk.domain.ports import Clock
from quantdesk.snapshot import DeskSnapshot
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

    def __init__(self, source: SnapshotSource, *, clock: Clock, underlying: str = "BTC") -> None:
        # With NO_COLOR the library only greys its colours unless it may use the terminal's own.
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)
        self.register_theme(DESK_DARK)
        self.theme = DESK_DARK.name
        self._source = source
        self._clock = clock
        is_replay = isinstance(source, Transport)
        self._places = (
            (Where.CHAIN, Where.REPLAY, Where.APP)
            if is_replay
            else (
                Where.CHAIN,
                Where.APP,
            )
        )
        self._chain_screen = ChainScreen(clock, underlying, self._places)
        self._posted: DeskSnapshot | None = None
        self._posted_second: int | None = None

    def on_mount(self) -> None:
        """Open the chain screen and begin to ask."""
        self.push_screen(self._chain_screen)
        self._poll()
        self.set_interval(POLL_S, self._poll)

    def _poll(self) -> None:
        """Hand on the newest snapshot; without a new one let the clocks tick once a second."""
        snapshot = self._source.latest()
        failure = self._failure()
        second = self._clock.now_ns() // SECOND_NS
        is_new = snapshot is not self._posted or failure != self._chain_screen.failure
        if not is_new and second == self._posted_second:
            return
        self._posted, self._posted_second = snapshot, second
        self._chain_screen.failure = failure
        self._chain_screen.pace = self._pace()
        self._chain_screen.post_message(SnapshotArrived(snapshot))

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
        for action in palette_actions(self._places):
            name = f"{action.description} ({action.shown})"

            owner = self._chain_screen if action.where is Where.CHAIN else self
            run = partial(owner.run_action, action.action)

            yield SystemCommand(name, f"{action.where}", run)

    def action_help(self) -> None:
        """Show keys and symbols."""
        self.push_screen(HelpScreen(self._places))

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
        self._chain_screen.pace = self._pace()
        self._chain_screen.post_message(SnapshotArrived(self._source.latest()))

    def _fatal_error(self) -> None:
        """End with a traceback that shows no values: locals may hold what must not be printed."""
        self.bell()
        traceback = Traceback(show_locals=False, width=None)
        self._exit_renderables.append(
            Segments(self.console.render(traceback, self.console.options))
        )
        self._close_messages_no_wait()
