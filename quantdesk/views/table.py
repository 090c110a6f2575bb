"""A table as values: columns with unit and width, lines with a key, how many columns stay in view.

Whoever makes a view writes its cells; `table_view` measures them. Knows nothing of what they mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from quantdesk.errors import InvalidInput
from quantdesk.views.cells import Cell
from quantdesk.views.safe_text import cell_width

COLUMN_WIDTH_MAX = 40
"""Cells of the widest column that the measured width may reach; longer texts are cut with "…"."""


class Align(StrEnum):
    """Where a text stands in its column: names left, numbers right."""

    LEFT = "left"
    RIGHT = "right"


class LineKind(StrEnum):
    """What a line of a table is; a heading or a total must also say so in its text."""

    PLAIN = "plain"
    HEADING = "heading"
    TOTAL = "total"
    CHOSEN = "chosen"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableColumn:
    """One column: `title` above `unit`; `says` is the long name, for a sentence.

    `width` in terminal cells; 0 lets `table_view` measure the texts.
    """

    key: str
    title: str
    unit: str = ""
    says: str = ""
    width: int = 0
    align: Align = Align.RIGHT


class TableLine(NamedTuple):
    """One line. `key` names what it is about and stays the same when lines come and go."""

    key: str
    cells: tuple[Cell, ...]
    kind: LineKind = LineKind.PLAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class TableView:
    """A table ready to be shown.

    `fixed` columns on the left stay in view while the rest is scrolled. `empty` says why there are
    no lines. Equal views look equal.
    """

    columns: tuple[TableColumn, ...]
    lines: tuple[TableLine, ...]
    fixed: int = 1
    empty: str = ""

    def __len__(self) -> int:
        return len(self.lines)

    def line_of(self, key: str) -> int | None:
        """Number of the line with this key; None where it is not there (any more)."""
        return next((n for n, line in enumerate(self.lines) if line.key == key), None)

    def column_of(self, key: str) -> int | None:
        """Number of the column with this key."""
        return next((n for n, column in enumerate(self.columns) if column.key == key), None)


def table_view(
    columns: Sequence[TableColumn],
    lines: Sequence[TableLine],
    *,
    fixed: int = 1,
    empty: str = "nothing to show",
) -> TableView:
    """A table whose columns are as wide as what stands in them.

    Texts must be safe for a screen already. Raises InvalidInput for a line with another number of
    cells than there are columns, a repeated key, or more fixed columns than there are.
    """
    if not 0 <= fixed <= len(columns):
        raise InvalidInput("fixed", fixed, f"must be 0 to {len(columns)} columns")
    keys = [line.key for line in lines]
    if len(set(keys)) != len(keys):
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise InvalidInput("lines", repeated, "each line must have a key of its own")
    for line in lines:
        if len(line.cells) != len(columns):
            rule = f"line {line.key!r} must have {len(columns)} cells, one a column"
            raise InvalidInput("cells", len(line.cells), rule)
    measured = tuple(_measured(column, place, lines) for place, column in enumerate(columns))
    return TableView(columns=measured, lines=tuple(lines), fixed=fixed, empty=empty)


def _measured(column: TableColumn, place: int, lines: Sequence[TableLine]) -> TableColumn:
    if column.width:
        return column
    texts = [column.title, column.unit, *(line.cells[place].text for line in lines)]
    width = min(max(cell_width(text) for text in texts), COLUMN_WIDTH_MAX)
    return TableColumn(
        key=column.key,
        title=column.title,
        unit=column.unit,
        says=column.says,
        width=max(width, 1),
        align=column.align,
    )


def fitted_text(text: str, width: int, align: Align) -> str:
    """`text` in exactly `width` cells: padded; a name is cut with "…", a number becomes "#".

    A number that lost a digit would be taken for another one.
    """
    used = cell_width(text)
    if used > width:
        if align is Align.RIGHT:
            return "#" * width
        kept = text
        while kept and cell_width(kept) > width - 1:
            kept = kept[:-1]
        return (f"{kept}…" if width else "").ljust(width)
    blank = " " * (width - used)
    return blank + text if align is Align.RIGHT else text + blank
