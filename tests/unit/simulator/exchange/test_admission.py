"""What the exchange refuses, with the number it measured against; post-only, reduce-only, STP."""

from __future__ import annotations

from decimal import Decimal

import pytest

from quantdesk.domain.instrument import Side
from quantdesk.domain.order import OrderStatus, OrderType, TimeInForce
from quantdesk.errors import InvalidInput
from quantdesk.simulator.exchange.events import OrderCause, OrderChanged, Trade
from quantdesk.simulator.exchange.orders import OrderEdit, PostOnly, SelfTrade
from quantdesk.simulator.exchange.refusals import EndReason, RefusalReason
from quantdesk.simulator.exchange.rules import PriceLimits, VenueRules
from tests.unit.simulator.exchange.venue import (
    CALL,
    FUTURE,
    OPENED_NS,
    Venue,
    admitted,
    future,
    option,
    refused,
)

D = Decimal
R = RefusalReason


@pytest.mark.parametrize(
    ("amount", "reason", "limit"),
    [
        ("0", R.AMOUNT_INVALID, None),
        ("-1", R.AMOUNT_INVALID, None),
        ("NaN", R.AMOUNT_INVALID, None),
        ("Infinity", R.AMOUNT_INVALID, None),
        ("0.15", R.AMOUNT_OFF_STEP, "0.1"),
        ("0.01", R.AMOUNT_OFF_STEP, "0.1"),
        ("201", R.AMOUNT_TOO_LARGE, "200"),
        ("1e30", R.AMOUNT_TOO_LARGE, "200"),
    ],
)
def test_amount_off_the_rules_is_refused(
    amount: str, reason: RefusalReason, limit: str | None
) -> None:
    venue = Venue(rules=VenueRules(venue="deribit", amount_max={"BTC": D(200)}))
    refusal = venue.refused_buy("ann", amount, "0.03")
    assert refusal.reason is reason
    assert refusal.limit == (None if limit is None else D(limit))
    assert refusal.field == "amount"


def test_amount_below_the_smallest_is_refused() -> None:
    venue = Venue(future())
    refusal = venue.refused_buy("ann", "5", "90000")
    assert refusal.reason is R.AMOUNT_OFF_STEP


@pytest.mark.parametrize(
    ("price", "reason", "limit"),
    [
        (None, R.PRICE_MISSING, None),
        ("0", R.PRICE_INVALID, None),
        ("-0.01", R.PRICE_INVALID, None),
        ("NaN", R.PRICE_INVALID, None),
        ("1e300", R.PRICE_INVALID, None),
        ("1e-300", R.PRICE_OFF_TICK, "0.0001"),
        ("0.00005", R.PRICE_OFF_TICK, "0.0001"),
        ("0.0301", R.PRICE_OFF_TICK, "0.0005"),
    ],
)
def test_price_off_the_rules_is_refused(
    price: str | None, reason: RefusalReason, limit: str | None
) -> None:
    refusal = Venue().refused_buy("ann", "1", price)
    assert refusal.reason is reason
    assert refusal.limit == (None if limit is None else D(limit))


def test_option_price_beyond_its_side_of_the_limits_is_refused_with_the_limit() -> None:
    venue = Venue()
    venue.market.limits[CALL] = PriceLimits(lowest=D("0.02"), highest=D("0.04"))
    high = venue.refused_buy("ann", "1", "0.0405")
    assert (high.reason, high.limit) == (R.PRICE_TOO_HIGH, D("0.04"))
    low = venue.refused_sell("ann", "1", "0.0195")
    assert (low.reason, low.limit) == (R.PRICE_TOO_LOW, D("0.02"))
    venue.buy("ann", "1", "0.0005")
    venue.sell("ann", "1", "0.4")


def test_future_price_beyond_the_limits_is_moved_to_them() -> None:
    venue = Venue(future())
    venue.market.limits[FUTURE] = PriceLimits(lowest=D("99000.2"), highest=D("101000.7"))
    assert venue.buy("ann", "10", "105000").order.price == D("101000.5")
    venue.exchange.cancel_orders("ann")
    assert venue.sell("ann", "10", "90000").order.price == D("99000.5")


