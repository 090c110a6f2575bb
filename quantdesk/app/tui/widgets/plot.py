"""A plot on the screen: `views.plot_text` in the desk's colours, drawn anew when it changed."""

from __future__ import annotations

from typing import ClassVar

from textual.strip import Strip
from textual.widget import Widget

from quantdesk.app.tui.widgets.strips import Piece, line_strip
from quantdesk.views.plot import PlotRole, PlotView
from quantdesk.views.plot_text import Run, plot_lines


class Plot(Widget, can_focus=False):
    """Shows one `PlotView`, as large as the widget is."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"plot--{role.value}" for role in PlotRole}

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (the library's name)
        super().__init__(id=id)
        self._view: PlotView | None = None
        self._drawn: list[list[Run]] = []
        self._drawn_size = (0, 0)

    @property
    def view(self) -> PlotView | None:
        """The plot shown."""
        return self._view

    def show(self, view: PlotView) -> None:
        """Show `view`; nothing is sent to the terminal where it looks the same."""
        self._view = view
        lines = plot_lines(view, *self.size) if self.size.width else []
        if lines != self._drawn or self._drawn_size != tuple(self.size):
            self._drawn, self._drawn_size = lines, (self.size.width, self.size.height)
            self.refresh()

    def on_resize(self) -> None:
        """Draw it for the new size."""
        if self._view is not None:
            self.show(self._view)

    def render_line(self, y: int) -> Strip:
        """Line `y` of the widget."""
        runs = self._drawn[y] if y < len(self._drawn) else []
        pieces: list[Piece] = [
            (text, self.get_component_rich_style(f"plot--{role.value}")) for text, role in runs
        ]
        return line_strip(pieces, self.size.width, self.rich_style)
