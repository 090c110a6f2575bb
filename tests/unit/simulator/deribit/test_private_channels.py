"""Channels of an account: what each pushes, to whom, and how it is wrapped."""

from __future__ import annotations

from typing import Any

import pytest

from quantdesk.runtime.clock import ManualClock
from quantdesk.simulator import DeribitServer
from tests.unit.simulator.deribit.client import Client
from tests.unit.simulator.test_venue import NS_PER_S, run_for

NAME = "BTC-25SEP26-60000-C"
FUTURE = "BTC-PERPETUAL"


async def told(client: Client, channel: str) -> list[Any]:
    """Data of a channel's notifications so far."""
    return [params["data"] for params in await client.drain() if params["channel"] == channel]


async def join(client: Client, *channels: str) -> None:
    assert await client.result("private/subscribe", channels=list(channels)) == list(channels)
    await client.drain()


async def test_raw_orders_are_single_objects(trader: Client) -> None:
    channel = f"user.orders.{NAME}.raw"
    await join(trader, channel)
    order = await trader.order("buy", NAME, amount=1, price=0.02)
    await trader.result("private/edit", order_id=order["order_id"], amount=2, price=0.02)
    await trader.result("private/cancel", order_id=order["order_id"])
    shown = await told(trader, channel)
    assert [(one["order_state"], one["amount"]) for one in shown] == [
        ("open", 1.0),
        ("open", 2.0),
        ("cancelled", 2.0),
    ]
    assert {one["order_id"] for one in shown} == {order["order_id"]}


async def test_paced_orders_are_lists_of_the_latest(
    trader: Client, server: DeribitServer, clock: ManualClock
) -> None:
    channel = "user.orders.option.BTC.100ms"
    await join(trader, channel)
    await trader.order("buy", NAME, amount=1, price=0.02)
    first = await told(trader, channel)
    order = await trader.order("buy", NAME, amount=1, price=0.021)
    await trader.result("private/cancel", order_id=order["order_id"])
    assert await told(trader, channel) == []
    run_for(clock, NS_PER_S)
    server.pump()
    second = await told(trader, channel)
    assert [[one["order_state"] for one in data] for data in first + second] == [
        ["open"],
        ["cancelled"],
    ]


async def test_trades_reach_both_sides_and_nobody_else(
    trader: Client, other: Client, client: Client
) -> None:
    mine, theirs = f"user.trades.{NAME}.raw", "user.trades.any.any.raw"
    await join(trader, mine)
    await join(other, theirs)
    await client.subscribe("trades.option.BTC.100ms")
    ticker = await trader.result("public/ticker", instrument_name=NAME)
    price = round(ticker["best_bid_price"] + 0.0005, 4)
    resting = await trader.order("buy", NAME, amount=1, price=price)
    taking = await other.order("sell", NAME, amount=1, price=price)
    ((maker,),), ((taker,),) = await told(trader, mine), await told(other, theirs)
    assert (maker["order_id"], maker["liquidity"]) == (resting["order_id"], "M")
    assert (taker["order_id"], taker["liquidity"]) == (taking["order_id"], "T")
    assert maker["trade_id"] == taker["trade_id"]
    ((public,),) = await told(client, "trades.option.BTC.100ms")
    assert public["trade_id"] == maker["trade_id"]
    assert not {"fee", "order_id", "user_id", "label"} & public.keys()


async def test_changes_carry_orders_trades_and_the_position(trader: Client) -> None:
    channel = f"user.changes.{NAME}.raw"
    await join(trader, channel)
    order = await trader.order("buy", NAME, amount=1, type="market")
    (change,) = await told(trader, channel)
    assert change["instrument_name"] == NAME
    assert [one["order_id"] for one in change["orders"]] == [order["order_id"]]
    assert [one["amount"] for one in change["trades"]] == [1.0]
    assert [one["size"] for one in change["positions"]] == [1.0]
    await trader.order("buy", NAME, amount=1, price=0.02)
    (change,) = await told(trader, channel)
    assert (change["trades"], change["positions"]) == ([], [])


