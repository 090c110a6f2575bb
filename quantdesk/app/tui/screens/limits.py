"""The limits screen: use, room, trend and state of every limit on the book."""

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
from quantdesk.views.limits import explain_limit, limits_screen, limits_summary
from quantdesk.views.provenance import Provenance


class LimitsScreen(BookScreen):
    """Every limit of the limits file on the book that is open, open orders in their worst case."""

    PLACES: ClassVar[tuple[Where, ...]] = (Where.BOOK, Where.TABLE)
    WITH_EXPLAIN: ClassVar[bool] = True  # the day's loss is of it
    SYMBOLS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("BREACH", "over the hard limit: only orders that reduce it pass"),
        ("SOFT", "over the soft limit: orders pass with a warning"),
        (
            "UNKNOWN",
            "can not be told: only orders that reduce what it looks at may pass; see the detail",
        ),
        ("▲ ▼ =", "use went up or down, or stayed, since the reading before"),
        *BookScreen.SYMBOLS,
    )
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(*PLACES)]

    def tables(self) -> Iterable[Widget]:
        """One line a limit."""
        yield TableGrid(id="limits")

    def cursor_table(self) -> TableGrid:
        """The limits."""
        return self.query_one("#limits", TableGrid)

    def fields(self, reading: BookReading) -> tuple[HeaderField, ...]:
        """The file, and how many limits are over."""
        return (HeaderField("limits", limits_summary(reading.report)),)

    def looks(self, reading: BookReading) -> Hashable:
        """Nothing can be chosen here."""
        return ()

    def show_reading(self, reading: BookReading) -> None:
        """Every limit, or why there are none."""
        self.put("#limits", limits_screen(reading.report), "limits")

    def explain(self, reading: BookReading) -> Provenance:
        """What the limit under the cursor means."""
        return explain_limit(reading.report, self.cursor_table().cursor_key)
