"""Binance's own options SDK, unmodified but for the addresses, trades on the simulated exchange."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.clients.simulator import Simulator, running

sdk = pytest.importorskip(
    "binance_sdk_derivatives_trading_options.derivatives_trading_options",
    reason="runs in the clients' own environment: make clients",
)
configuration = pytest.importorskip("binance_common.configuration")
errors = pytest.importorskip("binance_common.errors")

SYMBOL = "BTC-260925-65000-C"
WITHIN_S = 20.0


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with running("--seed", "4") as simulator:
        yield simulator


@pytest.fixture(scope="module")
def client(simulator: Simulator) -> Any:
    return sdk.DerivativesTradingOptions(
        config_rest_api=configuration.ConfigurationRestAPI(
            api_key=simulator.api_key, api_secret=simulator.api_secret, base_path=simulator.rest
        ),
        config_ws_streams=configuration.ConfigurationWebSocketStreams(stream_url=simulator.ws),
    )


@pytest.fixture(scope="module")
def api(client: Any) -> Any:
    return client.rest_api


def order(api: Any, side: str, quantity: float, price: float, **more: Any) -> Any:
    return api.new_order(
        symbol=SYMBOL,
        side=side,
        type="LIMIT",
        quantity=quantity,
        price=price,
        new_order_resp_type="RESULT",
        **more,
    ).data()


def asset(api: Any) -> Any:
    (row,) = api.option_margin_account_information().data().asset
    return row


def test_symbols_books_marks_and_index_are_read(api: Any) -> None:
    symbols = {row.symbol: row for row in api.exchange_information().data().option_symbols}
    mine = symbols[SYMBOL]
    assert (mine.side, mine.strike_price, mine.unit, mine.status) == ("CALL", "65000", 1, "TRADING")
    assert [row.filter_type for row in mine.filters] == ["PRICE_FILTER", "LOT_SIZE"]
    marks = api.option_mark_price().data()
    assert {row.symbol for row in marks} == set(symbols)
    book = api.order_book(symbol=SYMBOL, limit=10).data()
    mark = float(next(row.mark_price for row in marks if row.symbol == SYMBOL))
    assert float(book.bids[0][0]) < mark < float(book.asks[0][0])
    assert float(api.index_price(underlying="BTCUSDT").data().index_price) > 10_000
    (ticker,) = api.ticker24hr_price_change_statistics(symbol=SYMBOL).data()
    assert ticker.strike_price == "65000"


def test_order_rests_is_found_and_is_cancelled(api: Any) -> None:
    placed = order(api, "BUY", 0.1, 100, time_in_force="GTC", client_order_id="sdk-1")
    assert (placed.status, placed.price, placed.quantity) == ("NEW", "100.000", "0.10")
    (shown,) = api.query_current_open_option_orders(symbol=SYMBOL).data()
    assert shown.order_id == placed.order_id
    found = api.query_single_order(symbol=SYMBOL, client_order_id="sdk-1").data()
    assert found.order_id == placed.order_id
    gone = api.cancel_option_order(symbol=SYMBOL, order_id=placed.order_id).data()
    assert gone.status == "CANCELED"
    assert api.query_current_open_option_orders(symbol=SYMBOL).data() == []
    (kept,) = api.query_option_order_history(symbol=SYMBOL).data()
    assert (kept.order_id, kept.status) == (placed.order_id, "CANCELED")


def test_batch_is_placed_and_cancelled_by_symbol(api: Any) -> None:
    one = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "quantity": 0.1}
    placed = api.place_multiple_orders(orders=[{**one, "price": 95}, {**one, "price": 100}]).data()
    assert [row.status for row in placed] == ["NEW", "NEW"]
    answer = api.cancel_all_option_orders_on_specific_symbol(symbol=SYMBOL).data()
    assert (answer.code, answer.msg) == ("0", "success")
    assert api.query_current_open_option_orders(symbol=SYMBOL).data() == []


def test_short_sale_gives_position_margin_fee_and_bill(api: Any, simulator: Simulator) -> None:
    before = asset(api)
    assert float(before.margin_balance) == simulator.usdt
    lowest = float(api.order_book(symbol=SYMBOL, limit=10).data().bids[-1][0])
    done = order(api, "SELL", 0.2, lowest, time_in_force="IOC")
    assert (done.status, done.executed_qty) == ("FILLED", "0.20")
    price = float(done.avg_price)
    (trade,) = api.account_trade_list(symbol=SYMBOL).data()
    index = float(api.index_price(underlying="BTCUSDT").data().index_price)
    fee = float(trade.fee)
    assert fee == pytest.approx(0.0003 * index * 0.2, rel=0.01)
    assert (trade.side, trade.liquidity, trade.order_id) == ("SELL", "TAKER", done.order_id)
    after = asset(api)
    assert float(after.margin_balance) == pytest.approx(simulator.usdt + price * 0.2 - fee)
    (position,) = api.option_position_information(symbol=SYMBOL).data()
    assert (position.side, position.quantity) == ("SHORT", "-0.20")
    assert float(position.entry_price) == price
    out_of_money = max(65_000 - index, 0.0)
    each = max(0.1 * index, 0.15 * index - out_of_money) + float(position.mark_price)
    assert float(after.initial_margin) == pytest.approx(0.2 * each, rel=0.01)
    bills = api.account_funding_flow(currency="USDT").data()
    assert [row.type for row in bills] == ["FEE", "CONTRACT", "TRANSFER"]
    total = sum(float(row.amount) for row in bills)
    assert total == pytest.approx(float(after.margin_balance))


def test_refusal_carries_the_venues_code(api: Any) -> None:
    with pytest.raises(errors.BadRequestError) as refused:
        order(api, "BUY", 0.1, 101)
    assert refused.value.status_code == -4029


def test_streams_tell_marks_books_trades_and_the_accounts_own_events(client: Any, api: Any) -> None:
    found = asyncio.run(_listen(client, api))
    marks = api.option_mark_price().data()
    assert [row.s for row in found["mark"]] == [
        row.symbol for row in marks if row.symbol.startswith("BTC-")
    ]
    assert found["trade"].s == SYMBOL
    assert (found["trade"].q, found["trade"].s) == ("0.10", SYMBOL)
    assert float(found["book"].b) < float(found["book"].a)
    own = found["own"].actual_instance
    assert (own.o.s, own.o.x, own.o.q) == (SYMBOL, "NEW", "0.10")


async def _listen(client: Any, api: Any) -> dict[str, Any]:
    """The first message of each stream while an order trades."""
    found: dict[str, Any] = {}
    has_all = asyncio.Event()

    def keep(name: str) -> Callable[[Any], None]:
        def note(message: Any) -> None:
            # The account's margins and Greeks come in between, at their own pace.
            if name == "own" and not hasattr(message.actual_instance, "o"):
                return
            # Others, whom the simulator draws, trade too.
            if name == "trade" and message.q != "0.10":
                return
            found.setdefault(name, message)
            if len(found) == len(subscriptions):
                has_all.set()

        return note

    streams = client.websocket_streams
    await streams.create_connection()
    listen_key = (await asyncio.to_thread(api.start_user_data_stream)).data().listen_key
    subscriptions: dict[str, Callable[[], Any]] = {
        "mark": lambda: streams.option_mark_price(underlying="btcusdt"),
        "book": lambda: streams.individual_symbol_book_ticker_streams(symbol=SYMBOL),
        "trade": lambda: streams.trade_streams(symbol=SYMBOL),
        "own": lambda: streams.user_data(listen_key),
    }
    for name, subscribe in subscriptions.items():
        (await subscribe()).on("message", keep(name))
    await streams.list_subscribe()
    highest = float((await asyncio.to_thread(api.order_book, symbol=SYMBOL)).data().asks[-1][0])
    await asyncio.to_thread(order, api, "BUY", 0.1, highest)
    async with asyncio.timeout(WITHIN_S):
        await has_all.wait()
    await streams.close_connection()
    return found
