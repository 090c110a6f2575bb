"""How long does an arbitrage-free surface of 12 expiries take, cold, warm, and with its report?"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from quantdesk.app.bench.surfaces import sample_chain
from quantdesk.pricing.surface import FittedSlice, SliceQuotes, fit_slices


@cache
def chain() -> list[SliceQuotes]:
    return sample_chain(expiries=12, count=30)


@cache
def moved() -> list[SliceQuotes]:
    """The same chain a tick later: every vol a tenth of a half-spread up."""
    return [
        SliceQuotes(
            years=each.years,
            log_moneyness=each.log_moneyness,
            bid_iv=each.bid_iv + 0.1 * (each.ask_iv - each.bid_iv) / 2,
            ask_iv=each.ask_iv + 0.1 * (each.ask_iv - each.bid_iv) / 2,
        )
        for each in chain()
    ]


def assert_sound(found: list[FittedSlice]) -> None:
    assert len(found) == 12
    assert all(each.smile is not None and not each.reason for each in found)
    assert min(each.g_min for each in found) >= 0
    assert min(each.calendar_slack for each in found) >= 0


@pytest.mark.benchmark(group="surface of 12 expiries, 360 quotes")
def test_cold(benchmark: BenchmarkFixture) -> None:
    assert_sound(benchmark(fit_slices, chain()))


@pytest.mark.benchmark(group="surface of 12 expiries, 360 quotes")
def test_warm(benchmark: BenchmarkFixture) -> None:
    warm = [each.coefficients for each in fit_slices(chain())]
    assert_sound(benchmark(fit_slices, moved(), warm=warm))


@pytest.mark.benchmark(group="surface of 12 expiries, 360 quotes")
@pytest.mark.parametrize("model", ["svi", "svi-free", "ssvi"])
def test_other_models(benchmark: BenchmarkFixture, model: str) -> None:
    found = benchmark(fit_slices, chain(), model=model)
    assert all(each.smile is not None for each in found)


@pytest.mark.benchmark(group="surface of 12 expiries, 360 quotes")
def test_scipy_slices_one_by_one(benchmark: BenchmarkFixture) -> None:
    optimize = pytest.importorskip("scipy.optimize", reason="scipy is not installed")

    def fit_one(q: SliceQuotes) -> object:
        mid, half = (q.bid_iv + q.ask_iv) / 2, (q.ask_iv - q.bid_iv) / 2

        def residuals(x: np.ndarray) -> np.ndarray:
            a, b, rho, m, s = x
            w = a + b * (rho * (q.log_moneyness - m) + np.hypot(q.log_moneyness - m, s))
            return np.asarray((np.sqrt(np.maximum(w, 1e-12) / q.years) - mid) / half)

        start = [0.1 * q.years, 0.1, -0.1, 0.0, 0.1]
        bounds = ([-1, 1e-6, -0.999, -2, 1e-4], [1, 2, 0.999, 2, 3])
        return optimize.least_squares(residuals, start, bounds=bounds)

    # SVI without any condition between or on the slices: the least that a surface can cost there.
    def fit() -> list[object]:
        return [fit_one(q) for q in chain()]

    assert len(benchmark(fit)) == len(chain())
