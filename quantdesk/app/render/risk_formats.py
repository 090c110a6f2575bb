"""The risk report, its ladders and its scenarios in every format that `--format` takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from quantdesk.app.render.pdf import html_pdf
from quantdesk.app.render.risk_plots import report_figures
from quantdesk.app.render.risk_record import (
    SCHEMA,
    excluded_records,
    greek_units,
    net_record,
    risk_record,
    scenarios_record,
    source_record,
)
from quantdesk.app.render.risk_rows import (
    Row,
    cube_rows,
    ladder_rows,
    named_rows,
    report_rows,
    rows_csv,
    rows_parquet,
)
from quantdesk.app.render.text_tables import document_html, document_markdown, document_text
from quantdesk.domain.position import RefusedRow
from quantdesk.domain.times import format_instant
from quantdesk.risk.exposure import Grouping
from quantdesk.risk.report import RiskReport
from quantdesk.views.greeks import ladder_table
from quantdesk.views.margin import TextTable
from quantdesk.views.risk import (
    RiskView,
    excluded_table,
    incomplete_sentence,
    risk_view,
    sources_table,
)
from quantdesk.views.scenario import SPOT_RULE, matrix_tables, named_table, worst_table
from quantdesk.views.time_text import instant_text

FORMATS = ("table", "json", "csv", "parquet", "md", "html", "pdf")
BINARY_FORMATS = frozenset({"parquet", "pdf"})
PICTURED_FORMATS = frozenset({"html", "pdf"})
LADDER_SCHEMA = "quantdesk.risk_ladder/1"
SCENARIO_SCHEMA = "quantdesk.risk_scenario/1"

_JSON = msgspec.json.Encoder(decimal_format="number")


def risk_report_bytes(
    report: RiskReport, format_: str, refused: Sequence[RefusedRow] = (), *, plots: bool = False
) -> bytes:
    """The whole report in one of FORMATS; `plots` go into HTML and PDF, and need matplotlib.

    Raises ConfigError for PDF and for plots where the extra is not installed.
    """
    if format_ == "json":
        return _json(risk_record(report, refused))
    if format_ in {"csv", "parquet"}:
        return _flat(report_rows(report, refused), format_, SCHEMA, report)
    figures = report_figures(report) if plots and format_ in PICTURED_FORMATS else []
    return _document(risk_view(report, refused), format_, figures)


def ladder_bytes(
    report: RiskReport, grouping: Grouping, format_: str, refused: Sequence[RefusedRow] = ()
) -> bytes:
    """Net Greeks by one grouping in one of FORMATS."""
    kind = f"by_{grouping.value.replace('-', '_')}"
    if format_ == "json":
        return _json(
            _head(report, LADDER_SCHEMA)
            | {
                "by": grouping.value,
                "units": greek_units(),
                "rows": [net_record(net) for net in report.exposures.net(grouping)],
            }
            | _tail(report, refused)
        )
    if format_ in {"csv", "parquet"}:
        rows = ladder_rows(report.exposures, grouping, kind)
        return _flat(rows, format_, LADDER_SCHEMA, report)
    return _document(_view(report, refused, [ladder_table(report.greeks, grouping)]), format_)


def scenario_bytes(report: RiskReport, format_: str, refused: Sequence[RefusedRow] = ()) -> bytes:
    """The matrix and the named scenarios in one of FORMATS."""
    if format_ == "json":
        record = _head(report, SCENARIO_SCHEMA) | {"scenarios": scenarios_record(report)}
        return _json(record | _tail(report, refused))
    named = [(report.stresses, "stress"), (report.historical, "historical")]
    if report.own is not None:
        named.insert(0, (report.own, "own"))
    if format_ in {"csv", "parquet"}:
        rows = cube_rows(report.cube)
        for results, kind in named:
            rows += named_rows(results, kind)
        return _flat(rows, format_, SCENARIO_SCHEMA, report)
    titles = {
        "own": "Own scenarios",
        "stress": "Stresses",
        "historical": "Recorded days replayed on this book",
    }
    tables = [*matrix_tables(report.cube, with_collateral=False)]
    if any(report.collateral.values()):
        tables += matrix_tables(report.cube, with_collateral=True)
    tables.append(worst_table(report.cube))
    tables += [named_table(results, titles[kind]) for results, kind in named]
    return _document(_view(report, refused, tables), format_)


def _json(record: dict[str, Any]) -> bytes:
    return _JSON.encode(record) + b"\n"


def _head(report: RiskReport, schema: str) -> dict[str, Any]:
    moment = format_instant(report.as_of_ns) if report.as_of_ns else None
    return {"schema": schema, "as_of": moment}


def _tail(report: RiskReport, refused: Sequence[RefusedRow]) -> dict[str, Any]:
    return {
        "excluded": excluded_records(report, refused),
        "sources": [source_record(source) for source in report.sources],
    }


def _flat(rows: Sequence[Row], format_: str, schema: str, report: RiskReport) -> bytes:
    if format_ == "csv":
        return rows_csv(rows)
    header = _JSON.encode(_head(report, schema) | {"units": greek_units()}).decode()
    return rows_parquet(rows, schema=schema, header=header)


def _view(
    report: RiskReport, refused: Sequence[RefusedRow], tables: Sequence[TextTable]
) -> RiskView:
    excluded = excluded_table(report, refused)
    return RiskView(
        heading=f"Risk, {instant_text(report.as_of_ns)}",
        sentence=incomplete_sentence(len(excluded.rows)),
        tables=tuple(t for t in (*tables, excluded, sources_table(report)) if t.rows),
        notes=(f"Scenarios: {SPOT_RULE}.",),
    )


def _document(view: RiskView, format_: str, figures: Sequence[tuple[str, str]] = ()) -> bytes:
    if format_ == "table":
        return document_text(view.heading, view.sentence, view.tables, view.notes)
    if format_ == "md":
        return document_markdown(view.heading, view.sentence, view.tables, view.notes)
    page = document_html(view.heading, view.sentence, view.tables, view.notes, figures)
    if format_ == "pdf":
        return html_pdf(page)
    assert format_ == "html", format_
    return page
