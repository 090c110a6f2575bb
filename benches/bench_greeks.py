"""How long do price and Greeks take, flat and by chain? 1,000,000 options, one thread."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from quantdesk import pricing
from quantdesk.app.bench.measure import FIVE_GREEKS, head
from quantdesk.app.bench.peers import LOOP_ROWS_MAX, find_peers
from quantdesk.app.bench.samples import Chain, Sample, chain, options

ROWS = 1_000_000
SEVEN_GREEKS = (*FIVE_GREEKS, "vanna", "volga")


@cache
def sample() -> Sample:
    return options(ROWS)


@cache
def grouped() -> tuple[Chain, Sample]:
    expiries = chain(ROWS)
    return expiries, expiries.flat()


def flat(columns: Sample, which: tuple[str, ...]) -> pricing.Greeks:
    s = columns
    return pricing.greeks(
        s.is_call, s.forward, s.strike, s.years, s.vol, s.rate, which=which, threads=1
    )


def by_chain(c: Chain) -> pricing.Greeks:
    return pricing.chain_greeks(
        c.is_call,
        c.strike,
        c.vol,
        starts=c.starts,
        forward=c.forward,
        years=c.years,
        rate=c.rate,
        which=FIVE_GREEKS,
        threads=1,
    )


@pytest.mark.benchmark(group="greeks")
@pytest.mark.parametrize("path", pricing.simd_paths())
def test_price_and_five(benchmark: BenchmarkFixture, path: str) -> None:
    pricing.set_simd_path(path)
    try:
        found = benchmark(flat, sample(), FIVE_GREEKS)
    finally:
        pricing.set_simd_path(None)
    assert found.vega is not None
    assert np.all(found.vega >= 0)


@pytest.mark.benchmark(group="greeks")
def test_price_and_seven(benchmark: BenchmarkFixture) -> None:
    found = benchmark(flat, sample(), SEVEN_GREEKS)
    assert found.volga is not None
    assert np.all(np.isfinite(found.volga))


@pytest.mark.benchmark(group="chain")
def test_chain_call(benchmark: BenchmarkFixture) -> None:
    expiries, columns = grouped()
    found = benchmark(by_chain, expiries)
    expected = flat(columns, FIVE_GREEKS)
    assert found.theta is not None
    assert expected.theta is not None
    assert np.array_equal(found.theta, expected.theta)


@pytest.mark.benchmark(group="chain")
def test_flat_call_of_the_same_options(benchmark: BenchmarkFixture) -> None:
    found = benchmark(flat, grouped()[1], FIVE_GREEKS)
    assert found.price is not None
    assert np.all(found.price >= 0)


@pytest.mark.benchmark(group="greeks")
@pytest.mark.parametrize("peer", find_peers()[0], ids=lambda peer: peer.name)
def test_peer(benchmark: BenchmarkFixture, note_pace: Callable[[int], None], peer: Any) -> None:
    if peer.greeks is None:
        pytest.skip(f"{peer.name} has no call for Greeks here")
    columns = head(sample(), LOOP_ROWS_MAX) if peer.is_loop else sample()
    found = benchmark(peer.greeks, columns)
    note_pace(columns.rows)
    assert len(found) > 0
