"""Options of the verbs that look at a book: where it is, and the market it is looked at on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from quantdesk.app.cli.options import (
    MOMENT_HELP,
    account_option,
    parse_choices,
    venue_options,
)
from quantdesk.domain.times import parse_instant
from quantdesk.errors import ConfigError
from quantdesk.runtime.accounts import load_accounts
from quantdesk.runtime.books import (
    BookSources,
    Chains,
    OpenBook,
    open_accounts,
    open_book,
    open_empty,
)
from quantdesk.runtime.settings import Settings

Command = TypeVar("Command", bound=Callable[..., Any])

LEFT_OUT_EXIT_CODE = 3
"""The answer was printed and misses something: data missing."""

SHOWN_MAX = 20
"""Refusals told one by one on stderr; the output lists all of them."""


def book_options(function: Command) -> Command:
    """--book, --account, --market, --replay, --at, --venue, --endpoint and --strict."""
    options = [
        click.option(
            "--book",
            metavar="FILE",
            type=click.Path(path_type=Path),
            help="Positions: CSV, JSON or Parquet with venue, instrument_name, quantity[, "
            "average_price, strategy, structure, account, currency].",
        ),
        account_option,
        click.option(
            "--market",
            metavar="FILE",
            multiple=True,
            type=click.Path(path_type=Path),
            help="Recorded market file; may be repeated for a book of several chains.",
        ),
        click.option(
            "--replay",
            metavar="DIR",
            type=click.Path(path_type=Path),
            help="Read a recording made by `quantdesk record`.",
        ),
        click.option(
            "--at",
            metavar="TIME",
            help=MOMENT_HELP,
        ),
        venue_options,
        click.option(
            "--strict",
            is_flag=True,
            help="Print nothing and end with an error where a row or leg would be left out.",
        ),
    ]
    for option in reversed(options):
        function = option(function)
    return function


def open_from_options(
    settings: Settings,
    *,
    book: Path | None,
    account: Sequence[str],
    market: Sequence[Path],
    replay: Path | None,
    at: str | None,
    venue: Sequence[str],
    endpoint: Sequence[str],
    also: Chains | None = None,
    without_book: Sequence[str] | None = None,
) -> OpenBook:
    """The book that the options name, on the market that they name.

    `also` names chains that are wanted beside those of a book file, by venue. `without_book` names
    those of an empty book, which is meant where no book is named; None asks for one.

    Raises ConfigError where they contradict or name no book, and what `open_book` and
    `open_accounts` raise.
    """
    is_empty = book is None and not account and without_book is not None
    if (book is None) == (not account) and not is_empty:
        raise ConfigError("book: give either --book FILE or --account NAME")
    at_ns = None if at is None else parse_instant(at)
    if market or replay is not None:
        if venue or endpoint:
            raise ConfigError("--venue and --endpoint do not go with --market or --replay")
        if account:
            raise ConfigError("--account: goes with a venue, not with --market or --replay")
        sources = BookSources(markets=tuple(market), replay=replay, at_ns=at_ns)
        if book is None:
            return open_empty(sources, settings, without_book or ())
        return open_book(book, sources, settings, also=also)
    if book is not None or is_empty:
        choices = parse_choices(settings, venue, endpoint)
        sources = BookSources(venues=choices, at_ns=at_ns)
        if book is None:
            return open_empty(sources, settings, without_book or ())
        return open_book(book, sources, settings, also=also)
    named = parse_choices(settings, venue, endpoint) if venue or endpoint else ()
    accounts = load_accounts(account, settings, venues=named)
    choices = named or tuple({each.venue.venue: each.venue for each in accounts}.values())
    return open_accounts(BookSources(venues=choices, at_ns=at_ns, accounts=accounts), settings)


def tell_left_out(reasons: Sequence[str]) -> None:
    """Say on stderr what was left out, the first SHOWN_MAX by name."""
    for reason in reasons[:SHOWN_MAX]:
        click.echo(f"quantdesk: left out: {reason}", err=True)
    if len(reasons) > SHOWN_MAX:
        click.echo(f"quantdesk: left out: {len(reasons) - SHOWN_MAX} more", err=True)
