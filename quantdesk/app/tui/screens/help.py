"""The help screen: keys from the table of actions, symbols and columns from the views."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from quantdesk.app.tui.actions import ACTIONS
from quantdesk.app.tui.where import Where

_KEY_WIDTH = 11


class HelpScreen(ModalScreen[None]):
    """Everything a key does here, and what the symbols mean."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark", "dismiss", "close", show=False),
        Binding("j", "lines(1)", "down", show=False),
        Binding("k", "lines(-1)", "up", show=False),
        Binding("ctrl+d", "pages(1)", "page down", show=False),
        Binding("ctrl+u", "pages(-1)", "page up", show=False),
        Binding("g", "end(-1)", "first line", show=False),
        Binding("G", "end(1)", "last line", show=False),
    ]

    def __init__(
        self, places: tuple[Where, ...], symbols: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__()
        self._symbols = symbols
        self._places = places

    def compose(self) -> ComposeResult:
        """One scrolling text in a frame."""
        with VerticalScroll(id="help-frame"):
            yield Static(help_text(self._places, self._symbols), markup=False)

    def on_mount(self) -> None:
        """Let the arrows scroll at once."""
        self._frame.focus()

    @property
    def _frame(self) -> VerticalScroll:
        return self.query_one("#help-frame", VerticalScroll)

    def action_lines(self, lines: int) -> None:
        """Scroll down by `lines`, up where below 0: the keys of tables, which the text names."""
        self._frame.scroll_relative(y=lines, animate=False)

    def action_pages(self, halves: int) -> None:
        """Scroll down by half pages, up where below 0."""
        self._frame.scroll_relative(y=halves * max(self._frame.size.height // 2, 1), animate=False)

    def action_end(self, side: int) -> None:
        """Scroll to the first line, or to the last where `side` is above 0."""
        if side > 0:
            self._frame.scroll_end(animate=False)
        else:
            self._frame.scroll_home(animate=False)


def help_text(places: tuple[Where, ...], symbols: tuple[tuple[str, str], ...] = ()) -> Text:
    """Keys of `places`, and the symbols of a screen with what they say."""
    text = Text("Keys", style="bold underline")
    for action in ACTIONS:
        if action.where in places:
            text.append(f"\n {action.shown:<{_KEY_WIDTH}}", style="bold not underline")
            text.append(action.description, style="not bold not underline")
    if symbols:
        text.append("\n\nSymbols", style="bold underline")
    for symbol, words in symbols:
        text.append(f"\n {symbol:<{_KEY_WIDTH}}", style="bold not underline")
        text.append(words, style="not bold not underline")
    text.append("\n\nesc closes this", style="not bold not underline")
    return text
