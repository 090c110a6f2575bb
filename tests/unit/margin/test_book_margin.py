"""Margin of positions on a market: priced by one rule, by account, excluded by name, gaps."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from quantdesk.domain.account import AccountSnapshot, OrderReport
from quantdesk.domain.instrument import Instrument, Side
from quantdesk.domain.margin import MarginKind, MarginPrices
from quantdesk.domain.order import OrderStatus
from quantdesk.domain.position import Position
from quantdesk.domain.venue_rule import RuleStatus
from quantdesk.errors import InvalidInput
from quantdesk.margin import VenueMargin, statement_for
from quantdesk.margin.account_orders import resting_orders
from quantdesk.margin.model import standard_margin
from quantdesk.market.market_data import MarketData, UnderlyingMarket
from quantdesk.portfolio.leg_marks import LegMarks
from tests.unit.margin.contracts import binance_option, option
from tests.unit.portfolio.markets import btc, sample_market, with_columns

CALL, PUT = "BTC-25SEP26-70000-C", "BTC-25SEP26-50000-P"
PERPETUAL = "BTC-PERPETUAL"


def listed(name: str) -> Instrument:
    """An instrument of the sample."""
    found = LegMarks(sample_market()).instrument("deribit", name)
    assert found is not None
    return found


def position(name: str, quantity: str, *, account: str = "", strategy: str = "") -> Position:
    """A position in an instrument of the sample."""
    return Position(
        instrument=listed(name), quantity=Decimal(quantity), account=account, strategy=strategy
    )


def test_leg_is_margined_at_its_mark_on_the_forward_of_its_expiry() -> None:
    margin = statement_for([position(CALL, "-1.5")], sample_market())
    (leg,) = margin.legs
    # OTM 9,250 of 60,750 is more than 5 %: the floor of 0.10, and the mark of 0.0277.
    assert leg.requirement.initial == Decimal("0.19155")
    assert leg.requirement.maintenance == Decimal("0.15405")
    assert (leg.mark.mark_source, leg.underlying) == ("venue mark", Decimal("60750.0"))
    assert leg.requirement.origin.status is RuleStatus.DERIVED
    assert margin.is_complete


def test_every_option_of_a_recorded_chain_has_the_margin_of_the_law() -> None:
    market = btc()
    model = standard_margin("deribit", market.as_of_ns)
    book = [Position(instrument=one, quantity=Decimal(-1)) for one in market.chain.instruments]
    margin = statement_for(book, sample_market())
    # Those whose mark the venue rounds to 0 are margined too.
    assert margin.is_complete
    assert len(margin.legs) == len(book)
    marks = LegMarks(sample_market())
    for leg in margin.legs:
        mark = marks.mark(leg.instrument)
        prices = MarginPrices(mark=mark.mark, underlying=mark.forward)
        assert leg.requirement == model.position_margin(leg.instrument, Decimal(-1), prices)
    (account,) = margin.accounts
    initial = sum((leg.requirement.initial for leg in margin.legs), Decimal(0))
    assert account.statement.total("BTC").initial == initial


def test_tags_of_one_account_are_net_and_accounts_are_not() -> None:
    tagged = [position(CALL, "-2", strategy="a"), position(CALL, "1", strategy="b")]
    assert statement_for(tagged, sample_market()).legs[0].requirement.quantity == -1
    apart = [position(CALL, "-2", account="a"), position(CALL, "1", account="b")]
    margin = statement_for(apart, sample_market())
    assert [(one.account, one.legs[0].requirement.quantity) for one in margin.accounts] == [
        ("a", Decimal(-2)),
        ("b", Decimal(1)),
    ]


def test_a_long_option_covers_no_short_one() -> None:
    short = statement_for([position(CALL, "-1")], sample_market())
    hedged = statement_for(
        [position(CALL, "-1"), position("BTC-25SEP26-72000-C", "1")], sample_market()
    )
    totals = [one.accounts[0].statement.total("BTC") for one in (short, hedged)]
    assert totals[0].initial == totals[1].initial > 0


@pytest.mark.parametrize("quantity", ["-1", "1"])
def test_what_can_not_be_marked_is_excluded_by_name_whichever_way_it_is_held(
    quantity: str,
) -> None:
    market = with_columns(btc(), mark={CALL: 0.0})
    margin = statement_for([position(CALL, quantity), position(PUT, "-1")], market)
    (excluded,) = margin.excluded
    assert excluded.instrument_name == CALL
    assert "must be above 0" in excluded.reason
    assert [leg.instrument.name for leg in margin.legs] == [PUT]
    assert not margin.is_complete


def test_unlisted_expired_and_foreign_legs_are_excluded_by_name() -> None:
    foreign = replace(option("70000", "C"), venue="okx", name="X")
    unlisted = option("70123", "C")
    margin = statement_for(
        [
            Position(instrument=unlisted, quantity=Decimal(-1)),
            Position(instrument=foreign, quantity=Decimal(1)),
            Position(instrument=binance_option("70000", "C"), quantity=Decimal(1)),
            position(PERPETUAL, "-10"),
        ],
        sample_market(),
    )
    reasons = [excluded.reason for excluded in margin.excluded]
    assert "is not listed by deribit" in reasons[0]
    assert "has no market of BTC here" in reasons[1]
    assert "has no market of BTC here" in reasons[2]
    assert len(margin.legs) == 1
    late = replace(btc(), as_of_ns=listed(CALL).expiry_ns or 0)
    margin = statement_for([position(CALL, "-1")], MarketData(markets=(late,), source="late"))
    assert "must be later than" in margin.excluded[0].reason


def test_a_law_that_does_not_hold_yet_excludes_the_leg() -> None:
    early = replace(btc(), as_of_ns=1_500_000_000_000_000_000)
    margin = statement_for([position(CALL, "-1")], MarketData(markets=(early,), source="early"))
    assert "no margin rule for deribit options on BTC" in margin.excluded[0].reason


def test_two_coins_recorded_on_different_days_are_each_margined_at_their_own() -> None:
    eth = sample_market("ETH").markets[0]
    both = MarketData(markets=(btc(), eth), source="both")
    short = next(one for one in eth.chain.instruments if one.name.endswith("-C"))
    # It had expired by the day of the BTC recording.
    assert (short.expiry_ns or 0) < btc().as_of_ns
    margin = statement_for(
        [position(CALL, "-1"), Position(instrument=short, quantity=Decimal(-1))], both
    )
    assert margin.is_complete
    assert [total.currency for total in margin.accounts[0].statement.totals] == ["BTC", "ETH"]


def test_binance_is_margined_on_the_index() -> None:
    call = replace(binance_option("70000", "C"), name="BTC-260925-70000-C")
    market = btc()
    row = [one.name for one in market.chain.instruments].index(CALL)
    mask = np.arange(len(market.chain)) == row
    chain = market.chain.take(mask)
    chain = replace(chain, venue="binance", instruments=(call,))
    binance = UnderlyingMarket(
        venue="binance",
        underlying="BTC",
        as_of_ns=market.as_of_ns,
        index_price=100_000.0,
        index_source="BTCUSDT",
        chain=chain,
        values=market.values.take(mask),
        forwards=market.forwards,
        futures={},
    )
    data = with_columns(binance, mark={call.name: 1000.0})
    margin = statement_for([Position(instrument=call, quantity=Decimal(-1))], data)
    (leg,) = margin.legs
    assert leg.underlying == Decimal("100000.0")
    assert leg.requirement.initial == 16_000
    assert leg.requirement.origin.status is RuleStatus.UNCERTAIN
    blind = MarketData(markets=(replace(data.markets[0], index_price=None),), source="no index")
    excluded = statement_for([Position(instrument=call, quantity=Decimal(-1))], blind).excluded
    assert excluded[0].reason.startswith("underlying = None")


def figure(
    initial: str | None, maintenance: str | None = "0", *, currency: str = "BTC", **more: bool
) -> VenueMargin:
    """The venue's margin of account "main"."""
    return VenueMargin(
        venue="deribit",
        account="main",
        currency=currency,
        event_ns=1,
        initial=None if initial is None else Decimal(initial),
        maintenance=None if maintenance is None else Decimal(maintenance),
        is_shared=more.get("is_shared", False),
    )


