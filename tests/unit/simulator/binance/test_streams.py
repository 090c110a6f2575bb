"""Market streams and control messages over real sockets."""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed, InvalidStatus

from quantdesk.errors import InvalidInput
from quantdesk.runtime.clock import ManualClock
from quantdesk.simulator import SimulatedVenue
from quantdesk.simulator.binance.control import answer
from quantdesk.simulator.binance.server import BinanceServer
from tests.unit.simulator.binance.client import Client, Streams, listen

SYMBOL = "BTC-260925-60000-C"
LOWER = SYMBOL.lower()
MS = 1_000_000
SECOND_NS = 1_000_000_000


def pump(server: BinanceServer, clock: ManualClock, ns: int = 100 * MS) -> None:
    clock.advance_to(clock.now_ns() + ns)
    server.pump()


async def until(streams: Streams, event: str, server: BinanceServer, clock: ManualClock) -> Any:
    """The next message of a kind, moving the market until it comes."""
    for _ in range(60):
        pump(server, clock, SECOND_NS)
        for message in await streams.waiting():
            body = message[0] if isinstance(message, list) else message
            if body["e"] == event:
                return message
    raise AssertionError(f"no {event} came")


async def test_raw_stream_in_the_address_sends_bare_messages(
    server: BinanceServer, client: Client, clock: ManualClock
) -> None:
    async with listen(server, f"/public/ws/{LOWER}@bookTicker") as streams:
        await streams.settle()
        bid, ask = await client.best(SYMBOL)
        price = f"{float(bid) + 5:.3f}"
        await client.order(SYMBOL, "BUY", "0.10", price)
        message = await streams.receive()
    assert (message["e"], message["s"]) == ("bookTicker", SYMBOL)
    assert (message["b"], message["B"], message["a"]) == (price, "0.10", ask)


async def test_combined_streams_are_wrapped_with_their_names(
    server: BinanceServer, client: Client
) -> None:
    names = f"{LOWER}@optionTrade/btcusdt@optionTrade"
    async with listen(server, f"/public/stream?streams={names}") as streams:
        await streams.settle()
        _, ask = await client.best(SYMBOL)
        await client.order(SYMBOL, "BUY", "0.10", ask)
        found = [await streams.receive() for _ in range(2)]
    assert {message["stream"] for message in found} == set(names.split("/"))
    trade = found[0]["data"]
    assert (trade["p"], trade["q"], trade["S"], trade["m"]) == (ask, "0.10", "BUY", False)
    assert (trade["t"], trade["X"]) == (1, "MARKET")


async def test_depth_changes_chain_and_rebuild_the_book(
    server: BinanceServer, client: Client, clock: ManualClock
) -> None:
    async with listen(server, f"/public/ws/{LOWER}@depth@100ms") as streams:
        await streams.settle()
        messages = [await until(streams, "depthUpdate", server, clock)]
        snapshot = await client.public("/depth", symbol=SYMBOL, limit=1000)
        while len(messages) < 8:
            messages.append(await until(streams, "depthUpdate", server, clock))
        final = await client.public("/depth", symbol=SYMBOL, limit=1000)
    for before, after in pairwise(messages):
        assert after["pu"] == before["u"]
        assert before["u"] < after["U"] <= after["u"]
    sides = [dict(map(tuple, snapshot[side])) for side in ("bids", "asks")]
    for message in messages:
        if message["u"] < snapshot["lastUpdateId"]:
            continue
        for book, field in zip(sides, ("b", "a"), strict=True):
            for price, amount in message[field]:
                book[price] = amount
                if Decimal(amount) == 0:
                    del book[price]
    assert messages[-1]["u"] == final["lastUpdateId"]
    assert sides == [dict(map(tuple, final[side])) for side in ("bids", "asks")]


async def test_several_changes_within_the_pace_come_as_one(
    server: BinanceServer, client: Client, clock: ManualClock
) -> None:
    async with listen(server, f"/public/ws/{LOWER}@depth@500ms") as streams:
        await streams.settle()
        first = await until(streams, "depthUpdate", server, clock)
        placed = [await client.order(SYMBOL, "BUY", "0.10", price) for price in ("4000", "4005")]
        await client.ok("DELETE", "/order", symbol=SYMBOL, orderId=placed[0]["orderId"])
        pump(server, clock, 500 * MS)
        message = await streams.receive()
    assert message["pu"] == first["u"]
    assert ["4005.000", "0.10"] in message["b"]
    assert ["4000.000", "0.00"] in message["b"]
    assert message["U"] < message["u"]


async def test_partial_depth_shows_the_best_levels(
    server: BinanceServer, client: Client, clock: ManualClock
) -> None:
    async with listen(server, f"/public/ws/{LOWER}@depth5@100ms") as streams:
        await streams.settle()
        pump(server, clock)
        message = await streams.receive()
        book = await client.public("/depth", symbol=SYMBOL, limit=10)
    assert message["b"] == book["bids"][:5]
    assert message["a"] == book["asks"][:5]
    assert message["u"] == book["lastUpdateId"]


