"""The line above one of several tables of a screen: what it shows, and whether keys move in it."""

from __future__ import annotations

from typing import ClassVar

from textual.widgets import Static


class PaneTitle(Static, can_focus=False):
    """A title of safe text, never read as markup."""

    FRAME: ClassVar[int] = 4
    """Columns that are not the title's: its padding and the mark."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  (the library's name)
        super().__init__("", markup=False, id=id)

    def show(self, text: str, *, is_front: bool) -> None:
        """Show `text`; a front pane is also told by a mark."""
        self.set_class(is_front, "-front")
        marked = f"{'>' if is_front else ' '} {text}"
        if str(self.content) != marked:
            self.update(marked)
