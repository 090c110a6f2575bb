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
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from quantdesk.errors import InvalidInput
from quantdesk.pricing.columns import FloatArray, described

Results = Mapping[str, FloatArray] | tuple[FloatArray | None, ...]
"""Arrays by output name: a mapping, or what an earlier call gave."""

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


def check_out(
    field: str,
    out: object,
    shape: tuple[int, ...],
    arguments: Iterable[object] = (),
    dtype: npt.DTypeLike = np.float64,
) -> None:
    """Refuse what the kernel can not write into.

    Raises
    ------
    InvalidInput : naming `field`, where it is no writable C-contiguous array of that shape and type
        or shares memory with one of `arguments`
    """
    rule = f"must be a writable C-contiguous {np.dtype(dtype)} array of shape {shape}"
    if type(out) is not np.ndarray or out.dtype != dtype or out.shape != shape:
        raise InvalidInput(field, described(out), rule)
    if not (out.flags.c_contiguous and out.flags.writeable):
        what = "strided" if out.flags.writeable else "read-only"
        raise InvalidInput(field, f"{what} {described(out)}", rule)
    for argument in arguments:
        if isinstance(argument, np.ndarray) and np.may_share_memory(out, argument):
            raise InvalidInput(field, described(out), "must share no memory with an argument")


def result_arrays(
    names: Sequence[str],
    wanted: frozenset[str],
    shape: tuple[int, ...],
    out: Results | None,
    arguments: Sequence[object],
) -> list[FloatArray | None]:
    """An array for each name that is wanted, the caller's own where `out` has it, else None.

    Raises
    ------
    InvalidInput : where `out` names what is not wanted, or holds an array that does not fit
    """
    used: list[object] = list(arguments)
    given = _by_name(out)
    for name, array in given.items():
        if name not in wanted:
            raise InvalidInput("out", name, f"must be among those asked for: {sorted(wanted)}")
        check_out(f"out[{name!r}]", array, shape, used)
        used.append(array)
    return [
        None if name not in wanted else given[name] if name in given else shelf.take(shape)
        for name in names
    ]


def _by_name(out: Results | None) -> dict[str, FloatArray]:
    if out is None:
        return {}
    named = out._asdict() if hasattr(out, "_asdict") else out
    if not isinstance(named, Mapping):
        raise InvalidInput("out", described(out), "must be arrays by name, or an earlier result")
    return {name: array for name, array in named.items() if array is not None}
