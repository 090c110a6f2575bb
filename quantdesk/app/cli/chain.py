"""`quantdesk chain`: the option chain of the screen, for pipes and files."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import click

from quantdesk.app.cli.options import parse_source, source_options
from quantdesk.app.cli.output import write_output
from quantdesk.app.render.chain_formats import CHAIN_FORMATS
from quantdesk.app.render.table import chain_table_text, pair_table_text
from quantdesk.app.render.venue_pair_record import PAIR_FORMATS
from quantdesk.errors import ConfigError, StorageError
from quantdesk.market.selection import EXPIRY_WORDS, WINDOW_WORDS, StrikeWindow, parse_window
from quantdesk.runtime.live_surfaces import with_surfaces
from quantdesk.runtime.settings import load_settings
from quantdesk.runtime.sources import file_snapshot, read_snapshot
from quantdesk.snapshot import ChainSnapshot, DeskSnapshot, select_pair, select_rows
from quantdesk.views.chain_columns import COLUMN_SETS
from quantdesk.views.units import Units
from quantdesk.views.venue_pair import venue_comparison, venue_pair_view


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
    help="Premium in the table: coin (as quoted, the default), cash USD (coin × index), model USD "
    "(coin × forward) or IV. Two venues: usd-model (the default) or iv.",
)
@click.option(
    "--columns",
    type=click.Choice(["all", *COLUMN_SETS]),
    help="Columns of the table: trade on a terminal, as far as there is room; all in a pipe. theo "
    "fits the surface: theo vol and price, and the edge of either side.",
)
@click.option(
    "--against",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Show the chain of this market file beside the other, strike by strike.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write to FILE instead of standard output.",
)
@source_options
def command(
    underlying: str,
    expiry: str | None,
    window: str | None,
    format_: str,
    units: str | None,
    columns: str | None,
    against: Path | None,
    output: Path | None,
    venue: tuple[str, ...],
    endpoint: tuple[str, ...],
    market: Path | None,
    replay: Path | None,
    at: str | None,
) -> None:
    """Print the option chain of UNDERLYING: quotes, implied vols and Greeks.

    Without --expiry and --window every listed option is printed. Formats other than the table carry
    the fitted surface too: theo and edge of each row, grade, age and digests. With --venue given
    twice the two venues stand side by side: prices as undiscounted forward values, the best marked,
    and what is left of a difference after both taker fees.
    """
    if format_ != "table":
        _refuse_table_options(units, columns, format_)
    strikes = None if window is None else parse_window(window)
    settings = load_settings()
    if not venue and not endpoint and market is None and replay is None:
        # One chain is printed: that of the first venue of the settings.
        venue = (settings.venue.partition(",")[0],)
    source = parse_source(
        settings, venue=venue, endpoint=endpoint, market=market, replay=replay, at=at
    )
    if len(source.venues) + (against is not None) > 2:
        raise ConfigError("--venue, --against: two chains at most stand side by side")
    if len(source.venues) == 2 or against is not None:
        _check_pair_options(format_, units, columns)
    snapshot = read_snapshot(source, underlying, settings)
    is_alone = len(source.venues) < 2 and against is None
    if columns == "theo" or (format_ != "table" and is_alone):
        snapshot = with_surfaces(snapshot)
    coin = underlying.upper()
    chains = [_chain(snapshot, coin, choice.venue) for choice in source.venues]
    chains = chains or [_chain(snapshot, coin, None)]
    if against is not None:
        chains.append(_chain(file_snapshot(against, coin, None), coin, None))
    if len(chains) == 1:
        chain = chains[0].take(select_rows(chains[0], expiry, strikes))
        data = _chain_data(chain, format_, units=units, columns=columns, output=output)
    else:
        data = _pair_data(
            (chains[0], chains[1]),
            format_,
            expiry=expiry,
            window=strikes,
            units=units,
            output=output,
        )
    write_output(data, output, is_binary=format_ == "parquet")


def _refuse_table_options(units: str | None, columns: str | None, format_: str) -> None:
    """An option that would be ignored is refused: a file in other units than asked for misleads."""
    for name, value in (("--units", units), ("--columns", columns)):
        if value is not None:
            raise ConfigError(
                f"{name} {value}: goes with --format table; {format_} has every column, prices in "
                "price_currency"
            )


def _check_pair_options(format_: str, units: str | None, columns: str | None) -> None:
    """What makes no sense for two venues is refused before either is asked."""
    if format_ not in {"table", *PAIR_FORMATS}:
        allowed = ", ".join(["table", *PAIR_FORMATS])
        raise ConfigError(f"--format {format_}: two venues side by side come as {allowed}")
    if columns is not None:
        raise ConfigError(f"--columns {columns}: two venues side by side have their own")
    if units not in {None, Units.USD_MODEL.value, Units.IV.value}:
        raise ConfigError(
            f"--units {units}: two venues are compared in usd-model or iv; prices as quoted are in "
            "different currencies, and the index would add each expiry's basis"
        )


def _chain(snapshot: DeskSnapshot, coin: str, venue: str | None) -> ChainSnapshot:
    chain = snapshot.chain(coin, venue)
    if chain is None:
        where = snapshot.source if venue is None else venue
        raise StorageError(f"{where}: no {coin} options in it")
    return chain


def _chain_data(
    chain: ChainSnapshot,
    format_: str,
    *,
    units: str | None,
    columns: str | None,
    output: Path | None,
) -> bytes:
    if format_ != "table":
        return CHAIN_FORMATS[format_](chain)
    # A pipe or file takes every column; a terminal what it has room for.
    width = _terminal_width(output)
    chosen = columns or ("all" if width is None else "trade")
    shown = Units.COIN if units is None else Units(units)
    return f"{chain_table_text(chain, columns=chosen, units=shown, width=width)}\n".encode()


def _pair_data(
    pair: tuple[ChainSnapshot, ChainSnapshot],
    format_: str,
    *,
    expiry: str | None,
    window: StrikeWindow | None,
    units: str | None,
    output: Path | None,
) -> bytes:
    left, right = pair
    rows = select_pair(left, right, expiry, window)
    if format_ != "table":
        return PAIR_FORMATS[format_](left, right, venue_comparison(left, right, rows=rows))
    view = venue_pair_view(
        left,
        right,
        expiry_ns=None,
        units=Units.USD_MODEL if units is None else Units(units),
        now_ns=(left.as_of_ns, right.as_of_ns),
        width=_terminal_width(output),
        rows=rows,
    )
    return f"{pair_table_text(view)}\n".encode()


def _terminal_width(output: Path | None) -> int | None:
    """Columns of the terminal that the table goes to; None for a pipe or file."""
    is_terminal = output is None and sys.stdout is not None and sys.stdout.isatty()
    return shutil.get_terminal_size().columns if is_terminal else None
