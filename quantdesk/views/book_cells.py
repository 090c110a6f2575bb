"""Cells of the book screens: Greeks, profits, ages; and columns that keep their width."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from quantdesk.risk.greeks import DeskGreeks
from quantdesk.views.cells import Cell, Role
from quantdesk.views.number_text import DASH, number_text
from quantdesk.views.risk_choice import GREEK_COLUMNS
from quantdesk.views.table import COLUMN_WIDTH_MAX, TableView
from quantdesk.views.time_text import age_text

BLANK = Cell("", Role.VALUE)
MISSING = Cell(DASH, Role.MISSING)


def signed_cell(value: float | None, decimals: int, *, is_profit: bool = False) -> Cell:
    """A number that carries its sign, "+12.34"; a profit is also told by its role."""
    text = number_text(value, decimals)
    if text == DASH or value is None:
        return MISSING
    if not text.strip("-0.,"):
        return Cell(text, Role.VALUE if is_profit else Role.GREEK)
    if value > 0:
        return Cell(f"+{text}", Role.GAIN if is_profit else Role.GREEK)
    return Cell(text, Role.LOSS if is_profit else Role.GREEK)


def greek_cell(greeks: DeskGreeks | None, field: str) -> Cell:
    """One Greek; the dash where the leg or the group has none."""
    if greeks is None:
        return MISSING
    return signed_cell(float(getattr(greeks, field)), GREEK_COLUMNS[field].decimals)


def age_cell(age_ns: int | None, *, is_stale: bool) -> Cell:
    """An age; a stale one says so in letters too."""
    if age_ns is None:
        return MISSING
    text = age_text(age_ns)
    return Cell(f"{text} STALE", Role.STALE) if is_stale else Cell(text, Role.AGE)


def steady(view: TableView, widths: Mapping[str, int]) -> tuple[TableView, dict[str, int]]:
    """`view` with no column narrower than it was in `widths`, and the widths to remember.

    Live numbers would otherwise move every column to their right.
    """
    kept = {
        column.key: min(max(column.width, widths.get(column.key, 0)), COLUMN_WIDTH_MAX)
        for column in view.columns
    }
    columns = tuple(replace(column, width=kept[column.key]) for column in view.columns)
    return replace(view, columns=columns), {**widths, **kept}
