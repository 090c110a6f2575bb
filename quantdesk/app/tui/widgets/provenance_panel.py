"""Where the number under the cursor comes from, in sentences."""

from __future__ import annotations

from rich.text import Text
from textual.containers import VerticalScroll
from textual.widgets import Static

from quantdesk.views.provenance import Provenance


class ProvenancePanel(VerticalScroll, can_focus=False):
    """Title and sentences of one cell. Text is shown as it is, never read as markup."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: Provenance | None = None
        self._text = Static("", markup=False)

    def on_mount(self) -> None:
        """Put the text in."""
        self.mount(self._text)

    def show(self, provenance: Provenance) -> None:
        """Show `provenance`, redrawing only what differs."""
        if provenance == self._shown:
            return
        self._shown = provenance
        text = Text(provenance.title, style="bold")
        for sentence in provenance.sentences:
            text.append(f"\n{sentence}", style="not bold")
        self._text.update(text)
