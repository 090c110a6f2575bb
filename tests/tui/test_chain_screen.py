"""What the chain screen does on keys, on news and on bad news."""

from __future__ import annotations

from dataclasses import replace

import pytest

from quantdesk.app.tui.screens.help import HelpScreen
from quantdesk.app.tui.widgets.chain_cursor import CursorSide
from quantdesk.app.tui.widgets.provenance_panel import ProvenancePanel
from quantdesk.snapshot import DeskSnapshot, LinkState
from tests.tui.desk_samples import (
    DAY_NS,
    DESK_NS,
    SECOND_NS,
    VENUE_NS,
    chain_snapshot,
    desk,
    link,
    recorded_desk,
    recorded_events,
    synthetic_chain,
)
from tests.tui.pilot_desk import RunningDesk, running_desk

RECORDED = recorded_desk()
TWO_COINS = desk(RECORDED.chains[0], synthetic_chain())
SMALL = (80, 24)


async def test_recorded_chain_is_on_screen_with_mode_in_words() -> None:
    async with running_desk(RECORDED) as shown:
        text = shown.text()
        assert "SIMULATED" in text
        assert ">60,000<" in text
        assert "0.0060" in text
        assert "60,245.37 USD (venue:index_price)" in text
        assert "UTC 2025-12-01 10:00:00" in text
        assert "venue 2026-06-27 09:25:30" in text