async def test_changes_by_kind_are_split_by_instrument(trader: Client) -> None:
    await join(trader, "user.changes.any.BTC.100ms")
    await trader.order("buy", FUTURE, amount=100, type="market")
    await trader.order("buy", "BTC-25SEP26", amount=100, type="market")
    names = [one["instrument_name"] for one in await told(trader, "user.changes.any.BTC.100ms")]
    assert names[:1] == [FUTURE]


async def test_portfolio_greets_and_follows_cash_and_marks(
    trader: Client, server: DeribitServer, clock: ManualClock
) -> None:
    names = await trader.result("private/subscribe", channels=["user.portfolio.btc"])
    assert names == ["user.portfolio.btc"]
    (greeting,) = await told(trader, "user.portfolio.btc")
    assert (greeting["currency"], greeting["balance"], greeting["equity"]) == ("BTC", 10.0, 10.0)
    await trader.order("buy", NAME, amount=1, type="market")
    (bought,) = await told(trader, "user.portfolio.btc")
    assert bought["balance"] < 10.0
    assert bought["options_value"] > 0
    for _ in range(8):
        run_for(clock, 2 * NS_PER_S)
        server.pump()
    moved = await told(trader, "user.portfolio.btc")
    assert len({one["options_value"] for one in moved}) > 1
    assert {one["balance"] for one in moved} == {bought["balance"]}


async def test_portfolio_of_every_currency_is_a_message_each(trader: Client) -> None:
    await trader.result("private/subscribe", channels=["user.portfolio.any"])
    shown = await told(trader, "user.portfolio.any")
    assert [one["currency"] for one in shown] == ["BTC"]


async def test_private_channels_are_silently_missing_from_public_subscriptions(
    trader: Client,
) -> None:
    names = ["user.orders.any.any.raw", f"quote.{NAME}", "user.portfolio.btc"]
    assert await trader.subscribe(*names) == [f"quote.{NAME}"]


@pytest.mark.parametrize(
    "name",
    [
        "user.orders.NOTHING.raw",
        "user.orders.warrant.BTC.raw",
        "user.orders.option.DOGE.raw",
        f"user.orders.{NAME}.1s",
        "user.portfolio.doge",
        "user.nothing",
        "user",
    ],
)
async def test_unknown_private_channels_are_silently_missing(trader: Client, name: str) -> None:
    assert await trader.result("private/subscribe", channels=[name]) == []


async def test_channels_of_what_is_not_simulated_can_be_joined(trader: Client) -> None:
    quiet = ["user.lock", "user.access_log", "user.mmp_trigger.btc_usd"]
    quiet += [f"user.combo_trades.{NAME}.raw", "announcements", "instrument.creation.any.any"]
    assert await trader.result("private/subscribe", channels=quiet) == quiet
    assert await trader.drain() == []


async def test_unsubscribed_is_silent(trader: Client) -> None:
    channel = "user.orders.any.any.raw"
    await join(trader, channel)
    assert await trader.result("private/unsubscribe", channels=[channel]) == [channel]
    await trader.order("buy", NAME, amount=1, price=0.02)
    assert await trader.drain() == []
    await join(trader, channel)
    assert await trader.result("private/unsubscribe_all") == "ok"
    await trader.order("buy", NAME, amount=1, price=0.02)
    assert await trader.drain() == []


async def test_two_sockets_of_one_account_hear_the_same(
    server: DeribitServer, trader: Client, client: Client
) -> None:
    await client.log_in(server.face.accounts[0])
    channel = "user.orders.any.any.raw"
    await join(trader, channel)
    await join(client, channel)
    order = await trader.order("buy", NAME, amount=1, price=0.02)
    for who in (trader, client):
        (shown,) = await told(who, channel)
        assert shown["order_id"] == order["order_id"]
