"""How long does a price take, beside every peer that is installed? 1,000,000 options, one thread.

Run in an environment that holds the peers; those that are missing are skipped with the reason.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from quantdesk import pricing
from quantdesk.app.bench.exact import WRONG_FROM, error_of, exact
from quantdesk.app.bench.measure import KERNEL, head
from quantdesk.app.bench.pace import NotePace
from quantdesk.app.bench.peers import LOOP_ROWS_MAX, find_peers
from quantdesk.app.bench.samples import Sample, options

ROWS = 1_000_000


@cache
def sample(rows: int = ROWS) -> Sample:
    return options(rows)


def kernel(columns: Sample, *, threads: int = 1, out: Any = None) -> Any:
    s = columns
    return pricing.price(
        s.is_call, s.forward, s.strike, s.years, s.vol, s.rate, threads=threads, out=out
    )


@pytest.mark.benchmark(group="price")
def test_kernel(benchmark: BenchmarkFixture, note_pace: NotePace) -> None:
    benchmark(kernel, sample())
    note_pace(ROWS)
    found = error_of(kernel(exact().sample), exact().outputs["price"])
    assert found.wrong == 0.0
    assert found.size <= 1e-14


@pytest.mark.benchmark(group="price")
@pytest.mark.parametrize("path", pricing.simd_paths())
def test_each_path(benchmark: BenchmarkFixture, note_pace: NotePace, path: str) -> None:
    pricing.set_simd_path(path)
    try:
        prices = benchmark(kernel, sample())
    finally:
        pricing.set_simd_path(None)
    note_pace(ROWS, f"{KERNEL}, {path}")
    np.testing.assert_allclose(prices, kernel(sample()), rtol=1e-14)


@pytest.mark.benchmark(group="price")
def test_kernel_into_an_array(benchmark: BenchmarkFixture, note_pace: NotePace) -> None:
    out = np.zeros(ROWS)
    benchmark(kernel, sample(), out=out)
    note_pace(ROWS, f"{KERNEL}, out=")
    assert np.array_equal(out, kernel(sample()))


@pytest.mark.benchmark(group="price, two threads")
@pytest.mark.parametrize("threads", [2, 1])
def test_threads(benchmark: BenchmarkFixture, note_pace: NotePace, threads: int) -> None:
    prices = benchmark(kernel, sample(), threads=threads)
    note_pace(ROWS, KERNEL if threads == 2 else f"{KERNEL}, one thread")
    assert np.array_equal(prices, kernel(sample()))


PEERS, MISSING = find_peers()


@pytest.mark.benchmark(group="price")
@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_peer(benchmark: BenchmarkFixture, note_pace: NotePace, peer: Any) -> None:
    if peer.price is None:
        pytest.skip(f"{peer.name} prices no Black-76 option")
    columns = head(sample(), LOOP_ROWS_MAX) if peer.is_loop else sample()
    prices = benchmark(peer.price, columns)
    note_pace(columns.rows, peer.name)
    # A peer that computes something else would not be compared: most rows must agree.
    off = np.abs(np.asarray(prices) - kernel(columns)) > WRONG_FROM * columns.forward
    assert np.mean(off) < 0.01


@pytest.mark.parametrize("missing", MISSING, ids=lambda missing: missing.name)
def test_missing_peer(missing: Any) -> None:
    pytest.skip(f"{missing.name} can not be used: {missing.reason}")
