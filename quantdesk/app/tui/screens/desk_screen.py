"""What every screen of the desk has: status above, banner, keys below, and a body of its own."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import ClassVar, Protocol

from textual import on
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from quantdesk.app.tui.context import DeskContext
from quantdesk.app.tui.messages import GridResized, SnapshotArrived
from quantdesk.app.tui.where import Where
from quantdesk.app.tui.widgets.key_line import KeyLine
from quantdesk.app.tui.widgets.status_line import StatusLine
from quantdesk.snapshot import DeskSnapshot
from quantdesk.views.status import ScreenBanner, ScreenState, screen_banner, status_items

WIDTH_MIN, HEIGHT_MIN = 60, 12

EDGE = 1_000_000_000
"""More lines than any table has: a cursor moved so far stands on the last one."""


class CursorTable(Protocol):
    """A table whose cursor the keys of `Where.TABLE` move."""

    @property
    def body_height(self) -> int:
        """Lines on screen."""

    def move_cursor(self, columns: int, lines: int) -> None:
        """Move the cursor; it stays inside the table."""


class DeskScreen(Screen[None], inherit_bindings=False):
    """Base of the desk's screens.

    A screen says in `PLACES` which keys it takes (and binds them with `bindings(*PLACES)`), gives
    its widgets in `body` and brings them up to date in `show_body`, which is called with each new
    snapshot, once a second, after a resize, and whenever the screen comes to the front.
    """

    PLACES: ClassVar[tuple[Where, ...]] = ()
    SYMBOLS: ClassVar[tuple[tuple[str, str], ...]] = ()
    """Symbols that this screen shows, with what they say; for the help."""

    # None would take the app's rule, which focuses the first widget that can be typed into.
    AUTO_FOCUS = ""

    def __init__(self, context: DeskContext) -> None:
        super().__init__()
        self.context = context

    @property
    def places(self) -> tuple[Where, ...]:
        """Where the keys that work here belong to, its own first."""
        return (*self.PLACES, *self.context.places)

    def head(self) -> Iterable[Widget]:
        """Widgets between the status line and the banner."""
        return ()

    @abstractmethod
    def body(self) -> Iterable[Widget]:
        """The widgets of this screen."""

    @abstractmethod
    def show_body(self, snapshot: DeskSnapshot, now_ns: int) -> None:
        """Bring the screen's widgets up to `snapshot` at `now_ns` of the desk's clock."""

    def has_data(self, snapshot: DeskSnapshot) -> bool:
        """Whether there is something to show; otherwise the screen says what it waits for."""
        return bool(snapshot.chains)

    def cursor_table(self) -> CursorTable | None:
        """The table that the arrows move in; None where there is none."""
        return None

    def compose(self) -> ComposeResult:
        """Status above, the screen's own widgets, keys below."""
        yield StatusLine()
        yield from self.head()
        yield Static("", id="banner", markup=False)
        yield Static("", id="waiting", markup=False)
        yield from self.body()
        yield KeyLine(self.places)
        yield Static("", id="too-small", markup=False)

    def on_mount(self) -> None:
        """Show at once that the desk is waiting."""
        self.show()

    def on_screen_resume(self) -> None:
        """Catch up with what came while another screen was in front."""
        self.show()

    def on_resize(self) -> None:
        """Say so where the terminal is too small to show numbers honestly."""
        width, height = self.size
        is_too_small = width < WIDTH_MIN or height < HEIGHT_MIN
        self.set_class(is_too_small, "-too-small")
        self.set_class(height >= 30, "-tall")
        if is_too_small:
            self.query_one("#too-small", Static).update(
                f"{width}x{height} is too small: the desk needs {WIDTH_MIN}x{HEIGHT_MIN}"
            )

    @property
    def shown_seq(self) -> int | None:
        """Number of the snapshot on screen."""
        return None if self.context.snapshot is None else self.context.snapshot.seq

    @on(SnapshotArrived)
    def take_snapshot(self, message: SnapshotArrived) -> None:
        """Show a newer snapshot, or the same one at a later time."""
        context = self.context
        context.frames.note(context.snapshot, message.snapshot, context.clock.now_ns())
        context.snapshot = message.snapshot
        self._keep_opening(message.snapshot)
        self.show()

    def _keep_opening(self, snapshot: DeskSnapshot | None) -> None:
        """Whichever screen is in front: the day's opening is taken when it is due, in a worker."""
        job = None if snapshot is None else self.context.book.openings.due(snapshot)
        if job is not None:
            self.app.run_worker(job, name="opening", group="opening", thread=True)

    @on(GridResized)
    def fit_again(self) -> None:
        """A table has another size: its view may have to be fitted anew."""
        self.show()

    def show(self) -> None:
        """Bring every widget up to the snapshot and the clock."""
        if not self.is_mounted:
            return
        context = self.context
        snapshot, now_ns = context.snapshot, context.clock.now_ns()
        has_data = snapshot is not None and self.has_data(snapshot)
        self.query_one(StatusLine).show(
            status_items(
                snapshot,
                context.underlying,
                now_ns=now_ns,
                venue=context.venue,
                frames_per_s=context.frames.per_s(now_ns),
                skipped=context.frames.skipped,
                pace=context.pace,
                failure=context.failure,
            )
        )
        self._show_banner(self.banner(snapshot, now_ns), has_data)
        if snapshot is not None and has_data:
            self.show_body(snapshot, now_ns)

    def banner(self, snapshot: DeskSnapshot | None, now_ns: int) -> ScreenBanner:
        """State of this screen in words."""
        context = self.context
        return screen_banner(
            snapshot, context.underlying, now_ns, context.failure, venue=context.venue
        )

    def _show_banner(self, banner: ScreenBanner, has_data: bool) -> None:
        for each in ScreenState:
            self.set_class(each is banner.state, f"-{each.value}")
        self.set_class(not has_data, "-no-data")
        self.set_class(bool(banner.sentence), "-speaking")
        widget = self.query_one("#banner" if has_data else "#waiting", Static)
        if str(widget.content) != banner.sentence:
            widget.update(banner.sentence)

    def action_move(self, columns: int, lines: int) -> None:
        """Move the cursor."""
        if (table := self.cursor_table()) is not None:
            table.move_cursor(columns, lines)

    def action_page(self, direction: int) -> None:
        """Move the cursor by half a page."""
        if (table := self.cursor_table()) is not None:
            table.move_cursor(0, direction * max(table.body_height // 2, 1))

    def action_edge(self, direction: int) -> None:
        """Move the cursor to the first or last line."""
        if (table := self.cursor_table()) is not None:
            table.move_cursor(0, direction * EDGE)
