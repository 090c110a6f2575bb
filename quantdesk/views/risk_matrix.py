"""The scenario screen: spot × vol, the legs that drive a cell, and the list of named scenarios."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from quantdesk.market.chain import FloatArray
from quantdesk.risk.report import NamedResults, RiskReport
from quantdesk.risk.scenario import VolTenor
from quantdesk.risk.scenarios import Driver, ScenarioAxes, ScenarioCube
from quantdesk.views.book_cells import MISSING, signed_cell
from quantdesk.views.cells import Cell, Role
from quantdesk.views.chain_header import HeaderField
from quantdesk.views.number_text import DASH, number_text
from quantdesk.views.provenance import Provenance
from quantdesk.views.safe_text import safe_text
from quantdesk.views.scenario import (
    SPOT_RULE,
    drivers_text,
    move_text,
    spot_move_text,
    vol_move_text,
)
from quantdesk.views.table import Align, LineKind, TableColumn, TableLine, TableView, table_view

DRIVERS_SHOWN = 6
DRIVER_USD_MIN = 0.5
"""Less is rounded to nothing in the list of legs."""

ALL_COINS = ""
"""The choice of every underlying together, which is in USD only."""


class ScenarioList(Enum):
    """Lists of named scenarios."""

    STRESSES = "named stresses"
    DAYS = "recorded days"
    OWN = "own scenarios"


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixChoice:
    """What the matrix shows. `coin` "" is all underlyings together; those are in USD only."""

    coin: str = ALL_COINS
    in_usd: bool = True
    with_collateral: bool = False

    @property
    def words(self) -> str:
        """ "all coins, USD, without collateral"."""
        coin = safe_text(self.coin, 16) or "all coins"
        if not self.in_usd and self.coin:
            return f"{coin} P&L in {coin}, without collateral"
        cash = "with" if self.with_collateral else "without"
        return f"{coin} P&L in USD, {cash} collateral"


def next_coin(coins: Sequence[str], coin: str, step: int) -> str:
    """The choice `step` after `coin` among all together and each of `coins`, around the corner."""
    order = [ALL_COINS, *coins]
    place = order.index(coin) if coin in order else 0
    return order[(place + step) % len(order)]


def _values(cube: ScenarioCube, choice: MatrixChoice) -> FloatArray | None:
    """(spot, vol) at the first day and basis; None where the coin is not in the book."""
    if choice.coin == ALL_COINS:
        return cube.total_usd(with_collateral=choice.with_collateral)[:, :, 0, 0]
    names = cube.results.underlyings
    if choice.coin not in names:
        return None
    number = names.index(choice.coin)
    if not choice.in_usd:
        return cube.pnl_coin()[number, :, :, 0, 0]
    return cube.pnl_usd(with_collateral=choice.with_collateral)[number, :, :, 0, 0]


def matrix_view(cube: ScenarioCube, choice: MatrixChoice) -> TableView:
    """P&L by spot move (lines) and vol move (columns) at the cube's first day and basis."""
    axes, values = cube.axes, _values(cube, choice)
    columns = (
        TableColumn(key="spot", title="Spot", unit="\\ vol", align=Align.RIGHT),
        *(
            TableColumn(
                key=f"{vol:g}", title=vol_move_text(vol, axes.rule.unit), unit=_unit(choice)
            )
            for vol in axes.vol
        ),
    )
    if values is None or not cube.results.underlyings:
        coin = safe_text(choice.coin, 16)
        return table_view(
            columns, (), empty=f"no position {f'of {coin} ' if coin else ''}to revalue"
        )
    decimals = 0 if choice.in_usd or not choice.coin else 4
    low = _worst(values)
    lines = [
        TableLine(
            key=f"{spot:g}",
            cells=(
                Cell(spot_move_text(spot), Role.STRIKE),
                *(
                    _matrix_cell(float(values[s, v]), decimals, is_worst=(s, v) == low)
                    for v in range(len(axes.vol))
                ),
            ),
            kind=LineKind.CHOSEN if spot == 0.0 else LineKind.PLAIN,
        )
        for s, spot in enumerate(axes.spot)
    ]
    return table_view(columns, lines)


def _matrix_cell(value: float, decimals: int, *, is_worst: bool) -> Cell:
    cell = signed_cell(value, decimals, is_profit=True)
    # "<" marks the worst cell where there is no colour; a blank keeps the digits in line.
    if is_worst and value < 0:
        return Cell(f"<{cell.text}", Role.LOSS)
    return cell


