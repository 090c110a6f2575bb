"""Pictures of the book screens, compared with those once looked at and found good.

After a wanted change: pytest with `--snapshot-update` on this file, then look at them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from textual.pilot import Pilot

from quantdesk.app.tui.app import DeskApp
from quantdesk.app.tui.book_desk import BookDesk
from quantdesk.runtime.screen_books import AccountBook
from quantdesk.snapshot import DeskSnapshot
from tests.tui.book_samples import BAD_ROW, ROWS, TWO_COINS, account_desk, book_of, desk_of
from tests.tui.desk_samples import DESK_NS, OneSource, StillClock, link

Compare = Callable[..., bool]
SIZES = [(80, 24), (120, 40), (200, 60)]
SCREENS = {"positions": "5", "ladder": "6", "scenarios": "7", "margin": "8"}


@pytest.fixture(autouse=True)
def colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are in colour whatever the developer's shell says."""
    monkeypatch.delenv("NO_COLOR", raising=False)


def app_on(book: BookDesk, snapshot: DeskSnapshot = TWO_COINS) -> DeskApp:
    return DeskApp(OneSource(snapshot), clock=StillClock(), book=book)


def pressing(*keys: str) -> Callable[[Pilot[None]], Awaitable[None]]:
    """Press `keys`, after each letting the worker finish."""

    async def press(pilot: Pilot[None]) -> None:
        for key in keys:
            await pilot.press(key)
            await pilot.pause()
            await pilot.app.workers.wait_for_complete()
            await pilot.pause()

    return press


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("screen", SCREENS)
def test_screen_at_size(snap_compare: Compare, screen: str, size: tuple[int, int]) -> None:
    app = app_on(desk_of(book_of(BTC=2, ETH=50)))
    assert snap_compare(app, run_before=pressing(SCREENS[screen]), terminal_size=size)


def test_no_book(snap_compare: Compare) -> None:
    assert snap_compare(app_on(desk_of()), run_before=pressing("5"), terminal_size=(80, 24))


def test_left_out_and_stale(snap_compare: Compare) -> None:
    cut = replace(
        TWO_COINS,
        links=(link("deribit-btc", last_recv_ns=DESK_NS - 60 * 10**9), link("deribit-eth")),
    )
    app = app_on(desk_of(book_of((*ROWS, BAD_ROW))), cut)
    keys = pressing("5", "G", "i")
    assert snap_compare(app, run_before=keys, terminal_size=(120, 40))


def test_scenarios_of_one_coin_in_coin_after_a_week(snap_compare: Compare) -> None:
    app = app_on(desk_of(book_of(BTC=2)))
    keys = pressing("7", "}", "u", *["]"] * 4, "up", "up", "left")
    assert snap_compare(app, run_before=keys, terminal_size=(120, 40))


def test_margin_of_an_account(snap_compare: Compare) -> None:
    app = app_on(desk_of(AccountBook(names=("main",))), account_desk())
    assert snap_compare(app, run_before=pressing("8", "i"), terminal_size=(120, 40))
