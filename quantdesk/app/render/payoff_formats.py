"""A payoff as curves: a table, JSON, NDJSON, CSV, Markdown and Parquet; and as a picture."""

from __future__ import annotations

import csv
import io
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from quantdesk.app.render.structure_record import structure_record
from quantdesk.app.render.text_tables import aligned, markdown_table
from quantdesk.domain.times import format_instant
from quantdesk.errors import ConfigError
from quantdesk.market.chain import FloatArray
from quantdesk.structures.analysis import StructureAnalysis
from quantdesk.structures.curves import Curve, sigma_band
from quantdesk.views.margin import TextTable
from quantdesk.views.number_text import number_text
from quantdesk.views.structure import heading, note_lines, payoff_table

SCHEMA = "quantdesk.payoff/1"

TABLE_ROWS_MAX = 41

_JSON = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Payoff:
    """Curves of one structure on the same prices (n,), USD per coin."""

    analysis: StructureAnalysis
    prices: FloatArray
    curves: tuple[Curve, ...]


def payoff_json(payoff: Payoff) -> bytes:
    """One JSON object and a newline: what `build` writes, with `prices` and `curves`."""
    record = structure_record(payoff.analysis) | {
        "schema": SCHEMA,
        "prices": payoff.prices.tolist(),
        "curves": [
            {
                "name": curve.name,
                "at": format_instant(curve.at_ns),
                "method": "exact" if curve.is_exact else "model: unchanged vols by strike",
                "coin": curve.coin.tolist(),
                "usd": curve.usd.tolist(),
            }
            for curve in payoff.curves
        ],
    }
    return _JSON.encode(record) + b"\n"


def flat_rows(payoff: Payoff) -> list[dict[str, Any]]:
    """One record a curve and price."""
    return [
        {
            "curve": curve.name,
            "at": format_instant(curve.at_ns),
            "is_exact": curve.is_exact,
            "price": float(price),
            "coin": float(coin),
            "usd": float(usd),
        }
        for curve in payoff.curves
        for price, coin, usd in zip(payoff.prices, curve.coin, curve.usd, strict=True)
    ]


def payoff_ndjson(payoff: Payoff) -> bytes:
    """One curve and price a line."""
    return b"".join(_JSON.encode({"schema": SCHEMA} | row) + b"\n" for row in flat_rows(payoff))