def _worst(values: FloatArray) -> tuple[int, int] | None:
    if not np.isfinite(values).any():
        return None
    place = int(np.nanargmin(values))
    return place // values.shape[1], place % values.shape[1]


def _unit(choice: MatrixChoice) -> str:
    return "USD" if choice.in_usd or not choice.coin else safe_text(choice.coin, 8)


def base_place(axes: ScenarioAxes) -> tuple[int, int]:
    """Line and column (counted among the moves) where nothing moves, else the middle."""
    spot = axes.spot.index(0.0) if 0.0 in axes.spot else len(axes.spot) // 2
    vol = axes.vol.index(0.0) if 0.0 in axes.vol else len(axes.vol) // 2
    return spot, vol


def matrix_fields(
    cube: ScenarioCube, choice: MatrixChoice, *, wished_days: float, has_cash: bool
) -> tuple[HeaderField, ...]:
    """Conventions of the matrix in words, and its worst cell."""
    axes = cube.axes
    rule = axes.rule
    tenor = "× √(30/d)" if rule.tenor is VolTenor.SQRT_30D else "parallel"
    days = f"{axes.days[0]:g} days on"
    if wished_days != axes.days[0]:
        days += f", computing {wished_days:g}"
    fields = [
        HeaderField("", choice.words),
        HeaderField("", days),
        HeaderField("vol moves", f"{rule.unit.value}, {tenor}, {rule.smile.value}"),
    ]
    if axes.basis[0]:
        fields.append(HeaderField("basis", f"{100 * axes.basis[0]:+.4g} % a year"))
    values = _values(cube, choice)
    worst = None if values is None else _worst(values)
    if values is not None and worst is not None:
        decimals = 0 if choice.in_usd or not choice.coin else 4
        moves = (
            f"spot {spot_move_text(axes.spot[worst[0]])}, "
            f"vol {vol_move_text(axes.vol[worst[1]], rule.unit)}"
        )
        amount = number_text(float(values[worst]), decimals)
        fields.append(HeaderField("worst <", f"{amount} {_unit(choice)} at {moves}"))
    if choice.with_collateral and not has_cash:
        fields.append(HeaderField("collateral", "none given"))
    fields.append(HeaderField("", SPOT_RULE))
    return tuple(fields)


def coins_of_legs(report: RiskReport) -> dict[tuple[str, str], str]:
    """The underlying of each valued leg, by (venue, name)."""
    return {
        (one.instrument.venue, one.instrument.name): one.instrument.underlying
        for one in report.book.positions
    }


def _of_coin(
    drivers: Sequence[Driver], coin: str, coins: Mapping[tuple[str, str], str]
) -> list[Driver]:
    return [
        one
        for one in drivers
        if coin in {ALL_COINS, coins.get((one.venue, one.instrument_name), ALL_COINS)}
    ]


def explain_matrix_cell(
    cube: ScenarioCube,
    choice: MatrixChoice,
    coins: Mapping[tuple[str, str], str],
    line: str | None,
    column: str | None,
) -> Provenance:
    """The legs that drive the cell under the cursor, largest first."""
    axes = cube.axes
    spots = {f"{move:g}": place for place, move in enumerate(axes.spot)}
    vols = {f"{move:g}": place for place, move in enumerate(axes.vol)}
    values = _values(cube, choice)
    if values is None or line not in spots or column not in vols:
        return Provenance(title="Move to a cell: its legs are named here", sentences=())
    spot, vol = spots[line], vols[column]
    value = float(values[spot, vol])
    decimals = 0 if choice.in_usd or not choice.coin else 4
    vol_move = vol_move_text(axes.vol[vol], axes.rule.unit)
    title = (
        f"Spot {spot_move_text(axes.spot[spot])}, vol {vol_move}"
        f", {axes.days[0]:g} days on: {number_text(value, decimals)} {_unit(choice)}"
    )
    found = _of_coin(cube.drivers(spot, vol), choice.coin, coins)
    if not cube.results.drivers:
        return Provenance(title=title, sentences=("The book is too large to name legs by cell.",))
    gains = [one for one in found if one.pnl_usd >= DRIVER_USD_MIN][:DRIVERS_SHOWN]
    losses = [one for one in found if one.pnl_usd <= -DRIVER_USD_MIN][:DRIVERS_SHOWN]
    if not gains and not losses:
        return Provenance(title=title, sentences=("No leg gains or loses a dollar here.",))
    sentences = [
        f"{word}, USD without collateral: {drivers_text(legs)}"
        for word, legs in (("Loses", losses), ("Gains", gains))
        if legs
    ]
    return Provenance(title=title, sentences=tuple(sentences))


