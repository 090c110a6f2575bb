"""Profit in coin and in USD, by the day, rolled up; and the identity with cash."""

from __future__ import annotations

from decimal import Decimal

import pytest

from quantdesk.domain.instrument import Instrument
from quantdesk.domain.position import Position
from quantdesk.errors import InvalidInput
from quantdesk.portfolio.book import tags_of_label
from quantdesk.portfolio.ledger import CashEntry, CashKind, HoldingKey
from quantdesk.portfolio.pnl import Mark, PnlRow, profit_and_loss, start_of_day, unrealised_of
from quantdesk.portfolio.roll_up import Dimension, roll_up
from quantdesk.portfolio.state import Portfolio, opening_book
from tests.unit.portfolio.trades import (
    BINANCE,
    CALL,
    DATED,
    LINEAR,
    LINEAR_FUTURE,
    PERPETUAL,
    adjustment,
    fill,
)

Marks = dict[tuple[str, str], Mark]


def mark(price: str, index: str | None = "60000") -> Mark:
    """A mark from text."""
    return Mark(price=Decimal(price), index_price=None if index is None else Decimal(index))


def at(instrument: Instrument, found: Mark) -> Marks:
    """Marks of one instrument."""
    return {(instrument.venue, instrument.name): found}


def only(portfolio: Portfolio, marks: Marks) -> PnlRow:
    """The one row of a portfolio."""
    (row,) = profit_and_loss(portfolio.snapshot(), marks)
    return row


def test_inverse_option_earns_in_coin_and_in_usd_at_each_ends_index() -> None:
    portfolio = Portfolio()
    portfolio.apply(fill(CALL, "2", "0.05", index="60000", fee="0.0006"), CALL)
    row = only(portfolio, at(CALL, mark("0.06", "66000")))
    assert row.unrealised == Decimal("0.02")
    assert row.value == Decimal("0.12")
    # 2 × (0.06 × 66,000 − 0.05 × 60,000)
    assert row.unrealised_usd == 1920
    assert (row.fees, row.fees_usd) == (Decimal("0.0006"), Decimal(36))
    assert (row.total, row.total_usd) == (Decimal("0.0194"), Decimal(1884))


def test_inverse_option_at_the_same_coin_price_earns_the_index_move_only() -> None:
    portfolio = Portfolio()
    portfolio.apply(fill(CALL, "1", "0.05", index="60000", trade_id="1"), CALL)
    portfolio.apply(fill(CALL, "-1", "0.05", index="50000", trade_id="2"), CALL)
    row = only(portfolio, {})
    assert (row.total, row.total_usd) == (Decimal(0), Decimal(-500))


def test_inverse_future_earns_coin_and_usd_at_the_index_of_the_close() -> None:
    portfolio = Portfolio()
    portfolio.apply(fill(PERPETUAL, "-60000", "60000", index="60000", trade_id="1"), PERPETUAL)
    portfolio.apply(fill(PERPETUAL, "30000", "50000", index="50000", trade_id="2"), PERPETUAL)
    row = only(portfolio, at(PERPETUAL, mark("40000", "40000")))
    assert (row.realised, row.realised_usd) == (Decimal("0.1"), Decimal(5000))
    assert (row.unrealised, row.unrealised_usd) == (Decimal("0.25"), Decimal(10000))
    assert row.value == row.unrealised


def test_linear_contracts_earn_dollars_without_any_index() -> None:
    portfolio = Portfolio()
    portfolio.apply(fill(LINEAR, "-2", "1500"), LINEAR)
    row = only(portfolio, at(LINEAR, mark("1200", None)))
    assert (row.currency, row.total, row.total_usd) == ("USDC", Decimal(600), Decimal(600))
    future = Portfolio()
    future.apply(fill(LINEAR_FUTURE, "0.5", "60000"), LINEAR_FUTURE)
    assert only(future, at(LINEAR_FUTURE, mark("61000", None))).total == 500


