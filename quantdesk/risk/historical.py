"""Historical days: recorded moves of index and vol index, to be replayed on today's book.

The record lies beside this module, with its sources. A coin without a record of a day has no move
in that scenario, and its result is left out rather than called zero.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import Any

from quantdesk.risk.scenario import Move, Scenario, VolRule, VolTenor

RECORD = "historical_days.toml"
POINTS = 100.0
_RULE = VolRule(tenor=VolTenor.SQRT_30D)


@cache
def historical_days() -> tuple[Scenario, ...]:
    """The recorded days as scenarios, oldest first.

    Index and forwards move by close over close of the day before, all at once and without time
    passing. Vols move by the change of the 30-day vol index times √(30/d); where none was recorded
    they are held, and `source` says so.
    """
    folder = resources.files("quantdesk.risk") / "data"
    record = tomllib.loads((folder / RECORD).read_text(encoding="utf-8"))
    return tuple(_scenario(day) for day in record["day"])


def _scenario(day: dict[str, Any]) -> Scenario:
    moves, held = {}, []
    for coin, closes in day["moves"].items():
        vol = 0.0
        if "dvol" in closes:
            vol = (closes["dvol"] - closes["dvol_before"]) / POINTS
        else:
            held.append(coin)
        moves[coin] = Move(spot=closes["close"] / closes["close_before"] - 1.0, vol=vol)
    source = f"{day['title']}; recorded closes of {', '.join(moves)}"
    if held:
        source += f"; vols held for {', '.join(held)}: no vol index was recorded"
    return Scenario(name=day["date"], move=None, by_underlying=moves, rule=_RULE, source=source)