@pytest.mark.parametrize(
    ("flags", "reason", "field"),
    [
        (
            {"post_only": PostOnly.REJECT, "time_in_force": TimeInForce.IOC},
            R.UNSUPPORTED_COMBINATION,
            "post_only",
        ),
        (
            {"post_only": PostOnly.REPRICE, "time_in_force": TimeInForce.FOK},
            R.UNSUPPORTED_COMBINATION,
            "post_only",
        ),
        ({"order_type": OrderType.MARKET}, R.PRICE_NOT_ALLOWED, "price"),
        ({"time_in_force": TimeInForce.GTD}, R.VALID_UNTIL_MISSING, "valid_until"),
        (
            {"time_in_force": TimeInForce.GTD, "valid_until_ns": OPENED_NS},
            R.VALID_UNTIL_PASSED,
            "valid_until",
        ),
        ({"valid_until_ns": OPENED_NS + 1}, R.UNSUPPORTED_COMBINATION, "valid_until"),
        ({"label": "x" * 65}, R.LABEL_TOO_LONG, "label"),
    ],
)
def test_flags_that_do_not_go_together_are_refused(
    flags: dict[str, object], reason: RefusalReason, field: str
) -> None:
    refusal = Venue().refused_buy("ann", "1", "0.03", **flags)
    assert (refusal.reason, refusal.field) == (reason, field)


def test_unknown_names_are_refused() -> None:
    venue = Venue()
    assert venue.refused_buy("nobody", "1", "0.03").reason is R.UNKNOWN_ACCOUNT
    refusal = venue.refused_buy("ann", "1", "0.03", instrument_name="BTC-1JAN30-1-C")
    assert refusal.reason is R.UNKNOWN_INSTRUMENT
    assert venue.exchange.book("x") is None
    assert venue.exchange.position("ann", "x") is None
    assert venue.exchange.open_orders("nobody") == ()


def test_locked_instrument_takes_cancels_only() -> None:
    venue = Venue()
    order = venue.buy("ann", "1", "0.03").order
    assert venue.exchange.set_locked(CALL, is_locked=True) is None
    assert venue.refused_buy("bob", "1", "0.03").reason is R.NOT_TRADING
    refused(venue.exchange.edit("ann", order.order_id, OrderEdit(amount=D(2))), R.NOT_TRADING)
    venue.exchange.cancel("ann", order.order_id)
    assert venue.exchange.set_locked(CALL, is_locked=False) is None
    venue.buy("bob", "1", "0.03")


def test_open_orders_are_bounded_by_instrument_and_account() -> None:
    rules = VenueRules(venue="x", open_orders_per_instrument_max=2, open_orders_max=3)
    venue = Venue(option(), future(), rules=rules)
    for _ in range(2):
        venue.buy("ann", "1", "0.03")
    refusal = venue.refused_buy("ann", "1", "0.03")
    assert (refusal.reason, refusal.limit) == (R.TOO_MANY_ORDERS, D(2))
    venue.buy("ann", "10", "90000", instrument_name=FUTURE)
    refusal = venue.refused_buy("ann", "10", "90000", instrument_name=FUTURE)
    assert (refusal.reason, refusal.limit) == (R.TOO_MANY_ORDERS, D(3))


def test_label_is_unique_only_where_the_venue_says_so_and_while_open() -> None:
    venue = Venue(rules=VenueRules(venue="binance", is_label_unique=True))
    order = venue.buy("ann", "1", "0.03", label="a").order
    assert venue.refused_buy("ann", "1", "0.03", label="a").reason is R.LABEL_IN_USE
    venue.buy("bob", "1", "0.03", label="a")
    venue.exchange.cancel("ann", order.order_id)
    venue.buy("ann", "1", "0.03", label="a")
    deribit = Venue()
    deribit.buy("ann", "1", "0.03", label="a")
    deribit.buy("ann", "1", "0.03", label="a")


# Post-only


@pytest.mark.parametrize(
    ("side", "price", "expected"),
    [
        (Side.BUY, "0.03", "0.0295"),
        (Side.BUY, "0.5", "0.0295"),
        (Side.BUY, "0.029", "0.029"),
        (Side.SELL, "0.005", "0.0055"),
        (Side.SELL, "0.0001", "0.0055"),
    ],
)
def test_crossing_post_only_is_moved_to_just_inside_the_spread(
    side: Side, price: str, expected: str
) -> None:
    venue = Venue()
    venue.sell("ann", "1", "0.03")
    venue.buy("ann", "1", "0.005")
    result = admitted(venue.submit("bob", side, "1", price, post_only=PostOnly.REPRICE))
    assert result.order.price == D(expected)
    assert result.order.is_repriced == (price != expected)
    assert result.fills == ()


