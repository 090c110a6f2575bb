"""The money of time, to the last digit: expiry, futures sessions, funding; cash is conserved."""

from __future__ import annotations

from decimal import Decimal, getcontext, localcontext

import pytest

from quantdesk.domain.instrument import Instrument
from quantdesk.domain.order import OrderStatus, TimeInForce
from quantdesk.domain.times import parse_instant
from quantdesk.simulator.exchange.events import ListingChanged, PositionChanged
from quantdesk.simulator.exchange.ledger import CLEARING, FEES, HOUSE, EntryKind
from quantdesk.simulator.exchange.listing import ListingState
from quantdesk.simulator.exchange.maker import TopOfBook
from quantdesk.simulator.exchange.refusals import EndReason, RefusalReason
from quantdesk.simulator.exchange.reports import AccountSummary
from quantdesk.simulator.exchange.rules import HOUR_NS, VenueRules
from quantdesk.simulator.exchange.standard_fees import StandardFees
from tests.unit.simulator.exchange.venue import (
    BINANCE_CALL,
    CALL,
    EXPIRY_NS,
    FUTURE,
    LINEAR_CALL,
    OPENED_NS,
    PERPETUAL,
    PUT,
    Venue,
    binance_option,
    future,
    linear_option,
    option,
    put,
)

D = Decimal
SESSION_NS = parse_instant("2026-06-28T08:00:00Z")


def assert_conserved(venue: Venue) -> None:
    """Nothing made, nothing lost, and rounding took less than a thousandth of a cent."""
    ledger = venue.exchange.ledger
    for currency in ledger.currencies():
        assert ledger.total(currency) == 0, currency
        assert abs(ledger.balance(CLEARING, currency)) < D("1e-6")


def charged(*instruments: Instrument) -> Venue:
    """A venue with the real fees."""
    return Venue(*instruments, fees=StandardFees(as_of_ns=OPENED_NS))


# Trades: vectors of margin-and-fees.md A6 and B2


@pytest.mark.parametrize(
    ("amount", "price", "fee"),
    [
        ("1", "0.05", "0.0003"),
        ("1", "0.0024", "0.0003"),
        ("10", "0.001", "0.00125"),
        ("1", "0.0001", "0.0000125"),
    ],
)
def test_premium_and_capped_fee_move_at_the_trade(amount: str, price: str, fee: str) -> None:
    venue = charged(option())
    venue.sell("ann", amount, price)
    (fill,) = venue.buy("bob", amount, price).fills
    premium = D(amount) * D(price)
    assert fill.fee == D(fee)
    assert venue.cash("bob") == 10 - premium - D(fee)
    assert venue.cash("ann") == 10 + premium - D(fee)
    assert venue.cash(FEES) == 2 * D(fee)
    assert_conserved(venue)


def test_house_pays_no_fee_on_trades_and_deliveries() -> None:
    venue = charged(option())
    venue.exchange.requote(CALL, TopOfBook(ask=D("0.03"), ask_amount=D(1)))
    venue.buy("bob", "1", "0.03")
    venue.market.averages["btc_usd"] = D(125_000)
    venue.exchange.advance(EXPIRY_NS)
    assert venue.cash(HOUSE) == D("0.03") - D("0.2")
    assert venue.cash(FEES) == D("0.0003") + D("0.00015")
    assert_conserved(venue)


def test_future_takes_only_its_fee_at_the_trade() -> None:
    venue = charged(future())
    venue.sell("ann", "10000", "100000")
    venue.buy("bob", "10000", "100000")
    assert venue.cash("bob") == D("9.99995")
    assert venue.cash("ann") == 10
    assert_conserved(venue)


def test_binance_fee_is_by_the_index_and_its_cap_by_the_price() -> None:
    venue = charged(binance_option())
    venue.sell("ann", "1", "3000")
    (fill,) = venue.buy("bob", "1", "3000").fills
    assert fill.fee == 30
    venue.sell("ann", "1", "50")
    (fill,) = venue.buy("bob", "1", "50").fills
    assert fill.fee == 5


# Expiry: vectors of deribit.md 10 and margin-and-fees.md A7


