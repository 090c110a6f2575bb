"""Orders against funds, by Deribit's and Binance's real standard margin."""

from __future__ import annotations

from decimal import Decimal

import pytest

from quantdesk.domain.fill import Liquidity
from quantdesk.domain.instrument import Instrument, Side
from quantdesk.domain.order import OrderType
from quantdesk.margin.binance_options import BinanceOptionMargin
from quantdesk.margin.deribit_standard import DeribitStandardMargin
from quantdesk.simulator.exchange.orders import OrderEdit, OrderRequest
from quantdesk.simulator.exchange.refusals import RefusalReason
from quantdesk.simulator.exchange.reports import AccountSummary
from quantdesk.simulator.exchange.rules import Margins, VenueRules
from quantdesk.simulator.exchange.standard_fees import StandardFees
from tests.unit.simulator.exchange.venue import (
    CALL,
    FUTURE,
    OPENED_NS,
    NoFees,
    Venue,
    admitted,
    binance_option,
    deribit_venue,
    future,
    option,
    put,
    refused,
)

D = Decimal


def margins_of(venue: Venue, account: str, currency: str = "BTC") -> Margins:
    """Margins of an account."""
    summary = venue.exchange.summary(account, currency)
    assert isinstance(summary, AccountSummary)
    assert summary.margins is not None
    return summary.margins


def test_buy_reserves_its_premium_and_fee_until_it_is_gone() -> None:
    venue = deribit_venue(option())
    order = venue.buy("ann", "1", "0.03").order
    margins = margins_of(venue, "ann")
    assert margins.open_orders == D("0.0303")
    assert margins.available == 10 - D("0.0303")
    venue.exchange.cancel("ann", order.order_id)
    assert margins_of(venue, "ann").available == 10


def test_short_call_needs_the_margin_of_the_reference() -> None:
    # margin-and-fees.md A2: U = K = 100 000, m = 0.025 gives 0.175 and 0.100.
    venue = deribit_venue(option())
    venue.market.marks[CALL] = D("0.025")
    venue.buy("bob", "1", "0.025")
    venue.sell("ann", "1", "0.025")
    margins = margins_of(venue, "ann")
    assert (margins.initial, margins.maintenance) == (D("0.175"), D("0.100"))
    assert margins.margin_balance == 10 + D("0.025") - D("0.0003")


def test_order_beyond_the_funds_is_refused_with_what_is_available() -> None:
    venue = deribit_venue(option())
    refusal = venue.refused_buy("ann", "333", "0.03")
    assert (refusal.reason, refusal.limit) == (RefusalReason.NOT_ENOUGH_FUNDS, D(10))
    venue.buy("ann", "330", "0.03")
    refusal = venue.refused_buy("ann", "1", "0.03")
    assert refusal.limit == 10 - 330 * D("0.0303")


def test_open_orders_count_together() -> None:
    venue = deribit_venue(option(), put())
    for _ in range(3):
        venue.buy("ann", "100", "0.03")
    assert venue.refused_buy("ann", "100", "0.03").reason is RefusalReason.NOT_ENOUGH_FUNDS


def test_edit_counts_the_order_it_replaces_once() -> None:
    venue = deribit_venue(option())
    order = venue.buy("ann", "300", "0.03").order
    admitted(venue.exchange.edit("ann", order.order_id, OrderEdit(amount=D(330))))
    refused(
        venue.exchange.edit("ann", order.order_id, OrderEdit(amount=D(340))),
        RefusalReason.NOT_ENOUGH_FUNDS,
    )


def test_reserve_follows_an_edited_price_and_what_is_left() -> None:
    venue = deribit_venue(option())
    order = venue.buy("ann", "1", "0.001").order
    assert margins_of(venue, "ann").open_orders == D("0.001125")
    admitted(venue.exchange.edit("ann", order.order_id, OrderEdit(price=D("0.05"))))
    assert margins_of(venue, "ann").open_orders == D("0.0503")
    venue.sell("bob", "0.4", "0.05")
    assert margins_of(venue, "ann").open_orders == D("0.6") * D("0.0503")


def test_margins_follow_the_marks() -> None:
    venue = deribit_venue(option(), put())
    venue.buy("bob", "1", "0.03")
    venue.sell("ann", "1", "0.03")
    venue.sell("ann", "1", "0.3", instrument_name=put().name)
    before = margins_of(venue, "ann")
    venue.market.marks[CALL] += D("0.01")
    assert margins_of(venue, "ann").initial == before.initial + D("0.01")
    venue.market.marks[put().name] += D("0.02")
    after = margins_of(venue, "ann")
    assert after.open_orders == before.open_orders + D("0.02")
    assert after.maintenance == before.maintenance + D("0.01")


