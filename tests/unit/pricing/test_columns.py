"""Columns of other libraries, through NumPy's and Arrow's protocols."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest

from quantdesk import pricing
from quantdesk.errors import InvalidInput
from quantdesk.pricing.arrow import _Array, _Schema, from_arrow

STRIKES = [90.0, 100.0, 110.0]

_new_capsule = ctypes.pythonapi.PyCapsule_New
_new_capsule.restype = ctypes.py_object
_new_capsule.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]


class ArrowColumn:
    """A column that offers the Arrow C data interface and nothing else."""

    def __init__(
        self, kind: bytes, values: Any, *, present: bytes | None = None, offset: int = 0
    ) -> None:
        self._values = values
        self._present = None if present is None else np.frombuffer(present, dtype=np.uint8).copy()
        pointers = [0 if self._present is None else self._present.ctypes.data, values.ctypes.data]
        self._buffers = (ctypes.c_void_p * 2)(*pointers)
        self._schema = _Schema(format=kind)
        count = values.size * (8 if kind == b"b" else 1) - offset
        self.array = _Array(length=count, null_count=-1 if present else 0, offset=offset)
        self.array.n_buffers = 2
        self.array.buffers = ctypes.cast(self._buffers, ctypes.POINTER(ctypes.c_void_p))

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        schema = _new_capsule(ctypes.addressof(self._schema), b"arrow_schema", None)
        array = _new_capsule(ctypes.addressof(self.array), b"arrow_array", None)
        return schema, array


def test_an_arrow_column_is_borrowed_and_priced() -> None:
    column = ArrowColumn(b"g", np.array([1.0, *STRIKES]), offset=1)
    expected = pricing.price(True, 100.0, STRIKES, 1.0, 0.2)
    assert np.array_equal(pricing.price(True, 100.0, column, 1.0, 0.2), expected)  # type: ignore[arg-type]
    assert from_arrow("strike", column).tolist() == STRIKES


def test_arrow_nulls_are_nan_and_whole_numbers_are_numbers() -> None:
    column = ArrowColumn(b"l", np.array([90, 100, 110]), present=b"\x05")
    assert np.array_equal(from_arrow("strike", column), [90.0, np.nan, 110.0], equal_nan=True)


def test_arrow_booleans_are_bits() -> None:
    column = ArrowColumn(b"b", np.array([0b0000_0101], dtype=np.uint8))
    column.array.length = 3
    assert from_arrow("is_call", column).tolist() == [True, False, True]


def test_arrow_text_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match="'u'") as caught:
        from_arrow("strike", ArrowColumn(b"u", np.zeros(3)))
    assert caught.value.field == "strike"


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_columns_of_a_library_are_taken(library: str) -> None:
    module = pytest.importorskip(library, reason=f"{library} is not installed here")
    build = module.array if library == "pyarrow" else module.Series
    expected = pricing.price([True, False, True], 100.0, STRIKES, 1.0, 0.2)
    found = pricing.price(build([True, False, True]), 100.0, build(STRIKES), 1.0, 0.2)
    assert np.array_equal(found, expected)


class Wrapped:
    """A column seen through the Arrow stream alone."""

    def __init__(self, column: Any) -> None:
        self._column = column

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._column.__arrow_c_stream__(requested_schema)


def test_a_stream_in_pieces_is_joined() -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed here")
    column = Wrapped(pyarrow.chunked_array([[90.0, None], [110.0]]))
    assert np.array_equal(from_arrow("strike", column), [90.0, np.nan, 110.0], equal_nan=True)
