"""How long does the P&L of 1,000 positions over a day take to explain, with 900 quotes to fit?

The screen explains on its worker, at most a fifth of the time; the opening is fitted once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benches.bench_risk_report import large, recorded
from quantdesk.domain.position import Position
from quantdesk.market.market_data import MarketData
from quantdesk.risk.fitted import fit_surfaces
from quantdesk.risk.pnl_explain import explain_pnl
from quantdesk.risk.pnl_explain_changes import changes_of
from quantdesk.risk.pnl_explain_totals import PnlExplain

HALF_DAY_NS = 12 * 3_600_000_000_000


def half_a_day_on(market: MarketData) -> MarketData:
    """Index and forwards 2 % up."""
    moved = tuple(
        replace(
            one,
            as_of_ns=one.as_of_ns + HALF_DAY_NS,
            index_price=(one.index_price or 0.0) * 1.02,
            forwards={
                ns: replace(each, price=(each.price or 0.0) * 1.02)
                for ns, each in one.forwards.items()
            },
        )
        for one in market.markets
    )
    return replace(market, markets=moved)


@pytest.mark.benchmark(group="P&L explain")
@pytest.mark.parametrize("source", [large, recorded], ids=["900 options", "recorded chain"])
def test_a_thousand_positions_since_the_opening(
    benchmark: BenchmarkFixture,
    source: Callable[[], tuple[MarketData, tuple[Position, ...]]],
) -> None:
    opening, positions = source()
    closing = half_a_day_on(opening)
    opened = fit_surfaces(opening).surfaces

    def explain() -> PnlExplain:
        shapes = (opened, fit_surfaces(closing).surfaces)
        return explain_pnl(changes_of(positions), opening, closing, shapes=shapes)

    found = benchmark(explain)
    assert len(found.legs) > 200
    for leg in found.legs:
        assert math.fsum(leg.steps.tolist()) == pytest.approx(leg.actual, abs=1e-12)
    assert not found.is_alarm