def test_the_venues_own_figure_stands_beside_ours_with_the_gap() -> None:
    margin = statement_for(
        [position(CALL, "-1.5", account="main")],
        sample_market(),
        venue_figures=[figure("0.19", "0.155"), figure("0.001", currency="ETH")],
    )
    btc_gap, eth_gap = margin.accounts[0].gaps
    assert btc_gap.initial == Decimal("0.19155")
    assert btc_gap.initial_gap == Decimal("0.00155")
    assert btc_gap.maintenance_gap == Decimal("-0.00095")
    assert eth_gap.initial_gap == Decimal("-0.001")


def test_a_figure_that_says_nothing_or_is_shared_has_no_gap() -> None:
    book = [position(CALL, "-1", account="main")]
    silent = statement_for(book, sample_market(), venue_figures=[figure(None, None)])
    assert silent.accounts[0].gaps[0].initial_gap is None
    shared = statement_for(book, sample_market(), venue_figures=[figure("9", is_shared=True)])
    assert shared.accounts[0].gaps[0].initial_gap is None


def test_a_figure_of_an_account_without_positions_is_still_shown() -> None:
    margin = statement_for([], sample_market(), venue_figures=[figure("0")])
    assert margin.accounts[0].gaps[0].initial_gap == 0
    with pytest.raises(InvalidInput, match="must be given once"):
        statement_for([], sample_market(), venue_figures=[figure("0"), figure("1")])


