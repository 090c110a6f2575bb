"""Scenarios as rows of text: matrices of spot by vol, named scenarios, drivers of a cell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from quantdesk.risk.report import NamedResults
from quantdesk.risk.scenario import Scenario, VolUnit
from quantdesk.risk.scenarios import Driver, ScenarioAxes, ScenarioCube, ScenarioResults
from quantdesk.views.margin import TextTable
from quantdesk.views.number_text import number_text
from quantdesk.views.safe_text import safe_text

SPOT_RULE = "spot moves index and all forwards; full revaluation; expired legs settle on the index"


def vol_move_text(move: float, unit: VolUnit) -> str:
    """ "+10 pts" or "+10 %"."""
    return f"{100 * move:+.4g} {'pts' if unit is VolUnit.POINTS else '%'}"


def spot_move_text(move: float) -> str:
    """ "-20 %"."""
    return f"{100 * move:+.4g} %"


def matrix_tables(cube: ScenarioCube, *, with_collateral: bool) -> tuple[TextTable, ...]:
    """USD P&L by spot (rows) and vol (columns): an underlying, days and basis a table."""
    axes = cube.axes
    usd = cube.pnl_usd(with_collateral=with_collateral)
    tables = []
    for number, coin in enumerate(cube.results.underlyings):
        for d, days in enumerate(axes.days):
            for b, basis in enumerate(axes.basis):
                rows = tuple(
                    (
                        spot_move_text(spot),
                        *(
                            number_text(float(usd[number, s, v, d, b]), 2)
                            for v in range(len(axes.vol))
                        ),
                    )
                    for s, spot in enumerate(axes.spot)
                )
                tables.append(
                    TextTable(
                        title=_matrix_title(coin, axes, days, basis, with_collateral),
                        columns=(
                            "Spot \\ vol",
                            *(vol_move_text(vol, axes.rule.unit) for vol in axes.vol),
                        ),
                        numeric=(True,) * (len(axes.vol) + 1),
                        rows=rows,
                    )
                )
    return tuple(tables)


def _matrix_title(
    coin: str, axes: ScenarioAxes, days: float, basis: float, with_collateral: bool
) -> str:
    cash = "with collateral" if with_collateral else "without collateral"
    basis_text = f", basis {100 * basis:+.4g} % a year" if basis or len(axes.basis) > 1 else ""
    coin = safe_text(coin, 16)
    return f"{coin} P&L in USD {cash}, {days:g} days on{basis_text}; vol {axes.rule}"


def worst_table(cube: ScenarioCube, count: int = 3) -> TextTable:
    """The cells with the largest losses over all underlyings and the legs that drive them."""
    results = cube.results
    totals = results.total_usd
    known = [place for place in range(totals.size) if np.isfinite(totals[place])]
    worst = sorted(known, key=lambda place: (float(totals[place]), place))[:count]
    return TextTable(
        title="Worst cells of the matrix, USD over all underlyings without collateral",
        columns=("Cell", "P&L USD", "Driven by"),
        numeric=(False, True, False),
        rows=tuple(
            (
                cell_text(results, place),
                number_text(float(totals[place]), 2),
                drivers_text(results.drivers[place] if results.drivers else ()),
            )
            for place in worst
        ),
    )


def cell_text(results: ScenarioResults, place: int) -> str:
    """What one cell of a matrix does, in words: all its underlyings move alike."""
    scenario = results.scenarios[place]
    return move_text(scenario, results.underlyings[0]) if results.underlyings else scenario.name


def named_table(named: NamedResults, title: str) -> TextTable:
    """Named scenarios: moves, P&L in coin and USD, the Taylor comparison, drivers."""
    results = named.results
    rows = []
    for number, scenario in enumerate(results.scenarios):
        drivers = results.drivers[number] if results.drivers else ()
        for place, coin in enumerate(results.underlyings):
            rows.append(
                (
                    safe_text(scenario.name, 40),
                    safe_text(coin, 16),
                    move_text(scenario, coin),
                    number_text(float(results.pnl_coin[place, number]), 4),
                    number_text(float(results.pnl_usd[place, number]), 2),
                    number_text(float(results.pnl_usd_with_collateral[place, number]), 2),
                    number_text(float(named.taylor_usd[place, number]), 2),
                    drivers_text(drivers),
                )
            )
    return TextTable(
        title=title,
        columns=(
            "Scenario",
            "Coin",
            "Move",
            "P&L coin",
            "P&L USD",
            "with collateral",
            "Taylor USD (comparison)",
            "Driven by",
        ),
        numeric=(False, False, False, True, True, True, True, False),
        rows=tuple(rows),
    )


def move_text(scenario: Scenario, coin: str) -> str:
    """What a scenario does to `coin` in words; says so where nothing was recorded."""
    move = scenario.move_of(coin)
    if move is None:
        return f"no move of {safe_text(coin, 16)} was recorded"
    rule = scenario.rule
    words = [f"spot {spot_move_text(move.spot)}"]
    if move.vol:
        words.append(f"vol {vol_move_text(move.vol, rule.unit)} {rule.tenor.value}")
    if move.basis:
        words.append(f"basis {100 * move.basis:+.4g} %/y")
    if scenario.days:
        words.append(f"{scenario.days:g} days")
    if scenario.stable_move:
        words.append(f"stablecoins {spot_move_text(scenario.stable_move)}")
    if rule.smile.value != "sticky-strike":
        words.append(rule.smile.value)
    return ", ".join(words)


def drivers_text(drivers: Sequence[Driver]) -> str:
    """ "BTC-25DEC26-82000-P +265,258; …": the legs with the largest part, USD."""
    return "; ".join(f"{safe_text(one.instrument_name, 40)} {one.pnl_usd:+,.0f}" for one in drivers)
