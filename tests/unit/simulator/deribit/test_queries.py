"""What an account is told of its orders, trades and cash: lists, their order and their pages."""

from __future__ import annotations

import base64
import json
from typing import Any

import aiohttp
import pytest

from quantdesk.runtime.clock import ManualClock
from quantdesk.simulator import DeribitServer
from tests.unit.simulator.deribit.client import Client
from tests.unit.simulator.test_venue import NS_PER_S, run_for

NAME = "BTC-25SEP26-60000-C"
PUT = "BTC-31JUL26-60000-P"
FUTURE = "BTC-PERPETUAL"
EVER = {"start_timestamp": 0, "end_timestamp": 2**50}


async def rest(trader: Client, name: str = NAME, price: float = 0.02, label: str = "") -> str:
    amount = 100 if name == FUTURE else 1
    order = await trader.order("buy", name, amount=amount, price=price, label=label)
    return str(order["order_id"])


def ids(orders: list[dict[str, Any]]) -> list[str]:
    return [order["order_id"] for order in orders]


async def test_open_orders_by_scope_are_listed_oldest_first(trader: Client) -> None:
    first = await rest(trader, label="a")
    second = await rest(trader, FUTURE, 60_000.0)
    third = await rest(trader, PUT, 0.01, label="a")
    ask = trader.result
    assert ids(await ask("private/get_open_orders")) == [first, second, third]
    assert ids(await ask("private/get_open_orders", kind="option")) == [first, third]
    assert ids(await ask("private/get_open_orders", type="limit")) == [first, second, third]
    assert await ask("private/get_open_orders", type="trigger_all") == []
    by_currency = await ask("private/get_open_orders_by_currency", currency="BTC", kind="future")
    assert ids(by_currency) == [second]
    assert await ask("private/get_open_orders_by_currency", currency="ETH") == []
    by_name = await ask("private/get_open_orders_by_instrument", instrument_name=NAME)
    assert ids(by_name) == [first]
    by_label = await ask("private/get_open_orders_by_label", currency="BTC", label="a")
    assert ids(by_label) == [first, third]
    assert await ask("private/get_open_orders_by_label", currency="BTC", label="b") == []


async def test_order_state_by_label_has_finished_and_open(trader: Client) -> None:
    first = await rest(trader, label="a")
    await trader.result("private/cancel", order_id=first)
    second = await rest(trader, label="a")
    shown = await trader.result("private/get_order_state_by_label", currency="BTC", label="a")
    assert [(one["order_id"], one["order_state"]) for one in shown] == [
        (first, "cancelled"),
        (second, "open"),
    ]


async def test_order_history_is_latest_first_and_pages(trader: Client, clock: ManualClock) -> None:
    filled = []
    for _ in range(3):
        run_for(clock, NS_PER_S)
        order = await trader.order("buy", NAME, amount=0.1, type="market")
        filled.append(order["order_id"])
    unfilled = await rest(trader)
    await trader.result("private/cancel", order_id=unfilled)
    ask, scope = trader.result, {"currency": "BTC"}
    history = "private/get_order_history_by_currency"
    assert ids(await ask(history, **scope)) == filled[::-1]
    whole = ids(await ask(history, **scope, include_unfilled=True))
    assert whole == [unfilled, *filled[::-1]]
    assert ids(await ask(history, **scope, count=1, offset=1)) == [filled[1]]
    assert await ask(history, currency="ETH") == []
    by_name = await ask("private/get_order_history_by_instrument", instrument_name=NAME, count=2)
    assert ids(by_name) == filled[:0:-1]


