"""Books for the screens' tests, on the recorded BTC excerpt and a synthetic ETH chain."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal

from textual.pilot import Pilot

from quantdesk.app.tui.app import DeskApp
from quantdesk.app.tui.book_desk import BookDesk, book_desk
from quantdesk.app.tui.screens.book_screen import BookScreen
from quantdesk.app.tui.widgets.table_grid import TableGrid
from quantdesk.domain.account import AccountSnapshot, BalanceReport, PositionReport
from quantdesk.domain.position import PositionRow
from quantdesk.runtime.screen_books import FileBook, ScreenBook, sample_book
from quantdesk.snapshot import DeskSnapshot
from quantdesk.storage.position_files import PositionFile
from quantdesk.views.table import TableView
from tests.tui.desk_samples import (
    DESK_NS,
    VENUE_NS,
    OneSource,
    StillClock,
    desk,
    recorded_desk,
    synthetic_chain,
)

SCREENS = ("5", "6", "7", "8")
"""Keys of the screens that show a book."""

TWO_COINS = desk(recorded_desk().chains[0], synthetic_chain())

Row = tuple[str, str, str, str, str, str]

ROWS: tuple[Row, ...] = (
    ("deribit", "BTC-31JUL26-52000-P", "5", "0.0131", "income", "condor"),
    ("deribit", "BTC-31JUL26-56000-P", "-5", "0.0262", "income", "condor"),
    ("deribit", "BTC-31JUL26-65000-C", "-5", "0.0214", "income", "condor"),
    ("deribit", "BTC-28JUN26-60000-P", "-2", "0.0031", "expiry", ""),
    ("deribit", "BTC-25SEP26-60000-C", "3", "", "vega", ""),
    ("deribit", "BTC-PERPETUAL", "-20000", "60410", "hedge", ""),
    ("deribit", "ETH-E1-3000-C", "-40", "0.05", "income", ""),
)
BAD_ROW: Row = ("deribit", "BTC-31JUL26-52500-P", "1", "", "", "")


def file_of(rows: Sequence[Row], name: str = "mine.csv") -> PositionFile:
    """The file that these rows would be read from."""
    return PositionFile(
        path=name,
        layout="csv",
        rows=tuple(
            PositionRow(
                row=number,
                venue=venue,
                instrument_name=instrument,
                quantity=quantity,
                average_price=average,
                strategy=strategy,
                structure=structure,
            )
            for number, (venue, instrument, quantity, average, strategy, structure) in enumerate(
                rows, start=1
            )
        ),
        ignored=(),
    )


def book_of(rows: Sequence[Row] = ROWS, **collateral: int) -> FileBook:
    """A book of these rows, with cash beside it."""
    cash = {currency: Decimal(amount) for currency, amount in collateral.items()}
    return FileBook(label="book mine.csv", file=file_of(rows), collateral=cash)


def account_desk(*, is_whole: bool = True) -> DeskSnapshot:
    """A desk that reads an account with two positions and the venue's own margin."""
    common = {"venue": "deribit", "event_ns": VENUE_NS, "recv_ns": DESK_NS}

    def position(name: str, quantity: int, average: str) -> PositionReport:
        return PositionReport(
            instrument_name=name,
            quantity=Decimal(quantity),
            average_price=Decimal(average),
            **common,  # type: ignore[arg-type]
        )

    account = AccountSnapshot(
        venue="deribit",
        account="main",
        environment="simulated",
        is_whole=is_whole,
        is_live=True,
        event_ns=VENUE_NS,
        recv_ns=DESK_NS,
        balances=(
            BalanceReport(
                currency="BTC",
                cash=Decimal(4),
                equity=Decimal("3.9"),
                initial_margin=Decimal("0.7"),
                maintenance_margin=Decimal("0.55"),
                is_margin_shared=False,
                **common,  # type: ignore[arg-type]
            ),
        ),
        positions=(
            position("BTC-31JUL26-65000-C", -5, "0.0214"),
            position("BTC-31JUL26-52000-P", 5, "0.0131"),
        ),
        open_orders=(),
        trades=(),
    )
    return replace(TWO_COINS, accounts=(account,))


def desk_of(*books: ScreenBook, opens_sample: bool = False) -> BookDesk:
    """The book desk of these books, with the shipped sample behind them."""
    return book_desk(books, sample_book(), opens_sample=opens_sample)


@dataclass(slots=True, kw_only=True)
class RunningBook:
    """A desk on a headless terminal, with a book."""

    app: DeskApp
    pilot: Pilot[None]
    source: OneSource
    clock: StillClock

    @property
    def screen(self) -> BookScreen:
        screen = self.app.front
        assert isinstance(screen, BookScreen)
        return screen

    @property
    def table(self) -> TableView:
        """The table that the cursor is in."""
        view = self.grid.view
        assert view is not None
        return view

    @property
    def grid(self) -> TableGrid:
        grid = self.screen.cursor_table()
        assert isinstance(grid, TableGrid)
        return grid

    def text(self) -> str:
        return "\n".join(strip.text for strip in self.app.screen._compositor.render_strips())

    def cell(self, key: str, column: str) -> str:
        """Text of one cell of the table in front."""
        line, place = self.table.line_of(key), self.table.column_of(column)
        assert line is not None, [each.key for each in self.table.lines]
        assert place is not None, [each.key for each in self.table.columns]
        return self.table.lines[line].cells[place].text

    async def settle(self) -> None:
        """Let the worker finish and its reading be shown."""
        await self.pilot.pause()
        await self.app.workers.wait_for_complete()
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.pilot.press(key)
            await self.settle()

    async def bring(self, snapshot: DeskSnapshot | None, *, after_s: float = 0.0) -> None:
        """Let the app find a newer snapshot so much later, as its timer would."""
        self.clock.instant_ns += int(after_s * 1e9)
        self.source.snapshot = snapshot
        self.app._poll()
        await self.settle()


@asynccontextmanager
async def running_book(
    book: BookDesk,
    *,
    screen: str = "5",
    snapshot: DeskSnapshot | None = TWO_COINS,
    size: tuple[int, int] = (200, 60),
) -> AsyncIterator[RunningBook]:
    """The app on one snapshot with a still clock, on the book screen that `screen` opens."""
    source, clock = OneSource(snapshot), StillClock()
    app = DeskApp(source, clock=clock, book=book)
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.pause()
        shown = RunningBook(app=app, pilot=pilot, source=source, clock=clock)
        await shown.press(screen)
        yield shown


def greek(shown: RunningBook, coin: str, field: str) -> float:
    """The net Greek of the reading on screen, straight from the report."""
    reading = shown.app.context.book.reading
    assert reading is not None
    return float(getattr(reading.report.greeks.underlying(coin).greeks, field))
