"""The P&L explain screen through its keys: since when, waterfall, roll-ups, money and states."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from quantdesk.app.tui.book_desk import BookDesk
from quantdesk.app.tui.screens.pnl_explain import PnlExplainScreen
from quantdesk.errors import StorageError
from quantdesk.risk.pnl_explain_steps import LINE, STEP, STEPS
from quantdesk.risk.pnl_explain_totals import PnlExplain
from quantdesk.runtime.pnl_openings import DayOpenings
from quantdesk.runtime.screen_books import AccountBook, FileBook
from quantdesk.snapshot import DeskSnapshot, LinkState
from quantdesk.storage.day_openings import OpeningStore
from quantdesk.views.number_text import number_text
from tests.tui.book_samples import (
    BAD_ROW,
    ROWS,
    TWO_COINS,
    RunningBook,
    account_desk,
    book_of,
    desk_of,
    running_book,
)
from tests.tui.desk_samples import DESK_NS, desk, link
from tests.tui.pnl_samples import later

NINE_O_CLOCK_NS = 9 * 3_600_000_000_000
"""Options expire at eight, in the middle of a day that begins at nine."""

NOW = later(TWO_COINS, hours=3, spot=1.012, vol=0.006)


@asynccontextmanager
async def explaining(
    book: BookDesk,
    *,
    start: DeskSnapshot = TWO_COINS,
    now: DeskSnapshot = NOW,
    size: tuple[int, int] = (200, 60),
) -> AsyncIterator[RunningBook]:
    """The screen, three hours after the desk's first complete market."""
    async with running_book(book, screen="E", snapshot=start, size=size) as shown:
        await shown.bring(now, after_s=3 * 3600)
        yield shown


def explained(shown: RunningBook) -> PnlExplain:
    reading = shown.app.context.book.reading
    assert reading is not None
    assert reading.day is not None
    assert reading.day.explained is not None, reading.day.waits
    return reading.day.explained


async def test_waterfall_shows_every_step_in_order_and_the_actual() -> None:
    async with explaining(desk_of(book_of(BTC=2))) as shown:
        assert isinstance(shown.screen, PnlExplainScreen)
        keys = [line.key for line in shown.table.lines]
        assert keys == [*STEPS, "actual", "residual", "one step", "gross"]
        total = explained(shown).totals[0]
        assert shown.cell("forward", "pnl").lstrip("+") == number_text(
            float(total.steps[STEP["forward"]]), 6
        )
        delta = float(total.lines[STEP["forward"], LINE["delta"]])
        assert shown.cell("forward", "delta").lstrip("+") == number_text(delta, 6)
        assert shown.cell("actual", "pnl").lstrip("+") == number_text(total.actual, 6)
        assert shown.cell("residual", "bar").endswith("within 0.50%")
        assert shown.cell("gross", "pnl") == number_text(total.gross, 6)
        assert shown.cell("one step", "bar").endswith("%, no strides")
        left = float(total.residual_one_step[STEP["forward"]])
        assert shown.cell("forward", "one_step") == number_text(left, 6)
        text = shown.text()
        assert "P&L since 2026-06-27T09:25:30Z, desk start" in text
        assert "vols sticky strike" in text
        assert "explained in" in text


async def test_in_usd_the_translation_is_a_step_and_the_book_is_one_line() -> None:
    async with explaining(desk_of(book_of(BTC=2))) as shown:
        await shown.press("u", "tab", "g", "tab")
        found = explained(shown)
        assert shown.cell("actual", "pnl").lstrip("+") == number_text(found.actual_usd, 2)
        translated = math.fsum(one.translation_usd for one in found.totals)
        assert shown.cell("translation", "pnl").lstrip("+") == number_text(translated, 2)
        cash = number_text(found.cash_translation_usd["BTC"], 2)
        assert f"opening cash, USD {cash} of BTC, in no line" in shown.text()
        assert shown.cell("translation", "so_far") == shown.cell("actual", "pnl")
        await shown.press("tab")
        assert [line.key for line in shown.table.lines[:3]] == ["book", "total:BTC", "total:ETH"]


async def test_cursor_of_the_roll_up_chooses_the_waterfall() -> None:
    async with explaining(desk_of(book_of())) as shown:
        await shown.press("tab")
        key = next(line.key for line in shown.table.lines if "31JUL26" in line.cells[0].text)
        shown.grid.go_to(key)
        await shown.settle()
        assert "Waterfall of 31JUL26, 3 legs, BTC" in shown.text()
        await shown.press("tab")
        group = next(one for one in explained(shown).by("expiry") if "2026-07-31" in one.label)
        assert shown.cell("actual", "pnl").lstrip("+") == number_text(group.actual, 6)


async def test_roll_ups_go_around_and_name_themselves() -> None:
    async with explaining(desk_of(book_of())) as shown:
        await shown.press("tab", "b")
        assert "P&L by leg" in shown.text()
        legs = [line for line in shown.table.lines if line.key.startswith("leg:")]
        assert len(legs) == len(ROWS)
        await shown.press("b")
        assert "P&L by strategy" in shown.text()
        assert "income" in shown.text()


async def test_vol_rule_goes_around_and_keeps_the_actual() -> None:
    async with explaining(desk_of(book_of())) as shown:
        actual = shown.cell("actual", "pnl")
        forward = shown.cell("forward", "pnl")
        await shown.press("m")
        assert "vols sticky delta" in shown.text()
        assert shown.cell("actual", "pnl") == actual
        assert shown.cell("forward", "pnl") != forward


