"""The book screens through their keys: states, conventions, drivers, ages, what was left out."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import ClassVar

import pytest

from quantdesk.app.tui.book_desk import PAUSE_NS_MIN
from quantdesk.errors import StorageError
from quantdesk.runtime.screen_books import AccountBook, FileBook
from quantdesk.snapshot import DeskSnapshot, LinkState
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
from tests.tui.desk_samples import DESK_NS, desk, link, synthetic_chain

SCREENS = ("5", "6", "7", "8")


def greek(shown: RunningBook, coin: str, field: str) -> float:
    """The net Greek of the reading on screen, straight from the report."""
    reading = shown.app.context.book.reading
    assert reading is not None
    return float(getattr(reading.report.greeks.underlying(coin).greeks, field))


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


async def test_mark_of_zero_leaves_the_leg_out_of_every_sum_by_name() -> None:
    rows = (*ROWS, ("deribit", "BTC-28JUN26-52000-P", "-1", "0.0001", "", ""))
    for screen in ("5", "8"):
        async with running_book(desk_of(book_of(rows)), screen=screen) as shown:
            text = shown.text()
            assert "PARTIAL. 1 of 8 left out, totals miss it: BTC-28JUN26-52000-P: mark = 0" in text
            assert "positions 7 WITHOUT 1" in text
    async with running_book(desk_of(book_of(rows))) as shown:
        assert "WITHOUT 1" in shown.cell("underlying:BTC", "note")
        key = next(
            line.key for line in shown.table.lines if "BTC-28JUN26-52000-P" in line.cells[0].text
        )
        assert shown.cell(key, "delta_black") == "–"
        assert shown.cell(key, "open") == "–"
        assert "must b" in shown.cell(key, "note") or "above 0" in shown.cell(key, "note")


async def test_ladder_places_each_leg_in_its_expiry_and_bucket() -> None:
    async with running_book(desk_of(book_of()), screen="6") as shown:
        reading = shown.app.context.book.reading
        assert reading is not None
        line = next(each for each in shown.table.lines if each.cells[0].text == "28JUN26")
        bucket = shown.table.column_of("60000.0")
        assert bucket is not None
        assert line.cells[bucket].text == line.cells[1].text
        others = line.cells[2:bucket] + line.cells[bucket + 1 :]
        assert {cell.text for cell in others} == {""}
        assert shown.cell("total", "total").lstrip("+") == (
            number_text(greek(shown, "BTC", "delta_black"), 4)
        )


async def test_ladder_switches_coin_greek_and_grouping() -> None:
    async with running_book(desk_of(book_of()), screen="6") as shown:
        await shown.press("right_curly_bracket")
        assert "ETH by expiry × strike bucket" in shown.text()
        await shown.press("w")
        assert "Vega, weighted to 30 days" in shown.text()
        await shown.press("c")
        assert "Theta, plain" in shown.text()
        await shown.press("C", "C")
        assert "> Vega, plain" in shown.text()
        await shown.press("b")
        assert "All Greeks of ETH by strike" in shown.text()
        await shown.press(*["b"] * 5)
        assert "by underlying" in shown.text()
        assert "all BTC" in shown.text()
        assert "all ETH" in shown.text()


async def test_ladder_tells_the_two_hedges_apart() -> None:
    async with running_book(desk_of(book_of(BTC=2)), screen="6") as shown:
        reading = shown.app.context.book.reading
        assert reading is not None
        hedge = reading.report.greeks.hedges[0]
        coin = number_text(hedge.flattens_coin_pnl, 4)
        assert f"flattens coin P&L {coin} BTC" in shown.text()
        usd = number_text(hedge.flattens_account_usd, 4)
        assert f"flattens account in USD {usd} BTC" in shown.text()
        assert "cash +2.0000 BTC" in shown.text()


async def test_ladder_panel_names_the_legs_of_a_cell() -> None:
    async with running_book(desk_of(book_of()), screen="6") as shown:
        await shown.press("i")
        shown.grid.go_to("total")
        await shown.press("right")
        assert "Made by BTC-" in shown.text()
        assert "all expiries" in shown.text()


async def test_panes_change_with_tab_and_share_a_small_terminal() -> None:
    async with running_book(desk_of(book_of()), screen="6", size=(80, 24)) as shown:
        assert "no strike" in shown.text()
        await shown.press("tab")
        assert "By expiry" in shown.text()
        assert "no strike" not in shown.text()


async def test_matrix_begins_where_nothing_moves_and_names_what_drives_a_cell() -> None:
    async with running_book(desk_of(book_of()), screen="7") as shown:
        assert (shown.grid.cursor_key, shown.grid.cursor_column) == ("0", "0")
        assert "No leg gains or loses a dollar here." in shown.text()
        await shown.press("up", "up", "up")
        text = shown.text()
        assert "Spot -15 %, vol +0 pts, 0 days on:" in text
        assert "Loses, USD without collateral: BTC-31JUL26-56000-P -" in text


async def test_matrix_cell_is_the_full_revaluation_of_the_report() -> None:
    async with running_book(desk_of(book_of(BTC=2)), screen="7") as shown:
        reading = shown.app.context.book.reading
        assert reading is not None
        cube = reading.report.scenario(spot=-0.2, vol=0.1)
        total = float(cube.total_usd()[0, 0, 0, 0])
        assert shown.cell("-0.2", "0.1") == number_text(total, 0)
        await shown.press("x")
        assert "with collateral" in shown.text()
        with_cash = float(cube.total_usd(with_collateral=True)[0, 0, 0, 0])
        assert shown.cell("-0.2", "0.1").lstrip("<+") == number_text(with_cash, 0)
        await shown.press("right_curly_bracket", "u")
        coin = float(cube.pnl_coin()[0, 0, 0, 0, 0])
        assert shown.cell("-0.2", "0.1").lstrip("<+") == number_text(coin, 4)
        assert "BTC P&L in BTC, without collateral" in shown.text()


async def test_days_and_rules_are_computed_anew_by_key() -> None:
    async with running_book(desk_of(book_of()), screen="7") as shown:
        before = shown.cell("0", "0")
        await shown.press("right_square_bracket", "right_square_bracket")
        assert "2 days on" in shown.text()
        assert before == "0"
        assert shown.cell("0", "0").startswith(("+", "-"))
        await shown.press("v", "w", "m")
        assert "relative, × √(30/d), sticky-delta" in shown.text()
        assert "-50 %" in shown.table.columns[1].title
        await shown.press("b")
        assert "basis +5 % a year" in shown.text()
        await shown.press("left_square_bracket", "left_square_bracket", "left_square_bracket")
        assert "0 days on" in shown.text()


async def test_worst_cell_is_marked_without_colour() -> None:
    async with running_book(desk_of(book_of()), screen="7") as shown:
        marked = [
            cell.text for line in shown.table.lines for cell in line.cells if "<" in cell.text
        ]
        assert len(marked) == 1
        assert f"worst < {marked[0][1:]} USD" in shown.text()


async def test_lists_of_stresses_recorded_days_and_own_scenarios() -> None:
    async with running_book(desk_of(book_of()), screen="7") as shown:
        for name in ("crash", "squeeze", "weekend gap", "vol crush", "de-peg"):
            assert name in shown.text()
        await shown.press("tab")
        assert "Source: chosen: 30 % down" in shown.text()
        await shown.press("n")
        assert "2020-03-12" in shown.text()
        await shown.press("n")
        assert "give --scenarios FILE" in shown.text()


async def test_coin_of_all_together_is_refused_in_words() -> None:
    async with running_book(desk_of(book_of()), screen="7") as shown:
        await shown.press("u")
        assert "all coins P&L in USD" in shown.text()


async def test_margin_by_leg_and_currency_with_the_status_of_each_rule() -> None:
    async with running_book(desk_of(book_of()), screen="8") as shown:
        text = shown.text()
        assert "no leg offsets another; no account, so no venue's own beside" in text
        leg = next(
            line.key for line in shown.table.lines if "BTC-31JUL26-65000-C" in line.cells[0].text
        )
        assert shown.cell(leg, "status") in {"verified", "derived", "uncertain"}
        reading = shown.app.context.book.reading
        assert reading is not None
        total = reading.margin.accounts[0].statement.total("BTC")
        shown_total = Decimal(shown.cell("total:deribit:BTC", "initial"))
        assert total.initial <= shown_total < total.initial + Decimal("0.000001")
        shown.grid.go_to(leg)
        await shown.press("i")
        assert "Rule " in shown.text()
        assert "initial" in shown.text()


async def test_portfolio_margin_shows_its_grid_the_binding_cell_and_that_it_is_unproved() -> None:
    async with running_book(desk_of(book_of()), screen="8") as shown:
        await shown.press("tab")
        reading = shown.app.context.book.reading
        assert reading is not None
        one = next(each for each in reading.portfolio.accounts if each.margin.currency == "BTC")
        keys = [line.key for line in shown.table.lines]
        assert sum(key.startswith("grid:deribit BTC:") for key in keys) == 9
        assert sum(key.startswith("far:deribit BTC:") for key in keys) == 8
        marked = [
            cell.text for line in shown.table.lines for cell in line.cells if "◄" in cell.text
        ]
        assert len(marked) == len(reading.portfolio.accounts)
        assert f"{-one.margin.worst:,.6f}" in marked[0]
        assert shown.cell("total:deribit BTC", "up") == "UNPROVED"
        shown.grid.go_to("grid:deribit BTC:-16.00%")
        await shown.press("i")
        assert "Status: unproved" in shown.text()


async def test_account_shows_the_venues_own_margin_and_the_gap() -> None:
    book = desk_of(AccountBook(names=("main",)))
    async with running_book(book, screen="8", snapshot=account_desk()) as shown:
        text = shown.text()
        assert "account main" in text
        assert "IM is 15.4 % of equity 3.900000" in text
        total = "total:deribit main:BTC"
        ours, theirs = (Decimal(shown.cell(total, key)) for key in ("initial", "venue_initial"))
        assert theirs == Decimal("0.7")
        assert Decimal(shown.cell(total, "initial_gap")) == ours - theirs
        assert "venue's own beside" in text
        shown.grid.go_to("total:deribit main:BTC")
        await shown.press("i")
        assert "ours less theirs: IM " in shown.text()
        await shown.press("6")
        assert "cash +4.0000 BTC" in shown.text()


async def test_account_that_is_not_read_whole_is_waited_for() -> None:
    book = desk_of(AccountBook(names=("main",)))
    async with running_book(book, snapshot=account_desk(is_whole=False)) as shown:
        assert "account main: waiting for account main to be read whole" in shown.text()


async def test_flat_account_is_no_error() -> None:
    empty = account_desk()
    flat = replace(empty, accounts=(replace(empty.accounts[0], positions=()),))
    for screen in SCREENS:
        book = desk_of(AccountBook(names=("main",)))
        async with running_book(book, screen=screen, snapshot=flat) as shown:
            assert "positions 0" in shown.text()
            assert "no position" in shown.text() or "deribit main BTC" in shown.text()


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
