"""Price-time priority, times in force, edits and cancels, on an option's book."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from quantdesk.domain.fill import Liquidity
from quantdesk.domain.instrument import InstrumentKind, Side
from quantdesk.domain.order import OrderStatus, OrderType, TimeInForce
from quantdesk.simulator.exchange.book import LevelAction
from quantdesk.simulator.exchange.events import (
    BookChanged,
    FillMade,
    OrderCause,
    OrderChanged,
    Trade,
)
from quantdesk.simulator.exchange.orders import Order, OrderEdit, OrderFilter
from quantdesk.simulator.exchange.refusals import EndReason, RefusalReason
from quantdesk.simulator.exchange.rules import PriceLimits, VenueRules
from tests.unit.simulator.exchange.venue import (
    CALL,
    FUTURE,
    OPENED_NS,
    PUT,
    Venue,
    admitted,
    future,
    option,
    put,
    refused,
)

D = Decimal
S = 1_000_000_000


def test_better_price_trades_before_older_order() -> None:
    venue = Venue()
    venue.sell("ann", "1", "0.031")
    venue.sell("bob", "1", "0.030")
    result = venue.buy("cat", "1", "0.031")
    assert [(f.price, f.amount) for f in result.fills] == [(D("0.030"), D(1))]
    assert venue.size("bob") == -1
    assert venue.size("ann") == 0


def test_older_order_trades_first_at_one_price() -> None:
    venue = Venue()
    first = venue.sell("ann", "1", "0.03").order
    venue.sell("bob", "1", "0.03")
    venue.buy("cat", "1.5", "0.03")
    assert venue.size("ann") == -1
    assert venue.size("bob") == D("-0.5")
    order = venue.exchange.order("ann", first.order_id)
    assert isinstance(order, Order)
    assert order.status is OrderStatus.FILLED


def test_taker_trades_at_the_makers_price_and_rests_with_the_rest() -> None:
    venue = Venue()
    venue.sell("ann", "1", "0.03")
    result = venue.buy("bob", "3", "0.032")
    assert result.order.status is OrderStatus.PARTIAL
    assert result.order.filled_amount == 1
    assert result.order.average_price == D("0.03")
    assert venue.levels() == ([("0.0320", "2.0")], [])


def test_sweep_over_levels_averages_its_price() -> None:
    venue = Venue()
    venue.sell("ann", "1", "0.03")
    venue.sell("ann", "3", "0.032")
    result = venue.buy("bob", "4", "0.035")
    assert result.order.average_price == D("0.0315")
    assert [f.liquidity for f in result.fills] == [Liquidity.TAKER] * 2


@pytest.mark.parametrize("amount", ["1", "5"])
def test_immediate_or_cancel_never_rests(amount: str) -> None:
    venue = Venue()
    venue.sell("ann", "2", "0.03")
    result = venue.buy("bob", amount, "0.03", time_in_force=TimeInForce.IOC)
    filled = min(D(amount), D(2))
    assert result.order.filled_amount == filled
    is_done = filled == D(amount)
    assert result.order.status is (OrderStatus.FILLED if is_done else OrderStatus.CANCELLED)
    assert result.order.end_reason is (None if is_done else EndReason.UNFILLED_REST)
    assert venue.levels()[0] == []


def test_fill_or_kill_fills_whole_over_several_levels() -> None:
    venue = Venue()
    venue.sell("ann", "1", "0.03")
    venue.sell("ann", "1", "0.031")
    result = venue.buy("bob", "2", "0.031", time_in_force=TimeInForce.FOK)
    assert result.order.status is OrderStatus.FILLED


def test_fill_or_kill_that_does_not_fit_trades_nothing() -> None:
    venue = Venue()
    venue.sell("ann", "1", "0.03")
    venue.sell("ann", "1", "0.04")
    result = venue.buy("bob", "2", "0.031", time_in_force=TimeInForce.FOK)
    assert result.fills == ()
    assert result.order.end_reason is EndReason.NOT_FILLABLE
    assert venue.levels()[1] == [("0.0300", "1.0"), ("0.0400", "1.0")]


def test_market_order_takes_what_there_is_and_ends() -> None:
    venue = Venue()
    venue.sell("ann", "1", "0.03")
    result = venue.buy("bob", "2", order_type=OrderType.MARKET)
    assert result.order.filled_amount == 1
    assert result.order.status is OrderStatus.CANCELLED
    assert result.order.price is None


def test_market_order_stops_at_the_price_limit() -> None:
    venue = Venue()
    venue.sell("ann", "1", "0.03")
    venue.sell("ann", "1", "0.05")
    venue.market.limits[CALL] = PriceLimits(lowest=D("0.01"), highest=D("0.04"))
    result = venue.buy("bob", "2", order_type=OrderType.MARKET)
    assert result.order.filled_amount == 1


def test_market_limit_rests_at_the_best_price_it_met() -> None:
    venue = Venue()
    venue.sell("ann", "1", "0.03")
    venue.sell("ann", "1", "0.031")
    result = venue.buy("bob", "2", order_type=OrderType.MARKET_LIMIT)
    assert result.order.price == D("0.03")
    assert venue.levels() == ([("0.0300", "1.0")], [("0.0310", "1.0")])


def test_market_limit_without_an_opposite_price_is_refused() -> None:
    venue = Venue()
    refusal = venue.refused_buy("bob", "2", order_type=OrderType.MARKET_LIMIT)
    assert refusal.reason is RefusalReason.NO_LIQUIDITY
    venue.sell("ann", "2", "0.03")
    venue.market.limits[CALL] = PriceLimits(highest=D("0.0295"))
    refusal = venue.refused_buy("bob", "2", order_type=OrderType.MARKET_LIMIT)
    assert refusal.reason is RefusalReason.NO_LIQUIDITY


def test_good_til_date_ends_at_its_date_and_not_before() -> None:
    venue = Venue()
    until_ns = OPENED_NS + 5 * S
    order = venue.buy(
        "ann", "1", "0.03", time_in_force=TimeInForce.GTD, valid_until_ns=until_ns
    ).order
    venue.exchange.advance(until_ns - 1)
    assert venue.levels()[0] == [("0.0300", "1.0")]
    venue.exchange.advance(until_ns + S)
    ended = venue.exchange.order("ann", order.order_id)
    assert isinstance(ended, Order)
    assert ended.status is OrderStatus.EXPIRED
    assert ended.end_reason is EndReason.TIME_REACHED
    assert ended.updated_ns == until_ns
    assert venue.levels()[0] == []


def test_ends_are_remembered_over_any_number_of_cancelled_ones() -> None:
    venue = Venue()
    flags = {"time_in_force": TimeInForce.GTD, "valid_until_ns": OPENED_NS + 7 * S}
    venue.buy("ann", "1", "0.02", **flags)
    for _ in range(5_000):
        order = venue.buy("bob", "1", "0.01", **flags).order
        venue.exchange.cancel("bob", order.order_id)
    venue.exchange.advance(OPENED_NS + 7 * S - 1)
    assert len(venue.exchange.open_orders("ann")) == 1
    venue.exchange.advance(OPENED_NS + 7 * S)
    assert venue.exchange.open_orders("ann") == ()


def test_edited_date_counts_once_and_last() -> None:
    venue = Venue()
    first, second = OPENED_NS + 5 * S, OPENED_NS + 9 * S
    order = venue.buy("ann", "1", "0.03", time_in_force=TimeInForce.GTD, valid_until_ns=first).order
    for until_ns in (second, first, second):
        admitted(venue.exchange.edit("ann", order.order_id, OrderEdit(valid_until_ns=until_ns)))
    venue.exchange.advance(first)
    assert len(venue.exchange.open_orders("ann")) == 1
    venue.exchange.advance(second)
    assert venue.exchange.open_orders("ann") == ()
    assert len(venue.exchange.finished_orders("ann")) == 1


# Edits


def edited(venue: Venue, account: str, order_id: int, **change: object) -> Order:
    """The order after an edit that must be admitted."""
    change = {k: D(v) if isinstance(v, str) else v for k, v in change.items()}
    edit = OrderEdit(**change)  # type: ignore[arg-type]
    return admitted(venue.exchange.edit(account, order_id, edit)).order


@pytest.mark.parametrize(
    ("change", "keeps_place"),
    [
        ({"amount": "1"}, True),
        ({"amount": "2"}, True),
        ({"price": "0.03"}, True),
        ({"amount": "3"}, False),
        ({"price": "0.029", "amount": "2"}, False),
    ],
)
def test_edit_keeps_the_place_only_without_growing_or_moving(
    change: dict[str, object], keeps_place: bool
) -> None:
    venue = Venue()
    order = venue.sell("ann", "2", "0.03").order
    venue.sell("bob", "2", "0.03")
    after = edited(venue, "ann", order.order_id, **change)
    assert after.is_replaced
    assert after.order_id == order.order_id
    if change.get("price") == "0.029":
        after = edited(venue, "ann", order.order_id, price="0.03")
    venue.buy("cat", "1", "0.03")
    assert venue.size("ann") == (-1 if keeps_place else 0)


def test_edit_that_crosses_trades_at_once() -> None:
    venue = Venue()
    venue.sell("ann", "1", "0.03")
    order = venue.buy("bob", "3", "0.02").order
    result = admitted(venue.exchange.edit("bob", order.order_id, OrderEdit(price=D("0.03"))))
    assert [f.amount for f in result.fills] == [D(1)]
    assert venue.levels() == ([("0.0300", "2.0")], [])


def test_edit_counts_what_is_filled() -> None:
    venue = Venue()
    order = venue.sell("ann", "3", "0.03").order
    venue.buy("bob", "1", "0.03")
    after = edited(venue, "ann", order.order_id, amount="2")
    assert (after.amount, after.filled_amount) == (D(2), D(1))
    assert venue.levels()[1] == [("0.0300", "1.0")]
    refusal = refused(venue.exchange.edit("ann", order.order_id, OrderEdit(amount=D(1))))
    assert (refusal.reason, refusal.limit) == (RefusalReason.AMOUNT_BELOW_FILLED, D(1))


def test_smallest_amount_is_of_the_whole_order_not_of_what_is_left() -> None:
    venue = Venue(replace(option(), amount_min=D(1)))
    order = venue.sell("ann", "2", "0.03").order
    venue.buy("bob", "1.5", "0.03")
    assert edited(venue, "ann", order.order_id, amount="1.9").amount == D("1.9")
    other = venue.sell("ann", "2", "0.04").order
    refusal = refused(venue.exchange.edit("ann", other.order_id, OrderEdit(amount=D("0.9"))))
    assert (refusal.reason, refusal.limit) == (RefusalReason.AMOUNT_TOO_SMALL, D(1))


def test_refused_edit_leaves_the_order_in_its_place() -> None:
    venue = Venue()
    order = venue.sell("ann", "1", "0.03").order
    venue.sell("bob", "1", "0.03")
    before = len(venue.told)
    refused(
        venue.exchange.edit("ann", order.order_id, OrderEdit(price=D("0.00005"))),
        RefusalReason.PRICE_OFF_TICK,
    )
    assert len(venue.told) == before
    venue.buy("cat", "1", "0.03")
    assert venue.size("ann") == -1


def test_edit_of_an_ended_order_is_refused() -> None:
    venue = Venue()
    order = venue.sell("ann", "1", "0.03").order
    venue.exchange.cancel("ann", order.order_id)
    refused(
        venue.exchange.edit("ann", order.order_id, OrderEdit(amount=D(2))),
        RefusalReason.ORDER_NOT_OPEN,
    )


def test_shrinking_where_it_stands_is_allowed_after_the_limits_moved() -> None:
    venue = Venue()
    order = venue.buy("ann", "2", "0.03").order
    venue.market.limits[CALL] = PriceLimits(highest=D("0.02"))
    assert edited(venue, "ann", order.order_id, amount="1").amount == 1


# Cancels


def test_cancel_takes_the_order_out_and_says_why() -> None:
    venue = Venue()
    order = venue.buy("ann", "1", "0.03").order
    ended = venue.exchange.cancel("ann", order.order_id)
    assert isinstance(ended, Order)
    assert (ended.status, ended.end_reason) == (OrderStatus.CANCELLED, EndReason.USER_REQUEST)
    assert venue.levels() == ([], [])
    refused(venue.exchange.cancel("ann", order.order_id), RefusalReason.ORDER_NOT_OPEN)


def test_orders_of_others_and_of_nobody_are_told_apart() -> None:
    venue = Venue()
    order = venue.buy("ann", "1", "0.03").order
    refused(venue.exchange.cancel("bob", order.order_id), RefusalReason.ORDER_NOT_OWNED)
    refused(venue.exchange.cancel("ann", 999), RefusalReason.ORDER_NOT_FOUND)
    refused(venue.exchange.order("nobody", 999), RefusalReason.ORDER_NOT_FOUND)


@pytest.mark.parametrize(
    ("which", "left"),
    [
        (OrderFilter(), 0),
        (OrderFilter(instrument_name=CALL), 3),
        (OrderFilter(label="x"), 2),
        (OrderFilter(session="s2"), 3),
        (OrderFilter(kind=InstrumentKind.FUTURE), 3),
        (OrderFilter(kind=InstrumentKind.OPTION), 1),
        (OrderFilter(side=Side.SELL), 3),
        (OrderFilter(currency="BTC", label="x", side=Side.BUY), 3),
        (OrderFilter(currency="USDC"), 4),
        (OrderFilter(underlying="ETH"), 4),
        (OrderFilter(order_type=OrderType.LIMIT), 0),
    ],
)
def test_mass_cancel_takes_what_fits_every_field(which: OrderFilter, left: int) -> None:
    venue = Venue(option(), put(), future())
    venue.buy("ann", "1", "0.02", label="x", session="s1")
    venue.sell("ann", "1", "0.2", label="x", session="s1", instrument_name=PUT)
    venue.buy("ann", "1", "0.1", session="s1", instrument_name=PUT)
    venue.buy("ann", "10", "90000", session="s2", instrument_name=FUTURE)
    venue.buy("bob", "1", "0.02")
    cancelled = venue.exchange.cancel_orders("ann", which, reason=EndReason.DISCONNECT)
    assert len(cancelled) == 4 - left
    assert {o.end_reason for o in cancelled} <= {EndReason.DISCONNECT}
    assert len(venue.exchange.open_orders("ann")) == left
    assert len(venue.exchange.open_orders("bob")) == 1


def test_restart_without_orders_cancels_those_of_everyone() -> None:
    venue = Venue()
    venue.buy("ann", "1", "0.02")
    venue.sell("bob", "1", "0.04")
    ended = venue.exchange.cancel_everything(EndReason.VENUE_RESTART)
    assert [o.end_reason for o in ended] == [EndReason.VENUE_RESTART] * 2
    assert venue.levels() == ([], [])


# What is told


def test_book_changes_chain_without_a_gap_and_carry_new_totals() -> None:
    venue = Venue(option(), put())
    venue.sell("ann", "2", "0.03")
    venue.sell("ann", "1", "0.2", instrument_name=PUT)
    venue.buy("bob", "1", "0.03")
    venue.buy("bob", "3", "0.03")
    changes = [c for c in venue.heard(BookChanged) if c.instrument_name == CALL]
    assert [c.previous_change_id for c in changes] == [0] + [c.change_id for c in changes[:-1]]
    told = [
        [(level.side, level.action, str(level.price), level.amount) for level in c.levels]
        for c in changes
    ]
    assert told == [
        [(Side.SELL, LevelAction.NEW, "0.0300", D(2))],
        [(Side.SELL, LevelAction.CHANGE, "0.0300", D(1))],
        [
            (Side.BUY, LevelAction.NEW, "0.0300", D(2)),
            (Side.SELL, LevelAction.DELETE, "0.0300", D(0)),
        ],
    ]


def test_trade_is_told_to_all_and_each_side_hears_its_own_fill() -> None:
    venue = Venue()
    venue.sell("ann", "1", "0.03")
    venue.buy("bob", "1", "0.03")
    (trade,) = venue.heard(Trade)
    assert (trade.side, trade.trade_seq, trade.price) == (Side.BUY, 1, D("0.03"))
    fills = [event.fill for event in venue.heard(FillMade)]
    assert [(f.account, f.side, f.liquidity) for f in fills] == [
        ("ann", Side.SELL, Liquidity.MAKER),
        ("bob", Side.BUY, Liquidity.TAKER),
    ]
    causes = [(e.order.account_id, e.cause) for e in venue.heard(OrderChanged)]
    assert causes == [
        ("ann", OrderCause.ACCEPTED),
        ("bob", OrderCause.ACCEPTED),
        ("ann", OrderCause.FILLED),
        ("bob", OrderCause.FILLED),
    ]


def test_history_is_bounded_and_the_oldest_goes_first() -> None:
    venue = Venue(rules=VenueRules(venue="deribit", orders_kept_max=2, fills_kept_max=1))
    orders = [venue.buy("ann", "1", "0.03").order for _ in range(3)]
    venue.exchange.cancel_orders("ann")
    kept = [o.order_id for o in venue.exchange.finished_orders("ann")]
    assert kept == [o.order_id for o in orders[1:]]
    refused(venue.exchange.order("ann", orders[0].order_id), RefusalReason.ORDER_NOT_FOUND)
    for _ in range(2):
        venue.sell("bob", "1", "0.03")
        venue.buy("ann", "1", "0.03")
    assert len(venue.exchange.fills("ann")) == 1
