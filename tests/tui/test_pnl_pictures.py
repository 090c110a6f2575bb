"""Pictures of the P&L explain screen, compared with those once looked at and found good.

After a wanted change: pytest with `--snapshot-update` on this file, then look at them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from textual.pilot import Pilot

from quantdesk.app.tui.app import DeskApp
from quantdesk.runtime.pnl_openings import DayOpenings
from quantdesk.snapshot import DeskSnapshot
from tests.tui.book_samples import TWO_COINS, book_of, desk_of
from tests.tui.desk_samples import OneSource, StillClock
from tests.tui.pnl_samples import later

Compare = Callable[..., bool]
SIZES = [(80, 24), (120, 40), (200, 60)]


@pytest.fixture(autouse=True)
def colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are in colour whatever the developer's shell says."""
    monkeypatch.delenv("NO_COLOR", raising=False)


class _Day:
    """A desk that opened three hours ago, and keys pressed since."""

    def __init__(self, now: DeskSnapshot) -> None:
        self._now = now
        self.source, self.clock = OneSource(TWO_COINS), StillClock()
        book = desk_of(book_of(BTC=2, ETH=50))
        book.openings = DayOpenings(day_start_ns=9 * 3_600_000_000_000)
        self.app = DeskApp(self.source, clock=self.clock, book=book)

    def pressing(self, *keys: str) -> Callable[[Pilot[None]], Awaitable[None]]:
        """Open the screen, let the hours pass, press `keys`; each worker finishes first."""

        async def settle(pilot: Pilot[None]) -> None:
            await pilot.pause()
            await pilot.app.workers.wait_for_complete()
            await pilot.pause()

        async def press(pilot: Pilot[None]) -> None:
            await pilot.press("E")
            await settle(pilot)
            self.clock.instant_ns += self._now.ts_ns - TWO_COINS.ts_ns
            self.source.snapshot = self._now
            self.app._poll()
            await settle(pilot)
            for key in keys:
                await pilot.press(key)
                await settle(pilot)

        return press


NOW = later(TWO_COINS, hours=3, spot=1.012, vol=0.006)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_screen_at_size(snap_compare: Compare, size: tuple[int, int]) -> None:
    day = _Day(NOW)
    assert snap_compare(day.app, run_before=day.pressing(), terminal_size=size)


def test_roll_up_by_leg_in_usd(snap_compare: Compare) -> None:
    day = _Day(NOW)
    keys = day.pressing("u", "b", "tab", "down", "down", "down", "i")
    assert snap_compare(day.app, run_before=keys, terminal_size=(120, 40))


def test_an_expired_leg_is_left_out(snap_compare: Compare) -> None:
    day = _Day(later(TWO_COINS, hours=23, spot=0.95, vol=0.05))
    assert snap_compare(day.app, run_before=day.pressing(), terminal_size=(120, 40))