def account_with(*orders: OrderReport) -> AccountSnapshot:
    """An account with open orders."""
    return AccountSnapshot(
        venue="deribit", account="main", environment="simulated", is_whole=True, is_live=True,
        event_ns=1, recv_ns=1, balances=(), positions=(), open_orders=orders, trades=(),
    )  # fmt: skip


def resting(
    name: str, amount: str, price: str | None, *, side: Side = Side.SELL, filled: str = "0"
) -> OrderReport:
    """An open order as the venue reports it."""
    return OrderReport(
        venue="deribit",
        instrument_name=name,
        event_ns=1,
        recv_ns=1,
        order_id=f"o-{name}-{amount}",
        client_order_id=None,
        side=side,
        price=None if price is None else Decimal(price),
        amount=Decimal(amount),
        filled=Decimal(filled),
        status=OrderStatus.OPEN,
        venue_status="open",
    )


def test_resting_orders_reserve_what_is_left_of_them_and_their_fee() -> None:
    market = sample_market()
    account = account_with(resting(CALL, "2", "0.05", filled="1"))
    orders, left_out = resting_orders(account, LegMarks(market))
    assert left_out == ()
    margin = statement_for([], market, orders=orders)
    (leg,) = margin.legs
    assert leg.requirement.kind is MarginKind.ORDER
    assert leg.requirement.quantity == -1
    # Short margin of one coin, and 0.0003 for taking it.
    assert leg.requirement.initial == Decimal("0.1277") + Decimal("0.0003")
    total = margin.accounts[0].statement.total("BTC")
    assert (total.open_orders, total.maintenance) == (leg.requirement.initial, Decimal(0))


def test_orders_without_a_limit_or_an_instrument_are_left_out_by_name() -> None:
    account = account_with(resting(CALL, "1", None), resting("BTC-1JAN27-1-C", "1", "0.1"))
    orders, left_out = resting_orders(account, LegMarks(sample_market()))
    assert orders == ()
    assert ["no limit price" in one.reason for one in left_out] == [True, False]
    assert "not listed" in left_out[1].reason


def test_unmarked_order_is_excluded_with_its_id() -> None:
    market = with_columns(btc(), mark={CALL: 0.0})
    account = account_with(resting(CALL, "1", "0.05"))
    orders, _ = resting_orders(account, LegMarks(market))
    margin = statement_for([], market, orders=orders)
    assert margin.excluded[0].order_id == f"o-{CALL}-1"


def test_nothing_of_a_statement_is_nan() -> None:
    margin = statement_for([position(CALL, "-1"), position(PERPETUAL, "-10000")], sample_market())
    for leg in margin.legs:
        assert all(
            math.isfinite(value) for value in (leg.requirement.initial, leg.requirement.maintenance)
        )
