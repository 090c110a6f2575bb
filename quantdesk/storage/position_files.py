"""Positions files: CSV, JSON or Parquet into rows of text, whatever is in them.

A file has a header (or keys) `venue, instrument_name, quantity` and may have `average_price`,
`strategy`, `structure`, `account` and `currency`; others are named and passed over. Checks the
shape of the file only: what a cell says is judged where the market is known
(`portfolio.importing`).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from quantdesk.domain.position import PositionRow
from quantdesk.errors import ChainFileError, StorageError
from quantdesk.storage.chain_files.contents import read_contents

ROWS_MAX = 1_000_000
"""Ten times the largest book the desk is made for."""

COLUMNS_REQUIRED = ("venue", "instrument_name", "quantity")
COLUMNS = (
    *COLUMNS_REQUIRED,
    "average_price",
    "strategy",
    "structure",
    "account",
    "currency",
)
_ALIASES = {
    "settlement_currency": "currency",
    "strategy_tag": "strategy",
    "structure_tag": "structure",
}
_PARQUET_MAGIC = b"PAR1"
_JSON_BEGINNINGS = (b"[", b"{")
_BOM = b"\xef\xbb\xbf"

Cells = Mapping[str, str | None] | str
"""A record's cells by column; text alone says why there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionFile:
    """Rows of a positions file, in its order.

    layout : "csv", "json" or "parquet", told by content and not by the file's name
    ignored : columns that mean nothing here, in the file's order
    """

    path: str
    layout: str
    rows: tuple[PositionRow, ...]
    ignored: tuple[str, ...]


def read_position_file(path: Path) -> PositionFile:
    """The rows of `path` (gzip allowed for CSV and JSON).

    Raises StorageError where it can not be read, is no table, lacks a required column, names a
    column twice, or holds more than ROWS_MAX rows. A cell never raises: it is kept as text.
    """
    try:
        content = read_contents(path)
    except ChainFileError as error:
        # The same limits as of market files, told as what this file is.
        raise StorageError(str(error).replace("a market file", "a positions file")) from None
    if content.startswith(_PARQUET_MAGIC):
        layout, names, records = "parquet", *_read_parquet(path)
    elif content.removeprefix(_BOM).lstrip().startswith(_JSON_BEGINNINGS):
        layout, names, records = "json", *_read_json(path, content)
    else:
        layout, names, records = "csv", *_read_csv(path, content)
    columns = _columns(path, names)
    rows = tuple(_row(number, record, columns) for number, record in enumerate(records, start=1))
    ignored = tuple(name for name in names if name not in columns)
    return PositionFile(path=str(path), layout=layout, rows=rows, ignored=ignored)


def _row(number: int, record: Cells, columns: Mapping[str, str]) -> PositionRow:
    if isinstance(record, str):
        return PositionRow(row=number, fault=record)
    cells = {field: record.get(name) for name, field in columns.items()}
    return PositionRow(
        row=number,
        venue=cells["venue"],
        instrument_name=cells["instrument_name"],
        quantity=cells["quantity"],
        average_price=cells.get("average_price"),
        strategy=cells.get("strategy"),
        structure=cells.get("structure"),
        account=cells.get("account"),
        currency=cells.get("currency"),
    )


def _columns(path: Path, names: Sequence[str]) -> dict[str, str]:
    """Field of `PositionRow` by the file's own name of it."""
    columns: dict[str, str] = {}
    for name in names:
        word = name.strip().lower()
        field = _ALIASES.get(word, word)
        if field not in COLUMNS:
            continue
        if field in columns.values():
            raise StorageError(f"{path}: column {field} stands twice among {_listed(names)}")
        columns[name] = field
    missing = [name for name in COLUMNS_REQUIRED if name not in columns.values()]
    if missing:
        raise StorageError(
            f"{path}: no column {', '.join(missing)} among {_listed(names)}; "
            f"a positions file has {', '.join(COLUMNS_REQUIRED)}[, average_price, strategy]"
        )
    return columns


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name[:40]) for name in names[:12])
    return f"{shown}, …" if len(names) > 12 else shown or "none"


def _too_many(path: Path) -> StorageError:
    return StorageError(f"{path}: more than {ROWS_MAX} rows; split the book")


def _read_csv(path: Path, content: bytes) -> tuple[list[str], list[Cells]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise StorageError(f"{path}: not UTF-8 text at byte {error.start}") from None
    reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True)
    try:
        header = next(reader, [])
        if not any(name.strip() for name in header):
            raise StorageError(f"{path}: the first line must be a header of column names")
        return header, list(_csv_records(path, header, reader))
    except csv.Error as error:
        raise StorageError(f"{path}: line {reader.line_num} is not CSV: {error}") from None


def _csv_records(path: Path, header: Sequence[str], lines: Iterator[list[str]]) -> Iterator[Cells]:
    count = 0
    for cells in lines:
        if not any(cell.strip() for cell in cells):
            continue
        count += 1
        if count > ROWS_MAX:
            raise _too_many(path)
        # A long row keeps its place and is refused: its cells may be shifted. A short one is
        # refused by what it lacks.
        if len(cells) > len(header) and any(cell.strip() for cell in cells[len(header) :]):
            yield f"has {len(cells)} cells where the header has {len(header)}"
            continue
        yield dict(zip(header, cells, strict=False))


def _read_json(path: Path, content: bytes) -> tuple[list[str], list[Cells]]:
    """A list of objects, or an object whose `positions` is one. Numbers stay as written."""
    try:
        whole = json.loads(
            content.decode("utf-8-sig"), parse_float=str, parse_int=str, parse_constant=str
        )
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise StorageError(f"{path}: is not JSON: {error}") from None
    records = whole.get("positions") if isinstance(whole, dict) else whole
    if not isinstance(records, list):
        raise StorageError(f'{path}: must be a list of positions, or an object with "positions"')
    if len(records) > ROWS_MAX:
        raise _too_many(path)
    names: dict[str, None] = {}
    for record in records:
        if isinstance(record, dict):
            names.update(dict.fromkeys(record))
    if not records:
        names = dict.fromkeys(COLUMNS_REQUIRED)
    return list(names), [_json_cells(record) for record in records]


def _json_cells(record: object) -> Cells:
    """The object's cells as text; what is neither text nor number is not a cell."""
    if not isinstance(record, dict):
        return "is no object"
    return {name: cell if isinstance(cell, str) else None for name, cell in record.items()}


def _read_parquet(path: Path) -> tuple[list[str], list[Cells]]:
    settings: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "threads": 1,
    }
    try:
        with duckdb.connect(":memory:", config=settings) as connection:
            # DuckDB writes a float as its shortest text, so no digit is made up on the way.
            table = connection.execute(
                "SELECT COLUMNS(*)::VARCHAR FROM read_parquet(?) LIMIT ?",
                [str(path), ROWS_MAX + 1],
            )
            names = [column[0] for column in table.description or ()]
            found: list[tuple[Any, ...]] = table.fetchall()
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        raise StorageError(f"{path}: is no readable Parquet file: {reason}") from None
    if len(found) > ROWS_MAX:
        raise _too_many(path)
    return names, [dict(zip(names, cells, strict=True)) for cells in found]
