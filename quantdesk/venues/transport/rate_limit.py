"""A venue's request budget as a token bucket. Given the time, it never reads it."""

from __future__ import annotations

import math

from quantdesk.errors import InvalidInput


class TokenBucket:
    """Credits that refill evenly up to a limit.

    Parameters
    ----------
    capacity : most credits it can hold; it starts full
    refill_per_s : credits that come back each second
    reserve : credits of those that are kept for what must always get through
    """

    def __init__(self, *, capacity: float, refill_per_s: float, reserve: float = 0.0) -> None:
        for field, value in (("capacity", capacity), ("refill_per_s", refill_per_s)):
            if not (math.isfinite(value) and value > 0):
                raise InvalidInput(field, value, "must be a positive number")
        if not 0 <= reserve < capacity:
            raise InvalidInput("reserve", reserve, f"must be from 0 to below {capacity}")
        self._reserve = reserve
        self.capacity = capacity
        self._refill_per_s = refill_per_s
        self._credits = capacity
        self._filled_s: float | None = None

    def reserve(self, cost: float, now_s: float, *, is_urgent: bool = False) -> float:
        """Take `cost` credits and say how many seconds to wait before using them, 0 for at once.

        Credits are taken even when they are not there yet: whoever comes next waits behind.
        `is_urgent` may spend the reserve. `now_s` is monotonic. Raises InvalidInput where `cost`
        exceeds what the bucket can hold, or what it can hold above the reserve.
        """
        kept = 0.0 if is_urgent else self._reserve
        if not 0 < cost <= self.capacity - kept:
            raise InvalidInput("cost", cost, f"must be positive and at most {self.capacity - kept}")
        self._credits = self._filled(now_s) - cost
        self._filled_s = now_s
        return max((kept - self._credits) / self._refill_per_s, 0.0)

    def left(self, now_s: float) -> float:
        """Credits that are there at `now_s`; 0 where more were promised than there are."""
        return max(self._filled(now_s), 0.0)

    def _filled(self, now_s: float) -> float:
        if self._filled_s is None:
            return self._credits
        gained = max(now_s - self._filled_s, 0.0) * self._refill_per_s
        return min(self._credits + gained, self.capacity)