def test_an_unknown_index_makes_usd_unknown_and_never_zero() -> None:
    portfolio = Portfolio()
    portfolio.apply(fill(CALL, "1", "0.05", index=None), CALL)
    row = only(portfolio, at(CALL, mark("0.06")))
    assert row.total == Decimal("0.01")
    assert row.total_usd is None


def test_a_holding_without_a_mark_has_no_total_and_says_why() -> None:
    portfolio = Portfolio()
    portfolio.apply(fill(CALL, "1", "0.05"), CALL)
    row = only(portfolio, {})
    assert (row.unrealised, row.total, row.value) == (None, None, None)
    assert CALL.name in row.reason


def test_funding_and_fees_of_a_holding_are_in_its_total() -> None:
    portfolio = Portfolio()
    portfolio.apply(fill(PERPETUAL, "60000", "60000", index="60000"), PERPETUAL)
    key = HoldingKey("deribit", "main", PERPETUAL.name)
    portfolio.post(
        CashEntry(
            entry_id="funding:1",
            holding=key,
            currency="BTC",
            kind=CashKind.FUNDING,
            amount=Decimal("-0.0001"),
            event_ns=2,
            amount_usd=Decimal(-6),
        )
    )
    row = only(portfolio, at(PERPETUAL, mark("60000")))
    assert (row.funding, row.total) == (Decimal("-0.0001"), Decimal("-0.0001"))
    assert row.total_usd == -6


def test_a_fee_in_another_currency_is_told_apart() -> None:
    portfolio = Portfolio()
    portfolio.apply(fill(BINANCE, "1", "800", fee="0.01", fee_currency="BNB"), BINANCE)
    row = only(portfolio, at(BINANCE, mark("800")))
    assert row.fees == 0
    assert row.other_fees == (("BNB", Decimal("0.01")),)
    assert row.total_usd is None


@pytest.mark.parametrize("kind", [CashKind.PREMIUM, CashKind.SETTLEMENT])
def test_premium_and_settlement_are_not_posted_by_hand(kind: CashKind) -> None:
    entry = CashEntry(
        entry_id="x",
        holding=HoldingKey("deribit", "main", CALL.name),
        currency="BTC",
        kind=kind,
        amount=Decimal(1),
        event_ns=1,
    )
    with pytest.raises(InvalidInput, match="must be funding, fee or transfer"):
        Portfolio().post(entry)


def test_day_profit_counts_from_the_stated_start() -> None:
    portfolio = Portfolio()
    portfolio.apply(fill(CALL, "2", "0.05", index="60000", trade_id="1"), CALL)
    start = start_of_day(portfolio.snapshot(), at(CALL, mark("0.055", "61000")), at_ns=10)
    portfolio.apply(fill(CALL, "-1", "0.06", index="62000", trade_id="2"), CALL)
    marks = at(CALL, mark("0.065", "63000"))
    (row,) = profit_and_loss(portfolio.snapshot(), marks, day_start=start)
    # Half sold 0.005 above the start's mark, half marked 0.01 above it.
    assert row.day == Decimal("0.015")
    # 0.06 × 62,000 + 0.065 × 63,000 − 2 × 0.055 × 61,000
    assert row.day_usd == 1105


def test_day_profit_of_what_began_today_is_all_of_it() -> None:
    portfolio = Portfolio()
    start = start_of_day(portfolio.snapshot(), {}, at_ns=10)
    portfolio.apply(fill(CALL, "1", "0.05", index="60000"), CALL)
    marks = at(CALL, mark("0.06"))
    (row,) = profit_and_loss(portfolio.snapshot(), marks, day_start=start)
    assert row.day == row.total == Decimal("0.01")


def test_unrealised_of_a_position_needs_its_average_price() -> None:
    known = Position(instrument=CALL, quantity=Decimal(-2), average_price=Decimal("0.05"))
    assert unrealised_of(known, Decimal("0.04")) == Decimal("0.02")
    assert unrealised_of(Position(instrument=CALL, quantity=Decimal(1)), Decimal(1)) is None
    inverse = Position(instrument=DATED, quantity=Decimal(60000), average_price=Decimal(60000))
    assert unrealised_of(inverse, Decimal(80000)) == Decimal("0.25")


