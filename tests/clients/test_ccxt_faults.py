"""What ccxt makes of the faults that the simulated exchange is asked for while it runs."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients.simulator import Simulator, running

ccxt = pytest.importorskip("ccxt", reason="runs in the clients' own environment: make clients")

PUT = "BTC/USD:BTC-260925-55000-P"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with running("--seed", "10") as simulator:
        yield simulator


@pytest.fixture(scope="module")
def deribit(simulator: Simulator) -> Any:
    exchange = ccxt.deribit({"apiKey": simulator.client_id, "secret": simulator.client_secret})
    exchange.urls["api"]["rest"] = simulator.deribit_http.removesuffix("/api/v2")
    exchange.load_markets()
    return exchange


@pytest.fixture(scope="module")
def binance(simulator: Simulator) -> Any:
    exchange = ccxt.binance({"apiKey": simulator.api_key, "secret": simulator.api_secret})
    for api in ("eapiPublic", "eapiPrivate"):
        exchange.urls["api"][api] = f"{simulator.rest}/eapi/v1"
    return exchange


def let(simulator: Simulator, kind: str, **fields: object) -> None:
    """Ask the endpoint of the Binance port, which serves both venues."""
    body = json.dumps({"kind": kind, **fields}).encode()
    with urllib.request.urlopen(f"{simulator.rest}/simulator/faults", data=body) as response:
        assert response.status == 200


def test_too_many_requests_are_told_apart(simulator: Simulator, deribit: Any, binance: Any) -> None:
    let(simulator, "rate-limit", venue="deribit")
    with pytest.raises(ccxt.NetworkError, match="10028"):
        deribit.fetch_time()
    let(simulator, "rate-limit", venue="binance")
    with pytest.raises(ccxt.DDoSProtection, match="429"):
        binance.eapiPublicGetTime()


def test_ban_is_418(simulator: Simulator, binance: Any) -> None:
    let(simulator, "ban", seconds=1)
    with pytest.raises(ccxt.DDoSProtection, match="418"):
        binance.eapiPublicGetTime()


def test_lost_answer_leaves_an_order_to_be_found(simulator: Simulator, deribit: Any) -> None:
    let(simulator, "lost-ack", venue="deribit", request="private/buy")
    with pytest.raises(ccxt.NetworkError):
        deribit.create_order(PUT, "limit", "buy", 1, 0.002, {"label": "lost"})
    (order,) = deribit.fetch_open_orders(PUT)
    assert (order["price"], order["amount"], order["info"]["label"]) == (0.002, 1, "lost")


def test_restart_loses_the_open_orders(simulator: Simulator, deribit: Any) -> None:
    deribit.create_order(PUT, "limit", "buy", 1, 0.002)
    let(simulator, "restart", venue="deribit")
    assert deribit.fetch_open_orders(PUT) == []


def test_maintenance_is_an_exchange_not_available(simulator: Simulator, deribit: Any) -> None:
    let(simulator, "maintenance", venue="deribit", seconds=0.5)
    with pytest.raises(ccxt.ExchangeNotAvailable, match="11051"):
        deribit.fetch_time()
