"""Every kind of problem since the desk started, by connection, with its count."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static


class ProblemsScreen(ModalScreen[None]):
    """Lines of text in a frame, as they were when it was opened."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,p", "dismiss", "close", show=False),
    ]

    def __init__(self, lines: tuple[str, ...]) -> None:
        super().__init__()
        self._lines = lines

    def compose(self) -> ComposeResult:
        """One scrolling text in a frame."""
        with VerticalScroll(id="problems-frame"):
            yield Static("\n".join((*self._lines, "", "esc closes this")), markup=False)

    def on_mount(self) -> None:
        """Let the arrows scroll at once."""
        self.query_one("#problems-frame").focus()
