"""What resting orders reserve under Deribit's standard margin."""

from __future__ import annotations

from decimal import Decimal

import pytest

from quantdesk.domain.margin import MarginPrices
from quantdesk.domain.times import parse_instant
from quantdesk.domain.venue_rule import RuleStatus
from quantdesk.errors import InvalidInput
from quantdesk.margin.deribit_standard import DeribitStandardMargin
from tests.unit.margin.contracts import AS_OF_NS, EXPIRY_NS, future, option, order, prices

MODEL = DeribitStandardMargin(as_of_ns=AS_OF_NS)
CALL = option("100000", "C")
AT_THE_MONEY = prices("0.025", "100000")  # a short asks 0.175 a coin
NO_PRICES = MarginPrices()


def reserves(held: str, *orders: tuple[str, str], reduce_only: bool = False) -> list[Decimal]:
    """Reserve of each (quantity, price) on the call, beside a position of `held`."""
    resting = [
        order(CALL, quantity, price, order_id=str(number), is_reduce_only=reduce_only)
        for number, (quantity, price) in enumerate(orders)
    ]
    legs = MODEL.order_margins(CALL, resting, held=Decimal(held), prices=AT_THE_MONEY)
    assert [leg.order_id for leg in legs] == [one.order_id for one in resting]
    assert all(leg.maintenance == 0 for leg in legs)
    return [leg.initial for leg in legs]


def test_sell_reserves_the_short_it_would_make() -> None:
    assert reserves("0", ("-2", "0.03")) == [Decimal("0.35")]


def test_sell_out_of_a_long_reserves_nothing_until_the_long_is_used_up() -> None:
    assert reserves("1.5", ("-1", "0.03"), ("-1", "0.04")) == [0, Decimal("0.0875")]


def test_buy_reserves_its_premium() -> None:
    assert reserves("0", ("2", "0.03")) == [Decimal("0.06")]


@pytest.mark.parametrize(
    ("bought", "reserved"),
    [
        # QuantConnect-Lean fork, GetOptionInitialMarginTest: buying back up to the short adds
        # nothing, only what exceeds it. (The fork values the excess at the mark, we at the price.)
        (["0.1"], ["0"]),
        (["0.1", "1.1"], ["0", "0.005"]),
    ],
)
def test_buy_back_of_a_short_reserves_only_what_exceeds_it(
    bought: list[str], reserved: list[str]
) -> None:
    orders = [(quantity, "0.025") for quantity in bought]
    assert reserves("-1", *orders) == [Decimal(one) for one in reserved]


def test_buy_back_above_the_margin_that_it_frees_reserves_the_difference() -> None:
    assert reserves("-1", ("1", "0.200")) == [Decimal("0.025")]


def test_dearest_buy_closes_the_short_first_since_it_fills_first() -> None:
    assert reserves("-1", ("1", "0.02"), ("1", "0.03")) == [Decimal("0.02"), 0]


def test_reduce_only_order_opens_nothing() -> None:
    assert reserves("1", ("-3", "0.03"), reduce_only=True) == [0]
    assert reserves("0", ("3", "0.03"), reduce_only=True) == [0]


def test_fee_is_reserved_with_the_order() -> None:
    (leg,) = MODEL.order_margins(
        CALL, [order(CALL, "1", "0.03", fee="0.0003")], held=Decimal(0), prices=NO_PRICES
    )
    assert leg.initial == Decimal("0.0303")


def test_buy_to_open_needs_no_mark() -> None:
    (leg,) = MODEL.order_margins(
        CALL, [order(CALL, "1", "0.03")], held=Decimal(0), prices=NO_PRICES
    )
    assert leg.initial == Decimal("0.03")
    with pytest.raises(InvalidInput, match="mark"):
        MODEL.order_margins(CALL, [order(CALL, "-1", "0.03")], held=Decimal(0), prices=NO_PRICES)


def test_future_order_reserves_what_the_venue_reserved() -> None:
    # [V] open_orders_margin of ETH-27JAN23 captured on 2023-01-22: buy 1 USD at 1 500, flat.
    model = DeribitStandardMargin(as_of_ns=parse_instant("2023-01-22"))
    instrument = future("ETH-27JAN23", expiry_ns=EXPIRY_NS)
    (leg,) = model.order_margins(
        instrument, [order(instrument, "1", "1500")], held=Decimal(0), prices=prices("1627.03")
    )
    assert abs(leg.initial - Decimal("0.000013333")) < Decimal("0.000000001")
    assert leg.origin.status is RuleStatus.UNCERTAIN


def test_future_orders_reserve_the_larger_side_beyond_the_position() -> None:
    instrument = future()
    resting = [
        order(instrument, "50000", "50000", order_id="buy"),
        order(instrument, "-50000", "50000", order_id="close"),
        order(instrument, "-100000", "50000", order_id="flip"),
    ]
    legs = MODEL.order_margins(instrument, resting, held=Decimal(50_000), prices=prices("50000"))
    # Long 1 coin: the buy would make 2 (0.0402 against 0.02005), the sells flat, then short 2.
    by_id = {leg.order_id: leg.initial for leg in legs}
    assert by_id == {"buy": Decimal("0.02015"), "close": 0, "flip": 0}


def test_future_orders_of_one_side_reserve_their_growth_once() -> None:
    instrument = future()
    resting = [
        order(instrument, "-50000", "50000", order_id="first"),
        order(instrument, "-50000", "50000", order_id="second"),
        order(instrument, "50000", "50000", order_id="other side"),
    ]
    legs = MODEL.order_margins(instrument, resting, held=Decimal(-50_000), prices=prices("50000"))
    # Short 1, 2, 3 coins ask 0.02005, 0.0402, 0.06045; the buy would only close.
    assert [leg.initial for leg in legs] == [Decimal("0.02015"), Decimal("0.02025"), 0]


def test_future_order_that_closes_reserves_nothing() -> None:
    instrument = future()
    (leg,) = MODEL.order_margins(
        instrument,
        [order(instrument, "-40000", "50000")],
        held=Decimal(50_000),
        prices=prices("50000"),
    )
    assert leg.initial == 0


@pytest.mark.parametrize("held", ["50000", "0", "-50000"])
def test_reduce_only_order_of_a_future_stops_at_flat_and_never_opens(held: str) -> None:
    instrument = future()
    (leg,) = MODEL.order_margins(
        instrument,
        [order(instrument, "-500000", "50000", is_reduce_only=True)],
        held=Decimal(held),
        prices=prices("50000"),
    )
    assert leg.initial == 0


def test_linear_future_order_reserves_dollars() -> None:
    instrument = future("SOL_USDC-PERPETUAL", currency="USDC")
    (leg,) = MODEL.order_margins(
        instrument, [order(instrument, "50", "200")], held=Decimal(0), prices=NO_PRICES
    )
    assert (leg.initial, leg.currency) == (Decimal(400), "USDC")
