"""The answer of `quantdesk margin` in every format: standard, portfolio or both, with a ticket."""

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

from quantdesk.app.render.margin_formats import margin_markdown, margin_table
from quantdesk.app.render.margin_record import (
    FLAT_FIELDS,
    excluded_records,
    flat_rows,
    margin_record,
)
from quantdesk.app.render.margin_record import SCHEMA as MARGIN_SCHEMA
from quantdesk.app.render.portfolio_record import SCHEMA as PORTFOLIO_SCHEMA
from quantdesk.app.render.portfolio_record import change_records, portfolio_record
from quantdesk.app.render.portfolio_rows import PORTFOLIO_FIELDS, change_rows, portfolio_rows
from quantdesk.app.render.text_tables import aligned, markdown_table, markdown_text
from quantdesk.domain.position import RefusedRow
from quantdesk.domain.times import format_instant
from quantdesk.margin import BookMargin
from quantdesk.margin.margin_change import MarginChange
from quantdesk.margin.portfolio_statement import PortfolioStatement
from quantdesk.views.margin import TextTable
from quantdesk.views.portfolio_margin import (
    change_table,
    excluded_table,
    label_text,
    parameter_table,
    portfolio_tables,
)
from quantdesk.views.safe_text import safe_text
from quantdesk.views.time_text import instant_text

_JSON = msgspec.json.Encoder(decimal_format="number")

BINANCE_NOTE = "Binance: no portfolio margin for options is established; its standard margin counts"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginAnswer:
    """What was asked of a book's margin; at least one of `standard` and `portfolio` is there.

    ticket : the legs of a hypothetical ticket as a line, "" for none; `changes` are what it does
    warnings : what was bent to make it;  missed : legs that its changes miss, in sentences
    """

    standard: BookMargin | None
    portfolio: PortfolioStatement | None
    refused: tuple[RefusedRow, ...] = ()
    ticket: str = ""
    warnings: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()
    changes: tuple[MarginChange, ...] = ()


def answer_record(answer: MarginAnswer) -> dict[str, Any]:
    """One JSON object: the standard record, with the portfolio's inside it, or the latter alone."""
    standard, portfolio = answer.standard, answer.portfolio
    if standard is not None:
        record = margin_record(standard, answer.refused)
        if portfolio is not None:
            record["portfolio"] = portfolio_record(portfolio)
    else:
        assert portfolio is not None
        record = portfolio_record(portfolio)
        record["is_complete"] = portfolio.is_complete and not answer.refused
        record["excluded"] = excluded_records(portfolio.excluded, answer.refused)
    if answer.ticket:
        record["hypothetical"] = {
            "ticket": answer.ticket,
            "warnings": list(answer.warnings),
            "missed": list(answer.missed),
            "changes": change_records(answer.changes),
        }
    return record


def answer_json(answer: MarginAnswer) -> bytes:
    """One JSON object and a newline."""
    return _JSON.encode(answer_record(answer)) + b"\n"


def _fields(answer: MarginAnswer) -> tuple[str, ...]:
    is_plain = answer.portfolio is None and not answer.ticket
    return FLAT_FIELDS if is_plain else (*FLAT_FIELDS, *PORTFOLIO_FIELDS)


def _rows(answer: MarginAnswer) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    if answer.standard is not None:
        rows += flat_rows(answer.standard, answer.refused)
    else:
        rows += [{"kind": "excluded", **one} for one in excluded_records((), answer.refused)]
    if answer.portfolio is not None:
        rows += portfolio_rows(answer.portfolio)
    rows += change_rows(answer.changes)
    fields = _fields(answer)
    return [{name: row.get(name) for name in fields} for row in rows]


def answer_csv(answer: MarginAnswer) -> bytes:
    """One thing a line, told apart by `kind`; an empty cell is no value."""
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=_fields(answer), lineterminator="\n")
    writer.writeheader()
    for row in _rows(answer):
        writer.writerow({name: _csv_cell(value) for name, value in row.items()})
    return out.getvalue().encode()


