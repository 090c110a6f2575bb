"""The margin screen: standard margin by account, currency and leg, the venue's own beside."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from quantdesk.app.tui.actions import bindings
from quantdesk.app.tui.screens.book_screen import BookScreen
from quantdesk.app.tui.where import Where
from quantdesk.app.tui.widgets.table_grid import TableGrid
from quantdesk.runtime.book_reading import BookReading
from quantdesk.views.chain_header import HeaderField
from quantdesk.views.margin_panel import (
    explain_margin,
    margin_fields,
    margin_lines,
    margin_words,
)
from quantdesk.views.provenance import Provenance


class MarginScreen(BookScreen):
    """What each venue asks for each leg, and how sure the rule is."""

    PLACES: ClassVar[tuple[Where, ...]] = (Where.BOOK, Where.TABLE)
    SYMBOLS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("verified", "the rule reproduces figures that the venue published or an account had"),
        ("derived", "it follows from a stated formula; no figure of the venue confirms all of it"),
        ("uncertain", "sources conflict or are old; `i` says what is not established"),
        *BookScreen.SYMBOLS,
    )
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(*PLACES)]

    def tables(self) -> Iterable[Widget]:
        """The legs below their totals."""
        yield TableGrid(id="margin")

    def cursor_table(self) -> TableGrid:
        """The table."""
        return self.query_one("#margin", TableGrid)

    def fields(self, reading: BookReading) -> tuple[HeaderField, ...]:
        """Totals by account and currency, and the model."""
        totals = margin_fields(reading.margin, reading.opened.accounts)
        return (*totals, HeaderField("", margin_words(reading.margin)))

    def looks(self, reading: BookReading) -> Hashable:
        """Nothing but the reading."""
        return ()

    def show_reading(self, reading: BookReading) -> None:
        """Totals and legs."""
        self.put("#margin", margin_lines(reading.margin, reading.opened.refused), "margin")

    def explain(self, reading: BookReading) -> Provenance:
        """How the line under the cursor was made."""
        key = self.cursor_table().cursor_key
        return explain_margin(reading.margin, reading.opened.refused, key)
