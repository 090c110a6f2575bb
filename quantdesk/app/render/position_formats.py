"""Positions as a table, JSON, CSV, Markdown and Parquet."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from quantdesk.app.render.position_record import LEG_FIELDS, SCHEMA, leg_record, positions_record
from quantdesk.app.render.text_tables import markdown_text, piped
from quantdesk.domain.position import RefusedRow
from quantdesk.market.market_data import MarketData
from quantdesk.portfolio.valued_positions import PositionBranch, ValuedPosition
from quantdesk.views.positions import positions_view
from quantdesk.views.safe_text import safe_text
from quantdesk.views.table import TableView, fitted_text

_JSON = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionsShown:
    """What is written: legs in the book's order, the tree of them, refused rows, the market."""

    legs: tuple[ValuedPosition, ...]
    root: PositionBranch
    refused: tuple[RefusedRow, ...]
    market: MarketData


def positions_json(shown: PositionsShown) -> bytes:
    """One JSON object and a newline; amounts are exact JSON numbers."""
    record = positions_record(shown.legs, shown.root, shown.refused, shown.market)
    return _JSON.encode(record) + b"\n"


def positions_csv(shown: PositionsShown) -> bytes:
    """One position a line; an empty cell is no value. Refused rows are on standard error."""
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=LEG_FIELDS, lineterminator="\n")
    writer.writeheader()
    for leg in shown.legs:
        writer.writerow({name: _csv_cell(value) for name, value in leg_record(leg).items()})
    return out.getvalue().encode()


def _csv_cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def positions_parquet(shown: PositionsShown) -> bytes:
    """The lines of the CSV with typed columns; amounts are floats."""
    from quantdesk.storage.export import write_parquet  # noqa: PLC0415  (a database, here only)

    rows = [leg_record(leg) for leg in shown.legs]
    columns = {
        name: [float(row[name]) if isinstance(row[name], Decimal) else row[name] for row in rows]
        for name in LEG_FIELDS
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "positions.parquet"
        write_parquet(path, columns, metadata={SCHEMA: shown.market.source})
        return path.read_bytes()


def positions_table(shown: PositionsShown) -> bytes:
    """The tree as aligned text, units under the titles."""
    view = positions_view(shown.root, shown.refused)
    lines = [safe_text(shown.market.source, 200), *_text_lines(view)]
    return ("\n".join(lines) + "\n").encode()


def _text_lines(view: TableView) -> list[str]:
    rows = [
        [column.title for column in view.columns],
        [column.unit for column in view.columns],
        *([cell.text for cell in line.cells] for line in view.lines),
    ]
    # The last column may be a sentence: it is not cut.
    fitted = [
        [
            fitted_text(text, column.width, column.align)
            for text, column in zip(row[:-1], view.columns[:-1], strict=True)
        ]
        for row in rows
    ]
    return ["  ".join([*cells, row[-1]]).rstrip() for cells, row in zip(fitted, rows, strict=True)]


def positions_markdown(shown: PositionsShown) -> bytes:
    """The tree as one Markdown table."""
    view = positions_view(shown.root, shown.refused)
    titles = [f"{one.title} {one.unit}".strip() for one in view.columns]
    rules = ["---:" if one.align.value == "right" else "---" for one in view.columns]
    lines = [f"# Positions, {markdown_text(shown.market.source)}", "", piped(titles), piped(rules)]
    lines += [piped([cell.text.replace("  ", "· ") for cell in line.cells]) for line in view.lines]
    return ("\n".join(lines) + "\n").encode()


POSITION_FORMATS: dict[str, Callable[[PositionsShown], bytes]] = {
    "table": positions_table,
    "json": positions_json,
    "csv": positions_csv,
    "parquet": positions_parquet,
    "md": positions_markdown,
}
"""Each format's writer, by the name that `--format` takes."""
