"""Pictures of the surface screen, compared with those once looked at and found good."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from textual.pilot import Pilot

from quantdesk.app.tui.app import DeskApp
from quantdesk.runtime.sources import StillSource
from tests.tui.desk_samples import OneSource, StillClock, recorded_desk
from tests.tui.test_surface_screen import OPENING

Compare = Callable[..., bool]
ROUNDS = 100
THIRD_EXPIRY = ["2", "right_square_bracket", "right_square_bracket"]


@pytest.fixture(autouse=True)
def colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are in colour whatever the developer's shell says."""
    monkeypatch.delenv("NO_COLOR", raising=False)


def app() -> DeskApp:
    return DeskApp(StillSource(OPENING), clock=StillClock(OPENING.ts_ns))


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=lambda s: f"{s[0]}x{s[1]}")
@pytest.mark.parametrize("part", ["smile", "term", "edge"])
def test_surface_at_size(snap_compare: Compare, size: tuple[int, int], part: str) -> None:
    keys = [*THIRD_EXPIRY, *["tab"] * ["smile", "term", "edge"].index(part)]
    assert snap_compare(app(), press=keys, terminal_size=size)


def test_own_vols_and_an_excluded_point(snap_compare: Compare) -> None:
    keys = [*THIRD_EXPIRY, "plus", "plus", "t", "down", "down", "x", "down", "n", "n", "n"]
    source = StillSource(OPENING)
    desk = DeskApp(source, clock=StillClock(OPENING.ts_ns))

    async def press_and_see(pilot: Pilot[None]) -> None:
        for key in keys:
            await pilot.press(key)
            for _ in range(ROUNDS):
                # Each wish is seen before the next, so that no snapshot is counted as skipped.
                if desk.context.snapshot is source.latest():
                    break
                await pilot.pause(0.02)
        await pilot.pause()

    assert snap_compare(desk, run_before=press_and_see, terminal_size=(120, 40))


def test_before_the_first_fit(snap_compare: Compare) -> None:
    waiting = DeskApp(OneSource(recorded_desk()), clock=StillClock())
    assert snap_compare(waiting, press=["2"], terminal_size=(80, 24))
