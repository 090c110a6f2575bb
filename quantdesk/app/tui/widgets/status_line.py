"""The top line: mode in words, links, age of data, health, clocks."""

from __future__ import annotations

from typing import ClassVar

from textual.strip import Strip
from textual.widget import Widget

from quantdesk.app.tui.widgets.strips import Piece, line_strip
from quantdesk.views.status import StatusItem, fitted_items

SEPARATOR = " │ "


class StatusLine(Widget, can_focus=False):
    """Shows status items, shortening and dropping the less important ones to fit."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "status-line--mode",
        "status-line--good",
        "status-line--plain",
        "status-line--warning",
        "status-line--bad",
        "status-line--separator",
    }

    def __init__(self) -> None:
        super().__init__()
        self._items: tuple[StatusItem, ...] = ()

    def show(self, items: tuple[StatusItem, ...]) -> None:
        """Show `items`; the line is redrawn only if they differ from those shown."""
        if items != self._items:
            self._items = items
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The line; there is only one."""
        fill = self.rich_style
        pieces: list[Piece] = [(" ", fill)]
        items = fitted_items(self._items, self.size.width - 4, len(SEPARATOR))
        for place, item in enumerate(items):
            style = self.get_component_rich_style(f"status-line--{item.role}")
            if place:
                pieces.append((SEPARATOR, self.get_component_rich_style("status-line--separator")))
            # The mode stands in a box of its own so that it can not be taken for one of many.
            text = f" {item.text} " if item.role == "mode" else item.text
            pieces.append((text, style))
        return line_strip(pieces, self.size.width, fill)
