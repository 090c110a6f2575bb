"""How long to wait before trying again. Reads no clock and does not sleep."""

from __future__ import annotations

import math
import random

from quantdesk.errors import InvalidInput


class Backoff:
    """Capped exponential pauses with jitter.

    The ceiling doubles from `low_s` to `high_s`; each pause is drawn evenly from the upper half of
    the ceiling, so that many clients cut off together do not come back together, and none of them
    comes back at once.

    Parameters
    ----------
    low_s, high_s : first and largest ceiling, seconds
    rng : source of the jitter, handed in so that a run can be repeated
    """

    def __init__(self, *, low_s: float, high_s: float, rng: random.Random) -> None:
        if not (math.isfinite(low_s) and low_s > 0):
            raise InvalidInput("low_s", low_s, "must be a positive number of seconds")
        if not (math.isfinite(high_s) and high_s >= low_s):
            raise InvalidInput("high_s", high_s, f"must be a number of seconds from {low_s} up")
        self._low_s = low_s
        self._high_s = high_s
        self._rng = rng
        self._ceiling_s = low_s

    def next_pause_s(self, at_least_s: float = 0.0) -> float:
        """Seconds to wait before the next try; `at_least_s` is what the venue itself asked for."""
        pause_s = self._ceiling_s * (0.5 + 0.5 * self._rng.random())
        self._ceiling_s = min(2 * self._ceiling_s, self._high_s)
        return max(pause_s, at_least_s)

    def jump_to_high(self) -> None:
        """Make the next pauses the longest: for faults that trying again soon can not mend."""
        self._ceiling_s = self._high_s

    def reset(self) -> None:
        """Begin again at the shortest: the last try was a success."""
        self._ceiling_s = self._low_s
