"""What the venue answers to orders that it will not take: the code of each refusal."""

from __future__ import annotations

import pytest

from quantdesk.runtime.clock import ManualClock
from quantdesk.simulator import DeribitServer, SimulatedVenue
from tests.unit.simulator.deribit.client import Client
from tests.unit.simulator.test_venue import FIRST_EXPIRY_NS, NS_PER_S, run_for, run_to

NAME = "BTC-25SEP26-60000-C"
FUTURE = "BTC-PERPETUAL"
OPTION: dict[str, object] = {"instrument_name": NAME, "amount": 1, "price": 0.02}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"instrument_name": "BTC-1JAN20-1-C"}, 13020),
        ({"instrument_name": None}, -32602),
        ({"amount": None}, -32602),
        ({"amount": "many"}, -32602),
        ({"amount": 0}, 10021),
        ({"amount": -1}, 10021),
        ({"amount": 0.05}, 10027),
        ({"amount": 0.15}, 10027),
        ({"amount": 1e30}, 10022),
        ({"price": 0}, 10023),
        ({"price": -0.01}, 10023),
        ({"price": 0.02001}, 10043),
        ({"price": 1e30}, 10023),
        ({"price": "high"}, -32602),
        ({"price": 3.0}, 10007),
        ({"type": "pegged"}, -32602),
        ({"time_in_force": "forever"}, -32602),
        ({"type": "market", "time_in_force": "immediate_or_cancel"}, 11047),
        ({"label": "x" * 65}, -32602),
        ({"post_only": True, "time_in_force": "immediate_or_cancel"}, 11055),
        ({"post_only": True, "time_in_force": "good_til_day"}, 11055),
        ({"post_only": True, "type": "market"}, 11055),
        ({"post_only": "yes"}, -32602),
        ({"valid_until": 1}, 13888),
        ({"advanced": "implv"}, 11030),
        ({"advanced": "usd", "post_only": True}, 11039),
        ({"display_amount": 0.1}, 11048),
        ({"mmp": True}, 11030),
        ({"linked_order_type": "one_cancels_other"}, 11030),
        ({"type": "stop_limit", "trigger": "mark_price", "trigger_price": 0.05}, 11030),
        ({"type": "trailing_stop", "trigger_offset": 0.01}, 11030),
        ({"amount": 500}, 10009),
    ],
)
async def test_bad_order_has_its_code(trader: Client, change: dict[str, object], code: int) -> None:
    error = await trader.error("private/buy", **{**OPTION, **change})
    assert error["code"] == code, error
    assert await trader.result("private/get_open_orders") == []


async def test_missing_amount_and_price_are_named(trader: Client) -> None:
    error = await trader.error("private/buy", instrument_name=NAME, price=0.02)
    assert error["data"] == {"reason": "required", "param": "amount"}
    error = await trader.error("private/buy", instrument_name=NAME, amount=1)
    assert error["data"] == {"reason": "required", "param": "price"}


async def test_sell_below_the_band_names_the_limit(trader: Client) -> None:
    name = "BTC-25SEP26-50000-C"
    ticker = await trader.result("public/ticker", instrument_name=name)
    lowest = ticker["min_price"]
    price = round(lowest - 0.0005, 4)
    assert price > 0
    error = await trader.error("private/sell", instrument_name=name, amount=1, price=price)
    assert error["code"] == 10005
    assert float(error["message"].removeprefix("price_too_low ")) == lowest


async def test_advanced_orders_are_not_for_futures(trader: Client) -> None:
    order = {"instrument_name": FUTURE, "amount": 100, "price": 60_000.0}
    assert (await trader.error("private/buy", **order, advanced="usd"))["code"] == 11038
    assert (await trader.error("private/buy", **order, display_amount=10))["code"] == 11030
    assert (await trader.error("private/buy", **{**order, "amount": 15}))["code"] == 10027
    assert (await trader.error("private/buy", **{**order, "price": 60_000.1}))["code"] == 10043


async def test_naked_short_without_funds_is_refused(trader: Client) -> None:
    error = await trader.error("private/sell", instrument_name=NAME, amount=200, price=0.12)
    assert (error["code"], error["message"]) == (10009, "not_enough_funds")