async def test_marks_of_an_underlying_come_in_one_message(
    server: BinanceServer, client: Client, clock: ManualClock
) -> None:
    async with listen(server, "/market/ws/btcusdt@optionMarkPrice") as streams:
        await streams.settle()
        message = await until(streams, "markPrice", server, clock)
        marks = {row["symbol"]: row for row in await client.public("/mark")}
        bid, ask = await client.best(SYMBOL)
    assert [row["s"] for row in message] == list(marks)
    mine = next(row for row in message if row["s"] == SYMBOL)
    assert mine["mp"] == marks[SYMBOL]["markPrice"]
    assert float(mine["vo"]) == float(marks[SYMBOL]["markIV"])
    assert (mine["bo"], mine["ao"], mine["P"]) == (bid, ask, "0.000")


async def test_indexes_open_interest_and_bars_are_sent(
    server: BinanceServer, client: Client, clock: ManualClock
) -> None:
    names = f"!index@arr/btcusdt@openInterest@260925/{LOWER}@kline_1m"
    _, ask = await client.best(SYMBOL)
    await client.order(SYMBOL, "BUY", "0.10", ask)
    async with listen(server, f"/market/stream?streams={names}") as streams:
        await streams.settle()
        await client.order(SYMBOL, "BUY", "0.10", ask)
        pump(server, clock)
        found: dict[str, Any] = {}
        while len(found) < 3:
            message = await streams.receive()
            found[message["stream"]] = message["data"]
        index, interest, bar = (found[name] for name in names.split("/"))
    assert index[0]["s"] == "BTCUSDT"
    assert {row["s"].split("-")[1] for row in interest} == {"260925"}
    assert next(row["o"] for row in interest if row["s"] == SYMBOL) == "0.20"
    assert (bar["k"]["c"], bar["k"]["v"], bar["k"]["x"]) == (ask, "0.20", False)


async def test_bar_is_told_once_more_when_it_has_ended(
    server: BinanceServer, client: Client, clock: ManualClock
) -> None:
    async with listen(server, f"/market/ws/{LOWER}@kline_1m") as streams:
        await streams.settle()
        _, ask = await client.best(SYMBOL)
        await client.order(SYMBOL, "BUY", "0.10", ask)
        running = await streams.receive()
        pump(server, clock, 60 * SECOND_NS)
        ended = await streams.receive()
    assert (running["k"]["x"], ended["k"]["x"]) == (False, True)
    assert running["k"]["t"] == ended["k"]["t"]


async def test_day_ticker_is_sent_for_what_traded(
    server: BinanceServer, client: Client, clock: ManualClock
) -> None:
    async with listen(server, "/public/ws/btcusdt@optionTicker@260925") as streams:
        await streams.settle()
        _, ask = await client.best(SYMBOL)
        await client.order(SYMBOL, "BUY", "0.10", ask)
        message = await streams.receive()
    assert (message["s"], message["c"], message["v"], message["n"]) == (SYMBOL, ask, "0.10", 1)


async def test_stream_on_another_path_stays_silent(
    server: BinanceServer, client: Client, clock: ManualClock
) -> None:
    names = f"btcusdt@optionMarkPrice/{SYMBOL}@bookTicker/nonsense"
    async with listen(server, f"/public/ws/{names}") as streams:
        await streams.settle()
        for _ in range(5):
            pump(server, clock, SECOND_NS)
        assert await streams.request("LIST_SUBSCRIPTIONS") == {
            "result": names.split("/"),
            "id": 1,
        }


@pytest.mark.parametrize("path", ["/ws/x", "/stream", "/eoptions/ws/x", "/public", "/private/x"])
async def test_retired_and_unknown_paths_do_not_connect(server: BinanceServer, path: str) -> None:
    with pytest.raises(InvalidStatus, match="404"):
        async with listen(server, path):
            pass


async def test_subscriptions_come_and_go_and_are_listed(
    server: BinanceServer, client: Client, clock: ManualClock
) -> None:
    async with listen(server, "/public/ws") as streams:
        names = [f"{LOWER}@optionTrade", f"{LOWER}@bookTicker"]
        assert await streams.request("SUBSCRIBE", *names) == {"result": None, "id": 1}
        assert await streams.request("LIST_SUBSCRIPTIONS") == {"result": names, "id": 2}
        assert await streams.request("UNSUBSCRIBE", names[1]) == {"result": None, "id": 3}
        _, ask = await client.best(SYMBOL)
        await client.order(SYMBOL, "BUY", "0.10", ask)
        assert (await streams.receive())["e"] == "trade"
        assert await streams.request("LIST_SUBSCRIPTIONS") == {"result": names[:1], "id": 4}


