"""A structure's analysis as a table, JSON, NDJSON, CSV, Markdown, Parquet, TOML and one line."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from quantdesk.app.render.structure_record import LEG_FIELDS, SCHEMA, leg_rows, structure_record
from quantdesk.app.render.text_tables import aligned, markdown_table
from quantdesk.domain.times import format_instant
from quantdesk.margin.book_margin import BookMargin
from quantdesk.margin.portfolio_statement import PortfolioStatement
from quantdesk.structures.analysis import StructureAnalysis
from quantdesk.structures.exact_plan import exact_plan
from quantdesk.structures.text import format_line, format_toml
from quantdesk.views.portfolio_margin import portfolio_lines
from quantdesk.views.structure import (
    chance_table,
    heading,
    leg_table,
    margin_lines,
    note_lines,
    payoff_table,
    price_table,
    touch_line,
)

_JSON = msgspec.json.Encoder(decimal_format="number")

HEAD_FIELDS = ("structure", "venue", "underlying", "as_of", "index_price", "leg")
"""What every line of a flat format repeats, so that a line stands alone."""

Margin = BookMargin | None
Portfolio = PortfolioStatement | None


def structure_json(
    analysis: StructureAnalysis, margin: Margin, portfolio: Portfolio = None
) -> bytes:
    """One JSON object and a newline; prices and amounts are exact JSON numbers."""
    return _JSON.encode(structure_record(analysis, margin, portfolio)) + b"\n"


def _flat_rows(analysis: StructureAnalysis) -> list[dict[str, Any]]:
    head = {
        "structure": format_line(exact_plan(analysis.structure)),
        "venue": analysis.venue,
        "underlying": analysis.underlying,
        "as_of": format_instant(analysis.as_of_ns),
        "index_price": analysis.index,
    }
    return [head | {"leg": number} | row for number, row in enumerate(leg_rows(analysis), start=1)]


def structure_ndjson(analysis: StructureAnalysis, _: Margin, __: Portfolio = None) -> bytes:
    """One leg a line, each with the head's fields and the schema."""
    rows = _flat_rows(analysis)
    return b"".join(_JSON.encode({"schema": SCHEMA} | row) + b"\n" for row in rows)


def structure_csv(analysis: StructureAnalysis, _: Margin, __: Portfolio = None) -> bytes:
    """One leg a line with a header line; an empty cell is no value."""
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=[*HEAD_FIELDS, *LEG_FIELDS], lineterminator="\n")
    writer.writeheader()
    for row in _flat_rows(analysis):
        writer.writerow({name: _cell(value) for name, value in row.items()})
    return out.getvalue().encode()


def _cell(value: Any) -> Any:
    return f"{value:f}" if isinstance(value, Decimal) else value


def structure_parquet(
    analysis: StructureAnalysis, margin: Margin, portfolio: Portfolio = None
) -> bytes:
    """The rows of the CSV with typed columns; the JSON object as metadata."""
    from quantdesk.storage.export import write_parquet  # noqa: PLC0415  (a database, here only)

    rows = _flat_rows(analysis)
    columns = {
        name: [float(row[name]) if isinstance(row[name], Decimal) else row[name] for row in rows]
        for name in (*HEAD_FIELDS, *LEG_FIELDS)
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "structure.parquet"
        write_parquet(
            path, columns, metadata={SCHEMA: structure_json(analysis, margin, portfolio).decode()}
        )
        return path.read_bytes()


def structure_table(
    analysis: StructureAnalysis, margin: Margin, portfolio: Portfolio = None
) -> bytes:
    """Aligned text for a terminal."""
    lines = [heading(analysis), format_line(exact_plan(analysis.structure))]
    tables = (leg_table, price_table, payoff_table, chance_table)
    for table in (make(analysis) for make in tables):
        if table.rows:
            lines += ["", table.title, *aligned(table)]
    lines += ["", *_closing(analysis, margin, portfolio)]
    return ("\n".join(lines).rstrip() + "\n").encode()


def structure_markdown(
    analysis: StructureAnalysis, margin: Margin, portfolio: Portfolio = None
) -> bytes:
    """Headings and tables."""
    lines = [f"# {heading(analysis)}", "", f"`{format_line(exact_plan(analysis.structure))}`"]
    tables = (leg_table, price_table, payoff_table, chance_table)
    for table in (make(analysis) for make in tables):
        if table.rows:
            lines += ["", f"## {table.title}", "", *markdown_table(table)]
    lines += ["", *(f"- {line}" for line in _closing(analysis, margin, portfolio))]
    return ("\n".join(lines).rstrip() + "\n").encode()


def _closing(analysis: StructureAnalysis, margin: Margin, portfolio: Portfolio) -> list[str]:
    touched = touch_line(analysis)
    return [
        *([touched] if touched else []),
        *margin_lines(margin),
        *portfolio_lines(portfolio),
        *note_lines(analysis),
    ]


def structure_toml(analysis: StructureAnalysis, _: Margin, __: Portfolio = None) -> bytes:
    """The exact legs as a structure file that every verb reads."""
    return format_toml(exact_plan(analysis.structure)).encode()


def structure_line(analysis: StructureAnalysis, _: Margin, __: Portfolio = None) -> bytes:
    """The exact legs as one line that every verb reads."""
    return f"{format_line(exact_plan(analysis.structure))}\n".encode()


STRUCTURE_FORMATS: dict[str, Callable[[StructureAnalysis, Margin, Portfolio], bytes]] = {
    "table": structure_table,
    "json": structure_json,
    "ndjson": structure_ndjson,
    "csv": structure_csv,
    "parquet": structure_parquet,
    "md": structure_markdown,
    "toml": structure_toml,
    "line": structure_line,
}
"""Each format's writer, by the name that `--format` takes."""
