"""A chain's records as JSON, NDJSON, CSV, Markdown and Parquet."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from quantdesk.app.render.chain_record import (
    ROW_FIELDS,
    SCHEMA,
    chain_header,
    chain_record,
    chain_rows,
    to_json,
)
from quantdesk.domain.times import format_instant
from quantdesk.snapshot import ChainSnapshot

HEAD_FIELDS = ("underlying", "venue", "environment", "as_of", "index_price")
"""What every line of a flat format repeats of the header, so that a line stands alone."""

MARKDOWN_FIELDS = (
    "instrument_name",
    "bid",
    "ask",
    "bid_size",
    "ask_size",
    "mark",
    "bid_iv",
    "mark_iv",
    "ask_iv",
    "delta",
    "gamma",
    "vega",
    "theta",
    "venue_mark_iv",
    "venue_delta",
    "venue_theta",
    "age_s",
)


def _flat_rows(snapshot: ChainSnapshot) -> list[dict[str, Any]]:
    head = {
        "underlying": snapshot.underlying,
        "venue": snapshot.venue,
        "environment": snapshot.environment.value,
        "as_of": format_instant(snapshot.as_of_ns),
        "index_price": snapshot.index_price,
    }
    return [head | row for row in chain_rows(snapshot)]


def chain_json(snapshot: ChainSnapshot) -> bytes:
    """The chain as one JSON object and a newline."""
    return to_json(chain_record(snapshot)) + b"\n"


def chain_ndjson(snapshot: ChainSnapshot) -> bytes:
    """One option a line, each with the header's fields and the schema."""
    rows = _flat_rows(snapshot)
    return b"".join(to_json({"schema": SCHEMA} | row) + b"\n" for row in rows)


def chain_csv(snapshot: ChainSnapshot) -> bytes:
    """Comma-separated with a header line; an empty cell is no value."""
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=[*HEAD_FIELDS, *ROW_FIELDS], lineterminator="\n")
    writer.writeheader()
    writer.writerows(_flat_rows(snapshot))
    return out.getvalue().encode()


def chain_parquet(snapshot: ChainSnapshot) -> bytes:
    """Parquet with the flat fields as columns and the JSON header as metadata."""
    from quantdesk.storage.export import write_parquet  # noqa: PLC0415  (a database, here only)

    rows = _flat_rows(snapshot)
    columns = {name: [row[name] for row in rows] for name in (*HEAD_FIELDS, *ROW_FIELDS)}
    header = to_json(chain_header(snapshot)).decode()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "chain.parquet"
        write_parquet(path, columns, metadata={SCHEMA: header})
        return path.read_bytes()


def chain_markdown(snapshot: ChainSnapshot) -> bytes:
    """A table an expiry under a heading with forward, time left and ATM IV."""
    rows = chain_rows(snapshot)
    index = "–" if snapshot.index_price is None else f"{snapshot.index_price:,.2f}"
    lines = [
        f"# {snapshot.underlying} options, {snapshot.venue} ({snapshot.environment.value.upper()})",
        "",
        f"As of {format_instant(snapshot.as_of_ns)} on the venue's clock; index {index} USD. "
        "Columns starting with venue_ are the venue's own; the rest is computed here.",
    ]
    for expiry in snapshot.expiries:
        forward = "–" if expiry.forward.price is None else f"{expiry.forward.price:,.2f}"
        atm = "–" if expiry.atm_iv is None else f"{100 * expiry.atm_iv:.2f} %"
        lines += [
            "",
            f"## {format_instant(expiry.expiry_ns)}",
            "",
            f"Forward {forward} ({expiry.forward.source}), {365 * expiry.years:.2f} days left, "
            f"ATM IV {atm} ({expiry.atm_iv_source}).",
            "",
            "| " + " | ".join(MARKDOWN_FIELDS) + " |",
            "| --- " + "| ---: " * (len(MARKDOWN_FIELDS) - 1) + "|",
        ]
        for row in rows[slice(*expiry.rows)]:
            cells = [_markdown_cell(name, row[name]) for name in MARKDOWN_FIELDS]
            lines.append("| " + " | ".join(cells) + " |")
    return ("\n".join(lines) + "\n").encode()


_MARKDOWN_FORMATS: dict[str, str] = {
    "bid_iv": ".4f",
    "mark_iv": ".4f",
    "ask_iv": ".4f",
    "venue_mark_iv": ".4f",
    "delta": ".4f",
    "venue_delta": ".4f",
    "gamma": ".3e",
    "vega": ".2f",
    "theta": ".2f",
    "venue_theta": ".2f",
    "age_s": ".1f",
}


def _markdown_cell(name: str, value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, str):
        return value.replace("|", "\\|")
    return format(value, _MARKDOWN_FORMATS.get(name, ""))


CHAIN_FORMATS: dict[str, Callable[[ChainSnapshot], bytes]] = {
    "json": chain_json,
    "ndjson": chain_ndjson,
    "csv": chain_csv,
    "parquet": chain_parquet,
    "md": chain_markdown,
}
"""Writers by the name `--format` takes."""
