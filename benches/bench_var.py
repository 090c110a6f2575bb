"""How long do 1,000 positions under 1,000 recorded moves take, full revaluation, VaR and ES?

Goal: at most 50 ms, for positions in 900 different options and for a book in which many share one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benches.bench_risk_report import large, recorded
from quantdesk.domain.position import Position
from quantdesk.market.market_data import MarketData
from quantdesk.risk.historical_moves import MoveHistory, VarVols, joint_moves
from quantdesk.risk.prepare import prepare
from quantdesk.risk.valuation import value_positions
from quantdesk.risk.var_quantiles import Figure, figure
from quantdesk.risk.var_revaluation import moved_pnl

SCENARIOS = 1_000


@pytest.mark.benchmark(group="value at risk")
@pytest.mark.parametrize("source", [large, recorded], ids=["900 options", "recorded chain"])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_thousand_positions_under_a_thousand_recorded_moves(
    benchmark: BenchmarkFixture,
    source: Callable[[], tuple[MarketData, tuple[Position, ...]]],
    threads: int,
) -> None:
    market, positions = source()
    prepared = prepare(value_positions(positions, market))
    until_ns = max(one.as_of_ns for one in market.markets)
    history = joint_moves(["BTC"], horizon_days=1.0, vols=VarVols.VOL_INDEX, until_ns=until_ns)
    assert isinstance(history, MoveHistory)
    moves = history.last(SCENARIOS)
    assert len(moves) == SCENARIOS

    def value_at_risk() -> Figure | None:
        _, usd = moved_pnl(prepared, moves.spot, moves.vol, horizon_days=1.0, threads=threads)
        return figure(np.add.reduce(usd, axis=0), 0.99)

    found = benchmark(value_at_risk)
    assert found is not None
    assert found.es >= found.var
