"""What the screens of a book share: its readings, header, states, panel and convention keys."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Iterable
from dataclasses import replace
from functools import partial
from typing import ClassVar

from textual import on
from textual.widget import Widget

from quantdesk.app.tui.book_desk import BookDesk, Job
from quantdesk.app.tui.context import DeskContext
from quantdesk.app.tui.messages import BookRead, CursorMoved
from quantdesk.app.tui.screens.desk_screen import DeskScreen
from quantdesk.app.tui.widgets.book_header import BookHeader
from quantdesk.app.tui.widgets.provenance_panel import ProvenancePanel
from quantdesk.app.tui.widgets.table_grid import TableGrid
from quantdesk.runtime.book_reading import BookReading
from quantdesk.snapshot import DeskSnapshot
from quantdesk.views.book_cells import steady
from quantdesk.views.book_header import (
    NO_BOOK,
    book_banner,
    book_fields,
    cost_field,
    data_age_text,
)
from quantdesk.views.chain_header import HeaderField
from quantdesk.views.provenance import Provenance
from quantdesk.views.risk_choice import GreekChoice
from quantdesk.views.safe_text import safe_text
from quantdesk.views.status import ScreenBanner, ScreenState
from quantdesk.views.table import TableView


class BookScreen(DeskScreen):
    """Base of the book screens.

    A screen gives its tables in `tables`, brings them up to a reading in `show_reading`, says in
    `fields` what its header tells, and explains the cell under the cursor in `explain`.
    """

    SYMBOLS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("–", "there is none, or it is not known; `i` says why"),
        ("STALE", "the quote behind a mark is older than the venue ever leaves one"),
        ("LEFT OUT", "in no total of any screen, with the reason"),
    )

    WITH_LIQUIDATION: ClassVar[bool] = False
    """Whether this screen shows distances to liquidation, which no other has to pay for."""

    WITH_EXPLAIN: ClassVar[bool] = False
    """Whether this screen shows what the book earned since the day's opening."""

    def __init__(self, context: DeskContext) -> None:
        super().__init__(context)
        self._widths: dict[str, dict[str, int]] = {}
        self._shown_looks: Hashable = None

    @property
    def book(self) -> BookDesk:
        """The book that is looked at."""
        return self.context.book

    @abstractmethod
    def tables(self) -> Iterable[Widget]:
        """The tables of this screen, from top to bottom."""

    @abstractmethod
    def show_reading(self, reading: BookReading) -> None:
        """Bring the tables up to `reading`."""

    @abstractmethod
    def fields(self, reading: BookReading) -> tuple[HeaderField, ...]:
        """What the header tells beside the book: conventions first, then figures."""

    @abstractmethod
    def looks(self, reading: BookReading) -> Hashable:
        """Everything but the reading that the tables depend on: they are made when it changes."""

    @abstractmethod
    def explain(self, reading: BookReading) -> Provenance:
        """Where the number under the cursor comes from."""

    def head(self) -> Iterable[Widget]:
        """The book and the conventions."""
        yield BookHeader()

    def body(self) -> Iterable[Widget]:
        """Tables, and the panel that explains their cells."""
        yield from self.tables()
        yield ProvenancePanel()

    def show(self) -> None:
        """Ask for a newer reading where one is due, and show the newest there is."""
        if not self.is_mounted:
            return
        snapshot = self.context.snapshot
        if self.is_current:
            self.book.wishes = replace(
                self.book.wishes,
                with_liquidation=self.WITH_LIQUIDATION,
                with_explain=self.WITH_EXPLAIN,
            )
        job = None if snapshot is None else self.book.due(snapshot, self.context.clock)
        if job is not None:
            self.app.run_worker(
                partial(self._read, job), name="book", group="book", thread=True, exit_on_error=True
            )
        super().show()

    def _read(self, job: Job) -> None:
        """In a worker thread: make the reading and hand it over."""
        self.post_message(BookRead(job()))

    @on(BookRead)
    def take_reading(self, message: BookRead) -> None:
        """Keep a reading, and show it on whichever book screen is in front by now."""
        self.book.take(message.reading, self.context.clock.now_ns())
        front = self.app.screen
        (front if isinstance(front, BookScreen) else self).show()

    def has_data(self, snapshot: DeskSnapshot) -> bool:
        """Whether there is a reading of the chosen book."""
        return self.book.reading is not None

    def banner(self, snapshot: DeskSnapshot | None, now_ns: int) -> ScreenBanner:
        """State of the book in words: empty, waiting, partial, stale, failed."""
        book, reading = self.book, self.book.reading
        if book.book is None:
            return ScreenBanner(ScreenState.WAITING, NO_BOOK)
        if reading is None or snapshot is None:
            label = safe_text(book.book.label, 48)
            if book.error:
                return ScreenBanner(
                    ScreenState.FAILED, f"{label}: no risk: {safe_text(book.error, 300)}"
                )
            market = super().banner(snapshot, now_ns)
            if snapshot is None or market.state is ScreenState.FAILED:
                return market
            waits = book.book.waits_for(snapshot)
            what = f"waiting for {safe_text(waits, 80)}…" if waits else "computing its risk…"
            return ScreenBanner(ScreenState.WAITING, f"{label}: {what}")
        return book_banner(
            reading.report,
            reading.opened.refused,
            snapshot,
            now_ns=now_ns,
            failure=self.context.failure,
            error=book.error,
            margin=reading.margin,
        )

    def show_body(self, snapshot: DeskSnapshot, now_ns: int) -> None:
        """Header, tables and panel of the newest reading."""
        reading = self.book.reading
        assert reading is not None, "has_data was asked first"
        age = data_age_text(reading.report, snapshot, now_ns)
        header = book_fields(reading.label, reading.report, reading.opened.refused, age=age)
        self.query_one(BookHeader).show(
            (*header, *self.fields(reading), cost_field(reading.cost_ns))
        )
        looks = (id(reading), self.looks(reading), self.size)
        if looks != self._shown_looks:
            self._shown_looks = looks
            self.show_reading(reading)
            self.explain_cursor()

    def put(self, selector: str, view: TableView, layout: str) -> None:
        """Show `view` in the table of `selector`; columns of one `layout` only ever widen."""
        kept, self._widths[layout] = steady(view, self._widths.get(layout, {}))
        grid = self.query_one(selector, TableGrid)
        if grid.view != kept:
            grid.show(kept)

    @on(CursorMoved)
    def explain_cursor(self) -> None:
        """Explain the cell the cursor came to, if the panel is open."""
        reading = self.book.reading
        if reading is not None and self.has_class("-explaining"):
            self.query_one(ProvenancePanel).show(self.explain(reading))

    def action_book(self) -> None:
        """Look at the next book."""
        book = self.book.choose_next()
        if book is None:
            self.notify("there is no book to look at", markup=False)
        self._widths.clear()
        self.show()

    def action_choose(self, name: str) -> None:
        """Take the next convention of `name`."""
        self.book.choice = self.book.choice.with_next(name)
        self.show()

    def action_provenance(self) -> None:
        """Open or close the panel that explains the cell under the cursor."""
        self.toggle_class("-explaining")
        self.explain_cursor()

    def action_close_panel(self) -> None:
        """Close the panel; nothing else."""
        self.remove_class("-explaining")

    @property
    def choice(self) -> GreekChoice:
        """The conventions of the Greeks."""
        return self.book.choice
