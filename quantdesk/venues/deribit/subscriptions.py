"""Which channels are wanted, granted and refused on one connection. Sends nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class Subscriptions:
    """The state of each channel; the venue leaves out of its answer what it does not grant."""

    def __init__(self) -> None:
        self._wanted: dict[str, None] = {}
        self._granted: set[str] = set()
        self._refused: set[str] = set()

    @property
    def granted(self) -> frozenset[str]:
        """Channels that the venue confirmed."""
        return frozenset(self._granted)

    @property
    def refused(self) -> frozenset[str]:
        """Channels asked for and not confirmed."""
        return frozenset(self._refused)

    def want(self, channels: Iterable[str]) -> None:
        """Replace the wanted channels; the order is the order of asking."""
        self._wanted = dict.fromkeys(channels)
        self._refused &= self._wanted.keys()

    def missing(self) -> tuple[str, ...]:
        """Wanted channels that were neither granted nor refused yet, in order."""
        return tuple(c for c in self._wanted if c not in self._granted and c not in self._refused)

    def surplus(self) -> tuple[str, ...]:
        """Granted channels that are no longer wanted, sorted."""
        return tuple(sorted(self._granted - self._wanted.keys()))

    def note_granted(self, asked: Sequence[str], granted: Iterable[str]) -> None:
        """The venue's answer to asking for `asked`."""
        confirmed = set(granted) & set(asked)
        self._granted |= confirmed
        self._refused = (self._refused - confirmed) | (set(asked) - confirmed)

    def note_left(self, channels: Iterable[str]) -> None:
        """Channels that were unsubscribed."""
        self._granted.difference_update(channels)

    def forgive(self) -> None:
        """Let refused channels be asked for again."""
        self._refused.clear()
