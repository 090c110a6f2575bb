"""How long do price and Greeks take, flat and by chain? 1,000,000 options, one thread."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from quantdesk import pricing
from quantdesk.app.bench.exact import error_of, exact
from quantdesk.app.bench.measure import FIVE_GREEKS, KERNEL, head
from quantdesk.app.bench.pace import NotePace
from quantdesk.app.bench.peers import LOOP_ROWS_MAX, find_peers
from quantdesk.app.bench.samples import Chain, FloatArray, Sample, chain, options

ROWS = 1_000_000
SEVEN_GREEKS = (*FIVE_GREEKS, "vanna", "volga")
FLAT = "price + 5 Greeks"
CHAIN = "chain, price + 5 Greeks"


@cache
def sample() -> Sample:
    return options(ROWS)


@cache
def grouped() -> tuple[Chain, Sample]:
    expiries = chain(ROWS)
    return expiries, expiries.flat()


def flat(columns: Sample, which: tuple[str, ...], threads: int = 1) -> pricing.Greeks:
    s = columns
    return pricing.greeks(
        s.is_call, s.forward, s.strike, s.years, s.vol, s.rate, which=which, threads=threads
    )


def vegas(columns: Sample) -> FloatArray:
    found = flat(columns, ("vega",)).vega
    assert found is not None
    return found


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


@pytest.mark.benchmark(group=FLAT)
def test_price_and_five(benchmark: BenchmarkFixture, note_pace: NotePace) -> None:
    benchmark(flat, sample(), FIVE_GREEKS)
    note_pace(ROWS)
    found = flat(exact().sample, FIVE_GREEKS)._asdict()
    for name, expected in exact().outputs.items():
        error = error_of(found[name], expected)
        assert error.wrong == 0.0, name
        assert error.size <= 1e-14, name


@pytest.mark.benchmark(group=FLAT)
@pytest.mark.parametrize("path", pricing.simd_paths())
def test_each_path(benchmark: BenchmarkFixture, note_pace: NotePace, path: str) -> None:
    pricing.set_simd_path(path)
    try:
        found = benchmark(flat, sample(), FIVE_GREEKS)
    finally:
        pricing.set_simd_path(None)
    note_pace(ROWS, f"{KERNEL}, {path}")
    np.testing.assert_allclose(found.vega, vegas(sample()), rtol=1e-13)


@pytest.mark.benchmark(group=FLAT)
def test_price_and_seven(benchmark: BenchmarkFixture, note_pace: NotePace) -> None:
    found = benchmark(flat, sample(), SEVEN_GREEKS)
    note_pace(ROWS, f"{KERNEL}, with vanna and volga")
    assert found.volga is not None
    assert np.all(np.isfinite(found.volga))


@pytest.mark.benchmark(group=f"{FLAT}, two threads")
@pytest.mark.parametrize("threads", [2, 1])
def test_threads(benchmark: BenchmarkFixture, note_pace: NotePace, threads: int) -> None:
    found = benchmark(flat, sample(), FIVE_GREEKS, threads)
    note_pace(ROWS, KERNEL if threads == 2 else f"{KERNEL}, one thread")
    assert np.array_equal(found.vega, vegas(sample()))


@pytest.mark.benchmark(group=CHAIN)
def test_chain_call(benchmark: BenchmarkFixture, note_pace: NotePace) -> None:
    expiries, columns = grouped()
    found = benchmark(by_chain, expiries)
    note_pace(ROWS)
    expected = flat(columns, FIVE_GREEKS)
    assert found.theta is not None
    assert expected.theta is not None
    assert np.array_equal(found.theta, expected.theta)


@pytest.mark.benchmark(group=CHAIN)
def test_flat_call_of_the_same_options(benchmark: BenchmarkFixture, note_pace: NotePace) -> None:
    found = benchmark(flat, grouped()[1], FIVE_GREEKS)
    note_pace(ROWS, f"{KERNEL}, flat call")
    assert found.price is not None
    assert np.all(found.price >= 0)


@pytest.mark.benchmark(group=FLAT)
@pytest.mark.parametrize("peer", find_peers()[0], ids=lambda peer: peer.name)
def test_peer(benchmark: BenchmarkFixture, note_pace: NotePace, peer: Any) -> None:
    _peer(benchmark, note_pace, peer, sample())


@pytest.mark.benchmark(group=CHAIN)
@pytest.mark.parametrize("peer", find_peers()[0][:1], ids=lambda peer: peer.name)
def test_peer_on_the_chain(benchmark: BenchmarkFixture, note_pace: NotePace, peer: Any) -> None:
    _peer(benchmark, note_pace, peer, grouped()[1])


def _peer(benchmark: BenchmarkFixture, note_pace: NotePace, peer: Any, options_: Sample) -> None:
    if peer.greeks is None:
        pytest.skip(f"{peer.name} has no call for Greeks here")
    columns = head(options_, LOOP_ROWS_MAX) if peer.is_loop else options_
    found = benchmark(peer.greeks, columns)
    note_pace(columns.rows, peer.name)
    off = np.abs(peer.read_greeks(found)["vega"] - vegas(columns)) > 1e-6 * columns.forward
    assert np.mean(off) < 0.01
