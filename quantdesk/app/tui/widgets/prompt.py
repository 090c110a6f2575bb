"""A line to type into, above the keys: closed until asked for, with what was typed before."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.events import Key
from textual.message import Message
from textual.widgets import Input, Static

HISTORY_MAX = 50


class PromptAnswered(Message):
    """Enter was pressed: `purpose` as given when it was opened, and the text."""

    def __init__(self, purpose: str, text: str) -> None:
        super().__init__()
        self.purpose = purpose
        self.text = text


class Prompt(Horizontal):
    """One question at a time. Escape closes it and sends nothing; up and down recall."""

    def __init__(self) -> None:
        super().__init__()
        self._purpose = ""
        self._history: dict[str, list[str]] = {}
        self._place = 0

    def compose(self) -> ComposeResult:
        """The question, and the line."""
        yield Static("", id="prompt-label", markup=False)
        yield Input(id="prompt-input", compact=True, select_on_focus=False)

    @property
    def is_open(self) -> bool:
        """Whether it waits for an answer."""
        return self.has_class("-open")

    def ask(self, purpose: str, label: str, *, text: str = "", placeholder: str = "") -> None:
        """Open with `label`, `text` to begin with, and a hint in grey while it is empty."""
        self._purpose = purpose
        self._place = len(self._history.get(purpose, ()))
        self.query_one("#prompt-label", Static).update(f" {label} ")
        line = self.query_one(Input)
        line.placeholder = placeholder
        line.value = text
        line.cursor_position = len(text)
        self.add_class("-open")
        line.focus()

    def close(self) -> None:
        """Close; the keys belong to the screen again."""
        self.remove_class("-open")
        self.query_one(Input).value = ""
        self.screen.set_focus(None)

    @on(Input.Submitted)
    def answer(self, event: Input.Submitted) -> None:
        """Hand the text on; an empty line only closes."""
        event.stop()
        text, purpose = event.value.strip(), self._purpose
        self.close()
        if text:
            kept = self._history.setdefault(purpose, [])
            if kept[-1:] != [text]:
                kept.append(text)
            del kept[:-HISTORY_MAX]
            self.post_message(PromptAnswered(purpose, text))

    def on_key(self, event: Key) -> None:
        """Escape closes; up and down walk through what was typed before."""
        if event.key == "escape":
            event.stop()
            event.prevent_default()
            self.close()
        elif event.key in ("up", "down"):
            event.stop()
            event.prevent_default()
            kept = self._history.get(self._purpose, [])
            self._place = min(max(self._place + (1 if event.key == "down" else -1), 0), len(kept))
            line = self.query_one(Input)
            line.value = kept[self._place] if self._place < len(kept) else ""
            line.cursor_position = len(line.value)
