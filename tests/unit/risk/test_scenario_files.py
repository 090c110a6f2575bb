"""Own scenarios in TOML, the desk's named ones, and the recorded days."""

from __future__ import annotations

import pytest

from quantdesk.errors import ConfigError
from quantdesk.risk.historical import historical_days
from quantdesk.risk.scenario import Move, SmileRule, VolTenor, VolUnit
from quantdesk.risk.scenario_files import parse_scenarios
from quantdesk.risk.stresses import STRESSES

FULL = """
[[scenario]]
name = "hard landing"
spot = -0.25
vol = 0.2
vol_unit = "relative"
vol_tenor = "sqrt-30d"
smile = "sticky-delta"
days = 2
basis = -0.05
stable_move = -0.01
source = "the committee of May"
[scenario.underlyings.eth]
spot = -0.35

[[scenario]]
name = "calm"
"""


def test_every_key_is_read() -> None:
    hard, calm = parse_scenarios(FULL, "mine.toml")
    assert hard.move == Move(spot=-0.25, vol=0.2, basis=-0.05)
    assert hard.move_of("ETH") == Move(spot=-0.35)
    assert hard.move_of("BTC") == hard.move
    assert (hard.rule.unit, hard.rule.tenor) == (VolUnit.RELATIVE, VolTenor.SQRT_30D)
    assert hard.rule.smile is SmileRule.STICKY_DELTA
    assert (hard.days, hard.stable_move, hard.source) == (2.0, -0.01, "the committee of May")
    assert calm.move == Move()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must hold at least one"),
        ("x = ", "is not TOML"),
        ("scenario = 3", "must hold at least one"),
        ("scenario = [3]", "scenario 1: must be a table"),
        ("[[scenarios]]\nname='a'", "unknown key 'scenarios'; did you mean 'scenario'"),
        ("[[scenario]]\nspot=-0.1", "name None"),
        ("[[scenario]]\nname='a'\nspott=-0.1", "unknown key 'spott'; did you mean 'spot'"),
        ("[[scenario]]\nname='a'\nspot='x'", "spot = 'x' must be a number"),
        ("[[scenario]]\nname='a'\nspot=true", "spot = True must be a number"),
        ("[[scenario]]\nname='a'\nspot=-1", "must be above -1"),
        ("[[scenario]]\nname='a'\nvol=nan", "vol = nan"),
        ("[[scenario]]\nname='a'\ndays=-1", "days = -1.0"),
        ("[[scenario]]\nname='a'\nstable_move=-1", "stable_move = -1.0"),
        ("[[scenario]]\nname='a'\nsmile='sticky'", "must be one of sticky-strike, sticky-delta"),
        ("[[scenario]]\nname='a'\n[[scenario]]\nname='a'", "'a' is there twice"),
        ("[[scenario]]\nname='a'\nunderlyings=3", "underlyings must be tables"),
        ("[[scenario]]\nname='a'\n[scenario.underlyings]\nETH=3", "underlyings.ETH must be"),
        ("[[scenario]]\nname='a'\n[scenario.underlyings.ETH]\ndays=3", "unknown key 'days'"),
        ("[[scenario]]\nname='a'\n[scenario.underlyings.ETH]\nspot=-3", "above -1"),
    ],
)
def test_mistake_in_the_file_is_named(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=r"mine\.toml") as caught:
        parse_scenarios(text, "mine.toml")
    assert said in str(caught.value)


def test_named_stresses_are_there() -> None:
    assert [one.name for one in STRESSES] == [
        "crash",
        "squeeze",
        "weekend gap",
        "vol crush",
        "de-peg",
    ]
    assert all(one.source for one in STRESSES)


def test_recorded_day_is_close_over_close() -> None:
    days = {day.name: day for day in historical_days()}
    crash = days["2020-03-12"].move_of("BTC")
    assert crash is not None
    assert crash.spot == pytest.approx(4970.79 / 7911.43 - 1)
    assert crash.vol == 0.0
    assert "vols held" in days["2020-03-12"].source
    failure = days["2022-11-09"].move_of("BTC")
    assert failure is not None
    assert failure.vol == pytest.approx(0.3806)
    assert days["2022-11-09"].rule.tenor is VolTenor.SQRT_30D


def test_coin_without_a_record_of_the_day_has_no_move() -> None:
    days = {day.name: day for day in historical_days()}
    assert days["2020-03-12"].move_of("ETH") is not None
    assert days["2022-11-09"].move_of("ETH") is None
    assert days["2022-11-09"].move_of("SOL") is None
