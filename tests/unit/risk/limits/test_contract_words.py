"""What a contract is stands beside every number of contracts."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from quantdesk.domain.instrument import Instrument, InstrumentKind
from quantdesk.risk.limits.contract_words import contract_words
from quantdesk.risk.limits.files import parse_limits
from quantdesk.risk.limits.gate import LimitGate
from quantdesk.risk.limits.ticket import Ticket, TicketLeg
from tests.unit.risk.limits.units import CALL, NOW, STRESS_NAMES, MadeUnits, unit

PERPETUAL = replace(
    CALL,
    name="BTC-PERPETUAL",
    kind=InstrumentKind.PERPETUAL,
    quote_currency="USD",
    contract_size=Decimal("10.0"),
    expiry_ns=None,
    strike=None,
    option_type=None,
)
BOTH = "a contract of options is 1 BTC, of futures 10 USD"


def of_coin(coin: str) -> Instrument:
    return replace(CALL, name=f"{coin}-25MAR27-64-C", underlying=coin)


@pytest.mark.parametrize(
    ("instruments", "words"),
    [
        ([], ""),
        ([CALL, CALL], "a contract of options is 1 BTC"),
        ([CALL, PERPETUAL, CALL], BOTH),
        ([replace(CALL, contract_size=Decimal("0.01"))], "a contract of options is 0.01 BTC"),
        ([replace(PERPETUAL, kind=InstrumentKind.SPOT)], "a contract of coins is 1 BTC"),
        (
            [replace(PERPETUAL, kind=InstrumentKind.FUTURE_COMBO)],
            "a contract of future combos is 10 USD",
        ),
    ],
)
def test_each_sort_is_named_once(instruments: list[Instrument], words: str) -> None:
    assert contract_words(instruments) == words


def test_many_sorts_are_counted() -> None:
    words = contract_words([of_coin(coin) for coin in ("A", "B", "C", "D", "E", "F")])
    assert words.endswith("of options 1 D, and 2 more sorts")


@pytest.mark.parametrize("measure", ["net_contracts", "gross_contracts"])
def test_uses_and_refusals_say_what_was_added(measure: str) -> None:
    text = f'schema = 1\n[[limit]]\nscope = "desk"\nmeasure = "{measure}"\nhard = 20\n'
    plain = unit(delta=0.0, vega=0.0, stress=(0.0, 0.0, 0.0))
    units = MadeUnits({CALL.name: plain, PERPETUAL.name: plain})
    gate = LimitGate(parse_limits(text, "made"), units, stress_names=STRESS_NAMES)
    gate.set_position(CALL, Decimal(5))
    gate.set_position(PERPETUAL, Decimal(10))
    (use,) = gate.uses(NOW)
    assert use.value == 15
    assert use.detail.endswith(f"; {BOTH}")
    leg = TicketLeg(instrument=CALL, quantity=Decimal(6))
    (sentence,) = gate.review(Ticket(legs=(leg,)), NOW).sentences
    assert f"now 15, after 21, hard limit 20 contracts, {BOTH}; largest" in sentence
