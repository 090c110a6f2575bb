"""Clocks. The only module that reads the machine's time."""

from __future__ import annotations

import time

from quantdesk.errors import InvalidInput

NS_PER_S = 1_000_000_000


class SystemClock:
    """UTC nanoseconds that never run backwards.

    Anchored to the machine's UTC time once, then driven by its monotonic clock: a correction of
    the machine's time during a session does not reorder what the desk received.
    """

    def __init__(self) -> None:
        self._offset_ns = time.time_ns() - time.monotonic_ns()

    def now_ns(self) -> int:
        """UTC nanoseconds."""
        return self._offset_ns + time.monotonic_ns()


class ManualClock:
    """A clock that stands still until it is moved: for replay, files and tests."""

    def __init__(self, now_ns: int) -> None:
        self._now_ns = now_ns

    def now_ns(self) -> int:
        """The instant it was last moved to."""
        return self._now_ns

    def advance_to(self, now_ns: int) -> None:
        """Move to `now_ns`. Raises InvalidInput where that is in its past."""
        if now_ns < self._now_ns:
            raise InvalidInput("now_ns", now_ns, f"must not be before {self._now_ns}")
        self._now_ns = now_ns


class VenueClock:
    """A venue's clock as seen over one connection.

    An answer that carries the venue's time sets the offset; a market event that is later than the
    estimate raises it, since an event cannot come from the venue's future. Between them the
    estimate runs on with our clock, so that ages grow while a feed is silent.
    """

    LEAD_LIMIT_NS = 3600 * NS_PER_S
    """An event further ahead of the estimate than this moves nothing: it is a faulty stamp. Of what
    the venue says of its own clock, one word further off in either direction is not believed."""

    def __init__(self) -> None:
        self._offset_ns: int | None = None
        self._wild_side = 0

    @property
    def is_set(self) -> bool:
        """Whether anything was heard of the venue's time yet."""
        return self._offset_ns is not None

    def set(self, event_ns: int, recv_ns: int) -> None:
        """The venue said that it is `event_ns`; we received that at `recv_ns`.

        A word that is far from the estimate is held back until the next one is as far on the same
        side: one faulty answer must not make every quote a day old, and a clock that was truly set
        anew is believed at its second word.
        """
        offset_ns = event_ns - recv_ns
        moved_ns = 0 if self._offset_ns is None else offset_ns - self._offset_ns
        side = 0 if abs(moved_ns) <= self.LEAD_LIMIT_NS else 1 if moved_ns > 0 else -1
        if side in (0, self._wild_side):
            self._offset_ns = offset_ns
            side = 0
        self._wild_side = side

    def observe(self, event_ns: int, recv_ns: int) -> None:
        """An event stamped `event_ns` by the venue was received at `recv_ns`."""
        lead = event_ns - recv_ns
        if self._offset_ns is None or 0 < lead - self._offset_ns <= self.LEAD_LIMIT_NS:
            self._offset_ns = lead

    def at(self, now_ns: int) -> int:
        """The venue's time at `now_ns` of our clock; our own where nothing is known."""
        return now_ns + (self._offset_ns or 0)
