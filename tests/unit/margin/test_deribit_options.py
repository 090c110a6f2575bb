"""Deribit's standard margin of options against every worked and captured number we have.

Tags: [V] published or captured at the venue, [D] our own worked number from the stated formula.
"""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

import pytest

from quantdesk.domain.times import parse_instant
from quantdesk.domain.venue_rule import RuleStatus
from quantdesk.margin.deribit_standard import DeribitStandardMargin
from tests.unit.margin.contracts import AS_OF_NS, option, prices

ZERO = Decimal(0)
MODEL = DeribitStandardMargin(as_of_ns=AS_OF_NS)


class Worked(NamedTuple):
    """A short of one BTC option: prices in, margin in coin out."""

    underlying: str
    strike: str
    option_type: str
    mark: str
    initial: str
    maintenance: str


WORKED = {
    # Reference margin-and-fees, A2.
    "D-atm-call": Worked("100000", "100000", "C", "0.025", "0.175", "0.100"),
    "D-call-3-percent-out": Worked("100000", "103000", "C", "0.020", "0.140", "0.095"),
    "D-call-at-floor": Worked("100000", "110000", "C", "0.010", "0.110", "0.085"),
    "D-call-in-the-money": Worked("100000", "90000", "C", "0.115", "0.265", "0.190"),
    "D-put-3-percent-out": Worked("100000", "97000", "P", "0.020", "0.140", "0.095"),
    "D-deep-put": Worked("61048.04", "160000", "P", "1.63560187", "1.78560187", "1.75827201"),
    "D-put-worth-two-coins": Worked("50000", "175000", "P", "2.5", "2.6875", "2.6875"),
    # The same rule as a QuantConnect-Lean fork's DeribitOptionMarginModelTest states it, in coin:
    # 1 750, 1 000, 1 250 and 1 000 USD at an underlying of 10 000.
    "V-lean-call": Worked("10000", "9000", "C", "0.025", "0.175", "0.1"),
    "V-lean-put": Worked("10000", "9000", "P", "0.025", "0.125", "0.1"),
}


@pytest.mark.parametrize("case", WORKED.values(), ids=WORKED)
def test_short_inverse_option_asks_the_worked_margin(case: Worked) -> None:
    leg = MODEL.position_margin(
        option(case.strike, case.option_type), Decimal(-1), prices(case.mark, case.underlying)
    )
    assert leg.currency == "BTC"
    assert leg.initial == Decimal(case.initial)
    # The reference shows the deep put to eight decimals.
    assert leg.maintenance.quantize(Decimal("1e-8")) == Decimal(case.maintenance)


class Captured(NamedTuple):
    """A position of private/get_positions; `tolerance` is what its rounded mark leaves open."""

    underlying: str
    strike: str
    option_type: str
    moment: str
    size: str
    mark: str
    spot: str
    initial: str
    maintenance: str
    tolerance: str


CAPTURED = {
    # [V] real accounts, as kept in public repositories.
    "V-ETH-25AUG23-2100-C": Captured(
        "ETH", "2100", "C", "2023-07-13T10:11:07Z", "-1", "0.017497", "1882.4",
        "0.117497423", "0.092497423", "0.0000005",
    ),
    "V-BTC-22APR22-38000-P": Captured(
        "BTC", "38000", "P", "2022-04-20T14:06:40Z", "-0.3", "0.0003993", "41590.34",
        "0.030119789", "0.022619789", "0.0000000025",
    ),
    "V-long-ETH-29DEC23-1500-P": Captured(
        "ETH", "1500", "P", "2023-10-20T00:00:00Z", "1", "0.051529", "1558.11", "0", "0", "0",
    ),
    "V-long-BTC-25JUN21-28000-P": Captured(
        "BTC", "28000", "P", "2021-03-20T00:00:00Z", "0.1", "0.1401105", "54151.77", "0", "0", "0",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CAPTURED.values(), ids=CAPTURED)
def test_option_margin_equals_what_the_venue_charged(case: Captured) -> None:
    model = DeribitStandardMargin(as_of_ns=parse_instant(case.moment))
    instrument = option(case.strike, case.option_type, underlying=case.underlying)
    leg = model.position_margin(instrument, Decimal(case.size), prices(case.mark, case.spot))
    assert abs(leg.initial - Decimal(case.initial)) <= Decimal(case.tolerance)
    assert abs(leg.maintenance - Decimal(case.maintenance)) <= Decimal(case.tolerance)


def test_linear_altcoin_call_asks_the_worked_margin_in_dollars() -> None:
    # [D] reference A2: SOL at 200, K 220, mark 6, multiplier 10: 1 contract is an amount of 10 SOL.
    leg = MODEL.position_margin(
        option("220", "C", underlying="SOL", currency="USDC", contract_size="10"),
        Decimal(-10),
        prices("6", "200"),
    )
    assert (leg.initial, leg.maintenance) == (Decimal(260), Decimal(210))
    assert leg.currency == "USDC"
    assert leg.origin.status is RuleStatus.UNCERTAIN


def test_linear_put_mirrors_the_inverse_rule_in_dollars() -> None:
    # By hand: OTM 3 000; max(15 000 − 3 000, 10 000) + 2 000; max(7 500, 0.075 × 2 000) + 2 000.
    leg = MODEL.position_margin(
        option("97000", "P", currency="USDC"), Decimal("-0.5"), prices("2000", "100000")
    )
    assert (leg.initial, leg.maintenance) == (Decimal(7000), Decimal(4750))


@pytest.mark.parametrize("option_type", ["C", "P"])
@pytest.mark.parametrize("quantity", ["0", "0.1", "250"])
def test_long_or_flat_option_needs_no_margin_and_no_price(option_type: str, quantity: str) -> None:
    leg = MODEL.position_margin(option("100000", option_type), Decimal(quantity), prices("0", None))
    assert (leg.initial, leg.maintenance) == (ZERO, ZERO)


def test_leg_explains_itself_with_formula_and_letters() -> None:
    leg = MODEL.position_margin(option("103000", "C"), Decimal(-2), prices("0.020", "100000"))
    assert leg.explanation == (
        "short call: initial [max(a − OTM/U, b) + m] × size; maintenance [c + m] × size; "
        "size = 2 BTC, U = 100000 USD, K = 103000 USD, m = 0.020 BTC, a = 0.15, b = 0.10, c = 0.075"
    )


@pytest.mark.parametrize(
    ("moment", "status"),
    [("2026-08-04", RuleStatus.DERIVED), ("2026-08-05", RuleStatus.UNCERTAIN)],
)
def test_leg_tells_that_the_rule_is_uncertain_once_a_new_model_is_announced(
    moment: str, status: RuleStatus
) -> None:
    model = DeribitStandardMargin(as_of_ns=parse_instant(moment))
    leg = model.position_margin(option("100000", "C"), Decimal(-1), prices("0.02", "100000"))
    assert leg.origin.status is status
    assert leg.origin.note
