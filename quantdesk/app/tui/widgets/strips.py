"""Pieces of styled text put together to one line of the screen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

Piece = tuple[str, Style]
"""Text that is already safe for a screen, and its look."""


def line_strip(pieces: Iterable[Piece], width: int, fill: Style) -> Strip:
    """One line of exactly `width` cells: `pieces` from the left, filled up or cut at the end."""
    strip = Strip([Segment(text, style) for text, style in pieces if text])
    return strip.adjust_cell_length(width, fill)


class LineStyles:
    """Styles by name, and their combinations, each put together once.

    `base` is the widget's own; the named ones hold only what they change.
    """

    def __init__(self, base: Style, named: Mapping[str, Style]) -> None:
        self.base = base
        self._named = named
        self._combined: dict[tuple[str, str], Style] = {}

    def of(self, kind: str, role: str) -> Style:
        """The style of a cell of `role` in a line of `kind`."""
        style = self._combined.get((kind, role))
        if style is None:
            style = self.base + self._named[kind] + self._named[role]
            self._combined[kind, role] = style
        return style
