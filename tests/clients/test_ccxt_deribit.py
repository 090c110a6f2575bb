"""ccxt's Deribit client, unmodified but for the address, trades on the simulated exchange."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients.simulator import Simulator, running

ccxt = pytest.importorskip("ccxt", reason="runs in the clients' own environment: make clients")

SYMBOL = "BTC/USD:BTC-260925-60000-C"
OTHER = "BTC/USD:BTC-260925-55000-P"
PERPETUAL = "BTC/USD:BTC"
EXPIRY_MS = 1_790_323_200_000
FEE_RATE, FEE_CAP = 0.0003, 0.125
"""Of the underlying, and of the option's price: the venue's published fee of options."""
PERPETUAL_TAKER_FEE = 0.0005


def connected(simulator: Simulator, key: str, secret: str) -> Any:
    exchange = ccxt.deribit({"apiKey": key, "secret": secret, "rateLimit": 20})
    exchange.urls["api"]["rest"] = simulator.deribit_http.removesuffix("/api/v2")
    return exchange


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with running("--seed", "7") as simulator:
        yield simulator


@pytest.fixture(scope="module")
def exchange(simulator: Simulator) -> Any:
    exchange = connected(simulator, simulator.client_id, simulator.client_secret)
    exchange.load_markets()
    return exchange


@pytest.fixture(scope="module")
def rival(simulator: Simulator) -> Any:
    """The second account."""
    exchange = connected(simulator, simulator.other_id, simulator.other_secret)
    exchange.load_markets()
    return exchange


def balance(exchange: Any, coin: str = "BTC") -> float:
    """Cash, as the venue writes it."""
    info = exchange.fetch_balance({"code": coin})["info"]
    return float(info["balance"])


def test_markets_are_options_and_futures_with_their_terms(exchange: Any) -> None:
    market = exchange.market(SYMBOL)
    assert market["id"] == "BTC-25SEP26-60000-C"
    assert (market["strike"], market["optionType"], market["expiry"]) == (60_000, "call", EXPIRY_MS)
    assert (market["settle"], market["inverse"], market["contractSize"]) == ("BTC", True, 1)
    assert (market["precision"]["price"], market["precision"]["amount"]) == (0.0001, 0.1)
    perpetual = exchange.market(PERPETUAL)
    assert (perpetual["swap"], perpetual["contractSize"], perpetual["taker"]) == (
        True,
        10,
        PERPETUAL_TAKER_FEE,
    )
    kinds = {(m["base"], m["type"]) for m in exchange.markets.values()}
    assert kinds == {(c, t) for c in ("BTC", "ETH") for t in ("option", "future", "swap")}


def test_chain_and_greeks_are_read(exchange: Any) -> None:
    chain = exchange.fetch_option_chain("BTC")
    listed = {s for s, m in exchange.markets.items() if m["option"] and m["base"] == "BTC"}
    assert set(chain) == listed
    option = chain[SYMBOL]
    assert option["bidPrice"] < option["markPrice"] < option["askPrice"]
    greeks = exchange.fetch_greeks(SYMBOL)
    assert 0.4 < greeks["delta"] < 0.7
    assert greeks["bidImpliedVolatility"] < greeks["markImpliedVolatility"]
    assert greeks["markImpliedVolatility"] < greeks["askImpliedVolatility"] < 100
    assert greeks["vega"] > 0 > greeks["theta"]


def test_book_and_ticker_agree(exchange: Any) -> None:
    book = exchange.fetch_order_book(SYMBOL)
    bids, asks = book["bids"], book["asks"]
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    ticker = exchange.fetch_ticker(SYMBOL)
    # The market moves between the two requests, by little.
    assert ticker["bid"] == pytest.approx(bids[0][0], abs=0.002)
    assert ticker["ask"] == pytest.approx(asks[0][0], abs=0.002)
    assert ticker["bid"] < ticker["markPrice"] < ticker["ask"]
    assert ticker["indexPrice"] == pytest.approx(
        exchange.fetch_ticker(PERPETUAL)["markPrice"], rel=0.01
    )


def test_opening_balances_are_those_of_the_ready_line(rival: Any, simulator: Simulator) -> None:
    total = rival.fetch_balance()["total"]
    assert {coin: total[coin] for coin in simulator.coins} == simulator.coins


def test_order_rests_is_edited_found_and_cancelled(exchange: Any) -> None:
    placed = exchange.create_order(OTHER, "limit", "buy", 1, 0.002)
    assert (placed["status"], placed["price"], placed["amount"]) == ("open", 0.002, 1)
    assert (placed["filled"], placed["remaining"], placed["side"]) == (0, 1, "buy")
    assert [order["id"] for order in exchange.fetch_open_orders(OTHER)] == [placed["id"]]
    edited = exchange.edit_order(placed["id"], OTHER, "limit", "buy", 2, 0.0025)
    assert (edited["id"], edited["price"], edited["amount"]) == (placed["id"], 0.0025, 2)
    found = exchange.fetch_order(placed["id"], OTHER)
    assert (found["status"], found["price"], found["amount"]) == ("open", 0.0025, 2)
    reserved = exchange.fetch_balance({"code": "BTC"})["info"]
    assert float(reserved["initial_margin"]) >= 2 * 0.0025
    assert exchange.cancel_order(placed["id"], OTHER)["status"] == "canceled"
    assert exchange.fetch_open_orders(OTHER) == []
    (closed,) = exchange.fetch_closed_orders(OTHER, None, None, {"include_unfilled": True})
    assert (closed["id"], closed["status"]) == (placed["id"], "canceled")


def test_bought_option_gives_trade_fee_position_and_balance(exchange: Any) -> None:
    before = balance(exchange)
    asks = exchange.fetch_order_book(SYMBOL)["asks"]
    done = exchange.create_order(SYMBOL, "limit", "buy", 0.5, asks[-1][0])
    assert (done["status"], done["filled"], done["remaining"]) == ("closed", 0.5, 0)
    price = done["average"]
    assert price <= asks[-1][0]
    (trade,) = exchange.fetch_my_trades(SYMBOL)
    assert (trade["order"], trade["price"], trade["amount"]) == (done["id"], price, 0.5)
    assert (trade["side"], trade["takerOrMaker"]) == ("buy", "taker")
    fee = trade["fee"]
    assert fee["currency"] == "BTC"
    assert fee["cost"] == pytest.approx(0.5 * min(FEE_RATE, FEE_CAP * price))
    assert balance(exchange) == pytest.approx(before - 0.5 * price - fee["cost"], abs=1e-9)
    position = exchange.fetch_position(SYMBOL)
    assert float(position["info"]["average_price"]) == pytest.approx(price)
    assert (position["side"], float(position["info"]["size"])) == ("long", 0.5)
    mark = float(position["info"]["mark_price"])
    assert position["unrealizedPnl"] == pytest.approx(0.5 * (mark - price), abs=1e-6)
    assert trade["id"] in [t["id"] for t in exchange.fetch_order_trades(done["id"])]


def test_sold_option_needs_the_venues_margin(rival: Any) -> None:
    lowest = rival.fetch_order_book(SYMBOL)["bids"][-1][0]
    done = rival.create_order(SYMBOL, "limit", "sell", 1, lowest, {"timeInForce": "IOC"})
    assert (done["status"], done["filled"]) == ("closed", 1)
    info = rival.fetch_balance({"code": "BTC"})["info"]
    position = rival.fetch_position(SYMBOL)
    assert position["side"] == "short"
    index = rival.fetch_ticker(SYMBOL)["indexPrice"]
    mark = float(position["info"]["mark_price"])
    out_of_money = max(60_000 - index, 0.0) / index
    due = max(0.15 - out_of_money, 0.1) + mark
    assert float(info["initial_margin"]) == pytest.approx(due, rel=0.02)
    assert float(info["available_funds"]) == pytest.approx(
        float(info["margin_balance"]) - float(info["initial_margin"]), abs=1e-6
    )


def test_two_accounts_trade_with_each_other(exchange: Any, rival: Any) -> None:
    """Between the market makers' bid and ask, so that nobody else can be meant."""
    book = exchange.fetch_order_book(OTHER)
    price = exchange.parse_to_numeric(
        exchange.price_to_precision(OTHER, (book["bids"][0][0] + book["asks"][0][0]) / 2)
    )
    resting = rival.create_order(OTHER, "limit", "sell", 0.3, price)
    assert resting["status"] == "open"
    taken = exchange.create_order(OTHER, "limit", "buy", 0.3, price)
    assert (taken["status"], taken["average"]) == ("closed", price)
    assert rival.fetch_order(resting["id"], OTHER)["status"] == "closed"
    (sold,) = rival.fetch_my_trades(OTHER)
    (bought,) = exchange.fetch_my_trades(OTHER)
    assert (sold["takerOrMaker"], bought["takerOrMaker"]) == ("maker", "taker")
    assert (sold["price"], bought["price"]) == (price, price)
    assert [t["id"] for t in exchange.fetch_my_trades(OTHER, 1)] == [bought["id"]]
    # Others, whom the simulator draws, trade too.
    (public,) = [t for t in exchange.fetch_trades(OTHER, 1) if t["id"] == bought["id"]]
    assert (public["side"], public["amount"], public["price"]) == ("buy", 0.3, price)


