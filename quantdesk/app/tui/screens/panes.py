"""A book screen of two tables: both where the terminal is tall, else the one with the cursor."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.widget import Widget

from quantdesk.app.tui.context import DeskContext
from quantdesk.app.tui.screens.book_screen import BookScreen
from quantdesk.app.tui.widgets.pane_title import PaneTitle
from quantdesk.app.tui.widgets.table_grid import TableGrid


class TwoPanes(BookScreen):
    """`PANES` are the ids of the two tables; each has a `PaneTitle` with the id and "-title"."""

    PANES: ClassVar[tuple[str, str]]

    def __init__(self, context: DeskContext) -> None:
        super().__init__(context)
        self.front_pane = 0

    def tables(self) -> Iterable[Widget]:
        """One pane above the other, each below its title."""
        for name in self.PANES:
            yield PaneTitle(id=f"{name}-title")
            yield TableGrid(id=name)

    def cursor_table(self) -> TableGrid:
        """The table in front."""
        return self.query_one(f"#{self.PANES[self.front_pane]}", TableGrid)

    def title_panes(self, *titles: str) -> None:
        """Say above each pane what it shows, and mark the one in front."""
        for number, (name, title) in enumerate(zip(self.PANES, titles, strict=True)):
            is_front = number == self.front_pane
            self.query_one(f"#{name}", TableGrid).set_class(not is_front, "-behind")
            self.query_one(f"#{name}-title", PaneTitle).show(title, is_front=is_front)

    def action_pane(self) -> None:
        """Let the keys move in the other table."""
        self.front_pane = 1 - self.front_pane
        self.show()
