"""Any table of text as CSV and Parquet: what a view shows, for those who want it in a file."""

from __future__ import annotations

import csv
import io
import re
import tempfile
from pathlib import Path

from quantdesk.views.margin import TextTable


def table_csv(table: TextTable) -> bytes:
    """The table with its header line."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows(table.rows)
    return out.getvalue().encode()


def table_parquet(table: TextTable, schema: str) -> bytes:
    """The table as columns of text; `schema` names the layout in the metadata."""
    from quantdesk.storage.export import write_parquet  # noqa: PLC0415  (a database, here only)

    names = [_column_name(number, title) for number, title in enumerate(table.columns)]
    columns = {name: [row[at] for row in table.rows] for at, name in enumerate(names)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.parquet"
        write_parquet(path, columns, metadata={schema: table.title})
        return path.read_bytes()


def _column_name(number: int, title: str) -> str:
    """A column name that a database takes; numbered where two titles would become one."""
    word = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_") or "figure"
    return f"c{number}_{word}" if number else word
