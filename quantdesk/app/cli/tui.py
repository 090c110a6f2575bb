"""`quantdesk tui`: the desk on screen; as text, once, where there is no terminal."""

from __future__ import annotations

import shutil
import signal
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
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
from quantdesk.app.cli.risk_options import parse_amounts, read_scenarios
from quantdesk.app.render.table import screen_text
from quantdesk.errors import ConfigError
from quantdesk.market.surface_choice import SurfaceChoice
from quantdesk.market.surface_clock import CLOCK_CHOICES, ClockChoice
from quantdesk.risk.scenario import Scenario
from quantdesk.runtime.clock import ManualClock, SystemClock
from quantdesk.runtime.edited_clock import (
    EDITED_CLOCK,
    edited_clock_path,
    keep_clock,
    kept_clock,
)
from quantdesk.runtime.limits_file import limits_path
from quantdesk.runtime.live import DeskThread
from quantdesk.runtime.pnl_openings import DayOpenings, openings_store
from quantdesk.runtime.recordings import screen_desk
from quantdesk.runtime.replay import ReplayPlayer
from quantdesk.runtime.screen_books import (
    AccountBook,
    FileBook,
    ScreenBook,
    file_book,
    sample_book,
)
from quantdesk.runtime.settings import Settings, config_file, data_folder, load_settings
from quantdesk.runtime.sources import Source, StillSource, file_snapshot, read_snapshot
from quantdesk.runtime.surfaces import read_clock
from quantdesk.runtime.venues import checked_underlyings
from quantdesk.snapshot import Environment

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
@click.option(
    "--book",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Positions for the book screens: CSV, JSON or Parquet, as for `quantdesk risk`. Without "
    "one, and without --account, a simulated desk opens a SAMPLE book.",
)
@click.option(
    "--collateral",
    metavar="CURRENCY=AMOUNT",
    multiple=True,
    help="Cash beside --book, BTC=10 or USDC=50000; may be repeated.",
)
@click.option(
    "--scenarios",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Scenarios of your own for the scenario screen, TOML, as for `quantdesk risk`.",
)
@click.option(
    "--clock",
    metavar="calendar|weekend|FILE",
    help="What variance runs on between listed expiries, for the surface screen; `surface.clock` "
    "of the settings, or calendar, if left out.",
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
    book: Path | None = None,
    collateral: tuple[str, ...] = (),
    scenarios: Path | None = None,
    clock: str | None = None,
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
    books = _screen_books(source, book, collateral, scenarios)
    chosen = screen_clocks(clock, settings)
    # The terminal library draws on standard error.
    if all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        _open_screen(source, underlying.upper(), speed, settings, books, chosen)
    else:
        _print_screen(source, underlying.upper(), settings)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenClocks:
    """The clock that the desk opens on, and where one that is edited on the screen is kept."""

    opening: ClockChoice
    edited_path: Path

    @property
    def choices(self) -> tuple[ClockChoice, ...]:
        """What the keyboard goes through."""
        kept = kept_clock(self.edited_path)
        own = () if kept is None else (kept,)
        return tuple(dict.fromkeys((*CLOCK_CHOICES, self.opening, *own)))


def screen_clocks(name: str | None, settings: Settings) -> ScreenClocks:
    """The clocks of a desk opened with `--clock name`, else by its settings. Raises ConfigError."""
    beside = config_file().parent
    named, folder = (settings.surface.clock, beside) if name is None else (name, Path())
    opening = read_clock(named, folder)
    path = edited_clock_path(named, beside if opening in CLOCK_CHOICES else folder)
    if opening.name == path.name:
        # The kept clock itself: the next edit takes its place, beside no older copy of it.
        opening = replace(opening, name=EDITED_CLOCK)
    return ScreenClocks(opening=opening, edited_path=path)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenBooks:
    """What the options say of books: those to choose among, and scenarios of the user's own."""

    books: tuple[ScreenBook, ...]
    scenarios: tuple[Scenario, ...]


def _screen_books(
    source: Source, book: Path | None, collateral: Sequence[str], scenarios: Path | None
) -> ScreenBooks:
    """Raises ConfigError and StorageError before a screen hides what is said."""
    if collateral and book is None:
        raise ConfigError("--collateral: goes with --book; an account says its cash itself")
    books: list[ScreenBook] = []
    if book is not None:
        books.append(file_book(book, parse_amounts(collateral)))
    if source.accounts:
        books.append(AccountBook(names=tuple(each.name for each in source.accounts)))
    own = () if scenarios is None else read_scenarios(scenarios)
    return ScreenBooks(books=tuple(books), scenarios=own)


def _print_screen(source: Source, underlying: str, settings: Settings) -> None:
    snapshot = read_snapshot(source, underlying, settings)
    width = shutil.get_terminal_size((TEXT_WIDTH, 50)).columns
    text = screen_text(snapshot, underlying, width=width, now_ns=snapshot.ts_ns)
    write_output((text + "\n").encode(), None)


def _open_screen(
    source: Source,
    underlying: str,
    speed: float,
    settings: Settings,
    books: ScreenBooks,
    clocks: ScreenClocks,
) -> None:
    from quantdesk.app.tui.app import DeskApp  # noqa: PLC0415  (a pipe needs no terminal library)
    from quantdesk.app.tui.book_desk import book_desk  # noqa: PLC0415

    surface = SurfaceChoice(clock=clocks.opening)
    is_simulated = any(each.environment is Environment.SIMULATED for each in source.venues)
    book = book_desk(
        books.books,
        sample_book(),
        opens_sample=is_simulated,
        own_scenarios=books.scenarios,
        limits_file=limits_path(None),
        openings=_openings(source, settings, books),
    )

    def run(
        source: StillSource | ReplayPlayer | DeskThread, clock: ManualClock | SystemClock
    ) -> None:
        app = DeskApp(
            source,
            clock=clock,
            underlying=underlying,
            book=book,
            variance_clocks=clocks.choices,
            keep_clock=partial(keep_clock, clocks.edited_path),
        )
        _run(app)

    if source.market_file is not None:
        snapshot = file_snapshot(source.market_file, None, source.at_ns)
        still = StillSource(snapshot, surface=surface)
        run(still, ManualClock(snapshot.ts_ns))
        return
    clock = SystemClock()
    if source.replay is not None:
        player = ReplayPlayer(
            source.replay,
            clock=clock,
            speed=speed,
            surface=surface,
            venues=settings.venue_names,
        )
        player.start()
        try:
            run(player, clock)
        finally:
            player.close()
        return
    coins = checked_underlyings(source.venues, [])
    run_id = uuid.uuid4().hex
    desk = DeskThread(
        lambda: screen_desk(
            source.venues,
            coins,
            settings=settings,
            run_id=run_id,
            accounts=source.accounts,
            surface=surface,
        )
    )
    desk.start()
    try:
        run(desk, clock)
    finally:
        desk.close()


def _openings(source: Source, settings: Settings, books: ScreenBooks) -> DayOpenings:
    """What takes the opening moment of the day, and remembers what the positions files said."""
    return DayOpenings(
        store=openings_store(data_folder(), source.venues),
        day_start_ns=settings.pnl.day_start_ns,
        files={
            each.file.path: each.file.rows for each in books.books if isinstance(each, FileBook)
        },
    )


def _run(app: DeskApp) -> None:
    """Run the screen until the user leaves, or until it is told to end: one clean stop for both."""

    def leave(_number: int, _frame: FrameType | None) -> None:
        app.exit()

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
    app.run()
