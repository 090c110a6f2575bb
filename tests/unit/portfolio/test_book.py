"""Positions from fills: signs, averages the venue's way, each trade once."""

from __future__ import annotations

from decimal import Decimal

import pytest

from quantdesk.domain.instrument import Instrument
from quantdesk.errors import InvalidInput
from quantdesk.portfolio.book import PositionBook, tags_of_label
from quantdesk.portfolio.contract_values import average_price, worth
from quantdesk.portfolio.holding import Holding
from quantdesk.portfolio.ledger import CashKind, HoldingKey
from tests.unit.portfolio.trades import (
    BINANCE,
    CALL,
    LINEAR,
    LINEAR_FUTURE,
    PERPETUAL,
    adjustment,
    fill,
)


def held(book: PositionBook, instrument: Instrument, account: str = "main") -> Holding:
    """The only holding of an account in an instrument."""
    found = book.holding(HoldingKey(instrument.venue, account, instrument.name))
    assert found is not None
    return found


def traded(instrument: Instrument, *trades: tuple[str, str]) -> Holding:
    """The holding after (quantity, price) trades."""
    book = PositionBook()
    for number, (quantity, price) in enumerate(trades):
        book.apply(fill(instrument, quantity, price, trade_id=str(number)), instrument)
    return held(book, instrument)


@pytest.mark.parametrize("instrument", [CALL, LINEAR, BINANCE, LINEAR_FUTURE])
def test_average_of_options_and_linear_contracts_is_arithmetic(instrument: Instrument) -> None:
    holding = traded(instrument, ("1", "0.05"), ("3", "0.07"))
    assert holding.quantity == 4
    assert holding.average_price == Decimal("0.065")


def test_average_of_an_inverse_future_is_harmonic() -> None:
    # 10,000 / 50,000 + 10,000 / 40,000 = 0.45 coins for 20,000 USD.
    holding = traded(PERPETUAL, ("10000", "50000"), ("10000", "40000"))
    assert holding.average_price == Decimal("44444.444444444444444")


def test_inverse_future_reproduces_the_venues_published_position() -> None:
    # Size 185,160 USD, average 15,000, mark 17,391: total profit 1.69711368 BTC, as in the venue's
    # own API sample; 0.906961435 since the settlement at 16,025.83.
    size, mark = Decimal(185160), Decimal(17391)
    for entry, profit in (("15000", "1.69711368"), ("16025.83", "0.906961435")):
        holding = traded(PERPETUAL, ("185160", entry))
        earned = worth(PERPETUAL, size, mark) - holding.cost
        # The sample's settlement price is itself rounded to the cent.
        assert abs(earned - Decimal(profit)) < Decimal("0.00000001")


@pytest.mark.parametrize(
    ("coins", "move", "profit"),
    [
        ("0.314538364", "-0.16", "-0.05991207"),
        ("0.314538364", "-0.04", "-0.01310577"),
        ("0.314538364", "0.16", "0.04338460"),
        ("-0.999487053", "-0.18", "0.21939960"),
        ("-0.999487053", "0.18", "-0.15246413"),
    ],
)
def test_inverse_profit_equals_the_venues_risk_vectors(coins: str, move: str, profit: str) -> None:
    # N coins of position earn N (1 − 1/(1+s)): captured risk vectors of perpetual positions.
    entry = Decimal(60000)
    size = Decimal(coins) * entry
    moved = entry * (1 + Decimal(move))
    earned = worth(PERPETUAL, size, moved) - worth(PERPETUAL, size, entry)
    assert abs(earned - Decimal(profit)) <= Decimal("0.00000001")


def test_closing_a_part_leaves_the_average_and_realises_its_share() -> None:
    holding = traded(CALL, ("3", "0.05"), ("-1", "0.08"))
    assert holding.quantity == 2
    assert holding.average_price == Decimal("0.05")
    assert holding.realised == Decimal("0.03")


def test_short_earns_when_it_is_bought_back_cheaper() -> None:
    assert traded(CALL, ("-2", "0.08"), ("2", "0.05")).realised == Decimal("0.06")
    assert traded(PERPETUAL, ("-60000", "60000"), ("60000", "50000")).realised == Decimal("0.2")


def test_trade_through_zero_closes_the_whole_and_opens_the_rest_at_its_price() -> None:
    holding = traded(CALL, ("2", "0.05"), ("-5", "0.06"))
    assert holding.quantity == -3
    assert holding.average_price == Decimal("0.06")
    assert holding.realised == Decimal("0.02")
    inverse = traded(PERPETUAL, ("10000", "50000"), ("-30000", "40000"))
    assert (inverse.quantity, inverse.average_price) == (Decimal(-20000), Decimal(40000))
    assert inverse.realised == Decimal("-0.05")


def test_flat_holding_has_no_average_and_is_no_position() -> None:
    holding = traded(CALL, ("1", "0.05"), ("-1", "0.06"))
    assert holding.average_price is None
    assert holding.position is None
    assert holding.cost == 0


