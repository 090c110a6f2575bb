"""The life of an order: no sequence of events loses a fill or counts one twice."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantdesk.domain.order import (
    Anomaly,
    OrderAccepted,
    OrderCancelled,
    OrderEdited,
    OrderEvent,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderSent,
    OrderState,
    OrderStatus,
    OrderUnanswered,
    advance,
)
from quantdesk.errors import InvalidInput

D = Decimal
NEW = OrderState(amount=D(3), price=D("0.03"))
ACCEPTED = OrderAccepted(venue_order_id="7")
CANCELLED = OrderCancelled(reason="user_request")


def fill(trade_id: str, amount: int = 1, price: str = "0.03") -> OrderFilled:
    """One trade."""
    return OrderFilled(trade_id=trade_id, amount=D(amount), price=D(price))


def after(*events: OrderEvent, state: OrderState = NEW) -> OrderState:
    """The state after all events."""
    for event in events:
        state = advance(state, event)
    return state


@pytest.mark.parametrize(
    ("events", "status"),
    [
        ((), OrderStatus.NEW),
        ((OrderSent(),), OrderStatus.SENT),
        ((OrderSent(), ACCEPTED), OrderStatus.OPEN),
        ((OrderSent(), ACCEPTED, OrderSent()), OrderStatus.OPEN),
        ((OrderSent(), OrderUnanswered()), OrderStatus.UNKNOWN),
        ((OrderSent(), OrderUnanswered(), ACCEPTED), OrderStatus.OPEN),
        ((OrderSent(), OrderUnanswered(), fill("a")), OrderStatus.PARTIAL),
        ((OrderSent(), fill("a"), ACCEPTED), OrderStatus.PARTIAL),
        ((ACCEPTED, fill("a", 3)), OrderStatus.FILLED),
        ((ACCEPTED, fill("a", 2), OrderEdited(amount=D(2), price=D("0.03"))), OrderStatus.FILLED),
        ((ACCEPTED, CANCELLED), OrderStatus.CANCELLED),
        ((OrderSent(), OrderRejected(reason="funds")), OrderStatus.REJECTED),
        ((ACCEPTED, OrderExpired(reason="settlement")), OrderStatus.EXPIRED),
    ],
)
def test_life_follows_its_events(events: tuple[OrderEvent, ...], status: OrderStatus) -> None:
    state = after(*events)
    assert state.status is status
    assert not state.anomalies


def test_repeated_fill_counts_once_and_fills_average() -> None:
    state = after(ACCEPTED, fill("a"), fill("a"), fill("b", 2, "0.06"), fill("a"))
    assert state.filled_amount == 3
    assert state.average_price == D("0.05")
    assert NEW.average_price is None


@pytest.mark.parametrize(
    ("final", "status"),
    [
        (CANCELLED, OrderStatus.CANCELLED),
        (OrderExpired(reason="x"), OrderStatus.EXPIRED),
        (OrderRejected(reason="x"), OrderStatus.PARTIAL),
    ],
)
def test_late_fill_is_applied_and_flagged(final: OrderEvent, status: OrderStatus) -> None:
    state = after(ACCEPTED, final, fill("a"))
    assert state.filled_amount == 1
    assert state.status is status
    assert state.anomalies == {Anomaly.LATE_FILL}
    whole = after(ACCEPTED, final, fill("a", 3))
    assert whole.status is OrderStatus.FILLED


def test_overfill_is_kept_and_flagged() -> None:
    state = after(ACCEPTED, fill("a", 2), fill("b", 2))
    assert (state.filled_amount, state.status) == (D(4), OrderStatus.FILLED)
    assert state.anomalies == {Anomaly.OVERFILL}


def test_final_status_stays_and_says_who_tried() -> None:
    state = after(ACCEPTED, CANCELLED)
    assert advance(state, CANCELLED) == state
    moved = advance(state, OrderRejected(reason="x"))
    assert (moved.status, moved.reason) == (OrderStatus.CANCELLED, "user_request")
    assert moved.anomalies == {Anomaly.MOVE_AFTER_FINAL}


def test_unknown_order_counts_in_full() -> None:
    assert after(OrderSent(), OrderUnanswered(), fill("a")).open_amount == 2
    assert after(OrderSent(), OrderUnanswered()).open_amount == 3
    assert after(ACCEPTED, CANCELLED).open_amount == 0


@pytest.mark.parametrize("amount", ["0", "-1", "NaN", "Infinity"])
def test_amount_must_be_positive(amount: str) -> None:
    with pytest.raises(InvalidInput, match="amount"):
        OrderState(amount=D(amount))


EVENTS = st.one_of(
    st.just(OrderSent()),
    st.just(OrderUnanswered()),
    st.just(ACCEPTED),
    st.just(CANCELLED),
    st.just(OrderRejected(reason="x")),
    st.just(OrderExpired(reason="x")),
    st.builds(OrderEdited, amount=st.integers(1, 9).map(Decimal), price=st.just(D("0.03"))),
    st.sampled_from([fill(name, 1 + n % 3) for n, name in enumerate("abcdef")]),
)


@given(st.lists(EVENTS, max_size=30))
def test_no_sequence_loses_a_fill_or_counts_one_twice(events: list[OrderEvent]) -> None:
    state = NEW
    for event in events:
        before = state
        state = advance(before, event)
        if before.status.is_final and not isinstance(event, OrderFilled):
            assert state.status is before.status
    fills = {one.trade_id: one.amount for one in events if isinstance(one, OrderFilled)}
    assert state.filled_amount == sum(fills.values(), D(0))
    assert state.trade_ids == set(fills)
    assert state.open_amount >= 0
    if state.filled_amount > state.amount and Anomaly.OVERFILL not in state.anomalies:
        assert any(isinstance(one, OrderEdited) for one in events)
