"""An account put together from reports that cross on the way."""

from __future__ import annotations

from decimal import Decimal

from quantdesk.domain.account import (
    BalanceReport,
    OpenOrdersListed,
    OrderReport,
    PositionReport,
    PositionsListed,
    TradeReport,
)
from quantdesk.domain.events import FrameSetAside, VenueTime
from quantdesk.domain.instrument import Side
from quantdesk.domain.order import OrderStatus
from quantdesk.runtime.account_state import TRADES_MAX, AccountState
from quantdesk.runtime.desk import Desk
from quantdesk.snapshot import Environment, LinkState

NOW = 1_782_000_000_000_000_000
"""Ours; the venue's clock is a second behind it."""

SECOND_NS = 10**9


def venue_ns(seconds: float) -> int:
    return NOW - SECOND_NS + int(seconds * SECOND_NS)


def recv_ns(seconds: float) -> int:
    return NOW + int(seconds * SECOND_NS)


def account() -> AccountState:
    return AccountState(venue="deribit", account="main", environment="testnet")


def position(quantity: str, at: float, name: str = "BTC-PERPETUAL") -> PositionReport:
    return PositionReport(
        venue="deribit",
        instrument_name=name,
        event_ns=venue_ns(at),
        recv_ns=recv_ns(at),
        quantity=Decimal(quantity),
    )


def positions(*held: PositionReport, at: float) -> PositionsListed:
    return PositionsListed(
        venue="deribit", event_ns=venue_ns(at), recv_ns=recv_ns(at), positions=held
    )


def order(status: OrderStatus, at: float, order_id: str = "1") -> OrderReport:
    return OrderReport(
        venue="deribit",
        instrument_name="BTC-PERPETUAL",
        event_ns=venue_ns(at),
        recv_ns=recv_ns(at),
        order_id=order_id,
        client_order_id=None,
        side=Side.BUY,
        price=Decimal(60_000),
        amount=Decimal(10),
        filled=Decimal(0),
        status=status,
        venue_status=status.value,
    )


def orders(*open_ones: OrderReport, at: float) -> OpenOrdersListed:
    return OpenOrdersListed(
        venue="deribit", event_ns=venue_ns(at), recv_ns=recv_ns(at), orders=open_ones
    )


def trade(trade_id: str, at: float, fee: str | None = None) -> TradeReport:
    return TradeReport(
        venue="deribit",
        instrument_name="BTC-PERPETUAL",
        event_ns=venue_ns(at),
        recv_ns=recv_ns(at),
        trade_id=trade_id,
        order_id="1",
        client_order_id=None,
        side=Side.BUY,
        price=Decimal(60_000),
        amount=Decimal(10),
        fee=None if fee is None else Decimal(fee),
        fee_currency=None if fee is None else "BTC",
    )


def balance(
    cash: str | None, at: float, *, is_stamped: bool = True, equity: str | None = None
) -> BalanceReport:
    return BalanceReport(
        venue="deribit",
        currency="BTC",
        event_ns=venue_ns(at) if is_stamped else recv_ns(at),
        recv_ns=recv_ns(at),
        cash=None if cash is None else Decimal(cash),
        equity=None if equity is None else Decimal(equity),
    )


def test_flat_positions_are_absent_and_open_ones_are_sorted() -> None:
    state = account()
    state.apply(position("-3", 1, "ETH-PERPETUAL"))
    state.apply(position("10", 1))
    state.apply(position("0", 2, "ETH-PERPETUAL"))
    held = state.snapshot(is_live=True).positions
    assert [(each.instrument_name, each.quantity) for each in held] == [
        ("BTC-PERPETUAL", Decimal(10))
    ]


def test_whole_list_makes_absent_positions_flat() -> None:
    state = account()
    state.apply(position("10", 1))
    state.apply(positions(position("4", 2, "ETH-PERPETUAL"), at=2))
    assert [each.instrument_name for each in state.snapshot(is_live=True).positions] == [
        "ETH-PERPETUAL"
    ]


