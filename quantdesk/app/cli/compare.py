"""`quantdesk compare`: up to four structures side by side on one market."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from quantdesk.app.cli.options import output_options
from quantdesk.app.cli.output import write_output
from quantdesk.app.cli.structure_options import (
    LegsCommand,
    MarketOptions,
    analysed,
    analysis_options,
    market_options,
    open_market,
    read_plan,
)
from quantdesk.app.render.structure_record import structure_record
from quantdesk.app.render.table_formats import table_csv, table_parquet
from quantdesk.app.render.text_tables import aligned, markdown_table
from quantdesk.structures.analysis import StructureAnalysis
from quantdesk.structures.exact_plan import exact_plan
from quantdesk.structures.text import format_line
from quantdesk.views.comparison import STRUCTURES_MAX, comparison_table

SCHEMA = "quantdesk.comparison/1"

_JSON = msgspec.json.Encoder(decimal_format="number")


@click.command("compare", cls=LegsCommand)
@click.argument("structures", nargs=-1, required=True)
@click.option("--underlying", metavar="COIN", default="", help="Where no structure names it.")
@analysis_options
@output_options(["table", "json", "ndjson", "csv", "parquet", "md"])
@market_options
def command(
    structures: tuple[str, ...],
    underlying: str,
    price_at: str,
    view: str | None,
    format_: str,
    output: Path | None,
    options: MarketOptions,
) -> None:
    """Compare up to four STRUCTURES: lines of legs, structure files, or - for standard input.

    All on one underlying and one moment, as `build` takes them.
    """
    if len(structures) > STRUCTURES_MAX:
        raise click.UsageError(f"{len(structures)} structures: at most {STRUCTURES_MAX} compare")
    plans = [read_plan(text) for text in structures]
    here = open_market(options, plans[0], underlying)
    analyses = [analysed(plan, here, price_at=price_at, view=view) for plan in plans]
    write_output(_written(analyses, format_), output, is_binary=format_ == "parquet")


def _written(analyses: list[StructureAnalysis], format_: str) -> bytes:
    if format_ == "json":
        records = [structure_record(one) for one in analyses]
        return _JSON.encode({"schema": SCHEMA, "structures": records}) + b"\n"
    if format_ == "ndjson":
        return b"".join(_JSON.encode(structure_record(one)) + b"\n" for one in analyses)
    table = comparison_table(analyses)
    if format_ == "csv":
        return table_csv(table)
    if format_ == "parquet":
        return table_parquet(table, SCHEMA)
    legs = [
        f"{number}: {format_line(exact_plan(one.structure))}"
        for number, one in enumerate(analyses, start=1)
    ]
    notes = [
        f"! {number}: {text}"
        for number, one in enumerate(analyses, start=1)
        for text in (*one.warnings, *one.excluded)
    ]
    if format_ == "md":
        lines = ["# Comparison", "", *(f"- `{leg}`" for leg in legs), "", *markdown_table(table)]
        lines += ["", *(f"- {note}" for note in notes)]
    else:
        lines = [*legs, "", *aligned(table), "", *notes]
    return ("\n".join(lines).rstrip() + "\n").encode()
