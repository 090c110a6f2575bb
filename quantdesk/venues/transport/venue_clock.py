"""How far a venue's clock is from ours, as requests measure it. Reads no clock."""

from __future__ import annotations

from collections import deque

NS_PER_MS = 1_000_000
SAMPLES_KEPT = 8
ROUND_TRIP_SLACK_NS = 20_000_000
"""Half a round trip bounds a measurement's error, and clocks drift: the newest measurement is
believed whose round trip is at most twice the shortest of the last eight, or this much longer."""


class VenueOffset:
    """How far the venue's clock is ahead of ours."""

    def __init__(self) -> None:
        self._samples: deque[tuple[int, int]] = deque(maxlen=SAMPLES_KEPT)

    def note(self, *, sent_ns: int, venue_ns: int, recv_ns: int) -> None:
        """The venue said `venue_ns` between `sent_ns` and `recv_ns` of our clock."""
        round_trip_ns = max(recv_ns - sent_ns, 0)
        middle_ns = sent_ns + round_trip_ns // 2
        self._samples.append((round_trip_ns, venue_ns - middle_ns))

    def forget(self) -> None:
        """Drop what was measured: the venue says that it is wrong."""
        self._samples.clear()

    @property
    def offset_ns(self) -> int | None:
        """Nanoseconds to add to our clock; None before the first measurement."""
        if not self._samples:
            return None
        shortest_ns = min(round_trip_ns for round_trip_ns, _ in self._samples)
        limit_ns = max(2 * shortest_ns, shortest_ns + ROUND_TRIP_SLACK_NS)
        return next(
            offset_ns
            for round_trip_ns, offset_ns in reversed(self._samples)
            if round_trip_ns <= limit_ns
        )

    def venue_ns(self, now_ns: int) -> int | None:
        """The venue's clock at `now_ns` of ours; None before the first measurement."""
        offset_ns = self.offset_ns
        return None if offset_ns is None else now_ns + offset_ns

    def venue_ms(self, now_ns: int) -> int | None:
        """As `venue_ns`, in whole milliseconds."""
        venue_ns = self.venue_ns(now_ns)
        return None if venue_ns is None else venue_ns // NS_PER_MS
