"""How long does a book under a grid of scenarios take, beside peers that price each cell?

The peers get positions × scenarios laid out beforehand: their array expansion is not counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from quantdesk import pricing
from quantdesk.app.bench.measure import GRID_SPOTS, GRID_VOLS, KERNEL, head
from quantdesk.app.bench.pace import NotePace
from quantdesk.app.bench.peers import LOOP_ROWS_MAX, find_peers
from quantdesk.app.bench.samples import FloatArray, Sample, book, grid_rows, repeated_book

POSITIONS = 1_000
_RANDOM = np.random.default_rng(21)


@dataclass(frozen=True, slots=True)
class Grid:
    """A book and the moves of its scenarios."""

    name: str
    book: pricing.Book
    spot: FloatArray
    vol: FloatArray


@cache
def grids() -> tuple[Grid, ...]:
    margin = pricing.grid(np.linspace(-0.16, 0.16, 7), np.linspace(-0.3, 0.45, 5))
    days = _RANDOM.normal(0.0, 0.05, 500), _RANDOM.normal(0.0, 0.04, 500)
    return (
        Grid("grid, 1,000 × 225", book(POSITIONS), GRID_SPOTS, GRID_VOLS),
        # A portfolio margin's table: seven moves of the price by five of the vol.
        Grid("grid, 1,000 × 35", book(POSITIONS), *margin),
        Grid("grid, 1,000 in 900 options × 500", repeated_book(POSITIONS, 900), *days),
    )


@cache
def laid_out(name: str) -> Sample:
    found = next(grid for grid in grids() if grid.name == name)
    return grid_rows(found.book, found.spot, found.vol)


def profit(grid: Grid, which: tuple[str, ...] = ("pnl",), **more: Any) -> pricing.ScenarioCube:
    return pricing.scenarios(
        grid.book, spot_move=grid.spot, vol_move=grid.vol, which=which, **({"threads": 1} | more)
    )


@pytest.mark.parametrize("grid", grids(), ids=lambda grid: grid.name)
def test_sum_over_the_book(benchmark: BenchmarkFixture, note_pace: NotePace, grid: Grid) -> None:
    benchmark.group = grid.name
    cube = benchmark(profit, grid)
    columns = laid_out(grid.name)
    note_pace(columns.rows)
    after = pricing.price(
        columns.is_call, columns.forward, columns.strike, columns.years, columns.vol
    )
    scenarios = cube.pnl.size
    values = np.asarray(after).reshape(-1, scenarios)
    expected = (np.asarray(grid.book.quantity)[:, None] * values).sum(axis=0) - cube.before
    np.testing.assert_allclose(cube.pnl.reshape(-1), expected, rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("grid", grids()[:1], ids=lambda grid: grid.name)
def test_with_greeks(benchmark: BenchmarkFixture, note_pace: NotePace, grid: Grid) -> None:
    benchmark.group = grid.name
    cube = benchmark(profit, grid, ("pnl", "delta", "gamma", "vega", "theta"))
    note_pace(laid_out(grid.name).rows, f"{KERNEL}, with four Greeks")
    assert np.all(np.isfinite(cube.theta))


@pytest.mark.parametrize("grid", grids()[:1], ids=lambda grid: grid.name)
def test_each_position(benchmark: BenchmarkFixture, note_pace: NotePace, grid: Grid) -> None:
    benchmark.group = grid.name
    cube = benchmark(profit, grid, each=True)
    note_pace(laid_out(grid.name).rows, f"{KERNEL}, each position")
    assert cube.pnl.shape == (POSITIONS, 15, 15)


@pytest.mark.parametrize("grid", grids(), ids=lambda grid: grid.name)
def test_two_threads(benchmark: BenchmarkFixture, note_pace: NotePace, grid: Grid) -> None:
    benchmark.group = grid.name
    cube = benchmark(profit, grid, threads=2)
    note_pace(laid_out(grid.name).rows, f"{KERNEL}, two threads")
    alone = profit(grid).pnl
    assert alone is not None
    assert np.array_equal(cube.pnl, alone)


@pytest.mark.parametrize("grid", grids(), ids=lambda grid: grid.name)
@pytest.mark.parametrize("peer", find_peers()[0], ids=lambda peer: peer.name)
def test_peer(benchmark: BenchmarkFixture, note_pace: NotePace, peer: Any, grid: Grid) -> None:
    if peer.price is None:
        pytest.skip(f"{peer.name} prices no Black-76 option")
    benchmark.group = grid.name
    columns = laid_out(grid.name)
    columns = head(columns, LOOP_ROWS_MAX) if peer.is_loop else columns
    with np.errstate(all="ignore"):
        prices = benchmark(peer.price, columns)
    note_pace(columns.rows, peer.name)
    assert len(prices) == columns.rows
