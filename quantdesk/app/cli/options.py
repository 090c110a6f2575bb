"""Options that several verbs share, and what they mean together."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from quantdesk.domain.times import parse_instant
from quantdesk.errors import ConfigError
from quantdesk.runtime.accounts import load_accounts
from quantdesk.runtime.settings import Settings
from quantdesk.runtime.sources import Source
from quantdesk.runtime.venues import VenueChoice, parse_venues

Command = TypeVar("Command", bound=Callable[..., Any])


MODEL_HELP = (
    "The desk's constrained spline, SVI free of arbitrage, SVI that may have some (to compare), "
    "or three-parameter SSVI."
)
"""What `--model` of the surface verbs says."""

MOMENT_HELP = (
    "Moment of the file or recording, ISO-8601 UTC: the last one up to then, or of all if left "
    "out. Of hourly vols (iv_hourly) a date that rows have means those rows, made before or "
    "after it; any other time the rows last made up to it."
)
"""What `--at` says where it chooses a moment of a file or recording."""


class FiniteRange(click.FloatRange):
    """A number in a range; NaN compares with nothing and infinity is no number of seconds."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number, refused where it is not finite."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number", param, ctx)
        return number


def venue_options(function: Command) -> Command:
    """--venue and --endpoint, each for several venues."""
    function = click.option(
        "--endpoint",
        metavar="URL",
        multiple=True,
        help="Address to use instead of the venue's own: ws://… for deribit, http://… for binance "
        "(its streams are below the same host); VENUE=URL where there are several venues.",
    )(function)
    return click.option(
        "--venue",
        metavar="VENUE",
        multiple=True,
        help="deribit or binance, alone or with :simulated, :testnet or :live; may be repeated. A "
        "venue alone is its simulated environment.",
    )(function)


def account_option(function: Command) -> Command:
    """--account."""
    return click.option(
        "--account",
        metavar="NAME",
        multiple=True,
        help="Read this account too: [accounts.NAME] of the settings, or deribit or binance, whose "
        "keys are QUANTDESK_DERIBIT_KEY and …_SECRET; may be repeated.",
    )(function)


def parse_choices(
    settings: Settings, venue: Sequence[str], endpoint: Sequence[str]
) -> tuple[VenueChoice, ...]:
    """The venues that --venue and --endpoint name; those of the settings where neither does.

    An address without a venue's name is that of the first venue of the settings. Raises
    ConfigError.
    """
    if venue or not endpoint:
        return parse_venues(venue or [settings.venue], endpoint)
    first = settings.venue.partition(",")[0]
    heads = [text.partition("=")[0] if "=" in text else first for text in endpoint]
    named = [first if "://" in head else head for head in heads]
    return parse_venues(list(dict.fromkeys(named)), endpoint)


def output_options(formats: Iterable[str]) -> Callable[[Command], Command]:
    """--format, one of `formats` and a table where it is left out, and --output."""

    def decorate(function: Command) -> Command:
        function = click.option(
            "-o",
            "--output",
            metavar="FILE",
            type=click.Path(path_type=Path),
            help="Write to FILE instead of standard output.",
        )(function)
        return click.option(
            "--format",
            "format_",
            type=click.Choice(list(formats)),
            default="table",
            show_default=True,
        )(function)

    return decorate


def source_options(function: Command) -> Command:
    """--venue, --endpoint, --market, --replay and --at."""
    function = click.option(
        "--at",
        metavar="TIME",
        help=MOMENT_HELP,
    )(function)
    function = click.option(
        "--replay",
        metavar="DIR",
        type=click.Path(path_type=Path),
        help="Read a recording made by `quantdesk record`.",
    )(function)
    function = click.option(
        "--market",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Read a recorded market file; no clock and no feed are used.",
    )(function)
    return venue_options(function)


def parse_source(
    settings: Settings,
    *,
    venue: str | Sequence[str] | None,
    endpoint: str | Sequence[str] | None,
    market: Path | None,
    replay: Path | None,
    at: str | None,
    account: Sequence[str] = (),
) -> Source:
    """The source that the options name together. Raises ConfigError where they contradict."""
    at_ns = None if at is None else parse_instant(at)
    venues, endpoints = _texts(venue), _texts(endpoint)
    if market is not None or replay is not None:
        if venues or endpoints:
            raise ConfigError("--venue and --endpoint do not go with --market or --replay")
        if account:
            raise ConfigError("--account: goes with a venue, not with --market or --replay")
        return Source(market_file=market, replay=replay, at_ns=at_ns)
    choices = parse_choices(settings, venues, endpoints)
    accounts = load_accounts(account, settings, venues=choices)
    return Source(venues=choices, at_ns=at_ns, accounts=accounts)


def _texts(given: str | Sequence[str] | None) -> Sequence[str]:
    if given is None:
        return ()
    return (given,) if isinstance(given, str) else given