def payoff_csv(payoff: Payoff) -> bytes:
    """One curve and price a line, with a header line."""
    rows = flat_rows(payoff)
    out = io.StringIO()
    names = ["curve", "at", "is_exact", "price", "coin", "usd"]
    writer = csv.DictWriter(out, fieldnames=names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def payoff_parquet(payoff: Payoff) -> bytes:
    """The rows of the CSV with typed columns."""
    from quantdesk.storage.export import write_parquet  # noqa: PLC0415  (a database, here only)

    rows = flat_rows(payoff)
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "payoff.parquet"
        write_parquet(path, columns, metadata={SCHEMA: heading(payoff.analysis)})
        return path.read_bytes()


def _curve_table(payoff: Payoff) -> TextTable:
    """Every strike, breakeven and the index, and even prices between: what fits a screen."""
    analysis = payoff.analysis
    marks = {*analysis.horizon.strikes, float(analysis.index)}
    step = max(1, len(payoff.prices) // (TABLE_ROWS_MAX - len(marks)))
    rows = []
    for number, price in enumerate(payoff.prices):
        if number % step and float(price) not in marks:
            continue
        cells = [number_text(float(price), 2)]
        for curve in payoff.curves:
            cells.append(number_text(float(curve.coin[number]), 6))
            cells.append(number_text(float(curve.usd[number]), 2))
        rows.append(tuple(cells))
    titles = [
        f"{curve.name}, {unit}" for curve in payoff.curves for unit in (analysis.underlying, "USD")
    ]
    return TextTable(
        title="Profit by price of the underlying, before fees",
        columns=("USD", *titles),
        numeric=(True,) * (1 + len(titles)),
        rows=tuple(rows),
    )


def payoff_table_text(payoff: Payoff) -> bytes:
    """Aligned text for a terminal."""
    analysis = payoff.analysis
    lines = [heading(analysis), str(analysis.structure), ""]
    for table in (payoff_table(analysis), _curve_table(payoff)):
        if table.rows:
            lines += [table.title, *aligned(table), ""]
    lines += note_lines(analysis)
    return ("\n".join(lines).rstrip() + "\n").encode()


def payoff_markdown(payoff: Payoff) -> bytes:
    """Headings and tables."""
    analysis = payoff.analysis
    lines = [f"# {heading(analysis)}", "", f"`{analysis.structure}`"]
    for table in (payoff_table(analysis), _curve_table(payoff)):
        if table.rows:
            lines += ["", f"## {table.title}", "", *markdown_table(table)]
    lines += ["", *(f"- {line}" for line in note_lines(analysis))]
    return ("\n".join(lines).rstrip() + "\n").encode()


PAYOFF_FORMATS = {
    "table": payoff_table_text,
    "json": payoff_json,
    "ndjson": payoff_ndjson,
    "csv": payoff_csv,
    "parquet": payoff_parquet,
    "md": payoff_markdown,
}
"""Each format's writer, by the name that `--format` takes."""

PLOT_SUFFIXES = (".svg", ".png")


def payoff_plot(payoff: Payoff, suffix: str) -> bytes:
    """The curves in USD and in coin, one above the other, as SVG or PNG.

    Raises ConfigError for another suffix, and where matplotlib (the extra `plots`) is not there.
    """
    if suffix not in PLOT_SUFFIXES:
        raise ConfigError(f"--plot: the file must end in {' or '.join(PLOT_SUFFIXES)}")
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415  (an extra, here only)
    except ImportError as error:
        raise ConfigError(
            "--plot: needs matplotlib; install it with: pip install 'quantdesk[plots]'"
        ) from error
    analysis = payoff.analysis
    figure = Figure(figsize=(9, 7), layout="constrained")
    axes = figure.subplots(2, 1, sharex=True)
    for axis, unit, title in zip(axes, ("usd", "coin"), ("USD", analysis.underlying), strict=True):
        _draw(axis, payoff, unit, title)
    figure.suptitle(heading(analysis), fontsize=9)
    axes[-1].set_xlabel("settlement price, USD per coin")
    out = io.BytesIO()
    # No date and a fixed salt: the same payoff gives the same bytes.
    metadata = {"Date": None} if suffix == ".svg" else None
    import matplotlib  # noqa: PLC0415  (an extra, here only)

    with matplotlib.rc_context({"svg.hashsalt": "quantdesk"}):
        figure.savefig(out, format=suffix[1:], metadata=metadata)
    return out.getvalue()


def _draw(axis: Any, payoff: Payoff, unit: str, title: str) -> None:
    analysis = payoff.analysis
    index = float(analysis.index)
    for low, high in sigma_band(analysis.horizon, index, (1.0, 2.0)):
        axis.axvspan(low, high, color="0.5", alpha=0.08)
    axis.axhline(0.0, color="0.4", linewidth=0.8)
    axis.axvline(index, color="0.4", linewidth=0.8, linestyle=":")
    for curve in payoff.curves:
        axis.plot(payoff.prices, getattr(curve, unit), label=curve.name, linewidth=1.4)
    for strike in analysis.horizon.strikes:
        axis.axvline(strike, color="0.6", linewidth=0.5, linestyle="--")
    for numeraire, summary in analysis.payoff.items():
        if numeraire.value == unit:
            inside = [p for p in summary.breakevens if payoff.prices[0] <= p <= payoff.prices[-1]]
            axis.plot(inside, np.zeros(len(inside)), "o", markersize=4, color="0.2")
    axis.set_ylabel(f"profit, {title}")
    axis.legend(loc="best", fontsize=8)
