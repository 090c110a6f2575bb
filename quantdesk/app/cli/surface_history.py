"""`quantdesk surface show|history|diff|plot`: kept surfaces, what changed, and pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from quantdesk.app.cli.output import write_output
from quantdesk.app.cli.standard_input import STANDARD_INPUT, file_or_input, file_words
from quantdesk.app.render.surface_formats import (
    fit_json,
    fit_text,
    grid_csv,
    quotes_csv,
    slices_csv,
)
from quantdesk.app.render.surface_history_formats import (
    DIFF_FORMATS,
    HISTORY_FORMATS,
    slices_parquet,
)
from quantdesk.app.render.surface_plots import PLOT_KINDS, surface_plot
from quantdesk.app.render.surface_quote_rows import fitted_quotes, quotes_parquet
from quantdesk.domain.times import format_instant, parse_instant
from quantdesk.errors import ConfigError, InvalidInput, OutOfDomain, StorageError
from quantdesk.market.fitting import FitOptions, FitRefusal, SurfaceFit, fit_surface
from quantdesk.market.selection import select_expiries
from quantdesk.market.surface_diff import surface_diff
from quantdesk.market.surface_quotes import SurfaceQuotes
from quantdesk.runtime.clock import SystemClock
from quantdesk.runtime.settings import data_folder
from quantdesk.runtime.surface_store import history_path, restored_fit, stored_fit
from quantdesk.runtime.surfaces import read_quotes
from quantdesk.storage.surface_history import SurfaceHistory

Command = TypeVar("Command", bound=Callable[..., Any])

FIT_WRITERS = {
    "table": fit_text,
    "csv": slices_csv,
    "json": fit_json,
    "parquet": slices_parquet,
}
"""Each format's writer of one fit, by the name that `--format` takes."""


def history_option(function: Command) -> Command:
    """--history FILE."""
    return click.option(
        "--history",
        "history_file",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="The history of fits; that of the desk in the data folder if left out.",
    )(function)


def chain_choice(function: Command) -> Command:
    """--underlying, --venue and --origin, of a kept fit."""
    function = click.option("--origin", metavar="TEXT", help="Where the quotes came from.")(
        function
    )
    function = click.option("--venue", metavar="NAME", help="Which venue's.")(function)
    return click.option(
        "--underlying",
        metavar="NAME",
        help="Which chain, BTC or BTC@deribit; the only one if left out.",
    )(function)


def quotes_option(function: Command) -> Command:
    """--quotes FILE."""
    return click.option(
        "--quotes",
        "quotes_file",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Also write every quote with its fit, as CSV, or as Parquet where FILE ends in it.",
    )(function)


def write_quotes(quotes: SurfaceQuotes, fit: SurfaceFit | FitRefusal, path: Path) -> None:
    """Write the quotes of `fit` to `path`, in the format that its name ends in."""
    is_parquet = path.suffix.lower() == ".parquet"
    data = (quotes_parquet if is_parquet else quotes_csv)(quotes, fit)
    write_output(data, path, is_binary=is_parquet)


def open_history(history_file: Path | None) -> SurfaceHistory:
    """The history that `--history` names, else the desk's own."""
    return SurfaceHistory(history_path(data_folder()) if history_file is None else history_file)


def save_fit(fit: SurfaceFit, source: Path, history_file: Path | None) -> None:
    """Keep `fit` of `source` in the history and say so."""
    stored = stored_fit(fit, origin=source.name, saved_ns=SystemClock().now_ns())
    is_new = open_history(history_file).append(stored)
    words = "kept" if is_new else "kept already"
    click.echo(f"quantdesk: {words}: fit {fit.digest[:12]} of {source.name}", err=True)


def kept_fit(
    history: SurfaceHistory,
    *,
    underlying: str | None,
    venue: str | None,
    origin: str | None,
    at_ns: int | None,
) -> SurfaceFit:
    """The last kept fit not later than `at_ns` of the one chain that is meant.

    `underlying` may name its venue as "BTC@deribit". Raises ConfigError where several chains fit
    the question, StorageError where none does.
    """
    name, venue = named_chain(underlying, venue)
    chains = history.chains(name, venue=venue, origin=origin, end_ns=at_ns)
    venues, coins = (sorted({chain[place] for chain in chains}) for place in (0, 1))
    if len(coins) > 1:
        raise ConfigError(f"--underlying: is missing; the history holds {' and '.join(coins)}")
    if len(venues) > 1:
        raise ConfigError(
            f"--venue: is missing; the history holds {coins[0]} of {' and '.join(venues)}"
        )
    stored = None
    if chains:
        stored = history.as_of(coins[0], venue=venues[0], origin=origin, at_ns=at_ns)
    if stored is None:
        if name is None:
            later = {each for _, each in history.chains(venue=venue, origin=origin)}
            name = later.pop() if len(later) == 1 else None
        until = "" if at_ns is None else f" up to {format_instant(at_ns)}"
        at_venue = "" if venue is None else f" at {venue}"
        raise StorageError(
            f"the history holds no surface of {name or 'anything'}{at_venue}{until}: keep one with "
            "`quantdesk surface fit FILE --save`, or run the desk"
        )
    return restored_fit(stored)


