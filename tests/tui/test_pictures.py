"""Pictures of the screens, compared with those once looked at and found good.

After a wanted change: `pytest tests/tui/test_pictures.py --snapshot-update`, then look at them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from quantdesk.app.tui.app import DeskApp
from quantdesk.snapshot import DeskSnapshot, LinkState
from tests.tui.desk_samples import (
    OneSource,
    StillClock,
    desk,
    link,
    recorded_desk,
    synthetic_chain,
)

Compare = Callable[..., bool]
RECORDED = recorded_desk()
TWO_COINS = desk(RECORDED.chains[0], synthetic_chain())


@pytest.fixture(autouse=True)
def colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are in colour whatever the developer's shell says."""
    monkeypatch.delenv("NO_COLOR", raising=False)


def app_on(snapshot: DeskSnapshot | None) -> DeskApp:
    return DeskApp(OneSource(snapshot), clock=StillClock())


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=lambda s: f"{s[0]}x{s[1]}")
def test_chain_at_size(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(app_on(TWO_COINS), terminal_size=size)


def test_greeks_in_a_later_expiry_with_their_source(snap_compare: Compare) -> None:
    keys = ["right_square_bracket", "c", "c", "i", "left", "left"]
    assert snap_compare(app_on(RECORDED), press=keys, terminal_size=(120, 40))


def test_vols_in_iv_units(snap_compare: Compare) -> None:
    assert snap_compare(app_on(RECORDED), press=["u", "u", "u", "c"], terminal_size=(80, 24))


def test_waiting(snap_compare: Compare) -> None:
    waiting = desk(links=[link(state=LinkState.CONNECTING)])
    assert snap_compare(app_on(waiting), terminal_size=(80, 24))


def test_disconnected(snap_compare: Compare) -> None:
    cut = replace(RECORDED, links=(link(state=LinkState.RECONNECTING),))
    assert snap_compare(app_on(cut), terminal_size=(80, 24))


def test_too_small(snap_compare: Compare) -> None:
    assert snap_compare(app_on(RECORDED), terminal_size=(50, 10))


def test_help(snap_compare: Compare) -> None:
    assert snap_compare(app_on(RECORDED), press=["question_mark"], terminal_size=(80, 50))
