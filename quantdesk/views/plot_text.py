"""A plot drawn with characters: braille dots for lines, box characters for whiskers and axes.

`plot_lines` gives lines of runs, each a text with a role; `plot_text` the same without roles. Each
character cell holds 2 × 4 dots, so that a plot of 80 × 20 cells has 160 × 80 of them.
"""

from __future__ import annotations

from itertools import groupby
from math import ceil, floor, log10

import numpy as np

from quantdesk.views.plot import (
    VALUE_MAX,
    Axis,
    Band,
    Guide,
    Markers,
    PlotRole,
    PlotView,
    Scale,
    Series,
    Stroke,
    Whiskers,
    is_drawable,
)
from quantdesk.views.safe_text import cell_width, safe_text

Run = tuple[str, PlotRole]
"""A text of one role."""

TICKS_MIN = 3
"""Fewer labels on the y axis leave a reader guessing, where there are rows for more."""

WIDTH_MIN, HEIGHT_MIN = 20, 6
"""Smaller than that a plot says so instead of drawing something unreadable."""

_DOT_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_BRAILLE = 0x2800
_SAMPLES = {Stroke.SOLID: "⠤⠤", Stroke.DASHED: "⠤⠠", Stroke.DOTTED: "⠄⠄"}
_BAND_SAMPLE = "⠢⠢"
_STEM_ROLE = PlotRole.AXIS
_DASH_ON, _DASH_PERIOD, _DOT_PERIOD = 5, 8, 4


class _Canvas:
    """Dots and characters of the drawing area, with the role that each cell was given last."""

    def __init__(
        self, width: int, height: int, x: tuple[float, float], y: tuple[float, float]
    ) -> None:
        self.width, self.height = width, height
        self.x, self.y = x, y
        self.dots = [[0] * width for _ in range(height)]
        self.roles = [[PlotRole.LABEL] * width for _ in range(height)]
        self.symbols: dict[tuple[int, int], str] = {}

    def column(self, x: float) -> float:
        """Dot column of a value, not rounded."""
        low, high = self.x
        return (x - low) / (high - low) * (2 * self.width - 1)

    def row(self, y: float) -> float:
        """Dot row of a value from the top, not rounded."""
        low, high = self.y
        return (high - y) / (high - low) * (4 * self.height - 1)

    def dot(self, column: int, row: int, role: PlotRole) -> None:
        """Set one dot; beyond the edges nothing happens."""
        if 0 <= column < 2 * self.width and 0 <= row < 4 * self.height:
            cell_row, cell_column = row // 4, column // 2
            self.dots[cell_row][cell_column] |= _DOT_BITS[row % 4][column % 2]
            self.roles[cell_row][cell_column] = role

    def symbol(self, column: int, row: int, text: str, role: PlotRole) -> None:
        """Put a character into a cell, above any dots."""
        if 0 <= column < self.width and 0 <= row < self.height:
            self.symbols[row, column] = text
            self.roles[row][column] = role

    def line(self, row: int) -> list[Run]:
        """One line of cells as runs of equal role."""
        cells = []
        for column, bits in enumerate(self.dots[row]):
            text = self.symbols.get((row, column)) or (chr(_BRAILLE + bits) if bits else " ")
            cells.append((text, self.roles[row][column]))
        return _runs(cells)


def _runs(cells: list[Run]) -> list[Run]:
    return [
        ("".join(text for text, _ in part), role)
        for role, part in groupby(cells, key=lambda cell: cell[1])
    ]


def plot_text(view: PlotView, width: int, height: int) -> str:
    """The plot as plain text of at most `width` × `height` cells, no newline at the end."""
    lines = plot_lines(view, width, height)
    return "\n".join("".join(text for text, _ in line).rstrip() for line in lines)


