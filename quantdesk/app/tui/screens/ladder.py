"""The ladder screen: one Greek by expiry and strike bucket, all Greeks by any grouping, hedges."""

from __future__ import annotations

from collections.abc import Hashable
from typing import ClassVar

from textual.binding import BindingType

from quantdesk.app.tui.actions import bindings
from quantdesk.app.tui.context import DeskContext
from quantdesk.app.tui.screens.book_screen import BookScreen
from quantdesk.app.tui.screens.panes import TwoPanes
from quantdesk.app.tui.where import Where
from quantdesk.runtime.book_reading import BookReading
from quantdesk.views.book_header import choice_fields, net_fields
from quantdesk.views.chain_header import HeaderField
from quantdesk.views.greeks import GREEK_NAMES
from quantdesk.views.provenance import Provenance
from quantdesk.views.risk_choice import GREEK_COLUMNS, unit_text
from quantdesk.views.risk_ladder import (
    GROUPINGS,
    LADDER_FIELDS,
    explain_group,
    explain_ladder,
    hedge_fields,
    ladder_matrix,
    ladder_table,
)
from quantdesk.views.safe_text import safe_text


class LadderScreen(TwoPanes):
    """Where the Greeks of one coin sit."""

    PLACES: ClassVar[tuple[Where, ...]] = (
        Where.LADDER,
        Where.PANES,
        Where.COIN,
        Where.GREEKS,
        Where.BOOK,
        Where.TABLE,
    )
    SYMBOLS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("(blank)", "no leg stands there; a rounded nothing is written 0.0000"),
        ("40,000", "above a column: strikes from there, to the width below it"),
        *BookScreen.SYMBOLS,
    )
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(*PLACES)]
    PANES: ClassVar[tuple[str, str]] = ("matrix", "table")

    def __init__(self, context: DeskContext) -> None:
        super().__init__(context)
        self._kind = 0
        self._extra: str | None = None
        self._grouping = GROUPINGS[0]

    @property
    def field(self) -> str:
        """The Greek of the matrix: one of the chosen conventions, or one that has none."""
        return self._extra or self.choice.fields[self._kind]

    def fields(self, reading: BookReading) -> tuple[HeaderField, ...]:
        """Conventions, net Greeks and the two hedges of the coin."""
        coin = self._coin(reading)
        net = tuple(one for one in net_fields(reading.report, self.choice) if one.label == coin)
        hedges = hedge_fields(reading.report.greeks.hedges, coin)
        return (*choice_fields(self.choice), *net, *hedges)

    def looks(self, reading: BookReading) -> Hashable:
        """Coin, Greek, grouping and the pane in front."""
        return self._coin(reading), self.field, self._grouping, self.front_pane

    def _coin(self, reading: BookReading) -> str:
        """The coin of the desk where the book has it, else the book's first."""
        coins = reading.report.book.underlyings
        wanted = self.context.underlying
        return wanted if wanted in coins or not coins else coins[0]

    def show_reading(self, reading: BookReading) -> None:
        """Matrix and table of the coin."""
        coin, field, exposures = self._coin(reading), self.field, reading.report.greeks
        self.put("#matrix", ladder_matrix(exposures, coin, field), f"matrix {coin} {field}")
        table = ladder_table(exposures, coin, self._grouping)
        self.put("#table", table, f"table {coin} {self._grouping.value}")
        name = safe_text(coin, 8)
        self.title_panes(
            f"{GREEK_NAMES[field]}, {unit_text(field, name)}: {name} by expiry × strike bucket",
            f"All Greeks of {name} by {self._grouping.value}",
        )

    def explain(self, reading: BookReading) -> Provenance:
        """The cell under the cursor."""
        coin, grid, greeks = self._coin(reading), self.cursor_table(), reading.report.greeks
        line, column = grid.cursor_key, grid.cursor_column
        if self.front_pane == 0:
            return explain_ladder(greeks, coin, self.field, line, column)
        return explain_group(greeks, coin, self._grouping, line, column)

    def action_choose(self, name: str) -> None:
        """Take the next convention of `name`, and show the Greek that it is about."""
        self._extra = None
        self._kind = {"delta": 0, "money": self._kind, "vega": 2, "theta": 3}[name]
        super().action_choose(name)

    def action_greek(self, step: int) -> None:
        """Show the next Greek in the matrix; the conventions follow it."""
        place = LADDER_FIELDS.index(self.field) + step
        self._extra = LADDER_FIELDS[place % len(LADDER_FIELDS)]
        assert self._extra in GREEK_COLUMNS
        self.show()

    def action_grouping(self) -> None:
        """Group the table by the next rule."""
        place = GROUPINGS.index(self._grouping) + 1
        self._grouping = GROUPINGS[place % len(GROUPINGS)]
        self.show()

    def action_coin(self, step: int) -> None:
        """Look at the next coin of the book."""
        reading = self.book.reading
        coins = () if reading is None else reading.report.book.underlyings
        if reading is not None and coins:
            place = coins.index(self._coin(reading)) + step
            self.context.underlying = coins[place % len(coins)]
            self.context.expiry_ns = None
            self.show()
