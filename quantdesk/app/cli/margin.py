"""`quantdesk margin`: standard margin of a book, by leg and by currency."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from quantdesk.app.cli.book_options import (
    LEFT_OUT_EXIT_CODE,
    book_options,
    open_from_options,
    tell_left_out,
)
from quantdesk.app.cli.output import write_output
from quantdesk.app.render.margin_formats import MARGIN_FORMATS
from quantdesk.domain.position import RefusedRow
from quantdesk.errors import StorageError
from quantdesk.margin import BookMargin
from quantdesk.runtime.settings import load_settings
from quantdesk.views.safe_text import safe_text


@click.command("margin")
@book_options
@click.option(
    "--format",
    "format_",
    type=click.Choice(list(MARGIN_FORMATS)),
    default="table",
    show_default=True,
)
@click.option("-o", "--output", metavar="FILE", type=click.Path(path_type=Path))
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
    format_: str,
    output: Path | None,
) -> None:
    """Initial and maintenance margin of a book by each venue's standard model.

    Computed offline from the market's marks and dated parameters, each with its status (verified,
    derived, uncertain); the venue's own figure stands beside ours where --account is read.
    Currencies, venues and accounts are never added; no leg offsets another. Ends with code 3 where
    a row or leg was left out.
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
    margin = opened.margin()
    reasons = _reasons(margin, opened.refused)
    tell_left_out(reasons)
    if strict and reasons:
        raise StorageError(
            f"--strict: {len(reasons)} rows or legs of {opened.name} would be left out"
        )
    data = MARGIN_FORMATS[format_](margin, opened.refused)
    write_output(data, output, is_binary=format_ == "parquet")
    if reasons:
        ctx.exit(LEFT_OUT_EXIT_CODE)


def _reasons(margin: BookMargin, refused: Sequence[RefusedRow]) -> list[str]:
    rows = [
        f"{'' if one.row is None else f'row {one.row}: '}{safe_text(one.reason, 300)}"
        for one in refused
    ]
    return rows + [safe_text(one.reason, 300) for one in margin.excluded]