def plot_lines(view: PlotView, width: int, height: int) -> list[list[Run]]:
    """The plot as `height` lines of runs, each at most `width` cells.

    Title and legend first, then the y axis with its labels left of the drawing, the x axis below.
    """
    if width < WIDTH_MIN or height < HEIGHT_MIN:
        text = safe_text(f"{width}x{height} is too small for a plot", max(width, 1))
        return _padded([[(text, PlotRole.LABEL)]], height)
    x_range, y_range = view.x_range(), view.y_range()
    head = _head_lines(view, width)[: max(height - HEIGHT_MIN + 1, 1)]
    if x_range is None or y_range is None:
        why = safe_text(view.empty, width)
        return _padded([*head, [(why, PlotRole.LABEL)]], height)
    y_range = _widened(y_range, view.y_axis)
    rows = height - len(head) - 2
    y_ticks = _y_ticks(*y_range, rows)
    y_labels = tick_labels(y_ticks, view.y_axis.scale)
    label_width = min(max((len(label) for label in y_labels), default=1), width // 3)
    canvas = _Canvas(width - label_width - 1, rows, x_range, y_range)
    _draw(canvas, view)
    marks = {
        min(max(round(canvas.row(tick)) // 4, 0), rows - 1): label
        for tick, label in zip(y_ticks, y_labels, strict=True)
    }
    lines = list(head)
    for row in range(rows):
        label = marks.get(row, "")
        edge = "┤" if label else "│"
        axis = f"{label[:label_width]:>{label_width}}{edge}"
        lines.append([(axis, PlotRole.AXIS), *canvas.line(row)])
    lines += _x_axis_lines(canvas, view.x_axis, label_width)
    return _padded(lines, height)


def _y_ticks(low: float, high: float, rows: int) -> list[float]:
    """One tick each third row, closer where that would give fewer than three."""
    ticks = axis_ticks(low, high, max(rows // 3, 2))
    for count in range(rows // 3 + 1, 2 * rows):
        if len(ticks) >= TICKS_MIN:
            break
        closer = axis_ticks(low, high, count)
        if len(closer) > rows:
            break
        ticks = closer
    return ticks


def _padded(lines: list[list[Run]], height: int) -> list[list[Run]]:
    return [*lines, *([] for _ in range(height - len(lines)))][:height]


def _widened(bounds: tuple[float, float], axis: Axis) -> tuple[float, float]:
    """A little air above and below, where the axis leaves that open."""
    low, high = bounds
    air = (high - low) * 0.04
    return low - air * (axis.low is None), high + air * (axis.high is None)


def _head_lines(view: PlotView, width: int) -> list[list[Run]]:
    """Title with the y axis's name, then the legend, packed."""
    title = safe_text(view.title, width)
    name = safe_text(view.y_axis.name, width)
    first: list[Run] = [(title, PlotRole.LABEL)]
    if name and cell_width(title) + 2 + cell_width(name) <= width:
        first.append((f"  {name}" if title else name, PlotRole.AXIS))
    entries: list[list[Run]] = [
        [(f"{_SAMPLES[each.stroke]} {safe_text(each.name, 24)}", each.role)] for each in view.series
    ]
    entries += [[(f"{_BAND_SAMPLE} {safe_text(each.name, 24)}", each.role)] for each in view.bands]
    entries += [_whisker_entry(each) for each in view.whiskers]
    entries += [[(f"{each.symbol} {safe_text(each.name, 24)}", each.role)] for each in view.markers]
    lines: list[list[Run]] = [first] if title or name else []
    used = width
    for entry in entries:
        need = sum(cell_width(text) for text, _ in entry) + 2
        if used + need > width:
            lines.append([])
            used = 0
        lines[-1] += [*entry, ("  ", PlotRole.LABEL)]
        used += need
    return lines


def _whisker_entry(whiskers: Whiskers) -> list[Run]:
    return [
        ("┴", whiskers.role),
        ("│", _STEM_ROLE),
        ("┬", whiskers.high_role),
        (f" {safe_text(whiskers.name, 24)}", PlotRole.LABEL),
    ]


def _draw(canvas: _Canvas, view: PlotView) -> None:
    for band in view.bands:
        _draw_band(canvas, band)
    for guide in view.guides:
        _draw_guide(canvas, guide)
    for series in view.series:
        _draw_series(canvas, series)
    for whiskers in view.whiskers:
        _draw_whiskers(canvas, whiskers)
    for markers in view.markers:
        _draw_markers(canvas, markers)
    for guide in view.guides:
        _name_guide(canvas, guide)


def _draw_band(canvas: _Canvas, band: Band) -> None:
    """Sparse dots between the two edges, so that a line over them is still seen."""
    columns = np.arange(2 * canvas.width)
    low_x, high_x = canvas.x
    at = low_x + columns / (2 * canvas.width - 1) * (high_x - low_x)
    lows, highs = _interpolated(at, band.x, band.low), _interpolated(at, band.x, band.high)
    for column, low, high in zip(columns.tolist(), lows.tolist(), highs.tolist(), strict=True):
        if not (is_drawable(low) and is_drawable(high)):
            continue
        top, bottom = canvas.row(max(low, high)), canvas.row(min(low, high))
        last = min(floor(bottom), 4 * canvas.height - 1)
        for row in range(max(ceil(top), 0), last + 1):
            if row % 2 == 1 and (column + row // 2) % 2 == 0:
                canvas.dot(column, row, band.role)


def _interpolated(at: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Straight lines between neighbours that both have a value; NaN elsewhere."""
    result = np.full(at.size, np.nan)
    known = np.abs(x) <= VALUE_MAX
    x, y = x[known], np.where(np.abs(y[known]) <= VALUE_MAX, y[known], np.nan)
    if x.size == 0:
        return result
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    right = np.clip(np.searchsorted(x, at, side="left"), 0, x.size - 1)
    left = np.where(x[right] == at, right, np.maximum(right - 1, 0))
    inside = (at >= x[0]) & (at <= x[-1])
    span = x[right] - x[left]
    share = np.where(span > 0, (at - x[left]) / np.where(span > 0, span, 1.0), 0.0)
    result[inside] = (y[left] + share * (y[right] - y[left]))[inside]
    return result


def _draw_guide(canvas: _Canvas, guide: Guide) -> None:
    if guide.is_vertical:
        column = round(canvas.column(guide.value))
        for row in range(0, 4 * canvas.height, 2):
            canvas.dot(column, row, guide.role)
    else:
        row = round(canvas.row(guide.value))
        for column in range(0, 2 * canvas.width, 2):
            canvas.dot(column, row, guide.role)


def _name_guide(canvas: _Canvas, guide: Guide) -> None:
    """The guide's name beside it, inside the drawing; a guide beyond the edge has none."""
    name = safe_text(guide.name, max(canvas.width // 3, 1))
    if guide.is_vertical:
        column, row = round(canvas.column(guide.value)) // 2, 0
        if not 0 <= column < canvas.width:
            return
        start = column + 1 if column + 1 + len(name) <= canvas.width else column - len(name)
    else:
        row = round(canvas.row(guide.value)) // 4
        start = canvas.width - len(name)
    for place, character in enumerate(name):
        canvas.symbol(start + place, row, character, guide.role)


def _draw_series(canvas: _Canvas, series: Series) -> None:
    step = 0
    last: tuple[float, float] | None = None
    for x, y in zip(series.x.tolist(), series.y.tolist(), strict=True):
        if not (is_drawable(x) and is_drawable(y)):
            last = None
            continue
        point = (canvas.column(x), canvas.row(y))
        if last is None:
            last = point
        step = _draw_stroke(canvas, last, point, series, step)
        last = point


def _draw_stroke(
    canvas: _Canvas,
    start: tuple[float, float],
    stop: tuple[float, float],
    series: Series,
    step: int,
) -> int:
    """Dots from `start` to `stop` (dot columns and rows); the number of dots drawn so far."""
    clipped = _clipped(start, stop, 2 * canvas.width - 1, 4 * canvas.height - 1)
    if clipped is None:
        return step
    (left, top), (right, bottom) = clipped
    count = max(ceil(max(abs(right - left), abs(bottom - top))), 1)
    for number in range(count + 1):
        share = number / count
        if _is_inked(series.stroke, step + number):
            column = round(left + share * (right - left))
            canvas.dot(column, round(top + share * (bottom - top)), series.role)
    return step + count


def _is_inked(stroke: Stroke, step: int) -> bool:
    if stroke is Stroke.DASHED:
        return step % _DASH_PERIOD < _DASH_ON
    return stroke is Stroke.SOLID or step % _DOT_PERIOD == 0


def _clipped(
    start: tuple[float, float], stop: tuple[float, float], columns: float, rows: float
) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """The part of a straight line within the drawing (Liang–Barsky); None where there is none."""
    (x, y), dx, dy = start, stop[0] - start[0], stop[1] - start[1]
    first, last = 0.0, 1.0
    for slope, distance in ((-dx, x), (dx, columns - x), (-dy, y), (dy, rows - y)):
        if slope == 0:
            if distance < 0:
                return None
            continue
        at = distance / slope
        if slope < 0:
            first = max(first, at)
        else:
            last = min(last, at)
    if first > last:
        return None
    return (x + first * dx, y + first * dy), (x + last * dx, y + last * dy)


def _draw_whiskers(canvas: _Canvas, whiskers: Whiskers) -> None:
    for x, low, high in zip(
        whiskers.x.tolist(), whiskers.low.tolist(), whiskers.high.tolist(), strict=True
    ):
        if not is_drawable(x):
            continue
        column = round(canvas.column(x)) // 2
        foot = round(canvas.row(low)) // 4 if is_drawable(low) else None
        cap = round(canvas.row(high)) // 4 if is_drawable(high) else None
        if foot is not None and cap is not None:
            for row in range(max(min(foot, cap), 0), min(max(foot, cap), canvas.height - 1) + 1):
                canvas.symbol(column, row, "│", _STEM_ROLE)
            if foot == cap:
                canvas.symbol(column, foot, "╪", whiskers.role)
                continue
        if foot is not None:
            canvas.symbol(column, foot, "┴", whiskers.role)
        if cap is not None:
            canvas.symbol(column, cap, "┬", whiskers.high_role)


def _draw_markers(canvas: _Canvas, markers: Markers) -> None:
    for x, y in zip(markers.x.tolist(), markers.y.tolist(), strict=True):
        if is_drawable(x) and is_drawable(y):
            # As guides and lines are rounded: what is zero stands on the line of zero.
            column, row = round(canvas.column(x)) // 2, round(canvas.row(y)) // 4
            canvas.symbol(column, row, markers.symbol, markers.role)


def _x_axis_lines(canvas: _Canvas, axis: Axis, indent: int) -> list[list[Run]]:
    """The line of the axis with its ticks, and the labels below with the axis's name at the end."""
    ticks = axis_ticks(*canvas.x, max(canvas.width // 14, 2))
    labels = tick_labels(ticks, axis.scale)
    rule = ["─"] * canvas.width
    name = safe_text(axis.name, canvas.width // 2)
    below = [" "] * canvas.width
    name_start = canvas.width - cell_width(name)
    below[name_start:] = list(name.ljust(canvas.width - name_start))
    free_from = 0
    for tick, label in zip(ticks, labels, strict=True):
        column = min(max(round(canvas.column(tick)) // 2, 0), canvas.width - 1)
        rule[column] = "┬"
        start = min(max(column - len(label) // 2, 0), canvas.width - len(label))
        if start >= free_from and start + len(label) < name_start:
            below[start : start + len(label)] = list(label)
            free_from = start + len(label) + 1
    return [
        [(" " * indent + "└" + "".join(rule), PlotRole.AXIS)],
        [(" " * (indent + 1) + "".join(below), PlotRole.AXIS)],
    ]


def axis_ticks(low: float, high: float, count: int) -> list[float]:
    """About `count` round values (1, 2 or 5 × a power of ten apart) from `low` to `high`."""
    rough = (high - low) / max(count, 1)
    power = 10.0 ** floor(log10(rough))
    step = next(size * power for size in (1.0, 2.0, 5.0, 10.0) if size * power >= rough * 0.999)
    first = ceil(low / step - 1e-9)
    ticks = []
    while first * step <= high + step * 1e-9:
        ticks.append(first * step)
        first += 1
    return ticks


def tick_labels(ticks: list[float], scale: Scale) -> list[str]:
    """Texts of the ticks, all with the decimals that their distance needs."""
    shown = [100.0 * tick for tick in ticks] if scale is Scale.PERCENT else ticks
    step = abs(shown[1] - shown[0]) if len(shown) > 1 else abs(shown[0]) if shown else 1.0
    decimals = min(max(-floor(log10(step) + 1e-9), 0), 8) if step else 0
    sign = "+" if scale is Scale.SIGNED else ""
    texts = []
    for value in shown:
        is_zero = abs(value) < step * 1e-6
        text = f"{0.0:,.{decimals}f}" if is_zero else f"{value:{sign},.{decimals}f}"
        texts.append(f"{text}%" if scale is Scale.PERCENT else text)
    return texts
