"""`quantdesk risk var`: value at risk and expected shortfall of a book, and their backtest."""

from __future__ import annotations

from dataclasses import replace
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
from quantdesk.app.cli.risk_options import parse_amounts
from quantdesk.app.render.var_formats import VAR_FORMATS, var_bytes
from quantdesk.errors import ConfigError, StorageError
from quantdesk.risk.fitted import fit_surfaces
from quantdesk.risk.index_prices import index_prices_of
from quantdesk.risk.prepare import prepare
from quantdesk.risk.scenarios import DOLLARS
from quantdesk.risk.valuation import value_positions
from quantdesk.risk.var import VarSettings, value_at_risk
from quantdesk.risk.var_backtest import Backtest, headline_backtests
from quantdesk.runtime.books import account_cash
from quantdesk.runtime.settings import load_settings
from quantdesk.views.safe_text import safe_text

SETTINGS = VarSettings()
WINDOWS_MAX = 20
WINDOW_DIGITS_MAX = 9


def parse_confidence(text: str) -> float:
    """The fraction of "99%", "99" or "0.99". Raises ConfigError."""
    try:
        value = float(text.strip().removesuffix("%"))
    except ValueError:
        raise ConfigError(f"--confidence {text[:40]!r}: must look like 99% or 0.99") from None
    return value / 100.0 if text.strip().endswith("%") or value > 1.0 else value


def _counts(text: str) -> tuple[int, ...]:
    """The windows of "100,200". Raises ConfigError."""
    words = [word.strip() for word in text.split(",")]
    is_short = len(words) <= WINDOWS_MAX and all(len(word) <= WINDOW_DIGITS_MAX for word in words)
    if not is_short or not all(word.isascii() and word.isdigit() for word in words):
        rule = f"must be at most {WINDOWS_MAX} whole numbers, as 100,200,300"
        raise ConfigError(f"--windows {text[:80]!r}: {rule}")
    return tuple(int(word) for word in words)


@click.command("var")
@book_options
@click.option(
    "--collateral",
    metavar="CURRENCY=AMOUNT",
    multiple=True,
    help="Cash of the account, BTC=10 or USDC=50000; may be repeated.",
)
@click.option("--confidence", default="99%", show_default=True, help="99% or 0.99.")
@click.option(
    "--horizon",
    type=float,
    metavar="DAYS",
    default=SETTINGS.horizon_days,
    show_default=True,
    help="Days that pass in each move; the record's windows are as long.",
)
@click.option(
    "--window",
    type=int,
    metavar="COUNT",
    default=SETTINGS.window,
    show_default=True,
    help="Latest windows of the record that are used at most.",
)
@click.option(
    "--decay",
    type=float,
    metavar="SHARE",
    default=SETTINGS.decay,
    show_default=True,
    help="Of the filter, an observation: how much of yesterday's variance is kept.",
)
@click.option(
    "--surface",
    type=click.Choice(["marks", "fit"]),
    default="marks",
    show_default=True,
    help="Vols of the venue's marks, or of a surface fitted on this market.",
)
@click.option(
    "--backtest/--no-backtest",
    "is_tested",
    default=True,
    show_default=True,
    help="Exceptions of this book on the whole record, data before each day only.",
)
@click.option(
    "--windows",
    metavar="COUNTS",
    help="Backtest the default method with each of these windows too, 100,200,300,400,500.",
)
@output_options(VAR_FORMATS)
@click.pass_context
def var_command(
    ctx: click.Context,
    /,
    strict: bool,
    collateral: tuple[str, ...],
    confidence: str,
    horizon: float,
    window: int,
    decay: float,
    surface: str,
    is_tested: bool,
    windows: str | None,
    format_: str,
    output: Path | None,
    **book_part: Any,
) -> None:
    """Value at risk and expected shortfall by full revaluation on recorded moves.

    History filtered (the default) and plain, vols moved by the vol index or unchanged, in USD and
    coin, with and without collateral; each with its sample, or why it is not available.
    """
    settings = VarSettings(
        confidence=parse_confidence(confidence), horizon_days=horizon, window=window, decay=decay
    )
    others = () if windows is None else _counts(windows)
    if others and not is_tested:
        raise ConfigError("--windows: goes with --backtest")
    for count in others:
        replace(settings, window=count)
    given = parse_amounts(collateral)
    opened = open_from_options(load_settings(), **book_part)
    for note in opened.notes:
        click.echo(f"quantdesk: note: {safe_text(note, 400)}", err=True)
    surfaces = fit_surfaces(opened.market).surfaces if surface == "fit" else None
    book = value_positions(opened.positions, opened.market, surfaces=surfaces)
    reasons = [f"{one.instrument_name}: {one.reason}" for one in opened.refused]
    reasons += [f"{one.position.instrument.name}: {one.reason}" for one in book.excluded]
    prices = index_prices_of(opened.market)
    held = account_cash(opened.accounts, opened.positions)
    reasons += [f"cash in {c}: no price" for c in held if c not in DOLLARS and c not in prices]
    cash = {c: a for c, a in held.items() if c in DOLLARS or c in prices} | given
    tell_left_out([safe_text(reason, 300) for reason in reasons])
    if strict and reasons:
        raise StorageError(f"--strict: {len(reasons)} rows or legs would be left out")
    prepared = prepare(book, surfaces=surfaces)
    until_ns = opened.market.as_of_ns
    report = value_at_risk(
        prepared,
        index_prices=prices,
        until_ns=until_ns,
        collateral=cash,
        settings=settings,
        left_out=len(reasons),
    )
    tests: tuple[Backtest, ...] = ()
    if is_tested:
        tests = headline_backtests(prepared, report, until_ns=until_ns, windows=others)
    data = var_bytes(report, tests, format_, as_of_ns=until_ns, reasons=reasons)
    write_output(data, output, is_binary=format_ == "pdf")
    if reasons:
        ctx.exit(LEFT_OUT_EXIT_CODE)
