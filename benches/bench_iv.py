"""How long does an implied vol take on a quoted chain, and how many are wrong?"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from quantdesk import pricing
from quantdesk.app.bench.exact import exact, implied_error
from quantdesk.app.bench.measure import KERNEL, head
from quantdesk.app.bench.pace import NotePace
from quantdesk.app.bench.peers import LOOP_ROWS_MAX, find_peers
from quantdesk.app.bench.samples import Sample, options

ROWS = 1_000_000
GROUP = "implied vol"


@cache
def quoted() -> Sample:
    return options(ROWS, is_quoted=True)


def kernel(s: Sample, threads: int = 1) -> pricing.ImpliedVols:
    return pricing.implied_vol(s.price, s.is_call, s.forward, s.strike, s.years, threads=threads)


@pytest.mark.benchmark(group=GROUP)
def test_kernel(benchmark: BenchmarkFixture, note_pace: NotePace) -> None:
    benchmark(kernel, quoted())
    note_pace(ROWS)
    undiscounted = exact().without_rate()
    error = implied_error(kernel(undiscounted.sample).vol, undiscounted)
    assert error.wrong == 0.0
    assert error.multiple is not None
    assert error.multiple <= 10.0


@pytest.mark.benchmark(group=GROUP)
@pytest.mark.parametrize("path", pricing.simd_paths())
def test_each_path(benchmark: BenchmarkFixture, note_pace: NotePace, path: str) -> None:
    pricing.set_simd_path(path)
    try:
        found = benchmark(kernel, quoted())
    finally:
        pricing.set_simd_path(None)
    note_pace(ROWS, f"{KERNEL}, {path}")
    assert np.all(found.status == pricing.IvStatus.OK)
    np.testing.assert_allclose(found.vol, quoted().vol, rtol=1e-13)


@pytest.mark.benchmark(group=f"{GROUP}, two threads")
@pytest.mark.parametrize("threads", [2, 1])
def test_threads(benchmark: BenchmarkFixture, note_pace: NotePace, threads: int) -> None:
    found = benchmark(kernel, quoted(), threads)
    note_pace(ROWS, KERNEL if threads == 2 else f"{KERNEL}, one thread")
    assert np.array_equal(found.vol, kernel(quoted()).vol)


@pytest.mark.benchmark(group=GROUP)
@pytest.mark.parametrize("peer", find_peers()[0], ids=lambda peer: peer.name)
def test_peer(benchmark: BenchmarkFixture, note_pace: NotePace, peer: Any) -> None:
    if peer.implied is None:
        pytest.skip(f"{peer.name} has no implied volatility")
    columns = head(quoted(), LOOP_ROWS_MAX) if peer.is_loop else quoted()
    found = benchmark(peer.implied, columns)
    wrong = ~(np.abs(np.asarray(found) / columns.vol - 1.0) <= 1e-6)
    note_pace(columns.rows, f"{peer.name}, {wrong.mean():.1%} wrong")
    benchmark.extra_info["wrong"] = float(wrong.mean())
    assert len(found) == columns.rows
