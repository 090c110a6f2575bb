"""Options that several verbs share, and what they mean together."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from quantdesk.domain.times import parse_instant
from quantdesk.errors import ConfigError
from quantdesk.runtime.settings import Settings
from quantdesk.runtime.sources import Source
from quantdesk.runtime.venues import parse_venue

Command = TypeVar("Command", bound=Callable[..., Any])


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
    """--venue and --endpoint."""
    function = click.option(
        "--endpoint",
        metavar="URL",
        help="WebSocket address to use instead of the venue's own (ws://… or wss://…).",
    )(function)
    return click.option(
        "--venue",
        metavar="VENUE",
        help="deribit, deribit:simulated, deribit:testnet or deribit:live. A venue alone is its "
        "simulated environment.",
    )(function)


def source_options(function: Command) -> Command:
    """--venue, --endpoint, --market, --replay and --at."""
    function = click.option(
        "--at",
        metavar="TIME",
        help="Moment of a market file or recording, ISO-8601 UTC; the last if left out.",
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
    venue: str | None,
    endpoint: str | None,
    market: Path | None,
    replay: Path | None,
    at: str | None,
) -> Source:
    """The source that the options name together. Raises ConfigError where they contradict."""
    at_ns = None if at is None else parse_instant(at)
    if market is not None or replay is not None:
        if venue is not None or endpoint is not None:
            raise ConfigError("--venue and --endpoint do not go with --market or --replay")
        return Source(market_file=market, replay=replay, at_ns=at_ns)
    return Source(venue=parse_venue(venue or settings.venue, endpoint), at_ns=at_ns)