@pytest.mark.parametrize("order_id", ["", "x", "BTC-1", "104800000001", "BTC-99999999999999999999"])
async def test_unknown_order_is_not_found(trader: Client, order_id: str) -> None:
    for method in ("edit", "cancel", "get_order_state"):
        error = await trader.error(f"private/{method}", order_id=order_id, amount=1, price=0.02)
        assert error["code"] == 10004


async def test_another_accounts_order_is_not_touched(trader: Client, other: Client) -> None:
    order = await trader.order("buy", NAME, amount=1, price=0.02)
    for method in ("edit", "cancel", "get_order_state"):
        error = await other.error(
            f"private/{method}", order_id=order["order_id"], amount=2, price=0.02
        )
        assert error["code"] == 10029
    open_orders = await trader.result("private/get_open_orders")
    assert [one["amount"] for one in open_orders] == [1.0]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"amount": 0}, 10021),
        ({"amount": 0.05}, 10027),
        ({"price": 0.02001}, 10043),
        ({"price": 3.0}, 10007),
        ({"mmp": True}, -32602),
        ({"advanced": "usd"}, 11041),
        ({"valid_until": 1}, 13888),
        ({"amount": 1000}, 10009),
    ],
)
async def test_bad_edit_has_its_code_and_changes_nothing(
    trader: Client, change: dict[str, object], code: int
) -> None:
    order = await trader.order("buy", NAME, amount=1, price=0.02)
    edit = {"order_id": order["order_id"], "amount": 2, "price": 0.021, **change}
    assert (await trader.error("private/edit", **edit))["code"] == code
    (standing,) = await trader.result("private/get_open_orders")
    assert standing == order


async def test_edit_of_a_finished_order_says_how_it_ended(trader: Client) -> None:
    filled = await trader.order("buy", NAME, amount=1, type="market")
    edit = {"amount": 2, "price": 0.02}
    error = await trader.error("private/edit", order_id=filled["order_id"], **edit)
    assert (error["code"], error["message"]) == (11008, "already_filled")
    order = await trader.order("buy", NAME, amount=1, price=0.02)
    await trader.result("private/cancel", order_id=order["order_id"])
    error = await trader.error("private/edit", order_id=order["order_id"], **edit)
    assert error["code"] == 11044


async def test_edit_below_what_is_filled_is_refused(trader: Client, other: Client) -> None:
    ticker = await trader.result("public/ticker", instrument_name=NAME)
    price = round(ticker["best_bid_price"] + 0.0005, 4)
    order = await trader.order("buy", NAME, amount=2, price=price)
    await other.order("sell", NAME, amount=1, price=price)
    edit = {"order_id": order["order_id"], "amount": 0.5, "price": price}
    assert (await trader.error("private/edit", **edit))["code"] == 11008


async def test_matching_pauses_while_the_venue_settles(
    trader: Client, server: DeribitServer, venue: SimulatedVenue, clock: ManualClock
) -> None:
    order = await trader.order("buy", NAME, amount=1, price=0.02)
    run_to(venue, clock, FIRST_EXPIRY_NS + NS_PER_S)
    server.pump()
    for method, params in (
        ("buy", OPTION),
        ("edit", {"order_id": order["order_id"], "amount": 2, "price": 0.02}),
        ("cancel", {"order_id": order["order_id"]}),
        ("cancel_all", {}),
    ):
        error = await trader.error(f"private/{method}", **params)
        assert (error["code"], error["message"]) == (10041, "settlement_in_progress")
    run_for(clock, 5 * NS_PER_S)
    server.pump()
    ended = await trader.result("private/cancel", order_id=order["order_id"])
    assert ended["order_state"] == "cancelled"


