"""Every answer that was captured against ours: the same fields, JSON types and null habits.

The captures are Nautilus Trader's fixtures (LGPL-3.0), which do not ship with this repository: they
are read where the project's reference data lies, and the tests skip elsewhere.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from quantdesk.simulator import DeribitServer
from tests.unit.simulator.deribit.client import Client
from tests.unit.simulator.deribit.test_shapes import assert_fits, shape

CAPTURES = Path(__file__).parents[5] / "shared" / "data" / "deribit" / "api_payloads"
FUTURE = "BTC-PERPETUAL"
NAME = "BTC-25SEP26-60000-C"

pytestmark = pytest.mark.skipif(
    not CAPTURES.is_dir(), reason="the captured payloads are not beside the repository"
)


def captured(name: str) -> Any:
    return json.loads((CAPTURES / f"{name}.json").read_text(encoding="utf-8"))


def fits(ours: Any, theirs: Any) -> None:
    """Same fields and types; the first of a list stands for all."""
    assert_fits(shape(_first(ours)), shape(_first(theirs)))


def _first(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _first(item) for name, item in value.items()}
    return [_first(value[0])] if isinstance(value, list) and value else value


async def resting(client: Client) -> dict[str, Any]:
    found: dict[str, Any] = await client.request(
        "private/buy",
        3,
        instrument_name=FUTURE,
        amount=100,
        price=60_000.0,
        post_only=True,
        label="O-19700101-000000-001-001-1",
    )
    return found


async def test_buy_and_sell(trader: Client) -> None:
    theirs = captured("ws_order_buy_response")
    ours = await resting(trader)
    fits(ours, theirs)
    assert list(ours["result"]["order"]) == list(theirs["result"]["order"])
    sold = await trader.request(
        "private/sell", 4, instrument_name=FUTURE, amount=100, price=61_000.0, post_only=True
    )
    fits(sold, captured("ws_order_sell_response"))


async def test_edit(trader: Client) -> None:
    order = (await resting(trader))["result"]["order"]
    edit = {"order_id": order["order_id"], "amount": 100, "price": 60_001.0}
    theirs = captured("ws_order_edit_response")
    ours = await trader.request("private/edit", 7, **edit)
    fits(ours, theirs)
    assert ours["result"]["order"]["replaced"] is theirs["result"]["order"]["replaced"] is True


async def test_cancel(trader: Client) -> None:
    order = (await resting(trader))["result"]["order"]
    theirs = captured("ws_order_cancel_response")
    ours = await trader.request("private/cancel", 11, order_id=order["order_id"])
    fits(ours, theirs)
    for name in ("cancel_reason", "order_state", "order_type", "time_in_force"):
        assert ours["result"][name] == theirs["result"][name]


async def test_error(server: DeribitServer, trader: Client) -> None:
    server.refuse_next()
    ours = await trader.request("private/buy", instrument_name=FUTURE, amount=100)
    theirs = captured("ws_error")
    assert ours["error"] == theirs["error"]


async def test_account_summaries(trader: Client) -> None:
    await trader.order("buy", NAME, amount=1, type="market")
    await trader.order("buy", FUTURE, amount=100, type="market")
    ours = await trader.request("private/get_account_summaries", 2515, extended=True)
    theirs = captured("http_get_account_summaries")
    btc, eth = theirs["result"]["summaries"]
    # The two captured currencies differ by it, and the reference lists more than either.
    newer = {"additional_reserve", "locked_balance", "projected_initial_margin", "currency"}
    (mine,) = ours["result"].pop("summaries")
    theirs["result"].pop("summaries")
    fits(ours, theirs)
    assert mine.keys() - newer == (btc.keys() | eth.keys()) - newer
    assert newer <= mine.keys()
    for name in btc.keys() - {"fees", "limits"}:
        assert_fits(shape(mine[name]), shape(btc[name]), name)
    assert_fits(shape(mine["limits"]), shape(btc["limits"]), "limits")
    assert {fee["kind"] for fee in mine["fees"]} == {fee["kind"] for fee in btc["fees"]}
    fits(mine["fees"], btc["fees"])


async def test_portfolio(trader: Client) -> None:
    await trader.result("private/subscribe", channels=["user.portfolio.btc"])
    ours = (await trader.notification())["data"]
    theirs = captured("ws_portfolio")["params"]["data"]
    # These are told of cross margin only.
    cross = {name for name in theirs if name.startswith("total_") and name.endswith("_usd")}
    assert len(cross) == 5
    assert_fits(shape(ours), shape({k: v for k, v in theirs.items() if k not in cross}))


async def test_expirations(client: Client) -> None:
    ours = await client.request("public/get_expirations", 1, currency="BTC", kind="option")
    fits(ours, captured("http_get_expirations_btc_option"))


@pytest.mark.parametrize(
    ("capture", "name"), [("http_get_instrument", FUTURE), ("http_get_instrument_option", NAME)]
)
async def test_instrument(client: Client, capture: str, name: str) -> None:
    theirs = captured(capture)["result"]
    ours = await client.result("public/get_instrument", instrument_name=name)
    # The recorded chain of June 2026 leaves these out, and has the state that the older lacks.
    older = {"max_leverage", "max_liquidation_commission", "max_non_default_leverage"}
    assert theirs.keys() - ours.keys() <= older
    assert ours.keys() - theirs.keys() <= {"state"}
    # An empty list of steps has no shape.
    shared = ours.keys() & theirs.keys() - {"tick_size_steps"}
    assert_fits(shape({k: ours[k] for k in shared}), shape({k: theirs[k] for k in shared}))


async def test_instruments(client: Client) -> None:
    theirs = captured("http_get_instruments")["result"]
    ours = await client.result("public/get_instruments", currency="BTC")
    for kind in ("future", "option"):
        mine = next(one for one in ours if one["kind"] == kind)
        captured_one = next(one for one in theirs if one["kind"] == kind)
        shared = mine.keys() & captured_one.keys() - {"tick_size_steps"}
        assert {"instrument_name", "tick_size", "settlement_period"} <= shared
        assert_fits(
            shape({k: mine[k] for k in shared}), shape({k: captured_one[k] for k in shared})
        )


async def test_last_trades(trader: Client) -> None:
    await trader.order("buy", FUTURE, amount=100, type="market")
    ours = await trader.request("public/get_last_trades_by_instrument", 2, instrument_name=FUTURE)
    fits(ours, captured("http_get_last_trades"))


async def test_order_book(trader: Client) -> None:
    await trader.order("buy", FUTURE, amount=100, type="market")
    ours = await trader.request("public/get_order_book", 3, instrument_name=FUTURE, depth=20)
    theirs = captured("http_get_order_book")
    fits(ours, theirs)
    for side, sign in (("bids", -1), ("asks", 1)):
        for book in (ours["result"], theirs["result"]):
            prices = [sign * price for price, _ in book[side]]
            assert prices == sorted(prices)


async def test_ticker(trader: Client) -> None:
    await trader.order("buy", FUTURE, amount=100, type="market")
    await trader.subscribe(f"ticker.{FUTURE}.100ms")
    theirs = captured("ws_ticker")["params"]["data"]
    assert_fits(shape((await trader.notification())["data"]), shape(theirs))


async def test_time(client: Client) -> None:
    ours, theirs = await client.request("public/get_time", 1), captured("http_get_time")
    assert_fits(shape({k: ours[k] for k in theirs}), shape(theirs))


async def test_chart(trader: Client, server: DeribitServer) -> None:
    now_ms = server.venue.stamp_ms
    ours = await trader.request(
        "public/get_tradingview_chart_data",
        2,
        instrument_name=FUTURE,
        start_timestamp=now_ms - 300_000,
        end_timestamp=now_ms,
        resolution="1",
    )
    fits(ours, captured("http_get_tradingview_chart_data"))
    await trader.subscribe(f"chart.trades.{FUTURE}.1")
    await trader.order("buy", FUTURE, amount=100, type="market")
    theirs = captured("ws_chart")["params"]["data"]
    assert_fits(shape((await trader.notification())["data"]), shape(theirs))


async def test_book_channel(trader: Client) -> None:
    await trader.subscribe(f"book.{FUTURE}.100ms")
    snapshot = (await trader.notification())["data"]
    theirs = captured("ws_book_snapshot")["params"]["data"]
    # Older frames of the venue leave the first message's previous id out, as ours do.
    theirs.pop("prev_change_id")
    assert_fits(shape(_first(snapshot)), shape(_first(theirs)))
    await trader.order("buy", FUTURE, amount=100, type="market")
    change = (await trader.notification())["data"]
    theirs = captured("ws_book_delta")["params"]["data"]
    assert change.keys() == theirs.keys()
    assert change["prev_change_id"] == snapshot["change_id"]


async def test_quote_trades_and_subscription(trader: Client, server: DeribitServer) -> None:
    ours = await trader.request(
        "public/subscribe", 1, channels=[f"quote.{FUTURE}", f"trades.{FUTURE}.100ms"]
    )
    fits(ours, captured("ws_subscribe_response"))
    quote = (await trader.notification())["data"]
    assert_fits(shape(quote), shape(captured("ws_quote")["params"]["data"]))
    await trader.order("buy", FUTURE, amount=100, type="market")
    told = {params["channel"]: params["data"] for params in await trader.drain()}
    theirs = captured("ws_trades")["params"]["data"][1]
    assert_fits(shape(told[f"trades.{FUTURE}.100ms"][0]), shape(theirs))


async def test_volatility_index(client: Client) -> None:
    await client.subscribe("deribit_volatility_index.btc_usd")
    theirs = captured("ws_volatility_index")["params"]["data"]
    assert_fits(shape((await client.notification())["data"]), shape(theirs))


async def test_test_request(server: DeribitServer, client: Client) -> None:
    await client.result("public/set_heartbeat", interval=10)
    clock = server.venue.clock
    clock.advance_to(clock.now_ns() + 10**10)  # type: ignore[attr-defined]
    server.pump()
    assert (await client.receive())["params"] == {"type": "heartbeat"}
    assert await client.receive() == captured("ws_test_request")


def test_captured_summary_obeys_the_identities_that_ours_does() -> None:
    for s in captured("http_get_account_summaries")["result"]["summaries"]:
        session = s["futures_session_upl"] + s["futures_session_rpl"]
        assert s["equity"] == pytest.approx(s["balance"] + s["options_value"] + session, abs=2e-8)
        assert s["margin_balance"] == pytest.approx(s["equity"] - s["options_value"], abs=2e-8)
        total = sum(s["delta_total_map"].values()) - s["options_value"]
        assert s["delta_total"] == pytest.approx(total, abs=1e-6)
        without = s["delta_total"] - s["options_delta"] + s["options_value"]
        assert s["projected_delta_total"] == pytest.approx(without, abs=1e-6)


def test_every_capture_is_compared() -> None:
    """A new payload in the folder wants a test here, or a reason to be left out."""
    source = Path(__file__).read_text(encoding="utf-8")
    # Of combos, which are left for later.
    combos = {
        "http_get_instruments_future_combo",
        "http_get_last_trades_future_combo",
        "http_get_last_trades_perpetual_with_combo_tags",
    }
    names = {path.stem for path in CAPTURES.glob("*.json")}
    assert {name for name in names - combos if f'"{name}"' not in source} == set()
