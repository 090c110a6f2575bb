"""A structure over scenarios as a table, JSON, NDJSON, CSV, Markdown and Parquet."""

from __future__ import annotations

import csv
import io
import itertools
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from quantdesk.app.render.text_tables import aligned, markdown_table
from quantdesk.domain.structure import Structure
from quantdesk.domain.times import format_instant
from quantdesk.market.market_data import UnderlyingMarket
from quantdesk.risk.scenarios import ScenarioAxes, ScenarioCube
from quantdesk.structures.exact_plan import exact_plan
from quantdesk.structures.text import format_line
from quantdesk.views.margin import TextTable
from quantdesk.views.number_text import number_text

SCHEMA = "quantdesk.whatif/1"

FIELDS = ("spot", "vol", "days", "basis", "pnl_coin", "pnl_usd")

_JSON = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WhatIf:
    """A structure, its market and its cube of profits; one underlying."""

    structure: Structure
    market: UnderlyingMarket
    cube: ScenarioCube
    warnings: tuple[str, ...]


def flat_rows(answer: WhatIf) -> list[dict[str, Any]]:
    """One record a cell."""
    axes = answer.cube.axes
    coin, usd = answer.cube.pnl_coin()[0], answer.cube.pnl_usd()[0]
    rows = []
    for cell in itertools.product(*(range(length) for length in axes.shape)):
        spot, vol, days, basis = cell
        rows.append(
            {
                "spot": axes.spot[spot],
                "vol": axes.vol[vol],
                "days": axes.days[days],
                "basis": axes.basis[basis],
                "pnl_coin": float(coin[cell]),
                "pnl_usd": float(usd[cell]),
            }
        )
    return rows


def whatif_json(answer: WhatIf) -> bytes:
    """One JSON object: axes, rule and the two cubes as nested lists (spot, vol, days, basis)."""
    axes = answer.cube.axes
    record = {
        "schema": SCHEMA,
        "structure": format_line(exact_plan(answer.structure)),
        "venue": answer.market.venue,
        "underlying": answer.market.underlying,
        "as_of": format_instant(answer.market.as_of_ns),
        "index_price": answer.market.index_price,
        "rule": str(axes.rule),
        "skew": axes.skew,
        "term": axes.term,
        "units": {
            "pnl_coin": "coin, against now",
            "pnl_usd": "USD: coin at the scenario's index less coin value at today's index",
        },
        "axes": {
            "spot": list(axes.spot),
            "vol": list(axes.vol),
            "days": list(axes.days),
            "basis": list(axes.basis),
        },
        "pnl_coin": answer.cube.pnl_coin()[0].tolist(),
        "pnl_usd": answer.cube.pnl_usd()[0].tolist(),
        "warnings": list(answer.warnings),
    }
    return _JSON.encode(record) + b"\n"


def whatif_ndjson(answer: WhatIf) -> bytes:
    """One cell a line."""
    return b"".join(_JSON.encode({"schema": SCHEMA} | row) + b"\n" for row in flat_rows(answer))


def whatif_csv(answer: WhatIf) -> bytes:
    """One cell a line, with a header line."""
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat_rows(answer))
    return out.getvalue().encode()


def whatif_parquet(answer: WhatIf) -> bytes:
    """The rows of the CSV as columns."""
    from quantdesk.storage.export import write_parquet  # noqa: PLC0415  (a database, here only)

    rows = flat_rows(answer)
    columns = {name: [row[name] for row in rows] for name in FIELDS}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "whatif.parquet"
        write_parquet(path, columns, metadata={SCHEMA: str(answer.cube.axes.rule)})
        return path.read_bytes()


def _tables(answer: WhatIf) -> list[TextTable]:
    """A table of USD and one of coin for each day and basis: spot down, vol across."""
    axes = answer.cube.axes
    coin, usd = answer.cube.pnl_coin()[0], answer.cube.pnl_usd()[0]
    tables = []
    for (day, days), (place, basis) in itertools.product(
        enumerate(axes.days), enumerate(axes.basis)
    ):
        when = f"after {days:g} days" + (f", basis {basis:+.2%} a year" if basis else "")
        for unit, cube, decimals in (("USD", usd, 2), (answer.market.underlying, coin, 6)):
            tables.append(
                TextTable(
                    title=f"Profit in {unit} {when}; vol {axes.rule}{_shape(axes)}",
                    columns=("spot", *(f"vol {vol:+.1%}" for vol in axes.vol)),
                    numeric=(True,) * (1 + len(axes.vol)),
                    rows=_rows(axes.spot, cube[:, :, day, place], decimals),
                )
            )
    return tables


def _shape(axes: ScenarioAxes) -> str:
    """Moves of skew and term in words, "" where there is none."""
    moves = (("skew", axes.skew), ("term", axes.term))
    return "".join(f", {name} {move:+g}" for name, move in moves if move)


def _rows(
    spots: tuple[float, ...], cells: np.ndarray, decimals: int
) -> tuple[tuple[str, ...], ...]:
    return tuple(
        (f"{spot:+.1%}", *(number_text(float(value), decimals) for value in cells[number]))
        for number, spot in enumerate(spots)
    )


def whatif_table(answer: WhatIf) -> bytes:
    """Aligned text for a terminal."""
    lines = [format_line(exact_plan(answer.structure))]
    for table in _tables(answer):
        lines += ["", table.title, *aligned(table)]
    lines += ["", *(f"! {warning}" for warning in answer.warnings)]
    return ("\n".join(lines).rstrip() + "\n").encode()


def whatif_markdown(answer: WhatIf) -> bytes:
    """Headings and tables."""
    lines = [f"# `{format_line(exact_plan(answer.structure))}`"]
    for table in _tables(answer):
        lines += ["", f"## {table.title}", "", *markdown_table(table)]
    lines += ["", *(f"- {warning}" for warning in answer.warnings)]
    return ("\n".join(lines).rstrip() + "\n").encode()


WHATIF_FORMATS = {
    "table": whatif_table,
    "json": whatif_json,
    "ndjson": whatif_ndjson,
    "csv": whatif_csv,
    "parquet": whatif_parquet,
    "md": whatif_markdown,
}
"""Each format's writer, by the name that `--format` takes."""
