"""What stands above a book: which one, how complete and old, in which conventions, its sums."""

from __future__ import annotations

from textual.geometry import Size

from quantdesk.app.tui.widgets.chain_header import ChainHeader, packed_fields
from quantdesk.views.chain_header import HeaderField

LINES_MAX = 99


class BookHeader(ChainHeader):
    """Labelled values in order of importance, on the lines they need and the style allows."""

    def show(self, fields: tuple[HeaderField, ...]) -> None:
        """Show `fields`; the screen is arranged anew only if they need other lines."""
        before = self._lines(self._fields, self.size.width)
        super().show(fields)
        if self._lines(fields, self.size.width) != before:
            self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Lines that the fields need at this width."""
        del container, viewport
        return max(self._lines(self._fields, width), 1)

    def _lines(self, fields: tuple[HeaderField, ...], width: int) -> int:
        return len(packed_fields(fields, max(width - 2, 0), LINES_MAX))
