"""Scenario results as records: a cube on its axes, and lists of named scenarios."""

from __future__ import annotations

from typing import Any

import numpy as np

from quantdesk.app.render.known_numbers import known
from quantdesk.market.chain import FloatArray
from quantdesk.risk.report import NamedResults
from quantdesk.risk.scenario import Move, Scenario, VolRule
from quantdesk.risk.scenarios import Driver, ScenarioCube
from quantdesk.risk.taylor import LABEL

UNITS = {
    "spot": "relative move of the index and of all forwards of the underlying",
    "vol": "as rule.unit says: points as fractions (0.10 is ten points) or share of each vol",
    "days": "calendar days that pass",
    "basis": "added to the annual rate between index and each dated forward",
    "pnl_coin": "coin; dollar-settled legs at the scenario's index",
    "pnl_usd": "USD: coin at the scenario's index less coin value at the index now; no collateral",
    "pnl_usd_with_collateral": "USD, with the cash handed in",
    "taylor_usd": f"USD without collateral; {LABEL}",
}

RULES = {
    "spot": "index and all forwards of the underlying move by one factor",
    "expired": "a leg past its expiry settles on the scenario's index and protects nothing after",
    "revaluation": "full, Black-76 on each expiry's own forward",
}


def rule_record(rule: VolRule) -> dict[str, str]:
    """The named vol rule."""
    return {"unit": rule.unit.value, "tenor": rule.tenor.value, "smile": rule.smile.value}


def cube_record(cube: ScenarioCube) -> dict[str, Any]:
    """A cube: axes, P&L nested as [spot][vol][days][basis], and the legs that drive each cell."""
    axes, results = cube.axes, cube.results
    usd, coin = cube.pnl_usd(), cube.pnl_coin()
    with_cash = cube.pnl_usd(with_collateral=True)
    return {
        "axes": {name: list(getattr(axes, name)) for name in ("spot", "vol", "days", "basis")},
        "rule": rule_record(axes.rule),
        "rules": RULES,
        "units": UNITS,
        "underlyings": [
            {
                "underlying": name,
                "pnl_coin": coin[number].tolist(),
                "pnl_usd": usd[number].tolist(),
                "pnl_usd_with_collateral": with_cash[number].tolist(),
            }
            for number, name in enumerate(results.underlyings)
        ],
        "total_usd": cube.total_usd().tolist(),
        "total_usd_with_collateral": cube.total_usd(with_collateral=True).tolist(),
        "drivers": _cell_drivers(cube),
    }


def _cell_drivers(cube: ScenarioCube) -> list[dict[str, Any]]:
    if not cube.results.drivers:
        return []
    return [
        {"cell": list(cell), "legs": [_driver(one) for one in drivers]}
        for cell, drivers in zip(np.ndindex(cube.axes.shape), cube.results.drivers, strict=True)
    ]


def named_record(named: NamedResults) -> list[dict[str, Any]]:
    """One record a scenario: its moves, its P&L by underlying and in all, its drivers."""
    results = named.results
    records = []
    for number, scenario in enumerate(results.scenarios):
        parts = []
        for place, coin in enumerate(results.underlyings):
            move = scenario.move_of(coin)
            parts.append(
                {
                    "underlying": coin,
                    "move": None if move is None else _move(move),
                    "pnl_coin": _at(results.pnl_coin, place, number),
                    "pnl_usd": _at(results.pnl_usd, place, number),
                    "pnl_usd_with_collateral": _at(results.pnl_usd_with_collateral, place, number),
                    "taylor_usd": _at(named.taylor_usd, place, number),
                    "reason": None if move is not None else f"no move of {coin} was recorded",
                }
            )
        drivers = results.drivers[number] if results.drivers else ()
        records.append(
            scenario_head(scenario)
            | {
                "underlyings": parts,
                "total_usd": known(float(results.total_usd[number])),
                "total_usd_with_collateral": known(
                    float(results.total_usd_with_collateral[number])
                ),
                "drivers": [_driver(one) for one in drivers],
            }
        )
    return records


def scenario_head(scenario: Scenario) -> dict[str, Any]:
    """What a scenario assumes."""
    return {
        "name": scenario.name,
        "source": scenario.source or None,
        "rule": rule_record(scenario.rule),
        "days": scenario.days,
        "stable_move": scenario.stable_move,
    }


def _move(move: Move) -> dict[str, float]:
    return {"spot": move.spot, "vol": move.vol, "basis": move.basis}


def _driver(driver: Driver) -> dict[str, Any]:
    return {
        "venue": driver.venue,
        "instrument_name": driver.instrument_name,
        "pnl_usd": driver.pnl_usd,
    }


def _at(array: FloatArray, row: int, column: int) -> float | None:
    return known(float(array[row, column]))
