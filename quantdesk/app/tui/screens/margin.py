"""The margin screen: standard margin by leg, and the grid of Deribit's portfolio margin."""

from __future__ import annotations

from collections.abc import Hashable
from typing import ClassVar

from textual.binding import BindingType

from quantdesk.app.tui.actions import bindings
from quantdesk.app.tui.screens.book_screen import BookScreen
from quantdesk.app.tui.screens.panes import TwoPanes
from quantdesk.app.tui.where import Where
from quantdesk.app.tui.widgets.pane_title import PaneTitle
from quantdesk.runtime.book_reading import BookReading
from quantdesk.views.chain_header import HeaderField
from quantdesk.views.margin_panel import (
    explain_margin,
    margin_fields,
    margin_lines,
    margin_words,
)
from quantdesk.views.portfolio_margin import BINDING_MARK
from quantdesk.views.portfolio_panel import explain_portfolio, portfolio_screen, portfolio_title
from quantdesk.views.provenance import Provenance


class MarginScreen(TwoPanes):
    """What each venue asks for each leg and how sure the rule is; what binds the portfolio."""

    PLACES: ClassVar[tuple[Where, ...]] = (Where.PANES, Where.BOOK, Where.TABLE)
    PANES: ClassVar[tuple[str, str]] = ("margin", "portfolio")
    WITH_LIQUIDATION: ClassVar[bool] = True
    SYMBOLS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("verified", "the rule reproduces figures that the venue published or an account had"),
        ("derived", "it follows from a stated formula; no figure of the venue confirms all of it"),
        ("uncertain", "sources conflict or are old; `i` says what is not established"),
        (BINDING_MARK, "the cell of the portfolio grid that sets the margin"),
        ("UNPROVED", "no simulation reply of the venue with options has been matched yet"),
        *BookScreen.SYMBOLS,
    )
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(*PLACES)]

    def fields(self, reading: BookReading) -> tuple[HeaderField, ...]:
        """Totals by account and currency, and the model."""
        totals = margin_fields(reading.margin, reading.opened.accounts)
        return (*totals, HeaderField("", margin_words(reading.margin)))

    def looks(self, reading: BookReading) -> Hashable:
        """The pane in front."""
        return self.front_pane

    def show_reading(self, reading: BookReading) -> None:
        """Totals and legs of both models."""
        self.put("#margin", margin_lines(reading.margin, reading.opened.refused), "margin")
        self.put("#portfolio", portfolio_screen(reading.portfolio), "portfolio")
        room = self.size.width - PaneTitle.FRAME
        self.title_panes("Standard margin by leg", portfolio_title(reading.portfolio, room))

    def explain(self, reading: BookReading) -> Provenance:
        """How the line under the cursor was made."""
        key = self.cursor_table().cursor_key
        if self.front_pane == 1:
            return explain_portfolio(reading.portfolio, key)
        return explain_margin(reading.margin, reading.opened.refused, key)
