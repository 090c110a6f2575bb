"""Pieces of styled text put together to one line of the screen."""

from __future__ import annotations

from collections.abc import Iterable

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

Piece = tuple[str, Style]
"""Text that is already safe for a screen, and its look."""


def line_strip(pieces: Iterable[Piece], width: int, fill: Style) -> Strip:
    """One line of exactly `width` cells: `pieces` from the left, filled up or cut at the end."""
    strip = Strip([Segment(text, style) for text, style in pieces if text])
    return strip.adjust_cell_length(width, fill)
