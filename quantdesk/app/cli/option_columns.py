"""Options given on the command line, one by its options or many by a CSV file, and their results.

Shared by the verbs price, greeks and iv. A file has a header with the names of the options
(`option_type` or `is_call`, `forward`, `strike`, `years`, …); other columns are passed through.
"""

from __future__ import annotations

import csv
import io
import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
import numpy as np
import numpy.typing as npt

from quantdesk.errors import ConfigError, StorageError

Command = TypeVar("Command", bound=Callable[..., Any])
FloatArray = npt.NDArray[np.float64]

_CALLS = {"call": True, "c": True, "true": True, "1": True}
_PUTS = {"put": False, "p": False, "false": False, "0": False}
_KINDS = _CALLS | _PUTS


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionColumns:
    """Rows to compute.

    Attributes
    ----------
    is_call : bool array (n,)
    numbers : float64 arrays (n,) by name
    passed : the file's own cells by column, put before the results
    """

    is_call: npt.NDArray[np.bool_]
    numbers: Mapping[str, FloatArray]
    passed: Mapping[str, Sequence[str]]


def option_arguments(*numbers: str) -> Callable[[Command], Command]:
    """The options --type, one for each of `numbers`, --rate, --file, --format."""

    def decorate(function: Command) -> Command:
        function = click.option(
            "--format",
            "format_",
            type=click.Choice(["table", "json", "ndjson", "csv"]),
            default="table",
            show_default=True,
        )(function)
        function = click.option(
            "--file",
            type=click.Path(path_type=Path, allow_dash=True),
            help="CSV with a header of these names and option_type, one option a row; - reads "
            "standard input.",
        )(function)
        function = click.option("--rate", type=float, default=0.0, show_default=True)(function)
        for name in reversed(numbers):
            function = click.option(f"--{name}", type=float)(function)
        return click.option("--type", "option_type", type=click.Choice(["call", "put"]))(function)

    return decorate


def parse_options(
    file: Path | None, option_type: str | None, rate: float, numbers: Mapping[str, float | None]
) -> OptionColumns:
    """Columns from the file, or one row from the options.

    Raises ConfigError for what is missing or not a number, StorageError for a file that can not
    be read.
    """
    if file is not None:
        given = [f"--{name}" for name, value in numbers.items() if value is not None]
        if option_type is not None or given:
            raise ConfigError(f"--file does not go with {', '.join(given or ['--type'])}")
        return _read(file, tuple(numbers), rate)
    missing = [f"--{name}" for name, value in numbers.items() if value is None]
    if option_type is None:
        missing.insert(0, "--type")
    if missing:
        raise ConfigError(f"missing {', '.join(missing)}; give each, or a --file")
    columns = {name: np.array([value], dtype=np.float64) for name, value in numbers.items()}
    columns["rate"] = np.array([rate])
    return OptionColumns(is_call=np.array([option_type == "call"]), numbers=columns, passed={})


def _read(file: Path, names: tuple[str, ...], rate: float) -> OptionColumns:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"{file}: can not be read: {error}") from error
    rows = list(csv.reader(io.StringIO(text)))
    if not rows:
        raise ConfigError(f"{file}: is empty; a header of column names is due")
    header, *body = rows
    for number, row in enumerate(body, start=2):
        if len(row) != len(header):
            raise ConfigError(f"{file}: line {number} has {len(row)} cells, not {len(header)}")
    cells = {name: [row[place] for row in body] for place, name in enumerate(header)}
    kind = "is_call" if "is_call" in cells else "option_type"
    missing = [name for name in (kind, *names) if name not in cells]
    if missing:
        raise ConfigError(f"{file}: no column {', '.join(missing)} in {', '.join(header)}")
    numbers = {name: _numbers(file, name, cells[name]) for name in names}
    numbers["rate"] = (
        _numbers(file, "rate", cells["rate"]) if "rate" in cells else np.full(len(body), rate)
    )
    return OptionColumns(is_call=_kinds(file, kind, cells[kind]), numbers=numbers, passed=cells)


def _numbers(file: Path, name: str, cells: Sequence[str]) -> FloatArray:
    values = np.empty(len(cells))
    for row, cell in enumerate(cells):
        try:
            values[row] = float(cell) if cell.strip() else math.nan
        except ValueError:
            raise ConfigError(
                f"{file}: line {row + 2}: {name} = {cell!r}: must be a number"
            ) from None
    return values


def _kinds(file: Path, name: str, cells: Sequence[str]) -> npt.NDArray[np.bool_]:
    values = np.empty(len(cells), dtype=np.bool_)
    for row, cell in enumerate(cells):
        kind = _KINDS.get(cell.strip().lower())
        if kind is None:
            raise ConfigError(f"{file}: line {row + 2}: {name} = {cell!r}: must be call or put")
        values[row] = kind
    return values


def format_results(
    columns: OptionColumns, results: Mapping[str, Sequence[float | str | None]], format_: str
) -> bytes:
    """The rows with their results, as text; NaN is an empty cell, or null in JSON.

    Parameters
    ----------
    columns : what was computed from
    results : by name, each of as many rows
    format_ : table, json, ndjson or csv
    """
    given: dict[str, Sequence[float | str | None]] = {
        name: list(cells) for name, cells in columns.passed.items() if name not in results
    }
    if not given:
        given["option_type"] = ["call" if is_call else "put" for is_call in columns.is_call]
        given.update({name: values.tolist() for name, values in columns.numbers.items()})
    table = {name: [_plain(cell) for cell in cells] for name, cells in {**given, **results}.items()}
    rows = [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]
    if format_ == "json":
        return (
            json.dumps({"schema": "quantdesk.options/1", "rows": rows}, indent=2) + "\n"
        ).encode()
    if format_ == "ndjson":
        return "".join(json.dumps(row) + "\n" for row in rows).encode()
    if format_ == "csv":
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(table)
        writer.writerows(["" if cell is None else cell for cell in row.values()] for row in rows)
        return out.getvalue().encode()
    return _aligned(table).encode()


def _plain(cell: float | str | None) -> float | str | None:
    return None if isinstance(cell, float) and not math.isfinite(cell) else cell


def _aligned(table: Mapping[str, Sequence[float | str | None]]) -> str:
    texts = {
        name: [name, *("-" if cell is None else _short(cell) for cell in cells)]
        for name, cells in table.items()
    }
    widths = {name: max(map(len, cells)) for name, cells in texts.items()}
    lines = zip(
        *([cell.rjust(widths[name]) for cell in cells] for name, cells in texts.items()),
        strict=True,
    )
    return "\n".join("  ".join(line).rstrip() for line in lines) + "\n"


def _short(cell: float | str) -> str:
    if isinstance(cell, float):
        return f"{cell:.10g}"
    # Cells of a file are outside text: nothing in them may steer a terminal.
    return "".join(c if c.isprintable() else "�" for c in cell)