async def test_user_trades_sort_and_page(trader: Client, clock: ManualClock) -> None:
    stamps = []
    for _ in range(4):
        run_for(clock, NS_PER_S)
        told = await trader.result("private/buy", instrument_name=NAME, amount=0.1, type="market")
        stamps.append(told["trades"][0]["timestamp"])
    assert stamps == sorted(set(stamps))
    ask, scope = trader.result, {"currency": "BTC"}
    page = await ask("private/get_user_trades_by_currency", **scope, count=2, sorting="asc")
    assert [trade["timestamp"] for trade in page["trades"]] == stamps[:2]
    assert page["has_more"] is True
    page = await ask("private/get_user_trades_by_currency", **scope, count=2, sorting="desc")
    assert [trade["timestamp"] for trade in page["trades"]] == stamps[:1:-1]
    page = await ask(
        "private/get_user_trades_by_currency_and_time",
        **scope,
        start_timestamp=stamps[1],
        end_timestamp=stamps[2],
    )
    assert [trade["timestamp"] for trade in page["trades"]] == stamps[1:3]
    assert page["has_more"] is False
    page = await ask(
        "private/get_user_trades_by_instrument", instrument_name=NAME, start_seq=2, end_seq=3
    )
    assert [trade["trade_seq"] for trade in page["trades"]] == [2, 3]
    ids_of = [trade["trade_id"] for trade in page["trades"]]
    page = await ask("private/get_user_trades_by_currency", **scope, start_id=ids_of[1])
    assert [trade["trade_seq"] for trade in page["trades"]] == [3, 4]
    timed = {"start_timestamp": stamps[0], "end_timestamp": stamps[0]}
    page = await ask(
        "private/get_user_trades_by_instrument_and_time", instrument_name=NAME, **timed
    )
    assert len(page["trades"]) == 1


async def test_own_and_public_trades_agree(trader: Client, other: Client, client: Client) -> None:
    ticker = await trader.result("public/ticker", instrument_name=NAME)
    price = round(ticker["best_bid_price"] + 0.0005, 4)
    await trader.order("buy", NAME, amount=1, price=price)
    told = await other.result("private/sell", instrument_name=NAME, amount=1, price=price)
    (own,) = told["trades"]
    page = await client.result("public/get_last_trades_by_instrument", instrument_name=NAME)
    (public,) = page["trades"]
    shared = ("trade_id", "trade_seq", "price", "amount", "timestamp", "iv", "mark_price")
    assert {name: own[name] for name in shared} == {name: public[name] for name in shared}
    assert public["direction"] == "sell"
    page = await trader.result("private/get_user_trades_by_instrument", instrument_name=NAME)
    (mine,) = page["trades"]
    assert (mine["direction"], mine["liquidity"], mine["trade_id"]) == ("buy", "M", own["trade_id"])
    ticker = await client.result("public/ticker", instrument_name=NAME)
    assert ticker["last_price"] == price


async def test_log_explains_every_digit_of_the_balance(
    trader: Client, server: DeribitServer, clock: ManualClock
) -> None:
    await trader.order("buy", NAME, amount=1, type="market")
    await trader.order("sell", NAME, amount=0.4, type="market")
    await trader.order("buy", FUTURE, amount=10_000, type="market")
    run_for(clock, 3_600 * NS_PER_S)
    server.pump()
    page = await trader.result("private/get_transaction_log", currency="BTC", **EVER)
    lines = page["logs"][::-1]
    assert [line["type"] for line in lines] == ["deposit", *["trade"] * 3, "settlement"]
    assert [line["user_seq"] for line in lines] == [1, 2, 3, 4, 5]
    balance = 0.0
    for line in lines:
        assert line["change"] == pytest.approx(line["cashflow"] - line["commission"], abs=1e-12)
        balance += line["change"]
        assert line["balance"] == pytest.approx(balance, abs=1e-9)
    sides = [line.get("side") for line in lines[1:4]]
    assert sides == ["open buy", "close sell", "open buy"]
    assert {line["user_role"] for line in lines[1:4]} == {"taker"}
    assert lines[2]["position"] == 0.6
    summary = await trader.result("private/get_account_summary", currency="BTC")
    assert summary["balance"] == lines[-1]["balance"]


