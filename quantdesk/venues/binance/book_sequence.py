"""Whether a book's snapshot and changes make a whole, so that the feed knows when to ask again.

The venue's rule: a change follows the one whose `u` is its `pu`. A snapshot with `lastUpdateId` s
is fetched beside the stream; it is joined by a change with U ≤ s ≤ u, or by the one whose `pu` is
s. `market.order_book` proves books by the same rule; here only the ids are followed. Pure.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

PENDING_MAX = 1_024
"""Changes remembered while a snapshot is awaited, as many as an order book keeps."""


class _Change(NamedTuple):
    first_id: int
    last_id: int
    previous_id: int


class BookSequence:
    """The ids of one book since it was last unknown."""

    def __init__(self) -> None:
        self._pending: deque[_Change] = deque(maxlen=PENDING_MAX)
        self._last_id: int | None = None
        self._may_overlap = False
        self._is_good = False
        self.gaps = 0

    @property
    def is_good(self) -> bool:
        """Whether snapshot and changes are proven to join."""
        return self._is_good

    @property
    def needs_snapshot(self) -> bool:
        """Whether only another snapshot can make the book good; not while one awaits a change."""
        return self._last_id is None

    def note_change(self, *, first_id: int, last_id: int, previous_id: int) -> None:
        """A change came; one that does not follow the last makes the book bad at once."""
        change = _Change(first_id, last_id, previous_id)
        if self._last_id is None:
            self._keep(change)
        else:
            self._follow(change, self._last_id)

    def note_snapshot(self, change_id: int) -> None:
        """A snapshot came; it stays where it joins the changes so far, or there are none yet."""
        waiting = tuple(self._pending)
        self._pending.clear()
        self._last_id = change_id
        self._may_overlap = True
        self._is_good = bool(waiting) and waiting[0].first_id <= change_id
        for change in waiting:
            if change.last_id > change_id:
                self.note_change(**change._asdict())

    def doubt(self) -> None:
        """Whoever reads the levels found the book bad: another snapshot is needed."""
        self._last_id = None
        self._is_good = False

    def forget(self) -> None:
        """The connection ended: nothing that comes next follows from what was."""
        self._pending.clear()
        self.doubt()

    def _follow(self, change: _Change, last_id: int) -> None:
        overlaps = self._may_overlap and change.first_id <= last_id
        if change.last_id <= last_id:
            # In the book already; before the snapshot it proves that the stream was there first.
            self._is_good = self._is_good or overlaps
        elif change.previous_id == last_id or overlaps:
            self._last_id = change.last_id
            self._may_overlap = False
            self._is_good = True
        else:
            self.gaps += 1
            self.doubt()
            self._keep(change)

    def _keep(self, change: _Change) -> None:
        """Remember a change for the snapshot to come; only an unbroken run can be joined."""
        last = self._pending[-1] if self._pending else None
        if last is not None and change.last_id <= last.last_id:
            return
        if last is not None and change.previous_id != last.last_id:
            self.gaps += 1
            self._pending.clear()
        self._pending.append(change)
