"""Files of options to compute: CSV, JSON, NDJSON or Parquet into columns of text.

Every cell is kept as it is written, absent ones as "": what a cell says is judged by who computes.
JSON is a list of objects, or an object whose `rows` is one, as our own output is.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from quantdesk.errors import ConfigError, StorageError

ROWS_MAX = 10_000_000
"""More rows than a machine of a desk has chains for."""

_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "threads": 1,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionFile:
    """Columns of text, all of one length.

    Attributes
    ----------
    columns : cells by column name, in the order of the file; "" where there is none
    first : number of the first row, as the file's reader counts: 2 after a CSV header, else 1
    unit : what is counted: line or row
    """

    columns: Mapping[str, Sequence[str]]
    first: int
    unit: str


def read_option_file(path: Path) -> OptionFile:
    """Read by the name's ending: .json, .ndjson or .jsonl, .parquet, all else CSV.

    Raises StorageError where it can not be read, ConfigError where its shape is not understood.
    """
    ending = path.suffix.lower()
    if ending == ".parquet":
        return _parquet(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"{path}: can not be read: {error}") from error
    if ending == ".json":
        return _json(str(path), text)
    if ending in {".ndjson", ".jsonl"}:
        return _ndjson(str(path), text)
    return parse_option_csv(str(path), text)


def parse_option_csv(name: str, text: str) -> OptionFile:
    """Columns of CSV text with a header; `name` is what messages call it.

    Raises ConfigError for text without a header, or a line of another length.
    """
    try:
        rows = [row for row in csv.reader(io.StringIO(text), strict=True) if row]
    except csv.Error as error:
        raise ConfigError(f"{name}: is not CSV: {error}") from None
    if not rows:
        raise ConfigError(f"{name}: is empty; a header of column names is due")
    header, *body = rows
    if len(set(header)) != len(header):
        raise ConfigError(f"{name}: names a column twice in {', '.join(header)}")
    for number, row in enumerate(body, start=2):
        if len(row) != len(header):
            raise ConfigError(f"{name}: line {number} has {len(row)} cells, not {len(header)}")
    columns = {column: [row[place] for row in body] for place, column in enumerate(header)}
    return OptionFile(columns=columns, first=2, unit="line")


def _json(name: str, text: str) -> OptionFile:
    whole = _parsed(name, text)
    records = whole.get("rows") if isinstance(whole, dict) else whole
    if not isinstance(records, list):
        raise ConfigError(f'{name}: must be a list of options, or an object with "rows"')
    return _from_records(name, records)


def _ndjson(name: str, text: str) -> OptionFile:
    lines = [line for line in text.splitlines() if line.strip()]
    return _from_records(name, [_parsed(name, line) for line in lines])


def _parsed(name: str, text: str) -> Any:
    try:
        # Numbers stay as written: no digit is made up on the way.
        return json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ConfigError(f"{name}: is not JSON: {error}") from None


def _from_records(name: str, records: Sequence[object]) -> OptionFile:
    names: dict[str, None] = {}
    for number, record in enumerate(records, start=1):
        if not isinstance(record, dict):
            raise ConfigError(f"{name}: row {number} must be an object of names and values")
        names.update(dict.fromkeys(record))
    columns = {
        column: [_cell(record.get(column)) for record in records if isinstance(record, dict)]
        for column in names
    }
    return OptionFile(columns=columns, first=1, unit="row")


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value)


def _parquet(path: Path) -> OptionFile:
    try:
        with duckdb.connect(":memory:", config=_SETTINGS) as connection:
            table = connection.execute(
                "SELECT COLUMNS(*)::VARCHAR FROM read_parquet(?) LIMIT ?",
                [str(path), ROWS_MAX],
            )
            names = [column[0] for column in table.description or ()]
            found: list[tuple[str | None, ...]] = table.fetchall()
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        raise StorageError(f"{path}: is no readable Parquet file: {reason}") from None
    columns = {name: [row[place] or "" for row in found] for place, name in enumerate(names)}
    return OptionFile(columns=columns, first=1, unit="row")
