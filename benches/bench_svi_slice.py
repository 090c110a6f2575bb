"""How long does an SVI slice take, beside scipy and QuantLib on the same quotes?"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from quantdesk.app.bench.surfaces import sample_expiry
from quantdesk.pricing.smile import RawSvi, fit_svi, slice_jets, svi_slice
from quantdesk.pricing.surface import SliceQuotes


@cache
def quotes() -> SliceQuotes:
    return sample_expiry(years=0.1, count=33)


def rmse(parameters: Any) -> float:
    q = quotes()
    w = slice_jets(svi_slice(RawSvi(*parameters)), q.log_moneyness).w
    return float(np.sqrt(np.mean((np.sqrt(w / q.years) - (q.bid_iv + q.ask_iv) / 2) ** 2)))


@pytest.mark.benchmark(group="SVI slice of 33 quotes")
@pytest.mark.parametrize("method", ["direct", "quasi-explicit", "no-butterfly"])
def test_kernel(benchmark: BenchmarkFixture, method: str) -> None:
    q = quotes()
    found = benchmark(fit_svi, q.years, q.log_moneyness, q.bid_iv, q.ask_iv, method=method)
    benchmark.extra_info["rmse_vol_points"] = 100 * rmse(found)
    assert rmse(found) < 0.004


@pytest.mark.benchmark(group="SVI slice of 33 quotes")
def test_scipy(benchmark: BenchmarkFixture) -> None:
    optimize = pytest.importorskip("scipy.optimize", reason="scipy is not installed")
    q = quotes()
    mid, half = (q.bid_iv + q.ask_iv) / 2, (q.ask_iv - q.bid_iv) / 2

    def residuals(x: Any) -> Any:
        a, b, rho, m, s = x
        w = a + b * (rho * (q.log_moneyness - m) + np.hypot(q.log_moneyness - m, s))
        return (np.sqrt(np.maximum(w, 1e-12) / q.years) - mid) / half

    start = [0.01, 0.1, -0.1, 0.0, 0.1]
    bounds = ([-1, 1e-6, -0.999, -2, 1e-4], [1, 2, 0.999, 2, 3])
    found = benchmark(lambda: optimize.least_squares(residuals, start, bounds=bounds))
    assert rmse(found.x) < 0.02


@pytest.mark.benchmark(group="SVI slice of 33 quotes")
def test_quantlib(benchmark: BenchmarkFixture) -> None:
    ql = pytest.importorskip("QuantLib", reason="QuantLib is not installed")
    q = quotes()
    forward = 80_000.0
    strikes = (forward * np.exp(q.log_moneyness)).tolist()
    vols = ((q.bid_iv + q.ask_iv) / 2).tolist()
    today = ql.Date(1, 1, 2026)
    ql.Settings.instance().evaluationDate = today
    expiry = today + round(q.years * 365)

    def fit() -> Any:
        section = ql.SviInterpolatedSmileSection(
            expiry, ql.QuoteHandle(ql.SimpleQuote(forward)), strikes, False,
            ql.QuoteHandle(ql.SimpleQuote(vols[len(vols) // 2])),
            [ql.QuoteHandle(ql.SimpleQuote(vol)) for vol in vols],
            0.01, 0.1, 0.1, -0.1, 0.0, False, False, False, False, False,
        )  # fmt: skip
        section.rmsError()
        return section

    benchmark(fit)
