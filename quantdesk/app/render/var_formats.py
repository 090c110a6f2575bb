"""Value at risk in every format that `risk var` takes."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import msgspec

from quantdesk.app.render.pdf import html_pdf
from quantdesk.app.render.text_tables import document_html, document_markdown, document_text
from quantdesk.app.render.var_record import (
    SCHEMA,
    backtest_flat_rows,
    var_flat_rows,
    var_record,
)
from quantdesk.domain.times import format_instant
from quantdesk.risk.var import VarReport
from quantdesk.risk.var_backtest import Backtest
from quantdesk.views.risk import incomplete_sentence
from quantdesk.views.time_text import instant_text
from quantdesk.views.var import backtest_notes, backtest_table, var_notes, var_tables

VAR_FORMATS = ("table", "json", "csv", "md", "html", "pdf")

_JSON = msgspec.json.Encoder(decimal_format="number")


def var_bytes(
    report: VarReport,
    backtests: Sequence[Backtest],
    format_: str,
    *,
    as_of_ns: int,
    reasons: Sequence[str] = (),
) -> bytes:
    """The figures and backtests in one of VAR_FORMATS; `reasons` say what was left out."""
    if format_ == "json":
        head = {"schema": SCHEMA, "as_of": format_instant(as_of_ns) if as_of_ns else None}
        return (
            _JSON.encode(head | var_record(report, backtests) | {"excluded": list(reasons)}) + b"\n"
        )
    if format_ == "csv":
        return _csv(report, backtests)
    tables = [*var_tables(report)]
    if backtests:
        tables.append(backtest_table(backtests))
    document = {
        "table": document_text,
        "md": document_markdown,
        "html": document_html,
        "pdf": document_html,
    }[format_]
    page = document(
        f"Value at risk, {instant_text(as_of_ns)}",
        incomplete_sentence(len(reasons)),
        tuple(table for table in tables if table.rows),
        (
            *var_notes(report),
            *backtest_notes(backtests),
            *(f"left out: {reason}" for reason in reasons),
        ),
    )
    return html_pdf(page) if format_ == "pdf" else page


def _csv(report: VarReport, backtests: Sequence[Backtest]) -> bytes:
    out = io.StringIO()
    rows = [*var_flat_rows(report), *backtest_flat_rows(backtests)]
    fields = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(out, fields, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()