def results_of(report: RiskReport, which: ScenarioList) -> NamedResults | None:
    """The results of a list; None where the user gave no scenarios of their own."""
    return {
        ScenarioList.STRESSES: report.stresses,
        ScenarioList.DAYS: report.historical,
        ScenarioList.OWN: report.own,
    }[which]


def scenario_list_view(named: NamedResults | None, which: ScenarioList, coin: str) -> TableView:
    """Named scenarios: moves, P&L in coin and USD, with collateral, Taylor beside, drivers.

    All coins: a line a scenario with the USD totals; one coin: its own figures.
    """
    name = safe_text(coin, 8) or "coin"
    columns = (
        TableColumn(key="scenario", title=which.value.capitalize(), align=Align.LEFT),
        TableColumn(key="usd", title="P&L", unit="USD"),
        TableColumn(key="cash", title="with cash", unit="USD"),
        TableColumn(key="coin", title="P&L", unit=name),
        TableColumn(key="taylor", title="Taylor", unit="USD, compare"),
        TableColumn(key="move", title="Move", align=Align.LEFT),
        TableColumn(key="drivers", title="Driven by", unit="USD", align=Align.LEFT),
    )
    if named is None:
        return table_view(columns, (), empty="none: give --scenarios FILE, a TOML file of your own")
    results = named.results
    if coin and coin not in results.underlyings:
        return table_view(columns, (), empty=f"no position of {name} to revalue")
    lines = []
    for number, scenario in enumerate(results.scenarios):
        drivers = results.drivers[number] if results.drivers else ()
        if coin:
            place = results.underlyings.index(coin)
            amounts = (
                float(results.pnl_usd[place, number]),
                float(results.pnl_usd_with_collateral[place, number]),
                signed_cell(float(results.pnl_coin[place, number]), 4, is_profit=True),
                float(named.taylor_usd[place, number]),
            )
        else:
            amounts = (
                float(results.total_usd[number]),
                float(results.total_usd_with_collateral[number]),
                MISSING,
                float(named.taylor_usd[:, number].sum()),
            )
        usd, cash, in_coin, taylor = amounts
        moved = [coin] if coin else [*results.underlyings[:1]]
        lines.append(
            TableLine(
                key=scenario.name,
                cells=(
                    Cell(safe_text(scenario.name, 30), Role.LABEL),
                    signed_cell(usd, 0, is_profit=True),
                    signed_cell(cash, 0, is_profit=True),
                    in_coin,
                    signed_cell(taylor, 0),
                    Cell(move_text(scenario, moved[0]) if moved else DASH, Role.LABEL),
                    Cell(drivers_text(drivers), Role.LABEL),
                ),
            )
        )
    return table_view(columns, lines, empty="none")


def explain_scenario(named: NamedResults | None, key: str | None, coin: str) -> Provenance:
    """What a named scenario does, where its moves come from, and what drives it."""
    if named is None or key is None:
        return Provenance(
            title="Scenarios of your own: quantdesk tui --scenarios FILE", sentences=()
        )
    results = named.results
    for number, scenario in enumerate(results.scenarios):
        if scenario.name != key:
            continue
        moved = [coin] if coin else list(results.underlyings)
        moves = "; ".join(f"{safe_text(one, 8)}: {move_text(scenario, one)}" for one in moved)
        drivers = results.drivers[number] if results.drivers else ()
        total = number_text(float(results.total_usd[number]), 0)
        return Provenance(
            title=f"{safe_text(scenario.name, 40)}: {total} USD over all coins, without collateral",
            sentences=(
                f"{moves}." if moves else "No coin of the book is moved.",
                f"Source: {safe_text(scenario.source, 200) or 'not said'}.",
                f"Driven by: {drivers_text(drivers) or DASH}",
            ),
        )
    return Provenance(title="Move to a scenario", sentences=())
