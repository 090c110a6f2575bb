"""Prices of orders on contracts of several coins, and of expiries with a discount."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from quantdesk import pricing
from quantdesk.risk.limits.files import parse_limits
from quantdesk.risk.limits.gate import LimitGate
from quantdesk.risk.limits.ticket import Ticket, TicketLeg
from tests.unit.risk.limits.units import CALL, NOW, MadeUnits, unit


def one_leg(lots: str, price: str | None = None) -> Ticket:
    limit = None if price is None else Decimal(price)
    return Ticket(legs=(TicketLeg(instrument=CALL, quantity=Decimal(lots), price=limit),))


@pytest.mark.parametrize(
    ("coins", "rate"), [(1.0, 0.0), (1_000.0, 0.0), (1_000.0, 0.08), (0.1, 0.08)]
)
def test_prices_are_of_a_contracts_coins_and_of_the_discount(coins: float, rate: float) -> None:
    plain = unit(delta=1.0, vega=2.0, stress=(0.0, 0.0, 0.0))
    assert plain.quote is not None
    quote = replace(plain.quote, is_inverse=False, coins=coins, rate=rate)
    black = float(np.asarray(pricing.price(True, 64.0, 64.0, 0.25, 0.5)))
    worth = black * coins * math.exp(-rate * 0.25)
    assert quote.price_at(0.5) == pytest.approx(worth, rel=1e-12)
    priced = replace(plain, quote=replace(quote, mark=quote.price_at(0.5)))
    text = 'schema = 1\n[[limit]]\nscope = "desk"\nmeasure = "vol_band"\nhard = 10\n'
    desk = LimitGate(parse_limits(text, "made"), MadeUnits({CALL.name: priced}))
    value = 'schema = 1\n[[limit]]\nscope = "desk"\nmeasure = "order_value"\n'
    level = 10.5 * worth * quote.usd
    paid = LimitGate(parse_limits(f"{value}hard = {level}", "made"), MadeUnits({CALL.name: priced}))
    assert paid.review(one_leg("10"), NOW).is_allowed
    assert not paid.review(one_leg("11"), NOW).is_allowed
    for vol, passes in ((0.41, True), (0.59, True), (0.39, False), (0.61, False)):
        decision = desk.review(one_leg("1", f"{quote.price_at(vol):.12f}"), NOW)
        assert decision.is_allowed is passes, vol
        if not passes:
            assert "after 11," in str(decision)
