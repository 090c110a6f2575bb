"""How long does an SVI slice take, beside scipy and QuantLib on the same quotes?"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benches.svi_peers import quantlib_section, scipy_svi, section_rmse, svi_vols
from quantdesk.app.bench.measure import KERNEL
from quantdesk.app.bench.pace import NotePace
from quantdesk.app.bench.surfaces import sample_expiry
from quantdesk.pricing.smile import RawSvi, fit_svi
from quantdesk.pricing.surface import SliceQuotes


@cache
def quotes() -> SliceQuotes:
    return sample_expiry(years=0.1, count=33)


def rmse(parameters: RawSvi) -> float:
    q = quotes()
    return float(np.sqrt(np.mean((svi_vols(parameters, q) - (q.bid_iv + q.ask_iv) / 2) ** 2)))


@pytest.mark.benchmark(group="SVI slice of 33 quotes")
@pytest.mark.parametrize("method", ["direct", "quasi-explicit", "no-butterfly"])
def test_kernel(benchmark: BenchmarkFixture, note_pace: NotePace, method: str) -> None:
    q = quotes()
    found = benchmark(fit_svi, q.years, q.log_moneyness, q.bid_iv, q.ask_iv, method=method)
    note_pace(1, KERNEL if method == "direct" else f"{KERNEL}, {method}")
    benchmark.extra_info["rmse_vol_points"] = 100 * rmse(found)
    assert rmse(found) < 0.004


@pytest.mark.benchmark(group="SVI slice of 33 quotes")
def test_scipy(benchmark: BenchmarkFixture, note_pace: NotePace) -> None:
    found = benchmark(scipy_svi, quotes())
    note_pace(1, "scipy least squares")
    benchmark.extra_info["rmse_vol_points"] = 100 * rmse(found)
    assert rmse(found) < 0.02


@pytest.mark.benchmark(group="SVI slice of 33 quotes")
def test_quantlib(benchmark: BenchmarkFixture, note_pace: NotePace) -> None:
    section = benchmark(quantlib_section, quotes())
    note_pace(1, "QuantLib")
    found = section_rmse(section, quotes())
    benchmark.extra_info["rmse_vol_points"] = 100 * found
    assert found < 0.02
