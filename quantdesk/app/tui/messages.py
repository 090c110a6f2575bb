"""Messages between the app, its screens and their widgets."""

from __future__ import annotations

from textual.message import Message

from quantdesk.app.tui.book_desk import Reading
from quantdesk.snapshot import DeskSnapshot


class SnapshotArrived(Message):
    """There is something newer to show, or the clock moved on and ages with it."""

    def __init__(self, snapshot: DeskSnapshot | None) -> None:
        super().__init__()
        self.snapshot = snapshot


class CursorMoved(Message):
    """The grid's cursor stands on another cell."""


class GridResized(Message):
    """The grid has another width or height: the view has to be fitted anew."""


class ExpiryChosen(Message):
    """An expiry tab was clicked."""

    def __init__(self, expiry_ns: int) -> None:
        super().__init__()
        self.expiry_ns = expiry_ns


class UnderlyingChosen(Message):
    """The name of an underlying was clicked."""

    def __init__(self, underlying: str) -> None:
        super().__init__()
        self.underlying = underlying


class BookRead(Message):
    """A worker has read the book on a snapshot."""

    def __init__(self, reading: Reading) -> None:
        super().__init__()
        self.reading = reading
