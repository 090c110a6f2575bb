"""How long does one point of a batch query take, beside scipy's spline and QuantLib's surface?"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from quantdesk.app.bench.measure import KERNEL
from quantdesk.app.bench.pace import NotePace
from quantdesk.app.bench.surfaces import sample_chain
from quantdesk.pricing.surface import SliceQuotes, VarianceSurface, fit_slices

ROWS = 100_000
QUANTLIB_ROWS = 2_000


@cache
def chain() -> list[SliceQuotes]:
    return sample_chain(expiries=12, count=30)


@cache
def surface() -> VarianceSurface:
    found = fit_slices(chain())
    slices = [each.smile for each in found if each.smile is not None]
    return VarianceSurface([each.years for each in chain()], slices)


@cache
def points() -> tuple[np.ndarray, np.ndarray]:
    """Expiry by expiry, as a chain is asked for."""
    years = np.repeat([each.years for each in chain()], ROWS // 12 + 1)[:ROWS]
    generator = np.random.default_rng(3)
    return years, generator.normal(0.0, 0.5, ROWS) * np.sqrt(years)


@pytest.mark.benchmark(group="surface query")
def test_listed_expiries(benchmark: BenchmarkFixture, note_pace: NotePace) -> None:
    years, k = points()
    found = benchmark(surface().total_variance, years, k)
    note_pace(ROWS)
    assert np.all(found > 0)


@pytest.mark.benchmark(group="surface query")
def test_any_time(benchmark: BenchmarkFixture, note_pace: NotePace) -> None:
    years, k = points()
    found = benchmark(surface().total_variance, years * 1.05, k)
    note_pace(ROWS, f"{KERNEL}, between expiries")
    assert np.all(found > 0)


@pytest.mark.benchmark(group="surface query")
def test_scipy(benchmark: BenchmarkFixture, note_pace: NotePace) -> None:
    interpolate = pytest.importorskip("scipy.interpolate", reason="scipy is not installed")
    grid = np.linspace(-2.0, 2.0, 101)
    times = np.array([each.years for each in chain()])
    w = np.array([surface().total_variance(t, grid) for t in times])
    spline = interpolate.RectBivariateSpline(times, grid, w)
    years, k = points()
    found = benchmark(spline.ev, years, k)
    note_pace(ROWS, "scipy RectBivariateSpline")
    assert np.isfinite(found).all()


@pytest.mark.benchmark(group="surface query")
def test_quantlib(benchmark: BenchmarkFixture, note_pace: NotePace) -> None:
    ql = pytest.importorskip("QuantLib", reason="QuantLib is not installed")
    today = ql.Date(1, 1, 2026)
    ql.Settings.instance().evaluationDate = today
    strikes = np.exp(np.linspace(-1.0, 1.0, 41)).tolist()
    days = sorted({max(round(each.years * 365), 1) for each in chain()})
    vols = ql.Matrix(len(strikes), len(days))
    for column, day in enumerate(days):
        w = surface().total_variance(day / 365, np.log(strikes))
        for row, vol in enumerate(np.sqrt(w / (day / 365)).tolist()):
            vols[row][column] = vol
    black = ql.BlackVarianceSurface(
        today, ql.NullCalendar(), [today + day for day in days], strikes, vols, ql.Actual365Fixed()
    )
    black.enableExtrapolation()
    years, k = points()
    pairs = list(zip(years[::50].tolist(), np.exp(k[::50]).tolist(), strict=True))[:QUANTLIB_ROWS]

    def query() -> list[Any]:
        return [black.blackVariance(t, strike, True) for t, strike in pairs]

    found = benchmark(query)
    note_pace(len(pairs), "QuantLib BlackVarianceSurface")
    assert np.isfinite(found).all()
