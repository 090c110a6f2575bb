"""Private frames made into reports: signs, words, what is whole and what is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantdesk.domain.account import (
    BalanceReport,
    GreeksReport,
    OrderReport,
    PositionReport,
    PositionsListed,
    TradeReport,
)
from quantdesk.domain.events import FrameSetAside, PlatformState, RawFrame, VenueTime
from quantdesk.domain.instrument import Side
from quantdesk.domain.order import OrderStatus, TimeInForce
from quantdesk.venues.deribit import account_events_of, events_of

from .scripted_account import STAMP_MS, json_bytes, order, position, summary, trade

SHARED = Path(__file__).parents[4].parent / "shared" / "data" / "deribit" / "api_payloads"
MakeFrame = Callable[[bytes], RawFrame]


def push(channel: str, data: object) -> bytes:
    params = {"channel": channel, "data": data}
    return json_bytes({"jsonrpc": "2.0", "method": "subscription", "params": params})


def answer(method: str, result: object) -> bytes:
    return json_bytes(
        {
            "jsonrpc": "2.0",
            "id": f"{method}##9",
            "result": result,
            "usIn": STAMP_MS * 1000,
            "usOut": STAMP_MS * 1000,
            "usDiff": 0,
            "testnet": True,
        }
    )


def only(events: tuple[Any, ...], kind: type[Any]) -> Any:
    """The one event of `kind`, and nothing that was not understood."""
    assert not [e for e in events if isinstance(e, FrameSetAside) and kind is not FrameSetAside]
    (found,) = [event for event in events if isinstance(event, kind)]
    return found


def order_of(frame_of: MakeFrame, **changes: Any) -> OrderReport:
    events = account_events_of(frame_of(push("user.orders.any.any.raw", order(**changes))))
    found: OrderReport = only(events, OrderReport)
    return found


def test_order_is_reported_verbatim(frame_of: MakeFrame) -> None:
    report = order_of(frame_of)
    assert report.order_id == "BTC-109559973994"
    assert report.client_order_id == "qd-1"
    assert (report.side, report.price) == (Side.BUY, Decimal("0.0125"))
    assert (report.amount, report.filled) == (Decimal("2.0"), Decimal("0.5"))
    assert (report.status, report.venue_status) == (OrderStatus.PARTIAL, "open")
    assert report.tif is TimeInForce.GTC
    assert (report.is_post_only, report.is_reduce_only, report.is_forced) == (True, False, False)
    assert report.event_ns == STAMP_MS * 1_000_000
    assert report.created_ns == (STAMP_MS - 1_000) * 1_000_000


@pytest.mark.parametrize(
    ("state", "filled", "status"),
    [
        ("open", 0.0, OrderStatus.OPEN),
        ("open", 0.1, OrderStatus.PARTIAL),
        ("filled", 2.0, OrderStatus.FILLED),
        ("cancelled", 0.5, OrderStatus.CANCELLED),
        ("rejected", 0.0, OrderStatus.REJECTED),
        ("untriggered", 0.0, OrderStatus.OPEN),
        ("triggered", 0.0, OrderStatus.OPEN),
    ],
)
def test_order_states_are_known_by_name(
    state: str, filled: float, status: OrderStatus, frame_of: MakeFrame
) -> None:
    report = order_of(frame_of, order_state=state, filled_amount=filled)
    assert (report.status, report.venue_status) == (status, state)


@pytest.mark.parametrize("price", ["market_price", None, 0.0])
def test_an_order_without_a_price_yet_has_none(price: object, frame_of: MakeFrame) -> None:
    assert order_of(frame_of, price=price).price is None


def test_orders_come_alone_or_in_a_list(frame_of: MakeFrame) -> None:
    both = [order(), order(order_id="BTC-2", label="")]
    events = account_events_of(frame_of(push("user.orders.option.BTC.100ms", both)))
    assert [(e.order_id, e.client_order_id) for e in events if isinstance(e, OrderReport)] == [
        ("BTC-109559973994", "qd-1"),
        ("BTC-2", None),
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"price": "0.0125"},
        {"price": -0.1},
        {"price": True},
        {"amount": "2"},
        {"direction": "long"},
        {"order_state": "pending"},
        {"order_id": "a b"},
        {"last_update_timestamp": 5},
        {"instrument_name": "???"},
    ],
)
def test_an_order_with_one_wrong_field_is_set_aside(
    changes: dict[str, Any], frame_of: MakeFrame
) -> None:
    (note,) = account_events_of(frame_of(push("user.orders.any.any.raw", order(**changes))))
    assert isinstance(note, FrameSetAside)
    assert note.is_refused


def test_a_list_with_one_bad_order_is_no_list(frame_of: MakeFrame) -> None:
    payload = answer("private/get_open_orders", [order(), order(amount=None)])
    events = account_events_of(frame_of(payload))
    assert [type(event) for event in events] == [FrameSetAside]


def test_trade_is_reported_verbatim(frame_of: MakeFrame) -> None:
    payload = push("user.trades.any.any.raw", [trade(fee=-0.0001, profit_loss=0.02)])
    report = only(account_events_of(frame_of(payload)), TradeReport)
    assert (report.trade_id, report.order_id) == ("BTC-5001", "BTC-109559973994")
    assert (report.price, report.amount, report.side) == (
        Decimal("0.0125"),
        Decimal("0.5"),
        Side.BUY,
    )
    assert (report.fee, report.fee_currency) == (Decimal("-0.0001"), "BTC")
    assert (report.is_maker, report.realised_pnl) == (True, Decimal("0.02"))


def test_a_combos_trade_is_reported_leg_by_leg(frame_of: MakeFrame) -> None:
    legs = [trade(trade_id="BTC-1"), trade(trade_id="BTC-2", direction="sell")]
    combo = trade(
        trade_id="BTC-3", instrument_name="BTC-CS-28JUN26-60000_62000", price=-0.001, legs=legs
    )
    events = account_events_of(frame_of(push("user.combo_trades.any.any.raw", [combo])))
    assert [e.trade_id for e in events if isinstance(e, TradeReport)] == ["BTC-1", "BTC-2"]


@pytest.mark.parametrize(
    ("direction", "size", "quantity"),
    [("buy", 2.0, "2.0"), ("sell", -2.0, "-2.0"), ("sell", 2.0, "-2.0"), ("zero", 0.0, "0")],
)
def test_positions_are_signed_by_their_direction(
    direction: str, size: float, quantity: str, frame_of: MakeFrame
) -> None:
    changes = {
        "instrument_name": "BTC-28JUN26-60000-C",
        "orders": [],
        "trades": [],
        "positions": [position(direction=direction, size=size)],
    }
    report = only(
        account_events_of(frame_of(push("user.changes.any.any.raw", changes))), PositionReport
    )
    assert report.quantity == Decimal(quantity)
    assert report.unrealised_pnl == Decimal("0.0006")


def test_funding_of_a_perpetual_is_that_of_its_session(frame_of: MakeFrame) -> None:
    perpetual = position(instrument_name="BTC-PERPETUAL", realized_funding=-0.00012)
    events = account_events_of(frame_of(answer("private/get_positions", [perpetual, position()])))
    listed = events[1]
    assert isinstance(listed, PositionsListed)
    assert [one.session_funding for one in listed.positions] == [Decimal("-0.00012"), None]


def test_flat_positions_are_not_listed_as_open(frame_of: MakeFrame) -> None:
    both = [position(), position(instrument_name="BTC-PERPETUAL", direction="zero", size=0.0)]
    events = account_events_of(frame_of(answer("private/get_positions", both)))
    assert isinstance(events[0], VenueTime)
    listed = events[1]
    assert [p.instrument_name for p in listed.positions] == ["BTC-28JUN26-60000-C"]  # type: ignore[union-attr]


def test_money_and_greeks_of_a_summary(frame_of: MakeFrame) -> None:
    payload = answer("private/get_account_summaries", {"summaries": [summary()]})
    events = account_events_of(frame_of(payload))
    balance = only(events, BalanceReport)
    assert balance.equity == Decimal("10.2317")
    assert (balance.available, balance.unrealised_pnl) == (Decimal("10.0317"), Decimal("-0.0183"))
    assert (balance.initial_margin, balance.maintenance_margin) == (Decimal("0.2"), Decimal("0.1"))
    assert balance.is_margin_shared is False
    greeks = only(events, GreeksReport)
    assert (greeks.underlying, greeks.delta, greeks.theta) == ("BTC", -1.1, 82.8)


def test_margins_of_a_cross_margined_account_are_said_to_be_shared(frame_of: MakeFrame) -> None:
    data = summary(margin_model="cross_pm", delta_total_map={"sol_usdc": 1.0})
    events = account_events_of(frame_of(push("user.portfolio.any", data)))
    assert only(events, BalanceReport).is_margin_shared is True
    assert only(events, BalanceReport).margin_model == "cross_pm"
    names = [event.underlying for event in events if isinstance(event, GreeksReport)]
    assert names == ["BTC", "SOL_USDC"]


def test_an_unknown_field_is_named_and_the_rest_used(frame_of: MakeFrame) -> None:
    events = account_events_of(frame_of(push("user.orders.any.any.raw", order(starlight=1))))
    assert isinstance(events[0], OrderReport)
    assert isinstance(events[1], FrameSetAside)
    assert "starlight" in events[1].detail
    assert not events[1].is_refused


def test_private_frames_are_none_of_the_markets_business(frame_of: MakeFrame) -> None:
    (note,) = events_of(frame_of(push("user.orders.any.any.raw", order())))
    assert isinstance(note, FrameSetAside)
    assert note.kind == "unknown_channel"


def test_market_frames_are_none_of_the_accounts_business(frame_of: MakeFrame) -> None:
    index = {"index_name": "btc_usd", "price": 1.5, "timestamp": STAMP_MS}
    assert account_events_of(frame_of(push("deribit_price_index.btc_usd", index))) == ()
    (state,) = account_events_of(frame_of(push("platform_state", {"maintenance": True})))
    assert isinstance(state, PlatformState)


def test_a_refusal_is_set_aside_with_the_question(frame_of: MakeFrame) -> None:
    body = {"id": "private/get_positions##3", "error": {"code": 13021, "message": "forbidden"}}
    (note,) = account_events_of(frame_of(json_bytes({"jsonrpc": "2.0", **body})))
    assert isinstance(note, FrameSetAside)
    assert "get_positions##3: 13021 forbidden" in note.detail


@given(payload=st.binary(max_size=400))
def test_any_bytes_give_events_and_never_an_exception(payload: bytes) -> None:
    frame = RawFrame(venue="deribit", connection="a", recv_ns=1, payload=payload)
    assert isinstance(account_events_of(frame), tuple)


NOT_A_NUMBER = re.compile(r"NaN|Infinity|\b(?:nan|inf)\b")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*order(), *trade(), *position()]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(
    data=JSON,
    kind=st.sampled_from(["orders", "trades", "changes", "portfolio", "lock", "x"]),
    name=st.sampled_from(list(order())),
)
def test_any_values_give_events_and_never_an_exception(data: object, kind: str, name: str) -> None:
    for value in (data, order(**{name: data}), [trade(**{name: data})], summary(balance=data)):
        payload = push(f"user.{kind}.any.any.raw", value)
        frame = RawFrame(venue="deribit", connection="a", recv_ns=1, payload=payload)
        for event in account_events_of(frame):
            assert not NOT_A_NUMBER.search(repr(event)) or isinstance(event, FrameSetAside)


@pytest.mark.skipif(not SHARED.exists(), reason="the shared recordings are not here")
def test_captured_summaries_are_understood_whole(frame_of: MakeFrame) -> None:
    captured = json.loads((SHARED / "http_get_account_summaries.json").read_bytes())
    payload = answer("private/get_account_summaries", captured["result"])
    events = account_events_of(frame_of(payload))
    balances = [event for event in events if isinstance(event, BalanceReport)]
    assert ("BTC", Decimal("302.60065765")) in {(b.currency, b.cash) for b in balances}
    assert not [event for event in events if isinstance(event, FrameSetAside)]


@pytest.mark.skipif(not SHARED.exists(), reason="the shared recordings are not here")
def test_captured_portfolio_is_understood_whole(frame_of: MakeFrame) -> None:
    events = account_events_of(frame_of((SHARED / "ws_portfolio.json").read_bytes()))
    balance = only(events, BalanceReport)
    assert (balance.currency, balance.cash) == ("USDT", Decimal("55.00055"))
    assert balance.is_margin_shared is True


@pytest.mark.skipif(not SHARED.exists(), reason="the shared recordings are not here")
@pytest.mark.parametrize("name", ["buy", "sell", "edit", "cancel"])
def test_captured_orders_are_understood_whole(name: str, frame_of: MakeFrame) -> None:
    captured = json.loads((SHARED / f"ws_order_{name}_response.json").read_bytes())["result"]
    found = captured.get("order", captured)
    events = account_events_of(frame_of(push("user.orders.any.any.raw", found)))
    report = only(events, OrderReport)
    assert report.order_id == found["order_id"]
    assert report.price == Decimal(str(found["price"]))