async def test_delivered_option_takes_no_order(
    trader: Client, server: DeribitServer, venue: SimulatedVenue, clock: ManualClock
) -> None:
    run_to(venue, clock, FIRST_EXPIRY_NS + 60 * NS_PER_S)
    server.pump()
    gone = {"instrument_name": "BTC-28JUN26-60000-C", "amount": 1, "price": 0.01}
    error = await trader.error("private/buy", **gone)
    assert (error["code"], error["message"]) == (13019, "orderbook_closed")


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("cancel_all_by_currency", {"currency": "DOGE"}),
        ("cancel_all_by_currency", {"currency": "BTC", "kind": "warrant"}),
        ("cancel_all_by_currency", {"currency": "BTC", "type": "market"}),
        ("cancel_all_by_currency_pair", {"currency_pair": "doge_usd"}),
        ("cancel_all_by_kind_or_type", {"currency": ["BTC", "DOGE"]}),
        ("cancel_by_label", {}),
        ("cancel_by_label", {"label": "a", "currency": "DOGE"}),
        ("close_position", {"instrument_name": NAME, "type": "stop"}),
        ("close_position", {"instrument_name": NAME, "type": "limit"}),
        ("set_self_trading_config", {"mode": "allow"}),
        ("get_open_orders", {"kind": "warrant"}),
        ("get_open_orders_by_currency", {"currency": "DOGE"}),
        ("get_order_history_by_currency", {"currency": "BTC", "count": 0}),
        ("get_user_trades_by_currency", {"currency": "BTC", "count": 1001}),
        ("get_user_trades_by_currency", {"currency": "BTC", "sorting": "up"}),
        ("get_user_trades_by_currency_and_time", {"currency": "BTC"}),
        ("get_transaction_log", {"currency": "BTC"}),
        (
            "get_transaction_log",
            {"currency": "BTC", "start_timestamp": 0, "end_timestamp": 1, "count": 251},
        ),
        ("get_settlement_history_by_currency", {"currency": "BTC", "type": "gift"}),
        ("get_settlement_history_by_currency", {"currency": "BTC", "continuation": "x"}),
        ("get_positions", {"currency": "DOGE"}),
        ("get_account_summary", {"currency": "any"}),
        ("get_account_summary", {}),
        ("get_deposits", {"currency": "DOGE"}),
        ("get_deposits", {"currency": "BTC", "count": 0}),
        ("simulate_portfolio", {"currency": "BTC", "simulated_positions": {"X": 1}}),
        ("enable_cancel_on_disconnect", {"scope": "world"}),
    ],
)
async def test_bad_parameters_are_invalid(
    trader: Client, method: str, params: dict[str, object]
) -> None:
    error = await trader.error(f"private/{method}", **params)
    assert (error["code"], error["message"]) == (-32602, "Invalid params")
    assert error["data"]["param"]


@pytest.mark.parametrize(
    "method",
    [
        "cancel_all_by_instrument",
        "close_position",
        "get_open_orders_by_instrument",
        "get_order_history_by_instrument",
        "get_user_trades_by_instrument",
        "get_settlement_history_by_instrument",
        "get_position",
        "get_margins",
    ],
)
async def test_unknown_instrument_is_not_found(trader: Client, method: str) -> None:
    params = {"type": "limit", "price": 1, "amount": 1}
    error = await trader.error(f"private/{method}", instrument_name="X-PERPETUAL", **params)
    assert (error["code"], error["message"]) == (13020, "not_found")


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ("private/mass_quote", 13902),
        ("private/cancel_quotes", 13902),
        ("private/create_combo", 13025),
        ("private/get_leg_prices", 13025),
        ("private/set_mmp_config", 13025),
        ("private/get_mmp_status", 13025),
        ("private/execute_block_trade", 13025),
        ("private/create_block_rfq", 13025),
        ("private/move_positions", 13025),
    ],
)
async def test_what_is_left_for_later_has_the_venues_own_error(
    trader: Client, client: Client, method: str, code: int
) -> None:
    assert (await trader.error(method))["code"] == code
    assert (await client.error(method))["code"] == 10000


async def test_combos_are_none(trader: Client) -> None:
    assert await trader.result("public/get_combos", currency="BTC") == []
    assert await trader.result("public/get_combo_ids", currency="BTC") == []
    kinds = await trader.result("public/get_instruments", currency="BTC", kind="option_combo")
    assert kinds == []
    assert (await trader.error("public/get_combo_details", combo_id="x"))["code"] == 13020
