"""A book's margin as a table, JSON, CSV, Markdown and Parquet."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from quantdesk.app.render.margin_record import FLAT_FIELDS, SCHEMA, flat_rows, margin_record
from quantdesk.app.render.text_tables import aligned, markdown_table, markdown_text
from quantdesk.domain.position import RefusedRow
from quantdesk.domain.times import format_instant
from quantdesk.margin.book_margin import BookMargin
from quantdesk.views.margin import margin_view

_JSON = msgspec.json.Encoder(decimal_format="number")


def margin_json(margin: BookMargin, refused: Sequence[RefusedRow]) -> bytes:
    """One JSON object and a newline; amounts are exact JSON numbers."""
    return _JSON.encode(margin_record(margin, refused)) + b"\n"


def margin_csv(margin: BookMargin, refused: Sequence[RefusedRow]) -> bytes:
    """Legs, totals, venue figures and exclusions, told apart by `kind`; an empty cell is None."""
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=FLAT_FIELDS, lineterminator="\n")
    writer.writeheader()
    for row in flat_rows(margin, refused):
        writer.writerow({name: _csv_cell(value) for name, value in row.items()})
    return out.getvalue().encode()


def _csv_cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def margin_parquet(margin: BookMargin, refused: Sequence[RefusedRow]) -> bytes:
    """The rows of the CSV with typed columns; amounts are floats."""
    from quantdesk.storage.export import write_parquet  # noqa: PLC0415  (a database, here only)

    rows = flat_rows(margin, refused)
    columns = {name: [_parquet_cell(name, row[name]) for row in rows] for name in FLAT_FIELDS}
    header = {"schema": SCHEMA, "source": margin.source, "as_of": format_instant(margin.as_of_ns)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "margin.parquet"
        write_parquet(path, columns, metadata={SCHEMA: _JSON.encode(header).decode()})
        return path.read_bytes()


def _parquet_cell(name: str, value: Any) -> float | int | str | None:
    if name == "quantity" and isinstance(value, str):
        # A refused row's quantity is whatever was written there: no number to compute with.
        return None
    return float(value) if isinstance(value, Decimal) else value


def margin_table(margin: BookMargin, refused: Sequence[RefusedRow]) -> bytes:
    """Aligned text: totals, legs, what was left out, and the rules with their status."""
    view = margin_view(margin, refused)
    lines = [view.heading]
    if view.sentence:
        lines.append(view.sentence)
    for table in view.tables:
        lines += ["", table.title, *aligned(table)]
    if view.rules:
        lines += ["", "Rules (no offsets: a long option covers no short one)", *view.rules]
    return ("\n".join(lines) + "\n").encode()


def margin_markdown(margin: BookMargin, refused: Sequence[RefusedRow]) -> bytes:
    """Headings and tables."""
    view = margin_view(margin, refused)
    lines = [f"# {markdown_text(view.heading)}"]
    if view.sentence:
        lines += ["", f"**{markdown_text(view.sentence)}**"]
    for table in view.tables:
        lines += ["", f"## {markdown_text(table.title)}", "", *markdown_table(table)]
    if view.rules:
        lines += ["", "## Rules", "", "No offsets: a long option covers no short one.", ""]
        lines += [f"- {markdown_text(rule)}" for rule in view.rules]
    return ("\n".join(lines) + "\n").encode()


MARGIN_FORMATS: dict[str, Callable[[BookMargin, Sequence[RefusedRow]], bytes]] = {
    "table": margin_table,
    "json": margin_json,
    "csv": margin_csv,
    "parquet": margin_parquet,
    "md": margin_markdown,
}
"""Each format's writer, by the name that `--format` takes."""
