"""Cash of a P&L explain, exactly: deliveries of futures, and what is paid in other currencies."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal

import pytest

from quantdesk.domain.instrument import InstrumentKind, Settlement, Side
from quantdesk.errors import InvalidInput
from quantdesk.portfolio.ledger import CashEntry, CashKind
from quantdesk.portfolio.settlement import SettlementPrice, SettlementPrices
from quantdesk.portfolio.state import opening_book
from quantdesk.risk.pnl_explain_changes import changes_between, changes_of, key_of
from quantdesk.risk.pnl_explain_steps import LINE, STEP
from tests.unit.market.chains import NOW, SEP
from tests.unit.risk.books import FORWARDS, named, position
from tests.unit.risk.test_pnl_explain import CALL, CLOSES, HOUR, MARKET, explained, fill, moved


@pytest.mark.parametrize(
    "trades",
    [
        [(Side.SELL, "40000", "61000")],
        [(Side.BUY, "20000", "58000"), (Side.SELL, "50000", "61000")],
        [(Side.SELL, "150000", "61000")],
    ],
)
def test_a_future_traded_before_its_delivery_carries_exactly_its_cash(
    trades: list[tuple[Side, str, str]],
) -> None:
    future = named(MARKET, "BTC-25SEP26")
    start = replace(position(future, 100_000), average_price=Decimal(50_000))
    fills = [
        replace(fill(future, *each), trade_id=f"t{number}", event_ns=NOW + number)
        for number, each in enumerate(trades)
    ]
    portfolio = opening_book([start], event_ns=NOW)
    before = portfolio.snapshot()
    portfolio.apply_all(fills, {future.name: future})
    prices = SettlementPrices()
    prices.capture(
        SettlementPrice(
            venue="deribit",
            index_name="btc_usd",
            expiry_ns=SEP,
            price=Decimal(64_000),
            captured_ns=SEP,
            source="test",
        )
    )
    (delivery,) = portfolio.settle(prices, lambda *_: Decimal(0), now_ns=SEP)
    entry = CashEntry(
        entry_id="delivery",
        holding=key_of(start),
        currency="BTC",
        kind=CashKind.SETTLEMENT,
        amount=delivery.proceeds,
        event_ns=SEP,
    )
    (grown,) = changes_between(before, portfolio.snapshot())
    (told,) = changes_of([start], fills=list(reversed(fills)), entries=[entry])
    assert told.cash == pytest.approx(grown.cash, abs=Decimal("1e-20"))
    leg = explained((told,), moved(MARKET, hours=(SEP - NOW) / HOUR + 5, spot=1.06)).legs[0]
    kept = 100_000 + float(sum(each.signed_amount for each in fills))
    paid = math.fsum(float(each.signed_amount / each.price) for each in fills)
    # A delivery is paid to 1e-8 coins.
    assert leg.actual == pytest.approx(100_000 / FORWARDS[SEP] + paid - kept / 64_000, abs=1e-8)


def test_what_is_reported_twice_counts_once_and_never_as_two_things() -> None:
    future = named(MARKET, "BTC-25SEP26")
    start = replace(position(future, 100_000), average_price=Decimal(50_000))
    sold = fill(future, Side.SELL, "40000", "61000")
    paid = CashEntry(
        entry_id="f",
        holding=key_of(start),
        currency="BTC",
        kind=CashKind.FUNDING,
        amount=Decimal("0.01"),
        event_ns=NOW,
    )
    (change,) = changes_of([start], fills=[sold, sold], entries=[paid, paid])
    assert (change.quantity_after, change.funding) == (Decimal(60_000), Decimal("0.01"))
    with pytest.raises(InvalidInput, match="trade_id = 't1': came before"):
        changes_of([start], fills=[sold, replace(sold, amount=Decimal(20))])
    with pytest.raises(InvalidInput, match="entry_id = 'f': came before"):
        changes_of([start], entries=[paid, replace(paid, amount=Decimal(1))])
    # Binance counts its trades by instrument, and each account has its own.
    call = named(MARKET, CALL)
    bought = fill(call, Side.BUY, "1", "0.04")
    own = [sold, bought, replace(sold, account="b")]
    assert len(changes_of([start], fills=own, instruments={CALL: call})) == 3


def test_a_fee_in_another_currency_is_the_only_cash_of_its_own_leg() -> None:
    instrument = named(MARKET, CALL)
    trade = replace(fill(instrument, Side.BUY, "4", "0.0431", fee="0.05"), fee_currency="BNB")
    own, other = explained(
        changes_of([position(instrument, -10)], fills=[trade]), CLOSES["calm"]
    ).legs
    assert (own.currency, other.currency) == ("BTC", "BNB")
    assert (own.change.traded, own.change.fees) == (Decimal("-0.1724"), Decimal(0))
    assert (other.change.traded, other.change.fees) == (Decimal(0), Decimal("-0.05"))
    assert other.actual == -0.05
    assert math.isnan(other.index_after)


def test_what_a_trade_of_the_coin_paid_is_in_dollars() -> None:
    perpetual = named(MARKET, "BTC-PERPETUAL")
    coin = replace(
        perpetual,
        name="BTC_USDC",
        kind=InstrumentKind.SPOT,
        settlement=Settlement.LINEAR,
        quote_currency="USDC",
        settlement_currency="USDC",
    )
    trade = replace(fill(coin, Side.BUY, "2", "59000", fee="30"), fee_currency="USDC")
    holding = key_of(position(coin, 1))
    funding = CashEntry(
        entry_id="f",
        holding=holding,
        currency="USDC",
        kind=CashKind.FUNDING,
        amount=Decimal("1.5"),
        event_ns=NOW,
    )
    changes = changes_of([position(coin, 1)], fills=[trade], entries=[funding])
    own, paid = explained(changes, CLOSES["calm"]).legs
    assert (own.currency, paid.currency) == ("BTC", "USDC")
    assert own.change.cash == 0
    assert own.actual == 2.0
    assert paid.change.cash == Decimal("-118028.5")
    assert paid.actual == -118_028.5
    assert paid.lines[STEP["cash"], LINE["funding"]] == 1.5
