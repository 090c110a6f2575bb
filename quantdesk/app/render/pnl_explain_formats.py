"""A P&L explain in every format that `pnl explain` takes."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import msgspec

from quantdesk.app.render.pnl_explain_record import explain_flat_rows, explain_record
from quantdesk.app.render.text_tables import document_html, document_markdown, document_text
from quantdesk.risk.pnl_explain_totals import PnlExplain
from quantdesk.views.pnl_explain import explain_notes, explain_sentence, explain_tables
from quantdesk.views.time_text import instant_text

EXPLAIN_FORMATS = ("table", "json", "csv", "md", "html")
CSV_FIELDS = (
    "kind",
    "venue",
    "account",
    "instrument_name",
    "strategy",
    "structure",
    "currency",
    "step",
    "line",
    "amount",
)

_JSON = msgspec.json.Encoder(decimal_format="number")


def explain_bytes(explained: PnlExplain, format_: str, *, reasons: Sequence[str] = ()) -> bytes:
    """The explain in one of EXPLAIN_FORMATS; `reasons` say which rows made no position."""
    if format_ == "json":
        return _JSON.encode(explain_record(explained) | {"refused": list(reasons)}) + b"\n"
    if format_ == "csv":
        out = io.StringIO()
        writer = csv.DictWriter(out, CSV_FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(explain_flat_rows(explained))
        return out.getvalue().encode()
    document = {"table": document_text, "md": document_markdown, "html": document_html}[format_]
    heading = f"P&L explain, {instant_text(explained.from_ns)} to {instant_text(explained.to_ns)}"
    return document(
        heading,
        explain_sentence(explained),
        explain_tables(explained),
        (*explain_notes(explained), *(f"left out: {reason}" for reason in reasons)),
    )
