"""Both venues on the chain screen: one at a time, then side by side, by one key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from quantdesk.app.tui.app import DeskApp
from quantdesk.snapshot import DeskSnapshot
from tests.tui.desk_samples import OneSource, StillClock, desk, recorded_desk, synthetic_chain
from tests.tui.pilot_desk import running_desk
from tests.unit.views.test_venue_pair import dollar_venue

Compare = Callable[..., bool]


def two_venues() -> DeskSnapshot:
    left = synthetic_chain(underlying="BTC", forward=60_000.0, step=1_000.0)
    right = dollar_venue(left, dearer=60.0)
    only = right.chain.strike[4]
    return desk(left.take(left.chain.strike != only), right)


async def test_key_goes_from_venue_to_venue_to_both_and_back() -> None:
    async with running_desk(two_venues()) as shown:
        assert "BTC deribit SIMULATED" in shown.text()
        await shown.press("v")
        assert "BTC binance SIMULATED" in shown.text()
        assert "USDT" in shown.text()
        await shown.press("v")
        assert "D deribit | B binance SIMULATED" in shown.text()
        assert "D.Bid" in shown.text()
        await shown.press("v")
        assert "BTC deribit SIMULATED" in shown.text()


async def test_strike_of_one_venue_stays_visible_and_is_marked() -> None:
    async with running_desk(two_venues()) as shown:
        await shown.press("v", "v")
        line = next(text for text in shown.lines() if "52,000" in text)
        assert line.split("*52,000")[0].rstrip().endswith("B")


async def test_panel_tells_conversion_and_net() -> None:
    async with running_desk(two_venues()) as shown:
        await shown.press("v", "v", "i")
        assert "the forward of this quote" in shown.text()
        await shown.press(*["left"] * 2)
        assert "taker fees of both taken off" in shown.text()


async def test_cursor_stays_on_its_strike_when_venues_change() -> None:
    async with running_desk(two_venues()) as shown:
        await shown.press("down", "down")
        before = shown.grid.cursor
        assert before is not None
        for _ in range(3):
            await shown.press("v")
            after = shown.grid.cursor
            assert after is not None
            assert after.key.strike == before.key.strike


async def test_one_venue_alone_says_so() -> None:
    async with running_desk(recorded_desk()) as shown:
        await shown.press("v")
        await shown.pilot.pause()
        assert "only deribit is connected for BTC" in shown.text()
        assert "BTC deribit SIMULATED" in shown.text()


async def test_second_venue_that_goes_leaves_the_first_on_screen() -> None:
    both = two_venues()
    async with running_desk(both) as shown:
        await shown.press("v", "v")
        await shown.bring(replace(both, seq=2, chains=both.chains[:1]))
        assert "BTC deribit SIMULATED" in shown.text()


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=lambda s: f"{s[0]}x{s[1]}")
def test_two_venues_at_size(
    snap_compare: Compare, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    app = DeskApp(OneSource(two_venues()), clock=StillClock())
    assert snap_compare(app, press=["v", "v"], terminal_size=size)
