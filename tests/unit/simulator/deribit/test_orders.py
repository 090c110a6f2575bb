"""The life of an order over the protocol: resting, filling, editing, cancelling, and its flags."""

from __future__ import annotations

from typing import Any

import pytest

from quantdesk.runtime.clock import ManualClock
from quantdesk.simulator import DeribitServer, SimulatedVenue
from tests.unit.simulator.deribit.client import Client
from tests.unit.simulator.test_venue import NS_PER_S, run_for, run_to

NAME = "BTC-25SEP26-60000-C"
FUTURE = "BTC-PERPETUAL"
GTD_END_MS = 1_782_633_600_000
"""The next 08:00 UTC after the opening."""


async def book(client: Client, name: str) -> dict[str, Any]:
    found: dict[str, Any] = await client.result("public/get_order_book", instrument_name=name)
    return found


async def inside(client: Client, name: str) -> float:
    """A price strictly between best bid and best ask."""
    shown = await book(client, name)
    tick = 0.0005 if name == NAME else 0.5
    bid = float(shown["best_bid_price"])
    price = round(bid + tick, 4)
    assert price < shown["best_ask_price"], "the test needs a spread of two ticks"
    return price


async def state_of(client: Client, order: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = await client.result(
        "private/get_order_state", order_id=order["order_id"]
    )
    return found


async def test_resting_order_is_open_and_in_the_book(trader: Client) -> None:
    price = await inside(trader, NAME)
    told = await trader.result(
        "private/buy", instrument_name=NAME, amount=2.5, price=price, label="mine"
    )
    order = told["order"]
    assert told["trades"] == []
    assert (order["order_state"], order["filled_amount"], order["average_price"]) == ("open", 0, 0)
    assert (order["amount"], order["price"], order["label"]) == (2.5, price, "mine")
    assert order["order_id"].startswith("BTC-")
    shown = await book(trader, NAME)
    assert shown["bids"][0] == [price, 2.5]
    assert (shown["best_bid_price"], shown["best_bid_amount"]) == (price, 2.5)
    assert await state_of(trader, order) == order


async def test_taker_fills_maker_partly_then_wholly(trader: Client, other: Client) -> None:
    price = await inside(trader, NAME)
    resting = await trader.order("buy", NAME, amount=2, price=price)
    told = await other.result("private/sell", instrument_name=NAME, amount=0.5, price=price)
    assert told["order"]["order_state"] == "filled"
    (trade,) = told["trades"]
    assert (trade["amount"], trade["price"], trade["liquidity"]) == (0.5, price, "T")
    assert (trade["direction"], trade["state"]) == ("sell", "filled")
    half = await state_of(trader, resting)
    assert (half["order_state"], half["filled_amount"]) == ("open", 0.5)
    assert half["average_price"] == price
    await other.order("sell", NAME, amount=1.5, price=price)
    whole = await state_of(trader, resting)
    assert (whole["order_state"], whole["filled_amount"]) == ("filled", 2.0)
    trades = await trader.result("private/get_user_trades_by_order", order_id=resting["order_id"])
    assert [trade["amount"] for trade in trades] == [0.5, 1.5]
    assert {trade["liquidity"] for trade in trades} == {"M"}


async def test_market_order_walks_the_book(trader: Client) -> None:
    shown = await book(trader, NAME)
    (first, size), (second, _) = shown["asks"][:2]
    told = await trader.result(
        "private/buy", instrument_name=NAME, amount=round(size + 0.1, 1), type="market"
    )
    assert [trade["price"] for trade in told["trades"]] == [first, second]
    order = told["order"]
    assert (order["order_type"], order["order_state"]) == ("market", "filled")
    average = (first * size + second * 0.1) / (size + 0.1)
    assert order["average_price"] == pytest.approx(average, abs=1e-8)


async def test_market_limit_rests_at_the_best_price(trader: Client) -> None:
    shown = await book(trader, NAME)
    best, size = shown["asks"][0]
    order = await trader.order("buy", NAME, amount=round(size + 1, 1), type="market_limit")
    assert (order["order_state"], order["filled_amount"], order["price"]) == ("open", size, best)


@pytest.mark.parametrize(
    ("time_in_force", "filled"), [("immediate_or_cancel", True), ("fill_or_kill", False)]
)
async def test_what_can_not_fill_at_once_is_cancelled(
    trader: Client, time_in_force: str, filled: bool
) -> None:
    best, size = (await book(trader, NAME))["asks"][0]
    order = await trader.order(
        "buy", NAME, amount=round(size + 1, 1), price=best, time_in_force=time_in_force
    )
    assert order["order_state"] == "cancelled"
    assert order["filled_amount"] == (size if filled else 0)
    assert await trader.result("private/get_open_orders") == []


async def test_fill_or_kill_fills_where_it_can(trader: Client) -> None:
    best, size = (await book(trader, NAME))["asks"][0]
    order = await trader.order("buy", NAME, amount=size, price=best, time_in_force="fill_or_kill")
    assert (order["order_state"], order["filled_amount"]) == ("filled", size)


async def test_good_til_day_ends_at_eight(
    trader: Client, server: DeribitServer, venue: SimulatedVenue, clock: ManualClock
) -> None:
    price = 0.02
    order = await trader.order("buy", NAME, amount=1, price=price, time_in_force="good_til_day")
    run_to(venue, clock, GTD_END_MS * 10**6 - NS_PER_S)
    server.pump()
    assert (await state_of(trader, order))["order_state"] == "open"
    # The market moves by steps: the one that holds the end is over a quarter of a second later.
    run_for(clock, 2 * NS_PER_S)
    server.pump()
    ended = await state_of(trader, order)
    assert (ended["order_state"], ended["cancel_reason"]) == ("cancelled", "settlement")


async def test_post_only_is_moved_inside_the_spread_or_rejected(trader: Client) -> None:
    shown = await book(trader, NAME)
    ask = shown["best_ask_price"]
    order = await trader.order("buy", NAME, amount=1, price=ask, post_only=True)
    assert order["order_state"] == "open"
    assert shown["best_bid_price"] < order["price"] < ask
    assert (order["post_only"], order["reject_post_only"]) == (True, False)
    error = await trader.error(
        "private/buy",
        instrument_name=NAME,
        amount=1,
        price=ask,
        post_only=True,
        reject_post_only=True,
    )
    assert (error["code"], error["message"]) == (11054, "post_only_reject")


async def test_reduce_only_needs_a_position_and_never_turns_it(trader: Client) -> None:
    error = await trader.error(
        "private/sell", instrument_name=NAME, amount=1, price=0.12, reduce_only=True
    )
    assert error["code"] == 11030
    await trader.order("buy", NAME, amount=1, type="market")
    order = await trader.order("sell", NAME, amount=5, type="market", reduce_only=True)
    assert (order["filled_amount"], order["reduce_only"]) == (1.0, True)
    assert await trader.result("private/get_positions", currency="BTC") == []


async def test_resting_reduce_only_order_shrinks_with_the_position(trader: Client) -> None:
    await trader.order("buy", NAME, amount=2, type="market")
    price = (await book(trader, NAME))["best_ask_price"] + 0.01
    order = await trader.order("sell", NAME, amount=2, price=round(price, 4), reduce_only=True)
    await trader.order("sell", NAME, amount=0.5, type="market")
    assert (await state_of(trader, order))["amount"] == 1.5
    await trader.order("sell", NAME, amount=1.5, type="market")
    assert (await state_of(trader, order))["order_state"] == "cancelled"


async def test_own_orders_do_not_trade_with_each_other(trader: Client) -> None:
    price = await inside(trader, NAME)
    resting = await trader.order("buy", NAME, amount=1, price=price)
    error = await trader.error("private/sell", instrument_name=NAME, amount=1, price=price)
    assert (error["code"], error["message"]) == (10003, "order_overlap")
    mode = {"mode": "cancel_maker", "extended_to_subaccounts": False}
    assert await trader.result("private/set_self_trading_config", **mode) == "ok"
    taker = await trader.order("sell", NAME, amount=1, price=price)
    assert taker["order_state"] == "open"
    ended = await state_of(trader, resting)
    assert (ended["order_state"], ended["cancel_reason"]) == ("cancelled", "order_overlap")
    summary = await trader.result("private/get_account_summaries", extended=True)
    assert summary["self_trading_reject_mode"] == "cancel_maker"


async def test_smaller_edit_keeps_the_place_in_the_queue(trader: Client, other: Client) -> None:
    price = await inside(trader, NAME)
    mine = await trader.order("buy", NAME, amount=2, price=price)
    theirs = await other.order("buy", NAME, amount=1, price=price)
    told = await trader.result("private/edit", order_id=mine["order_id"], amount=1, price=price)
    assert (told["order"]["replaced"], told["order"]["amount"]) == (True, 1.0)
    assert told["order"]["order_id"] == mine["order_id"]
    # Had the edit moved it behind, the seller would meet his own order first, and be refused.
    await other.order("sell", NAME, amount=1, price=price)
    assert (await state_of(trader, mine))["order_state"] == "filled"
    assert (await state_of(other, theirs))["order_state"] == "open"


async def test_larger_edit_loses_the_place(trader: Client, other: Client) -> None:
    price = await inside(trader, NAME)
    mine = await trader.order("buy", NAME, amount=1, price=price)
    await other.order("buy", NAME, amount=1, price=price)
    edit = {"order_id": mine["order_id"], "amount": 1.5, "price": price}
    await trader.result("private/edit", **edit)
    # Now the other's own order stands first, and it will not trade with itself.
    error = await other.error("private/sell", instrument_name=NAME, amount=1, price=price)
    assert error["code"] == 10003


async def test_edited_price_may_trade_at_once(trader: Client) -> None:
    order = await trader.order("buy", NAME, amount=1, price=0.02)
    ask = (await book(trader, NAME))["best_ask_price"]
    told = await trader.result("private/edit", order_id=order["order_id"], amount=1, price=ask)
    assert told["order"]["order_state"] == "filled"
    assert [trade["order_id"] for trade in told["trades"]] == [order["order_id"]]


async def test_edit_by_label_wants_one_order(trader: Client) -> None:
    edit = {"label": "a", "instrument_name": NAME, "amount": 2, "price": 0.02}
    assert (await trader.error("private/edit_by_label", **edit))["code"] == 10004
    await trader.order("buy", NAME, amount=1, price=0.02, label="a")
    told = await trader.result("private/edit_by_label", **edit)
    assert told["order"]["amount"] == 2.0
    await trader.order("buy", NAME, amount=1, price=0.02, label="a")
    assert (await trader.error("private/edit_by_label", **edit))["code"] == 13032


async def test_cancel_gives_the_order_as_it_ended(trader: Client) -> None:
    order = await trader.order("buy", NAME, amount=1, price=0.02)
    ended = await trader.result("private/cancel", order_id=order["order_id"])
    assert (ended["order_state"], ended["cancel_reason"]) == ("cancelled", "user_request")
    error = await trader.error("private/cancel", order_id=order["order_id"])
    assert (error["code"], error["message"]) == (11044, "not_open_order")


async def four_orders(trader: Client) -> None:
    """Two labelled options, one bare option and a future."""
    await trader.order("buy", NAME, amount=1, price=0.02, label="a")
    await trader.order("buy", NAME, amount=1, price=0.021, label="a")
    await trader.order("buy", "BTC-31JUL26-60000-P", amount=1, price=0.01)
    await trader.order("buy", FUTURE, amount=100, price=60_000.0)


@pytest.mark.parametrize(
    ("method", "params", "count"),
    [
        ("cancel_all", {}, 4),
        ("cancel_by_label", {"label": "a"}, 2),
        ("cancel_by_label", {"label": "a", "currency": "ETH"}, 0),
        ("cancel_all_by_currency", {"currency": "BTC"}, 4),
        ("cancel_all_by_currency", {"currency": "BTC", "kind": "future"}, 1),
        ("cancel_all_by_currency", {"currency": "BTC", "type": "stop"}, 0),
        ("cancel_all_by_currency", {"currency": "ETH"}, 0),
        ("cancel_all_by_currency_pair", {"currency_pair": "btc_usd"}, 4),
        ("cancel_all_by_instrument", {"instrument_name": NAME}, 2),
        ("cancel_all_by_instrument", {"instrument_name": NAME, "type": "limit"}, 2),
        ("cancel_all_by_kind_or_type", {"currency": "any", "kind": "option"}, 3),
        ("cancel_all_by_kind_or_type", {"currency": ["BTC", "ETH"], "type": "limit"}, 4),
        ("cancel_all_by_kind_or_type", {"currency": "any", "kind": "spot"}, 0),
    ],
)
async def test_cancelling_many_counts_what_ended(
    trader: Client, method: str, params: dict[str, object], count: int
) -> None:
    await four_orders(trader)
    assert await trader.result(f"private/{method}", **params) == count
    assert len(await trader.result("private/get_open_orders")) == 4 - count


async def test_detailed_cancel_lists_orders_by_instrument(trader: Client) -> None:
    await four_orders(trader)
    groups = await trader.result("private/cancel_all", detailed=True)
    assert {group["instrument_name"]: len(group["result"]) for group in groups} == {
        NAME: 2,
        "BTC-31JUL26-60000-P": 1,
        FUTURE: 1,
    }
    states = {order["order_state"] for group in groups for order in group["result"]}
    assert states == {"cancelled"}


async def test_close_position_at_market_and_at_a_limit(trader: Client) -> None:
    await trader.order("buy", NAME, amount=2, type="market")
    ask = round((await book(trader, NAME))["best_ask_price"] + 0.01, 4)
    told = await trader.result(
        "private/close_position", instrument_name=NAME, type="limit", price=ask
    )
    order = told["order"]
    assert (order["direction"], order["amount"], order["reduce_only"]) == ("sell", 2.0, True)
    assert order["order_state"] == "open"
    await trader.result("private/cancel_all")
    told = await trader.result("private/close_position", instrument_name=NAME, type="market")
    assert told["order"]["order_state"] == "filled"
    error = await trader.error("private/close_position", instrument_name=NAME, type="market")
    assert error["code"] == 10010


async def test_contracts_and_amount_must_agree(trader: Client) -> None:
    order = await trader.order("buy", FUTURE, contracts=10, price=60_000.0)
    assert (order["amount"], order["contracts"]) == (100.0, 10.0)
    agreeing = {"instrument_name": FUTURE, "price": 60_000.0, "contracts": 10}
    told = await trader.result("private/buy", amount=100, **agreeing)
    assert told["order"]["amount"] == 100.0
    assert (await trader.error("private/buy", amount=110, **agreeing))["code"] == -32602


async def test_future_price_beyond_the_band_is_clamped_to_it(trader: Client) -> None:
    ticker = await trader.result("public/ticker", instrument_name=FUTURE)
    order = await trader.order("buy", FUTURE, amount=10_000_000, price=ticker["max_price"] * 2)
    assert order["price"] == ticker["max_price"]
    assert 0 < order["filled_amount"] < 10_000_000


async def test_numbers_with_exponents_and_fractions_are_taken(trader: Client) -> None:
    message = (
        '{"id":"x","method":"private/buy","params":{"instrument_name":"BTC-PERPETUAL",'
        '"amount":1e2,"price":6.0e4}}'
    )
    answer = await trader.send_raw(message)
    assert answer["result"]["order"]["price"] == 60_000.0
    count = {"instrument_name": FUTURE, "count": 5.0}
    assert "trades" in await trader.result("public/get_last_trades_by_instrument", **count)


async def test_numbers_and_flags_written_as_text_are_taken(trader: Client) -> None:
    """As in a query; some clients send the same over a socket."""
    order = await trader.order("buy", NAME, amount="1.5", price="0.02", post_only="true")
    assert (order["amount"], order["price"], order["post_only"]) == (1.5, 0.02, True)
    assert await trader.result("private/cancel_all", detailed="false") == 1
    error = await trader.error("private/cancel_all", detailed="perhaps")
    assert error["code"] == -32602