def test_margins_follow_the_size() -> None:
    venue = deribit_venue(option())
    venue.buy("bob", "3", "0.03")
    for sold in (1, 2, 3):
        venue.sell("ann", "1", "0.03")
        assert margins_of(venue, "ann").initial == sold * D("0.18")


class Rebates(NoFees):
    """A venue that pays for every trade."""

    def trade_fee(
        self,
        instrument: Instrument,
        *,
        amount: Decimal,
        price: Decimal,
        liquidity: Liquidity,
        index_price: Decimal,
    ) -> Decimal:
        return -amount


def test_rebate_is_paid_but_not_counted_on() -> None:
    margin = DeribitStandardMargin(as_of_ns=OPENED_NS)
    venue = Venue(option(), fees=Rebates(), margin=margin)
    venue.buy("ann", "1", "0.03")
    assert margins_of(venue, "ann").open_orders == D("0.03")
    venue.sell("bob", "1", "0.03")
    assert venue.cash("bob") == 10 + D("0.03") + 1


def test_market_order_is_measured_by_what_it_would_pay() -> None:
    venue = deribit_venue(option())
    venue.sell("bob", "10", "0.03")
    venue.sell("bob", "10", "0.9")
    refused(
        venue.submit("ann", Side.BUY, "20", order_type=OrderType.MARKET),
        RefusalReason.NOT_ENOUGH_FUNDS,
    )
    order = venue.buy("ann", "10", order_type=OrderType.MARKET).order
    assert order.filled_amount == 10


def test_account_that_is_short_of_funds_may_still_reduce() -> None:
    venue = deribit_venue(option())
    venue.buy("bob", "50", "0.03")
    venue.sell("ann", "50", "0.03")
    venue.market.marks[CALL] = D("0.4")
    assert margins_of(venue, "ann").available < 0
    assert venue.refused_sell("ann", "1", "0.4").reason is RefusalReason.NOT_ENOUGH_FUNDS
    venue.sell("bob", "1", "0.4")
    closed = venue.buy("ann", "1", "0.4")
    assert closed.order.filled_amount == 1


def test_long_option_covers_no_short_one() -> None:
    venue = deribit_venue(option(), put())
    venue.buy("bob", "1", "0.03")
    venue.sell("ann", "1", "0.03")
    before = margins_of(venue, "ann")
    venue.sell("bob", "1", "0.12", instrument_name=put().name)
    venue.buy("ann", "1", "0.12", instrument_name=put().name)
    after = margins_of(venue, "ann")
    assert after.initial == before.initial
    assert after.margin_balance == before.margin_balance - D("0.12") - D("0.0003")


def test_future_margin_counts_the_profit_of_the_session() -> None:
    venue = deribit_venue(future())
    venue.sell("bob", "100000", "100000")
    venue.buy("ann", "100000", "100000")
    venue.market.marks[FUTURE] = D(80_000)
    margins = margins_of(venue, "ann")
    assert margins.margin_balance == 10 - D("0.0005") - D("0.25")


def test_margins_with_an_order_answer_without_placing_it() -> None:
    venue = deribit_venue(option())
    request = OrderRequest(instrument_name=CALL, side=Side.BUY, amount=D(1_000), price=D("0.03"))
    margins = venue.exchange.margins_with("ann", request)
    assert isinstance(margins, Margins)
    assert margins.open_orders == D("30.3")
    assert venue.exchange.open_orders("ann") == ()
    assert margins_of(venue, "ann").open_orders == 0


def test_instrument_without_a_margin_rule_is_refused() -> None:
    venue = Venue(
        binance_option(),
        fees=StandardFees(as_of_ns=OPENED_NS),
        margin=DeribitStandardMargin(as_of_ns=OPENED_NS),
    )
    assert venue.refused_buy("ann", "1", "3000").reason is RefusalReason.NO_MARGIN_RULE


@pytest.mark.parametrize(
    ("side", "price", "open_orders"),
    [
        # B1: (p + f) to buy; max[10 000, 15 000 + 3 000 − p] + f to sell. f = 30.
        (Side.BUY, "2500", "2530"),
        (Side.SELL, "2500", "15530"),
        (Side.SELL, "9000", "10030"),
    ],
)
def test_binance_order_margin_is_that_of_its_law(side: Side, price: str, open_orders: str) -> None:
    venue = Venue(
        binance_option(),
        fees=StandardFees(as_of_ns=OPENED_NS),
        margin=BinanceOptionMargin(as_of_ns=OPENED_NS),
        rules=VenueRules(venue="binance"),
    )
    admitted(venue.submit("ann", side, "1", price))
    assert margins_of(venue, "ann", "USDT").open_orders == D(open_orders)