def test_crossing_post_only_is_refused_where_asked_so() -> None:
    venue = Venue()
    venue.sell("ann", "1", "0.03")
    refusal = venue.refused_buy("bob", "1", "0.03", post_only=PostOnly.REJECT)
    assert (refusal.reason, refusal.limit) == (R.POST_ONLY, D("0.03"))
    venue.buy("bob", "1", "0.0295", post_only=PostOnly.REJECT)


def test_post_only_below_the_lowest_tick_has_no_price() -> None:
    venue = Venue()
    venue.sell("ann", "1", "0.0001")
    refusal = venue.refused_buy("bob", "1", "0.0001", post_only=PostOnly.REPRICE)
    assert refusal.reason is R.POST_ONLY


def test_edit_of_a_post_only_order_never_takes() -> None:
    venue = Venue()
    venue.sell("ann", "1", "0.03")
    order = venue.buy("bob", "1", "0.02", post_only=PostOnly.REPRICE).order
    result = admitted(venue.exchange.edit("bob", order.order_id, OrderEdit(price=D("0.04"))))
    assert result.order.price == D("0.0295")
    edit = OrderEdit(price=D("0.04"), post_only=PostOnly.REJECT)
    refused(venue.exchange.edit("bob", order.order_id, edit), R.POST_ONLY)


# Reduce-only


def test_reduce_only_without_a_position_to_reduce_is_refused() -> None:
    venue = Venue()
    assert venue.refused_sell("ann", "1", "0.03", is_reduce_only=True).reason is R.REDUCE_ONLY
    venue.sell("bob", "1", "0.03")
    venue.buy("ann", "1", "0.03")
    assert venue.refused_buy("ann", "1", "0.03", is_reduce_only=True).reason is R.REDUCE_ONLY


def test_reduce_only_is_cut_to_the_position() -> None:
    venue = Venue()
    venue.sell("bob", "2", "0.03")
    venue.buy("ann", "2", "0.03")
    order = venue.sell("ann", "5", "0.04", is_reduce_only=True).order
    assert (order.amount, order.is_shrunk) == (D(2), True)
    venue.buy("cat", "5", "0.04")
    assert venue.size("ann") == 0


def test_resting_reduce_only_shrinks_with_the_position_and_keeps_its_place() -> None:
    venue = Venue()
    venue.sell("bob", "3", "0.03")
    venue.buy("ann", "3", "0.03")
    venue.sell("ann", "3", "0.04", is_reduce_only=True)
    venue.sell("cat", "1", "0.04")
    venue.buy("bob", "2", "0.03")
    venue.sell("ann", "2", "0.03")
    shrunk = [e.order for e in venue.heard(OrderChanged) if e.cause is OrderCause.SHRUNK]
    assert [o.amount for o in shrunk] == [D(1)]
    venue.buy("bob", "1", "0.04")
    assert venue.size("ann") == 0
    assert venue.size("cat") == 0


def test_resting_reduce_only_ends_when_nothing_is_left_to_reduce() -> None:
    venue = Venue()
    venue.sell("bob", "1", "0.03")
    venue.buy("ann", "1", "0.03")
    for price in ("0.04", "0.05"):
        venue.sell("ann", "1", price, is_reduce_only=True)
    venue.buy("cat", "1", "0.04")
    ended = venue.exchange.finished_orders("ann")[-1]
    assert (ended.status, ended.end_reason) == (OrderStatus.CANCELLED, EndReason.REDUCE_ONLY)
    assert venue.exchange.open_orders("ann") == ()
    assert venue.levels() == ([], [])


def test_close_position_closes_it_from_either_side() -> None:
    venue = Venue()
    venue.sell("bob", "1", "0.03")
    venue.buy("ann", "1", "0.03")
    venue.buy("cat", "5", "0.02")
    admitted(venue.exchange.close_position("ann", CALL))
    assert venue.size("ann") == 0
    venue.exchange.cancel_orders("cat")
    result = admitted(venue.exchange.close_position("bob", CALL, price=D("0.01")))
    assert (result.order.side, result.order.price) == (Side.BUY, D("0.01"))
    refused(venue.exchange.close_position("ann", CALL), R.NO_POSITION)


# Self-trade prevention


def meeting_oneself(mode: SelfTrade, *, first_is_own: bool) -> tuple[Venue, object]:
    """Ann's buy of 3 meets bob's ask of 1 and her own of 1 at one price, and cat's behind."""
    venue = Venue()
    for account in ("ann", "bob") if first_is_own else ("bob", "ann"):
        venue.sell(account, "1", "0.03")
    venue.sell("cat", "1", "0.031")
    return venue, venue.submit("ann", Side.BUY, "3", "0.031", self_trade=mode)