def test_a_trade_counts_once() -> None:
    book = PositionBook()
    once = fill(CALL, "1", "0.05")
    assert book.apply(once, CALL) is not None
    assert book.apply(once, CALL) is None
    assert held(book, CALL).quantity == 1


def test_the_same_trade_id_of_another_account_or_instrument_is_another_trade() -> None:
    book = PositionBook()
    for instrument, account in ((CALL, "main"), (CALL, "other"), (LINEAR, "main")):
        assert book.apply(fill(instrument, "1", "0.05", account=account), instrument) is not None
    assert len(book.positions()) == 3


def test_a_trade_that_comes_again_with_another_price_is_refused() -> None:
    book = PositionBook()
    book.apply(fill(CALL, "1", "0.05"), CALL)
    with pytest.raises(InvalidInput, match=r"trade_id = '1'.*came before as buy 1 at 0\.05"):
        book.apply(fill(CALL, "1", "0.06"), CALL)
    assert held(book, CALL).cost == Decimal("0.05")


def test_a_fill_of_another_instrument_is_refused() -> None:
    with pytest.raises(InvalidInput, match="must be deribit"):
        PositionBook().apply(fill(CALL, "1", "0.05"), LINEAR)


def test_cash_of_an_option_is_its_premium_and_of_a_future_its_closed_profit() -> None:
    book = PositionBook()
    bought = book.apply(fill(CALL, "2", "0.05", fee="0.0006", index="60000"), CALL)
    assert bought is not None
    assert [(one.kind, one.amount, one.amount_usd) for one in bought.entries] == [
        (CashKind.PREMIUM, Decimal("-0.1"), Decimal("-6000")),
        (CashKind.FEE, Decimal("-0.0006"), Decimal("-36")),
    ]
    opened = book.apply(fill(PERPETUAL, "10000", "50000", trade_id="p1"), PERPETUAL)
    assert opened is not None
    assert opened.entries == ()
    closed = book.apply(fill(PERPETUAL, "-10000", "62500", trade_id="p2"), PERPETUAL)
    assert closed is not None
    assert [(one.kind, one.amount) for one in closed.entries] == [
        (CashKind.SETTLEMENT, Decimal("0.04"))
    ]


def test_rebate_is_cash_in() -> None:
    taken = PositionBook().apply(fill(CALL, "1", "0.05", fee="-0.0001"), CALL)
    assert taken is not None
    assert taken.entries[-1].amount == Decimal("0.0001")


def test_tags_of_a_label_keep_holdings_apart() -> None:
    book = PositionBook(tags_of_label)
    book.apply(fill(CALL, "1", "0.05", trade_id="1", label="condor/wing"), CALL)
    book.apply(fill(CALL, "-1", "0.06", trade_id="2", label="hedge"), CALL)
    assert [(p.strategy, p.structure, p.quantity) for p in book.positions()] == [
        ("condor", "wing", Decimal(1)),
        ("hedge", "", Decimal(-1)),
    ]


def test_adjustment_counts_once_and_moves_no_cash() -> None:
    book = PositionBook()
    opening = adjustment(CALL, "2", "0.05")
    taken = book.adjust(opening, CALL)
    assert taken is not None
    assert taken.entries == ()
    assert book.adjust(opening, CALL) is None
    assert held(book, CALL).average_price == Decimal("0.05")
    with pytest.raises(InvalidInput, match="came before"):
        book.adjust(adjustment(CALL, "3", "0.05"), CALL)


def test_adjustment_without_a_price_takes_out_at_the_average() -> None:
    book = PositionBook()
    book.apply(fill(CALL, "3", "0.05"), CALL)
    book.adjust(adjustment(CALL, "-2", None), CALL)
    assert held(book, CALL).realised == 0
    assert held(book, CALL).quantity == 1
    with pytest.raises(InvalidInput, match="it opens a position"):
        book.adjust(adjustment(CALL, "-2", None, adjustment_id="a2"), CALL)


def test_inverse_worth_of_a_price_of_zero_is_refused() -> None:
    with pytest.raises(InvalidInput, match="must be above 0"):
        worth(PERPETUAL, Decimal(10), Decimal(0))
    assert average_price(PERPETUAL, Decimal(10), Decimal(0)) is None


@pytest.mark.parametrize("instrument", [PERPETUAL, CALL])
@pytest.mark.parametrize("price", ["NaN", "Infinity", "-Infinity"])
def test_nothing_has_a_worth_at_what_is_no_price(instrument: Instrument, price: str) -> None:
    with pytest.raises(InvalidInput, match=f"of {instrument.name} must be a number"):
        worth(instrument, Decimal(10), Decimal(price))


def test_an_option_that_cost_nothing_has_an_average_of_zero() -> None:
    assert average_price(CALL, Decimal(1), Decimal(0)) == 0
