"""Options of the verbs that look at a book: where it is, and the market it is looked at on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from quantdesk.domain.times import parse_instant
from quantdesk.errors import ConfigError
from quantdesk.runtime.books import BookSources
from quantdesk.runtime.venues import parse_venue

Command = TypeVar("Command", bound=Callable[..., Any])

LEFT_OUT_EXIT_CODE = 3
"""The answer was printed and misses something: data missing."""

SHOWN_MAX = 20
"""Refusals told one by one on stderr; the output lists all of them."""


def book_options(function: Command) -> Command:
    """--book, --market, --replay, --at, --venue, --endpoint and --strict."""
    options = [
        click.option(
            "--book",
            metavar="FILE",
            type=click.Path(path_type=Path),
            help="Positions: CSV, JSON or Parquet with venue, instrument_name, quantity[, "
            "average_price, strategy, structure, account, currency].",
        ),
        click.option(
            "--market",
            "markets",
            metavar="FILE",
            multiple=True,
            type=click.Path(path_type=Path),
            help="Recorded market file; several for a book of several chains.",
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
            help="Moment of a market file or recording, ISO-8601 UTC; the last if left out.",
        ),
        click.option(
            "--venue",
            "venues",
            metavar="VENUE",
            multiple=True,
            help="Which environment answers, as deribit:testnet; once a venue. A venue that is not "
            "named answers by its simulated environment.",
        ),
        click.option(
            "--endpoint",
            metavar="URL",
            help="WebSocket address to use instead of the one venue's own (ws://… or wss://…).",
        ),
        click.option(
            "--strict",
            is_flag=True,
            help="Print nothing and end with an error where a row or leg would be left out.",
        ),
    ]
    for option in reversed(options):
        function = option(function)
    return function


def parse_book_sources(
    *,
    markets: Sequence[Path],
    replay: Path | None,
    at: str | None,
    venues: Sequence[str],
    endpoint: str | None,
) -> BookSources:
    """The sources that the options name together. Raises ConfigError where they contradict."""
    if endpoint is not None and len(venues) != 1:
        raise ConfigError("--endpoint: goes with exactly one --venue")
    return BookSources(
        markets=tuple(markets),
        replay=replay,
        venues=tuple(parse_venue(text, endpoint) for text in venues),
        at_ns=None if at is None else parse_instant(at),
    )


def tell_left_out(reasons: Sequence[str]) -> None:
    """Say on stderr what was left out, the first SHOWN_MAX by name."""
    for reason in reasons[:SHOWN_MAX]:
        click.echo(f"quantdesk: left out: {reason}", err=True)
    if len(reasons) > SHOWN_MAX:
        click.echo(f"quantdesk: left out: {len(reasons) - SHOWN_MAX} more", err=True)
