"""`quantdesk surface`: fit a volatility surface, grade models on chains, check for arbitrage."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from quantdesk.app.cli.options import MODEL_HELP, MOMENT_HELP, FiniteRange
from quantdesk.app.cli.output import write_output
from quantdesk.app.cli.standard_input import STANDARD_INPUT, file_or_input, file_words
from quantdesk.app.cli.surface_history import (
    FIT_WRITERS,
    diff_command,
    fit_bytes,
    history_command,
    history_option,
    plot_command,
    quotes_option,
    save_fit,
    show_command,
    write_quotes,
)
from quantdesk.app.cli.surface_reading import at_command, clock_command, shock_command
from quantdesk.app.cli.verb_list import VerbList
from quantdesk.app.render.surface_formats import (
    check_text,
    fit_json,
    grade_json,
    grade_table,
    refused_lines,
)
from quantdesk.domain.times import parse_instant
from quantdesk.errors import ChainFileError, OutOfDomain, QuantDeskError, StorageError
from quantdesk.market.fitting import MODELS, FitOptions, SurfaceFit, fit_surface
from quantdesk.market.surface_clock import ClockChoice, fit_on_clock, suggested_weekend
from quantdesk.market.surface_grading import (
    HOLD_OUT_MIN,
    ModelScore,
    SnapshotScore,
    TrialCounts,
    score_snapshot,
    summarise,
)
from quantdesk.market.surface_quotes import SurfaceQuotes
from quantdesk.market.variance_clock import CALENDAR, VarianceClock
from quantdesk.runtime.surfaces import EVERY_S, every_moment, read_clock, read_quotes

Command = TypeVar("Command", bound=Callable[..., Any])

ARBITRAGE_EXIT_CODE = 1


def chain_options(function: Command) -> Command:
    """FILE, --underlying and --at."""
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


def clock_option(function: Command) -> Command:
    """--clock."""
    return click.option(
        "--clock",
        metavar="calendar|weekend|FILE",
        default="calendar",
        show_default=True,
        help="What variance runs on between expiries: every day alike, weekends as this chain's "
        "forward variances suggest, or a TOML file of weights and events. No listed vol changes.",
    )(function)


@click.group("surface", cls=VerbList)
def command() -> None:
    """Volatility surfaces: arbitrage-free, inside the spread, with an honest grade.

    FILE is a recorded market file of any known layout (plain, gzip or zstd), a recording's folder,
    a chain that `quantdesk chain --format json` wrote, or - for one of these on standard input.
    """


@command.command("fit")
@chain_options
@click.option(
    "--model", type=click.Choice(MODELS), default="spline", show_default=True, help=MODEL_HELP
)
@click.option(
    "--format",
    "format_",
    type=click.Choice([*FIT_WRITERS]),
    default="table",
    show_default=True,
)
@click.option("--grid", is_flag=True, help="In CSV: each slice on 1,201 points of k, -3 to 3.")
@clock_option
@click.option("--exclude", metavar="NAME", multiple=True, help="An option to leave out.")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write to FILE instead of standard output.",
)
@quotes_option
@click.option(
    "--save",
    is_flag=True,
    help="Keep the fit in the history, at the moment that is printed: of hourly vols (iv_hourly) "
    "the minute their Greeks were made at, up to an hour off their date.",
)
@history_option
def fit_command(
    file: Path,
    underlying: str | None,
    at: str | None,
    model: str,
    format_: str,
    grid: bool,
    clock: str,
    exclude: tuple[str, ...],
    output: Path | None,
    quotes_file: Path | None,
    save: bool,
    history_file: Path | None,
) -> None:
    """Fit the surface of the chain in FILE and print it; exit code 3 where it carries none."""
    if grid and format_ != "csv":
        raise click.UsageError("--grid goes with --format csv")
    if history_file is not None and not save:
        raise click.UsageError("--history goes with --save")
    at_ns = None if at is None else parse_instant(at)
    with file_or_input(file) as source:
        quotes = read_quotes(source, underlying, at_ns, exclude)
    options = FitOptions(model=model)
    fit = fit_on_clock(quotes, options=options, choice=read_clock(clock))
    if quotes_file is not None:
        write_quotes(quotes, fit, quotes_file)
    for note in quotes.notes:
        click.echo(f"quantdesk: {note}", err=True)
    if format_ != "table" or not isinstance(fit, SurfaceFit):
        for line in refused_lines(quotes, fit):
            click.echo(f"quantdesk: {line}", err=True)
    if not isinstance(fit, SurfaceFit):
        if format_ == "json":
            write_output(fit_json(fit, quotes), output)
        raise OutOfDomain(f"{file_words(file)}: no surface: {fit.reason}")
    data = fit_json(fit, quotes) if format_ == "json" else fit_bytes(fit, format_, grid=grid)
    write_output(data, output, is_binary=format_ == "parquet")
    if save:
        save_fit(fit, file, history_file)


@command.command("check")
@chain_options
@click.option(
    "--model", type=click.Choice(MODELS), default="spline", show_default=True, help=MODEL_HELP
)
@clock_option
def check_command(
    file: Path, underlying: str | None, at: str | None, model: str, clock: str
) -> None:
    """Fit the chain in FILE and check it for arbitrage; exit code 1 where there is some.

    Where the quotes carry no surface there is nothing to check: exit code 3.
    """
    at_ns = None if at is None else parse_instant(at)
    with file_or_input(file) as source:
        quotes = read_quotes(source, underlying, at_ns)
    options = FitOptions(model=model)
    fit = fit_on_clock(quotes, options=options, choice=read_clock(clock))
    if not isinstance(fit, SurfaceFit):
        raise OutOfDomain(f"{file_words(file)}: no surface: {fit.reason}")
    write_output(check_text(fit), None)
    if fit.faults:
        raise click.exceptions.Exit(ARBITRAGE_EXIT_CODE)


@command.command("grade")
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--underlying",
    metavar="NAME",
    help="Which chain, BTC or BTC@deribit; the only one if left out.",
)
@click.option(
    "--model",
    "models",
    type=click.Choice(MODELS),
    multiple=True,
    default=MODELS,
    show_default=True,
    help="Repeat for several.",
)
@click.option(
    "--hold-out",
    type=click.IntRange(min=HOLD_OUT_MIN, max=1000),
    metavar="N",
    help="Also hide every N-th quote of each expiry and score the fit on it.",
)
@click.option(
    "--stability",
    type=click.IntRange(min=0, max=100_000),
    default=0,
    metavar="N",
    help="Also move N quotes of each moment by a tick, one at a time, and see what else moves.",
)
@click.option(
    "--outliers",
    type=click.IntRange(min=0, max=1000),
    default=0,
    metavar="N",
    help="Also spoil 5 % of the quotes, N times by each of 3, 4, 6 and 10 half-spreads.",
)
@click.option(
    "--every",
    "every_s",
    type=FiniteRange(min=0.1),
    default=EVERY_S,
    show_default=True,
    metavar="SECONDS",
    help="Of a recording: recorded time between the moments that are graded, and its end.",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
)
@clock_option
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write to FILE instead of standard output.",
)
def grade_command(
    files: tuple[Path, ...],
    underlying: str | None,
    models: tuple[str, ...],
    hold_out: int | None,
    stability: int,
    outliers: int,
    every_s: float,
    format_: str,
    clock: str,
    output: Path | None,
) -> None:
    """Grade models on every moment of each FILE, side by side; several files also together.

    Of several files one that can not be read is named and left out: exit code 3, as where not one
    slice could be fitted.
    """
    choice, trials = read_clock(clock), TrialCounts(ticks=stability, outliers=outliers)
    if files.count(STANDARD_INPUT) > 1:
        raise click.UsageError("-: standard input can be read once")
    titles, tables, left_out = [], [], 0
    everything: dict[str, list[SnapshotScore]] = {model: [] for model in models}
    for file in files:
        try:
            with file_or_input(file) as source:
                moments = every_moment(source, underlying, every_s=every_s)
                scores = _scores(moments, models, hold_out, trials, choice)
        except (StorageError, ChainFileError) as error:
            if len(files) == 1:
                raise
            click.echo(f"quantdesk: left out: {error}", err=True)
            left_out += 1
            continue
        titles.append(f"{file.name}, each {every_s:g} s" if file.is_dir() else file.name)
        tables.append([summarise(model, found) for model, found in scores.items()])
        for model, found in scores.items():
            everything[model] += found
    if not tables:
        raise StorageError("none of the files could be read")
    if len(tables) > 1:
        titles.append("all files")
        tables.append([summarise(model, found) for model, found in everything.items()])
    write_output(_grades(titles, tables, format_), output)
    if all(not score.slices for table in tables for score in table):
        raise QuantDeskError("not one slice could be fitted")
    if left_out:
        raise click.exceptions.Exit(StorageError.exit_code)


def _scores(
    moments: Iterable[SurfaceQuotes],
    models: Sequence[str],
    hold_out: int | None,
    trials: TrialCounts,
    choice: ClockChoice,
) -> dict[str, list[SnapshotScore]]:
    """Scores of every moment, by model."""
    scores: dict[str, list[SnapshotScore]] = {model: [] for model in models}
    for quotes in moments:
        for model in models:
            options = FitOptions(model=model)
            clock = _clock_of(quotes, options, choice)
            score = score_snapshot(quotes, options, hold_out=hold_out, clock=clock, trials=trials)
            scores[model].append(score)
    return scores


def _clock_of(quotes: SurfaceQuotes, options: FitOptions, choice: ClockChoice) -> VarianceClock:
    """What `choice` stands for on `quotes`; the calendar where they carry no surface."""
    if choice.clock is not None:
        return choice.clock
    fit = fit_surface(quotes, options=options)
    return suggested_weekend(fit) if isinstance(fit, SurfaceFit) else CALENDAR


def _grades(titles: list[str], tables: list[list[ModelScore]], format_: str) -> bytes:
    if format_ == "json":
        return grade_json(titles, tables)
    return b"\n".join(
        grade_table(title, table) for title, table in zip(titles, tables, strict=True)
    )


for kept in (show_command, history_command, diff_command, plot_command):
    command.add_command(kept)
for read in (at_command, shock_command, clock_command):
    command.add_command(read)
