"""The screens of ladder, scenarios and margin, driven by keys."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from quantdesk.runtime.screen_books import AccountBook
from quantdesk.views.number_text import number_text
from tests.tui.book_samples import SCREENS, account_desk, book_of, desk_of, greek, running_book


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


@pytest.mark.parametrize(
    ("size", "title"),
    [
        ((60, 24), "> OPTION PART UNPROVED: portfolio margin, segregated "),
        ((80, 24), "> Deribit portfolio margin, segregated: OPTION PART UNPROVED "),
        (
            (120, 40),
            "> Portfolio margin, segregated: OPTION PART UNPROVED: no captured simulation reply "
            "with options has been matched ",
        ),
        (
            (200, 60),
            "> Deribit portfolio margin, segregated: OPTION PART UNPROVED: no captured simulation "
            "reply with options has been matched ",
        ),
    ],
)
async def test_no_title_of_the_margin_screen_is_cut(size: tuple[int, int], title: str) -> None:
    async with running_book(desk_of(book_of()), screen="8", size=size) as shown:
        assert "> Standard margin by leg " in shown.text()
        await shown.press("tab")
        assert title in shown.text()