def named_chain(underlying: str | None, venue: str | None) -> tuple[str | None, str | None]:
    """Coin and venue that `--underlying` ("BTC" or "BTC@deribit") and `--venue` name.

    Raises ConfigError where they name two venues.
    """
    name, _, at_venue = (underlying or "").partition("@")
    wanted = None if venue is None else venue.lower()
    if wanted is not None and at_venue and at_venue.lower() != wanted:
        raise ConfigError(f"--venue: {venue} contradicts --underlying {underlying}")
    return name.upper() or None, wanted or at_venue.lower() or None


def chain_in_file(underlying: str | None, venue: str | None) -> str | None:
    """The chain of a file that `--underlying` and `--venue` name, as `read_quotes` takes it."""
    name, at_venue = named_chain(underlying, venue)
    return name if at_venue is None else f"{name or ''}@{at_venue}"


def kept_moment(text: str) -> int | None:
    """The moment up to which a kept fit is looked for; None of "now", which is the history's end.

    A recorded or simulated venue's now is none of this machine's. Raises InvalidInput.
    """
    return None if text == "now" else parse_instant(text)


def fit_bytes(fit: SurfaceFit, format_: str, *, grid: bool) -> bytes:
    """`fit` in the chosen format; `grid` is the CSV of the common grid."""
    if grid and format_ != "csv":
        raise click.UsageError("--grid goes with --format csv")
    return grid_csv(fit) if grid else FIT_WRITERS[format_](fit)


@click.command("show")
@chain_choice
@click.option(
    "--at",
    metavar="TIME",
    help='The last fit up to then, ISO-8601 UTC or "now"; the newest if left out.',
)
@click.option(
    "--format", "format_", type=click.Choice([*FIT_WRITERS]), default="table", show_default=True
)
@click.option("--grid", is_flag=True, help="In CSV: each slice on 1,201 points of k, -3 to 3.")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write to FILE instead of standard output.",
)
@quotes_option
@history_option
def show_command(
    underlying: str | None,
    venue: str | None,
    origin: str | None,
    at: str | None,
    format_: str,
    grid: bool,
    output: Path | None,
    quotes_file: Path | None,
    history_file: Path | None,
) -> None:
    """Print a kept surface: the newest, or the last one up to --at, never a later one."""
    fit = kept_fit(
        open_history(history_file),
        underlying=underlying,
        venue=venue,
        origin=origin,
        at_ns=None if at is None else kept_moment(at),
    )
    if quotes_file is not None:
        write_quotes(fitted_quotes(fit), fit, quotes_file)
    write_output(fit_bytes(fit, format_, grid=grid), output, is_binary=format_ == "parquet")


@click.command("history")
@chain_choice
@click.option("--from", "start", metavar="TIME", help="From this moment on.")
@click.option("--to", "end", metavar="TIME", help="Up to this moment.")
@click.option(
    "--limit",
    type=click.IntRange(min=1, max=100_000),
    default=50,
    show_default=True,
    help="The last so many.",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice([*HISTORY_FORMATS]),
    default="table",
    show_default=True,
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write to FILE instead of standard output.",
)
@history_option
def history_command(
    underlying: str | None,
    venue: str | None,
    origin: str | None,
    start: str | None,
    end: str | None,
    limit: int,
    format_: str,
    output: Path | None,
    history_file: Path | None,
) -> None:
    """List kept surfaces, oldest first: moment, model, grade, share inside the spread, digest."""
    name, at_venue = named_chain(underlying, venue)
    found = open_history(history_file).summaries(
        name,
        venue=at_venue,
        origin=origin,
        start_ns=None if start is None else parse_instant(start),
        end_ns=None if end is None else parse_instant(end),
        limit=limit,
    )
    write_output(HISTORY_FORMATS[format_](found), output, is_binary=format_ == "parquet")
    if not found:
        click.echo("quantdesk: no surface is kept that fits this question", err=True)


