"""A read-only table drawn line by line: visible lines only, changed lines only.

Columns scroll whole and the fixed ones stay, so that no number is ever seen in half.
"""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from quantdesk.app.tui.messages import CursorMoved, GridResized
from quantdesk.app.tui.widgets.strips import LineStyles, line_strip
from quantdesk.views.cells import Role
from quantdesk.views.table import LineKind, TableLine, TableView, fitted_text

HEADER_LINES = 2
"""Titles, units."""

GAP = 2
MORE_LEFT, MORE_RIGHT = "‹", "›"

_LINE_KINDS = ("plain", "other", "heading", "total", "chosen", "cursor-line")
_COMPONENTS = (*(role.value for role in Role), *_LINE_KINDS, "title", "unit", "cursor")


class TableGrid(ScrollView, can_focus=False, inherit_bindings=False):
    """A table with a cursor on a cell. Takes views; posts `CursorMoved`.

    The cursor stands on a line's key and a column's key, so that it stays itself while lines come
    and go. It reaches every column but keeps to lines; arrows scroll columns into view.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"table-grid--{name}" for name in _COMPONENTS}

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (the library's name)
        super().__init__(id=id)
        self._view: TableView | None = None
        self._line = 0
        self._column = 0
        self._first_column = 0
        self._line_styles: LineStyles | None = None

    @property
    def view(self) -> TableView | None:
        """The view shown."""
        return self._view

    @property
    def cursor_key(self) -> str | None:
        """Key of the line under the cursor; None in an empty table."""
        view = self._view
        return view.lines[self._line].key if view is not None and view.lines else None

    @property
    def cursor_column(self) -> str | None:
        """Key of the column under the cursor; None in an empty table."""
        view = self._view
        if view is None or not view.lines or not view.columns:
            return None
        return view.columns[self._column].key

    @property
    def body_height(self) -> int:
        """Lines of the table on screen."""
        return max(self.size.height - HEADER_LINES, 0)

    @property
    def first_line(self) -> int:
        """Number of the topmost line on screen."""
        return self.scroll_offset.y

    def show(self, view: TableView) -> None:
        """Show `view`, redrawing what differs; the cursor stays on its line and column."""
        before = self._view
        if before is view:
            return
        self._view = view
        if before is None or before.columns != view.columns or before.fixed != view.fixed:
            self._keep_column(before, view)
            self.refresh()
        if before is None or len(before) != len(view):
            self.virtual_size = Size(self.size.width, len(view) + HEADER_LINES)
            self._refresh_scrollbars()
            self.refresh()
        self._keep_line(before, view)
        if before is not None and len(before) == len(view):
            self._redraw_changed(before, view)

    def _keep_column(self, before: TableView | None, view: TableView) -> None:
        column = None
        if before is not None and before.columns:
            column = view.column_of(before.columns[self._column].key)
        self._column = column if column is not None else min(view.fixed, len(view.columns) - 1)
        self._column = max(self._column, 0)
        self._show_column()

    def _keep_line(self, before: TableView | None, view: TableView) -> None:
        if not view.lines:
            self._line = 0
            return
        old = self._line
        line = None
        if before is not None and before.lines:
            line = view.line_of(before.lines[old].key)
        self._line = min(old, len(view) - 1) if line is None else line
        if self._line != old:
            # What was looked at keeps its line of the screen when lines come or go above it.
            self._scroll_lines(self.first_line + self._line - old)
            self.refresh()
        if before is None or not before.lines or line is None or self._line != old:
            self.post_message(CursorMoved())

    def _redraw_changed(self, before: TableView, view: TableView) -> None:
        top = self.first_line
        for number in range(top, min(top + self.body_height, len(view))):
            if before.lines[number] != view.lines[number]:
                self._refresh_line(number)

    def _refresh_line(self, number: int) -> None:
        y = number - self.first_line + HEADER_LINES
        if HEADER_LINES <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def move_cursor(self, columns: int, lines: int) -> None:
        """Move the cursor by so many columns and lines; it stays inside the table."""
        view = self._view
        if view is None or not view.lines:
            return
        line = min(max(self._line + lines, 0), len(view) - 1)
        column = min(max(self._column + columns, 0), len(view.columns) - 1)
        self._set_cursor(line, column)

    def go_to(self, key: str) -> bool:
        """Put the cursor on the line with `key`; false where there is none."""
        line = None if self._view is None else self._view.line_of(key)
        if line is None:
            return False
        self._set_cursor(line, self._column)
        return True

    def centre_cursor(self) -> None:
        """Scroll the line under the cursor to the middle."""
        if self.body_height:
            self._scroll_lines(self._line - self.body_height // 2)

    def _set_cursor(self, line: int, column: int) -> None:
        if (line, column) == (self._line, self._column):
            return
        for number in {self._line, line}:
            self._refresh_line(number)
        self._line, self._column = line, column
        self._show_column()
        self._show_line()
        self.post_message(CursorMoved())

    def _show_line(self) -> None:
        height = self.body_height
        if height:
            top = min(max(self.first_line, self._line + 1 - height), self._line)
            self._scroll_lines(top)

    def _scroll_lines(self, top: int) -> None:
        self.scroll_to(y=max(top, 0), animate=False, immediate=True)

    def _show_column(self) -> None:
        """Scroll by whole columns until the cursor's is in view."""
        view = self._view
        if view is None or self._column < view.fixed:
            return
        first = min(max(self._first_column, view.fixed), self._column)
        while first < self._column and self._column not in self._shown_columns(first):
            first += 1
        if first != self._first_column:
            self._first_column = first
            self.refresh()

    @property
    def _room(self) -> int:
        """Cells that columns may take: the scroll bar lies over the widget's last one."""
        return self.scrollable_content_region.width

    def _shown_columns(self, first: int) -> list[int]:
        """Numbers of the columns in view when scrolling starts at `first`."""
        view = self._view
        if view is None:
            return []
        shown = list(range(view.fixed))
        room = self._room - sum(view.columns[n].width + GAP for n in shown)
        for number in range(max(first, view.fixed), len(view.columns)):
            room -= view.columns[number].width + GAP
            # A terminal narrower than one column still shows one.
            if room < 0 and len(shown) > view.fixed:
                break
            shown.append(number)
        return shown

    def on_resize(self, _event: events.Resize) -> None:
        """Keep the cursor in view and tell the screen, whose view may depend on the size."""
        if self._view is not None:
            self.virtual_size = Size(self.size.width, len(self._view) + HEADER_LINES)
            self._show_column()
            self._show_line()
        self.post_message(GridResized())

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the cell that was clicked."""
        view, line = self._view, event.y - HEADER_LINES + self.first_line
        if view is None or event.y < HEADER_LINES or line >= len(view):
            return
        left, column = 0, self._column
        for number in self._shown_columns(self._first_column):
            right = left + view.columns[number].width + GAP
            if left <= event.x < right:
                column = number
            left = right
        self._set_cursor(line, column)

    def notify_style_update(self) -> None:
        """Forget computed styles and drawn lines: theme, stylesheet or state changed."""
        super().notify_style_update()
        self._line_styles = None
        # The library repaints for another colour, but keeps drawn lines for another text opacity.
        self.refresh()

    def _styles(self) -> LineStyles:
        if self._line_styles is None:
            styles = {
                name: self.get_component_rich_style(f"table-grid--{name}", partial=True)
                for name in _COMPONENTS
            }
            self._line_styles = LineStyles(self.rich_style, styles)
        return self._line_styles

    def render_line(self, y: int) -> Strip:
        """Line `y` of the widget: header, line of the table, or why there is none."""
        view, width, styles = self._view, self.size.width, self._styles()
        if view is None:
            return line_strip((), width, styles.base)
        if y < HEADER_LINES:
            return self._header_strip(view, y, styles)
        number = y - HEADER_LINES + self.first_line
        if number < len(view):
            return self._body_strip(view, view.lines[number], number, styles)
        text = f" {view.empty}" if not view.lines and y == HEADER_LINES else ""
        return line_strip([(text, styles.of("plain", Role.LABEL.value))], width, styles.base)

    def _header_strip(self, view: TableView, y: int, styles: LineStyles) -> Strip:
        name = "title" if y == 0 else "unit"
        style = styles.of("plain", name)
        shown = self._shown_columns(self._first_column)
        texts = []
        for number in shown:
            column = view.columns[number]
            text = column.title if y == 0 else column.unit
            texts.append(fitted_text(text, column.width, column.align))
        line = (" " * GAP).join(["", *texts])[GAP - 1 :]
        if y == 0:
            if shown and len(shown) > view.fixed and shown[view.fixed] > view.fixed:
                edge = 1 + sum(view.columns[n].width + GAP for n in range(view.fixed)) - GAP
                line = f"{line[: max(edge, 0)]}{MORE_LEFT}{line[max(edge, 0) + 1 :]}"
            if shown and shown[-1] < len(view.columns) - 1:
                line = line.ljust(self._room)[: self._room - 1] + MORE_RIGHT
        return line_strip([(line, style)], self.size.width, style)

    def _body_strip(
        self, view: TableView, line: TableLine, number: int, styles: LineStyles
    ) -> Strip:
        is_cursor = number == self._line
        kind = line.kind.value
        if is_cursor:
            kind = "cursor-line"
        elif line.kind is LineKind.PLAIN and number % 2 == 0:
            kind = "other"
        segments: list[Segment] = []
        for place, column_number in enumerate(self._shown_columns(self._first_column)):
            column, cell = view.columns[column_number], line.cells[column_number]
            style = styles.of(kind, cell.role.value)
            segments.append(Segment(" " * (GAP if place else GAP - 1), style))
            text = fitted_text(cell.text, column.width, column.align)
            if is_cursor and column_number == self._column:
                style = styles.of(kind, "cursor")
            segments.append(Segment(text, style))
        fill = styles.of(kind, Role.LABEL.value)
        return Strip(segments).adjust_cell_length(self.size.width, fill)
