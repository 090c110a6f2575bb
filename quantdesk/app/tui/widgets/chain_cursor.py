"""Where the chain's cursor stands: on a strike, a side and a column, never on a line number."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from quantdesk.views.chain_columns import Layout
from quantdesk.views.strike_grid import LineKey, StrikeGridView


class CursorSide(StrEnum):
    """Part of a line."""

    CALL = "call"
    STRIKE = "strike"
    PUT = "put"


_FALLBACKS = ("bid", "bid_iv", "left_bid", "delta", "mark")
"""Columns to stand on while the cursor's own is not shown, best first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """A cell by what it means, so that it stays itself while rows and columns come and go."""

    key: LineKey
    side: CursorSide
    column: str

    def place(self, layout: Layout) -> int:
        """Number of the cell in a line: calls, strike, puts. The nearest thing if not shown."""
        if self.side is CursorSide.STRIKE:
            return len(layout.calls)
        columns = layout.calls if self.side is CursorSide.CALL else layout.puts
        keys = [column.key for column in columns]
        offset = 0 if self.side is CursorSide.CALL else len(layout.calls) + 1
        for key in (self.column, *_FALLBACKS):
            if key in keys:
                return offset + keys.index(key)
        return offset if keys else len(layout.calls)

    def shown_column(self, layout: Layout) -> str | None:
        """Key of the column the cursor is seen on; None on the strike."""
        return cell_column(self.place(layout), layout)

    def moved(self, view: StrikeGridView, columns: int, lines: int) -> Cursor:
        """The cursor after a step of so many columns and lines, kept inside the view."""
        cursor = self
        line = view.nearest_line(self.key)
        if line is not None and lines:
            line = min(max(line + lines, 0), len(view) - 1)
            cursor = replace(cursor, key=view.keys[line])
        if columns:
            last = len(view.layout.calls) + len(view.layout.puts)
            cursor = cursor.at(min(max(self.place(view.layout) + columns, 0), last), view.layout)
        return cursor

    def at(self, place: int, layout: Layout) -> Cursor:
        """The cursor on cell number `place` of its line."""
        column = cell_column(place, layout)
        if column is None:
            return replace(self, side=CursorSide.STRIKE)
        side = CursorSide.CALL if place < len(layout.calls) else CursorSide.PUT
        return replace(self, side=side, column=column)


def cell_column(place: int, layout: Layout) -> str | None:
    """Column key of cell number `place` of a line; None for the strike."""
    calls = len(layout.calls)
    if place < calls:
        return layout.calls[place].key
    return None if place == calls else layout.puts[place - calls - 1].key