@click.command("diff")
@click.argument("before")
@click.argument("after")
@chain_choice
@click.option(
    "--format", "format_", type=click.Choice([*DIFF_FORMATS]), default="table", show_default=True
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write to FILE instead of standard output.",
)
@history_option
def diff_command(
    before: str,
    after: str,
    underlying: str | None,
    venue: str | None,
    origin: str | None,
    format_: str,
    output: Path | None,
    history_file: Path | None,
) -> None:
    """Print what changed from BEFORE to AFTER: forward, ATM, RR25, BF25 and vols at fixed strikes.

    Each is a market FILE, which is fitted (at its last moment; FILE@TIME at the last not after
    TIME), or a moment (ISO-8601 UTC, or "now"), which is the last kept surface up to then. Changes
    at fixed strikes are in vol points and in half-spreads of AFTER's quotes.
    """
    if before == after == f"{STANDARD_INPUT}":
        raise click.UsageError("-: standard input can be read once")
    history, of_file = open_history(history_file), chain_in_file(underlying, venue)
    sides = []
    for text in (before, after):
        file, _, moment = text.rpartition("@")
        if Path(text) == STANDARD_INPUT or Path(text).exists():
            sides.append(_file_fit(Path(text), of_file, None))
            continue
        if file and Path(file).exists():
            sides.append(_file_fit(Path(file), of_file, parse_instant(moment)))
            continue
        sides.append(
            kept_fit(
                history, underlying=underlying, venue=venue, origin=origin, at_ns=_moment(text)
            )
        )
    first, second = sides
    if (first.underlying, first.venue) != (second.underlying, second.venue):
        raise ConfigError(
            f"diff: {first.underlying} at {first.venue} and {second.underlying} at {second.venue} "
            "are no two moments of one chain"
        )
    write_output(DIFF_FORMATS[format_](surface_diff(first, second)), output)


def _moment(text: str) -> int | None:
    try:
        return kept_moment(text)
    except InvalidInput as error:
        raise ConfigError(f"{text!r}: is neither a file nor a moment ({error})") from None


def _file_fit(file: Path, underlying: str | None, at_ns: int | None) -> SurfaceFit:
    with file_or_input(file) as source:
        fit = fit_surface(read_quotes(source, underlying, at_ns), options=FitOptions())
    if not isinstance(fit, SurfaceFit):
        raise OutOfDomain(f"{file_words(file)}: no surface: {fit.reason}")
    return fit


@click.command("plot")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@chain_choice
@click.option("--kind", type=click.Choice(PLOT_KINDS), default="smile", show_default=True)
@click.option("--expiry", metavar="TEXT", help="Smiles of these expiries only, as for `chain`.")
@click.option(
    "--at",
    metavar="TIME",
    help='Moment of FILE, or of the history (also "now"); the last if left out.',
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    required=True,
    help="Ends in .svg or .png.",
)
@history_option
def plot_command(
    file: Path | None,
    underlying: str | None,
    venue: str | None,
    origin: str | None,
    kind: str,
    expiry: str | None,
    at: str | None,
    output: Path,
    history_file: Path | None,
) -> None:
    """Draw the surface of FILE, or a kept one, as SVG or PNG: smile, term or heatmap.

    Smiles stand over bid/ask whiskers; term is ATM, RR25 and BF25; the heatmap is surface less mid
    of each quote. Needs the extra `plots`.
    """
    if file is not None:
        at_ns = None if at is None else parse_instant(at)
        with file_or_input(file) as source:
            found = fit_surface(read_quotes(source, chain_in_file(underlying, venue), at_ns))
        if not isinstance(found, SurfaceFit):
            raise OutOfDomain(f"{file_words(file)}: no surface: {found.reason}")
        fit = found
    else:
        fit = kept_fit(
            open_history(history_file),
            underlying=underlying,
            venue=venue,
            origin=origin,
            at_ns=None if at is None else kept_moment(at),
        )
    chosen: tuple[int, ...] = ()
    if expiry is not None:
        if kind != "smile":
            raise click.UsageError("--expiry goes with --kind smile")
        chosen = tuple(
            select_expiries([each.expiry_ns for each in fit.slices], expiry, fit.as_of_ns)
        )
    picture = surface_plot(fit, kind, output.suffix.lower(), expiries_ns=chosen)
    write_output(picture, output, is_binary=True)