async def test_wrapping_is_a_property_of_the_connection(
    server: BinanceServer, client: Client
) -> None:
    async with listen(server, f"/public/ws/{LOWER}@optionTrade") as streams:
        assert (await streams.request("GET_PROPERTY", "combined"))["result"] is False
        assert (await streams.request("SET_PROPERTY", "combined", True))["result"] is None
        _, ask = await client.best(SYMBOL)
        await client.order(SYMBOL, "BUY", "0.10", ask)
        assert (await streams.receive())["stream"] == f"{LOWER}@optionTrade"


class _Listener:
    """A connection without a socket."""

    def __init__(self) -> None:
        self.is_combined = False
        self.names: dict[str, None] = {}

    def streams(self) -> list[str]:
        return list(self.names)

    def subscribe(self, names: Any) -> None:
        self.names.update(dict.fromkeys(names))

    def unsubscribe(self, names: Any) -> None:
        for name in names:
            self.names.pop(name, None)


@pytest.mark.parametrize(
    ("message", "code", "words"),
    [
        ("{", 3, "Invalid JSON"),
        ("[]", 3, "Invalid JSON"),
        ('{"id":1}', 2, "missing field `method`"),
        ('{"method":"SUB","id":1}', 2, "unknown variant SUB"),
        ('{"method":"SUBSCRIBE","params":["a"]}', 2, "request ID"),
        ('{"method":"SUBSCRIBE","params":["a"],"id":-1}', 2, "request ID"),
        ('{"method":"SUBSCRIBE","params":"a","id":1}', 2, "list of strings"),
        ('{"method":"SET_PROPERTY","params":["combined",1],"id":1}', 1, "expected Boolean"),
        ('{"method":"SET_PROPERTY","params":[1],"id":1}', 2, "must be a string"),
        ('{"method":"GET_PROPERTY","params":["other"],"id":1}', 0, "Unknown property"),
        ('{"method":"GET_PROPERTY","params":["combined",1],"id":1}', 2, "too many"),
    ],
)
def test_bad_control_messages_are_answered_with_the_documents_words(
    message: str, code: int, words: str
) -> None:
    body = json.loads(answer(message.encode(), _Listener()))
    assert body["code"] == code
    assert words in body["msg"]


@given(st.binary(max_size=200))
def test_any_bytes_give_an_answer(payload: bytes) -> None:
    assert isinstance(json.loads(answer(payload, _Listener())), dict)


def test_connection_listens_to_at_most_two_hundred_streams() -> None:
    listener = _Listener()
    names = [f"s{number}" for number in range(201)]
    request = {"method": "SUBSCRIBE", "params": names[:200], "id": 1}
    assert json.loads(answer(json.dumps(request).encode(), listener))["result"] is None
    one_more = {"method": "SUBSCRIBE", "params": names[200:], "id": 2}
    assert json.loads(answer(json.dumps(one_more).encode(), listener))["code"] == 2
    assert len(listener.names) == 200


async def test_too_many_messages_in_a_second_end_the_connection(server: BinanceServer) -> None:
    async with listen(server, "/public/ws") as streams:
        for number in range(11):
            message = {"method": "LIST_SUBSCRIPTIONS", "id": number}
            await streams.socket.send(json.dumps(message))
        await streams.socket.wait_closed()
        with pytest.raises(ConnectionClosed) as closed:
            await streams.socket.send("{}")
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


async def test_connection_is_pinged_and_ends_after_a_day(
    server: BinanceServer, clock: ManualClock
) -> None:
    async with listen(server, "/market/ws") as streams:
        await streams.settle()
        for _ in range(96):
            # Its pong to the server's ping is read before the answer to its own.
            pump(server, clock, 899 * SECOND_NS)
            await streams.settle()
        assert server.connection_count == 1
        pump(server, clock, 96 * SECOND_NS)
        with pytest.raises(ConnectionClosed):
            await streams.receive()


async def test_client_that_answers_no_ping_is_cut(
    server: BinanceServer, clock: ManualClock
) -> None:
    async with listen(server, "/market/ws") as streams:
        await streams.settle()
        pump(server, clock, 15 * 60 * SECOND_NS)
        with pytest.raises(ConnectionClosed) as closed:
            await streams.receive()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.reason == "Pong timeout"


async def test_server_moves_by_itself_and_stops_cleanly(
    venue: SimulatedVenue, clock: ManualClock
) -> None:
    async with BinanceServer(venue, step_s=0.01) as server:
        async with listen(server, "/market/ws/!index@arr") as streams:
            clock.advance_to(clock.now_ns() + SECOND_NS)
            message = await streams.receive()
        assert message[0]["e"] == "indexPrice"
    assert server.connection_count == 0


def test_step_must_be_positive(venue: SimulatedVenue) -> None:
    with pytest.raises(InvalidInput, match="step_s"):
        BinanceServer(venue, step_s=0)


async def test_stopping_ends_the_connections(venue: SimulatedVenue) -> None:
    server = BinanceServer(venue, step_s=None)
    await server.start()
    async with listen(server, "/public/ws") as streams:
        await streams.settle()
        await server.stop()
        with pytest.raises(ConnectionClosed) as closed:
            await streams.receive()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1001
