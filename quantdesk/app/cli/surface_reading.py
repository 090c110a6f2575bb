"""`quantdesk surface at|shock|clock`: a fitted surface at a date, after a shock, and its clock."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from quantdesk.app.cli.options import MODEL_HELP, MOMENT_HELP, output_options
from quantdesk.app.cli.output import write_output
from quantdesk.app.cli.standard_input import file_or_input, file_words
from quantdesk.app.cli.surface_history import FIT_WRITERS, fit_bytes
from quantdesk.app.render.surface_clock_formats import CLOCK_FORMATS, ClockReading
from quantdesk.app.render.surface_reading_formats import READING_FORMATS, SurfaceReading
from quantdesk.domain.times import parse_instant
from quantdesk.errors import InvalidInput, OutOfDomain
from quantdesk.market.clock_edits import parse_event
from quantdesk.market.clock_estimate import estimate_clock
from quantdesk.market.fitting import MODELS, FitOptions, SurfaceFit
from quantdesk.market.selection import EXPIRY_WORDS, select_expiries
from quantdesk.market.surface_clock import fit_on_clock
from quantdesk.market.surface_dates import DATE_WORDS, parse_surface_date
from quantdesk.market.surface_density import INDEX_DAYS, thirty_day_index
from quantdesk.market.surface_reading import PointAsked, PointKind, read_dates
from quantdesk.market.surface_shocks import SurfaceShock, shock_surface
from quantdesk.runtime.surfaces import read_clock, read_quotes

Command = TypeVar("Command", bound=Callable[..., Any])

POINTS_MAX = 1_000
"""Points of one kind that a command line is believed to mean."""


def fit_options(function: Command) -> Command:
    """FILE, --underlying, --at, --model and --clock: which surface."""
    function = click.option(
        "--clock",
        metavar="calendar|weekend|FILE",
        default="calendar",
        show_default=True,
        help="What variance runs on between expiries, as for `surface fit`.",
    )(function)
    function = click.option(
        "--model", type=click.Choice(MODELS), default="spline", show_default=True, help=MODEL_HELP
    )(function)
    function = click.option(
        "--at",
        metavar="TIME",
        help=MOMENT_HELP,
    )(function)
    function = click.option(
        "--underlying",
        metavar="NAME",
        help="Which chain, BTC or BTC@deribit; the only one if left out.",
    )(function)
    return click.argument("file", type=click.Path(path_type=Path))(function)


def fitted(
    file: Path, underlying: str | None, at: str | None, model: str, clock: str
) -> SurfaceFit:
    """The surface of `file`. Raises OutOfDomain where its quotes carry none."""
    at_ns = None if at is None else parse_instant(at)
    with file_or_input(file) as source:
        quotes = read_quotes(source, underlying, at_ns)
    fit = fit_on_clock(quotes, options=FitOptions(model=model), choice=read_clock(clock))
    if not isinstance(fit, SurfaceFit):
        raise OutOfDomain(f"{file_words(file)}: no surface: {fit.reason}")
    return fit


@click.command("at")
@fit_options
@click.option("--expiry", metavar="WHEN", help=f"Listed: {EXPIRY_WORDS}; all if left out.")
@click.option("--date", "dates", metavar="WHEN", multiple=True, help=f"Any: {DATE_WORDS}.")
@click.option("--strike", metavar="USD,…", help="Points at these strikes.")
@click.option("--delta", metavar="D,…", help="Points of these deltas: 0.25 a call, -0.25 a put.")
@click.option("--moneyness", metavar="K,…", help="Points at these ln(K/F).")
@click.option(
    "--wings",
    metavar="D,…",
    default="0.25",
    show_default=True,
    help="Risk reversals and butterflies at these deltas.",
)
@click.option(
    "--premium-adjusted", is_flag=True, help="Deltas less the premium in coin, of inverse options."
)
@click.option(
    "--index-days",
    type=click.IntRange(min=1, max=3650),
    default=INDEX_DAYS,
    show_default=True,
    help="Days of the volatility index: fair variances of the two expiries around it, linear in "
    "total variance (ours: it is not DVOL).",
)
@output_options(READING_FORMATS)
def at_command(
    file: Path,
    underlying: str | None,
    at: str | None,
    model: str,
    clock: str,
    expiry: str | None,
    dates: tuple[str, ...],
    strike: str | None,
    delta: str | None,
    moneyness: str | None,
    wings: str,
    premium_adjusted: bool,
    index_days: int,
    format_: str,
    output: Path | None,
) -> None:
    """Read the surface of FILE at points and dates, listed or not.

    By date: forward, ATM, forward vol, risk reversals and butterflies, variance swap, moments of
    the density. By point: vol, total variance, price, Greeks with a sticky strike, a sticky delta
    and the surface's own skew, and what a day down the surface does (strike and forward held).
    Without points at the money, without dates every expiry.

    Between expiries total variance is linear on the clock, before the first in proportion to it;
    after the last the forward variance at the money of the last interval is added everywhere, and
    the forward stays that of the last expiry.
    """
    points = [
        PointAsked(kind=kind, value=value)
        for kind, text in (
            (PointKind.STRIKE, strike),
            (PointKind.DELTA, delta),
            (PointKind.MONEYNESS, moneyness),
        )
        for value in _numbers(kind.value, text)
    ]
    deltas = _numbers("wings", wings)
    fit = fitted(file, underlying, at, model, clock)
    reading = SurfaceReading(
        fit=fit,
        dates=read_dates(
            fit,
            _instants(fit, expiry, dates),
            points=points,
            deltas=[abs(each) for each in deltas],
            premium_adjusted=premium_adjusted,
        ),
        index=thirty_day_index(fit, index_days),
    )
    write_output(READING_FORMATS[format_](reading), output, is_binary=format_ == "parquet")


def _instants(fit: SurfaceFit, expiry: str | None, dates: tuple[str, ...]) -> list[int]:
    listed = [each.expiry_ns for each in fit.slices]
    if expiry is None and not dates:
        return listed
    chosen = [parse_surface_date(fit, word) for text in dates for word in text.split(",")]
    if expiry is not None:
        chosen += select_expiries(listed, expiry, fit.as_of_ns)
    return chosen


@click.command("clock")
@fit_options
@click.option(
    "--estimate",
    is_flag=True,
    help="What the term structure suggests of the weekend and of events: --event, and --clock's.",
)
@click.option(
    "--event",
    "events",
    metavar='"START [LENGTH] [NAME]"',
    multiple=True,
    help='An event to estimate: "2026-06-17T18:00Z 2h FOMC"; a day long if no length is given. '
    "May be repeated; goes with --estimate.",
)
@output_options(CLOCK_FORMATS)
def clock_command(
    file: Path,
    underlying: str | None,
    at: str | None,
    model: str,
    clock: str,
    estimate: bool,
    events: tuple[str, ...],
    format_: str,
    output: Path | None,
) -> None:
    """Print the clock that variance runs on between expiries, or what FILE suggests of one.

    Estimates come with their standard errors; what the expiries can not tell is said. With
    `--format toml -o FILE` they are a file to edit, which --clock reads.
    """
    if events and not estimate:
        raise click.UsageError("--event goes with --estimate")
    asked = [parse_event(text, needs_days=False) for text in events]
    fit = fitted(file, underlying, at, model, clock)
    found = None
    if estimate:
        named = {each.name for each in asked}
        own = [each for each in fit.clock.events if each.name not in named]
        found = estimate_clock(fit, sorted([*own, *asked], key=lambda each: each.start_ns))
    write_output(CLOCK_FORMATS[format_](ClockReading(fit=fit, estimate=found)), output)


def _numbers(field: str, text: str | None) -> list[float]:
    """Numbers of a comma-separated list. Raises InvalidInput naming the option."""
    words = [] if text is None else text.split(",")
    if len(words) > POINTS_MAX:
        raise InvalidInput(field, len(words), f"must be at most {POINTS_MAX} numbers")
    try:
        return [float(word) for word in words]
    except ValueError:
        raise InvalidInput(field, text, "must be numbers, separated by commas") from None


@click.command("shock")
@fit_options
@click.option("--level", type=float, default=0.0, help="Vol added everywhere: 0.05 is 5 points.")
@click.option("--skew", type=float, default=0.0, help="Vol added to puts at one deviation.")
@click.option("--curvature", type=float, default=0.0, help="Vol added to both wings.")
@click.option("--term", type=float, default=0.0, help="Vol added at 30 days, × √(30 days/T).")
@click.option("--grid", is_flag=True, help="In CSV: each slice on 1,201 points of k, -3 to 3.")
@output_options(FIT_WRITERS)
def shock_command(
    file: Path,
    underlying: str | None,
    at: str | None,
    model: str,
    clock: str,
    level: float,
    skew: float,
    curvature: float,
    term: float,
    grid: bool,
    format_: str,
    output: Path | None,
) -> None:
    """Move the surface of FILE and print it as `fit` does; it stays free of arbitrage.

    How far the nearest surface without arbitrage lies from what was asked, at quotes and on
    k = -3…3: on standard error; its grade says the same. A shock of nothing changes nothing.
    """
    shock = SurfaceShock(level=level, skew=skew, curvature=curvature, term=term)
    moved = shock_surface(fitted(file, underlying, at, model, clock), shock)
    write_output(fit_bytes(moved.fit, format_, grid=grid), output, is_binary=format_ == "parquet")
    if shock.is_nothing:
        click.echo("quantdesk: a shock of nothing: the surface is as it was", err=True)
        return
    click.echo(
        f"quantdesk: shocked; the furthest vol lies {100 * moved.quoted_gap:.2f} points from what "
        f"was asked at a quote, {100 * moved.gap:.2f} on k = -3…3",
        err=True,
    )