async def test_panel_explains_steps_legs_and_what_was_left_out() -> None:
    expiring = later(TWO_COINS, hours=23, spot=1.01)
    book = desk_of(book_of())
    book.openings = DayOpenings(day_start_ns=NINE_O_CLOCK_NS)
    async with explaining(book, now=expiring) as shown:
        assert "PARTIAL. 1 left out: BTC-28JUN26-60000-P" in shown.text()
        assert shown.grid.go_to("forward")
        await shown.press("i")
        text = " ".join(shown.text().split())
        assert "Forwards moved by the index" in text
        assert "Order: cash, time, forward, vol level" in text
        await shown.press("tab", "b", "G")
        text = " ".join(shown.text().split())
        assert "BTC-28JUN26-60000-P: in no number" in text
        assert "held -2 at the opening" in text


async def test_an_account_shows_its_trades_of_the_day() -> None:
    book = desk_of(AccountBook(names=("main",)))
    now = later(account_desk(), hours=3, spot=1.012)
    async with explaining(book, start=account_desk(), now=now) as shown:
        assert explained(shown).legs
        assert "account main" in shown.text()


async def test_without_a_book_the_screen_says_how_to_open_one() -> None:
    async with running_book(desk_of(), screen="E", size=(80, 24)) as shown:
        assert "No book is open." in shown.text()
        await shown.press("o")
        assert "SAMPLE book" in shown.text()


async def test_before_the_opening_and_at_it_the_screen_waits() -> None:
    waiting = desk(links=[link(state=LinkState.CONNECTING)])
    async with running_book(desk_of(book_of()), screen="E", snapshot=waiting) as shown:
        assert "book mine.csv: waiting for the first chain" in shown.text()
        await shown.bring(TWO_COINS)
        await shown.bring(replace(TWO_COINS, seq=TWO_COINS.seq + 1), after_s=2)
        text = shown.text()
        assert "waiting for prices after the opening" in text
        assert "since 2026-06-27T09:25:30Z, desk start" in text


async def test_stale_prices_and_refused_rows_are_said() -> None:
    async with explaining(desk_of(book_of((*ROWS, BAD_ROW)))) as shown:
        assert "1 of 8 left out" in shown.text()
        old = replace(NOW, links=(link("deribit-btc", last_recv_ns=DESK_NS), link("deribit-eth")))
        await shown.bring(replace(old, seq=NOW.seq + 1), after_s=60)
        assert "STALE" in shown.text()


async def test_a_failure_is_said_and_keeps_the_last_explain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with explaining(desk_of(book_of())) as shown:
        actual = shown.cell("actual", "pnl")

        def broken(book: FileBook, snapshot: DeskSnapshot) -> None:
            raise StorageError("mine.csv: can not be read: gone")

        monkeypatch.setattr(FileBook, "open", broken)
        await shown.bring(later(NOW, hours=0.1), after_s=3600)
        assert "mine.csv: can not be read: gone" in shown.text()
        assert shown.cell("actual", "pnl") == actual


async def test_too_small_says_so() -> None:
    async with running_book(desk_of(book_of()), screen="E", size=(50, 10)) as shown:
        assert "50x10 is too small" in shown.text()


async def test_no_column_of_a_narrow_terminal_is_seen_in_part() -> None:
    async with explaining(desk_of(book_of()), size=(80, 24)) as shown:
        for key in ["right"] * (len(shown.table.columns) + 1):
            await shown.press(key)
            assert "##" not in shown.text()


async def test_the_opening_is_taken_on_any_screen_and_outlives_the_desk(tmp_path: Path) -> None:
    store = OpeningStore(tmp_path)
    book = desk_of(book_of())
    book.openings = DayOpenings(store=store)
    async with running_book(book, screen="1"):
        assert book.openings.current.chains
    again = desk_of(book_of())
    again.openings = DayOpenings(store=store)
    async with running_book(again, screen="E", snapshot=NOW) as shown:
        await shown.bring(replace(NOW, seq=NOW.seq + 1), after_s=2)
        assert "P&L since 2026-06-27T09:25:30Z, desk start" in shown.text()


async def test_a_damaged_opening_is_said_above_the_tables(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    book = desk_of(book_of())
    book.openings = DayOpenings(store=OpeningStore(tmp_path / "file"))
    async with explaining(book) as shown:
        assert "OPENING not kept, a restart begins anew" in shown.text()


@pytest.mark.parametrize("size", [(60, 24), (80, 24), (100, 30), (120, 40), (200, 60)])
@pytest.mark.parametrize("money", ["coin", "USD"])
async def test_every_total_is_above_the_waterfall_and_its_actual_below(
    size: tuple[int, int], money: str
) -> None:
    async with explaining(desk_of(book_of(BTC=2)), size=size) as shown:
        if money == "USD":
            await shown.press("u")
        text = shown.text()
        for total in explained(shown).totals:
            coin = number_text(total.actual, 6)
            assert f" {total.currency} {coin}, {number_text(total.actual_usd, 2)} USD" in text
        assert "with translation" in text
        assert "residual 0.0" in text
        assert " actual " in text
        assert "since 2026-06-27T09:25:30Z" in text


async def test_a_short_terminal_keeps_its_lines_for_the_waterfall() -> None:
    async with explaining(desk_of(book_of(BTC=2)), size=(80, 16)) as shown:
        assert "forward" in shown.text()
        assert "worst residual" not in shown.text()
