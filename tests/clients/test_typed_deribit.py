"""typed-deribit, which checks every answer against its authors' schemas, on the simulated exchange.

Two of its schemas ask for what the venue's captured answers do not hold: `underlying_index` as a
number, and `underlying_type` in instruments. These two questions are asked without its check.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.clients.simulator import Simulator, running

pytest.importorskip("typed_deribit", reason="runs in the clients' own environment: make clients")

# What its own models say while they write a request is its authors' business.
pytestmark = pytest.mark.filterwarnings("ignore:Pydantic serializer warnings:UserWarning")

CALL, PUT, PERPETUAL = "BTC-25SEP26-60000-C", "BTC-25SEP26-55000-P", "BTC-PERPETUAL"
FEE_RATE = 0.0003
TRANSPORTS = ("http", "ws")


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with running("--seed", "9") as simulator:
        yield simulator


@asynccontextmanager
async def connected(simulator: Simulator, *, is_signing: bool = False) -> AsyncIterator[Any]:
    """A client whose two transports go to the simulator."""
    from typed_core.http import HttpClient
    from typed_deribit import Deribit
    from typed_deribit.core.auth import Credentials
    from typed_deribit.core.transport.http import HmacHttpRpcClient, OAuthHttpRpcClient
    from typed_deribit.core.transport.ws import SocketRpcStreamClient

    credentials = Credentials(simulator.client_id, simulator.client_secret)
    over_http = HmacHttpRpcClient if is_signing else OAuthHttpRpcClient
    client = Deribit(
        rpc_client=over_http(
            http=HttpClient(),
            base_url=simulator.deribit_http,
            credentials=credentials,
            validate=True,
        ),
        ws_client=SocketRpcStreamClient.new(
            simulator.deribit_ws, credentials=credentials, validate=True
        ),
    )
    async with client:
        yield client


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_market_is_read(simulator: Simulator, transport: str) -> None:
    async with connected(simulator) as client:
        market = client.market_data
        rows = await market.get_instruments("BTC", validate=False, transport=transport)
        assert {CALL, PUT, PERPETUAL} <= {row["instrument_name"] for row in rows}
        summaries = await market.get_book_summary_by_currency("BTC", transport=transport)
        assert {row["instrument_name"] for row in summaries} == {
            row["instrument_name"] for row in rows
        }
        book = await market.get_order_book(CALL, validate=False, transport=transport)
        assert book["bids"][0][0] < book["mark_price"] < book["asks"][0][0]
        index = await market.get_index_price("btc_usd", transport=transport)
        assert index["index_price"] == pytest.approx(book["index_price"], rel=0.01)


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("is_signing", [False, True])
async def test_order_rests_is_edited_and_cancelled(
    simulator: Simulator, transport: str, is_signing: bool
) -> None:
    async with connected(simulator, is_signing=is_signing) as client:
        trading = client.trading
        asked = {"instrument_name": PUT, "amount": 1, "price": 0.002, "type": "limit"}
        placed = (await trading.buy(asked, transport=transport))["order"]
        assert (placed["order_state"], placed["price"], placed["amount"]) == ("open", 0.002, 1)
        order_id = placed["order_id"]
        edited = await trading.edit(order_id, amount=2, price=0.0025, transport=transport)
        assert (edited["order"]["price"], edited["order"]["amount"]) == (0.0025, 2)
        (shown,) = await trading.get_open_orders(transport=transport)
        assert (shown["order_id"], shown["price"]) == (order_id, 0.0025)
        gone = await trading.cancel(order_id, transport=transport)
        assert gone["order_state"] == "cancelled"
        assert await trading.get_open_orders(transport=transport) == []


async def test_streams_tell_book_trade_order_and_portfolio(simulator: Simulator) -> None:
    async with connected(simulator) as client:
        streams, account = client.streams, client.account
        (before,) = [
            row
            for row in (await account.get_account_summaries())["summaries"]
            if row["currency"] == "BTC"
        ]
        async with (
            streams.market_data.book(CALL, interval="100ms") as book,
            streams.market_data.trades_by_instrument(CALL, interval="100ms") as public,
            streams.user.orders_by_instrument_raw(CALL) as orders,
            streams.user.trades_by_instrument(CALL, interval="raw") as trades,
            streams.user.portfolio("BTC") as portfolio,
        ):
            snapshot = await anext(aiter(book))
            assert snapshot["type"] == "snapshot"
            ask = min(price for _, price, _ in snapshot["asks"])
            asked = {"instrument_name": CALL, "amount": 0.5, "price": ask, "type": "limit"}
            done = await client.trading.buy(asked, transport="ws")
            (made,) = done["trades"]
            fee = made["fee"]
            assert fee == pytest.approx(0.5 * min(FEE_RATE, 0.125 * made["price"]))
            # Others, whom the simulator draws, trade too.
            async for printed in public:
                if made["trade_id"] in [row["trade_id"] for row in printed]:
                    break
            assert (await anext(aiter(orders)))["order_id"] == done["order"]["order_id"]
            (mine,) = await anext(aiter(trades))
            assert (mine["trade_id"], mine["fee"]) == (made["trade_id"], fee)
            paid = before["balance"] - 0.5 * made["price"] - fee
            async for told in portfolio:
                if told["balance"] != before["balance"]:
                    break
            assert told["balance"] == pytest.approx(paid, abs=1e-9)
        position = await account.get_position(CALL)
        assert (position["direction"], position["size"]) == ("buy", 0.5)
        assert position["average_price"] == pytest.approx(made["price"])


async def test_refusals_are_its_own_errors(simulator: Simulator) -> None:
    from dataclasses import replace

    from typed_deribit.core.exc import ApiError, Error

    async with connected(simulator) as client:
        asked = {"instrument_name": CALL, "amount": 3000, "price": 0.12, "type": "limit"}
        with pytest.raises(ApiError, match="not_enough_funds"):
            await client.trading.sell(asked)
        with pytest.raises(ApiError, match="not_found"):
            await client.market_data.ticker("BTC-25SEP26-60001-C")
    async with connected(replace(simulator, client_secret="wrong")) as stranger:
        with pytest.raises(Error, match="invalid_credentials"):
            await stranger.trading.get_open_orders()
