"""The book screens through their keys: states, conventions, drivers, ages, what was left out."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any, ClassVar

import numpy as np
import pytest

from quantdesk.app.tui.book_desk import PAUSE_NS_MIN
from quantdesk.errors import StorageError
from quantdesk.runtime.screen_books import AccountBook, FileBook
from quantdesk.snapshot import DeskSnapshot, LinkState
from quantdesk.views.number_text import number_text
from tests.tui.book_samples import (
    BAD_ROW,
    ROWS,
    SCREENS,
    TWO_COINS,
    account_desk,
    book_of,
    desk_of,
    greek,
    running_book,
)
from tests.tui.desk_samples import DESK_NS, desk, link, synthetic_chain

ROUNDED = "BTC-28JUN26-52000-P"
"""Its recorded mark is 0.0000, beside a mark IV of 86.86 %."""


def without_vols(snapshot: DeskSnapshot) -> DeskSnapshot:
    """The desk where no quote of the first chain gives its ROUNDED option a vol, nor a surface."""
    first, *others = snapshot.chains
    row = [one.name for one in first.chain.instruments].index(ROUNDED)
    expiry = first.chain.expiry_ns == first.chain.expiry_ns[row]
    columns: dict[str, Any] = {}
    for column in ("bid", "ask"):
        # Without two-sided quotes its expiry carries no surface.
        columns[column] = np.where(expiry, np.nan, getattr(first.chain, column))
    for column in ("venue_mark_iv", "mark"):
        columns[column] = getattr(first.chain, column).copy()
        columns[column][row] = np.nan
    vols: dict[str, Any] = {
        column: np.where(expiry, np.nan, getattr(first.values, column))
        for column in ("bid_iv", "ask_iv")
    }
    vols["greeks_iv"] = first.values.greeks_iv.copy()
    vols["greeks_iv"][row] = np.nan
    chain = replace(first.chain, **columns)
    bare = replace(first, chain=chain, values=replace(first.values, **vols))
    return replace(snapshot, chains=(bare, *others))


@pytest.mark.parametrize("screen", SCREENS)
async def test_empty_desk_says_how_to_load_a_book_and_offers_the_sample(screen: str) -> None:
    async with running_book(desk_of(), screen=screen, size=(80, 24)) as shown:
        text = shown.text()
        assert "No book is open." in text
        assert "quantdesk tui --book FILE" in text
        assert "quantdesk tui --account NAME" in text
        await shown.press("o")
        assert "SAMPLE book" in shown.text()
        assert "No book is open." not in shown.text()


@pytest.mark.parametrize("screen", SCREENS)
async def test_before_the_first_chain_the_screen_waits(screen: str) -> None:
    waiting = desk(links=[link(state=LinkState.CONNECTING)])
    book = desk_of(book_of())
    async with running_book(book, screen=screen, snapshot=waiting, size=(80, 24)) as shown:
        assert "book mine.csv: waiting for the first chain" in shown.text()
        await shown.bring(TWO_COINS)
        assert "waiting" not in shown.text()
        assert book.reading is not None


@pytest.mark.parametrize("screen", SCREENS)
async def test_too_small_says_so(screen: str) -> None:
    async with running_book(desk_of(book_of()), screen=screen, size=(50, 10)) as shown:
        assert "50x10 is too small" in shown.text()


@pytest.mark.parametrize("screen", SCREENS)
async def test_no_column_of_a_narrow_terminal_is_seen_in_part(screen: str) -> None:
    async with running_book(desk_of(book_of()), screen=screen, size=(80, 24)) as shown:
        for key in ["right"] * (len(shown.table.columns) + 1):
            await shown.press(key)
            assert "##" not in shown.text()
        column = shown.grid.cursor_column
        assert column == shown.table.columns[-1].key


async def test_delta_switch_shows_each_convention_by_name() -> None:
    async with running_book(desk_of(book_of())) as shown:
        assert shown.cell("underlying:BTC", "delta_black") == (
            f"+{number_text(greek(shown, 'BTC', 'delta_black'), 4)}"
        )
        assert "delta Black, coin" in shown.text()
        await shown.press("d")
        value = greek(shown, "BTC", "delta_premium_adjusted")
        assert shown.cell("underlying:BTC", "delta_premium_adjusted").lstrip("+") == (
            number_text(value, 4)
        )
        assert "delta premium-adjusted, coin" in shown.text()
        assert shown.table.column_of("delta_black") is None


async def test_units_vega_and_theta_switches_name_what_they_show() -> None:
    async with running_book(desk_of(book_of())) as shown:
        await shown.press("u")
        assert shown.cell("underlying:BTC", "dollar_delta").lstrip("+") == (
            number_text(greek(shown, "BTC", "dollar_delta"), 0)
        )
        assert "delta Black, USD" in shown.text()
        await shown.press("w", "t")
        assert "vega weighted √(30/d)" in shown.text()
        assert "theta 1-day revalued" in shown.text()
        assert shown.cell("underlying:BTC", "vega_per_point_weighted").lstrip("+") == (
            number_text(greek(shown, "BTC", "vega_per_point_weighted"), 2)
        )
        await shown.press("t")
        assert "theta venue's rule" in shown.text()


async def test_root_adds_dollars_but_no_greeks_over_coins() -> None:
    async with running_book(desk_of(book_of())) as shown:
        assert shown.cell("book:book", "delta_black") == ""
        assert shown.cell("book:book", "open_usd") != ""
        assert shown.cell("underlying:ETH", "delta_black") != ""


async def test_tree_by_tag_sums_the_legs_of_a_strategy() -> None:
    async with running_book(desk_of(book_of())) as shown:
        await shown.press("b")
        text = shown.text()
        assert "underlying → strategy → structure" in text
        assert "income (3)" in text
        reading = shown.app.context.book.reading
        assert reading is not None
        exposures = reading.report.greeks
        condor = sum(
            exposures.position(row).delta_black
            for row, position in enumerate(exposures.book.positions)
            if position.structure == "condor"
        )
        assert shown.cell("structure:BTC/income/condor", "delta_black").lstrip("+") == (
            number_text(condor, 4)
        )


async def test_folding_hides_legs_and_keeps_the_sum() -> None:
    async with running_book(desk_of(book_of())) as shown:
        before = shown.cell("underlying:BTC", "delta_black")
        assert shown.grid.go_to("underlying:BTC")
        await shown.press("enter")
        assert "BTC-31JUL26-52000-P" not in shown.text()
        assert "+ BTC (6)" in shown.text()
        assert shown.cell("underlying:BTC", "delta_black") == before
        await shown.press("enter")
        assert "BTC-31JUL26-52000-P" in shown.text()


async def test_leg_without_cost_has_a_dash_and_the_sum_says_so() -> None:
    async with running_book(desk_of(book_of())) as shown:
        key = next(
            line.key for line in shown.table.lines if "BTC-25SEP26-60000-C" in line.cells[0].text
        )
        assert shown.cell(key, "open") == "–"
        assert "P&L without 1" in shown.cell("underlying:BTC", "note")


@pytest.mark.parametrize("screen", ["5", "8"])
async def test_left_out_row_is_named_with_its_reason_and_in_no_total(screen: str) -> None:
    async with running_book(desk_of(book_of((*ROWS, BAD_ROW))), screen=screen) as shown:
        text = shown.text()
        assert "PARTIAL. 1 of 8 left out, totals miss it" in text
        assert "row 8" in text
        assert "is not listed by deribit" in text
        assert "WITHOUT 1" in text
        assert "LEFT OUT" in text
        await shown.press("G", "i")
        assert "must" in shown.text() or "is not listed" in shown.text()


async def test_state_columns_give_vol_days_chance_margin_and_age() -> None:
    async with running_book(desk_of(book_of())) as shown:
        await shown.press("c", "c", "c")
        key = next(
            line.key for line in shown.table.lines if "BTC-31JUL26-65000-C" in line.cells[0].text
        )
        assert 30 < float(shown.cell(key, "days")) < 40
        assert 0 < float(shown.cell(key, "chance")) < 50
        assert float(shown.cell(key, "iv")) == pytest.approx(38.6, abs=1.0)
        assert float(shown.cell(key, "margin")) > 0
        assert 0 < float(shown.cell(key, "share")) < 100
        assert shown.cell(key, "age").endswith("s")


async def test_panel_explains_a_greek_with_unit_and_source() -> None:
    async with running_book(desk_of(book_of())) as shown:
        await shown.press("i")
        key = next(
            line.key for line in shown.table.lines if "BTC-31JUL26-65000-C" in line.cells[0].text
        )
        shown.grid.go_to(key)
        await shown.press("right", "right", "right")
        assert shown.grid.cursor_column == "delta_black"
        text = shown.text()
        assert "Delta Blk, BTC: Σ q·Δ, Black on the forward of each leg's expiry." in text
        assert "positions from mine.csv" in text
        assert "old on the venue's clock" in text
        await shown.press("escape")
        assert "positions from mine.csv" not in shown.text()


async def test_book_line_tells_notes_sources_and_ages() -> None:
    async with running_book(desk_of(book_of())) as shown:
        await shown.press("i")
        text = shown.text()
        assert (
            "Note: made by the venue's contract rules, not listed in the market: BTC-PERP" in text
        )
        assert "deribit BTC index: ticker" in text
        assert "s old." in text


async def test_leg_is_found_on_its_chain_with_one_key() -> None:
    async with running_book(desk_of(book_of())) as shown:
        await shown.press("f")
        key = next(
            line.key for line in shown.table.lines if "BTC-25SEP26-60000-C" in line.cells[0].text
        )
        assert shown.grid.go_to(key)
        await shown.press("f")
        assert "[25SEP26 90d]" in shown.text()
        assert "CALLS" in shown.text()
        await shown.press("5")
        assert shown.grid.cursor_key == key


async def test_mark_that_the_venue_rounds_to_0_is_in_every_sum() -> None:
    rows = (*ROWS, ("deribit", ROUNDED, "-1", "0.0001", "", ""))
    for screen in ("5", "8"):
        async with running_book(desk_of(book_of(rows)), screen=screen) as shown:
            assert "PARTIAL" not in shown.text()
            assert "positions 8" in shown.text()
    async with running_book(desk_of(book_of(rows))) as shown:
        key = next(line.key for line in shown.table.lines if ROUNDED in line.cells[0].text)
        assert shown.cell(key, "delta_black") not in ("", "–")
        assert shown.cell(key, "mark") == "0"


async def test_leg_without_any_vol_is_left_out_of_every_sum_by_name() -> None:
    rows = (*ROWS, ("deribit", ROUNDED, "-1", "0.0001", "", ""))
    bare = without_vols(TWO_COINS)
    for screen in ("5", "8"):
        async with running_book(desk_of(book_of(rows)), screen=screen, snapshot=bare) as shown:
            text = shown.text()
            assert f"PARTIAL. 1 of 8 left out, totals miss it: {ROUNDED}: mark = " in text
            assert "positions 7 WITHOUT 1" in text
    async with running_book(desk_of(book_of(rows)), snapshot=bare) as shown:
        assert "WITHOUT 1" in shown.cell("underlying:BTC", "note")
        key = next(line.key for line in shown.table.lines if ROUNDED in line.cells[0].text)
        assert shown.cell(key, "delta_black") == "–"
        assert shown.cell(key, "open") == "–"
        assert "must " in shown.cell(key, "note")


async def test_panes_change_with_tab_and_share_a_small_terminal() -> None:
    async with running_book(desk_of(book_of()), screen="6", size=(80, 24)) as shown:
        assert "no strike" in shown.text()
        await shown.press("tab")
        assert "By expiry" in shown.text()
        assert "no strike" not in shown.text()


async def test_book_key_goes_round_and_forgets_the_other_book() -> None:
    book = desk_of(book_of(), AccountBook(names=("main",)))
    async with running_book(book, snapshot=account_desk()) as shown:
        assert "book mine.csv" in shown.text()
        await shown.press("o")
        assert "account main" in shown.text()
        await shown.press("o")
        assert "SAMPLE book" in shown.text()
        await shown.press("o")
        assert "book mine.csv" in shown.text()


async def test_stale_prices_are_said_and_dimmed() -> None:
    cut = replace(
        TWO_COINS,
        links=(link("deribit-btc", last_recv_ns=DESK_NS - 60 * 10**9), link("deribit-eth")),
    )
    async with running_book(desk_of(book_of()), snapshot=cut) as shown:
        assert "STALE. No data for 1m 0s" in shown.text()
        assert "prices 1m 0s old" in shown.text()
        assert shown.screen.has_class("-stale")


async def test_stale_coin_of_the_book_counts_and_another_does_not() -> None:
    cut = replace(
        TWO_COINS,
        links=(link("deribit-btc"), link("deribit-eth", last_recv_ns=DESK_NS - 60 * 10**9)),
    )
    only_btc = book_of(ROWS[:6])
    async with running_book(desk_of(only_btc), snapshot=cut) as shown:
        assert "STALE." not in shown.text()
    async with running_book(desk_of(book_of()), snapshot=cut) as shown:
        assert "STALE." in shown.text()


async def test_chain_that_comes_later_brings_its_legs_in() -> None:
    only_btc = desk(TWO_COINS.chains[0], seq=1)
    async with running_book(desk_of(book_of(ETH=10)), snapshot=only_btc) as shown:
        assert "PARTIAL. 1 of 7 left out" in shown.text()
        await shown.bring(replace(TWO_COINS, seq=2), after_s=5)
        assert "PARTIAL" not in shown.text()
        assert "ETH-E1-3000-C" in shown.text()


async def test_new_prices_are_looked_at_no_faster_than_the_pause() -> None:
    async with running_book(desk_of(book_of())) as shown:
        desk_book = shown.app.context.book
        first = desk_book.reading
        assert first is not None
        moved = desk(TWO_COINS.chains[0], synthetic_chain(shift=0.01), seq=2)
        await shown.bring(moved)
        assert desk_book.reading is first
        await shown.bring(moved, after_s=max(PAUSE_NS_MIN / 1e9, 1.0))
        assert desk_book.reading is not first
        assert desk_book.reading is not None
        assert desk_book.reading.seq == 2


async def test_an_unchanged_desk_computes_nothing_again() -> None:
    async with running_book(desk_of(book_of())) as shown:
        first = shown.app.context.book.reading
        await shown.bring(TWO_COINS, after_s=30)
        assert shown.app.context.book.reading is first


class BrokenBook:
    """A book whose file went away."""

    label = "book gone.csv"
    collateral: ClassVar[dict[str, Decimal]] = {}

    def __init__(self, good: FileBook | None = None) -> None:
        self.good = good

    def waits_for(self, snapshot: DeskSnapshot) -> str:
        return ""

    def open(self, snapshot: DeskSnapshot) -> object:
        if self.good is None:
            raise StorageError("gone.csv: [/b]\x1b[2J is no table")
        return self.good.open(snapshot)


async def test_error_is_said_plainly_and_the_last_numbers_stay() -> None:
    broken = BrokenBook()
    book = desk_of(broken)  # type: ignore[arg-type]
    async with running_book(book) as shown:
        assert "book gone.csv: no risk: gone.csv: [/b]\\x1b[2J is no table" in shown.text()
    broken.good = book_of()
    book = desk_of(broken)  # type: ignore[arg-type]
    async with running_book(book) as shown:
        assert "BTC-31JUL26-52000-P" in shown.text()
        broken.good = None
        await shown.bring(replace(TWO_COINS, seq=2), after_s=5)
        assert "ERROR. The newest prices gave no risk: gone.csv" in shown.text()
        assert "BTC-31JUL26-52000-P" in shown.text()


async def test_tags_from_a_file_reach_the_screen_only_as_plain_text() -> None:
    hostile = "[@click=app.quit]x[/]"
    rows = [(*row[:4], hostile, "\x1b[2J") for row in ROWS]
    async with running_book(desk_of(book_of(rows))) as shown:
        await shown.press("b")
        assert "\x1b" not in shown.text()
        assert "[@click" in shown.text() or "left out" in shown.text()


async def test_keys_of_the_book_screens_stand_in_their_help() -> None:
    async with running_book(desk_of(book_of()), screen="7", size=(120, 60)) as shown:
        await shown.press("question_mark")
        text = shown.text()
        assert "more days that pass" in text
        assert "with or without the account's cash" in text
        assert "the worst cell of the matrix" in text
