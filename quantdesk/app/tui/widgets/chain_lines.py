"""Lines of the chain as strips: where each cell stands and which style it gets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.segment import Segment
from textual.strip import Strip

from quantdesk.app.tui.widgets.strips import LineStyles, line_strip
from quantdesk.views.cells import Cell
from quantdesk.views.chain_columns import Column, Layout
from quantdesk.views.strike_grid import ChainLine, StrikeGridView

HEADER_LINES = 3
"""Sides, titles, units."""


def draw_header(view: StrikeGridView, y: int, width: int, styles: LineStyles) -> Strip:
    """Line `y` of the header: sides, titles, units."""
    layout = view.layout
    if y == 0:
        side = layout.side_width
        text = f"{'CALLS':^{side}}{'':{layout.strike_width}}{'PUTS':^{side}}"
        return line_strip([(text, styles.of("plain", "side"))], width, styles.of("plain", "side"))
    name = "title" if y == 1 else "unit"
    style = styles.of("plain", name)
    if y == 1:
        calls = [column.title for column in layout.calls]
        puts = [column.title for column in layout.puts]
        strike = "Strike"
    else:
        calls = [view.unit_of(column) for column in layout.calls]
        puts = [view.unit_of(column) for column in layout.puts]
        strike = "USD"
    text = (
        _run(layout, layout.calls, calls).rjust(layout.side_width)
        + strike.center(layout.strike_width)
        + _run(layout, layout.puts, puts)
    )
    return line_strip([(text, style)], width, style)


def _run(layout: Layout, columns: Sequence[Column], texts: Sequence[str]) -> str:
    gap = " " * layout.gap
    return "".join(
        gap + text.rjust(layout.widths[column.key])
        for column, text in zip(columns, texts, strict=True)
    )


def draw_line(
    line: ChainLine,
    layout: Layout,
    width: int,
    styles: LineStyles,
    *,
    number: int,
    cursor: int | None,
) -> Strip:
    """One strike. `cursor` is the number of the cell the cursor stands on, None on other lines."""
    plain = "plain" if number % 2 else "other"
    if cursor is not None:
        plain = "cursor-line"
    elif line.is_atm:
        plain = "atm"
    call_kind = "itm" if line.is_call_itm and plain in {"plain", "other"} else plain
    put_kind = "itm" if line.is_put_itm and plain in {"plain", "other"} else plain
    margin = layout.side_width - layout.used_width
    segments = [Segment(" " * margin, styles.of(call_kind, "missing"))] if margin > 0 else []
    calls = len(layout.calls)
    call_cursor = cursor if cursor is not None and cursor < calls else None
    put_cursor = cursor - calls - 1 if cursor is not None and cursor > calls else None
    segments += _cells(layout, layout.calls, line.calls, look=(styles, call_kind, call_cursor))
    strike_role = "cursor" if cursor == calls else "strike"
    strike = line.strike.center(layout.strike_width)
    segments.append(Segment(strike, styles.of(plain, strike_role)))
    segments += _cells(layout, layout.puts, line.puts, look=(styles, put_kind, put_cursor))
    drawn = max(margin, 0) + 2 * layout.used_width + layout.strike_width
    fill = styles.of(put_kind, "missing")
    # Every cell is as wide as its column, so that the length is known without measuring text.
    return Strip(segments, drawn).adjust_cell_length(width, fill)


def _cells(
    layout: Layout,
    columns: Sequence[Column],
    cells: Sequence[Cell],
    *,
    look: tuple[LineStyles, str, int | None],
) -> Iterator[Segment]:
    styles, kind, cursor = look
    gap, widths, of = " " * layout.gap, layout.widths, styles.of
    for place, (column, (text, role)) in enumerate(zip(columns, cells, strict=True)):
        padded = text.rjust(widths[column.key])
        if place == cursor:
            yield Segment(gap, of(kind, role))
            yield Segment(padded, of(kind, "cursor"))
        else:
            yield Segment(gap + padded, of(kind, role))


def changed_span(before: ChainLine | None, after: ChainLine, layout: Layout) -> tuple[int, int]:
    """First and one past last screen column in which a line differs; the whole line at worst."""
    whole = (0, layout.width)
    if before is None or before[0] != after[0] or before[2] != after[2] or before[4:] != after[4:]:
        return whole
    edges = _edges(layout)
    pairs = [*zip(before.calls, after.calls, strict=True)]
    places = [place for place, (old, new) in enumerate(pairs) if old != new]
    offset = len(pairs) + 1
    pairs = [*zip(before.puts, after.puts, strict=True)]
    places += [offset + place for place, (old, new) in enumerate(pairs) if old != new]
    return (edges[places[0]][0], edges[places[-1]][1]) if places else (0, 0)


def cell_at(layout: Layout, x: int) -> int | None:
    """Number of the cell that column `x` of the screen belongs to; None outside of all."""
    return next((n for n, (first, stop) in enumerate(_edges(layout)) if first <= x < stop), None)


def _edges(layout: Layout) -> list[tuple[int, int]]:
    """First and one past last screen column of each cell of a line: calls, strike, puts."""
    edges = []
    left = max(layout.side_width - layout.used_width, 0)
    for column in layout.calls:
        right = left + layout.gap + layout.widths[column.key]
        edges.append((left, right))
        left = right
    edges.append((left, left + layout.strike_width))
    left += layout.strike_width
    for column in layout.puts:
        right = left + layout.gap + layout.widths[column.key]
        edges.append((left, right))
        left = right
    return edges
