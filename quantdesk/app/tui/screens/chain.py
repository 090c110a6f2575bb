"""The chain screen: arranges the widgets, turns keys into wishes, decides what is looked at."""

from __future__ import annotations

from collections import deque
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen
from textual.widgets import Static

from quantdesk.app.tui.actions import Where, bindings
from quantdesk.app.tui.messages import (
    CursorMoved,
    ExpiryChosen,
    GridResized,
    SnapshotArrived,
    UnderlyingChosen,
)
from quantdesk.app.tui.widgets.chain_cursor import CursorSide
from quantdesk.app.tui.widgets.chain_grid import ChainGrid
from quantdesk.app.tui.widgets.chain_header import ChainHeader
from quantdesk.app.tui.widgets.expiry_tabs import ExpiryTabs
from quantdesk.app.tui.widgets.key_line import KeyLine
from quantdesk.app.tui.widgets.provenance_panel import ProvenancePanel
from quantdesk.app.tui.widgets.status_line import StatusLine
from quantdesk.domain.ports import Clock
from quantdesk.snapshot import ChainSnapshot, DeskSnapshot
from quantdesk.views.chain import chain_view
from quantdesk.views.chain_columns import COLUMN_SETS, next_column_set
from quantdesk.views.chain_header import expiry_tabs
from quantdesk.views.provenance import explain_cell, explain_strike
from quantdesk.views.status import ScreenState, screen_banner, status_items, venue_now_ns
from quantdesk.views.time_text import SECOND_NS
from quantdesk.views.units import Units

WIDTH_MIN, HEIGHT_MIN = 60, 12


