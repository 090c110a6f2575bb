"""`quantdesk tui`: the desk on screen; as text, once, where there is no terminal."""

from __future__ import annotations

import shutil
import signal
import sys
import uuid
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from quantdesk.app.cli.options import (
    FiniteRange,
    account_option,
    parse_source,
    source_options,
)
from quantdesk.app.cli.output import write_output
from quantdesk.app.render.table import screen_text
from quantdesk.runtime.clock import ManualClock, SystemClock
from quantdesk.runtime.live import DeskThread
from quantdesk.runtime.recordings import screen_desk
from quantdesk.runtime.replay import ReplayPlayer
from quantdesk.runtime.settings import Settings, load_settings
from quantdesk.runtime.sources import Source, StillSource, file_snapshot, read_snapshot
from quantdesk.runtime.venues import checked_underlyings

if TYPE_CHECKING:
    from quantdesk.app.tui.app import DeskApp

TEXT_WIDTH = 160
"""Columns of the screen as text where there is no terminal to ask."""


@click.command("tui")
@click.option("--underlying", metavar="COIN", default="BTC", show_default=True)
@click.option(
    "--speed",
    type=FiniteRange(min=0.01, max=10_000),
    default=1.0,
    show_default=True,
    help="Pace of --replay.",
)
@account_option
@source_options
def command(
    underlying: str = "BTC",
    speed: float = 1.0,
    venue: tuple[str, ...] = (),
    endpoint: tuple[str, ...] = (),
    market: Path | None = None,
    replay: Path | None = None,
    at: str | None = None,
    account: tuple[str, ...] = (),
) -> None:
    """Open the desk: live, on a recording (--replay DIR) or on a market file (--market FILE)."""
    settings = load_settings()
    source = parse_source(
        settings,
        venue=venue,
        endpoint=endpoint,
        market=market,
        replay=replay,
        at=at,
        account=account,
    )
    # The terminal library draws on standard error.
    if all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        _open_screen(source, underlying.upper(), speed, settings)
    else:
        _print_screen(source, underlying.upper(), settings)


def _print_screen(source: Source, underlying: str, settings: Settings) -> None:
    snapshot = read_snapshot(source, underlying, settings)
    width = shutil.get_terminal_size((TEXT_WIDTH, 50)).columns
    text = screen_text(snapshot, underlying, width=width, now_ns=snapshot.ts_ns)
    write_output((text + "\n").encode(), None)


def _open_screen(source: Source, underlying: str, speed: float, settings: Settings) -> None:
    from quantdesk.app.tui.app import DeskApp  # noqa: PLC0415  (a pipe needs no terminal library)

    if source.market_file is not None:
        snapshot = file_snapshot(source.market_file, None, source.at_ns)
        still, moment = StillSource(snapshot), ManualClock(snapshot.ts_ns)
        _run(DeskApp(still, clock=moment, underlying=underlying))
        return
    clock = SystemClock()
    if source.replay is not None:
        player = ReplayPlayer(source.replay, clock=clock, speed=speed)
        player.start()
        try:
            _run(DeskApp(player, clock=clock, underlying=underlying))
        finally:
            player.close()
        return
    coins = checked_underlyings(source.venues, [])
    run_id = uuid.uuid4().hex
    desk = DeskThread(
        lambda: screen_desk(
            source.venues, coins, settings=settings, run_id=run_id, accounts=source.accounts
        )
    )
    desk.start()
    try:
        _run(DeskApp(desk, clock=clock, underlying=underlying))
    finally:
        desk.close()


def _run(app: DeskApp) -> None:
    """Run the screen until the user leaves, or until it is told to end: one clean stop for both."""

    def leave(_number: int, _frame: FrameType | None) -> None:
        app.exit()

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
    app.run()
