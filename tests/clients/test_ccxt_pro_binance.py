"""ccxt.pro's option streams, unmodified but for the addresses, on the simulated exchange."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest

from tests.clients.simulator import Simulator, running

pro = pytest.importorskip("ccxt.pro", reason="runs in the clients' own environment: make clients")

SYMBOL = "BTC/USDT:USDT-260925-60000-C"
WITHIN_S = 20.0
ORDERS_MAX = 20


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with running("--seed", "5") as simulator:
        yield simulator


def connected(simulator: Simulator) -> Any:
    exchange = pro.binance(
        {
            "apiKey": simulator.api_key,
            "secret": simulator.api_secret,
            "options": {
                "defaultType": "option",
                "fetchCurrencies": False,
                "fetchMarkets": {"types": ["option"]},
                "fetchPositions": {"method": "option"},
            },
        }
    )
    exchange.has["fetchCurrencies"] = False
    for api in ("eapiPublic", "eapiPrivate"):
        exchange.urls["api"][api] = f"{simulator.rest}/eapi/v1"
    paths = {"option": "public", "optionMarket": "market", "optionPrivate": "private"}
    for api, path in paths.items():
        exchange.urls["api"]["ws"][api] = f"{simulator.ws}/{path}/ws"
    return exchange


def test_streams_tell_the_market_and_the_accounts_own_trade(simulator: Simulator) -> None:
    found = asyncio.run(_watch(simulator))
    assert found["book"]["bids"][0][0] < found["book"]["asks"][0][0]
    assert found["mark"]["markPrice"] == pytest.approx(found["book"]["bids"][0][0], rel=0.1)
    prices = [order["average"] for order in found["placed"]]
    assert found["trade"]["side"] == "buy"
    assert found["ticker"]["last"] > 0
    order = found["orders"][-1]
    assert order["id"] in [placed["id"] for placed in found["placed"]]
    assert order["symbol"] == SYMBOL
    mine = found["mine"][-1]
    assert mine["price"] in prices
    assert mine["takerOrMaker"] == "taker"
    # The stream's sign, which ccxt passes on: what is charged is negative.
    assert mine["fee"]["cost"] < 0
    assert found["balance"]["total"]["USDT"] in found["cash"]


async def _watch(simulator: Simulator) -> dict[str, Any]:
    """What each stream says first; those of trades while an order trades."""
    exchange = connected(simulator)
    try:
        await exchange.load_markets()
        async with asyncio.timeout(WITHIN_S):
            found = {
                "mark": await exchange.watch_mark_price(SYMBOL),
                "book": await exchange.watch_order_book(SYMBOL),
            }
        placed: list[Any] = []
        waiting: dict[str, Coroutine[Any, Any, Any]] = {
            "trade": _own_trade(exchange, placed),
            # By default ccxt waits for a mini ticker, which options do not have.
            "ticker": exchange.watch_ticker(SYMBOL, {"name": "ticker"}),
            "orders": exchange.watch_orders(SYMBOL),
            "mine": exchange.watch_my_trades(SYMBOL),
            "balance": exchange.watch_balance({"type": "option"}),
        }
        tasks = {name: asyncio.create_task(each) for name, each in waiting.items()}
        cash = []
        # An order a second until every stream listened in time to tell of one.
        for _ in range(ORDERS_MAX):
            highest = (await exchange.fetch_order_book(SYMBOL, 10))["asks"][-1][0]
            placed.append(await exchange.create_order(SYMBOL, "limit", "buy", 0.1, highest))
            account = await exchange.eapiPrivateGetMarginAccount()
            cash.append(float(account["asset"][0]["marginBalance"]))
            if not (await asyncio.wait(tasks.values(), timeout=1.0))[1]:
                break
        found |= {name: task.result() for name, task in tasks.items()}
        found |= {"placed": placed, "cash": cash}
    finally:
        await exchange.close()
    return found


async def _own_trade(exchange: Any, placed: list[Any]) -> Any:
    """The first public trade that is one of `placed`; others, drawn by the simulator, trade too."""
    while True:
        for trade in await exchange.watch_trades(SYMBOL):
            if trade["amount"] == 0.1 and trade["price"] in [one["average"] for one in placed]:
                return trade
