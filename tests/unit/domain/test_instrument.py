"""The contract law that an instrument carries."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantdesk.domain.instrument import (
    Instrument,
    InstrumentKind,
    OptionType,
    Settlement,
    Side,
    TickScheme,
)
from quantdesk.errors import InvalidInput
from tests.unit.market.chains import future, option

CALL = option(60_000, OptionType.CALL)


@pytest.mark.parametrize(
    ("price", "side", "expected"),
    [
        ("0.00123", Side.BUY, "0.0012"),
        ("0.00123", Side.SELL, "0.0013"),
        ("0.005", Side.BUY, "0.005"),
        ("0.0051", Side.BUY, "0.005"),
        ("0.0051", Side.SELL, "0.0055"),
        ("0.0123", Side.SELL, "0.0125"),
    ],
)
def test_price_is_rounded_against_us(price: str, side: Side, expected: str) -> None:
    assert CALL.to_tick(Decimal(price), side) == Decimal(expected)


@given(st.decimals(min_value="0.0001", max_value="5", places=8))
def test_rounded_price_is_on_the_grid_and_never_better(price: Decimal) -> None:
    buy, sell = CALL.to_tick(price, Side.BUY), CALL.to_tick(price, Side.SELL)
    assert buy <= price <= sell
    assert sell - buy <= CALL.ticks.tick_at(price)
    assert buy % CALL.ticks.tick == 0


@pytest.mark.parametrize("price", ["0", "-60000", "NaN", "Infinity"])
def test_inverse_future_stands_for_no_coins_at_a_price_that_is_none(price: str) -> None:
    with pytest.raises(InvalidInput, match="of BTC-PERPETUAL must be above 0"):
        future().coins(Decimal(1), Decimal(price))


@pytest.mark.parametrize("price", [float("nan"), float("inf"), Decimal("NaN")])
def test_price_that_is_no_number_is_refused(price: Any) -> None:
    with pytest.raises(InvalidInput, match="finite"):
        CALL.to_tick(price, Side.BUY)


@pytest.mark.parametrize(
    "change",
    [
        {"strike": None},
        {"strike": Decimal(-1)},
        {"strike": Decimal("Infinity")},
        {"option_type": None},
        {"expiry_ns": None},
        {"contract_size": Decimal(0)},
        {"amount_min": Decimal("NaN")},
        {"name": ""},
    ],
)
def test_contract_without_sense_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(change))):
        replace(CALL, **change)


def test_tick_steps_must_ascend() -> None:
    with pytest.raises(InvalidInput, match="ascending"):
        TickScheme(tick=Decimal(1), steps=((Decimal(2), Decimal(1)), (Decimal(1), Decimal(2))))


BTC = Decimal(60_000)
FUTURE = replace(
    CALL,
    kind=InstrumentKind.FUTURE,
    quote_currency="USD",
    contract_size=Decimal(10),
    strike=None,
    option_type=None,
)
PERPETUAL = replace(FUTURE, kind=InstrumentKind.PERPETUAL, expiry_ns=None)
LINEAR = replace(CALL, settlement=Settlement.LINEAR, quote_currency="USDC")
LINEAR_PERPETUAL = replace(PERPETUAL, settlement=Settlement.LINEAR, quote_currency="USDC")


def contracts_of(instrument: Instrument, coins: int) -> Instrument:
    return replace(instrument, contract_size=Decimal(coins), is_amount_in_contracts=True)


@pytest.mark.parametrize(
    ("instrument", "quantity", "price", "coins"),
    [
        pytest.param(CALL, "2.5", BTC, "2.5", id="inverse option, coins"),
        pytest.param(LINEAR, "0.01", BTC, "0.01", id="linear option, coins"),
        pytest.param(
            replace(LINEAR, contract_size=Decimal(1_000)), "-3000", "0.5", "-3000", id="XRP, coins"
        ),
        pytest.param(contracts_of(LINEAR, 1), "0.02", BTC, "0.02", id="BTC contracts"),
        pytest.param(contracts_of(LINEAR, 1), "-4", "2000", "-4", id="ETH contracts"),
        pytest.param(contracts_of(LINEAR, 100), "0.1", "0.5", "10", id="XRP contracts"),
        pytest.param(contracts_of(LINEAR, 1_000), "-0.03", "0.2", "-30", id="DOGE contracts"),
        pytest.param(FUTURE, "-30000", BTC, "-0.5", id="inverse future, USD"),
        pytest.param(PERPETUAL, "2500", "2000", "1.25", id="inverse perpetual, USD"),
        pytest.param(
            contracts_of(PERPETUAL, 100), "600", BTC, "1", id="inverse perpetual, contracts"
        ),
        pytest.param(LINEAR_PERPETUAL, "0.003", BTC, "0.003", id="linear perpetual, coins"),
        pytest.param(
            contracts_of(LINEAR_PERPETUAL, 1_000), "2", "0.2", "2000", id="linear, contracts"
        ),
    ],
)
def test_amount_stands_for_so_many_coins(
    instrument: Instrument, quantity: str, price: str | Decimal, coins: str
) -> None:
    assert instrument.coins(Decimal(quantity), Decimal(price)) == Decimal(coins)


def test_future_is_dated_or_perpetual_and_inverse_ones_are_sized_in_dollars() -> None:
    assert [i.is_future for i in (CALL, FUTURE, PERPETUAL, LINEAR_PERPETUAL)] == [
        False,
        True,
        True,
        True,
    ]
    assert [i.is_inverse_future for i in (CALL, FUTURE, PERPETUAL, LINEAR_PERPETUAL)] == [
        False,
        True,
        True,
        False,
    ]


@given(
    st.decimals(min_value="-1000000", max_value="1000000", places=4),
    st.sampled_from([CALL, LINEAR, contracts_of(LINEAR, 100), LINEAR_PERPETUAL]),
)
def test_coins_of_what_is_not_sized_in_dollars_do_not_hang_on_the_price(
    quantity: Decimal, instrument: Instrument
) -> None:
    assert instrument.coins(quantity, BTC) == instrument.coins(quantity, Decimal("0.5"))
    assert instrument.coins(quantity, BTC) == quantity * instrument.unit_size