def test_perpetual_is_bought_and_closed(exchange: Any) -> None:
    opened = exchange.create_order(PERPETUAL, "market", "buy", 1000)
    assert (opened["status"], opened["filled"]) == ("closed", 1000)
    (trade,) = exchange.fetch_my_trades(PERPETUAL)
    assert trade["fee"]["cost"] == pytest.approx(
        PERPETUAL_TAKER_FEE * 1000 / trade["price"], abs=1e-8
    )
    position = exchange.fetch_position(PERPETUAL)
    assert (position["side"], float(position["info"]["size"])) == ("long", 1000)
    closed = exchange.create_order(PERPETUAL, "market", "sell", 1000, None, {"reduceOnly": True})
    assert closed["status"] == "closed"
    assert float(exchange.fetch_position(PERPETUAL)["info"]["size"]) == 0


def test_post_only_order_that_would_take_is_invalid(exchange: Any) -> None:
    ask = exchange.fetch_order_book(SYMBOL)["asks"][-1][0]
    with pytest.raises(ccxt.InvalidOrder, match="post_only_reject"):
        exchange.create_order(SYMBOL, "limit", "buy", 0.1, ask, {"postOnly": True})


def test_price_off_the_tick_is_invalid(exchange: Any) -> None:
    raw = {"instrument_name": exchange.market_id(SYMBOL), "amount": 0.1, "type": "limit"}
    with pytest.raises(ccxt.InvalidOrder):
        exchange.private_get_buy({**raw, "price": 0.01003})


def test_order_beyond_the_funds_is_refused(exchange: Any) -> None:
    with pytest.raises(ccxt.InsufficientFunds, match="not_enough_funds"):
        exchange.create_order(SYMBOL, "limit", "sell", 3000, 0.12)


def test_unknown_instrument_is_refused(exchange: Any) -> None:
    with pytest.raises(ccxt.BadSymbol):
        exchange.fetch_ticker("DOGE/USD:DOGE")
    with pytest.raises(ccxt.ExchangeError, match="not_found"):
        exchange.public_get_ticker({"instrument_name": "BTC-25SEP26-60001-C"})


def test_unknown_order_is_not_found(exchange: Any) -> None:
    with pytest.raises(ccxt.OrderNotFound):
        exchange.cancel_order("BTC-1", SYMBOL)


def test_wrong_secret_and_wrong_key_are_errors_of_authentication(simulator: Simulator) -> None:
    for key, secret in ((simulator.client_id, "wrong"), ("nobodys", simulator.client_secret)):
        with pytest.raises(ccxt.AuthenticationError):
            connected(simulator, key, secret).private_get_get_account_summary({"currency": "BTC"})