async def test_money_is_in_the_middle_at_first() -> None:
    async with running_desk(RECORDED, size=SMALL) as shown:
        strikes = shown.strikes_on_screen
        assert abs(strikes.index(60_000.0) - len(strikes) // 2) <= 1


async def test_strike_is_in_the_middle_at_every_width() -> None:
    for width in (60, 80, 97, 120, 200, 300):
        async with running_desk(RECORDED, size=(width, 24)) as shown:
            line = next(line for line in shown.lines() if ">60,000<" in line)
            centre = line.index(">60,000<") + 4
            assert abs(centre - width / 2) <= 1.5


@pytest.mark.parametrize(
    ("keys", "strike", "column"),
    [
        (("down",), 60_500, "bid"),
        (("j", "j"), 61_000, "bid"),
        (("up",), 59_500, "bid"),
        (("k", "k"), 59_000, "bid"),
        (("right",), 60_000, "ask"),
        (("l",), 60_000, "ask"),
        (("left",), 60_000, "bid_size"),
        (("h",), 60_000, "bid_size"),
        (("g",), 50_000, "bid"),
        (("G",), 68_000, "bid"),
        (("home",), 50_000, "bid"),
        (("end",), 68_000, "bid"),
    ],
)
async def test_keys_move_the_cursor(keys: tuple[str, ...], strike: float, column: str) -> None:
    async with running_desk(RECORDED) as shown:
        await shown.press(*keys)
        cursor, view = shown.grid.cursor, shown.grid.view
        assert cursor is not None
        assert view is not None
        lowest, highest = view.keys[0].strike, view.keys[-1].strike
        expected = {50_000: lowest, 68_000: highest}.get(int(strike), strike)
        assert (cursor.key.strike, cursor.column) == (expected, column)


async def test_pages_move_by_half_a_screen_and_stop_at_the_ends() -> None:
    async with running_desk(RECORDED, size=SMALL) as shown:
        view = shown.grid.view
        assert view is not None
        await shown.press("ctrl+d")
        assert shown.grid.cursor is not None
        assert shown.grid.cursor.key.strike > 62_000
        await shown.press("ctrl+d", "ctrl+d", "ctrl+d", "ctrl+d")
        assert shown.grid.cursor.key == view.keys[-1]
        await shown.press(*["ctrl+u"] * 8)
        assert shown.grid.cursor.key == view.keys[0]


async def test_cursor_passes_over_the_strike_to_the_puts() -> None:
    async with running_desk(RECORDED, size=SMALL) as shown:
        sides = []
        for _ in range(6):
            await shown.press("right")
            assert shown.grid.cursor is not None
            sides.append(shown.grid.cursor.side)
        assert sides[2] is CursorSide.STRIKE
        assert sides[-1] is CursorSide.PUT


async def test_expiry_keys_keep_the_strike_and_stop_at_the_ends() -> None:
    async with running_desk(RECORDED) as shown:
        for tab in ("[31JUL26 34d]", "[25SEP26 90d]", "[25SEP26 90d]"):
            await shown.press("right_square_bracket")
            assert tab in shown.text()
            assert shown.grid.cursor is not None
            assert shown.grid.cursor.key.strike == 60_000
        await shown.press(*["left_square_bracket"] * 4)
        assert "[28JUN26 0.9d]" in shown.text()


async def test_underlying_keys_go_round() -> None:
    async with running_desk(TWO_COINS) as shown:
        await shown.press("right_curly_bracket")
        assert "[ETH]" in shown.text()
        assert "ETH deribit SIMULATED" in shown.text()
        await shown.press("tab")
        assert "[BTC]" in shown.text()
        await shown.press("left_curly_bracket")
        assert "[ETH]" in shown.text()


@pytest.mark.parametrize("size", [(60, 12), SMALL, (120, 40)])
async def test_unit_of_prices_is_named_at_every_size(size: tuple[int, int]) -> None:
    async with running_desk(RECORDED, size=size) as shown:
        for words in ("BTC, as quoted", "BTC × index", "BTC × forward", "implied vol"):
            assert words in shown.text()
            await shown.press("u")


async def test_another_coin_opens_at_its_money_and_keeps_its_expiry() -> None:
    async with running_desk(TWO_COINS, size=SMALL) as shown:
        await shown.press("right_square_bracket", "right_curly_bracket")
        assert shown.grid.cursor is not None
        assert shown.grid.cursor.key.strike == 3_000
        assert "[2JUL26 5.0d]" in shown.text()
        await shown.press("right_square_bracket", "right_curly_bracket")
        assert "[31JUL26 34d]" in shown.text()
        assert shown.grid.cursor.key.strike == 60_000
        await shown.press("right_curly_bracket")
        assert "[9JUL26 12d]" in shown.text()


async def test_a_far_cursor_stays_on_screen_in_another_expiry() -> None:
    async with running_desk(RECORDED, size=SMALL) as shown:
        await shown.press("G", "right_square_bracket")
        assert shown.grid.cursor is not None
        assert shown.grid.cursor.key.strike == 68_000
        assert 68_000 in shown.strikes_on_screen


async def test_column_sets_and_units_go_round_and_are_named() -> None:
    async with running_desk(RECORDED) as shown:
        for word in ("v.IV", "Gamma", "OI", "Th IV", "Size"):
            await shown.press("c")
            assert word in shown.text()
        for words in (
            "in USD cash (BTC × index)",
            "in USD model (BTC × forward)",
            "in implied vol, %",
        ):
            await shown.press("u")
            assert words in shown.text()
        await shown.press("u")
        assert "in BTC, as quoted" in shown.text()


async def test_columns_are_dropped_never_cut_on_a_narrow_screen() -> None:
    async with running_desk(RECORDED, size=(60, 24)) as shown:
        body = next(line for line in shown.lines() if "60,500*" in line)
        assert "0.0021" in body
        assert "0.0024" in body
        await shown.pilot.resize_terminal(200, 24)
        await shown.pilot.pause()
        body = next(line for line in shown.lines() if "60,500*" in line)
        assert "187.6" in body


def is_explaining(shown: RunningDesk) -> bool:
    return shown.screen.query_one(ProvenancePanel).display


async def test_provenance_follows_the_cursor_and_closes() -> None:
    async with running_desk(RECORDED) as shown:
        assert not is_explaining(shown)
        await shown.press("i")
        assert is_explaining(shown)
        assert "BTC-28JUN26-60000-C bid" in shown.text()
        assert "as deribit (simulated) published it" in shown.text()
        await shown.press("down", "right")
        assert "BTC-28JUN26-60500-C ask" in shown.text()
        await shown.press("escape")
        assert not is_explaining(shown)


async def test_provenance_leaves_the_cursor_on_screen() -> None:
    async with running_desk(RECORDED, size=SMALL) as shown:
        await shown.press("G", "i")
        assert shown.grid.cursor is not None
        assert shown.grid.cursor.key.strike in shown.strikes_on_screen


async def test_help_lists_keys_and_closes() -> None:
    async with running_desk(RECORDED) as shown:
        await shown.press("question_mark")
        assert isinstance(shown.app.screen, HelpScreen)
        assert "next expiry" in shown.text()
        assert "at the money" in shown.text()
        frame = shown.app.screen.query_one("#help-frame")
        await shown.press("j", "j", "k")
        assert frame.scroll_y == 1
        await shown.press("G")
        assert frame.scroll_y == frame.max_scroll_y > 1
        await shown.press("ctrl+u")
        assert frame.scroll_y < frame.max_scroll_y
        await shown.press("g")
        assert frame.scroll_y == 0
        await shown.press("ctrl+d")
        assert frame.scroll_y > 1
        await shown.press("escape")
        assert not isinstance(shown.app.screen, HelpScreen)


async def test_q_leaves_and_run_returns() -> None:
    async with running_desk(RECORDED) as shown:
        await shown.press("q")
        assert shown.app.return_code == 0


async def test_click_puts_the_cursor_on_a_cell_and_tabs_are_clickable() -> None:
    async with running_desk(TWO_COINS) as shown:
        line = next(y for y, text in enumerate(shown.lines()) if " 61,000*" in text)
        text = shown.lines()[line]
        await shown.pilot.click(offset=(text.index("0.0495") + 2, line))
        cursor = shown.grid.cursor
        assert cursor is not None
        assert (cursor.key.strike, cursor.side, cursor.column) == (61_000, CursorSide.PUT, "ask")
        tabs = next(y for y, text in enumerate(shown.lines()) if "28JUN26 0.9d" in text)
        await shown.pilot.click(offset=(shown.lines()[tabs].index("25SEP26") + 1, tabs))
        assert "[25SEP26 90d]" in shown.text()
        await shown.pilot.click(offset=(shown.lines()[tabs].index("ETH") + 1, tabs))
        assert "[ETH]" in shown.text()


async def test_newer_snapshot_updates_in_place() -> None:
    instruments, quotes = recorded_events()
    moved = [
        replace(quote, mark=quote.ask) if quote.instrument_name.endswith("60000-C") else quote
        for quote in quotes
    ]
    later = desk(chain_snapshot(instruments, moved), seq=5)
    async with running_desk(RECORDED, size=(200, 40)) as shown:
        await shown.press("down", "down", "right")
        cursor, top = shown.grid.cursor, shown.grid.first_line
        await shown.bring(later)
        line = next(line for line in shown.lines() if ">60,000<" in line)
        assert line.split()[5] == "0.0070"
        assert (shown.grid.cursor, shown.grid.first_line) == (cursor, top)
        assert "3 skipped" in shown.text()


def without(snapshot: DeskSnapshot, strikes: set[float], seq: int) -> DeskSnapshot:
    instruments, quotes = recorded_events()
    kept = [i for i in instruments if float(i.strike or 0) not in strikes]
    names = {i.name for i in kept}
    chain = chain_snapshot(kept, [q for q in quotes if q.instrument_name in names])
    return replace(desk(chain, seq=seq), ts_ns=snapshot.ts_ns)


async def test_strikes_that_come_or_go_above_leave_the_cursor_where_it_is() -> None:
    fewer = without(RECORDED, {57_500.0, 58_500.0, 59_500.0}, 2)
    async with running_desk(fewer, size=SMALL) as shown:
        await shown.press("down", "down")
        assert shown.grid.cursor is not None
        strike = shown.grid.cursor.key.strike
        place = shown.strikes_on_screen.index(strike)
        await shown.bring(replace(RECORDED, seq=3))
        assert shown.grid.cursor.key.strike == strike
        assert shown.strikes_on_screen.index(strike) == place
        await shown.bring(replace(fewer, seq=4))
        assert shown.strikes_on_screen.index(strike) == place


async def test_cursor_moves_to_the_nearest_strike_when_its_own_leaves() -> None:
    async with running_desk(RECORDED) as shown:
        await shown.press("down", "down", "down")
        assert shown.grid.cursor is not None
        assert shown.grid.cursor.key.strike == 61_500
        await shown.bring(without(RECORDED, {61_500.0}, 2))
        assert shown.grid.cursor.key.strike in {61_000.0, 62_000.0}


async def test_an_expiry_that_leaves_gives_way_to_the_next() -> None:
    instruments, quotes = recorded_events()
    later = [i for i in instruments if "28JUN26" not in i.name]
    names = {i.name for i in later}
    chain = chain_snapshot(later, [q for q in quotes if q.instrument_name in names])
    async with running_desk(RECORDED) as shown:
        await shown.press("right", "right")
        await shown.bring(desk(chain, seq=2))
        assert "[31JUL26 34d]" in shown.text()
        assert shown.grid.cursor is not None
        assert shown.grid.cursor.column == "ask_size"
        assert shown.grid.cursor.key.strike == 60_000


def eth_at(forward: float, seq: int) -> DeskSnapshot:
    """A ladder of fixed strikes with the money at `forward`."""
    chain = synthetic_chain(expiries=1, strikes=60, forward=3_000.0)
    expiry = chain.expiries[0]
    moved = replace(expiry, forward=replace(expiry.forward, price=forward))
    return desk(replace(chain, expiries=(moved,)), seq=seq)


async def test_money_is_followed_only_when_it_nears_the_edge() -> None:
    async with running_desk(eth_at(3_000.0, 1), size=SMALL, underlying="ETH") as shown:
        top = shown.grid.first_line
        await shown.bring(eth_at(3_100.0, 2))
        assert shown.grid.first_line == top
        await shown.bring(eth_at(3_000.0, 3))
        assert shown.grid.first_line == top
        await shown.bring(eth_at(3_400.0, 4))
        assert shown.grid.first_line > top
        assert 3_400.0 in shown.strikes_on_screen[:-2]


async def test_following_never_pushes_the_cursor_off_screen() -> None:
    async with running_desk(eth_at(3_000.0, 1), size=SMALL, underlying="ETH") as shown:
        await shown.press("up", "up")
        assert shown.grid.cursor is not None
        for seq, forward in enumerate((3_300.0, 3_900.0, 4_300.0), start=2):
            await shown.bring(eth_at(forward, seq))
            assert shown.grid.cursor.key.strike == 2_900.0
            assert 2_900.0 in shown.strikes_on_screen


async def test_who_pages_away_stays_until_f_is_pressed() -> None:
    async with running_desk(eth_at(3_000.0, 1), size=SMALL, underlying="ETH") as shown:
        await shown.press("G")
        top, following = shown.grid.first_line, [shown.grid.is_following]
        await shown.bring(eth_at(3_100.0, 2))
        assert shown.grid.first_line == top
        await shown.press("f")
        assert 3_100.0 in shown.strikes_on_screen
        assert [*following, shown.grid.is_following] == [False, True]
        assert shown.grid.cursor is not None
        assert shown.grid.cursor.key.strike == 3_100.0


@pytest.mark.parametrize(
    ("snapshot", "passed_s", "words"),
    [
        (None, 0, "waiting for the first chain"),
        (desk(links=[link(state=LinkState.CONNECTING)]), 0, "deribit-btc connecting"),
        (RECORDED, 30, "STALE. No data for 30s"),
        (replace(RECORDED, links=(link(state=LinkState.RECONNECTING),)), 5, "DISCONNECTED"),
        (replace(RECORDED, links=(link(state=LinkState.MAINTENANCE),)), 0, "MAINTENANCE"),
        (
            replace(RECORDED, links=(link("deribit-x"), link("deribit-y", LinkState.CLOSED))),
            0,
            "PARTIAL. deribit-y closed",
        ),
    ],
)
async def test_each_state_says_itself_in_words(
    snapshot: DeskSnapshot | None, passed_s: int, words: str
) -> None:
    async with running_desk(snapshot, size=SMALL) as shown:
        shown.clock.instant_ns = DESK_NS + passed_s * SECOND_NS
        await shown.bring(snapshot)
        assert words in shown.text()


async def test_live_screen_has_no_banner_and_gets_rid_of_one() -> None:
    async with running_desk(replace(RECORDED, links=(link(state=LinkState.STALE),))) as shown:
        assert "STALE" in shown.text()
        await shown.bring(replace(RECORDED, seq=2))
        assert "STALE" not in shown.text()


async def test_chain_replaces_the_waiting_screen_and_its_own_coin_is_chosen() -> None:
    only_eth = desk(synthetic_chain())
    async with running_desk(None) as shown:
        await shown.bring(only_eth)
        assert "ETH deribit SIMULATED" in shown.text()


async def test_expired_expiry_is_left_out_at_first() -> None:
    chain = synthetic_chain(expiries=3, first_expiry_ns=VENUE_NS - DAY_NS)
    async with running_desk(desk(chain), underlying="ETH") as shown:
        assert "[3JUL26 6.0d]" in shown.text()


async def test_too_small_says_so_and_recovers() -> None:
    async with running_desk(RECORDED, size=(59, 24)) as shown:
        assert "59x24 is too small: the desk needs 60x12" in shown.text()
        await shown.pilot.resize_terminal(80, 11)
        await shown.pilot.pause()
        assert "80x11 is too small" in shown.text()
        await shown.pilot.resize_terminal(60, 12)
        await shown.pilot.pause()
        assert ">60,000<" in shown.text()


@pytest.mark.parametrize("size", [(1, 1), (2, 40), (300, 1), (300, 100)])
async def test_odd_terminals_do_not_end_the_program(size: tuple[int, int]) -> None:
    async with running_desk(RECORDED, size=size) as shown:
        await shown.press("down", "i", "c", "u", "right_square_bracket")
        await shown.bring(replace(RECORDED, seq=2))
        assert len(shown.lines()) == size[1]


async def test_a_storm_of_resizes_ends_in_a_whole_screen() -> None:
    async with running_desk(RECORDED) as shown:
        for width, height in ((1, 1), (200, 60), (61, 13), (300, 3), (80, 24), (59, 11), (120, 40)):
            await shown.pilot.resize_terminal(width, height)
        await shown.pilot.pause()
        assert ">60,000<" in shown.text()
        assert all(len(line) == 120 for line in shown.lines())
