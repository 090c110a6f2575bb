"""The fence asks the checks that a ticket could bring over a level, and those it can not bound."""

from __future__ import annotations

from decimal import Decimal

import pytest

from quantdesk.risk.checks.fence import Fence
from quantdesk.risk.limits.files import parse_limits
from quantdesk.risk.limits.gate import LimitGate
from quantdesk.risk.limits.ticket import Ticket, TicketLeg
from quantdesk.risk.limits.trial import Trial
from quantdesk.risk.limits.units import unmarked_unit
from tests.unit.risk.limits.units import CALL, NOW, PUT, STRESS_NAMES, MadeUnits, unit

LIMITS = """
schema = 1
[[limit]]
scope = "desk"
measure = "order_size"
hard = 1e6
[[limit]]
scope = "underlying"
name = "BTC"
measure = "net_delta"
convention = "black"
hard = 50
[[limit]]
scope = "desk"
measure = "gross_vega"
convention = "usd-per-point"
hard = 1e6
[[limit]]
scope = "desk"
measure = "margin_use"
convention = "deribit-standard"
unit = "usd"
hard = 1000
[[limit]]
scope = "desk"
measure = "stress_loss"
hard = 1e6
"""


def asked(lots: int, *, is_marked: bool = True) -> list[str]:
    stress = (-1.0, 1.0, 0.0)
    units = {
        # Margin of short puts alone grows with the square of their size.
        CALL.name: unit(delta=1.0, vega=2.0, stress=stress, margin=(1.0, 1.0, 0.0)),
        PUT.name: unit(delta=0.0, vega=2.0, stress=stress, margin=(0.0, 0.0, 1.0))
        if is_marked
        else unmarked_unit(PUT, "it has no mark", 3),
    }
    gate = LimitGate(parse_limits(LIMITS, "made"), MadeUnits(units), stress_names=STRESS_NAMES)
    legs = (
        TicketLeg(instrument=CALL, quantity=Decimal(lots)),
        TicketLeg(instrument=PUT, quantity=Decimal(-1)),
    )
    ticket = Ticket(legs=legs)
    gate.review(ticket, NOW)
    fence = Fence(gate.checks)
    fence.settle()
    trial = Trial.of(ticket, tuple(gate.checks[0].slots), NOW)
    return [check.name for check in fence.to_ask(trial)]


@pytest.mark.parametrize(
    ("lots", "names"),
    [
        (49, ["order size"]),
        (51, ["order size", "net exposure"]),
        (-51, ["order size", "net exposure"]),
        (998, ["order size", "net exposure"]),
        (999, ["order size", "net exposure", "margin use"]),
    ],
)
def test_only_checks_without_room_are_asked(lots: int, names: list[str]) -> None:
    # 2 · 1² of the put's square and a USD a call: 998 calls reach 1,000 USD.
    assert asked(lots) == names


def test_what_can_not_be_told_is_asked_about() -> None:
    names = ["order size", "net exposure", "gross exposure", "margin use", "stress loss"]
    assert asked(1, is_marked=False) == names
