"""Columns of other libraries through the Arrow C data interface, without pyarrow.

Reads primitive columns (floats, whole numbers, booleans) from any object with `__arrow_c_array__`
or `__arrow_c_stream__`; nulls become NaN. The structures are those of the Arrow specification's C
data and C stream interfaces. float64 columns in one piece without nulls are borrowed, not copied.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import numpy.typing as npt

from quantdesk.errors import InvalidInput

_TYPES: dict[bytes, type[np.generic]] = {
    b"e": np.float16,
    b"g": np.float64,
    b"f": np.float32,
    b"c": np.int8,
    b"C": np.uint8,
    b"s": np.int16,
    b"S": np.uint16,
    b"i": np.int32,
    b"I": np.uint32,
    b"l": np.int64,
    b"L": np.uint64,
}
_BOOLEAN = b"b"
_NULL = b"n"
_RULE = "must be a column of floats, whole numbers or booleans"


class _Schema(ctypes.Structure):
    pass


class _Array(ctypes.Structure):
    pass


class _Stream(ctypes.Structure):
    pass


_Schema._fields_ = [
    ("format", ctypes.c_char_p),
    ("name", ctypes.c_char_p),
    ("metadata", ctypes.c_char_p),
    ("flags", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("children", ctypes.c_void_p),
    ("dictionary", ctypes.c_void_p),
    ("release", ctypes.CFUNCTYPE(None, ctypes.POINTER(_Schema))),
    ("private_data", ctypes.c_void_p),
]
_Array._fields_ = [
    ("length", ctypes.c_int64),
    ("null_count", ctypes.c_int64),
    ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.c_void_p),
    ("dictionary", ctypes.c_void_p),
    ("release", ctypes.CFUNCTYPE(None, ctypes.POINTER(_Array))),
    ("private_data", ctypes.c_void_p),
]
_Stream._fields_ = [
    (
        "get_schema",
        ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Stream), ctypes.POINTER(_Schema)),
    ),
    ("get_next", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Stream), ctypes.POINTER(_Array))),
    ("get_last_error", ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.POINTER(_Stream))),
    ("release", ctypes.CFUNCTYPE(None, ctypes.POINTER(_Stream))),
    ("private_data", ctypes.c_void_p),
]

_pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
_pointer_of.restype = ctypes.c_void_p
_pointer_of.argtypes = [ctypes.py_object, ctypes.c_char_p]


class _Owned:
    """A structure we asked a stream to fill, released when nothing reads its buffers any more."""

    def __init__(self, structure: Any) -> None:
        self.structure = structure

    def __del__(self) -> None:
        if self.structure.release:
            self.structure.release(ctypes.byref(self.structure))


def is_arrow(value: object) -> bool:
    """Whether the value offers its column through the Arrow C data interface."""
    return hasattr(value, "__arrow_c_array__") or hasattr(value, "__arrow_c_stream__")


def from_arrow(field: str, value: Any) -> npt.NDArray[Any]:
    """The column as a one-dimensional array; booleans as bool, nulls as NaN.

    Raises
    ------
    InvalidInput : naming `field`, where the column is not of a primitive type, or its stream fails
    """
    if hasattr(value, "__arrow_c_array__"):
        schema_capsule, array_capsule = value.__arrow_c_array__()
        schema = _Schema.from_address(_pointer_of(schema_capsule, b"arrow_schema"))
        array = _Array.from_address(_pointer_of(array_capsule, b"arrow_array"))
        return _column(field, _kind(field, schema), array, array_capsule)
    capsule = value.__arrow_c_stream__()
    stream = _Stream.from_address(_pointer_of(capsule, b"arrow_array_stream"))
    owned_schema = _Owned(_Schema())
    _pull(field, stream, stream.get_schema, owned_schema.structure)
    kind = _kind(field, owned_schema.structure)
    pieces = []
    while True:
        owner = _Owned(_Array())
        _pull(field, stream, stream.get_next, owner.structure)
        if not owner.structure.release:
            break
        pieces.append(_column(field, kind, owner.structure, owner))
    if not pieces:
        return np.empty(0)
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


def _pull(field: str, stream: _Stream, pull: Any, target: Any) -> None:
    code = pull(ctypes.byref(stream), ctypes.byref(target))
    if code != 0:
        raise InvalidInput(field, f"an Arrow stream that failed with code {code}", _RULE)


def _kind(field: str, schema: _Schema) -> bytes:
    """The format of a column that can be read."""
    kind: bytes = schema.format
    if schema.dictionary:
        # The format is then that of the indices, which are no numbers of the column.
        raise InvalidInput(field, "an Arrow column encoded by a dictionary", _RULE)
    if kind not in (_BOOLEAN, _NULL) and kind not in _TYPES:
        raise InvalidInput(field, f"an Arrow column of format {kind.decode()!r}", _RULE)
    return kind


def _column(field: str, kind: bytes, array: _Array, owner: object) -> npt.NDArray[Any]:
    length, offset = int(array.length), int(array.offset)
    if kind == _NULL:
        return np.full(length, np.nan)
    if length == 0:
        return np.empty(0, dtype=np.bool_ if kind == _BOOLEAN else _TYPES[kind])
    if kind == _BOOLEAN:
        values: npt.NDArray[Any] = _bits(array.buffers[1], offset, length, owner)
    else:
        dtype = np.dtype(_TYPES[kind])
        raw = _bytes(array.buffers[1], (offset + length) * dtype.itemsize, owner)
        values = raw.view(dtype)[offset:]
    if array.null_count == 0 or not array.buffers[0]:
        return values
    present = _bits(array.buffers[0], offset, length, owner)
    if present.all():
        return values
    if kind == _BOOLEAN:
        # A null is neither call nor put: objects, which the caller refuses.
        objects = values.astype(np.object_)
        objects[~present] = None
        return objects
    return np.where(present, values.astype(np.float64), np.nan)


def _bytes(address: int, count: int, owner: object) -> npt.NDArray[np.uint8]:
    raw = (ctypes.c_uint8 * count).from_address(address)
    raw.owner = owner  # type: ignore[attr-defined]  # keeps the buffers alive under the array
    return np.ctypeslib.as_array(raw)


def _bits(address: int, offset: int, length: int, owner: object) -> npt.NDArray[np.bool_]:
    packed = _bytes(address, (offset + length + 7) // 8, owner)
    return np.unpackbits(packed, bitorder="little")[offset : offset + length].astype(np.bool_)
