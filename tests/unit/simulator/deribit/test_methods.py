"""The public methods over real sockets, asked by an independent client."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest

from quantdesk.runtime.clock import ManualClock
from quantdesk.simulator import DeribitServer, Sample, SimulatedVenue
from tests.unit.simulator.deribit.client import Client, connect
from tests.unit.simulator.test_venue import FIRST_EXPIRY_NS, recorded, run_for, run_to

NAME = "BTC-25SEP26-60000-C"


async def get(server: DeribitServer, path: str) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{server.http_url}/{path}") as response,
    ):
        return response.status, await response.json()


async def post(server: DeribitServer, body: bytes) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(server.http_url, data=body) as response,
    ):
        return response.status, await response.json()


async def test_every_opening_ticker_equals_the_recording(client: Client) -> None:
    for ticker in recorded("btc-2026-06-27")["tickers"]:
        shown = await client.result("public/ticker", instrument_name=ticker["instrument_name"])
        assert shown == ticker


async def test_asked_ticker_is_the_one_of_now(
    server: DeribitServer, client: Client, venue: SimulatedVenue, clock: ManualClock
) -> None:
    opening = await client.result("public/ticker", instrument_name=NAME)
    run_for(clock, 60 * 10**9)
    server.pump()
    now = await client.result("public/ticker", instrument_name=NAME)
    assert now["timestamp"] == venue.stamp_ms > opening["timestamp"]
    assert now["index_price"] == venue.index_price("btc_usd")


async def test_instruments_equal_the_recording(client: Client) -> None:
    shown = await client.result("public/get_instruments", currency="BTC", kind="option")
    assert shown == recorded("btc-2026-06-27")["instruments"]


async def test_instruments_by_scope(client: Client) -> None:
    whole = await client.result("public/get_instruments", currency="any")
    options = await client.result("public/get_instruments", currency="BTC", kind="option")
    futures = await client.result("public/get_instruments", currency="BTC", kind="future")
    assert (len(options), len(futures)) == (330, 7)
    assert whole == [*options, *futures]
    assert await client.result("public/get_instruments", currency="ETH") == []
    assert await client.result("public/get_instruments", currency="BTC", expired=True) == []


async def test_one_instrument(client: Client) -> None:
    shown = await client.result("public/get_instrument", instrument_name=NAME)
    assert shown["instrument_name"] == NAME
    assert shown["strike"] == 60_000.0


async def test_book_is_the_ticker_with_levels(client: Client) -> None:
    ticker = await client.result("public/ticker", instrument_name=NAME)
    book = await client.result("public/get_order_book", instrument_name=NAME, depth=5)
    assert book["bids"][0] == [ticker["best_bid_price"], ticker["best_bid_amount"]]
    assert book["asks"][0] == [ticker["best_ask_price"], ticker["best_ask_amount"]]
    assert book["bids"] == sorted(book["bids"], reverse=True)
    assert book["asks"] == sorted(book["asks"])
    assert len(book["bids"]) == len(book["asks"]) == 5
    assert book["change_id"] > 0
    assert {name: book[name] for name in ticker} == ticker


async def test_book_without_a_bid_has_no_bid_level(client: Client) -> None:
    book = await client.result("public/get_order_book", instrument_name="BTC-28JUN26-53000-P")
    assert book["bids"] == []
    assert book["asks"][0][0] == 0.0001


async def test_summaries_have_null_for_a_missing_side(client: Client) -> None:
    summaries = await client.result(
        "public/get_book_summary_by_currency", currency="BTC", kind="option"
    )
    by_name = {summary["instrument_name"]: summary for summary in summaries}
    assert len(by_name) == 330
    bare = by_name["BTC-28JUN26-53000-P"]
    assert bare["bid_price"] is None
    assert bare["mid_price"] is None
    assert bare["ask_price"] == 0.0001
    one = await client.result("public/get_book_summary_by_instrument", instrument_name=NAME)
    assert one[0]["mid_price"] == (by_name[NAME]["bid_price"] + by_name[NAME]["ask_price"]) / 2


async def test_index_price_and_names(client: Client, btc: Sample) -> None:
    assert await client.result("public/get_index_price_names") == ["btc_usd"]
    price = await client.result("public/get_index_price", index_name="btc_usd")
    assert price == {
        "index_price": btc.index_price,
        "estimated_delivery_price": btc.index_price,
    }


async def test_expirations_are_grouped_as_captured(client: Client) -> None:
    codes = ["28JUN26", "3JUL26", "17JUL26", "31JUL26", "25SEP26", "25DEC26", "26MAR27"]
    ask = client.result
    shown = await ask("public/get_expirations", currency="BTC", kind="option")
    assert shown == {"btc": {"option": codes}}
    shown = await ask("public/get_expirations", currency="any", kind="any")
    futures = [*codes[1:], "PERPETUAL"]
    assert shown == {"future": futures, "option": codes}
    shown = await ask("public/get_expirations", currency="grouped", kind="future")
    assert shown == {"btc": {"future": futures}}


async def test_small_answers(client: Client) -> None:
    assert (await client.result("public/test")).keys() == {"version"}
    hello = await client.result("public/hello", client_name="t", client_version="1")
    assert hello.keys() == {"version"}
    assert await client.result("public/status") == {"locked": "false", "locked_indices": []}
    currencies = await client.result("public/get_currencies")
    assert [currency["currency"] for currency in currencies] == ["BTC"]


async def test_time_is_the_venues(client: Client, btc: Sample, clock: ManualClock) -> None:
    run_for(clock, 5_000_000_000)
    answer = await client.request("public/get_time")
    assert answer["result"] == btc.opened_ns // 1_000_000 + 5_000
    assert answer["usIn"] == answer["usOut"] == btc.opened_ns // 1_000 + 5_000_000


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("public/nothing", {}, -32601),
        ("", {}, -32601),
        ("public/ticker", {}, -32602),
        ("public/ticker", {"instrument_name": 5}, -32602),
        ("public/ticker", {"instrument_name": None}, -32602),
        ("public/ticker", {"instrument_name": "BTC-1JAN20-1-C"}, 13020),
        ("public/get_instrument", {"instrument_name": ""}, 13020),
        ("public/get_instruments", {"currency": "btc"}, -32602),
        ("public/get_instruments", {"currency": "BTC", "kind": None}, -32602),
        ("public/get_instruments", {"currency": "BTC", "kind": "warrant"}, -32602),
        ("public/get_instruments", {"currency": "BTC", "expired": "no"}, -32602),
        ("public/get_order_book", {"instrument_name": NAME, "depth": 3}, -32602),
        ("public/get_order_book", {"instrument_name": NAME, "depth": 1e300}, -32602),
        ("public/get_index_price", {"index_name": "doge_usd"}, -32602),
        ("public/get_expirations", {"currency": "BTC", "kind": "spot"}, -32602),
        ("public/set_heartbeat", {"interval": 9}, -32602),
        ("public/set_heartbeat", {"interval": 10.5}, -32602),
        ("public/subscribe", {"channels": "ticker"}, -32602),
        ("public/subscribe", {"channels": [1]}, -32602),
        ("public/subscribe", {"channels": [f"ticker.{NAME}.raw"]}, 13778),
        ("public/auth", {"grant_type": "client_credentials"}, 13004),
        ("private/buy", {"instrument_name": NAME}, 10000),
        ("private/get_positions", {"access_token": "x"}, 13009),
    ],
)
async def test_refusals_carry_the_venues_code(
    client: Client, method: str, params: dict[str, object], code: int
) -> None:
    answer = await client.send_raw(
        json.dumps({"jsonrpc": "2.0", "id": "q", "method": method, "params": params})
    )
    assert answer["error"]["code"] == code
    assert answer["id"] == "q"
    assert "result" not in answer


async def test_wrong_parameter_is_named(client: Client) -> None:
    error = await client.error("public/ticker", instrument_name=5)
    assert error["data"] == {"reason": "wrong format", "param": "instrument_name"}
    error = await client.error("public/ticker")
    assert error["data"] == {"reason": "required", "param": "instrument_name"}


async def test_hostile_frames_are_answered_and_the_connection_lives(client: Client) -> None:
    hostile: list[str | bytes] = [
        "",
        "not json",
        "[" * 20_000,
        "x" * 40_000,
        b"\xff\xfe\x00",
        '[{"jsonrpc":"2.0","id":1,"method":"public/test"}]',
        '{"id":1,"method":"public/test","params":{"a":1e400}}',
    ]
    for payload in hostile:
        answer = await client.send_raw(payload)
        assert "error" in answer or answer["result"]
    assert (await client.result("public/test"))["version"]


async def test_query_string_gives_the_same_result(server: DeribitServer, client: Client) -> None:
    status, answer = await get(server, f"public/ticker?instrument_name={NAME}")
    assert status == 200
    assert answer["result"] == await client.result("public/ticker", instrument_name=NAME)
    assert "id" not in answer


async def test_query_string_values_take_the_type_of_their_parameter(server: DeribitServer) -> None:
    _, answer = await get(server, "public/get_instruments?currency=BTC&expired=true")
    assert answer["result"] == []
    status, answer = await get(server, f"public/get_order_book?instrument_name={NAME}&depth=1")
    assert status == 200
    assert len(answer["result"]["bids"]) == 1
    status, answer = await get(server, f"public/get_order_book?instrument_name={NAME}&depth=x")
    assert (status, answer["error"]["code"]) == (400, -32602)


async def test_posted_request_is_answered_with_its_id(server: DeribitServer) -> None:
    body = b'{"jsonrpc":"2.0","id":"p#1","method":"public/get_time"}'
    status, answer = await post(server, body)
    assert (status, answer["id"]) == (200, "p#1")


async def test_http_refuses_what_needs_a_websocket(server: DeribitServer) -> None:
    for method in ("subscribe?channels=a", "set_heartbeat?interval=30", "unsubscribe_all"):
        status, answer = await get(server, f"public/{method}")
        assert (status, answer["error"]["code"]) == (400, 10030)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"x" * 40_000, b'{"method":"public/test"}'])
async def test_bad_post_is_refused(server: DeribitServer, body: bytes) -> None:
    status, answer = await post(server, body)
    assert status == 400
    assert answer["error"]["code"] in (11050, -32600)
    assert "id" not in answer


async def test_expired_options_leave_the_list_and_keep_a_closed_ticker(
    server: DeribitServer, client: Client, venue: SimulatedVenue, clock: ManualClock
) -> None:
    run_to(venue, clock, FIRST_EXPIRY_NS + 10**9)
    server.pump()
    listed = await client.result("public/get_instruments", currency="BTC", kind="option")
    assert len(listed) == 280
    gone = await client.result("public/get_instruments", currency="BTC", expired=True)
    assert {(record["state"], record["is_active"]) for record in gone} == {("delivered", False)}
    ticker = await client.result("public/ticker", instrument_name="BTC-28JUN26-59000-C")
    assert ticker["state"] == "closed"
    assert ticker["estimated_delivery_price"] == "expired"
    assert ticker["delivery_price"] == pytest.approx(60_000, rel=0.05)
    assert ticker["best_bid_price"] == ticker["best_bid_amount"] == 0
    assert set(ticker["greeks"].values()) == {0}


async def test_same_seed_and_clock_give_the_same_bytes(btc: Sample) -> None:
    async def session() -> list[str]:
        clock = ManualClock(0)
        venue = SimulatedVenue(btc, clock=clock, seed=3)
        frames: list[str] = []
        async with DeribitServer(venue, step_s=None) as server, connect(server.ws_url) as client:
            channels = [f"ticker.{name}.100ms" for name in venue.board.names[:40]]
            await client.subscribe(*channels)
            frames += map(json.dumps, await client.drain())
            for _ in range(10):
                run_for(clock, 400_000_000)
                server.pump()
            await client.socket.send('{"id":"end","method":"public/test"}')
            while not frames or '"end"' not in frames[-1]:
                frames.append(str(await client.socket.recv()))
        return frames

    first, second = await session(), await session()
    assert len(first) > 80
    assert first == second
