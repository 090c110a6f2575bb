"""Deribit's standard margin of futures and perpetuals against published and captured numbers."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest

from quantdesk.domain.margin import MarginPrices
from quantdesk.domain.times import parse_instant
from quantdesk.domain.venue_rule import RuleStatus
from quantdesk.margin.deribit_standard import DeribitStandardMargin
from tests.unit.margin.contracts import AS_OF_NS, EXPIRY_NS, future, prices

ZERO = Decimal(0)
MODEL = DeribitStandardMargin(as_of_ns=AS_OF_NS)
NINE_DECIMALS = Decimal("0.0000000011")
"""The venue shows margins to nine decimals; the capture's mark adds half a digit."""


@pytest.mark.parametrize(
    ("coins", "initial", "maintenance"),
    [("1", "0.02005", "0.01005"), ("10", "0.205", "0.105"), ("100", "2.5", "1.5")],
)
def test_inverse_perpetual_asks_the_worked_margin(
    coins: str, initial: str, maintenance: str
) -> None:
    # [D] reference A3, BTC.
    leg = MODEL.position_margin(future(), Decimal(coins) * Decimal(50_000), prices("50000"))
    assert (leg.initial, leg.maintenance) == (Decimal(initial), Decimal(maintenance))
    assert leg.currency == "BTC"


class Captured(NamedTuple):
    """A position of private/get_positions or get_subaccounts_details; size in USD."""

    name: str
    day: str
    size: str
    mark: str
    initial: str
    maintenance: str


# [V] one account over the years, and another on 2023-07-15; as kept in public repositories.
CAPTURED = [
    Captured("ETH-PERPETUAL", "2022-11-17", "136", "1191.14", "0.002283579", "0.001141815"),
    Captured("ETH-18NOV22", "2022-11-17", "-1", "1190.88", "0.000016794", "0.000008397"),
    Captured("ETH-PERPETUAL", "2023-01-22", "-77", "1627.96", "0.000945978", "0.000472994"),
    Captured("BTC-PERPETUAL", "2023-07-15", "53680", "30322.04", "0.035563291", "0.017859998"),
    Captured("BTC-28JUL23", "2023-07-15", "-30430", "30415.25", "0.020059747", "0.010054898"),
    Captured("BTC-29SEP23", "2023-07-15", "-23250", "30770.25", "0.015140546", "0.007584546"),
    Captured("BTC-PERPETUAL", "2024-09-13", "-130", "60038.16", "0.000043306", "0.000021653"),
    Captured("BTC-1NOV24", "2024-10-31", "-120", "72321.69", "0.00006637", "0.000033185"),
    Captured("BTC-27DEC24", "2024-10-31", "-100", "73721.89", "0.000054258", "0.000027129"),
    Captured("BTC-PERPETUAL", "2024-10-31", "320", "72230.26", "0.000088607", "0.000044304"),
    Captured("BTC-15NOV24", "2024-11-12", "-2800", "88783.05", "0.001261552", "0.000630801"),
    Captured("BTC-29NOV24", "2024-11-12", "-600", "89521.9", "0.000268093", "0.000134048"),
    Captured("BTC-PERPETUAL", "2024-11-12", "3270", "88690.51", "0.000737464", "0.000368766"),
    Captured("BTC-21FEB25", "2025-02-16", "-100", "96204.93", "0.000041578", "0.000020789"),
    Captured("BTC-26SEP25", "2025-02-16", "-80", "101390.01", "0.000031561", "0.000015781"),
    Captured("BTC-27JUN25", "2025-02-16", "-40", "99006.59", "0.000016161", "0.00000808"),
    Captured("BTC-PERPETUAL", "2025-02-16", "-20", "96141.74", "0.000004161", "0.00000208"),
]


