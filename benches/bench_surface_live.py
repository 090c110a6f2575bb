"""How long does a running desk take over a chain's surface: all moved, one expiry, nothing?"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from quantdesk.market.chain import BoolArray
from quantdesk.market.fitting import SurfaceFit
from quantdesk.market.surface_choice import DEFAULT_CHOICE
from quantdesk.runtime.embedded import opening_snapshot
from quantdesk.runtime.live_surfaces import FitRequest, SurfaceFitted, run_fit
from quantdesk.snapshot import ChainSnapshot


@cache
def opening() -> ChainSnapshot:
    """The embedded desk's BTC chain: 330 options, 7 expiries."""
    return opening_snapshot("BTC").chains[0]


@cache
def first() -> SurfaceFitted:
    return run_fit(FitRequest(seq=1, chain=opening(), choice=DEFAULT_CHOICE))


def fitted() -> SurfaceFit:
    fit = first().fit
    assert fit is not None
    return fit


def later(rows: BoolArray) -> FitRequest:
    """A second later, with the bids of `rows` 0.05 vol points lower."""
    chain = opening()
    bid_iv = np.where(rows, chain.values.bid_iv - 0.0005, chain.values.bid_iv)
    moved = replace(
        chain,
        as_of_ns=chain.as_of_ns + 10**9,
        values=replace(chain.values, bid_iv=bid_iv),
    )
    return FitRequest(
        seq=2,
        chain=moved,
        choice=DEFAULT_CHOICE,
        previous=fitted(),
        previous_choice=DEFAULT_CHOICE,
        latest=first(),
    )


@pytest.mark.benchmark(group="a chain of 7 expiries on the desk's clock")
def test_first_fit(benchmark: BenchmarkFixture) -> None:
    request = FitRequest(seq=1, chain=opening(), choice=DEFAULT_CHOICE)
    assert benchmark(run_fit, request).fit is not None


@pytest.mark.benchmark(group="a chain of 7 expiries on the desk's clock")
def test_every_quote_moved(benchmark: BenchmarkFixture) -> None:
    request = later(np.ones(len(opening().chain), dtype=np.bool_))
    assert benchmark(run_fit, request).fit is not fitted()


@pytest.mark.benchmark(group="a chain of 7 expiries on the desk's clock")
def test_one_expiry_moved(benchmark: BenchmarkFixture) -> None:
    request = later(opening().chain.expiry_ns == fitted().slices[0].expiry_ns)
    assert benchmark(run_fit, request).fit is not fitted()


@pytest.mark.benchmark(group="a chain of 7 expiries on the desk's clock")
def test_nothing_moved(benchmark: BenchmarkFixture) -> None:
    request = later(np.zeros(len(opening().chain), dtype=np.bool_))
    assert benchmark(run_fit, request).fit is fitted()


@pytest.mark.benchmark(group="a chain of 7 expiries on the desk's clock")
def test_nothing_moved_beside_a_held_expiry(benchmark: BenchmarkFixture) -> None:
    rows = opening().chain.expiry_ns == fitted().slices[5].expiry_ns
    request = later(np.zeros(rows.size, dtype=np.bool_))
    values = request.chain.values
    bid_iv = np.where(rows, np.nan, values.bid_iv)
    chain = replace(request.chain, values=replace(values, bid_iv=bid_iv))
    held = run_fit(replace(request, chain=chain))
    assert held.fit is not None
    assert any(each.quotes.held for each in held.fit.slices)
    again = replace(request, chain=chain, previous=held.fit, latest=held)
    assert benchmark(run_fit, again).fit is held.fit
