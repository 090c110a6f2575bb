"""How soon after a tick of the underlying are the net Greeks of a book of 200 positions there?

Goal: at most 200 µs, all sixteen Greeks with the one-day revaluation among them, on one core.
"""

from __future__ import annotations

from itertools import cycle

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import quantdesk as qd
from quantdesk.risk.exposure import expose
from quantdesk.risk.live import LiveGreeks
from quantdesk.risk.valuation import value_positions
from tests.unit.risk.books import random_book

POSITIONS = 200


@pytest.mark.benchmark(group="book tick")
def test_tick_to_net_greeks(benchmark: BenchmarkFixture) -> None:
    market = qd.sample("deribit-2026-06-27").snapshot.market()
    book = value_positions(random_book(market, POSITIONS - 2), market)
    assert len(book) == POSITIONS
    live = LiveGreeks(book)
    index = market.markets[0].index_price
    assert index is not None
    still = expose(book).underlying("BTC").greeks
    assert live.at("BTC", index).delta_black == pytest.approx(still.delta_black, rel=1e-12)
    ticks = cycle([index * (1 + move / 10_000) for move in range(-5, 6)])
    greeks = benchmark(lambda: live.at("BTC", next(ticks)))
    assert greeks.dollar_delta == pytest.approx(still.dollar_delta, rel=0.2)
