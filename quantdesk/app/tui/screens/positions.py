"""The positions screen: a book as a tree, with profit and Greeks in named conventions."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from quantdesk.app.tui.actions import bindings
from quantdesk.app.tui.context import DeskContext
from quantdesk.app.tui.screens.book_screen import BookScreen
from quantdesk.app.tui.where import Where
from quantdesk.app.tui.widgets.table_grid import TableGrid
from quantdesk.portfolio.leg_marks import LegMarks
from quantdesk.risk.book_tree import BookGroup, book_tree
from quantdesk.runtime.book_reading import BookReading
from quantdesk.views.book_header import book_notes, choice_fields, net_fields
from quantdesk.views.book_positions import (
    TREE_WORDS,
    ColumnSet,
    TreeOrder,
    foldable_keys,
    group_of,
    position_of,
    tree_view,
)
from quantdesk.views.chain_header import HeaderField
from quantdesk.views.position_provenance import explain_position
from quantdesk.views.provenance import Provenance
from quantdesk.views.risk_choice import following

OPEN_POSITIONS_MAX = 500
"""A larger book opens folded to its expiries or tags."""

UNFOLDED_POSITIONS_MAX = 5_000
"""So many lines are made within a frame; of a larger book groups are unfolded one by one."""


class PositionsScreen(BookScreen):
    """Underlying, expiry, strike (or tag, or venue), and the legs below."""

    PLACES: ClassVar[tuple[Where, ...]] = (
        Where.POSITIONS,
        Where.GREEKS,
        Where.BOOK,
        Where.TABLE,
    )
    SYMBOLS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("-  +", "before a group: open; folded, its sums alone are shown"),
        *BookScreen.SYMBOLS,
    )
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(*PLACES)]

    def __init__(self, context: DeskContext) -> None:
        super().__init__(context)
        self._columns = ColumnSet.RISK
        self._order = TreeOrder.CONTRACT
        self._folded: frozenset[str] | None = None
        self._fold_depth = 0
        self._tree: tuple[BookReading, TreeOrder, BookGroup] | None = None
        self._book_shown: int | None = None

    def tables(self) -> Iterable[Widget]:
        """The tree."""
        yield TableGrid(id="tree")

    def cursor_table(self) -> TableGrid:
        """The tree."""
        return self.query_one("#tree", TableGrid)

    def fields(self, reading: BookReading) -> tuple[HeaderField, ...]:
        """Columns, order, conventions, and the net Greeks of each coin."""
        return (
            HeaderField("columns", self._columns.value),
            HeaderField("by", TREE_WORDS[self._order]),
            *choice_fields(self.choice),
            *net_fields(reading.report, self.choice),
        )

    def looks(self, reading: BookReading) -> Hashable:
        """Columns, order, folds and conventions."""
        return self._columns, self._order, self._folded, self.choice, self.book.chosen

    def show_reading(self, reading: BookReading) -> None:
        """The tree of `reading`."""
        root = self._root(reading)
        if self._book_shown != self.book.chosen:
            self._book_shown, self._folded = self.book.chosen, None
        if self._folded is None:
            is_large = root.positions > OPEN_POSITIONS_MAX
            self._folded = foldable_keys(root, 2) if is_large else frozenset()
        view = tree_view(
            root,
            reading.margin,
            reading.opened.refused,
            columns=self._columns,
            choice=self.choice,
            folded=self._folded,
        )
        self.put("#tree", view, f"{self._columns.name} {self.choice}")

    def explain(self, reading: BookReading) -> Provenance:
        """The cell under the cursor."""
        grid = self.cursor_table()
        return explain_position(
            self._root(reading),
            reading.opened.refused,
            grid.cursor_key or "",
            grid.cursor_column or "",
            book_source=reading.opened.name,
            notes=book_notes(reading.report, reading.opened.notes),
        )

    def _root(self, reading: BookReading) -> BookGroup:
        kept = self._tree
        if kept is not None and kept[0] is reading and kept[1] is self._order:
            return kept[2]
        root = book_tree(reading.valued, reading.report.exposures, self._order.value)
        self._tree = (reading, self._order, root)
        return root

    def action_columns(self) -> None:
        """Show the next set of columns."""
        self._columns = following(self._columns)
        self.show()

    def action_order(self) -> None:
        """Group the tree by the next rule, unfolded."""
        self._order = following(self._order)
        self._folded, self._fold_depth = None, 0
        self.show()

    def action_fold(self) -> None:
        """Fold or unfold the group under the cursor."""
        reading, key = self.book.reading, self.cursor_table().cursor_key
        if reading is None or key is None or group_of(self._root(reading), key) is None:
            return
        first = key.partition("|")[0]
        self._folded = (self._folded or frozenset()) ^ {first}
        self.show()

    async def action_on_chain(self) -> None:
        """Show the leg under the cursor on the chain."""
        reading, key = self.book.reading, self.cursor_table().cursor_key
        if reading is None or key is None:
            return
        position = position_of(self._root(reading), key)
        market = None
        if position is not None:
            market = LegMarks(reading.opened.market).market_of(position.instrument)
        if position is None or market is None:
            self.notify("move to a leg: it is shown on its chain", markup=False)
            return
        self.context.underlying, self.context.venue = market.underlying, market.venue
        self.context.expiry_ns = position.instrument.expiry_ns
        await self.app.run_action("screen('chain')")

    def action_fold_all(self) -> None:
        """Fold to underlyings, then one level more open, then unfold all."""
        reading = self.book.reading
        if reading is None:
            return
        root = self._root(reading)
        is_large = root.positions > UNFOLDED_POSITIONS_MAX
        self._fold_depth = self._fold_depth % (2 if is_large else 3) + 1
        is_open = self._fold_depth == 3
        self._folded = frozenset() if is_open else foldable_keys(root, self._fold_depth)
        self.show()
