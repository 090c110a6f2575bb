"""Named stresses: the desk's own what-ifs, each with its sentence and its numbers.

The sizes are choices, not measurements; what was measured is in `historical`. Vol moves grow
towards short expiries by √(30/d), as vols do when markets break.
"""

from __future__ import annotations

from quantdesk.risk.scenario import Move, Scenario, VolRule, VolTenor, VolUnit

_POINTS = VolRule(tenor=VolTenor.SQRT_30D)
_SHARE = VolRule(unit=VolUnit.RELATIVE)

STRESSES: tuple[Scenario, ...] = (
    Scenario(
        name="crash",
        move=Move(spot=-0.30, vol=0.30, basis=-0.10),
        rule=_POINTS,
        source="chosen: 30 % down, 30-day vols up 30 points, annual basis 10 points lower",
    ),
    Scenario(
        name="squeeze",
        move=Move(spot=0.20, vol=0.15, basis=0.10),
        rule=_POINTS,
        source="chosen: 20 % up, 30-day vols up 15 points, annual basis 10 points higher",
    ),
    Scenario(
        name="weekend gap",
        move=Move(spot=-0.12, vol=0.12),
        rule=_POINTS,
        days=2.0,
        source="chosen: 12 % down over two days, 30-day vols up 12 points",
    ),
    Scenario(
        name="vol crush",
        move=Move(vol=-0.30),
        rule=_SHARE,
        source="chosen: every vol loses 30 % of itself, nothing else moves",
    ),
    Scenario(
        name="de-peg",
        move=Move(spot=-0.08, vol=0.10),
        rule=_POINTS,
        stable_move=-0.05,
        source="chosen: dollar stablecoins worth 0.95, coins 8 % down, vols up 10 points",
    ),
)
"""Stresses by name, in the order they are shown."""