async def test_log_pages_and_filters(trader: Client) -> None:
    for _ in range(4):
        await trader.order("buy", NAME, amount=0.1, type="market")
    ask = trader.result
    method = "private/get_transaction_log"
    page = await ask(method, currency="BTC", count=3, **EVER)
    more = await ask(method, currency="BTC", count=3, continuation=page["continuation"], **EVER)
    assert len(page["logs"]) == 3
    assert [line["type"] for line in more["logs"]] == ["trade", "deposit"]
    assert more["continuation"] is None
    only = await ask(method, currency="BTC", query="deposit", **EVER)
    assert [line["type"] for line in only["logs"]] == ["deposit"]
    assert (await ask(method, currency="ETH", **EVER))["logs"] == []


async def test_deposits_are_the_opening_balance(trader: Client) -> None:
    page = await trader.result("private/get_deposits", currency="BTC")
    assert page["count"] == 1
    (deposit,) = page["data"]
    assert (deposit["amount"], deposit["state"]) == (10.0, "completed")
    for method in ("get_withdrawals", "get_transfers"):
        assert await trader.result(f"private/{method}", currency="BTC") == {"count": 0, "data": []}
    address = await trader.request("private/get_current_deposit_address", currency="BTC")
    assert address["result"] is None


async def test_who_the_account_is(trader: Client, server: DeribitServer) -> None:
    user_id = server.face.accounts[0].user_id
    (main,) = await trader.result("private/get_subaccounts", with_portfolio=True)
    assert (main["id"], main["type"]) == (user_id, "main")
    assert main["portfolio"]["btc"]["balance"] == 10.0
    await trader.order("buy", NAME, amount=1, type="market")
    await rest(trader)
    (details,) = await trader.result(
        "private/get_subaccounts_details", currency="BTC", with_open_orders=True
    )
    assert details["uid"] == user_id
    assert [one["instrument_name"] for one in details["positions"]] == [NAME]
    assert len(details["open_orders"]) == 1
    (key,) = await trader.result("private/list_api_keys")
    assert key["client_id"] == server.face.accounts[0].client_id
    assert server.face.accounts[0].client_secret not in str(key)
    assert await trader.result("private/get_user_locks") == [{"currency": "BTC", "locked": False}]


async def test_an_account_sees_nothing_of_another(trader: Client, other: Client) -> None:
    await trader.order("buy", NAME, amount=1, type="market")
    await rest(trader)
    assert await other.result("private/get_open_orders") == []
    assert await other.result("private/get_positions") == []
    page = await other.result("private/get_user_trades_by_currency", currency="BTC")
    assert page == {"trades": [], "has_more": False}
    log = await other.result("private/get_transaction_log", currency="BTC", **EVER)
    assert [line["type"] for line in log["logs"]] == ["deposit"]


async def test_lists_and_objects_stand_in_a_query_as_json(
    trader: Client, server: DeribitServer
) -> None:
    order_id = await rest(trader)
    account = server.face.accounts[0]
    packed = base64.b64encode(f"{account.client_id}:{account.client_secret}".encode()).decode()
    headers = {"Authorization": f"Basic {packed}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        asked: tuple[tuple[str, dict[str, str]], ...] = (
            ("get_order_margin_by_ids", {"ids": json.dumps([order_id])}),
            (
                "simulate_portfolio",
                {"currency": "BTC", "simulated_positions": json.dumps({NAME: 1})},
            ),
        )
        for method, params in asked:
            async with session.get(f"{server.http_url}/private/{method}", params=params) as told:
                assert (told.status, "result" in await told.json()) == (200, True)
        url = f"{server.http_url}/private/get_order_margin_by_ids"
        for bad in ("[", "[1]", "x", "{}"):
            async with session.get(url, params={"ids": bad}) as told:
                assert (await told.json())["error"]["code"] == -32602