def test_an_opening_book_holds_its_positions_and_no_cash() -> None:
    positions = [
        Position(
            instrument=CALL, quantity=Decimal(2), average_price=Decimal("0.05"), strategy="vol"
        ),
        Position(instrument=PERPETUAL, quantity=Decimal(-100), average_price=Decimal(60000)),
    ]
    snapshot = opening_book(positions, event_ns=1).snapshot()
    assert sorted(p.instrument.name for p in snapshot.positions) == sorted(
        p.instrument.name for p in positions
    )
    assert snapshot.balances == ()
    with pytest.raises(InvalidInput, match="price"):
        opening_book([Position(instrument=CALL, quantity=Decimal(1))], event_ns=1)


def tagged() -> tuple[PnlRow, ...]:
    """Rows of two strategies in three currencies, one without a mark."""
    portfolio = Portfolio(tags_of_label)
    trades = [
        (CALL, "1", "0.05", "vol/condor"),
        (CALL, "-1", "0.05", "hedge"),
        (LINEAR, "1", "1000", "vol/condor"),
        (BINANCE, "1", "800", "vol"),
        (PERPETUAL, "60000", "60000", "hedge"),
    ]
    for number, (instrument, quantity, price, label) in enumerate(trades):
        portfolio.apply(
            fill(instrument, quantity, price, trade_id=str(number), label=label, index="60000"),
            instrument,
        )
    marks = {
        **at(CALL, mark("0.06")),
        **at(LINEAR, mark("1100")),
        **at(PERPETUAL, mark("80000", "80000")),
    }
    return profit_and_loss(portfolio.snapshot(), marks)


def test_roll_up_keeps_currencies_apart_and_counts_what_it_misses() -> None:
    groups = {group.name: group for group in roll_up(tagged(), Dimension.STRATEGY)}
    vol = groups["vol"]
    assert {name: sums.total for name, sums in vol.by_currency.items()} == {
        "BTC": Decimal("0.01"),
        "USDC": Decimal(100),
        "USDT": None,
    }
    assert (vol.rows, vol.unmarked, vol.unknown_usd) == (3, 1, 1)
    assert vol.usd.total == 700
    assert groups["hedge"].by_currency["BTC"].total == Decimal("0.24")


@pytest.mark.parametrize(
    ("dimension", "names"),
    [
        (
            Dimension.LEG,
            {CALL.name, LINEAR.name, BINANCE.name, PERPETUAL.name},
        ),
        (Dimension.STRUCTURE, {"", "condor"}),
        (Dimension.EXPIRY, {"0", str(CALL.expiry_ns)}),
        (Dimension.UNDERLYING, {"BTC"}),
        (Dimension.VENUE, {"deribit", "binance"}),
    ],
)
def test_every_dimension_holds_every_row(dimension: Dimension, names: set[str]) -> None:
    groups = roll_up(tagged(), dimension)
    assert {group.name for group in groups} == names
    assert sum(group.rows for group in groups) == 5


def test_long_and_short_of_one_leg_under_two_tags_are_nothing() -> None:
    legs = {group.name: group for group in roll_up(tagged(), Dimension.LEG)}
    assert legs[CALL.name].by_currency["BTC"].total == 0


def test_an_adjustment_brings_value_that_is_no_profit() -> None:
    portfolio = Portfolio()
    portfolio.adjust(adjustment(CALL, "2", "0.05", index="60000"), CALL)
    row = only(portfolio, at(CALL, mark("0.06")))
    assert row.total == Decimal("0.02")
    assert portfolio.snapshot().holdings[0].contributed == Decimal("0.1")
    assert row.value == row.total + portfolio.snapshot().holdings[0].contributed
