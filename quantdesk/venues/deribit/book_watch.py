"""Which watched order books hang together as received, and which have to be asked for again.

Looks at ids only; the levels are read where frames are decoded. A book told by changes is whole
from a snapshot for as long as each change names the one before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_PREVIOUS_ID = re.compile(rb'"prev_change_id":([0-9]{1,19})')
_CHANGE_ID = re.compile(rb'"change_id":([0-9]{1,19})')
_USUAL_CHANGE = re.compile(
    rb'","data":\{"type":"change","timestamp":[0-9]{1,19},(?:"instrument_name":"[^"]{1,64}",)?'
    rb'"prev_change_id":([0-9]{1,19}),(?:"instrument_name":"[^"]{1,64}",)?'
    rb'"change_id":([0-9]{1,19})[,}]'
)
"""A change as the venue spells it: both ids without a search through the levels."""

_SNAPSHOT = b'"type":"snapshot"'


class BookWatch:
    """The sequence of each watched book on one connection. Given the time, it never reads it."""

    def __init__(self) -> None:
        self._last_id: dict[str, int] = {}
        self._asked_s: dict[str, float] = {}
        self.gaps = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The watched instruments, in the order given."""
        return tuple(self._asked_s)

    def watch(self, names: Iterable[str], now_s: float) -> None:
        """Watch `names` and no others; new ones are given time for their first snapshot."""
        self._asked_s = {name: self._asked_s.get(name, now_s) for name in dict.fromkeys(names)}
        self._last_id = {n: last for n, last in self._last_id.items() if n in self._asked_s}

    def is_good(self, name: str) -> bool:
        """Whether a snapshot of `name` came and nothing is missing since."""
        return name in self._last_id

    def note_payload(self, name: str, payload: bytes, channel_end: int = 0) -> bool:
        """A push of a book as it came; whether it left the book good.

        `channel_end`: where in it the channel's name ends.
        """
        found = _USUAL_CHANGE.match(payload, channel_end)
        if found is not None:
            return self.note_change(name, change_id=int(found[2]), previous_id=int(found[1]))
        change_id, previous = _CHANGE_ID.search(payload), _PREVIOUS_ID.search(payload)
        if change_id is None:
            return self.is_good(name)
        if previous is None or _SNAPSHOT in payload:
            return self.note_snapshot(name, int(change_id[1]))
        return self.note_change(name, change_id=int(change_id[1]), previous_id=int(previous[1]))

    def note_snapshot(self, name: str, change_id: int) -> bool:
        """A snapshot came; whether the book is good with it. One older than the book is not."""
        if name not in self._asked_s:
            return False
        if change_id < self._last_id.get(name, 0):
            self._lose(name)
            return False
        self._last_id[name] = change_id
        return True

    def note_change(self, name: str, *, change_id: int, previous_id: int) -> bool:
        """A change came; whether it left the book good."""
        last_id = self._last_id.get(name)
        if last_id is None:
            return False
        if previous_id == last_id:
            self._last_id[name] = change_id
        elif change_id > last_id:
            self._lose(name)
            return False
        return True

    def doubt(self, name: str) -> None:
        """Whoever reads the levels found the book bad: ask for it again."""
        if name in self._asked_s:
            self._lose(name)

    def due(self, now_s: float, *, patience_s: float) -> Sequence[str]:
        """Books to ask for: bad ones, once each `patience_s`."""
        return [
            name
            for name, asked_s in self._asked_s.items()
            if name not in self._last_id and now_s - asked_s >= patience_s
        ]

    def note_asked(self, names: Iterable[str], now_s: float) -> None:
        """`names` were asked for: they are given time."""
        for name in names:
            if name in self._asked_s:
                self._asked_s[name] = now_s

    def _lose(self, name: str) -> None:
        self.gaps += 1
        self._last_id.pop(name, None)
        # Due at once: whatever was asked for before is no longer what is missing.
        self._asked_s[name] = float("-inf")
