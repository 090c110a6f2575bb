"""Arrays for results: fresh ones, or large ones that nobody holds any more.

Clearing fresh pages costs the operating system about as much time per option as the formula itself,
so that large results are remembered, and handed out again once their last outside reference is
gone. Bounded; small results are left to the allocator, which keeps their pages anyway.
"""

from __future__ import annotations

import math
import sys
import threading
from collections import deque
from collections.abc import Iterable

import numpy as np

from quantdesk.pricing.columns import FloatArray

_ROWS_MIN = 65_536
_BYTES_MAX = 96 * 1024 * 1024


def _reference_counts(arrays: Iterable[FloatArray]) -> list[int]:
    return [sys.getrefcount(array) for array in arrays]


# How many references this code itself makes differs between interpreters: measured, not assumed.
_COUNT_WHEN_FREE = _reference_counts(deque([np.empty(1)]))[0]


class OutputShelf:
    """Remembers large result arrays up to `bytes_max` in all, the oldest forgotten first."""

    def __init__(self, bytes_max: int = _BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._held: deque[FloatArray] = deque()
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def bytes_held(self) -> int:
        """Bytes of the arrays that are remembered."""
        return self._bytes

    def take(self, shape: tuple[int, ...]) -> FloatArray:
        """An array of that shape with any content, referenced by nobody else's code."""
        rows = math.prod(shape)
        # Reference counts tell the truth only where a lock keeps other threads out.
        if rows < _ROWS_MIN or not _has_exact_counts():
            return np.empty(shape)
        with self._lock:
            counts = _reference_counts(self._held)
            for place, count in enumerate(counts):
                if count == _COUNT_WHEN_FREE and self._held[place].size == rows:
                    return self._held[place].reshape(shape)
            return self._shelve(np.empty(rows)).reshape(shape)

    def _shelve(self, array: FloatArray) -> FloatArray:
        if array.nbytes <= self._bytes_max:
            self._held.append(array)
            self._bytes += array.nbytes
            while self._bytes > self._bytes_max:
                self._bytes -= self._held.popleft().nbytes
        return array


def _has_exact_counts() -> bool:
    is_gil_enabled = getattr(sys, "_is_gil_enabled", None)
    return is_gil_enabled is None or bool(is_gil_enabled())


shelf = OutputShelf()
"""The one shelf of the process."""
