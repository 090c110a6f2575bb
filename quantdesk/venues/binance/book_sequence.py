"""Whether the changes of a book chain, and whether a snapshot joins them. Pure; holds no levels.

The venue's rule: a change follows the one whose `u` is its `pu`. A snapshot with `lastUpdateId` s
is joined by the first change with U ≤ s ≤ u, so it fits a chain that began at or before s.
"""

from __future__ import annotations


class BookSequence:
    """The chain of one book's changes since it was last whole."""

    def __init__(self) -> None:
        self._chain_first_id: int | None = None
        self._last_id = 0
        self._is_joined = False
        self.gaps = 0

    @property
    def is_good(self) -> bool:
        """Whether snapshot and changes make a whole book."""
        return self._is_joined

    def note_change(self, *, first_id: int, last_id: int, previous_id: int) -> None:
        """A change came; one that does not follow the last makes the book bad at once."""
        if self._chain_first_id is not None and last_id <= self._last_id:
            return  # sent twice: it changes nothing and breaks nothing
        if self._chain_first_id is None or previous_id != self._last_id:
            self.gaps += self._chain_first_id is not None
            self._chain_first_id = first_id
            self._is_joined = False
        self._last_id = last_id

    def note_snapshot(self, change_id: int) -> bool:
        """A snapshot came; whether it joins the changes so far. If not, another is needed."""
        self._is_joined = self._chain_first_id is not None and self._chain_first_id <= change_id
        return self._is_joined

    def forget(self) -> None:
        """The connection ended: nothing that comes next follows from what was."""
        self._chain_first_id = None
        self._is_joined = False
