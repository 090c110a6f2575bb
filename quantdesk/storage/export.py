"""Columns out to Parquet, written whole or not at all.

DuckDB does the writing, in memory and without extensions from the network. Knows no chain: whoever
calls decides names, units and order.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from quantdesk.errors import InvalidInput, StorageError
from quantdesk.storage.whole_files import draft_of

Column = Sequence[float | int | str | bool | None] | NDArray[Any]

_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    # One thread keeps the row groups, and so the file's bytes, the same each time.
    "threads": 1,
}
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)
_INT64 = np.iinfo(np.int64)
_DOUBLE, _BIGINT, _BOOLEAN, _TEXT, _INSTANT = (
    "DOUBLE",
    "BIGINT",
    "BOOLEAN",
    "VARCHAR",
    "TIMESTAMPTZ_NS",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    values: NDArray[Any]
    sql_type: str


def write_parquet(
    path: Path, columns: Mapping[str, Column], metadata: Mapping[str, str] | None = None
) -> int:
    """Write `columns` to `path` as Parquet (zstd), replacing what is there; returns the rows.

    The file appears whole or not at all: it is written beside `path`, synced and renamed.

    Parameters
    ----------
    columns : name -> values, all of one length, in the order of the file. Sequences of float, int,
        bool or str, in which None is NULL (None alone: float); or arrays (n,) of numbers, bools,
        text or, for UTC instants, datetime64, stored to the nanosecond and marked as UTC. NaN and
        NaT are NULL.
    metadata : key -> text, kept in the file's footer

    Raises InvalidInput on a column that is none of these, StorageError where it can not be written.
    """
    if not columns:
        raise InvalidInput("columns", {}, "must hold at least one column")
    prepared = {name: _prepare(name, values) for name, values in columns.items()}
    lengths = {name: len(column.values) for name, column in prepared.items()}
    rows = next(iter(lengths.values()))
    for name, length in lengths.items():
        if length != rows:
            raise InvalidInput(name, length, f"values, where the first column has {rows}")
    target = path.resolve()
    if target.exists() and not target.is_file():
        what = "a folder" if target.is_dir() else "no regular file"
        raise StorageError(f"{path}: is {what}; give a file name")
    try:
        with draft_of(target, is_durable=True) as draft:
            _copy_to(draft, prepared, metadata or {})
    except duckdb.Error as error:
        raise StorageError(f"{path}: can not be written: {str(error).splitlines()[0]}") from error
    except OSError as error:
        raise StorageError(f"{path}: can not be written: {error.strerror}") from error
    return rows


def _prepare(name: str, values: Column) -> _Prepared:
    if _NAME.fullmatch(name) is None:
        raise InvalidInput("columns", name, "must be named in lower case, digits and underscores")
    if isinstance(values, np.ndarray):
        return _prepare_array(name, values)
    return _prepare_sequence(name, values)


def _prepare_array(name: str, values: NDArray[Any]) -> _Prepared:
    if values.ndim != 1:
        raise InvalidInput(name, values.shape, "must have one dimension")
    match values.dtype.kind:
        case "f":
            return _Prepared(values=values.astype(np.float64), sql_type=_DOUBLE)
        case "i" | "u" if values.dtype != np.uint64:
            return _Prepared(values=values.astype(np.int64), sql_type=_BIGINT)
        case "b":
            return _Prepared(values=values, sql_type=_BOOLEAN)
        case "U":
            return _Prepared(values=values.astype(np.object_), sql_type=_TEXT)
        case "M":
            return _Prepared(values=values.astype("datetime64[ns]"), sql_type=_INSTANT)
        case "O":
            return _prepare_sequence(name, values.tolist())
        case _:
            raise InvalidInput(name, str(values.dtype), "is of a type that is not written")


def _prepare_sequence(name: str, values: Sequence[object]) -> _Prepared:
    types = {type(value) for value in values if value is not None}
    if types == {str}:
        return _Prepared(values=np.array(values, dtype=np.object_), sql_type=_TEXT)
    if types == {bool}:
        return _Prepared(values=np.array(values, dtype=np.object_), sql_type=_BOOLEAN)
    if types == {int}:
        return _prepare_integers(name, values)
    if types <= {float, int}:
        return _Prepared(values=np.array(values, dtype=np.float64), sql_type=_DOUBLE)
    words = ", ".join(sorted(one.__name__ for one in types))
    raise InvalidInput(name, words, "must be all float, all int, all bool or all str")


def _prepare_integers(name: str, values: Sequence[object]) -> _Prepared:
    absent = [value is None for value in values]
    filled = [value if isinstance(value, int) else 0 for value in values]
    if not _INT64.min <= min(filled) <= max(filled) <= _INT64.max:
        raise InvalidInput(name, max(filled, key=abs), "must fit 64 bits")
    # Masked, since a float has no room for a nanosecond.
    integers = np.ma.MaskedArray(np.array(filled, dtype=np.int64), mask=absent)
    return _Prepared(values=integers, sql_type=_BIGINT)


def _copy_to(path: Path, columns: Mapping[str, _Prepared], metadata: Mapping[str, str]) -> None:
    selected = ", ".join(
        f'"{name}"::{column.sql_type} AS "{name}"' for name, column in columns.items()
    )
    options = ["FORMAT parquet", "COMPRESSION zstd"]
    if metadata:
        pairs = ", ".join(f"{_quoted(key)}: {_quoted(text)}" for key, text in metadata.items())
        options.append(f"KV_METADATA {{{pairs}}}")
    with duckdb.connect(":memory:", config=_SETTINGS) as connection:
        connection.register("columns_", {name: column.values for name, column in columns.items()})
        connection.execute(
            f"COPY (SELECT {selected} FROM columns_) TO {_quoted(str(path))} ({', '.join(options)})"
        ).fetchall()


def _quoted(text: str) -> str:
    """`text` as an SQL literal: COPY takes no parameters."""
    return "'" + text.replace("'", "''") + "'"
