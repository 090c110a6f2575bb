"""Margin of whole books: legs, totals by currency, exclusions by name."""

from __future__ import annotations

from decimal import Decimal

import pytest

from quantdesk.domain.margin import (
    MarginBook,
    MarginKind,
    MarginPosition,
    MarginStatement,
    plain_sum,
)
from quantdesk.errors import InvalidInput
from quantdesk.margin.model import standard_margin
from tests.unit.margin.contracts import AS_OF_NS, binance_option, future, option, order, prices

MODEL = standard_margin("deribit", AS_OF_NS)
CALL = option("100000", "C")
FAR_CALL = option("110000", "C")
LINEAR = option("97000", "P", currency="USDC")
PERPETUAL = future()
MARKET = {
    CALL.name: prices("0.025", "100000"),
    FAR_CALL.name: prices("0.010", "100000"),
    LINEAR.name: prices("2000", "100000"),
    PERPETUAL.name: prices("100000"),
}


def held(*positions: tuple[object, str]) -> tuple[MarginPosition, ...]:
    """Positions of (instrument, signed quantity)."""
    return tuple(
        MarginPosition(instrument=instrument, quantity=Decimal(quantity))  # type: ignore[arg-type]
        for instrument, quantity in positions
    )


def deribit(book: MarginBook) -> MarginStatement:
    """Statement of `book` by the model of most tests."""
    return MODEL.statement(book)


def test_totals_add_legs_by_settlement_currency_and_offset_nothing() -> None:
    statement = deribit(
        MarginBook(
            positions=held((CALL, "-1"), (FAR_CALL, "1"), (PERPETUAL, "100000"), (LINEAR, "-0.5")),
            prices=MARKET,
        )
    )
    # The long far call covers nothing of the short one; the long future hedges nothing.
    assert [leg.initial for leg in statement.legs] == [
        Decimal("0.175"), 0, Decimal("0.02005"), Decimal(7000),
    ]  # fmt: skip
    assert [total.currency for total in statement.totals] == ["BTC", "USDC"]
    assert statement.total("BTC").initial == Decimal("0.19505")
    assert statement.total("BTC").maintenance == Decimal("0.11005")
    assert statement.total("USDC").maintenance == Decimal(4750)
    assert statement.total("ETH").initial == 0
    assert statement.is_complete


def test_holdings_of_one_instrument_are_net() -> None:
    statement = deribit(MarginBook(positions=held((CALL, "-3"), (CALL, "2")), prices=MARKET))
    assert [leg.quantity for leg in statement.legs] == [Decimal(-1)]


def test_orders_are_margined_beside_what_is_held_and_told_apart_in_the_total() -> None:
    statement = deribit(
        MarginBook(
            positions=held((CALL, "-1")),
            orders=(
                order(CALL, "-1", "0.03", order_id="a"),
                order(CALL, "1", "0.02", order_id="b"),
            ),
            prices=MARKET,
        )
    )
    total = statement.total("BTC")
    assert (total.open_orders, total.positions_initial) == (Decimal("0.175"), Decimal("0.175"))
    assert [leg.order_id for leg in statement.legs] == [None, "a", "b"]


def test_leg_that_can_not_be_margined_is_left_out_by_name_and_the_rest_goes_on() -> None:
    expired = option("90000", "C", expiry_ns=AS_OF_NS)
    unpriced = option("120000", "P")
    foreign = binance_option("100000", "C")
    statement = deribit(
        MarginBook(
            positions=held(
                (CALL, "-1"), (expired, "-1"), (unpriced, "-1"), (foreign, "-1"), (FAR_CALL, "NaN")
            ),
            orders=(
                order(CALL, "-1", "0.03", order_id="good"),
                order(CALL, "-1", "NaN", order_id="bad price"),
                order(CALL, "-1", "0.03", order_id="good"),
                order(unpriced, "-1", "0.03", order_id="no mark"),
            ),
            prices=MARKET,
        )
    )
    assert not statement.is_complete
    assert [leg.instrument_name for leg in statement.legs] == [CALL.name, CALL.name]
    reasons = {(one.instrument_name, one.order_id): one.reason for one in statement.excluded}
    assert "expiry = '2026-06-27T09:00:00Z'" in reasons[expired.name, None]
    assert "mark = None" in reasons[unpriced.name, None]
    assert "venue = 'binance'" in reasons[foreign.name, None]
    assert "quantity = Decimal('NaN')" in reasons[FAR_CALL.name, None]
    assert "price = Decimal('NaN')" in reasons[CALL.name, "bad price"]
    assert "must be given once" in reasons[CALL.name, "good"]
    assert "mark = None" in reasons[unpriced.name, "no mark"]


def test_instrument_of_two_venues_under_one_name_is_left_out() -> None:
    twin = option("100000", "C", venue="binance")
    assert twin.name == CALL.name
    statement = deribit(MarginBook(positions=held((CALL, "-1"), (twin, "-1")), prices=MARKET))
    assert len(statement.legs) == 1
    assert "as before" in statement.excluded[0].reason
    assert statement.excluded[0].kind is MarginKind.POSITION


def test_binance_statement_pays_buy_backs_from_the_balance_handed_in() -> None:
    model = standard_margin("binance", AS_OF_NS)
    instrument = binance_option("105000", "C")
    book = MarginBook(
        positions=held((instrument, "-2")),
        orders=(order(instrument, "1", "800"),),
        prices={instrument.name: prices("800", "100000")},
        margin_balances={"USDT": Decimal(1000)},
    )
    assert model.statement(book).total("USDT").open_orders == Decimal(330)
    without = model.statement(
        MarginBook(positions=book.positions, orders=book.orders, prices=book.prices)
    )
    assert [one.order_id for one in without.excluded] == ["1"]
    assert "account = None" in without.excluded[0].reason


def test_empty_book_has_an_empty_statement() -> None:
    statement = deribit(MarginBook())
    assert (statement.legs, statement.totals, statement.excluded) == ((), (), ())
    assert (statement.model, statement.venue) == ("deribit standard", "deribit")


def test_requirements_of_two_currencies_are_never_added() -> None:
    legs = deribit(MarginBook(positions=held((CALL, "-1"), (LINEAR, "-1")), prices=MARKET)).legs
    with pytest.raises(InvalidInput, match="must be BTC to be added"):
        plain_sum("BTC", legs)


def test_unknown_venue_has_no_standard_model() -> None:
    with pytest.raises(InvalidInput, match="must be one of binance, deribit"):
        standard_margin("kraken", AS_OF_NS)


def test_flat_book_needs_no_prices() -> None:
    statement = deribit(MarginBook(positions=held((CALL, "0"), (PERPETUAL, "0"))))
    assert statement.total("BTC").initial == 0
    assert statement.is_complete
