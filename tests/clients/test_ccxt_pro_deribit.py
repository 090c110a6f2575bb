"""ccxt.pro's Deribit channels, unmodified but for the addresses, on the simulated exchange."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients.simulator import Simulator, running

pro = pytest.importorskip("ccxt.pro", reason="runs in the clients' own environment: make clients")

SYMBOL = "BTC/USD:BTC-260925-60000-C"
PERPETUAL = "BTC/USD:BTC"
WITHIN_S = 20.0
ORDERS_MAX = 20


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with running("--seed", "6") as simulator:
        yield simulator


def connected(simulator: Simulator) -> Any:
    exchange = pro.deribit({"apiKey": simulator.client_id, "secret": simulator.client_secret})
    exchange.urls["api"]["rest"] = simulator.deribit_http.removesuffix("/api/v2")
    exchange.urls["api"]["ws"] = simulator.deribit_ws
    exchange.urls["test"]["ws"] = simulator.deribit_ws
    return exchange


def test_channels_tell_the_market_and_the_accounts_own_trade(simulator: Simulator) -> None:
    found = asyncio.run(_watch(simulator))
    book = found["book"]
    assert book["bids"][0][0] < book["asks"][0][0]
    assert found["first"]["bid"] < found["first"]["markPrice"] < found["first"]["ask"]
    assert found["perpetual"]["asks"][0][0] - found["perpetual"]["bids"][0][0] < 10
    prices = [order["average"] for order in found["placed"]]
    assert found["trade"]["side"] == "buy"
    order = found["orders"][-1]
    assert order["id"] in [placed["id"] for placed in found["placed"]]
    assert (order["symbol"], order["status"]) == (SYMBOL, "closed")
    mine = found["mine"][-1]
    assert (mine["price"] in prices, mine["takerOrMaker"]) == (True, "taker")
    assert mine["fee"]["cost"] == pytest.approx(0.1 * min(0.0003, 0.125 * mine["price"]))
    # The premium is paid: equity moves with the marks, cash with the trades alone.
    cash = float(found["balance"]["BTC"]["info"]["balance"])
    paid = [sum(0.1 * price + 0.00003 for price in prices[:count]) for count in range(21)]
    assert any(cash == pytest.approx(10 - spent, abs=1e-6) for spent in paid)


async def _watch(simulator: Simulator) -> dict[str, Any]:
    """What each channel says first; those of trades while an order trades."""
    exchange = connected(simulator)
    try:
        await exchange.load_markets()
        async with asyncio.timeout(WITHIN_S):
            found = {
                "book": await exchange.watch_order_book(SYMBOL),
                "first": await exchange.watch_ticker(SYMBOL),
                "perpetual": await exchange.watch_order_book(PERPETUAL),
            }
        placed: list[Any] = []
        waiting = {
            "trade": _own_trade(exchange, placed),
            "orders": exchange.watch_orders(SYMBOL),
            "mine": exchange.watch_my_trades(SYMBOL),
            "balance": exchange.watch_balance(),
        }
        tasks = {name: asyncio.create_task(each) for name, each in waiting.items()}
        # An order a second until every channel listened in time to tell of one.
        for _ in range(ORDERS_MAX):
            highest = (await exchange.fetch_order_book(SYMBOL))["asks"][-1][0]
            placed.append(await exchange.create_order(SYMBOL, "limit", "buy", 0.1, highest))
            if not (await asyncio.wait(tasks.values(), timeout=1.0))[1]:
                break
        found |= {name: task.result() for name, task in tasks.items()}
        found["placed"] = placed
    finally:
        await exchange.close()
    return found


async def _own_trade(exchange: Any, placed: list[Any]) -> Any:
    """The first public trade that is one of `placed`; others, drawn by the simulator, trade too."""
    while True:
        for trade in await exchange.watch_trades(SYMBOL):
            if trade["amount"] == 0.1 and trade["price"] in [one["average"] for one in placed]:
                return trade
