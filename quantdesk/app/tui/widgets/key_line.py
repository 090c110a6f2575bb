"""The bottom line: the most useful keys of the screen."""

from __future__ import annotations

from typing import ClassVar

from textual.strip import Strip
from textual.widget import Widget

from quantdesk.app.tui.actions import footer_actions, footer_text
from quantdesk.app.tui.where import Where
from quantdesk.app.tui.widgets.strips import Piece, line_strip


class KeyLine(Widget, can_focus=False):
    """Keys with a word each, as many as fit, made from the table of actions."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"key-line--key", "key-line--word"}

    def __init__(self, places: tuple[Where, ...]) -> None:
        super().__init__()
        self._places = places

    def render_line(self, y: int) -> Strip:
        """The line; there is only one."""
        key = self.get_component_rich_style("key-line--key")
        word = self.get_component_rich_style("key-line--word")
        pieces: list[Piece] = []
        for action in footer_actions(self._places, self.size.width):
            text = footer_text(action)
            shown = text.removesuffix(action.short)
            pieces += [(f" {shown}", key), (f"{action.short} ", word)]
        return line_strip(pieces, self.size.width, self.rich_style)
