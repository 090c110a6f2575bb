"""`quantdesk record`: keep every frame of a venue, exactly as received."""

from __future__ import annotations

import asyncio
import signal
import uuid
from pathlib import Path

import click

from quantdesk.app.cli.options import (
    FiniteRange,
    account_option,
    parse_choices,
    venue_options,
)
from quantdesk.runtime.accounts import load_accounts
from quantdesk.runtime.recordings import record_venues
from quantdesk.runtime.settings import load_settings
from quantdesk.runtime.venues import checked_underlyings


@click.command("record")
@click.argument("underlyings", nargs=-1)
@click.option("-o", "--output", metavar="DIR", required=True, type=click.Path(path_type=Path))
@click.option(
    "--seconds",
    type=FiniteRange(min=0, min_open=True),
    help="Stop after this long; without it, on Ctrl-C.",
)
@account_option
@venue_options
def command(
    underlyings: tuple[str, ...],
    output: Path,
    seconds: float | None,
    venue: tuple[str, ...],
    endpoint: tuple[str, ...],
    account: tuple[str, ...],
) -> None:
    """Record the market data of UNDERLYINGS (all of the venues' if none is named) into DIR.

    DIR may hold an earlier recording: a new segment is added to it.
    """
    settings = load_settings()
    choices = parse_choices(settings, venue, endpoint)
    accounts = load_accounts(account, settings, venues=choices)
    coins = checked_underlyings(choices, underlyings)

    async def run() -> tuple[int, int]:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, stop.set)
        return await record_venues(
            choices,
            coins,
            output,
            settings=settings,
            accounts=accounts,
            run_id=uuid.uuid4().hex,
            seconds=seconds,
            stop=stop,
        )

    frames, size = asyncio.run(run())
    click.echo(f"{output}: {frames} frames, {size} bytes", err=True)
