"""The P&L explain screen: what the book earned since the day's opening, step by step."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.binding import BindingType

from quantdesk.app.tui.actions import bindings
from quantdesk.app.tui.context import DeskContext
from quantdesk.app.tui.messages import CursorMoved
from quantdesk.app.tui.screens.book_screen import BookScreen
from quantdesk.app.tui.screens.panes import TwoPanes
from quantdesk.app.tui.where import Where
from quantdesk.app.tui.widgets.table_grid import TableGrid
from quantdesk.runtime.book_reading import BookReading
from quantdesk.runtime.pnl_day import DayExplain
from quantdesk.snapshot import DeskSnapshot
from quantdesk.views.chain_header import HeaderField
from quantdesk.views.pnl_screen import (
    GAIN_BAR,
    LOSS_BAR,
    STILL_BAR,
    Lines,
    PnlChoice,
    chosen_line,
    explain_roll_up,
    explain_step,
    pnl_fields,
    pnl_sentence,
    roll_up_view,
    waterfall_lines,
    waterfall_title,
    waterfall_view,
)
from quantdesk.views.provenance import Provenance
from quantdesk.views.risk_choice import following
from quantdesk.views.safe_text import safe_text
from quantdesk.views.status import ScreenBanner, ScreenState

USUAL_HEIGHT = 24
"""Lines of the smallest usual terminal."""


class PnlExplainScreen(TwoPanes):
    """Steps in their order with bars, lines and residual, of the line chosen in the roll-up."""

    PLACES: ClassVar[tuple[Where, ...]] = (Where.PNL, Where.PANES, Where.BOOK, Where.TABLE)
    PANES: ClassVar[tuple[str, str]] = ("waterfall", "roll-up")
    WITH_EXPLAIN: ClassVar[bool] = True
    SYMBOLS: ClassVar[tuple[tuple[str, str], ...]] = (
        (f"{GAIN_BAR}  {LOSS_BAR}  {STILL_BAR}", "a gain, a loss, a step too small for the bar"),
        ("residual", "step less its Greek lines: ALARM above 0.5 % of gross, 2 % on a 5 % day"),
        ("one step", "what the Greeks of each step's start leave without strides; no alarm"),
        *BookScreen.SYMBOLS,
    )
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(*PLACES)]

    def __init__(self, context: DeskContext) -> None:
        super().__init__(context)
        self._choice = PnlChoice()

    def on_resize(self) -> None:
        """Room for the totals above the waterfall from the usual terminal's height on."""
        super().on_resize()
        self.set_class(self.size.height >= USUAL_HEIGHT, "-usual")

    @property
    def day(self) -> DayExplain | None:
        """The explain of the newest reading."""
        return None if self.book.reading is None else self.book.reading.day

    def has_data(self, snapshot: DeskSnapshot) -> bool:
        """Whether there is an explain of the chosen book."""
        return self.day is not None and self.day.explained is not None

    def banner(self, snapshot: DeskSnapshot | None, now_ns: int) -> ScreenBanner:
        """The book's state; what the explain waits for, its alarms, and what it leaves out."""
        banner, day = super().banner(snapshot, now_ns), self.day
        book = self.book.book
        if book is None or self.book.reading is None or banner.state is ScreenState.FAILED:
            return banner
        label = safe_text(book.label, 48)
        if day is None or day.explained is None:
            waits = "its P&L" if day is None else safe_text(day.waits, 300)
            since = "" if day is None else "".join(f"; {one}" for one in day.since)
            return ScreenBanner(ScreenState.WAITING, f"{label}: waiting for {waits}…{since}")
        sentence = pnl_sentence(day.explained)
        is_calm = banner.state in {ScreenState.LIVE, ScreenState.FILE, ScreenState.PARTIAL}
        return ScreenBanner(ScreenState.PARTIAL, sentence) if sentence and is_calm else banner

    def fields(self, reading: BookReading) -> tuple[HeaderField, ...]:
        """Since when, the P&L of each currency with its residual, and the conventions."""
        day = reading.day
        if day is None or day.explained is None:
            return ()
        return pnl_fields(
            day.explained,
            self._choice,
            since=day.since,
            problems=day.problems,
            cost_ns=day.cost_ns,
            width=self.size.width,
        )

    def looks(self, reading: BookReading) -> Hashable:
        """Conventions, the pane in front, and the line of the roll-up."""
        return self._choice, self.front_pane, self.query_one("#roll-up", TableGrid).cursor_key

    def show_reading(self, reading: BookReading) -> None:
        """The roll-up, and the waterfall of the line that its cursor is on."""
        day, choice = reading.day, self._choice
        if day is None or day.explained is None:
            return
        lines = self._lines(reading)
        self.put("#roll-up", roll_up_view(day.explained, lines, choice), f"roll-up {choice}")
        shown = chosen_line(lines, self.query_one("#roll-up", TableGrid).cursor_key)
        self.put("#waterfall", waterfall_view(shown), f"waterfall {choice.in_usd}")
        self.title_panes(
            waterfall_title(shown, choice.roll_up),
            f"P&L by {choice.roll_up.value}, b for the next; the line here is the waterfall's",
        )

    def _lines(self, reading: BookReading) -> Lines:
        day = reading.day
        if day is None or day.explained is None:
            return {}
        return waterfall_lines(day.explained, self._choice)

    @on(CursorMoved)
    def follow_cursor(self) -> None:
        """The waterfall is that of the roll-up's line."""
        if self.front_pane == 1:
            self.show()

    def explain(self, reading: BookReading) -> Provenance:
        """The step, or the line of the roll-up, under the cursor."""
        day, key = reading.day, self.cursor_table().cursor_key
        if day is None or day.explained is None:
            return Provenance(title="There is nothing to explain yet", sentences=())
        lines = self._lines(reading)
        if self.front_pane == 1:
            return explain_roll_up(day.explained, lines, key, day.notes)
        shown = chosen_line(lines, self.query_one("#roll-up", TableGrid).cursor_key)
        return explain_step(shown, key, day.explained.rule)

    def action_roll_up(self) -> None:
        """Add up by the next rule."""
        self._choice = replace(self._choice, roll_up=following(self._choice.roll_up))
        self.show()

    def action_money(self) -> None:
        """Show USD instead of coin, or coin again."""
        self._choice = replace(self._choice, in_usd=not self._choice.in_usd)
        self.show()

    def action_rule(self) -> None:
        """Let vols follow the next rule while the index moves."""
        wishes = self.book.wishes
        self.book.wishes = replace(wishes, explain_rule=following(wishes.explain_rule))
        self.show()