@pytest.mark.parametrize(
    ("name", "price", "payoff", "fee"),
    [
        (CALL, "125000", "0.2", "0.00015"),
        (CALL, "100100", "0.00099900", "0.00012488"),
        (CALL, "100000", "0", "0"),
        (CALL, "99999.99", "0", "0"),
        (PUT, "100000", "0.1", "0.00015"),
        (PUT, "55000", "1", "0.00015"),
        (PUT, "110000.01", "0", "0"),
    ],
)
def test_inverse_option_pays_its_payoff_less_the_capped_fee(
    name: str, price: str, payoff: str, fee: str
) -> None:
    venue = charged(option(), put())
    venue.sell("ann", "1", "0.1", instrument_name=name)
    venue.buy("bob", "1", "0.1", instrument_name=name)
    before = {who: venue.cash(who) for who in ("ann", "bob")}
    venue.market.averages["btc_usd"] = D(price)
    venue.exchange.advance(EXPIRY_NS)
    assert venue.cash("bob") - before["bob"] == D(payoff) - D(fee)
    assert venue.cash("ann") - before["ann"] == -D(payoff) - D(fee)
    assert venue.exchange.positions("bob") == ()
    assert venue.exchange.position("bob", name) is None
    assert_conserved(venue)


def test_order_whose_end_is_the_expiry_ends_by_its_own_date() -> None:
    venue = Venue()
    venue.buy("ann", "1", "0.03", time_in_force=TimeInForce.GTD, valid_until_ns=EXPIRY_NS)
    venue.market.averages["btc_usd"] = D(100_000)
    venue.exchange.advance(EXPIRY_NS)
    (ended,) = venue.exchange.finished_orders("ann")
    assert ended.end_reason is EndReason.TIME_REACHED


def test_linear_option_pays_by_the_coin() -> None:
    venue = Venue(linear_option())
    venue.sell("ann", "10", "6")
    venue.buy("bob", "10", "6")
    assert venue.cash("bob", "USDC") == 1_000_000 - 60
    venue.market.averages["sol_usdc"] = D(275)
    venue.exchange.advance(EXPIRY_NS)
    assert venue.cash("bob", "USDC") == 1_000_000 - 60 + 250
    assert_conserved(venue)


@pytest.mark.parametrize("unit", ["1", "100"])
def test_contracts_of_several_coins_pay_by_the_unit_and_cost_by_the_contract(unit: str) -> None:
    rules = VenueRules(venue="binance")
    venue = Venue(binance_option(unit), rules=rules)
    venue.sell("ann", "0.5", "3000")
    venue.buy("bob", "0.5", "3000")
    assert venue.cash("bob", "USDT") == 1_000_000 - 1500
    venue.market.averages["BTCUSDT"] = D(102_000)
    venue.exchange.advance(EXPIRY_NS)
    assert venue.cash("bob", "USDT") == 1_000_000 - 1500 + 1000 * D(unit)


def test_one_average_is_asked_for_an_expiry_and_kept() -> None:
    venue = Venue(option(), put(), future())
    venue.market.averages["btc_usd"] = D(101_000)
    venue.exchange.advance(EXPIRY_NS + HOUR_NS)
    assert venue.market.deliveries_asked == [("btc_usd", EXPIRY_NS)]
    assert dict(venue.exchange.deliveries) == {("btc_usd", EXPIRY_NS): D(101_000)}
    delivered = [e.instrument_name for e in venue.heard(ListingChanged)]
    assert delivered == [CALL, PUT, FUTURE]
    assert {e.delivery_price for e in venue.heard(ListingChanged)} == {D(101_000)}


def test_expiry_ends_orders_and_quotes_first_and_trading_for_good() -> None:
    venue = Venue()
    venue.exchange.requote(CALL, TopOfBook(bid=D("0.03"), bid_amount=D(5)))
    order = venue.sell("ann", "1", "0.05").order
    venue.market.averages["btc_usd"] = D(100_000)
    venue.exchange.advance(EXPIRY_NS)
    (ended,) = venue.exchange.finished_orders("ann")
    assert (ended.order_id, ended.status) == (order.order_id, OrderStatus.EXPIRED)
    assert (ended.end_reason, ended.updated_ns) == (EndReason.SETTLEMENT, EXPIRY_NS)
    assert venue.levels() == ([], [])
    assert venue.refused_buy("ann", "1", "0.05").reason is RefusalReason.NOT_TRADING
    assert venue.exchange.listings[CALL].state is ListingState.DELIVERED
    venue.exchange.requote(CALL, TopOfBook(bid=D("0.03"), bid_amount=D(5)))
    assert venue.levels() == ([], [])