class ChainScreen(Screen[None], inherit_bindings=False):
    """Calls, strikes and puts of one expiry of one underlying."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Where.CHAIN)]
    AUTO_FOCUS = None

    def __init__(self, clock: Clock, underlying: str, places: tuple[Where, ...]) -> None:
        super().__init__()
        self._clock = clock
        self._underlying = underlying
        self._places = places
        self._expiry_ns: int | None = None
        self._expiry_of: dict[str, int | None] = {}
        self._columns = COLUMN_SETS[0]
        self._units = Units.COIN
        self._snapshot: DeskSnapshot | None = None
        self.failure = ""
        """What ended the desk behind this screen, "" while it runs."""
        self.pace = ""
        """How fast a replay plays, "" for a desk that lives."""
        self._shown_ns: deque[int] = deque(maxlen=64)
        self._skipped = 0

    def compose(self) -> ComposeResult:
        """Status above, header, tabs, grid; keys below."""
        yield StatusLine()
        yield ChainHeader()
        yield ExpiryTabs()
        yield Static("", id="banner", markup=False)
        yield Static("", id="waiting", markup=False)
        yield ChainGrid()
        yield ProvenancePanel()
        yield KeyLine(self._places)
        yield Static("", id="too-small", markup=False)

    def on_mount(self) -> None:
        """Show at once that the desk is waiting."""
        self._show()

    def on_resize(self) -> None:
        """Say so where the terminal is too small to show a chain honestly."""
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
        return None if self._snapshot is None else self._snapshot.seq

    @on(SnapshotArrived)
    def take_snapshot(self, message: SnapshotArrived) -> None:
        """Show a newer snapshot, or the same one at a later time."""
        snapshot = message.snapshot
        if snapshot is not None and self.shown_seq not in {None, snapshot.seq}:
            assert self.shown_seq is not None
            self._skipped += max(snapshot.seq - self.shown_seq - 1, 0)
        if snapshot is not None and snapshot.seq != self.shown_seq:
            self._shown_ns.append(self._clock.now_ns())
        self._snapshot = snapshot
        self._show()

    def _show(self, *, is_other_chain: bool = False) -> None:
        """Bring every widget up to the snapshot and the clock."""
        if not self.is_mounted:
            return
        snapshot, now_ns = self._snapshot, self._clock.now_ns()
        chain = self._chain()
        # An underlying that comes later than the others must not keep them from being seen.
        if chain is None and snapshot is not None and snapshot.chains and self._expiry_ns is None:
            self._underlying = snapshot.chains[0].underlying
            chain = snapshot.chains[0]
        self.query_one(StatusLine).show(
            status_items(
                snapshot,
                self._underlying,
                now_ns=now_ns,
                frames_per_s=self._frames_per_s(now_ns),
                skipped=self._skipped,
                pace=self.pace,
            )
        )
        banner = screen_banner(snapshot, self._underlying, now_ns, self.failure)
        self._show_state(banner.state, banner.sentence, chain is not None)
        if snapshot is None or chain is None or not chain.expiries:
            return
        venue_ns = venue_now_ns(snapshot, chain, now_ns)
        is_other_chain |= self._settle_expiry(chain, venue_ns)
        self.query_one(ExpiryTabs).show(
            tuple(each.underlying for each in snapshot.chains),
            self._underlying,
            expiry_tabs(chain, venue_ns),
            self._expiry_ns,
        )
        grid = self.query_one(ChainGrid)
        view = chain_view(
            chain,
            expiry_ns=self._expiry_ns,
            columns=self._columns,
            units=self._units,
            now_ns=venue_ns,
            width=grid.size.width,
        )
        self.query_one(ChainHeader).show(view.header)
        grid.show(view, is_other_chain=is_other_chain)
        self._explain()

    def _chain(self) -> ChainSnapshot | None:
        return None if self._snapshot is None else self._snapshot.chain(self._underlying)

    def _settle_expiry(self, chain: ChainSnapshot, venue_ns: int) -> bool:
        """Keep the chosen expiry while it is listed, else the next one; true if it changed."""
        listed = [expiry.expiry_ns for expiry in chain.expiries]
        if self._expiry_ns in listed:
            return False
        wanted = venue_ns if self._expiry_ns is None else self._expiry_ns
        self._expiry_ns = next((each for each in listed if each > wanted), listed[-1])
        return True

    def _show_state(self, state: ScreenState, sentence: str, has_chain: bool) -> None:
        for each in ScreenState:
            self.set_class(each is state, f"-{each.value}")
        self.set_class(not has_chain, "-no-chain")
        place = "#banner" if has_chain else "#waiting"
        widget = self.query_one(place, Static)
        if str(widget.content) != sentence:
            widget.update(sentence)

    def _frames_per_s(self, now_ns: int) -> float | None:
        """Frames of the last second over the time they took; None while too few came."""
        shown = self._shown_ns
        while shown and now_ns - shown[0] > SECOND_NS:
            shown.popleft()
        span_ns = shown[-1] - shown[0] if shown else 0
        return (len(shown) - 1) * SECOND_NS / span_ns if span_ns > 0 else None

    @on(GridResized)
    def fit_again(self) -> None:
        """The grid has another size: choose columns for it."""
        self._show()

    @on(CursorMoved)
    def follow_cursor(self) -> None:
        """Explain the cell the cursor came to, if the panel is open."""
        self._explain()

    @on(ExpiryChosen)
    def take_expiry(self, message: ExpiryChosen) -> None:
        """Show the expiry that was clicked."""
        self._choose_expiry(message.expiry_ns)

    @on(UnderlyingChosen)
    def take_underlying(self, message: UnderlyingChosen) -> None:
        """Show the underlying that was clicked."""
        self._choose_underlying(message.underlying)

    def _choose_expiry(self, expiry_ns: int) -> None:
        if expiry_ns != self._expiry_ns:
            self._expiry_ns = expiry_ns
            self._show(is_other_chain=True)

    def _choose_underlying(self, underlying: str) -> None:
        if underlying != self._underlying:
            self._expiry_of[self._underlying] = self._expiry_ns
            self._underlying = underlying
            # Back to where one was; a coin seen for the first time opens on its nearest expiry.
            self._expiry_ns = self._expiry_of.get(underlying)
            self._show(is_other_chain=True)

    def _explain(self) -> None:
        if not self.has_class("-explaining"):
            return
        grid = self.query_one(ChainGrid)
        view, cursor = grid.view, grid.cursor
        if view is None or cursor is None:
            return
        line = view.nearest_line(cursor.key)
        column = cursor.shown_column(view.layout)
        if column is None or line is None:
            provenance = explain_strike(view, cursor.key)
        else:
            row = view.row(line, cursor.side is CursorSide.CALL)
            provenance = explain_cell(view, row, column)
        self.query_one(ProvenancePanel).show(provenance)

    def action_expiry(self, step: int) -> None:
        """Choose the next or the previous expiry."""
        chain = self._chain()
        listed = [] if chain is None else [expiry.expiry_ns for expiry in chain.expiries]
        if self._expiry_ns in listed:
            place = listed.index(self._expiry_ns) + step
            self._choose_expiry(listed[min(max(place, 0), len(listed) - 1)])

    def action_underlying(self, step: int) -> None:
        """Choose the next or the previous underlying, around the corner."""
        names = [] if self._snapshot is None else [c.underlying for c in self._snapshot.chains]
        if self._underlying in names:
            self._choose_underlying(names[(names.index(self._underlying) + step) % len(names)])

    def action_columns(self) -> None:
        """Show the next set of columns."""
        self._columns = next_column_set(self._columns)
        self._show()

    def action_units(self) -> None:
        """Show prices in the next unit."""
        self._units = self._units.next()
        self._show()

    def action_centre(self) -> None:
        """Centre the strike at the money."""
        self.query_one(ChainGrid).centre_cursor()

    def action_provenance(self) -> None:
        """Open or close the panel that explains the cell under the cursor."""
        self.toggle_class("-explaining")
        self._explain()

    def action_close_panel(self) -> None:
        """Close the panel; nothing else."""
        self.remove_class("-explaining")

    def action_move(self, columns: int, lines: int) -> None:
        """Move the cursor."""
        self.query_one(ChainGrid).move_cursor(columns, lines)

    def action_page(self, direction: int) -> None:
        """Move the cursor by half a page."""
        grid = self.query_one(ChainGrid)
        grid.move_cursor(0, direction * max(grid.body_height // 2, 1))

    def action_edge(self, direction: int) -> None:
        """Move the cursor to the first or last strike."""
        grid = self.query_one(ChainGrid)
        lines = 0 if grid.view is None else len(grid.view)
        grid.move_cursor(0, direction * lines)
