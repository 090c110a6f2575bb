"""`quantdesk chain`: the option chain of the screen, for pipes and files."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import click

from quantdesk.app.cli.options import parse_source, source_options
from quantdesk.app.cli.output import write_output
from quantdesk.app.render.chain_formats import CHAIN_FORMATS
from quantdesk.app.render.table import chain_table_text
from quantdesk.errors import StorageError
from quantdesk.market.selection import EXPIRY_WORDS, WINDOW_WORDS, parse_window
from quantdesk.runtime.settings import load_settings
from quantdesk.runtime.sources import read_snapshot
from quantdesk.snapshot import select_rows
from quantdesk.views.chain import Units
from quantdesk.views.chain_columns import COLUMN_SETS


@click.command("chain")
@click.argument("underlying")
@click.option("--expiry", metavar="WHEN", help=f"{EXPIRY_WORDS}; commas for several.")
@click.option("--window", metavar="SIZE", help=f"Strikes around the forward: {WINDOW_WORDS}.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["table", *CHAIN_FORMATS]),
    default="table",
    show_default=True,
)
@click.option(
    "--units",
    type=click.Choice([unit.value for unit in Units]),
    default=Units.COIN.value,
    show_default=True,
    help="Premium in the table: coin, cash USD (coin × index), model USD (coin × forward) or IV.",
)
@click.option(
    "--columns",
    type=click.Choice(["all", *COLUMN_SETS]),
    help="Columns of the table: trade on a terminal, as far as there is room; all in a pipe.",
)
@click.option("-o", "--output", metavar="FILE", type=click.Path(path_type=Path))
@source_options
def command(
    underlying: str,
    expiry: str | None,
    window: str | None,
    format_: str,
    units: str,
    columns: str | None,
    output: Path | None,
    venue: tuple[str, ...],
    endpoint: tuple[str, ...],
    market: Path | None,
    replay: Path | None,
    at: str | None,
) -> None:
    """Print the option chain of UNDERLYING: quotes, implied vols and Greeks.

    Without --expiry and --window every listed option is printed.
    """
    strikes = None if window is None else parse_window(window)
    settings = load_settings()
    if not venue and not endpoint and market is None and replay is None:
        # One chain is printed: that of the first venue of the settings.
        venue = (settings.venue.partition(",")[0],)
    source = parse_source(
        settings, venue=venue, endpoint=endpoint, market=market, replay=replay, at=at
    )
    snapshot = read_snapshot(source, underlying, settings)
    chain = snapshot.chain(underlying.upper())
    if chain is None:
        raise StorageError(f"{snapshot.source}: no {underlying.upper()} options in it")
    chain = chain.take(select_rows(chain, expiry, strikes))
    if format_ == "table":
        # A pipe or file takes every column; a terminal what it has room for.
        is_terminal = output is None and sys.stdout is not None and sys.stdout.isatty()
        width = shutil.get_terminal_size().columns if is_terminal else None
        chosen = columns or ("trade" if is_terminal else "all")
        text = chain_table_text(chain, columns=chosen, units=Units(units), width=width)
        write_output(f"{text}\n".encode(), output)
        return
    data = CHAIN_FORMATS[format_](chain)
    write_output(data, output, is_binary=format_ == "parquet")
