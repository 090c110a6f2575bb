"""How long does an implied vol take on a quoted chain, and how many are wrong?"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from quantdesk import pricing
from quantdesk.app.bench.measure import head
from quantdesk.app.bench.peers import LOOP_ROWS_MAX, find_peers
from quantdesk.app.bench.samples import Sample, options

ROWS = 1_000_000


@cache
def quoted() -> Sample:
    return options(ROWS, is_quoted=True)


def kernel(s: Sample, threads: int = 1) -> pricing.ImpliedVols:
    return pricing.implied_vol(s.price, s.is_call, s.forward, s.strike, s.years, threads=threads)


@pytest.mark.benchmark(group="implied vol")
@pytest.mark.parametrize("path", pricing.simd_paths())
def test_kernel(benchmark: BenchmarkFixture, path: str) -> None:
    pricing.set_simd_path(path)
    try:
        found = benchmark(kernel, quoted())
    finally:
        pricing.set_simd_path(None)
    assert np.all(found.status == pricing.IvStatus.OK)
    np.testing.assert_allclose(found.vol, quoted().vol, rtol=1e-13)


@pytest.mark.benchmark(group="implied vol")
def test_two_threads(benchmark: BenchmarkFixture) -> None:
    found = benchmark(kernel, quoted(), 2)
    assert np.array_equal(found.vol, kernel(quoted()).vol)


@pytest.mark.benchmark(group="implied vol")
@pytest.mark.parametrize("peer", find_peers()[0], ids=lambda peer: peer.name)
def test_peer(benchmark: BenchmarkFixture, note_pace: Callable[[int], None], peer: Any) -> None:
    if peer.implied is None:
        pytest.skip(f"{peer.name} has no implied volatility")
    columns = head(quoted(), LOOP_ROWS_MAX) if peer.is_loop else quoted()
    found = benchmark(peer.implied, columns)
    wrong = ~(np.abs(np.asarray(found) / columns.vol - 1.0) <= 1e-6)
    note_pace(columns.rows)
    benchmark.extra_info["wrong"] = float(wrong.mean())
    assert len(found) == columns.rows