def test_delivery_is_told_and_stated() -> None:
    venue = charged(option())
    venue.sell("ann", "1", "0.03")
    venue.buy("bob", "1", "0.03")
    venue.market.averages["btc_usd"] = D(125_000)
    venue.exchange.advance(EXPIRY_NS)
    assert [e.size for e in venue.heard(PositionChanged)][-2:] == [0, 0]
    entry = venue.exchange.statement("bob")[-1]
    assert entry.kind is EntryKind.DELIVERY
    assert (entry.change, entry.commission, entry.price) == (D("0.19985"), D("0.00015"), D(125_000))
    assert (entry.amount, entry.position, entry.balance) == (D(-1), D(0), venue.cash("bob"))


def test_rounding_of_many_shares_is_kept_on_the_clearing_account() -> None:
    venue = Venue(option(), accounts=("ann", "bob", "cat", "dan"))
    venue.sell("ann", "0.3", "0.03")
    for buyer in ("bob", "cat", "dan"):
        venue.buy(buyer, "0.1", "0.03")
    venue.market.averages["btc_usd"] = D("100000.07")
    venue.exchange.advance(EXPIRY_NS)
    # 0.07 / 100000.07 = 6.99999510e-7 a coin: 7.0e-8 for a tenth, 2.1e-7 for three, rounded alike.
    assert venue.cash("bob") == 10 - D("0.003") + D("0.00000007")
    assert venue.cash("ann") == 10 + D("0.009") - D("0.00000021")
    assert_conserved(venue)


def test_residue_of_uneven_rounding_stays_in_the_exchange() -> None:
    venue = Venue(option(), accounts=("ann", "bob", "cat"))
    venue.sell("ann", "0.2", "0.03")
    for buyer in ("bob", "cat"):
        venue.buy(buyer, "0.1", "0.03")
    venue.market.averages["btc_usd"] = D("100000.034")
    venue.exchange.advance(EXPIRY_NS)
    # 3.3999988e-7 a coin: a tenth rounds to 3e-8, two tenths to 7e-8.
    assert venue.cash("bob") == 10 - D("0.003") + D("0.00000003")
    assert venue.cash("ann") == 10 + D("0.006") - D("0.00000007")
    assert venue.cash(CLEARING) == D("0.00000001")
    assert_conserved(venue)


# Futures: vector of deribit.md 7


def test_future_profit_before_and_after_a_session_settlement() -> None:
    venue = Venue(future())
    venue.sell("ann", "185160", "15000")
    venue.buy("bob", "185160", "15000")
    venue.market.marks[FUTURE] = D("16025.83")
    venue.exchange.advance(SESSION_NS)
    settled = venue.cash("bob") - 10
    venue.market.marks[FUTURE] = D(17_391)
    position = venue.exchange.position("bob", FUTURE)
    assert position is not None
    assert position.average_price == pytest.approx(D(15_000))
    assert round(position.unrealised_pnl, 8) == D("1.69711368")
    # The settlement price of the sample is rounded to cents, worth 2e-9 here.
    assert position.session_pnl == pytest.approx(D("0.906961435"), abs=D("2e-9"))
    assert position.settlement_price == D("16025.83")
    assert settled == D("0.79015224")
    assert_conserved(venue)


