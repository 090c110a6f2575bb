"""Clocks by name: the weekend of each chain, files of weights, and how they are told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from quantdesk.app.cli.tui import command as tui_command
from quantdesk.errors import ConfigError
from quantdesk.market.fitting import SurfaceFit, fit_surface
from quantdesk.market.surface_clock import (
    CALENDAR_CHOICE,
    WEEKEND_CHOICE,
    ClockChoice,
    clock_words,
    fit_on_clock,
    suggested_weekend,
)
from quantdesk.market.variance_clock import CALENDAR, VarianceClock, VarianceEvent, weekend_clock
from quantdesk.runtime.settings import load_settings
from quantdesk.runtime.surfaces import read_clock, read_quotes

RECORDED = Path(__file__).parents[2] / "fixtures/surface/btc_2026-05-21_quotes.csv.gz"


def fitted(choice: ClockChoice) -> SurfaceFit:
    fit = fit_on_clock(read_quotes(RECORDED, None, None), choice=choice)
    assert isinstance(fit, SurfaceFit)
    return fit


def test_weekend_is_what_the_fit_itself_suggests() -> None:
    fit = fitted(WEEKEND_CHOICE)
    assert fit.clock == suggested_weekend(fitted(CALENDAR_CHOICE))
    assert not fit.clock.is_calendar


def test_fit_put_on_a_clock_is_the_one_made_on_it() -> None:
    quotes = read_quotes(RECORDED, None, None)
    moved = fitted(WEEKEND_CHOICE)
    made = fit_surface(quotes, clock=moved.clock)
    assert isinstance(made, SurfaceFit)
    assert moved.digest == made.digest
    assert [each.clock_years for each in moved.slices] == [each.clock_years for each in made.slices]
    days = np.arange(1, 200) * 86_400 * 10**9 + moved.as_of_ns
    at = np.full(days.size, 75_000.0)
    np.testing.assert_array_equal(moved.implied_vol(days, at), made.implied_vol(days, at))


def test_calendar_choice_is_the_plain_fit() -> None:
    plain = fit_surface(read_quotes(RECORDED, None, None))
    assert isinstance(plain, SurfaceFit)
    assert fitted(CALENDAR_CHOICE).digest == plain.digest


def test_clock_is_told_by_what_it_weighs_differently() -> None:
    event = VarianceEvent(name="FOMC", start_ns=0, end_ns=1, extra_days=0.5)
    assert clock_words(CALENDAR) == "every day alike"
    assert clock_words(weekend_clock(0.4, 0.6, [event])) == "Sat 0.40, Sun 0.60, FOMC +0.5 d"
    assert clock_words(VarianceClock(day_weights=(2, 1, 1, 1, 1, 1, 1))) == "Mon 2.00"


def test_names_and_files_are_clocks(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("[weights]\nSat = 0.5\n", encoding="utf-8")
    assert read_clock("weekend") is WEEKEND_CHOICE
    assert read_clock("calendar") is CALENDAR_CHOICE
    by_folder = read_clock("mine.toml", tmp_path)
    assert by_folder == read_clock(str(tmp_path / "mine.toml"))
    assert by_folder.name == "mine.toml"
    assert by_folder.clock == weekend_clock(0.5, 1.0)


@pytest.mark.parametrize(
    ("text", "why"),
    [("[weights]\nSat = -1\n", "day_weights"), ("Sat = 1", "Sat"), ("\x00", "must be TOML")],
)
def test_file_that_holds_no_clock_is_named(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=why) as refused:
        read_clock("mine.toml", tmp_path)
    assert "clock mine.toml" in str(refused.value)


def screen_text(*words: str) -> str:
    """`quantdesk tui` on a recorded chain, where there is no terminal."""
    result = CliRunner().invoke(tui_command, ["--market", str(RECORDED), *words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.stdout


def test_desk_is_opened_on_a_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.toml").write_text('[surface]\nclock = "mine.toml"\n', encoding="utf-8")
    monkeypatch.setenv("QUANTDESK_CONFIG", str(tmp_path / "config.toml"))
    with pytest.raises(ConfigError, match=r"clock mine\.toml: neither calendar nor weekend"):
        screen_text()
    (tmp_path / "mine.toml").write_text("[weights]\nSat = 0.5\n", encoding="utf-8")
    assert "BTC" in screen_text()
    assert "BTC" in screen_text("--clock", "weekend")
    with pytest.raises(ConfigError, match="clock nowhere"):
        screen_text("--clock", "nowhere")


def test_setting_of_another_type_or_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUANTDESK_CONFIG", str(tmp_path / "config.toml"))
    for text, why in (("clock = 3", r"surface\.clock = 3"), ("clok = 'weekend'", "clock")):
        (tmp_path / "config.toml").write_text(f"[surface]\n{text}\n", encoding="utf-8")
        with pytest.raises(ConfigError, match=why):
            load_settings()
