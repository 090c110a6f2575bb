"""`quantdesk risk`: the report of a book, its Greeks ladders and its scenarios."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from quantdesk.app.cli.book_options import (
    LEFT_OUT_EXIT_CODE,
    book_options,
    open_from_options,
    tell_left_out,
)
from quantdesk.app.cli.options import output_options
from quantdesk.app.cli.output import write_output
from quantdesk.app.cli.pnl import explain_since
from quantdesk.app.cli.risk_options import parse_risk_options, risk_options
from quantdesk.app.cli.var import var_command
from quantdesk.app.cli.verb_list import VerbList
from quantdesk.app.render.risk_formats import (
    BINARY_FORMATS,
    FORMATS,
    PICTURED_FORMATS,
    ladder_bytes,
    risk_report_bytes,
    scenario_bytes,
)
from quantdesk.app.render.risk_plots import has_plots
from quantdesk.app.render.risk_record import excluded_records
from quantdesk.errors import StorageError
from quantdesk.margin.portfolio_statement import cash_of_one_account
from quantdesk.risk.exposure import Grouping
from quantdesk.risk.fitted import fit_surfaces
from quantdesk.risk.limits.use_report import limit_report
from quantdesk.risk.report import (
    RiskReport,
    build_report,
    desk_results,
    is_of_a_day,
    surface_sources_of,
    with_backtests,
    with_limits,
    with_pnl_explain,
)
from quantdesk.runtime.books import OpenBook, account_cash
from quantdesk.runtime.limit_books import gate_over
from quantdesk.runtime.limit_reading import tell_day
from quantdesk.runtime.limits_file import required_limits
from quantdesk.runtime.runners import ProcessPoolRunner
from quantdesk.runtime.settings import load_settings
from quantdesk.views.safe_text import safe_text

BOOK_OPTIONS = ("book", "account", "market", "replay", "at", "venue", "endpoint")


@click.group("risk", cls=VerbList)
def command() -> None:
    """What a book can lose: report, Greeks ladders, scenarios, value at risk.

    A position that can not be marked is left out by name, never counted as zero, and the verb then
    ends with code 3; --strict makes it an error.
    """


command.add_command(var_command)


@command.command("report")
@book_options
@risk_options
@click.option(
    "--plots/--no-plots",
    default=None,
    help="Pictures in HTML and PDF; by default where matplotlib (quantdesk[plots]) is installed.",
)
@click.option(
    "--limits",
    "limits_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Limits, TOML [[limit]]: the report says what is used of each, on the marks.",
)
@click.option(
    "--since",
    metavar="TIME",
    help="Explain the P&L of this book since TIME, ISO-8601 UTC, of the file or recording.",
)
@click.option(
    "--backtest/--no-backtest",
    "is_tested",
    default=False,
    show_default=True,
    help="Backtest value at risk on the whole record, data before each day only.",
)
@output_options(FORMATS)
@click.pass_context
def report_command(
    ctx: click.Context,
    /,
    strict: bool,
    format_: str,
    output: Path | None,
    plots: bool | None,
    limits_file: Path | None,
    since: str | None,
    is_tested: bool,
    **options: Any,
) -> None:
    """Exposures, ladders, scenario matrix, margin by leg, what was left out, sources and ages."""
    limits = None if limits_file is None else required_limits(limits_file)
    moments = {name: options[name] for name in ("book", "market", "replay", "at")}
    explained = None if since is None else explain_since(since, **moments)
    opened, report = _open(strict=strict, options=options)
    if explained is not None:
        report = with_pnl_explain(report, explained)
    if is_tested:
        report = with_backtests(report)
    if limits is not None:
        own = () if report.own is None else report.own.results.scenarios
        results = desk_results(report)
        gate = gate_over(opened, limits, own_scenarios=own, results=results).gate
        if explained is not None and is_of_a_day(explained):
            tell_day(gate, explained)
        report = with_limits(report, limit_report(gate, opened.market.as_of_ns))
    with_plots = format_ in PICTURED_FORMATS and (has_plots() if plots is None else plots)
    data = risk_report_bytes(report, format_, opened.refused, plots=with_plots)
    _finish(ctx, opened, report, data, format_, output)


@command.command("ladder")
@book_options
@risk_options
@click.option(
    "--by",
    type=click.Choice([one.value for one in Grouping]),
    default=Grouping.EXPIRY_STRIKE.value,
    show_default=True,
)
@output_options(FORMATS)
@click.pass_context
def ladder_command(
    ctx: click.Context,
    /,
    strict: bool,
    format_: str,
    output: Path | None,
    by: str,
    **options: Any,
) -> None:
    """Net Greeks by expiry, strike, both, strategy, structure, venue or underlying."""
    opened, report = _open(strict=strict, options=options)
    data = ladder_bytes(report, Grouping(by), format_, opened.refused)
    _finish(ctx, opened, report, data, format_, output)


@command.command("scenario")
@book_options
@risk_options
@output_options(FORMATS)
@click.pass_context
def scenario_command(
    ctx: click.Context, /, strict: bool, format_: str, output: Path | None, **options: Any
) -> None:
    """P&L by full revaluation: a matrix of spot × vol × days × basis, stresses, recorded days."""
    opened, report = _open(strict=strict, options=options)
    data = scenario_bytes(report, format_, opened.refused)
    _finish(ctx, opened, report, data, format_, output)


def _open(*, strict: bool, options: dict[str, Any]) -> tuple[OpenBook, RiskReport]:
    """The book and its report; says on stderr what was left out, and refuses it where strict."""
    book_part = {name: options.pop(name) for name in BOOK_OPTIONS}
    choices = parse_risk_options(**options)
    opened = open_from_options(load_settings(), **book_part)
    for note in opened.notes:
        click.echo(f"quantdesk: note: {safe_text(note, 400)}", err=True)
    fitted = fit_surfaces(opened.market) if choices.is_fitted else None
    report = build_report(
        opened.positions,
        opened.market,
        surfaces=None if fitted is None else fitted.surfaces,
        surface_sources=() if fitted is None else surface_sources_of(fitted),
        collateral=choices.collateral,
        account_cash=account_cash(opened.accounts, opened.positions),
        axes=choices.axes,
        own_scenarios=choices.own_scenarios,
        strike_widths=choices.strike_widths,
        venue_margins=opened.figures,
        portfolio=opened.portfolio_margin(
            cash=cash_of_one_account(opened.positions, choices.collateral)
        ),
        book_source=opened.name,
        runner=ProcessPoolRunner(choices.workers) if choices.workers else None,
    )
    reasons = _reasons(opened, report)
    tell_left_out(reasons)
    if strict and reasons:
        raise StorageError(
            f"--strict: {len(reasons)} rows or legs of {opened.name} would be left out"
        )
    return opened, report


def _reasons(opened: OpenBook, report: RiskReport) -> list[str]:
    found = []
    for one in excluded_records(report, opened.refused):
        row = "" if one["row"] is None else f"row {one['row']}: "
        row = "margin: " if one["left_out_of"] == "margin" else row
        found.append(f"{row}{safe_text(one['reason'], 300)}")
    return found


def _finish(
    ctx: click.Context,
    opened: OpenBook,
    report: RiskReport,
    data: bytes,
    format_: str,
    output: Path | None,
) -> None:
    write_output(data, output, is_binary=format_ in BINARY_FORMATS)
    if excluded_records(report, opened.refused):
        ctx.exit(LEFT_OUT_EXIT_CODE)
