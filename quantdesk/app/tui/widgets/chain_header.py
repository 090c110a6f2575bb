"""What stands above the chain: forward, time left, ATM vol and the like, as many as fit."""

from __future__ import annotations

from typing import ClassVar

from textual.strip import Strip
from textual.widget import Widget

from quantdesk.app.tui.widgets.strips import Piece, line_strip
from quantdesk.views.chain_header import HeaderField
from quantdesk.views.safe_text import cell_width

GAP = 3


class ChainHeader(Widget, can_focus=False):
    """Labelled values in order of importance; what finds no room is left out, never cut."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "chain-header--title",
        "chain-header--label",
        "chain-header--value",
    }

    def __init__(self) -> None:
        super().__init__()
        self._fields: tuple[HeaderField, ...] = ()

    def show(self, fields: tuple[HeaderField, ...]) -> None:
        """Show `fields`; the lines are redrawn only if they differ from those shown."""
        if fields != self._fields:
            self._fields = fields
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """Line `y` of the header."""
        lines = packed_fields(self._fields, self.size.width - 2, self.size.height)
        pieces: list[Piece] = [(" ", self.rich_style)]
        for place, field in enumerate(lines[y] if y < len(lines) else ()):
            if place:
                pieces.append((" " * GAP, self.rich_style))
            if field.label:
                label = self.get_component_rich_style("chain-header--label")
                pieces.append((f"{field.label} ", label))
            name = "value" if field.label else "title"
            pieces.append((field.text, self.get_component_rich_style(f"chain-header--{name}")))
        return line_strip(pieces, self.size.width, self.rich_style)


def packed_fields(
    fields: tuple[HeaderField, ...], width: int, height: int
) -> list[list[HeaderField]]:
    """`fields` in at most `height` lines of `width` cells, each where it first fits, in order."""
    lines: list[list[HeaderField]] = []
    used: list[int] = []
    for field in fields:
        need = cell_width(field.text) + (len(field.label) + 1 if field.label else 0)
        place = next((n for n, taken in enumerate(used) if taken + GAP + need <= width), None)
        if place is not None:
            lines[place].append(field)
            used[place] += GAP + need
        elif len(lines) < height and need <= width:
            lines.append([field])
            used.append(need)
    return lines
