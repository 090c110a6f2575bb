"""`quantdesk positions`: a book at its marks, as a tree with open profit in coin and in USD."""

from __future__ import annotations

from pathlib import Path

import click

from quantdesk.app.cli.book_options import (
    LEFT_OUT_EXIT_CODE,
    book_options,
    open_from_options,
    tell_left_out,
)
from quantdesk.app.cli.options import output_options
from quantdesk.app.cli.output import write_output
from quantdesk.app.render.position_formats import POSITION_FORMATS, PositionsShown
from quantdesk.errors import StorageError
from quantdesk.portfolio.leg_marks import LegMarks
from quantdesk.portfolio.valued_positions import LEVELS, tree, value_positions
from quantdesk.runtime.settings import load_settings
from quantdesk.views.safe_text import safe_text


@click.command("positions")
@book_options
@click.option(
    "--by",
    default="underlying,expiry,strike",
    show_default=True,
    help=f"Levels of the tree, commas between them: {', '.join(LEVELS)}.",
)
@output_options(POSITION_FORMATS)
@click.pass_context
def command(
    ctx: click.Context,
    book: Path | None,
    account: tuple[str, ...],
    market: tuple[Path, ...],
    replay: Path | None,
    at: str | None,
    venue: tuple[str, ...],
    endpoint: tuple[str, ...],
    strict: bool,
    by: str,
    format_: str,
    output: Path | None,
) -> None:
    """Positions of a book at their marks: value and open profit, group by group.

    Amounts are in each leg's settlement currency and, at the index of now, in USD; currencies are
    never added. Ends with code 3 where a row or a mark is missing.
    """
    opened = open_from_options(
        load_settings(),
        book=book,
        account=account,
        market=market,
        replay=replay,
        at=at,
        venue=venue,
        endpoint=endpoint,
    )
    for note in opened.notes:
        click.echo(f"quantdesk: note: {safe_text(note, 400)}", err=True)
    legs = value_positions(opened.positions, LegMarks(opened.market))
    root = tree(legs, [level.strip() for level in by.split(",")])
    reasons = [
        f"{'' if one.row is None else f'row {one.row}: '}{safe_text(one.reason, 300)}"
        for one in opened.refused
    ]
    reasons += [safe_text(leg.reason, 300) for leg in legs if leg.reason]
    tell_left_out(reasons)
    if strict and reasons:
        count = len(reasons)
        raise StorageError(f"--strict: {count} rows or legs of {opened.name} would be left out")
    shown = PositionsShown(legs=legs, root=root, refused=opened.refused, market=opened.market)
    write_output(POSITION_FORMATS[format_](shown), output, is_binary=format_ == "parquet")
    if reasons:
        ctx.exit(LEFT_OUT_EXIT_CODE)
