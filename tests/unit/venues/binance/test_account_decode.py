"""Private messages: captured REST answers, user-stream events after the venue's documents."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantdesk.domain.account import (
    AccountStateReport,
    BalanceReport,
    FeeRates,
    GreeksReport,
    OpenOrdersListed,
    OrderReport,
    PositionReport,
    PositionsListed,
    TradeReport,
)
from quantdesk.domain.events import FrameSetAside, VenueTime
from quantdesk.domain.instrument import Side
from quantdesk.domain.order import OrderStatus, TimeInForce
from quantdesk.venues.binance import account_events_of

from .payloads import ASKED_MS, CAPTURED, RECV_NS, frame, rest
from .scripted import MARGIN_ACCOUNT

MS = 1_000_000
STAMP = 1_762_855_900_452

# After the documents: no capture of the user stream's present format exists.
SUMS = {
    "e": "ACCOUNT_UPDATE",
    "E": STAMP,
    "T": STAMP - 1,
    "eq": "10000371.61462086",
    "aeq": "10000371.61462086",
    "b": "10000475.51032086",
    "m": "-103.89570000",
    "u": "16.10430000",
    "i": "3115.1",
    "M": "1557.5",
}
CHANGES = {
    "e": "BALANCE_POSITION_UPDATE",
    "E": STAMP,
    "T": STAMP - 1,
    "m": "ORDER",
    "B": [{"a": "USDT", "b": "10000475.51032086", "bc": "-0.5"}],
    "P": [{"s": "BTC-251219-89000-C", "c": "-0.1", "p": "-103.8957", "a": "1200"}],
}
GREEKS = {
    "e": "GREEK_UPDATE",
    "E": STAMP,
    "T": STAMP - 1,
    "G": [{"u": "BTCUSDT", "d": "-0.05", "g": "-0.00001", "t": "12.5", "v": "-3.1"}],
}
ORDER = {
    "s": "BTC-251219-89000-C",
    "c": "desk-1",
    "S": "SELL",
    "o": "LIMIT",
    "f": "GTC",
    "q": "0.50",
    "p": "1200",
    "ap": "1201",
    "x": "TRADE",
    "X": "PARTIALLY_FILLED",
    "i": 4611875134427365377,
    "l": "0.10",
    "z": "0.20",
    "L": "1202",
    "N": "USDT",
    "n": "-0.5",
    "T": STAMP - 2,
    "t": 77,
    "b": "0",
    "a": "0.30",
    "m": False,
    "R": False,
    "ot": "LIMIT",
    "rp": "1.5",
    "V": "EXPIRE_MAKER",
}
TRADED = {"e": "ORDER_TRADE_UPDATE", "E": STAMP, "T": STAMP - 1, "o": ORDER}
RISK = {"e": "RISK_LEVEL_CHANGE", "E": STAMP, "s": "REDUCE_ONLY", "mb": "1534.1", "mm": "25"}
PUSHES = [SUMS, CHANGES, GREEKS, TRADED, RISK]


def reports(payload: dict[str, Any] | bytes) -> tuple[object, ...]:
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return account_events_of(frame(raw))


def only_refusal(payload: dict[str, Any] | bytes) -> FrameSetAside:
    (refused,) = reports(payload)
    assert isinstance(refused, FrameSetAside)
    return refused


def order(**changes: Any) -> dict[str, Any]:
    return {**TRADED, "o": {**ORDER, **changes}}


def test_sums_of_the_account_keep_the_venues_identity() -> None:
    (balance,) = reports(SUMS)
    assert balance == BalanceReport(
        venue="binance",
        currency="USDT",
        event_ns=STAMP * MS,
        recv_ns=RECV_NS,
        cash=Decimal("10000475.51032086"),
        equity=Decimal("10000371.61462086"),
        initial_margin=Decimal("3115.1"),
        maintenance_margin=Decimal("1557.5"),
        unrealised_pnl=Decimal("16.10430000"),
    )
    # The identity that the reference recomputed: equity is cash and the signed option value.
    assert balance.cash is not None
    assert balance.equity == balance.cash + Decimal(str(SUMS["m"]))


def test_changed_balances_and_positions_are_told_apart() -> None:
    balance, position = reports(CHANGES)
    assert isinstance(balance, BalanceReport)
    assert (balance.cash, balance.equity) == (Decimal("10000475.51032086"), None)
    assert position == PositionReport(
        venue="binance",
        instrument_name="BTC-251219-89000-C",
        event_ns=STAMP * MS,
        recv_ns=RECV_NS,
        quantity=Decimal("-0.1"),
        average_price=Decimal(1200),
        value=Decimal("-103.8957"),
    )


def test_greeks_are_the_venues_own_of_an_underlying() -> None:
    assert reports(GREEKS) == (
        GreeksReport(
            venue="binance",
            underlying="BTCUSDT",
            event_ns=STAMP * MS,
            recv_ns=RECV_NS,
            delta=-0.05,
            gamma=-0.00001,
            vega=-3.1,
            theta=12.5,
        ),
    )


def test_trade_of_an_order_comes_before_its_new_state() -> None:
    trade, state = reports(TRADED)
    assert trade == TradeReport(
        venue="binance",
        instrument_name="BTC-251219-89000-C",
        event_ns=(STAMP - 2) * MS,
        recv_ns=RECV_NS,
        trade_id="77",
        order_id="4611875134427365377",
        client_order_id="desk-1",
        side=Side.SELL,
        price=Decimal(1202),
        amount=Decimal("0.10"),
        fee=Decimal("0.5"),
        fee_currency="USDT",
        is_maker=False,
        realised_pnl=Decimal("1.5"),
    )
    assert state == OrderReport(
        venue="binance",
        instrument_name="BTC-251219-89000-C",
        event_ns=STAMP * MS,
        recv_ns=RECV_NS,
        order_id="4611875134427365377",
        client_order_id="desk-1",
        side=Side.SELL,
        price=Decimal(1200),
        amount=Decimal("0.50"),
        filled=Decimal("0.20"),
        status=OrderStatus.PARTIAL,
        venue_status="PARTIALLY_FILLED",
        tif=TimeInForce.GTC,
        average_price=Decimal(1201),
        is_reduce_only=False,
    )


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("NEW", OrderStatus.OPEN),
        ("FILLED", OrderStatus.FILLED),
        ("CANCELED", OrderStatus.CANCELLED),
        ("REJECTED", OrderStatus.REJECTED),
        ("EXPIRED", OrderStatus.EXPIRED),
        ("EXPIRED_IN_MATCH", OrderStatus.EXPIRED),
    ],
)
def test_words_of_an_orders_life(word: str, status: OrderStatus) -> None:
    (state,) = reports(order(X=word, x="CANCELED"))
    assert isinstance(state, OrderReport)
    assert (state.status, state.venue_status) == (status, word)


def test_post_only_is_good_til_cancelled() -> None:
    (state,) = reports(order(f="GTX", x="NEW", X="NEW", ap="0", c=""))
    assert isinstance(state, OrderReport)
    assert (state.tif, state.is_post_only) == (TimeInForce.GTC, True)
    assert (state.average_price, state.client_order_id) == (None, None)


@pytest.mark.parametrize("prefix", ["autoclose-1", "adl_autoclose"])
def test_liquidation_is_known_by_its_client_id(prefix: str) -> None:
    (state,) = reports(order(c=prefix, x="NEW", X="NEW"))
    assert isinstance(state, OrderReport)
    assert state.is_forced


def test_reduce_only_account_is_told() -> None:
    (state,) = reports(RISK)
    assert isinstance(state, AccountStateReport)
    assert (state.is_reduce_only, state.can_trade) == (True, None)


@pytest.mark.parametrize(
    "payload",
    [
        {"e": "@dataStream#expired", "expiration": STAMP},
        {"e": "listenKeyExpired", "E": str(STAMP), "listenKey": "abc"},
        {"e": "listenKeyExpired", "E": STAMP, "listenKey": "abc"},
    ],
)
def test_end_of_the_stream_is_the_feeds_business_in_each_spelling(
    payload: dict[str, Any],
) -> None:
    assert reports(payload) == ()


def test_captured_positions_are_one_whole_list() -> None:
    (listed,) = reports(rest("position", CAPTURED["order", "TestPosition"]))
    assert isinstance(listed, PositionsListed)
    assert listed.event_ns == ASKED_MS * MS
    assert listed.positions == (
        PositionReport(
            venue="binance",
            instrument_name="DOGE-240531-0.14-C",
            event_ns=1717047449679 * MS,
            recv_ns=RECV_NS,
            quantity=Decimal("0.01"),
            average_price=Decimal("24.3"),
            mark_price=Decimal("21.6621"),
            value=Decimal("0.216621"),
            unrealised_pnl=Decimal("-0.026379"),
        ),
    )


def test_no_positions_are_a_list_too() -> None:
    (listed,) = reports(rest("position", []))
    assert isinstance(listed, PositionsListed)
    assert listed.positions == ()


def test_captured_open_orders_have_ids_beyond_53_bits() -> None:
    (listed,) = reports(rest("openOrders", CAPTURED["order", "TestListOpenOrders"]))
    assert isinstance(listed, OpenOrdersListed)
    assert [each.order_id for each in listed.orders] == [
        "4710989013445263361",
        "4710989013445263360",
    ]
    first = listed.orders[0]
    assert (first.client_order_id, first.status, first.venue_status) == (
        "053021",
        OrderStatus.OPEN,
        "ACCEPTED",
    )
    assert (first.price, first.amount, first.filled) == (
        Decimal("4.2000"),
        Decimal("0.01"),
        Decimal(0),
    )
    assert (first.is_post_only, first.is_reduce_only, first.average_price) == (False, False, None)
    assert first.created_ns == 1717666656964 * MS


def test_captured_trade_charges_a_positive_fee() -> None:
    (trade,) = reports(rest("userTrades", CAPTURED["order", "TestUserTrades"]))
    assert isinstance(trade, TradeReport)
    assert trade.fee == Decimal("0.00049172")
    assert trade.fee_currency == "USDT"
    assert (trade.trade_id, trade.order_id) == ("62", "4729000875681705984")
    assert (trade.is_maker, trade.side) == (False, Side.BUY)
    # The same trade's line in the captured account statement takes the fee from the balance.
    fee_line = CAPTURED["order", "TestBill"][0]
    assert (fee_line["type"], Decimal(fee_line["amount"])) == ("FEE", -trade.fee)


def test_margin_account_gives_balances_rights_and_greeks() -> None:
    balance, state, greeks = reports(rest("marginAccount", MARGIN_ACCOUNT))
    assert isinstance(balance, BalanceReport)
    assert (balance.currency, balance.available) == ("USDT", Decimal("96883.72734374"))
    assert balance.maintenance_margin == Decimal(0)
    assert isinstance(state, AccountStateReport)
    assert (state.can_withdraw, state.is_reduce_only) == (True, False)
    assert isinstance(greeks, GreeksReport)
    assert (greeks.underlying, greeks.delta) == ("BTCUSDT", -0.5)


def test_commission_gives_fee_rates() -> None:
    body = {"commissions": [{"underlying": "BTCUSDT", "makerFee": "0.00024", "takerFee": "0.0003"}]}
    (rates,) = reports(rest("commission", body))
    assert isinstance(rates, FeeRates)
    assert (rates.maker, rates.taker) == (Decimal("0.00024"), Decimal("0.0003"))


def test_clock_of_the_account_line_is_told() -> None:
    (clock,) = reports(rest("time", {"serverTime": STAMP}))
    assert clock == VenueTime(venue="binance", event_ns=STAMP * MS, recv_ns=RECV_NS)


def test_refused_question_is_counted() -> None:
    refused = only_refusal(rest("position", {"code": -2015, "msg": "Invalid API-key"}, status=401))
    assert (refused.kind, refused.detail) == (
        "venue_error",
        "GET /eapi/v1/position: HTTP 401, -2015 Invalid API-key",
    )


@pytest.mark.parametrize(
    "case", [case for case in CAPTURED if case[1].startswith("TestUserDataServe")]
)
def test_user_stream_of_the_format_before_2026_is_not_misread(case: tuple[str, str]) -> None:
    made = reports(json.dumps(CAPTURED[case]).encode())
    if CAPTURED[case]["e"] == "RISK_LEVEL_CHANGE":
        assert isinstance(made[0], AccountStateReport)  # the one event that stayed as it was
    else:
        assert [type(event) for event in made] == [FrameSetAside]


@pytest.mark.parametrize("name", ["position", "openOrders"])
def test_list_with_one_bad_record_is_refused_whole(name: str) -> None:
    key = "TestPosition" if name == "position" else "TestListOpenOrders"
    good = CAPTURED["order", key][0]
    for bad in (
        {**good, "quantity": "NaN"},
        {**good, "quantity": 1},
        {**good, "side": "X"},
        {**good, "symbol": "BTCUSDT"},
        {k: v for k, v in good.items() if k != "quantity"},
    ):
        refused = only_refusal(rest(name, [good, bad]))
        assert refused.is_refused


def test_side_that_contradicts_the_sign_is_refused() -> None:
    record = {**CAPTURED["order", "TestPosition"][0], "quantity": "-0.01"}
    assert only_refusal(rest("position", [record])).kind == "bad_field"


def test_bad_trade_costs_no_more_than_itself() -> None:
    good = CAPTURED["order", "TestUserTrades"][0]
    trade, counted = reports(rest("userTrades", [{**good, "price": 5}, good]))
    assert isinstance(trade, TradeReport)
    assert isinstance(counted, FrameSetAside)
    assert (counted.is_refused, counted.detail) == (False, "1 trades are left out")


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"X": "SLEEPING"}, "unknown_state"),
        ({"S": "HOLD"}, "bad_field"),
        ({"f": "DAY"}, "bad_field"),
        ({"q": "0"}, "out_of_range"),
        ({"q": "NaN"}, "bad_field"),
        ({"l": "0"}, "out_of_range"),
        ({"L": "-1"}, "out_of_range"),
        ({"t": None}, "missing_field"),
        ({"i": 2**63}, "bad_field"),
        ({"i": "5"}, "bad_field"),
        ({"c": "a\nb"}, "bad_field"),
        ({"c": "x" * 65}, "bad_field"),
        ({"N": "US\u202eDT"}, "bad_field"),
        ({"s": "BTCUSDT"}, "unknown_kind"),
    ],
)
def test_order_that_makes_no_sense_is_refused(changes: dict[str, Any], kind: str) -> None:
    assert only_refusal(order(**changes)).kind == kind


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (b"", "not_json"),
        (b"{}", "bad_envelope"),
        (b'{"e":"SOMETHING_NEW"}', "unknown_event"),
        (b'{"e":"ACCOUNT_UPDATE","e":"ACCOUNT_UPDATE"}', "missing_field"),
        (json.dumps(SUMS).encode().replace(b'"eq"', b'"b": "1", "eq"'), "duplicate_field"),
        (rest("bill", []), "unknown_method"),
        (rest("position", [], asked_ms=None), "bad_envelope"),
        (rest("position", b"<html>"), "not_json"),
        (rest("marginAccount", {**MARGIN_ACCOUNT, "time": 1}), "out_of_range"),
        (rest("marginAccount", {**MARGIN_ACCOUNT, "canTrade": "yes"}), "bad_field"),
    ],
)
def test_bytes_that_are_no_private_message_are_refused(payload: bytes, kind: str) -> None:
    assert only_refusal(payload).kind == kind


def test_unknown_field_is_named_and_the_rest_is_used() -> None:
    trade, state, counted = reports(order(zz="1"))
    assert isinstance(trade, TradeReport)
    assert isinstance(state, OrderReport)
    assert isinstance(counted, FrameSetAside)
    assert (counted.kind, counted.detail) == ("unknown_field", "o.zz")


@settings(max_examples=200)
@given(st.binary(max_size=300))
def test_any_bytes_make_reports(payload: bytes) -> None:
    assert all(isinstance(event, FrameSetAside) for event in reports(payload))


@settings(max_examples=300)
@given(st.sampled_from(PUSHES), st.integers(0, 2**32))
def test_any_flip_of_a_push_makes_reports(push: dict[str, Any], seed: int) -> None:
    rng = random.Random(seed)
    payload = bytearray(json.dumps(push).encode())
    for _ in range(rng.randrange(1, 5)):
        at = rng.randrange(len(payload))
        payload[at : at + rng.randrange(3)] = rng.choice((b'"', b"9", b"-", b"null", b"{", b"\xff"))
    for event in reports(bytes(payload)):
        if isinstance(event, TradeReport):
            assert event.price > 0
            assert event.amount > 0
