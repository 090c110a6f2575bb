"""Blocks of figures below a table, packed to the width and scrolled by lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from quantdesk.app.tui.widgets.strips import Piece, line_strip
from quantdesk.views.fact_lines import FactBlock, FactLine, FactRole, packed_blocks


class FactPanel(ScrollView, can_focus=False, inherit_bindings=False):
    """Shows blocks of figures; what does not fit is reached by scrolling, never cut off."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"fact-panel--{role.value}" for role in FactRole}

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (the library's name)
        super().__init__(id=id)
        self._blocks: tuple[FactBlock, ...] = ()
        self._lines: tuple[FactLine, ...] = ()

    @property
    def lines(self) -> tuple[FactLine, ...]:
        """The lines as they are packed for this width."""
        return self._lines

    def show(self, blocks: Sequence[FactBlock]) -> None:
        """Show `blocks`; nothing is drawn anew where they read the same. The scroll stays."""
        self._blocks = tuple(blocks)
        lines = packed_blocks(self._blocks, self.size.width) if self.size.width else ()
        if lines == self._lines:
            return
        if len(lines) != len(self._lines):
            self.virtual_size = Size(self.size.width, len(lines))
        self._lines = lines
        self.refresh()

    def page(self, direction: int) -> None:
        """Scroll by half a page."""
        step = max(self.size.height // 2, 1)
        self.scroll_to(y=self.scroll_offset.y + direction * step, animate=False, immediate=True)

    def on_resize(self) -> None:
        """Pack for the new width."""
        self._lines = ()
        self.show(self._blocks)

    def notify_style_update(self) -> None:
        """Draw anew: theme, stylesheet or state changed."""
        super().notify_style_update()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Line `y` of the widget."""
        number = y + self.scroll_offset.y
        runs = self._lines[number] if number < len(self._lines) else ()
        pieces: list[Piece] = [
            (text, self.get_component_rich_style(f"fact-panel--{role.value}"))
            for text, role in runs
        ]
        return line_strip(pieces, self.size.width, self.rich_style)
