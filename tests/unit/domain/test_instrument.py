"""The contract law that an instrument carries."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantdesk.domain.instrument import OptionType, Side, TickScheme
from quantdesk.errors import InvalidInput
from tests.unit.market.chains import option

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