def _csv_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def answer_parquet(answer: MarginAnswer) -> bytes:
    """The rows of the CSV with typed columns; amounts are floats."""
    from quantdesk.storage.export import write_parquet  # noqa: PLC0415  (a database, here only)

    rows = _rows(answer)
    columns = {name: [_parquet_cell(name, row[name]) for row in rows] for name in _fields(answer)}
    source, as_of_ns = _origin(answer)
    schema = PORTFOLIO_SCHEMA if answer.standard is None else MARGIN_SCHEMA
    header = {"schema": schema, "source": source, "as_of": format_instant(as_of_ns)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "margin.parquet"
        write_parquet(path, columns, metadata={schema: _JSON.encode(header).decode()})
        return path.read_bytes()


def _origin(answer: MarginAnswer) -> tuple[str, int]:
    made = answer.portfolio if answer.standard is None else answer.standard
    assert made is not None
    return made.source, made.as_of_ns


def _parquet_cell(name: str, value: Any) -> float | int | str | None:
    if name == "quantity" and isinstance(value, str):
        # A refused row's quantity is whatever was written there: no number to compute with.
        return None
    return float(value) if isinstance(value, Decimal) else value


def _portfolio_part(answer: MarginAnswer) -> tuple[list[str], list[TextTable], list[str]]:
    """Heading lines, tables and notes of the portfolio model and the ticket."""
    lines: list[str] = []
    tables: list[TextTable] = []
    notes: list[str] = []
    portfolio = answer.portfolio
    if answer.changes:
        tables.append(change_table(answer.changes, answer.ticket))
        notes += [
            f"Ticket: {safe_text(warning, 300)}" for warning in (*answer.warnings, *answer.missed)
        ]
    if portfolio is not None:
        moment = instant_text(portfolio.as_of_ns)
        lines.append(
            f"Deribit portfolio margin, {portfolio.mode.value}, {safe_text(portfolio.source)}, "
            f"{moment}"
        )
        lines += [text for text in (label_text(portfolio),) if text]
        tables += portfolio_tables(portfolio)
        tables.append(excluded_table(portfolio.excluded))
        tables += [parameter_table(pair, stated) for pair, stated in portfolio.parameters]
        notes += [safe_text(note, 300) for note in portfolio.notes]
        notes.append(BINANCE_NOTE)
    return lines, [table for table in tables if table.rows], notes


def _refused_lines(answer: MarginAnswer) -> list[str]:
    """Rows of the file that made no position, where no standard margin tells them."""
    if answer.standard is not None:
        return []
    return [
        f"INCOMPLETE: row {DASH_ROW if one.row is None else one.row} left out: "
        f"{safe_text(one.reason, 300)}"
        for one in answer.refused
    ]


DASH_ROW = "–"


def answer_table(answer: MarginAnswer) -> bytes:
    """Aligned text: the standard margin first, then the ticket, then the portfolio model."""
    data = b"" if answer.standard is None else margin_table(answer.standard, answer.refused)
    heading, tables, notes = _portfolio_part(answer)
    lines = [*heading, *_refused_lines(answer)]
    for table in tables:
        lines += ["", table.title, *aligned(table)]
    if notes:
        lines += ["", *notes]
    if not lines:
        return data
    text = "\n".join(lines).strip("\n") + "\n"
    return data + (b"\n" if data else b"") + text.encode()


def answer_markdown(answer: MarginAnswer) -> bytes:
    """Headings and tables."""
    data = b"" if answer.standard is None else margin_markdown(answer.standard, answer.refused)
    heading, tables, notes = _portfolio_part(answer)
    lines = [f"# {markdown_text(text)}" for text in heading[:1]]
    for text in (*heading[1:], *_refused_lines(answer)):
        lines += ["", f"**{markdown_text(text)}**"]
    for table in tables:
        lines += ["", f"## {markdown_text(table.title)}", "", *markdown_table(table)]
    if notes:
        lines += ["", *(f"- {markdown_text(note)}" for note in notes)]
    if not lines:
        return data
    text = "\n".join(lines).strip("\n") + "\n"
    return data + (b"\n" if data else b"") + text.encode()


ANSWER_FORMATS: dict[str, Callable[[MarginAnswer], bytes]] = {
    "table": answer_table,
    "json": answer_json,
    "csv": answer_csv,
    "parquet": answer_parquet,
    "md": answer_markdown,
}
"""Each format's writer, by the name that `--format` takes."""
