"""What a caller hands in, as columns the kernel can borrow: broadcasting without needless copies.

Knows NumPy and the shape rules, no finance.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from quantdesk.errors import InvalidInput
from quantdesk.pricing.arrow import from_arrow, is_arrow


class ArrowColumn(Protocol):
    """A column offered through the Arrow C stream interface: polars, pyarrow and others."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """A capsule that holds the stream."""


Numbers = float | npt.ArrayLike | ArrowColumn
Kinds = bool | npt.ArrayLike | ArrowColumn
FloatArray = npt.NDArray[np.float64]
Column = float | FloatArray
KindColumn = bool | npt.NDArray[np.uint8]

T = TypeVar("T", bound=np.generic)

THREADS_VARIABLE = "QUANTDESK_THREADS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Arguments ready for the kernel.

    Attributes
    ----------
    shape : broadcast shape; () where each argument was a single number
    is_call : bool, or contiguous uint8 array of `size` rows
    numbers : floats or contiguous float64 arrays of `size` rows, in the order handed in
    """

    shape: tuple[int, ...]
    is_call: KindColumn
    numbers: tuple[Column, ...]

    @property
    def size(self) -> int:
        """Number of rows."""
        return int(np.prod(self.shape, dtype=np.int64))


def as_numbers(field: str, value: Numbers) -> FloatArray:
    """`value` as a float64 array, of any shape; refuses text, objects and complex numbers.

    Raises
    ------
    InvalidInput : naming `field`, where the value holds something that is not a real number
    """
    if isinstance(value, np.ndarray) and value.dtype == np.float64:
        return value
    array = _as_array(field, value)
    if array.dtype.kind not in "fiub":
        if array.dtype.kind != "O":
            raise InvalidInput(field, value, "must hold real numbers")
        try:
            return array.astype(np.float64)
        except (TypeError, ValueError):
            raise InvalidInput(field, value, "must hold real numbers") from None
    return array.astype(np.float64, copy=False)


def _as_array(field: str, value: object) -> npt.NDArray[Any]:
    """NumPy's own view of pandas, polars and pyarrow columns, ours of all other Arrow columns."""
    if is_arrow(value) and not hasattr(value, "__array__"):
        return from_arrow(field, value)
    return np.asarray(value)


def as_kinds(value: Kinds) -> npt.NDArray[np.uint8]:
    """`value` as bytes, 1 for a call and 0 for a put, of any shape.

    Raises
    ------
    InvalidInput : where the value holds anything but booleans (or the integers 0 and 1)
    """
    array = _as_array("is_call", value)
    if array.dtype == np.bool_:
        return array.view(np.uint8)
    if array.dtype.kind in "iu" and bool(np.all((array == 0) | (array == 1))):
        return array.astype(np.uint8)
    raise InvalidInput("is_call", value, "must hold booleans: True for a call, False for a put")


def broadcast(is_call: Kinds, fields: Sequence[str], values: Sequence[Numbers]) -> Columns:
    """Columns of one common shape.

    Single numbers stay single, contiguous arrays of the full shape are borrowed as they are, and
    only what remains (strided, or stretched along some axis) is copied.

    Raises
    ------
    InvalidInput : naming the argument whose shape or content does not fit
    """
    kinds = as_kinds(is_call)
    arrays = [as_numbers(field, value) for field, value in zip(fields, values, strict=True)]
    try:
        shape = np.broadcast_shapes(kinds.shape, *(array.shape for array in arrays))
    except ValueError:
        shapes = {"is_call": kinds.shape} | {
            field: array.shape for field, array in zip(fields, arrays, strict=True)
        }
        raise InvalidInput("shapes", shapes, "must broadcast together") from None
    column: KindColumn = bool(kinds.reshape(())) if kinds.size == 1 else _stretch(kinds, shape)
    return Columns(
        shape=shape,
        is_call=column,
        numbers=tuple(
            float(array.reshape(())) if array.size == 1 else _stretch(array, shape)
            for array in arrays
        ),
    )


def _stretch(array: npt.NDArray[T], shape: tuple[int, ...]) -> npt.NDArray[T]:
    return np.ascontiguousarray(np.broadcast_to(array, shape)).reshape(-1)


def _usable_cores() -> int:
    """Cores this process may run on, where the system tells, else all there are."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


def thread_count(threads: int | None) -> int:
    """Threads to use: the argument, else the environment's `QUANTDESK_THREADS`, else the cores.

    Raises
    ------
    InvalidInput : where either is not a whole number from 1 to 1024
    """
    if threads is None:
        text = os.environ.get(THREADS_VARIABLE)
        if text is None:
            return _usable_cores()
        if not text.isdecimal():
            raise InvalidInput(THREADS_VARIABLE, text, "must be a whole number from 1 to 1024")
        threads = int(text)
    if not 1 <= threads <= 1024:
        raise InvalidInput("threads", threads, "must be a whole number from 1 to 1024")
    return threads