def test_list_that_was_on_its_way_does_not_undo_a_later_change() -> None:
    state = account()
    state.apply(position("0", 3))
    state.apply(positions(position("10", 1), at=2))
    assert state.snapshot(is_live=True).positions == ()
    state.apply(positions(position("10", 4), at=4))
    assert state.snapshot(is_live=True).position("BTC-PERPETUAL") is not None


def test_late_report_of_a_position_changes_nothing() -> None:
    state = account()
    state.apply(position("10", 3))
    state.apply(position("5", 2))
    held = state.snapshot(is_live=True).position("BTC-PERPETUAL")
    assert held is not None
    assert held.quantity == 10


def test_list_that_was_on_its_way_does_not_revive_an_ended_order() -> None:
    state = account()
    state.apply(order(OrderStatus.OPEN, 1))
    state.apply(order(OrderStatus.CANCELLED, 3))
    state.apply(orders(order(OrderStatus.OPEN, 1), at=2))
    assert state.snapshot(is_live=True).open_orders == ()


def test_order_absent_from_a_later_list_is_not_open() -> None:
    state = account()
    state.apply(order(OrderStatus.OPEN, 1))
    state.apply(orders(order(OrderStatus.OPEN, 2, "2"), at=3))
    assert [each.order_id for each in state.snapshot(is_live=True).open_orders] == ["2"]


def test_figures_that_a_report_leaves_out_stay() -> None:
    state = account()
    state.apply(balance("10", 1, equity="11"))
    state.apply(balance(None, 2, equity="12"))
    found = state.snapshot(is_live=True).balance("BTC")
    assert found is not None
    assert (found.cash, found.equity) == (Decimal(10), Decimal(12))


def test_report_without_the_venues_stamp_is_as_late_as_its_arrival() -> None:
    state = account()
    state.apply(balance("10", 1, is_stamped=False))
    state.apply(balance("9", 1.5))
    found = state.snapshot(is_live=True).balance("BTC")
    assert found is not None
    assert found.cash == 9


def test_trade_counts_once_and_learns_its_fee() -> None:
    state = account()
    state.apply(trade("7", 1))
    state.apply(trade("7", 1, fee="0.0001"))
    state.apply(trade("7", 1))
    trades = state.snapshot(is_live=True).trades
    assert [(each.trade_id, each.fee) for each in trades] == [("7", Decimal("0.0001"))]


def test_oldest_trades_give_way_and_are_counted() -> None:
    state = account()
    for number in range(TRADES_MAX + 2):
        state.apply(trade(str(number), number))
    found = state.snapshot(is_live=True)
    assert len(found.trades) == TRADES_MAX
    assert found.trades[0].trade_id == "2"
    assert found.trades_dropped == 2


def test_account_is_whole_once_balances_positions_and_orders_were_read() -> None:
    state = account()
    state.apply(balance("10", 1))
    state.apply(positions(at=1))
    assert not state.snapshot(is_live=True).is_whole
    state.apply(orders(at=1))
    assert state.snapshot(is_live=True).is_whole


def test_unchanged_account_is_the_same_snapshot() -> None:
    state = account()
    state.apply(balance("10", 1))
    assert state.snapshot(is_live=True) is state.snapshot(is_live=True)
    assert not state.snapshot(is_live=False).is_live


def test_desk_shows_each_account_beside_its_connection() -> None:
    desk = Desk(environment=Environment.TESTNET, source="test")
    desk.add_account("deribit-main", "deribit", "main")
    desk.set_link_state("deribit-main", LinkState.LIVE)
    heard = VenueTime(venue="deribit", event_ns=venue_ns(1), recv_ns=recv_ns(1))
    odd = FrameSetAside(
        venue="deribit", recv_ns=recv_ns(1), kind="bad_field", detail="size", sample=""
    )
    desk.apply_account("deribit-main", recv_ns(1), [heard, position("10", 1), odd])
    snapshot = desk.snapshot(recv_ns(2))
    found = snapshot.account("main")
    assert found is not None
    assert found.is_live
    assert (found.venue, found.environment, len(found.positions)) == ("deribit", "testnet", 1)
    assert snapshot.account("main", venue="binance") is None
    link = snapshot.links[0]
    assert (link.account, link.frames, dict(link.problems)) == ("main", 1, {"bad_field": 1})
    assert not snapshot.is_simulated
