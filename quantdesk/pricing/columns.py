"""What a caller hands in, as columns the kernel can borrow: broadcasting without needless copies.

Knows NumPy and the shape rules, no finance.
"""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Mapping, Sequence
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
NUMBERS_RULE = "must hold real numbers"
KINDS_RULE = "must hold booleans: True for a call, False for a put"
_THREADS_RULE = "must be a whole number from 1 to 1024"
_SHOWN_MAX = 60


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
    """`value` as a float64 array, of any shape.

    What is absent (None, masked, a null of pandas, polars or Arrow) becomes NaN. Text, booleans,
    dates and complex numbers are refused, also where Python could make a number of them.

    Raises
    ------
    InvalidInput : naming `field`, where the value holds something that is not a real number
    """
    if type(value) is np.ndarray and value.dtype == np.float64:
        return value
    array = _as_array(field, value)
    if array.dtype.kind == "O":
        flat = [_number_in(field, item) for item in array.reshape(-1)]
        return np.array(flat, dtype=np.float64).reshape(array.shape)
    if array.dtype.kind not in "fiu":
        raise InvalidInput(field, described(value), NUMBERS_RULE)
    with np.errstate(over="ignore"):
        numbers = np.asarray(array, dtype=np.float64)
    if isinstance(array, np.ma.MaskedArray):
        return np.where(np.ma.getmaskarray(array), np.nan, numbers)
    return numbers


def _number_in(field: str, item: object) -> float:
    """An object of an array as a float, NaN where it stands for nothing."""
    if item is None or item is np.ma.masked or type(item).__name__ == "NAType":
        return math.nan
    if not isinstance(item, (bool, np.bool_, str, bytes, np.datetime64, np.timedelta64)):
        try:
            return float(item)  # type: ignore[arg-type]  # what can not be converted is refused
        except (TypeError, ValueError, OverflowError):
            pass
    raise InvalidInput(field, described(item), NUMBERS_RULE)


def described(value: object) -> str:
    """The value in a few words, for a message: never a whole array."""
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if shape is not None and dtype is not None and shape != ():
        return f"{type(value).__name__} of {dtype}, shape {shape}"
    text = repr(value)
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}… ({type(value).__name__})"


def _as_array(field: str, value: object) -> npt.NDArray[Any]:
    """NumPy's own view of pandas, polars and pyarrow columns, ours of all other Arrow columns."""
    if isinstance(value, np.ma.MaskedArray):
        return value
    if is_arrow(value) and not hasattr(value, "__array__"):
        return from_arrow(field, value)
    try:
        return np.asarray(value)
    except (TypeError, ValueError) as error:
        # Lists of unequal lengths, and whatever else NumPy finds no array in.
        raise InvalidInput(field, described(value), f"must make an array ({error})") from None


def as_kinds(value: Kinds) -> npt.NDArray[np.uint8]:
    """`value` as bytes, 1 for a call and 0 for a put, of any shape.

    Raises
    ------
    InvalidInput : where the value holds anything but booleans (or the integers 0 and 1)
    """
    array = _as_array("is_call", value)
    if array.dtype.kind == "O" and all(isinstance(x, (bool, np.bool_)) for x in array.flat):
        array = array.astype(np.bool_)
    if not np.ma.is_masked(array):
        array = np.asarray(array)
        if array.dtype == np.bool_:
            return array.view(np.uint8)
        if array.dtype.kind in "iu" and bool(np.all((array == 0) | (array == 1))):
            return array.astype(np.uint8)
    raise InvalidInput("is_call", described(value), KINDS_RULE)


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
    shape = common_shape(
        {"is_call": kinds.shape}
        | {field: array.shape for field, array in zip(fields, arrays, strict=True)}
    )
    column: KindColumn = bool(kinds.reshape(())) if kinds.size == 1 else _stretch(kinds, shape)
    return Columns(
        shape=shape,
        is_call=column,
        numbers=tuple(
            float(array.reshape(())) if array.size == 1 else _stretch(array, shape)
            for array in arrays
        ),
    )


def common_shape(shapes: Mapping[str, tuple[int, ...]]) -> tuple[int, ...]:
    """The shape that all broadcast to.

    Raises
    ------
    InvalidInput : naming the arguments, where there is none
    """
    try:
        return np.broadcast_shapes(*shapes.values())
    except ValueError:
        told = ", ".join(f"{field} {shape}" for field, shape in shapes.items() if shape != ())
        raise InvalidInput("shapes", told, "must broadcast together") from None


def together(fields: Sequence[str], values: Sequence[Numbers]) -> tuple[FloatArray, ...]:
    """Numbers as float64 arrays stretched to one common shape, not copied.

    Raises
    ------
    InvalidInput : naming the argument whose shape or content does not fit
    """
    arrays = [as_numbers(field, value) for field, value in zip(fields, values, strict=True)]
    shape = common_shape({field: array.shape for field, array in zip(fields, arrays, strict=True)})
    return tuple(np.broadcast_to(array, shape) for array in arrays)


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
        is_whole = text.isascii() and text.isdecimal() and len(text) <= len("1024")
        if not (is_whole and 1 <= int(text) <= 1024):
            raise InvalidInput(THREADS_VARIABLE, text[:_SHOWN_MAX], _THREADS_RULE)
        return int(text)
    if isinstance(threads, bool) or not hasattr(threads, "__index__"):
        raise InvalidInput("threads", described(threads), _THREADS_RULE)
    count = operator.index(threads)
    if not 1 <= count <= 1024:
        raise InvalidInput("threads", count, _THREADS_RULE)
    return count
