"""`quantdesk pnl`: what a book earned between two moments, explained step by step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from quantdesk.app.cli.book_options import LEFT_OUT_EXIT_CODE, tell_left_out
from quantdesk.app.cli.options import output_options, venue_options
from quantdesk.app.cli.output import write_output
from quantdesk.app.cli.pnl_sources import pnl_sources
from quantdesk.app.cli.risk_options import parse_amounts
from quantdesk.app.cli.verb_list import VerbList
from quantdesk.app.render.pnl_explain_formats import EXPLAIN_FORMATS, explain_bytes
from quantdesk.errors import ConfigError, StorageError
from quantdesk.portfolio.leg_marks import LegMarks
from quantdesk.risk.fitted import fit_surfaces
from quantdesk.risk.pnl_explain import explain_pnl
from quantdesk.risk.pnl_explain_changes import changes_of
from quantdesk.risk.pnl_explain_totals import PnlExplain
from quantdesk.risk.scenario import SmileRule
from quantdesk.runtime.pnl_events import NOTHING, BookEvents, read_events
from quantdesk.runtime.pnl_moments import BookMoments, open_moments, positions_at_either
from quantdesk.runtime.settings import load_settings
from quantdesk.views.safe_text import safe_text


@click.group("pnl", cls=VerbList)
def command() -> None:
    """What a book earned, and why."""


@command.command("explain")
@click.option(
    "--book",
    metavar="FILE",
    required=True,
    type=click.Path(path_type=Path),
    help="Positions at the opening: CSV, JSON or Parquet, as for the other verbs.",
)
@click.option(
    "--from",
    "from_",
    metavar="TIME|FILE|DIR|day",
    multiple=True,
    help="Opening: a market file (may be repeated), a recording, an ISO-8601 UTC moment of "
    "--market or --replay, or day: the opening that the desk on --to VENUE kept.",
)
@click.option(
    "--to",
    "to",
    metavar="TIME|FILE|DIR|VENUE",
    multiple=True,
    help="Close: a market file, a recording, a venue as for --venue, or a moment; the last moment "
    "of the opening's file or recording if left out.",
)
@click.option(
    "--market",
    metavar="FILE",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Market file of both moments; may be repeated for a book of several chains.",
)
@click.option(
    "--to-market",
    metavar="FILE",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Market file of the close, as --to FILE.",
)
@click.option(
    "--replay",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Read both moments from a recording made by `quantdesk record`.",
)
@venue_options
@click.option(
    "--trades",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="CSV of what happened in between: kind (trade, fee, funding, settlement), venue, "
    "instrument_name, quantity, price, fee, amount, currency, account, time. A row from outside "
    "--from … --to refuses the file.",
)
@click.option(
    "--collateral",
    metavar="CURRENCY=AMOUNT",
    multiple=True,
    help="Cash held at the opening, BTC=10; its translation to USD is shown apart.",
)
@click.option(
    "--vol-rule",
    type=click.Choice([rule.value for rule in SmileRule]),
    default=SmileRule.STICKY_STRIKE.value,
    show_default=True,
    help="What vols do while the index moves.",
)
@click.option(
    "--surface",
    type=click.Choice(["fit", "none"]),
    default="fit",
    show_default=True,
    help="Take vol changes apart through surfaces fitted at both moments, or strike by strike.",
)
@click.option(
    "--strict",
    is_flag=True,
    help="Print nothing and end with an error where a row or leg would be left out.",
)
@output_options(EXPLAIN_FORMATS)
@click.pass_context
def explain_command(
    ctx: click.Context,
    book: Path,
    from_: tuple[str, ...],
    to: tuple[str, ...],
    market: tuple[Path, ...],
    to_market: tuple[Path, ...],
    replay: Path | None,
    venue: tuple[str, ...],
    endpoint: tuple[str, ...],
    trades: Path | None,
    collateral: tuple[str, ...],
    vol_rule: str,
    surface: str,
    strict: bool,
    format_: str,
    output: Path | None,
) -> None:
    """Cash, time, forward, vol level, skew, curvature, term and strike, basis, mark: in this order.

    Each step is a full revaluation with its Greek lines and what they leave; the steps add up to
    the actual P&L. Says ALARM where more is left than 0.5 % of gross (2 % on a 5 % day). Ends with
    code 3 where something was left out.
    """
    settings = load_settings()
    opening, closing = pnl_sources(
        settings,
        from_=from_,
        to=to,
        market=market,
        to_market=to_market,
        replay=replay,
        venue=venue,
        endpoint=endpoint,
    )
    moments = open_moments(book, opening, closing, settings)
    opened = moments.opening
    shapes = None
    if surface == "fit":
        shapes = (fit_surfaces(opened.market).surfaces, fit_surfaces(moments.closing).surfaces)
    happened = NOTHING if trades is None else _events(trades, moments)
    explained = explain_pnl(
        changes_of(
            opened.positions,
            fills=happened.fills,
            entries=happened.entries,
            instruments=happened.instruments,
        ),
        opened.market,
        moments.closing,
        rule=SmileRule(vol_rule),
        shapes=shapes,
        opening_cash=parse_amounts(collateral),
    )
    refused = [f"row {one.row}: {one.reason}" for one in opened.refused]
    reasons = [
        *refused,
        *(f"{one.change.key.instrument_name}: {one.reason}" for one in explained.excluded),
    ]
    tell_left_out([safe_text(reason, 300) for reason in reasons])
    if strict and reasons:
        raise StorageError(f"--strict: {len(reasons)} rows or legs would be left out")
    write_output(explain_bytes(explained, format_, reasons=refused), output)
    if reasons:
        ctx.exit(LEFT_OUT_EXIT_CODE)


def explain_since(
    since: str, *, book: Path | None, market: Sequence[Path], replay: Path | None, at: str | None
) -> PnlExplain:
    """What the positions of `book`, held throughout, earned from `since` to `at`.

    One that was not listed yet at `since` is in `excluded` by name. Raises ConfigError where there
    is no file of positions or no recorded market.
    """
    if book is None or not (market or replay):
        raise ConfigError("--since: goes with --book and with --market or --replay")
    settings = load_settings()
    opening, closing = pnl_sources(
        settings,
        from_=(since,),
        to=() if at is None else (at,),
        market=market,
        replay=replay,
        options=("--since", "--at"),
    )
    moments = open_moments(book, opening, closing, settings)
    first, last = moments.opening.market, moments.closing
    held = positions_at_either(moments.rows, first, last)
    shapes = (fit_surfaces(first).surfaces, fit_surfaces(last).surfaces)
    return explain_pnl(changes_of(tuple(held.values())), first, last, shapes=shapes)


def _events(path: Path, moments: BookMoments) -> BookEvents:
    opening, closing = LegMarks(moments.opening.market), LegMarks(moments.closing)
    return read_events(path, moments.opening.positions, opening, closing)
