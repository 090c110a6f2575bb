"""What is missing or makes no sense is refused by name, never margined as if it were zero."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from quantdesk.domain.fill import Liquidity
from quantdesk.domain.instrument import Instrument, InstrumentKind, Side
from quantdesk.domain.margin import MarginAccount, MarginPrices
from quantdesk.errors import InvalidInput, OutOfDomain
from quantdesk.margin.fees import combo_fees, delivery_fee, future_spread_fees, trade_fee
from quantdesk.margin.model import standard_margin
from tests.unit.margin.contracts import AS_OF_NS, EXPIRY_NS, binance_option, future, option, order

CALL = option("100000", "C")
LINEAR = option("100000", "C", currency="USDC")
BINANCE = binance_option("100000", "C")
GOOD = Decimal("0.02")
UNDERLYING = Decimal(100_000)
NAN, INFINITY = Decimal("NaN"), Decimal("Infinity")


def deribit_position(instrument: Instrument, quantity: Any, mark: Any, underlying: Any) -> None:
    """Margin a position with anything at all."""
    model = standard_margin(instrument.venue, AS_OF_NS)
    model.position_margin(instrument, quantity, MarginPrices(mark=mark, underlying=underlying))


@pytest.mark.parametrize(
    ("instrument", "quantity", "mark", "underlying", "message"),
    [
        (CALL, NAN, GOOD, UNDERLYING, "quantity = .*NaN.* must be finite"),
        (CALL, INFINITY, GOOD, UNDERLYING, "quantity"),
        (CALL, Decimal("sNaN"), GOOD, UNDERLYING, "quantity"),
        (CALL, -1.0, GOOD, UNDERLYING, "quantity = -1.0: .* must be a Decimal"),
        (CALL, None, GOOD, UNDERLYING, "quantity = None"),
        (CALL, Decimal(-1), None, UNDERLYING, f"mark = None: of {CALL.name} must be a Decimal"),
        (CALL, Decimal(-1), NAN, UNDERLYING, "mark"),
        (CALL, Decimal(-1), Decimal("-0.1"), UNDERLYING, "mark = .* must be at least 0"),
        (CALL, Decimal(-1), 0.02, UNDERLYING, "mark = 0.02"),
        (CALL, Decimal(-1), GOOD, None, "underlying = None"),
        (CALL, Decimal(-1), GOOD, NAN, "underlying"),
        (CALL, Decimal(-1), GOOD, Decimal(0), "underlying = .* must be above 0"),
        (CALL, Decimal(-1), GOOD, Decimal(-5), "underlying"),
        (future(), Decimal(10), None, None, "mark = None"),
        (future(), Decimal(10), Decimal(0), None, "mark = .* must be above 0"),
        (future(), NAN, UNDERLYING, None, "quantity"),
        (BINANCE, Decimal(-1), None, UNDERLYING, "mark = None"),
        (BINANCE, Decimal(-1), GOOD, None, "underlying = None"),
        (BINANCE, Decimal(-1), GOOD, INFINITY, "underlying"),
        (BINANCE, NAN, GOOD, UNDERLYING, "quantity"),
    ],
)  # fmt: skip
def test_position_with_a_bad_number_is_refused_by_its_field(
    instrument: Instrument, quantity: Any, mark: Any, underlying: Any, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        deribit_position(instrument, quantity, mark, underlying)


@pytest.mark.parametrize("venue", ["deribit", "binance"])
@pytest.mark.parametrize(
    ("kind", "field"), [(InstrumentKind.SPOT, "kind"), (InstrumentKind.OPTION_COMBO, "kind")]
)
def test_kind_without_a_rule_is_refused(venue: str, kind: InstrumentKind, field: str) -> None:
    instrument = replace(CALL, venue=venue, kind=kind)
    with pytest.raises(InvalidInput, match=f"{field} = '{kind.value}'"):
        deribit_position(instrument, Decimal(1), GOOD, UNDERLYING)


def test_instrument_of_another_venue_is_refused() -> None:
    model = standard_margin("deribit", AS_OF_NS)
    with pytest.raises(InvalidInput, match=r"venue = 'binance': .* must be deribit"):
        model.position_margin(BINANCE, Decimal(1), MarginPrices())


def test_model_of_a_time_without_rules_answers_nothing() -> None:
    with pytest.raises(OutOfDomain, match="first holds from"):
        standard_margin("deribit", 0).position_margin(CALL, Decimal(1), MarginPrices())


@pytest.mark.parametrize(
    ("quantity", "price", "fee", "message"),
    [
        ("0", "0.02", None, "quantity = .* must not be 0"),
        ("NaN", "0.02", None, "quantity"),
        ("1", "0", None, "price = .* must be above 0"),
        ("1", "-0.02", None, "price"),
        ("1", "NaN", None, "price"),
        ("1", "0.02", "-0.0001", "fee = .* must be at least 0"),
        ("1", "0.02", "NaN", "fee"),
    ],
)
@pytest.mark.parametrize("instrument", [CALL, BINANCE, future()])
def test_order_with_a_bad_number_is_refused_by_its_field(
    instrument: Instrument, quantity: str, price: str, fee: str | None, message: str
) -> None:
    model = standard_margin(instrument.venue, AS_OF_NS)
    market = MarginPrices(mark=GOOD, underlying=UNDERLYING)
    bad = order(instrument, quantity, price, fee=fee)
    with pytest.raises(InvalidInput, match=message):
        model.order_margins(instrument, [bad], held=Decimal(0), prices=market)


def test_orders_must_be_distinct_and_on_the_instrument_asked_for() -> None:
    model = standard_margin("deribit", AS_OF_NS)
    one = order(CALL, "1", "0.02")
    with pytest.raises(InvalidInput, match="order_id = '1': must be given once"):
        model.order_margins(CALL, [one, one], held=Decimal(0), prices=MarginPrices())
    with pytest.raises(InvalidInput, match="instrument"):
        model.order_margins(LINEAR, [one], held=Decimal(0), prices=MarginPrices())
    with pytest.raises(InvalidInput, match="held"):
        model.order_margins(CALL, [one], held=NAN, prices=MarginPrices())


@pytest.mark.parametrize(
    "account",
    [
        MarginAccount(margin_balance=NAN, positions_initial=Decimal(1)),
        MarginAccount(margin_balance=Decimal(1), positions_initial=Decimal(-1)),
    ],
)
def test_buy_back_on_a_senseless_account_is_refused(account: MarginAccount) -> None:
    model = standard_margin("binance", AS_OF_NS)
    with pytest.raises(InvalidInput, match=r"of the account must be"):
        model.order_margins(
            BINANCE,
            [order(BINANCE, "1", "800")],
            held=Decimal(-1),
            prices=MarginPrices(mark=Decimal(800), underlying=UNDERLYING),
            account=account,
        )


@pytest.mark.parametrize(
    ("instrument", "quantity", "price", "underlying", "message"),
    [
        (CALL, NAN, GOOD, None, "quantity"),
        (CALL, Decimal(1), Decimal(0), None, "price = .* must be above 0"),
        (CALL, Decimal(1), NAN, None, "price"),
        (LINEAR, Decimal(1), GOOD, None, "underlying = None"),
        (BINANCE, Decimal(1), GOOD, None, "underlying = None"),
        (BINANCE, Decimal(1), GOOD, NAN, "underlying"),
        (replace(CALL, kind=InstrumentKind.SPOT), Decimal(1), GOOD, None, "deribit spot"),
        (replace(CALL, venue="kraken"), Decimal(1), GOOD, None, "kraken option"),
        (replace(CALL, taker_fee=NAN), Decimal(1), GOOD, None, "listed rate"),
    ],
)  # fmt: skip
def test_trade_with_a_bad_number_has_no_fee(
    instrument: Instrument, quantity: Any, price: Any, underlying: Any, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        trade_fee(
            instrument,
            quantity=quantity,
            price=price,
            liquidity=Liquidity.TAKER,
            as_of_ns=AS_OF_NS,
            underlying=underlying,
        )


@pytest.mark.parametrize(
    ("instrument", "quantity", "delivery", "message"),
    [
        (CALL, NAN, UNDERLYING, "quantity"),
        (CALL, Decimal(1), Decimal(0), "delivery_price = .* must be above 0"),
        (CALL, Decimal(1), NAN, "delivery_price"),
        (future(), Decimal(10), UNDERLYING, "expiry = None"),
    ],
)
def test_delivery_of_a_bad_number_or_of_a_perpetual_has_no_fee(
    instrument: Instrument, quantity: Any, delivery: Any, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        delivery_fee(instrument, quantity=quantity, delivery_price=delivery)


def test_legs_of_a_combo_must_be_charged_in_one_currency() -> None:
    fees = [
        trade_fee(
            future(name, currency=currency, expiry_ns=EXPIRY_NS),
            quantity=Decimal(10),
            price=UNDERLYING,
            liquidity=Liquidity.TAKER,
            as_of_ns=AS_OF_NS,
        )
        for name, currency in (("BTC-25SEP26", None), ("BTC_USDC-25SEP26", "USDC"))
    ]
    with pytest.raises(InvalidInput, match=r"currency = .*'BTC', 'USDC'"):
        combo_fees([(Side.BUY, fees[0]), (Side.SELL, fees[1])])
    with pytest.raises(InvalidInput, match="must be one"):
        future_spread_fees(fees, Liquidity.TAKER)
