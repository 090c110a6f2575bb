"""Pictures of the structure screens, compared with those once looked at and found good.

After a wanted change: `pytest tests/tui/test_structure_pictures.py --snapshot-update`, then look.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from quantdesk.app.tui.app import DeskApp
from quantdesk.snapshot import DeskSnapshot, LinkState
from tests.tui.desk_samples import OneSource, StillClock, desk, link
from tests.tui.structure_desk import (
    CALENDAR,
    CHAIN,
    CONDOR,
    SAMPLE,
    key_names,
    one_sided,
    with_surface,
)

Compare = Callable[..., bool]
SIZES = [(80, 24), (120, 40), (200, 60)]
FITTED = desk(with_surface(CHAIN))


@pytest.fixture(autouse=True)
def colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are in colour whatever the developer's shell says."""
    monkeypatch.delenv("NO_COLOR", raising=False)


def size_name(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def app_on(snapshot: DeskSnapshot | None) -> DeskApp:
    return DeskApp(OneSource(snapshot), clock=StillClock())


def build(words: str) -> list[str]:
    return ["3", "colon", *key_names(words), "enter"]


@pytest.mark.parametrize("size", SIZES, ids=size_name)
def test_builder(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(app_on(FITTED), press=build(CONDOR), terminal_size=size)


@pytest.mark.parametrize("size", SIZES, ids=size_name)
def test_payoff(snap_compare: Compare, size: tuple[int, int]) -> None:
    keys = [*build(CONDOR), "enter"]
    assert snap_compare(app_on(FITTED), press=keys, terminal_size=size)


@pytest.mark.parametrize("size", SIZES, ids=size_name)
def test_comparison(snap_compare: Compare, size: tuple[int, int]) -> None:
    keys = [*build(CONDOR), "m", "K", "m", *build("strangle monthly"), "m", *build(CALENDAR), "9"]
    assert snap_compare(app_on(FITTED), press=keys, terminal_size=size)


def test_payoff_of_a_calendar_under_moves_in_coin(snap_compare: Compare) -> None:
    keys = [*build(CALENDAR), "enter", "plus", "plus", "S", "v", "u", "x"]
    assert snap_compare(app_on(SAMPLE), press=keys, terminal_size=(120, 40))


def test_builder_with_a_leg_that_has_no_price(snap_compare: Compare) -> None:
    snapshot = one_sided("BTC-31JUL26-54000-P")
    assert snap_compare(app_on(snapshot), press=build(CONDOR), terminal_size=(120, 40))


def test_builder_without_legs_asks(snap_compare: Compare) -> None:
    assert snap_compare(app_on(SAMPLE), press=["3", "colon"], terminal_size=(80, 24))


def test_builder_that_refuses(snap_compare: Compare) -> None:
    keys = [*build(CONDOR), "a", *key_names("+1 P 54000 31JUL26"), "enter"]
    assert snap_compare(app_on(SAMPLE), press=keys, terminal_size=(80, 24))


def test_builder_on_old_prices(snap_compare: Compare) -> None:
    stale = replace(SAMPLE, links=(link(state=LinkState.STALE),))
    assert snap_compare(app_on(stale), press=build(CONDOR), terminal_size=(80, 24))
