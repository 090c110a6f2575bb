"""How long does a book under a grid of scenarios take, beside NumPy's textbook formula?"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from quantdesk import pricing
from quantdesk.app.bench.samples import book
from quantdesk.app.bench.textbook import textbook_price

FloatArray = npt.NDArray[np.float64]
POSITIONS = 1_000
SPOTS, VOLS = pricing.grid(np.linspace(-0.2, 0.2, 15), np.linspace(-0.1, 0.1, 15))
# A portfolio margin's table: seven moves of the price by five of the vol.
MARGIN_SPOTS, MARGIN_VOLS = pricing.grid(np.linspace(-0.16, 0.16, 7), np.linspace(-0.3, 0.45, 5))


@cache
def positions() -> pricing.Book:
    return book(POSITIONS)


@pytest.mark.benchmark(group="grid")
@pytest.mark.parametrize("which", [("pnl",), ("pnl", "delta", "gamma", "vega", "theta")])
def test_sum_over_the_book(benchmark: BenchmarkFixture, which: tuple[str, ...]) -> None:
    cube = benchmark(
        pricing.scenarios, positions(), spot_move=SPOTS, vol_move=VOLS, which=which, threads=1
    )
    assert cube.pnl is not None
    assert abs(cube.pnl[7, 7]) <= 1e-6


@pytest.mark.benchmark(group="grid")
def test_each_position(benchmark: BenchmarkFixture) -> None:
    cube = benchmark(
        pricing.scenarios, positions(), spot_move=SPOTS, vol_move=VOLS, each=True, threads=1
    )
    assert cube.pnl.shape == (POSITIONS, 15, 15)


@pytest.mark.benchmark(group="grid")
def test_margin_table(benchmark: BenchmarkFixture) -> None:
    cube = benchmark(
        pricing.scenarios, positions(), spot_move=MARGIN_SPOTS, vol_move=MARGIN_VOLS, threads=1
    )
    assert cube.pnl.shape == (7, 5)


@pytest.mark.benchmark(group="grid")
def test_numpy_without_its_expansion(benchmark: BenchmarkFixture) -> None:
    pytest.importorskip("scipy", reason="scipy is not installed here")
    held = positions()
    shape = (POSITIONS, 15, 15)

    def stretched(values: object) -> FloatArray:
        column = np.asarray(values, dtype=np.float64).reshape(-1, 1, 1)
        return np.ascontiguousarray(np.broadcast_to(column, shape)).reshape(-1)

    is_call = stretched(held.is_call) != 0
    forward = (stretched(held.forward).reshape(shape) * (1.0 + SPOTS)).reshape(-1)
    vol = np.maximum(stretched(held.vol).reshape(shape) + VOLS, 0.0).reshape(-1)
    strike, years = stretched(held.strike), stretched(held.years)
    prices = benchmark(textbook_price, is_call, forward, strike, years, vol, 0.0)
    assert prices.size == POSITIONS * 225
