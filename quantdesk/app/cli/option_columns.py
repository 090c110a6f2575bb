"""Options given on the command line, one by its options or many by a file, and their results.

Shared by the verbs price, greeks and iv. A file has columns with the names of the options
(`option_type` or `is_call`, `forward`, `strike`, `years`, …); others are passed through.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
import numpy as np
import numpy.typing as npt

from quantdesk.app.cli.options import output_options
from quantdesk.app.cli.output import write_output
from quantdesk.app.render.option_formats import OPTION_FORMATS, Cell, format_options
from quantdesk.errors import ConfigError, StorageError
from quantdesk.storage.option_files import OptionFile, parse_option_csv, read_option_file

Command = TypeVar("Command", bound=Callable[..., Any])
FloatArray = npt.NDArray[np.float64]

_CALLS = {"call": True, "c": True, "true": True, "1": True}
_PUTS = {"put": False, "p": False, "false": False, "0": False}
_KINDS = _CALLS | _PUTS
_UNITS = {
    "price": "Of the option, in what --premium says.",
    "forward": "Of the expiry, in quote currency.",
    "strike": "In quote currency.",
    "years": "To expiry, ACT/365.",
    "vol": "0.65 is 65 %.",
}


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
    """The options --type, one for each of `numbers`, --rate, --file, --format, --output."""

    def decorate(function: Command) -> Command:
        function = output_options(OPTION_FORMATS)(function)
        function = click.option(
            "--file",
            type=click.Path(path_type=Path, allow_dash=True),
            help="CSV, JSON, NDJSON or Parquet with columns of these names and option_type (or "
            "is_call), one option a row; - reads CSV from standard input.",
        )(function)
        function = click.option(
            "--rate",
            type=float,
            default=0.0,
            show_default=True,
            help="Continuously compounded, for discounting only.",
        )(function)
        for name in reversed(numbers):
            function = click.option(f"--{name}", type=float, help=_UNITS[name])(function)
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
    if str(file) == "-":
        try:
            found = parse_option_csv("standard input", sys.stdin.read().removeprefix("\ufeff"))
        except UnicodeDecodeError as error:
            raise StorageError(f"standard input: can not be read: {error}") from error
    else:
        found = read_option_file(file)
    cells = found.columns
    kind = "is_call" if "is_call" in cells else "option_type"
    missing = [name for name in (kind, *names) if name not in cells]
    if missing:
        raise ConfigError(f"{file}: no column {', '.join(missing)} in {', '.join(cells)}")
    numbers = {name: _numbers(file, found, name) for name in names}
    rows = len(cells[kind])
    numbers["rate"] = _numbers(file, found, "rate") if "rate" in cells else np.full(rows, rate)
    return OptionColumns(is_call=_kinds(file, found, kind), numbers=numbers, passed=cells)


def _numbers(file: Path, found: OptionFile, name: str) -> FloatArray:
    cells = found.columns[name]
    values = np.empty(len(cells))
    for row, cell in enumerate(cells):
        try:
            values[row] = float(cell) if cell.strip() else math.nan
        except ValueError:
            raise ConfigError(
                f"{file}: {found.unit} {row + found.first}: {name} = {cell!r}: must be a number"
            ) from None
    return values


def _kinds(file: Path, found: OptionFile, name: str) -> npt.NDArray[np.bool_]:
    cells = found.columns[name]
    values = np.empty(len(cells), dtype=np.bool_)
    for row, cell in enumerate(cells):
        kind = _KINDS.get(cell.strip().lower())
        if kind is None:
            raise ConfigError(
                f"{file}: {found.unit} {row + found.first}: {name} = {cell!r}: must be call or put"
            )
        values[row] = kind
    return values


def write_results(
    columns: OptionColumns,
    results: Mapping[str, Sequence[Cell]],
    format_: str,
    output: Path | None,
) -> None:
    """Write the rows with their results; NaN is an empty cell, or null in JSON.

    Parameters
    ----------
    columns : what was computed from
    results : by name, each of as many rows
    format_ : of `OPTION_FORMATS`
    output : a file, standard output where None
    """
    given: dict[str, Sequence[Cell]] = {
        # What was read as numbers is written as numbers.
        name: columns.numbers[name].tolist() if name in columns.numbers else list(cells)
        for name, cells in columns.passed.items()
        if name not in results
    }
    if not given:
        given["option_type"] = ["call" if is_call else "put" for is_call in columns.is_call]
        given.update({name: values.tolist() for name, values in columns.numbers.items()})
    table = {name: [_plain(cell) for cell in cells] for name, cells in {**given, **results}.items()}
    data = format_options(table, format_)
    write_output(data, output, is_binary=format_ == "parquet")


def tell_left_out(column: FloatArray) -> None:
    """Say on standard error how many rows of a file have no result, and which is the first."""
    absent = np.flatnonzero(np.isnan(column))
    if absent.size:
        click.echo(
            f"{absent.size} of {column.size} rows are outside the domain (forward and strike above "
            f"0, years and vol 0 or more) and have no result; the first is row {absent[0] + 1}",
            err=True,
        )


def _plain(cell: Cell) -> Cell:
    return None if isinstance(cell, float) and not math.isfinite(cell) else cell
