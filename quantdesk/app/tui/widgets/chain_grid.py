"""The option chain drawn line by line from a view: visible lines only, changed lines only."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual import events
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from quantdesk.app.tui.messages import CursorMoved, GridResized
from quantdesk.app.tui.widgets.chain_cursor import Cursor, CursorSide
from quantdesk.app.tui.widgets.chain_lines import (
    HEADER_LINES,
    cell_at,
    changed_span,
    draw_header,
    draw_line,
)
from quantdesk.app.tui.widgets.strips import LineStyles, line_strip
from quantdesk.views.cells import Role
from quantdesk.views.strike_grid import ChainLine, StrikeGridView

EDGE_LINES = 2
"""The cursor keeps this many lines from the edge while there are more beyond it."""

FOLLOW_SHARE = 5
"""The line at the money may wander within the middle part of the screen; only when it comes closer
to an edge than one part in so many does the grid scroll. Without that rest zone every tick around a
strike boundary would move the screen."""

_LINE_KINDS = ("plain", "other", "itm", "atm", "cursor-line")
_COMPONENTS = (*(role.value for role in Role), *_LINE_KINDS, "title", "unit", "side", "cursor")


class ChainGrid(ScrollView, can_focus=False, inherit_bindings=False):
    """Calls, strikes, puts under a fixed header. Takes views; posts where its cursor stands."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"chain-grid--{name}" for name in _COMPONENTS}

    def __init__(self) -> None:
        super().__init__()
        self._view: StrikeGridView | None = None
        self._cursor: Cursor | None = None
        self._lines: dict[int, ChainLine] = {}
        self._line_styles: LineStyles | None = None
        self._is_following = True
        self._is_scrolling_itself = False
        self._height_before = 0
        self._is_settled = False

    @property
    def view(self) -> StrikeGridView | None:
        """The view shown."""
        return self._view

    @property
    def cursor(self) -> Cursor | None:
        """Where the cursor stands, None before the first view."""
        return self._cursor

    @property
    def is_following(self) -> bool:
        """Whether the line at the money is kept in view."""
        return self._is_following

    @property
    def body_height(self) -> int:
        """Lines of strikes on screen."""
        return max(self.size.height - HEADER_LINES, 0)

    @property
    def first_line(self) -> int:
        """Number of the topmost strike on screen."""
        return self.scroll_offset.y

    def show(self, view: StrikeGridView, *, is_other_chain: bool = False) -> None:
        """Show `view`, redrawing the lines that differ from those on screen.

        `is_other_chain` says that another expiry or coin was chosen: the money is centred then.
        Otherwise cursor and scroll stay where they are, whatever rows came or went.
        """
        before = self._view
        self._view = view
        if before is None or before.layout != view.layout or before.units is not view.units:
            self._lines.clear()
            self.refresh()
        if before is None or len(before) != len(view):
            # Not through the reactive alone: the new height must be known before scrolling to it.
            self.virtual_size = Size(self.size.width, len(view) + HEADER_LINES)
            self._refresh_scrollbars()
        self._place_cursor(view)
        if not self._is_settled:
            self._settle(view)
        elif before is None or before.underlying != view.underlying:
            # Strikes of another coin mean nothing to the one the cursor stood on.
            self.centre_cursor()
        elif is_other_chain or len(before) == 0:
            self.centre()
            self._show_cursor()
        else:
            self._hold_still(before, view)
            self._follow_money(view)
        self._redraw_changed(view)

    def _place_cursor(self, view: StrikeGridView) -> None:
        if not view.keys:
            return
        if self._cursor is None:
            line = view.atm_line if view.atm_line is not None else len(view) // 2
            self._cursor = Cursor(key=view.keys[line], side=CursorSide.CALL, column="bid")
            self.post_message(CursorMoved())
            return
        line_now = view.nearest_line(self._cursor.key)
        if line_now is not None and view.keys[line_now] != self._cursor.key:
            self._cursor = replace(self._cursor, key=view.keys[line_now])
            self.post_message(CursorMoved())

    def _settle(self, view: StrikeGridView) -> None:
        """Begin at the money. The first views may come before it is known, or before the layout."""
        self.centre_cursor()
        self._is_settled = view.atm_line is not None and self.body_height > 0

    def _hold_still(self, before: StrikeGridView, view: StrikeGridView) -> None:
        """Keep what was looked at on its line of the screen when strikes come or go above it."""
        if before.keys == view.keys or not before.keys or not view.keys:
            return
        top = self.first_line
        anchor = None if self._cursor is None else before.line_of(self._cursor.key)
        if anchor is None or not top <= anchor < top + self.body_height:
            anchor = min(top, len(before) - 1)
        now = view.nearest_line(before.keys[anchor])
        if now is not None:
            self._scroll_lines(top + now - anchor)

    def _follow_money(self, view: StrikeGridView) -> None:
        """Bring the line at the money back from the edge, never pushing the cursor off screen."""
        if not self._is_following or view.atm_line is None or self.body_height == 0:
            return
        height, top = self.body_height, self.first_line
        rest = min(max(height // FOLLOW_SHARE, 1), (height - 1) // 2)
        wanted = min(max(top, view.atm_line - height + 1 + rest), view.atm_line - rest)
        line = self._cursor_line()
        if line is not None and top <= line < top + height:
            wanted = min(max(wanted, line - height + 1), line)
        if wanted != top:
            self._scroll_lines(wanted)

    def centre(self) -> None:
        """Put the line at the money in the middle and keep it in view from now on."""
        view = self._view
        if view is None or not view.keys:
            return
        line = view.atm_line if view.atm_line is not None else len(view) // 2
        self._scroll_lines(line - self.body_height // 2)
        self._is_following = True

    def centre_cursor(self) -> None:
        """`centre`, with the cursor brought to the line at the money."""
        view, cursor = self._view, self._cursor
        self.centre()
        if view is not None and cursor is not None and view.atm_line is not None:
            self._set_cursor(replace(cursor, key=view.keys[view.atm_line]))

    def move_cursor(self, columns: int, lines: int) -> None:
        """Move the cursor by so many columns and lines; it stays inside the chain."""
        if self._view is not None and self._cursor is not None:
            self._is_settled = True
            self._set_cursor(self._cursor.moved(self._view, columns, lines))

    def _set_cursor(self, cursor: Cursor) -> None:
        old = self._cursor_line()
        if cursor == self._cursor:
            return
        self._cursor = cursor
        new = self._cursor_line()
        for line in {old, new} - {None}:
            assert line is not None
            self._refresh_body_line(line)
        self._show_cursor()
        self.post_message(CursorMoved())

    def _show_cursor(self) -> None:
        line, height = self._cursor_line(), self.body_height
        if line is None or height == 0:
            return
        edge = min(EDGE_LINES, (height - 1) // 2)
        top = min(max(self.first_line, line + edge + 1 - height), line - edge)
        self._scroll_lines(top)
        self._note_money_in_view()

    def _cursor_line(self) -> int | None:
        if self._view is None or self._cursor is None:
            return None
        return self._view.nearest_line(self._cursor.key)

    def _note_money_in_view(self) -> None:
        """Whoever pages away from the money wants to stay there; whoever returns is followed."""
        view = self._view
        if view is not None and view.atm_line is not None and self.body_height:
            top = self.first_line
            self._is_following = top <= view.atm_line < top + self.body_height

    def _scroll_lines(self, top: int) -> None:
        self._is_scrolling_itself = True
        self.scroll_to(y=max(top, 0), animate=False, immediate=True)
        self._is_scrolling_itself = False

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Redraw after a scroll; a scroll by hand decides whether the money is followed."""
        super().watch_scroll_y(old_value, new_value)
        if not self._is_scrolling_itself:
            self._note_money_in_view()

    def _redraw_changed(self, view: StrikeGridView) -> None:
        """Write the visible lines anew and mark for drawing those that differ."""
        top = self.first_line
        visible = range(top, min(top + self.body_height, len(view)))
        shown = self._lines
        self._lines = {number: view.line(number) for number in visible}
        for number, line in self._lines.items():
            before = shown.get(number)
            if before != line:
                self._refresh_body_line(number, changed_span(before, line, view.layout))
        if len(shown) > len(self._lines):
            self.refresh()

    def _refresh_body_line(self, number: int, span: tuple[int, int] | None = None) -> None:
        y = number - self.first_line + HEADER_LINES
        first, stop = (0, self.size.width) if span is None else span
        if HEADER_LINES <= y < self.size.height and first < stop:
            self.refresh(Region(first, y, stop - first, 1))

    def on_resize(self, _event: events.Resize) -> None:
        """Ask for a view that fits, and keep the cursor on screen."""
        self._lines.clear()
        view, line = self._view, self._cursor_line()
        if view is not None:
            top, height = self.first_line, self._height_before
            was_seen = line is not None and top <= line < top + height
            self.virtual_size = Size(self.size.width, len(view) + HEADER_LINES)
            self._follow_money(view)
            if was_seen:
                self._show_cursor()
        self._height_before = self.body_height
        self.post_message(GridResized())

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the cell that was clicked."""
        view, cursor = self._view, self._cursor
        line = event.y - HEADER_LINES + self.first_line
        if view is None or cursor is None or event.y < HEADER_LINES or line >= len(view):
            return
        moved = replace(cursor, key=view.keys[line])
        self._is_settled = True
        place = cell_at(view.layout, event.x)
        self._set_cursor(moved if place is None else moved.at(place, view.layout))

    def notify_style_update(self) -> None:
        """Forget computed styles and drawn lines: theme, stylesheet or state changed."""
        super().notify_style_update()
        self._line_styles = None
        # The library repaints for another colour, but keeps drawn lines for another text opacity.
        self.refresh()

    def _current_styles(self) -> LineStyles:
        if self._line_styles is None:
            styles = {
                name: self.get_component_rich_style(f"chain-grid--{name}", partial=True)
                for name in _COMPONENTS
            }
            self._line_styles = LineStyles(self.rich_style, styles)
        return self._line_styles

    def render_line(self, y: int) -> Strip:
        """Line `y` of the widget: header or strike."""
        view, width, styles = self._view, self.size.width, self._current_styles()
        if view is None:
            return line_strip((), width, styles.base)
        if y < HEADER_LINES:
            return draw_header(view, y, width, styles)
        number = y - HEADER_LINES + self.first_line
        if number >= len(view):
            return line_strip((), width, styles.base)
        line = self._lines.get(number)
        if line is None:
            line = self._lines[number] = view.line(number)
        cursor = self._cursor
        place = None
        if cursor is not None and cursor.key == line.key:
            place = cursor.place(view.layout)
        return draw_line(line, view.layout, width, styles, number=number, cursor=place)
