"""Limits and decisions as text, JSON, CSV and Markdown."""

from __future__ import annotations

import msgspec

from quantdesk.app.render.limits_record import decision_record, limits_record
from quantdesk.app.render.table_formats import table_csv
from quantdesk.app.render.text_tables import document_markdown, document_text
from quantdesk.market.quoted_vols import VOL_RULE
from quantdesk.risk.limits.decision import Decision
from quantdesk.risk.limits.use_report import LimitReport
from quantdesk.views.limits import (
    breach_sentences,
    decision_lines,
    limits_heading,
    limits_text_table,
)

SHOW_FORMATS = ("table", "json", "csv", "md")
TEST_FORMATS = ("table", "json")


def limits_bytes(report: LimitReport, format_: str) -> bytes:
    """The limits in one of `SHOW_FORMATS`."""
    if format_ == "json":
        return msgspec.json.encode(limits_record(report)) + b"\n"
    table = limits_text_table(report)
    if format_ == "csv":
        return table_csv(table)
    write = document_text if format_ == "table" else document_markdown
    note = f"Vols: {VOL_RULE}."
    return write(limits_heading(report), "; ".join(breach_sentences(report)), [table], [note])


def decision_bytes(decision: Decision, format_: str) -> bytes:
    """A decision in one of `TEST_FORMATS`."""
    if format_ == "json":
        return msgspec.json.encode(decision_record(decision)) + b"\n"
    return ("\n".join(decision_lines(decision)) + "\n").encode()
