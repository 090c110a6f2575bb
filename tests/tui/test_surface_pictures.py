"""Pictures of the surface screen, compared with those once looked at and found good."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from quantdesk.app.tui.app import DeskApp
from quantdesk.runtime.sources import StillSource
from tests.tui.desk_samples import OneSource, StillClock, recorded_desk
from tests.tui.test_surface_screen import OPENING

Compare = Callable[..., bool]
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
    assert snap_compare(app(), press=keys, terminal_size=(120, 40))


def test_before_the_first_fit(snap_compare: Compare) -> None:
    waiting = DeskApp(OneSource(recorded_desk()), clock=StillClock())
    assert snap_compare(waiting, press=["2"], terminal_size=(80, 24))