@pytest.mark.parametrize("case", CAPTURED, ids=[f"V-{case.name}-{case.day}" for case in CAPTURED])
def test_future_margin_equals_what_the_venue_charged(case: Captured) -> None:
    model = DeribitStandardMargin(as_of_ns=parse_instant(case.day))
    expiry_ns = None if case.name.endswith("PERPETUAL") else EXPIRY_NS
    instrument = future(case.name, expiry_ns=expiry_ns)
    leg = model.position_margin(instrument, Decimal(case.size), prices(case.mark))
    assert abs(leg.initial - Decimal(case.initial)) < NINE_DECIMALS
    assert abs(leg.maintenance - Decimal(case.maintenance)) < NINE_DECIMALS
    assert leg.origin.status is RuleStatus.VERIFIED


def test_rates_before_2022_were_lower() -> None:
    # By hand from the notice of 11 January 2022, column "current": 1 % and 0.525 %.
    model = DeribitStandardMargin(as_of_ns=parse_instant("2021-06-01"))
    leg = model.position_margin(future(), Decimal(-100_000), prices("50000"))
    assert (leg.initial, leg.maintenance) == (Decimal("0.0202"), Decimal("0.0107"))


def test_linear_perpetual_asks_dollars_and_says_that_its_rate_is_uncertain() -> None:
    instrument = future("SOL_USDC-PERPETUAL", currency="USDC")
    leg = MODEL.position_margin(instrument, Decimal(-50), prices("200"))
    assert (leg.initial, leg.maintenance, leg.currency) == (Decimal(400), Decimal(200), "USDC")
    assert leg.origin.status is RuleStatus.UNCERTAIN


def test_flat_future_needs_no_margin_and_no_price() -> None:
    leg = MODEL.position_margin(future(), Decimal(0), MarginPrices())
    assert (leg.initial, leg.maintenance, leg.formula) == (ZERO, ZERO, "flat: no margin")


def test_leg_explains_itself_with_formula_and_letters() -> None:
    leg = MODEL.position_margin(future(), Decimal(-500_000), prices("50000"))
    assert leg.explanation == (
        "future: initial q × (a + q × growth); maintenance q × (c + q × growth); "
        "q = |size| / mark; q = 10 BTC, mark = 50000 USD, a = 0.02, c = 0.01, "
        "growth = 0.00005 per coin"
    )


class Summary(NamedTuple):
    """Account figures as private/get_account_summaries and user.portfolio are documented."""

    cash: str
    futures_realised: str
    futures_unrealised: str
    options_value: str
    margin_balance: str
    equity: str


SUMMARIES = [  # [V]
    Summary("302.60065765", "-0.03258105", "0.05921555", "-0.0086", "302.62729214", "302.61869214"),
    Summary("302.60065765", "-0.03311399", "0.05921555", "-0.0079", "302.62675921", "302.6188592"),
]


@pytest.mark.parametrize("case", SUMMARIES)
def test_margin_balance_leaves_the_value_of_options_out(case: Summary) -> None:
    profit = Decimal(case.futures_realised) + Decimal(case.futures_unrealised)
    ours = MODEL.margin_balance(cash=Decimal(case.cash), futures_profit=profit)
    satoshi = Decimal("0.00000002")
    assert abs(ours - Decimal(case.margin_balance)) < satoshi
    assert abs(ours + Decimal(case.options_value) - Decimal(case.equity)) < satoshi


def test_captured_summaries_of_the_reference_hold_the_same_identities() -> None:
    folder = Path(__file__).parents[4] / "shared" / "data" / "deribit" / "api_payloads"
    if not folder.is_dir():
        pytest.skip("the reference data is not beside this checkout")
    text = (folder / "http_get_account_summaries.json").read_text(encoding="utf-8")
    summaries = json.loads(text, parse_float=Decimal, parse_int=Decimal)["result"]["summaries"]
    assert summaries
    for summary in summaries:
        ours = MODEL.margin_balance(
            cash=summary["balance"],
            futures_profit=summary["futures_session_rpl"] + summary["futures_session_upl"],
        )
        assert abs(ours - summary["margin_balance"]) < Decimal("0.00000002")
        available = summary["margin_balance"] - summary["initial_margin"]
        assert available == summary["available_funds"]
