"""Computed options as a table, JSON, NDJSON, CSV, Markdown and Parquet."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from quantdesk.app.render.text_tables import markdown_text
from quantdesk.views.safe_text import safe_text

Cell = float | str | None
Table = Mapping[str, Sequence[Cell]]

SCHEMA = "quantdesk.options/1"


def format_options(table: Table, format_: str) -> bytes:
    """Columns of one length in a format of `OPTION_FORMATS`; None is an empty cell, or null."""
    return OPTION_FORMATS[format_](table)


def _rows(table: Table) -> list[dict[str, Cell]]:
    return [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]


def _json(table: Table) -> bytes:
    document = {"schema": SCHEMA, "rows": _rows(table)}
    return (json.dumps(document, indent=2, allow_nan=False) + "\n").encode()


def _ndjson(table: Table) -> bytes:
    return "".join(json.dumps(row, allow_nan=False) + "\n" for row in _rows(table)).encode()


def _csv(table: Table) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(table)
    writer.writerows(
        ["" if cell is None else cell for cell in row.values()] for row in _rows(table)
    )
    return out.getvalue().encode()


def _markdown(table: Table) -> bytes:
    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(map(markdown_text, cells))} |"

    is_number = [all(not isinstance(cell, str) for cell in cells) for cells in table.values()]
    lines = [
        line([_shown(name) for name in table]),
        f"|{'|'.join('---:' if right else '---' for right in is_number)}|",
    ]
    lines += [line([_shown(cell) for cell in row]) for row in zip(*table.values(), strict=True)]
    return ("\n".join(lines) + "\n").encode()


def _parquet(table: Table) -> bytes:
    from quantdesk.storage.export import write_parquet  # noqa: PLC0415  (a database, here only)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "options.parquet"
        write_parquet(path, table, {"schema": SCHEMA})
        return path.read_bytes()


def _aligned(table: Table) -> bytes:
    texts = [[_shown(name), *map(_shown, cells)] for name, cells in table.items()]
    widths = [max(map(len, cells)) for cells in texts]
    lines = (
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in zip(*texts, strict=True)
    )
    return ("\n".join(lines) + "\n").encode()


def _shown(cell: Cell) -> str:
    """A cell for people; those of a file are outside text, which may steer no terminal."""
    if cell is None:
        return "-"
    return f"{cell:.10g}" if isinstance(cell, float) else safe_text(cell)


OPTION_FORMATS: dict[str, Callable[[Table], bytes]] = {
    "table": _aligned,
    "json": _json,
    "ndjson": _ndjson,
    "csv": _csv,
    "md": _markdown,
    "parquet": _parquet,
}