def test_reject_taker_refuses_what_would_meet_itself_first() -> None:
    venue, result = meeting_oneself(SelfTrade.REJECT_TAKER, first_is_own=True)
    refused(result, R.SELF_TRADE)
    assert venue.heard(Trade) == []


@pytest.mark.parametrize("mode", [SelfTrade.REJECT_TAKER, SelfTrade.CANCEL_TAKER])
def test_taker_that_meets_itself_later_is_cancelled_with_its_fills_kept(mode: SelfTrade) -> None:
    venue, result = meeting_oneself(mode, first_is_own=False)
    order = admitted(result).order  # type: ignore[arg-type]
    assert (order.filled_amount, order.end_reason) == (D(1), EndReason.SELF_TRADE)
    assert venue.levels()[1] == [("0.0300", "1.0"), ("0.0310", "1.0")]


def test_cancel_taker_accepts_and_cancels_what_meets_itself_first() -> None:
    _, result = meeting_oneself(SelfTrade.CANCEL_TAKER, first_is_own=True)
    order = admitted(result).order  # type: ignore[arg-type]
    assert (order.filled_amount, order.end_reason) == (D(0), EndReason.SELF_TRADE)


@pytest.mark.parametrize("first_is_own", [True, False])
def test_cancel_maker_passes_over_its_own_order(first_is_own: bool) -> None:
    venue, result = meeting_oneself(SelfTrade.CANCEL_MAKER, first_is_own=first_is_own)
    order = admitted(result).order  # type: ignore[arg-type]
    assert order.filled_amount == 2
    assert venue.levels() == ([("0.0310", "1.0")], [])
    ended = venue.exchange.finished_orders("ann")
    assert [o.end_reason for o in ended] == [EndReason.SELF_TRADE]


def test_cancel_both_ends_both() -> None:
    venue, result = meeting_oneself(SelfTrade.CANCEL_BOTH, first_is_own=True)
    assert admitted(result).order.status is OrderStatus.CANCELLED  # type: ignore[arg-type]
    assert venue.exchange.open_orders("ann") == ()


def test_allowed_self_trade_moves_no_position() -> None:
    venue, result = meeting_oneself(SelfTrade.ALLOW, first_is_own=True)
    assert admitted(result).order.status is OrderStatus.FILLED  # type: ignore[arg-type]
    assert venue.size("ann") == 2


def test_accounts_of_one_group_are_one_self() -> None:
    venue = Venue()
    for account in ("ann", "bob"):
        venue.exchange.set_self_trade(account, SelfTrade.REJECT_TAKER, group="desk")
    venue.sell("ann", "1", "0.03")
    assert venue.refused_buy("bob", "1", "0.03").reason is R.SELF_TRADE


def test_fill_or_kill_does_not_count_its_own_orders() -> None:
    venue = Venue()
    venue.sell("bob", "1", "0.03")
    venue.sell("ann", "1", "0.03")
    venue.sell("cat", "1", "0.03")
    for mode, filled in ((SelfTrade.REJECT_TAKER, 0), (SelfTrade.CANCEL_MAKER, 2)):
        flags = {"time_in_force": TimeInForce.FOK, "self_trade": mode}
        assert venue.buy("ann", "2", "0.03", **flags).order.filled_amount == filled


# The host's own mistakes


def test_host_mistakes_are_exceptions_that_name_the_argument() -> None:
    venue = Venue()
    with pytest.raises(InvalidInput, match="to_ns"):
        venue.exchange.advance(OPENED_NS - 1)
    with pytest.raises(InvalidInput, match="account_id"):
        venue.exchange.open_account("ann")
    with pytest.raises(InvalidInput, match="account_id"):
        venue.exchange.open_account("house")
    with pytest.raises(InvalidInput, match="group"):
        venue.exchange.open_account("dan", group="house")
    with pytest.raises(InvalidInput, match="must not be listed yet"):
        venue.exchange.list_instrument(option())
    with pytest.raises(InvalidInput, match="expiry_ns"):
        venue.exchange.list_instrument(option("old", expiry_ns=OPENED_NS))
    for amount in ("0", "NaN", "1e-30", "1e30"):
        with pytest.raises(InvalidInput, match="amount"):
            venue.exchange.deposit("ann", "BTC", D(amount))
    with pytest.raises(InvalidInput, match="covered"):
        venue.exchange.deposit("ann", "BTC", D(-11))
