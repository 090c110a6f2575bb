"""The clocks that the surface screen goes through, by what the desk was opened with."""

from __future__ import annotations

from pathlib import Path

import pytest

from quantdesk.app.cli.tui import screen_clocks
from quantdesk.market.clock_edits import edited_clock
from quantdesk.market.variance_clock import CALENDAR
from quantdesk.runtime.edited_clock import keep_clock
from quantdesk.runtime.settings import Settings, SurfaceSettings


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QUANTDESK_CONFIG", str(tmp_path / "config.toml"))
    keep_clock(tmp_path / "clock-edited.toml", edited_clock(CALENDAR, "sat 0.5"))
    return tmp_path


@pytest.mark.parametrize("name", [None, "weekend"])
def test_kept_clock_is_one_of_the_choices(folder: Path, name: str | None) -> None:
    clocks = screen_clocks(name, Settings())
    assert clocks.opening.name == (name or "calendar")
    assert clocks.edited_path == folder / "clock-edited.toml"
    assert [each.name for each in clocks.choices] == ["calendar", "weekend", "edited"]


def test_desk_that_opens_on_the_kept_clock_has_it_once(folder: Path) -> None:
    by_settings = Settings(surface=SurfaceSettings(clock="clock-edited.toml"))
    for clocks in (
        screen_clocks(None, by_settings),
        screen_clocks(str(folder / "clock-edited.toml"), Settings()),
    ):
        assert clocks.edited_path == folder / "clock-edited.toml"
        assert [each.name for each in clocks.choices] == ["calendar", "weekend", "edited"]
        assert clocks.opening == clocks.choices[-1]
