"""How long does the portfolio margin of a whole book take, with each leg's part of it?

200 Deribit BTC positions, mostly short options of eight expiries, two futures and the perpetual.
"""

from __future__ import annotations

import numpy as np
from pytest_benchmark.fixture import BenchmarkFixture

from quantdesk.margin.deribit_portfolio import PairBook, portfolio_margin
from quantdesk.margin.portfolio_book import risk_legs
from quantdesk.margin.portfolio_explain import leg_parts
from quantdesk.margin.portfolio_parameters import BTC_USD

POSITIONS = 200
INDEX = 60_000.0


def _book() -> PairBook:
    draw = np.random.default_rng(5)
    rows = []
    for number in range(POSITIONS - 3):
        years = float(draw.choice([1, 7, 14, 30, 60, 90, 180, 270])) / 365
        strike = 1000.0 * float(draw.integers(30, 120))
        is_call = strike > INDEX
        size = float(draw.normal(-5.0, 10.0))
        vol = float(draw.uniform(0.35, 0.9))
        rows.append(
            (
                f"option {number}",
                True,
                is_call,
                True,
                size,
                INDEX,
                strike,
                years,
                vol,
                round(years * 365),
                years,
            )
        )
    for number, years in enumerate((30 / 365, 90 / 365, 0.0)):
        expiry = round(years * 365)
        rows.append(
            (f"future {number}", False, False, True, 12.0, INDEX, 0.0, 0.0, 0.0, expiry, years)
        )
    return PairBook(parameters=BTC_USD, legs=risk_legs(rows), index=INDEX)


def test_portfolio_margin_of_200_positions(benchmark: BenchmarkFixture) -> None:
    """Goal: at most 1 ms."""
    book = _book()
    margin = benchmark(portfolio_margin, "BTC", [book])
    assert margin.risk_matrix_margin > 0


def test_parts_of_200_positions(benchmark: BenchmarkFixture) -> None:
    """Leave-one-out and Euler parts of every leg."""
    margin = portfolio_margin("BTC", [_book()])
    parts = benchmark(leg_parts, margin)
    assert len(parts) == POSITIONS
