"""What stands above a book: which one, how complete and old, in which conventions, its sums."""

from __future__ import annotations

from quantdesk.app.tui.widgets.chain_header import ChainHeader


class BookHeader(ChainHeader):
    """Labelled values in order of importance, of a book instead of a chain."""
