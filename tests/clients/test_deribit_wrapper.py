"""deribit-wrapper, a client written by others, trades on the simulated exchange over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients.simulator import Simulator, running

wrapper = pytest.importorskip(
    "deribit_wrapper", reason="runs in the clients' own environment: make clients"
)

# Warnings of its own dependencies are its authors' business, not ours.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

CALL, PUT = "BTC-25SEP26-60000-C", "BTC-25SEP26-55000-P"
FEE_RATE = 0.0003


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with running("--seed", "8") as simulator:
        yield simulator


def connected(simulator: Simulator, **more: Any) -> Any:
    """A client of the first account; its address is a constant of the class."""

    class Here(wrapper.DeribitClient):  # type: ignore[misc, name-defined]
        api_url = simulator.deribit_http

    return Here(
        env="test",
        client_id=simulator.client_id,
        client_secret=simulator.client_secret,
        simulated=False,
        **more,
    )


@pytest.fixture(scope="module")
def client(simulator: Simulator) -> Any:
    return connected(simulator)


def cash(client: Any) -> float:
    summary = client.get_account_summary()
    return float(summary.loc[summary["currency"] == "BTC", "balance"].iloc[0])


def test_instruments_prices_and_expiries_are_read(client: Any) -> None:
    assert client.currencies == ["BTC", "ETH"]
    options = set(client.get_option_instruments("BTC", as_list=True))
    assert {CALL, PUT} <= options
    assert client.get_min_trade_amount(CALL) == 0.1
    assert client.get_expiry_date(CALL).isoformat() == "2026-09-25T08:00:00"
    ticker = client.get_ticker(CALL)
    middle = (ticker["best_bid_price"] + ticker["best_ask_price"]) / 2
    assert client.mid_price(CALL) == pytest.approx(middle, abs=0.002)
    book = client.get_market_book("BTC")
    assert set(book["instrument_name"]) >= options


@pytest.mark.parametrize("auth_method", ["credentials", "signature"])
def test_account_is_read_after_either_way_to_log_in(simulator: Simulator, auth_method: str) -> None:
    client = connected(simulator, auth_method=auth_method)
    assert cash(client) == simulator.coins["BTC"]


def test_order_rests_and_is_cancelled_by_label(client: Any) -> None:
    placed = client.order(PUT, 1, 0.002, "wrapped")["order"]
    assert (placed["order_state"], placed["price"], placed["amount"]) == ("open", 0.002, 1)
    (shown,) = client.get_open_orders()["order_id"]
    assert shown == placed["order_id"]
    assert client.cancel_orders(label="wrapped")["result"] == 1
    assert len(client.get_open_orders()) == 0


def test_fill_gives_trade_fee_position_and_balance(client: Any) -> None:
    before, ask = cash(client), client.get_ticker(CALL)["best_ask_price"]
    done = client.order(CALL, 0.5, ask + 0.002)
    assert done["order"]["order_state"] == "filled"
    (trade,) = done["trades"]
    assert trade["price"] <= ask + 0.002
    assert trade["fee"] == pytest.approx(0.5 * FEE_RATE)
    assert cash(client) == pytest.approx(before - 0.5 * trade["price"] - trade["fee"], abs=1e-9)
    positions = client.get_positions()
    (position,) = positions.loc[positions["instrument_name"] == CALL].to_dict("records")
    assert (position["direction"], position["size"]) == ("buy", 0.5)
    assert position["average_price"] == pytest.approx(trade["price"])
    client.close_position(CALL)
    after = client.get_positions()
    held = after.loc[after["instrument_name"] == CALL, "size"] if len(after) else after
    assert sum(held) == 0
    log = client.get_transaction_log(currency="BTC")
    assert set(log["type"]) >= {"deposit", "trade"}


def test_refused_order_is_told(client: Any) -> None:
    before = cash(client)
    assert client.order(CALL, -3000, 0.12) == {}
    assert cash(client) == before
