"""Keys of the scenarios screen."""

from __future__ import annotations

from quantdesk.app.tui.action import Action
from quantdesk.app.tui.where import Where

SCENARIOS_KEYS = (
    Action(Where.SCENARIOS, "[", "days(-1)", "fewer days that pass"),
    Action(
        Where.SCENARIOS, "]", "days(1)", "more days that pass", short="days", paired="[ ]", rank=2
    ),
    Action(
        Where.SCENARIOS,
        "x",
        "collateral",
        "with or without the account's cash",
        short="collateral",
        rank=3,
    ),
    Action(Where.SCENARIOS, "u", "money", "P&L in USD or in coin", short="coin/USD", rank=4),
    Action(
        Where.SCENARIOS,
        "v",
        "rule('unit')",
        "vol moves in points or relative",
        short="vol unit",
        rank=6,
    ),
    Action(
        Where.SCENARIOS,
        "w",
        "rule('tenor')",
        "vol moves parallel or weighted √(30/d)",
        short="weight",
        rank=6,
    ),
    Action(
        Where.SCENARIOS,
        "m",
        "rule('smile')",
        "smile: sticky strike, sticky delta, its own rule",
        short="smile",
        rank=7,
    ),
    Action(Where.SCENARIOS, "b", "basis", "basis move: 0, ±5, ±10 % a year", short="basis", rank=7),
    Action(
        Where.SCENARIOS,
        "n",
        "scenario_list",
        "next list: named stresses, recorded days, own scenarios",
        short="list",
        rank=5,
    ),
)
