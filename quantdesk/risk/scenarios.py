"""Scenarios of a prepared book: cubes of spot × vol × time × basis, lists of stresses, drivers.

Every number is full revaluation. A calculation is cut into blocks by its own size only, so that a
runner with many workers gives the same bytes as none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np

from quantdesk.domain.ports import Runner
from quantdesk.errors import InvalidInput
from quantdesk.market.chain import FloatArray
from quantdesk.risk.revaluation import (
    OptionGroup,
    PreparedBook,
    ScenarioTable,
    block_totals,
    group_pnl,
)
from quantdesk.risk.scenario import Move, Scenario, VolRule

LEGS_A_BLOCK = 4096
SCENARIOS_A_BLOCK = 1024
SCENARIOS_MAX = 1_000_000
DRIVERS = 3
DRIVER_CELLS_MAX = 5_000_000
"""Legs × scenarios up to which each scenario names the legs that drive it."""

DOLLARS = frozenset({"USD", "USDC", "USDT"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """A leg's part of a scenario's P&L, without collateral."""

    venue: str
    instrument_name: str
    pnl_usd: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScenarioResults:
    """P&L under a list of scenarios; NaN where a scenario knows no move of an underlying.

    Attributes
    ----------
    pnl_coin : (u, m), coin of each underlying; dollar-settled legs at the scenario's index
    pnl_usd : (u, m), coin at the scenario's index less coin value at the index now, and the P&L of
        dollar-settled legs; without collateral
    pnl_usd_with_collateral : (u, m), the same with the cash in that coin
    total_usd, total_usd_with_collateral : (m,), over the underlyings, the latter with dollar cash
        too; NaN where an underlying is, and where no leg could be revalued
    drivers : by scenario, the largest first; empty where the book was too large to look
    """

    scenarios: tuple[Scenario, ...]
    underlyings: tuple[str, ...]
    pnl_coin: FloatArray
    pnl_usd: FloatArray
    pnl_usd_with_collateral: FloatArray
    total_usd: FloatArray
    total_usd_with_collateral: FloatArray
    drivers: tuple[tuple[Driver, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioAxes:
    """Axes of a cube; every combination is a scenario, in the order spot, vol, days, basis.

    spot, vol, basis, rule : as in `scenario.Move`;  days : that pass
    skew, term : as in `scenario.Move`, the same in every cell
    """

    spot: tuple[float, ...] = (-0.3, -0.2, -0.1, -0.05, 0.0, 0.05, 0.1, 0.2, 0.3)
    vol: tuple[float, ...] = (-0.2, -0.1, 0.0, 0.1, 0.2)
    days: tuple[float, ...] = (0.0,)
    basis: tuple[float, ...] = (0.0,)
    rule: VolRule = field(default_factory=VolRule)
    skew: float = 0.0
    term: float = 0.0

    def __post_init__(self) -> None:
        cells = 1
        for name in ("spot", "vol", "days", "basis"):
            values = getattr(self, name)
            if not values:
                raise InvalidInput(name, values, "must hold at least one move")
            if len(set(values)) != len(values):
                raise InvalidInput(name, values, "must hold each move once")
            cells *= len(values)
        if cells > SCENARIOS_MAX:
            raise InvalidInput("scenarios", cells, f"must be at most {SCENARIOS_MAX:,}")

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Lengths of the axes."""
        return len(self.spot), len(self.vol), len(self.days), len(self.basis)

    def scenarios(self) -> tuple[Scenario, ...]:
        """One scenario a cell."""
        return tuple(
            Scenario(
                name=f"spot {spot:+.2%}, vol {vol:+.4g}, days {days:g}, basis {basis:+.4g}",
                move=Move(spot=spot, vol=vol, basis=basis, skew=self.skew, term=self.term),
                days=days,
                rule=self.rule,
            )
            for spot in self.spot
            for vol in self.vol
            for days in self.days
            for basis in self.basis
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScenarioCube:
    """Results on axes: `cell` looks one up, arrays have the shape (u, spot, vol, days, basis)."""

    axes: ScenarioAxes
    results: ScenarioResults

    def pnl_usd(self, *, with_collateral: bool = False) -> FloatArray:
        """USD P&L (u, spot, vol, days, basis)."""
        results = self.results
        flat = results.pnl_usd_with_collateral if with_collateral else results.pnl_usd
        return flat.reshape(len(results.underlyings), *self.axes.shape)

    def pnl_coin(self) -> FloatArray:
        """Coin P&L (u, spot, vol, days, basis)."""
        return self.results.pnl_coin.reshape(len(self.results.underlyings), *self.axes.shape)

    def total_usd(self, *, with_collateral: bool = False) -> FloatArray:
        """USD P&L over the underlyings, (spot, vol, days, basis)."""
        results = self.results
        flat = results.total_usd_with_collateral if with_collateral else results.total_usd
        return flat.reshape(self.axes.shape)

    def drivers(self, spot: int, vol: int, days: int = 0, basis: int = 0) -> tuple[Driver, ...]:
        """The legs that drive the cell at these places of the axes."""
        if not self.results.drivers:
            return ()
        return self.results.drivers[
            int(np.ravel_multi_index((spot, vol, days, basis), self.axes.shape))
        ]

    def __str__(self) -> str:
        return "\n\n".join(
            _matrix_text(self, number) for number in range(len(self.results.underlyings))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """Legs `parts` = (group, first, past last) under the scenarios [start, stop)."""

    parts: tuple[tuple[int, int, int], ...]
    start: int
    stop: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Shared:
    prepared: PreparedBook
    table: ScenarioTable
    threads: int | None


def run_scenarios(
    prepared: PreparedBook,
    scenarios: Sequence[Scenario],
    *,
    index_prices: Mapping[str, float],
    collateral: Mapping[str, Decimal] | None = None,
    runner: Runner | None = None,
    threads: int | None = None,
    drivers: int = DRIVERS,
) -> ScenarioResults:
    """P&L of a prepared book under `scenarios`.

    Parameters
    ----------
    index_prices : USD per coin of each coin in the book and in `collateral`
    collateral : cash by currency: coins, or dollars ("USD", "USDC", "USDT")
    runner : where blocks run; None is here. The bytes are the same
    drivers : how many legs each scenario names

    Raises InvalidInput for collateral in a currency without a price or too many scenarios.
    """
    if len(scenarios) > SCENARIOS_MAX:
        raise InvalidInput("scenarios", len(scenarios), f"must be at most {SCENARIOS_MAX:,}")
    table = ScenarioTable.of(scenarios, prepared.underlyings)
    totals = np.zeros((2, len(prepared.underlyings), len(table)), dtype=np.float64)
    blocks = _plan(prepared, len(table))
    shared = _Shared(prepared=prepared, table=table, threads=threads)
    for block, part in zip(blocks, _mapped(runner, shared, blocks), strict=True):
        totals[:, :, block.start : block.stop] += part
    with_cash, dollar_cash = _cash_pnl(
        prepared.underlyings, scenarios, collateral or {}, index_prices
    )
    cash_total = np.add.reduce(with_cash, axis=0) + dollar_cash
    own = with_cash[: len(prepared.underlyings)]
    total = np.add.reduce(totals[1], axis=0)
    if not prepared.legs:
        total[:] = np.nan  # nothing was revalued, which is not a P&L of nought
    return ScenarioResults(
        scenarios=tuple(scenarios),
        underlyings=prepared.underlyings,
        pnl_coin=totals[0],
        pnl_usd=totals[1],
        pnl_usd_with_collateral=totals[1] + own,
        total_usd=total,
        total_usd_with_collateral=total + cash_total,
        drivers=_drivers(prepared, table, drivers, threads),
    )


def run_axes(
    prepared: PreparedBook,
    axes: ScenarioAxes,
    *,
    index_prices: Mapping[str, float],
    collateral: Mapping[str, Decimal] | None = None,
    runner: Runner | None = None,
    threads: int | None = None,
) -> ScenarioCube:
    """P&L on the product of `axes`; arguments as for `run_scenarios`."""
    results = run_scenarios(
        prepared,
        axes.scenarios(),
        index_prices=index_prices,
        collateral=collateral,
        runner=runner,
        threads=threads,
    )
    return ScenarioCube(axes=axes, results=results)


def _plan(prepared: PreparedBook, scenarios: int) -> tuple[_Block, ...]:
    """Blocks of bounded size, book after book of legs, within each its scenarios in order."""
    books: list[tuple[tuple[int, int, int], ...]] = []
    parts: list[tuple[int, int, int]] = []
    room = LEGS_A_BLOCK
    for number, group in enumerate(prepared.groups):
        first = 0
        while first < len(group):
            # Contracts without curvature cost next to nothing and are not cut.
            wanted = len(group) - first
            count = min(wanted, room) if isinstance(group, OptionGroup) else wanted
            parts.append((number, first, first + count))
            first, room = first + count, room - count
            if room <= 0:
                books.append(tuple(parts))
                parts, room = [], LEGS_A_BLOCK
    if parts:
        books.append(tuple(parts))
    return tuple(
        _Block(parts=book, start=start, stop=min(start + SCENARIOS_A_BLOCK, scenarios))
        for book in books
        for start in range(0, scenarios, SCENARIOS_A_BLOCK)
    )


def _mapped(
    runner: Runner | None, shared: _Shared, blocks: Sequence[_Block]
) -> Iterator[FloatArray]:
    if runner is None:
        return (_run_block(shared, block) for block in blocks)
    return runner.map(_run_block, blocks, shared=shared)


def _run_block(shared: _Shared, block: _Block) -> FloatArray:
    """Coin and USD P&L (2, u, scenarios of the block)."""
    groups = []
    for number, first, stop in block.parts:
        group = shared.prepared.groups[number]
        groups.append(group.take(slice(first, stop)) if isinstance(group, OptionGroup) else group)
    table = shared.table.take(slice(block.start, block.stop))
    return block_totals(shared.prepared, groups, table, shared.threads)


def _cash_pnl(
    underlyings: tuple[str, ...],
    scenarios: Sequence[Scenario],
    collateral: Mapping[str, Decimal],
    index_prices: Mapping[str, float],
) -> tuple[FloatArray, FloatArray]:
    """USD P&L of cash: by coin (c, m), the book's underlyings first; and of dollars (m,)."""
    coins = [*underlyings, *sorted(collateral.keys() - set(underlyings) - DOLLARS)]
    pnl = np.zeros((len(coins), len(scenarios)), dtype=np.float64)
    for row, coin in enumerate(coins):
        amount = float(collateral.get(coin, Decimal(0)))
        if amount == 0.0:
            continue
        if coin not in index_prices:
            known = ", ".join(sorted(index_prices.keys() | DOLLARS))
            raise InvalidInput("collateral", coin, f"must be in a currency with a price: {known}")
        moves = [one.move_of(coin) for one in scenarios]
        spot = np.array([np.nan if move is None else move.spot for move in moves])
        pnl[row] = amount * index_prices[coin] * spot
    stable = np.array([one.stable_move for one in scenarios], dtype=np.float64)
    dollars = sum(float(collateral.get(c, Decimal(0))) for c in sorted(DOLLARS - {"USD"}))
    return pnl, dollars * stable


def _drivers(
    prepared: PreparedBook, table: ScenarioTable, count: int, threads: int | None
) -> tuple[tuple[Driver, ...], ...]:
    legs, scenarios = len(prepared.legs), len(table)
    if count <= 0 or not legs or legs * scenarios > DRIVER_CELLS_MAX:
        return ()
    usd = np.concatenate(
        [group_pnl(group, table, each=True, threads=threads).usd for group in prepared.groups]
    )
    kept = min(count, legs)
    order = np.argsort(-np.abs(usd), axis=0, kind="stable")[:kept]
    values = np.take_along_axis(usd, order, axis=0)
    found = []
    for places, pnls in zip(order.T.tolist(), values.T.tolist(), strict=True):
        found.append(
            tuple(
                Driver(
                    venue=prepared.legs[place][0],
                    instrument_name=prepared.legs[place][1],
                    pnl_usd=pnl,
                )
                for place, pnl in zip(places, pnls, strict=True)
                if np.isfinite(pnl) and pnl != 0.0
            )
        )
    return tuple(found)


def _matrix_text(cube: ScenarioCube, number: int) -> str:
    axes, coin = cube.axes, cube.results.underlyings[number]
    usd = cube.pnl_usd()[number]
    blocks = []
    for d, days in enumerate(axes.days):
        for b, basis in enumerate(axes.basis):
            title = f"{coin} P&L in USD without collateral, {days:g} days on"
            title += f", basis {basis:+.2%} a year" if len(axes.basis) > 1 or basis else ""
            lines = [f"{title} (vol in {axes.rule})"]
            lines.append(f"{'spot':>8}" + "".join(f"{_vol_text(axes, v):>16}" for v in axes.vol))
            for s, spot in enumerate(axes.spot):
                # Adding nought takes the sign from a rounded nothing.
                cells = "".join(
                    f"{round(float(usd[s, v, d, b]), 2) + 0.0:>16,.2f}"
                    for v in range(len(axes.vol))
                )
                lines.append(f"{spot:>+8.1%}{cells}")
            blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _vol_text(axes: ScenarioAxes, vol: float) -> str:
    unit = "pts" if axes.rule.unit.value == "points" else "%"
    return f"{vol * 100:+g} {unit}"