def test_closed_future_profit_becomes_cash_at_the_next_session_only() -> None:
    venue = Venue(future())
    venue.sell("ann", "10000", "100000")
    venue.buy("bob", "10000", "100000")
    venue.buy("cat", "10000", "110000")
    (fill,) = venue.sell("bob", "10000", "110000").fills
    assert round(fill.realised_pnl, 8) == D("0.00909091")
    assert venue.cash("bob") == 10
    (waiting,) = venue.exchange.positions("bob")
    assert (waiting.size, round(waiting.session_pnl, 8)) == (D(0), D("0.00909091"))
    venue.exchange.advance(SESSION_NS)
    assert venue.cash("bob") == D("10.00909091")
    assert venue.exchange.positions("bob") == ()
    assert_conserved(venue)


def test_delivered_future_settles_on_the_average_and_charges_its_fee() -> None:
    venue = charged(future())
    venue.sell("ann", "10000", "100000")
    venue.buy("bob", "10000", "100000")
    venue.market.averages["btc_usd"] = D(125_000)
    venue.exchange.advance(EXPIRY_NS)
    # 0.1 − 0.08 coin of profit; fees 0.05 % of 0.1 at the trade, 0.025 % of 0.08 at delivery.
    assert venue.cash("bob") == 10 + D("0.02") - D("0.00005") - D("0.00002")
    assert venue.cash("ann") == 10 - D("0.02") - D("0.00002")
    at_expiry = [e.kind for e in venue.exchange.statement("bob") if e.event_ns == EXPIRY_NS]
    assert at_expiry == [EntryKind.DELIVERY]
    assert_conserved(venue)


def test_inverse_future_average_price_is_harmonic() -> None:
    venue = Venue(future())
    venue.sell("ann", "10000", "100000")
    venue.sell("ann", "10000", "50000")
    venue.buy("bob", "20000", "100000")
    position = venue.exchange.position("bob", FUTURE)
    assert position is not None
    assert position.average_price is not None
    assert round(position.average_price, 6) == round(D(20_000) / (D("0.1") + D("0.2")), 6)


# Funding


def test_longs_of_a_perpetual_pay_shorts_what_the_rate_says() -> None:
    venue = Venue(future(PERPETUAL, expiry_ns=None))
    venue.sell("ann", "50000", "100000")
    venue.buy("bob", "50000", "100000")
    venue.market.rate = D("0.0001")
    venue.exchange.advance(OPENED_NS + HOUR_NS)
    assert venue.cash("bob") == 10 - D("0.00005")
    assert venue.cash("ann") == 10 + D("0.00005")
    position = venue.exchange.position("bob", PERPETUAL)
    assert position is not None
    assert position.realised_funding == D("-0.00005")
    assert position.session_funding == D("-0.00005")
    entry = venue.exchange.statement("bob")[-1]
    assert (entry.kind, entry.change) == (EntryKind.FUNDING, D("-0.00005"))
    assert_conserved(venue)


@pytest.mark.parametrize("is_closed", [False, True])
def test_each_session_counts_its_own_funding(is_closed: bool) -> None:
    venue = Venue(future(PERPETUAL, expiry_ns=None))
    venue.sell("ann", "50000", "100000")
    venue.buy("bob", "50000", "100000")
    venue.market.rate = D("0.0001")
    venue.exchange.advance(OPENED_NS + HOUR_NS)
    if is_closed:
        venue.buy("ann", "50000", "100000")
        venue.sell("bob", "50000", "100000")
    venue.exchange.advance(OPENED_NS + 24 * HOUR_NS)
    if is_closed:
        venue.sell("ann", "50000", "100000")
        venue.buy("bob", "50000", "100000")
    offset_ns = 8 * HOUR_NS
    settled_ns = (OPENED_NS - offset_ns) // (24 * HOUR_NS) * 24 * HOUR_NS + offset_ns + 24 * HOUR_NS
    venue.exchange.advance(OPENED_NS + 27 * HOUR_NS)
    paid = [one for one in venue.exchange.statement("bob") if one.kind is EntryKind.FUNDING]
    position = venue.exchange.position("bob", PERPETUAL)
    assert position is not None
    assert position.realised_funding == sum(one.change for one in paid)
    assert position.session_funding == sum(one.change for one in paid if one.event_ns > settled_ns)
    assert 0 > position.session_funding > position.realised_funding
    assert_conserved(venue)


