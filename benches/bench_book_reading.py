"""What does a book cost the screen: a whole reading in the worker, and a frame on the event loop?

A reading is everything the four book screens show of 200 positions (Greeks, 117 scenarios and the
named ones, margin, money); a frame is the fully unfolded tree made into lines of text. The screen
draws at most ten frames a second; a reading is made at most twice a second and may keep a core
busy for a fifth of the time.
"""

from __future__ import annotations

from functools import cache

from pytest_benchmark.fixture import BenchmarkFixture

import quantdesk as qd
from quantdesk.domain.position import PositionRow
from quantdesk.risk.book_tree import book_tree
from quantdesk.runtime.book_reading import BookReading, BookWishes, read_book
from quantdesk.runtime.clock import ManualClock
from quantdesk.runtime.screen_books import FileBook
from quantdesk.snapshot import DeskSnapshot
from quantdesk.storage.position_files import PositionFile
from quantdesk.views.book_positions import ColumnSet, tree_view
from quantdesk.views.risk_choice import GreekChoice
from tests.unit.risk.books import random_book

POSITIONS = 200


@cache
def desk() -> DeskSnapshot:
    return qd.sample("deribit-2026-06-27").snapshot


@cache
def book() -> FileBook:
    held = random_book(desk().market(), POSITIONS - 2)
    rows = tuple(
        PositionRow(
            row=number,
            venue=one.instrument.venue,
            instrument_name=one.instrument.name,
            quantity=f"{one.quantity:f}",
            average_price="0.02",
            strategy=f"s{number}",
        )
        for number, one in enumerate(held, start=1)
    )
    file = PositionFile(path="bench.csv", layout="csv", rows=rows, ignored=())
    return FileBook(label="bench", file=file)


def reading() -> BookReading:
    found = read_book(book(), desk(), BookWishes(), clock=ManualClock(0))
    assert isinstance(found, BookReading)
    return found


def test_reading_of_200_positions(benchmark: BenchmarkFixture) -> None:
    found = benchmark(reading)
    assert len(found.report.book) == POSITIONS
    assert not found.opened.refused


def test_frame_of_200_positions(benchmark: BenchmarkFixture) -> None:
    made = reading()
    root = book_tree(made.valued, made.report.exposures, ("underlying", "expiry", "strike"))
    view = benchmark(tree_view, root, made.margin, columns=ColumnSet.RISK, choice=GreekChoice())
    assert len(view) > POSITIONS
