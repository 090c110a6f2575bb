"""Shape of our messages against captured ones: same fields, same JSON types, same null habits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from quantdesk.runtime.clock import ManualClock
from quantdesk.simulator import DeribitServer, Sample, SimulatedVenue
from tests.unit.simulator.deribit.client import Client, connect
from tests.unit.simulator.test_venue import run_for

FIXTURES = Path(__file__).parents[3] / "fixtures" / "simulator"
NAME = "BTC-3JUL26-60000-C"

SINCE_2021 = {
    "block_trade_min_trade_amount",
    "block_trade_tick_size",
    "counter_currency",
    "instrument_id",
    "instrument_type",
    "price_index",
    "settlement_currency",
    "state",
    "tick_size_steps",
}
"""Fields that instrument records gained between the capture of 2021 and that of 2026."""


def frames() -> list[dict[str, Any]]:
    text = (FIXTURES / "ws_public_frames_2021-07-22.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def captured(channel: str, kind: str | None = None) -> list[dict[str, Any]]:
    found = []
    for frame in frames():
        if frame.get("method") != "subscription":
            continue
        params = frame["params"]
        if params["channel"].startswith(channel) and kind in (None, params["data"].get("type")):
            found.append(frame)
    assert found
    return found


def shape(value: Any) -> Any:
    """JSON type of each field; numbers are one type, null fits everything."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    if isinstance(value, list):
        return [shape(item) for item in value]
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    return type(value).__name__


def assert_fits(ours: Any, theirs: Any, where: str = "message") -> None:
    """Same fields and types, null being any type on either side."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        assert ours.keys() == theirs.keys(), where
        for name in ours:
            assert_fits(ours[name], theirs[name], f"{where}.{name}")
    elif ours != "NoneType" and theirs != "NoneType":
        assert ours == theirs, where


async def test_ticker_frame_has_the_captured_shape(client: Client) -> None:
    await client.subscribe(f"ticker.{NAME}.100ms")
    ours = await client.receive() if not client.waiting else client.waiting.pop(0)
    theirs = captured("ticker.")[0]
    theirs["params"]["data"]["stats"]["volume_usd"] = None  # newer than the capture
    assert_fits(shape(ours), shape(theirs))


@pytest.mark.parametrize("kind", ["snapshot", "change"])
async def test_book_frames_have_the_captured_shape(
    server: DeribitServer, client: Client, clock: ManualClock, kind: str
) -> None:
    await client.subscribe(f"book.{NAME}.100ms")
    params = await client.notification()
    while params["data"]["type"] != kind:
        run_for(clock, 5 * 10**9)
        server.pump()
        for told in await client.drain():
            params = told
    for frame in captured("book.", kind):
        theirs = frame["params"]["data"]
        assert params["data"].keys() == theirs.keys()
        for side in ("bids", "asks"):
            for level in (*params["data"][side], *theirs[side]):
                assert shape(level) == ["str", "number", "number"]


async def test_subscribe_answer_has_the_captured_fields(client: Client) -> None:
    ours = await client.request("public/subscribe", 0, channels=["platform_state"])
    theirs = next(frame for frame in frames() if "result" in frame)
    assert shape({**ours, "result": 0}) == shape({**theirs, "result": 0})
    assert shape(ours["result"][0]) == shape(theirs["result"][0])


async def test_instrument_record_has_the_captured_fields(client: Client) -> None:
    path = FIXTURES / "rest_get_instruments_btc_2021-07-22.json"
    answer = json.loads(path.read_text(encoding="utf-8"))
    theirs = answer["result"][0]
    ours = (await client.result("public/get_instruments", currency="BTC", kind="option"))[0]
    assert ours.keys() - theirs.keys() == SINCE_2021
    assert_fits(shape({name: ours[name] for name in theirs}), shape(theirs))


async def test_eth_messages_have_the_shape_of_the_recorded_btc_ones(
    client: Client, eth: Sample, clock: ManualClock
) -> None:
    venue = SimulatedVenue(eth, clock=clock)
    async with DeribitServer(venue, step_s=None) as server, connect(server.ws_url) as other:
        ours = await other.result("public/ticker", instrument_name="ETH-27MAR26-3000-C")
        theirs = await client.result("public/ticker", instrument_name=NAME)
        # The recorded quotes tell no settlement price; new listings have none either.
        del theirs["settlement_price"]
        assert_fits(shape(ours), shape(theirs))
        ours = await other.result("public/get_instrument", instrument_name="ETH-27MAR26-3000-C")
        theirs = await client.result("public/get_instrument", instrument_name=NAME)
        assert_fits(shape(ours), shape(theirs))
