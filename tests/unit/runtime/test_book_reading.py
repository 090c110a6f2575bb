"""The shipped sample book on the shipped venues; what a reading says when things are missing."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import ClassVar

import pytest

from quantdesk.errors import StorageError
from quantdesk.risk.scenario import VolRule, VolUnit
from quantdesk.runtime.book_reading import (
    VOL_SHARES,
    BookReading,
    BookWishes,
    FailedReading,
    read_book,
)
from quantdesk.runtime.embedded import opening_snapshot
from quantdesk.runtime.screen_books import (
    SAMPLE_LABEL,
    AccountBook,
    FileBook,
    file_book,
    sample_book,
)
from quantdesk.snapshot import DeskSnapshot


class StillClock:
    """A clock that stands."""

    def now_ns(self) -> int:
        return 1_764_583_200_000_000_000


@cache
def sample_desk() -> DeskSnapshot:
    """Both shipped samples as one desk at their recorded moments."""
    first, second = opening_snapshot("BTC"), opening_snapshot("ETH")
    return replace(first, chains=first.chains + second.chains, links=first.links + second.links)


def read(book: FileBook, snapshot: DeskSnapshot, wishes: BookWishes | None = None) -> BookReading:
    found = read_book(book, snapshot, wishes or BookWishes(), clock=StillClock())
    assert isinstance(found, BookReading)
    return found


def test_sample_book_is_labelled_and_stands_on_the_shipped_venues() -> None:
    reading = read(sample_book(), sample_desk())
    assert reading.label == SAMPLE_LABEL
    assert "SAMPLE" in reading.label
    # Binance's embedded face lists its own names; without it that leg alone is left out, by name.
    assert [one.instrument_name for one in reading.opened.refused] == ["BTC-260925-60000-C"]
    assert reading.report.excluded == ()
    assert reading.report.book.underlyings == ("BTC", "ETH")
    assert len(reading.margin.legs) == len(reading.valued) == 13


def test_wishes_are_the_axes_of_the_matrix_and_agree_with_the_report() -> None:
    wishes = BookWishes(days=7.0, basis=0.05, rule=VolRule(unit=VolUnit.RELATIVE))
    reading = read(sample_book(), sample_desk(), wishes)
    cube = reading.report.cube
    assert cube.axes.days == (7.0,)
    assert cube.axes.vol == VOL_SHARES
    again = reading.report.scenario(
        spot=cube.axes.spot, vol=cube.axes.vol, days=7.0, basis=0.05, rule=wishes.rule
    )
    assert cube.total_usd().tobytes() == again.total_usd().tobytes()
    assert cube.total_usd(with_collateral=True).tobytes() == (
        again.total_usd(with_collateral=True).tobytes()
    )


def test_reading_twice_gives_the_same_bytes() -> None:
    one, other = (read(sample_book(), sample_desk()) for _ in range(2))
    assert one.report.cube.total_usd().tobytes() == other.report.cube.total_usd().tobytes()
    assert one.report.greeks.by_position.tobytes() == other.report.greeks.by_position.tobytes()


def test_cash_without_a_price_is_named_and_the_rest_goes_on() -> None:
    only_btc = replace(sample_desk(), chains=sample_desk().chains[:1])
    reading = read(sample_book(), only_btc)
    assert reading.report.unpriced_cash == {"ETH": Decimal(60)}
    assert reading.report.book.underlyings == ("BTC",)


def test_failure_of_the_desks_own_kind_is_an_answer() -> None:
    class Gone:
        label = "book gone"
        collateral: ClassVar[dict[str, Decimal]] = {}

        def waits_for(self, snapshot: DeskSnapshot) -> str:
            return ""

        def open(self, snapshot: DeskSnapshot) -> object:
            raise StorageError("gone")

    found = read_book(
        Gone(),  # type: ignore[arg-type]
        sample_desk(),
        BookWishes(),
        clock=StillClock(),
    )
    assert found == FailedReading(label="book gone", reason="gone")


def test_book_of_a_file_waits_for_a_chain_and_one_of_accounts_for_its_accounts(
    tmp_path: Path,
) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("venue,instrument_name,quantity\nderibit,BTC-31JUL26-65000-C,1\n")
    book = file_book(path)
    empty = replace(sample_desk(), chains=())
    assert book.label == "book mine.csv"
    assert book.waits_for(empty) == "the first chain"
    assert book.waits_for(sample_desk()) == ""
    assert AccountBook(names=("a", "b")).waits_for(sample_desk()) == (
        "account a, b to be read whole"
    )
    assert AccountBook(names=("a", "b")).label == "accounts a and b"


def test_file_that_can_not_be_read_is_an_error_before_any_screen(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        file_book(tmp_path / "none.csv")
