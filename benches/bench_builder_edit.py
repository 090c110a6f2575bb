"""How long a trader waits after editing a leg: from the new plan to new totals, all of them.

Legs resolved on the shipped 330-option chain, quotes, net prices, fees, exact payoff in three
numeraires, chances under the default law and one's own, touch probabilities and Greeks.
"""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import quantdesk as qd
from quantdesk.margin.fees import combo_fees, trade_fee
from quantdesk.structures.analysis import StructureAnalysis, analyse
from quantdesk.structures.net import FeeLaw
from quantdesk.structures.resolve import resolve
from quantdesk.structures.text import parse_line

LAW = FeeLaw(trade=trade_fee, combo=combo_fees)

EDITS = {
    "iron condor, one expiry": (
        "-1 P 54000 31JUL26, +1 P 48000, -1 C {} 31JUL26, +1 C 72000",
        (66_000, 67_000, 68_000),
    ),
    "calendar, two expiries": ("-1 C {} 3JUL26, +1 C +0 31JUL26", (60_000, 61_000, 62_000)),
}


@pytest.mark.parametrize("name", sorted(EDITS))
def test_leg_edit_to_new_totals(benchmark: BenchmarkFixture, name: str) -> None:
    """Goal: at most 2 ms."""
    market = qd.sample("deribit-2026-06-27").chain("BTC").market()
    line, strikes = EDITS[name]
    plans = [parse_line(line.format(strike)) for strike in strikes]
    turn = 0

    def edit() -> StructureAnalysis:
        nonlocal turn
        turn += 1
        resolved = resolve(plans[turn % len(plans)], market)
        return analyse(resolved.structure, market, fee_law=LAW, warnings=resolved.warnings)

    analysis = benchmark(edit)
    assert analysis.chances
    assert analysis.payoff