def test_funding_is_paid_once_for_each_period_that_passed() -> None:
    venue = Venue(future(PERPETUAL, expiry_ns=None))
    venue.sell("ann", "50000", "100000")
    venue.buy("bob", "50000", "100000")
    venue.market.rate = D("-0.0001")
    venue.exchange.advance(OPENED_NS + 5 * HOUR_NS + 1)
    venue.exchange.advance(OPENED_NS + 5 * HOUR_NS + 2)
    assert venue.cash("bob") == 10 + 5 * D("0.00005")
    assert_conserved(venue)


# Positions


@pytest.mark.parametrize(
    ("trades", "size", "average", "realised"),
    [
        ([("2", "0.03")], "2", "0.03", "0"),
        ([("2", "0.03"), ("2", "0.05")], "4", "0.04", "0"),
        ([("2", "0.03"), ("-1", "0.05")], "1", "0.03", "0.02"),
        ([("2", "0.03"), ("-2", "0.05")], "0", None, "0.04"),
        ([("2", "0.03"), ("-5", "0.05")], "-3", "0.05", "0.04"),
        ([("-2", "0.05"), ("3", "0.03")], "1", "0.03", "0.04"),
        ([("1", "0.03"), ("2", "0.04"), ("-1", "0.05")], "2", "0.03666667", "0.01333333"),
    ],
)
def test_average_price_and_realised_profit(
    trades: list[tuple[str, str]], size: str, average: str | None, realised: str
) -> None:
    venue = Venue()
    for amount, price in trades:
        is_buy = not amount.startswith("-")
        quantity = amount.lstrip("-")
        (venue.sell if is_buy else venue.buy)("ann", quantity, price)
        (venue.buy if is_buy else venue.sell)("bob", quantity, price)
    position = venue.exchange.position("bob", CALL)
    assert position is not None
    assert position.size == D(size)
    assert round(position.realised_pnl, 8) == D(realised)
    if average is None:
        assert position.average_price is None
    else:
        assert position.average_price is not None
        assert round(position.average_price, 8) == D(average)
    moved = venue.cash("bob") - 10
    assert moved == position.realised_pnl - (D(size) * D("0.03") - position.unrealised_pnl)


def test_equity_is_cash_and_the_value_of_what_is_open() -> None:
    venue = Venue(option(), future(), fees=StandardFees(as_of_ns=OPENED_NS))
    venue.sell("ann", "1", "0.05")
    venue.buy("bob", "1", "0.05")
    venue.sell("ann", "10000", "100000", instrument_name=FUTURE)
    venue.buy("bob", "10000", "100000", instrument_name=FUTURE)
    venue.market.marks |= {CALL: D("0.03"), FUTURE: D(125_000)}
    summary = venue.exchange.summary("bob", "BTC")
    assert isinstance(summary, AccountSummary)
    assert summary.balance == 10 - D("0.05") - D("0.0003") - D("0.00005")
    assert summary.options_value == D("0.03")
    assert summary.futures_session_pnl == D("0.02")
    assert summary.equity == summary.balance + D("0.05")
    assert summary.options_unrealised_pnl == D("-0.02")
    assert summary.fees == D("0.00035")


def test_cash_is_exact_whatever_the_process_sets_its_decimals_to() -> None:
    with localcontext() as context:
        context.prec = 3
        venue = charged(option())
        venue.sell("ann", "123.4", "0.0305")
        venue.buy("bob", "123.4", "0.0305")
        assert getcontext().prec == 3
        bob = venue.cash("bob")
    assert bob == 10 - D("3.7637") - D("0.03702")


def test_linear_and_binance_names_are_priced_by_their_own_index() -> None:
    venue = charged(linear_option(), binance_option())
    venue.sell("ann", "10", "6", instrument_name=LINEAR_CALL)
    (fill,) = venue.buy("bob", "10", "6", instrument_name=LINEAR_CALL).fills
    assert (fill.index_price, fill.fee_currency) == (D(200), "USDC")
    venue.sell("ann", "1", "3000", instrument_name=BINANCE_CALL)
    (fill,) = venue.buy("bob", "1", "3000", instrument_name=BINANCE_CALL).fills
    assert (fill.index_price, fill.fee_currency) == (D(100_000), "USDT")
