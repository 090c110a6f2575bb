"""ccxt's Binance options client, unmodified but for the address, trades on the simulator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients.simulator import Simulator, running

ccxt = pytest.importorskip("ccxt", reason="runs in the clients' own environment: make clients")

SYMBOL = "BTC/USDT:USDT-260925-60000-C"
OTHER = "BTC/USDT:USDT-260925-55000-P"
EXPIRY_MS = 1_790_323_200_000


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with running("--seed", "3") as simulator:
        yield simulator


@pytest.fixture(scope="module")
def exchange(simulator: Simulator) -> Any:
    exchange = ccxt.binance(
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
    exchange.load_markets()
    return exchange


def cash(exchange: Any) -> float:
    (asset,) = exchange.eapiPrivateGetMarginAccount()["asset"]
    return float(asset["marginBalance"])


def test_markets_are_options_with_their_terms(exchange: Any) -> None:
    market = exchange.market(SYMBOL)
    assert market["option"]
    assert (market["strike"], market["optionType"], market["expiry"]) == (60_000, "call", EXPIRY_MS)
    assert (market["contractSize"], market["settle"], market["linear"]) == (1, "USDT", True)
    assert (market["precision"]["price"], market["precision"]["amount"]) == (5, 0.01)
    assert {m["base"] for m in exchange.markets.values()} == {"BTC", "ETH"}


def test_chain_is_read_with_marks_ivs_and_greeks(exchange: Any) -> None:
    tickers = exchange.fetch_tickers()
    assert len(tickers) == len(exchange.markets)
    greeks = exchange.fetch_greeks(SYMBOL)
    assert 0.4 < greeks["delta"] < 0.7
    assert greeks["bidImpliedVolatility"] < greeks["markImpliedVolatility"] < 1
    assert greeks["askImpliedVolatility"] > greeks["markImpliedVolatility"]
    assert greeks["vega"] > 0 > greeks["theta"]


def test_book_and_ticker_agree(exchange: Any) -> None:
    book = exchange.fetch_order_book(SYMBOL, 10)
    bids, asks = book["bids"], book["asks"]
    assert len(bids) == len(asks) == 5
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    option = exchange.fetch_option(SYMBOL)
    # The market moves between the two requests, by little.
    assert option["bidPrice"] == pytest.approx(bids[0][0], abs=100)
    assert option["askPrice"] == pytest.approx(asks[0][0], abs=100)
    index = exchange.eapiPublicGetIndex({"underlying": "BTCUSDT"})
    assert option["underlyingPrice"] == pytest.approx(float(index["indexPrice"]), rel=0.01)


def test_order_rests_is_found_and_is_cancelled(exchange: Any) -> None:
    placed = exchange.create_order(OTHER, "limit", "buy", 0.1, 100)
    assert (placed["status"], placed["price"], placed["amount"]) == ("open", 100, 0.1)
    assert (placed["filled"], placed["remaining"]) == (0, 0.1)
    assert int(placed["id"]) > 2**53
    assert [order["id"] for order in exchange.fetch_open_orders(OTHER)] == [placed["id"]]
    assert exchange.fetch_order(placed["id"], OTHER)["clientOrderId"] == placed["clientOrderId"]
    assert exchange.cancel_order(placed["id"], OTHER)["status"] == "canceled"
    assert exchange.fetch_open_orders(OTHER) == []
    history = exchange.fetch_orders(OTHER)
    assert [(order["id"], order["status"]) for order in history] == [(placed["id"], "canceled")]


def test_fill_gives_position_trade_fee_and_balance(exchange: Any, simulator: Simulator) -> None:
    assert cash(exchange) == simulator.usdt
    limit = exchange.fetch_order_book(SYMBOL, 10)["asks"][-1][0]
    done = exchange.create_order(SYMBOL, "limit", "buy", 0.1, limit)
    assert (done["status"], done["filled"]) == ("closed", 0.1)
    price = done["average"]
    assert price <= limit
    (trade,) = exchange.fetch_my_trades(SYMBOL)
    assert (trade["order"], trade["price"], trade["amount"]) == (done["id"], price, 0.1)
    assert (trade["side"], trade["takerOrMaker"]) == ("buy", "taker")
    index = float(exchange.eapiPublicGetIndex({"underlying": "BTCUSDT"})["indexPrice"])
    fee = trade["fee"]
    assert fee["currency"] == "USDT"
    assert fee["cost"] == pytest.approx(0.0003 * index * 0.1, rel=0.01)
    assert cash(exchange) == pytest.approx(simulator.usdt - price * 0.1 - fee["cost"], abs=1e-8)
    (position,) = exchange.fetch_positions([SYMBOL])
    assert (position["side"], position["contracts"]) == ("long", 0.1)
    assert position["entryPrice"] == price
    assert position["notional"] == pytest.approx(position["markPrice"] * 0.1)
    kinds = {entry["type"]: entry["amount"] for entry in exchange.fetch_ledger("USDT")}
    assert kinds["fee"] == fee["cost"]
    assert kinds["trade"] == pytest.approx(price * 0.1)


def test_post_only_order_that_would_take_is_refused(exchange: Any) -> None:
    ask = exchange.fetch_order_book(SYMBOL, 10)["asks"][-1][0]
    with pytest.raises(ccxt.BaseError, match="-6047"):
        exchange.create_order(SYMBOL, "limit", "buy", 0.1, ask, {"postOnly": True})


def test_order_beyond_the_funds_is_refused(exchange: Any) -> None:
    # ccxt tells the options' codes from others by the venue's host name, which is not ours.
    with pytest.raises(ccxt.ExchangeError, match="-2027"):
        exchange.create_order(SYMBOL, "limit", "buy", 200, 9000)


def test_price_off_the_tick_is_a_bad_request(exchange: Any) -> None:
    order = {"symbol": exchange.market_id(SYMBOL), "side": "BUY", "type": "LIMIT"}
    with pytest.raises(ccxt.BadRequest, match="-4029"):
        exchange.eapiPrivatePostOrder({**order, "quantity": "0.1", "price": "101"})


def test_unknown_symbol_and_order_are_refused(exchange: Any) -> None:
    with pytest.raises(ccxt.BadSymbol, match="-1121"):
        exchange.eapiPublicGetDepth({"symbol": "BTC-260925-60001-C"})
    with pytest.raises(ccxt.OrderNotFound, match="-2013"):
        exchange.fetch_order("1", SYMBOL)


def test_wrong_secret_is_an_error_of_authentication(simulator: Simulator) -> None:
    wrong = ccxt.binance({"apiKey": simulator.api_key, "secret": "0" * 64})
    wrong.urls["api"]["eapiPrivate"] = f"{simulator.rest}/eapi/v1"
    with pytest.raises(ccxt.AuthenticationError, match="-1022"):
        wrong.eapiPrivateGetMarginAccount()


def test_wrong_key_is_an_error_of_authentication(simulator: Simulator) -> None:
    wrong = ccxt.binance({"apiKey": "0" * 64, "secret": simulator.api_secret})
    wrong.urls["api"]["eapiPrivate"] = f"{simulator.rest}/eapi/v1"
    with pytest.raises(ccxt.AuthenticationError, match="-2015"):
        wrong.eapiPrivateGetMarginAccount()
