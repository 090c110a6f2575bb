"""Limits on the day's loss from the day's explain, where it can not all be told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from quantdesk.domain.instrument import Side
from quantdesk.runtime.book_reading import BookReading, BookWishes, read_book
from quantdesk.runtime.screen_books import AccountBook
from tests.tui.book_samples import account_desk
from tests.tui.desk_samples import StillClock
from tests.unit.runtime.test_pnl_day import CALL, PUT, account_later, opened, trade


@pytest.mark.parametrize(("currency", "is_known"), [("BTC", True), ("BNB", False)])
def test_a_fee_in_a_currency_without_a_price_leaves_the_days_loss_unknown(
    tmp_path: Path, currency: str, is_known: bool
) -> None:
    limits = tmp_path / "limits.toml"
    limits.write_text('schema = 1\n[[limit]]\nscope = "desk"\nmeasure = "day_loss"\nhard = 1e9\n')
    bought = replace(trade(CALL, Side.BUY, "2", "0.0250"), fee_currency=currency)
    reading = read_book(
        AccountBook(names=("main",)),
        account_later([bought], {CALL: "-3", PUT: "5"}),
        BookWishes(with_explain=True),
        limits_file=limits,
        openings=opened(account_desk()),
        clock=StillClock(),
    )
    assert isinstance(reading, BookReading), reading
    assert reading.report.limits is not None
    (row,) = reading.report.limits.rows
    assert (row.use.value is not None) == is_known
