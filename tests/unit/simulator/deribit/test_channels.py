"""Subscriptions: the current state at once, then what changed, and only that."""

from __future__ import annotations

from typing import Any

import pytest

from quantdesk.runtime.clock import ManualClock
from quantdesk.simulator import DeribitServer, SimulatedVenue
from quantdesk.simulator.board import Field
from tests.unit.simulator.deribit.client import Client, channels_of, connect
from tests.unit.simulator.test_venue import FIRST_EXPIRY_NS, run_for, run_to

NAME = "BTC-3JUL26-60000-C"
MINUTE_NS = 60 * 10**9
SECOND_NS = 10**9


async def step(server: DeribitServer, clock: ManualClock, ns: int) -> None:
    run_for(clock, ns)
    server.pump()


async def test_unknown_channels_are_missing_from_the_result(client: Client) -> None:
    subscribed = await client.subscribe(
        f"ticker.{NAME}.100ms",
        "ticker.BTC-1JAN20-1-C.100ms",
        f"ticker.{NAME}.5s",
        "deribit_price_index.doge_usd",
        f"book.{NAME}.none.3.100ms",
        "instrument.state.option.DOGE",
        "nonsense",
        "",
        f"ticker.{NAME}.100ms",
    )
    assert subscribed == [f"ticker.{NAME}.100ms"]


async def test_every_kind_of_channel_is_known(client: Client) -> None:
    names = [
        f"ticker.{NAME}.100ms",
        f"ticker.{NAME}.agg2",
        f"incremental_ticker.{NAME}",
        f"quote.{NAME}",
        f"book.{NAME}.100ms",
        f"book.{NAME}.none.10.100ms",
        "deribit_price_index.btc_usd",
        "markprice.options.btc_usd",
        "instrument.state.option.BTC",
        "instrument.state.any.any",
        "platform_state",
    ]
    assert await client.subscribe(*names) == names
    # State channels show their state at once; the last three tell events only.
    assert channels_of(await client.drain()) == names[:-3]


async def test_first_ticker_is_the_current_one(client: Client) -> None:
    await client.subscribe(f"ticker.{NAME}.100ms")
    first = await client.notification()
    assert first["data"] == await client.result("public/ticker", instrument_name=NAME)


async def test_ticker_is_sent_when_it_changed_and_only_then(
    server: DeribitServer, client: Client, clock: ManualClock
) -> None:
    await client.subscribe(f"ticker.{NAME}.100ms")
    await client.drain()
    server.pump()
    assert await client.drain() == []
    await step(server, clock, MINUTE_NS)
    told = await client.drain()
    assert channels_of(told) == [f"ticker.{NAME}.100ms"]
    assert told[0]["data"] == await client.result("public/ticker", instrument_name=NAME)


async def test_agg2_sends_at_most_once_a_second(
    server: DeribitServer, client: Client, clock: ManualClock, venue: SimulatedVenue
) -> None:
    await client.subscribe(f"ticker.{NAME}.agg2", f"ticker.{NAME}.100ms")
    await client.drain()
    counts = {"agg2": 0, "100ms": 0}
    for _ in range(240):
        await step(server, clock, SECOND_NS // 4)
        for channel in channels_of(await client.drain()):
            counts[channel.rpartition(".")[2]] += 1
    assert 10 < counts["agg2"] <= 60
    assert counts["agg2"] < counts["100ms"]


async def test_incremental_ticker_adds_up_to_the_ticker(
    server: DeribitServer, client: Client, clock: ManualClock
) -> None:
    await client.subscribe(f"incremental_ticker.{NAME}")
    snapshot = (await client.notification())["data"]
    assert snapshot.pop("type") == "snapshot"
    for _ in range(5):
        await step(server, clock, 3 * SECOND_NS)
        for told in await client.drain():
            change = told["data"]
            assert change.pop("type") == "change"
            assert len(change) < len(snapshot)
            snapshot.update(change)
    assert snapshot == await client.result("public/ticker", instrument_name=NAME)


def rebuilt(book: dict[str, dict[float, float]], data: dict[str, Any]) -> None:
    for side in ("bids", "asks"):
        for action, price, amount in data[side]:
            if action == "delete":
                assert amount == 0
                del book[side][price]
            else:
                assert (price in book[side]) == (action == "change")
                book[side][price] = amount


async def test_book_changes_chain_and_add_up(
    server: DeribitServer, client: Client, clock: ManualClock
) -> None:
    channel = f"book.{NAME}.100ms"
    await client.subscribe(channel)
    snapshot = (await client.notification())["data"]
    assert snapshot["type"] == "snapshot"
    assert "prev_change_id" not in snapshot
    book: dict[str, dict[float, float]] = {"bids": {}, "asks": {}}
    rebuilt(book, snapshot)
    change_id = snapshot["change_id"]
    count = 0
    for _ in range(40):
        await step(server, clock, 5 * SECOND_NS)
        for told in await client.drain():
            change = told["data"]
            assert change["type"] == "change"
            assert change["prev_change_id"] == change_id
            assert change["change_id"] > change_id
            change_id = change["change_id"]
            rebuilt(book, change)
            count += 1
    assert count > 3
    shown = await client.result("public/get_order_book", instrument_name=NAME)
    bids = sorted(([*level] for level in book["bids"].items()), reverse=True)
    asks = sorted([*level] for level in book["asks"].items())
    assert (bids, asks) == (shown["bids"], shown["asks"])
    assert shown["change_id"] == change_id


async def test_late_subscriber_gets_the_book_that_the_next_change_chains_to(
    server: DeribitServer, client: Client, clock: ManualClock
) -> None:
    channel = f"book.{NAME}.agg2"
    await client.subscribe(channel)
    await client.drain()
    last_id = None
    async with connect(server.ws_url) as late:
        for _ in range(1200):
            await step(server, clock, SECOND_NS // 2)
            told = await late.drain()
            if told and last_id is not None:
                assert told[0]["data"]["prev_change_id"] == last_id
                return
            if last_id is None and await client.drain():
                await late.subscribe(channel)
                last_id = (await late.drain())[0]["data"]["change_id"]
    pytest.fail("the book never changed twice")


async def test_grouped_book_is_whole_each_time(
    server: DeribitServer, client: Client, clock: ManualClock
) -> None:
    await client.subscribe(f"book.{NAME}.none.10.100ms")
    await client.drain()
    told: list[dict[str, Any]] = []
    while not told:
        await step(server, clock, 10 * SECOND_NS)
        told = await client.drain()
    shown = await client.result("public/get_order_book", instrument_name=NAME)
    data = told[-1]["data"]
    assert data.keys() == {"timestamp", "instrument_name", "change_id", "bids", "asks"}
    assert (data["bids"], data["asks"]) == (shown["bids"], shown["asks"])


async def test_grouped_levels_are_gathered_away_from_the_spread(client: Client) -> None:
    await client.subscribe("book.BTC-PERPETUAL.5.20.100ms")
    data = (await client.notification())["data"]
    whole = await client.result("public/get_order_book", instrument_name="BTC-PERPETUAL", depth=100)
    for side, away in (("bids", -1), ("asks", 1)):
        gathered: dict[float, float] = {}
        for price, amount in whole[side]:
            steps = price // 2.5 if away < 0 else -(-price // 2.5)
            gathered[steps * 2.5] = gathered.get(steps * 2.5, 0.0) + amount
        assert data[side] == [[*level] for level in gathered.items()]


async def test_quote_is_sent_for_a_new_top_of_book_only(
    server: DeribitServer, client: Client, clock: ManualClock, venue: SimulatedVenue
) -> None:
    await client.subscribe(f"quote.{NAME}")
    await client.drain()
    row = venue.board.row_of[NAME]
    sent = moves = 0
    for _ in range(60):
        before = venue.board.published[Field.BID : Field.MARK, row].tolist()
        await step(server, clock, SECOND_NS)
        moves += before != venue.board.published[Field.BID : Field.MARK, row].tolist()
        sent += len(await client.drain())
    assert sent == moves > 0


async def test_index_is_sent_when_it_moves(
    server: DeribitServer, client: Client, clock: ManualClock, venue: SimulatedVenue
) -> None:
    await client.subscribe("deribit_price_index.btc_usd")
    opening = (await client.notification())["data"]
    assert opening["timestamp"] == venue.opened_ns // 10**6
    await step(server, clock, MINUTE_NS)
    moved = (await client.notification())["data"]
    assert moved["index_name"] == "btc_usd"
    assert moved["price"] == venue.index_price("btc_usd") != opening["price"]
    assert moved["timestamp"] > opening["timestamp"]


async def test_mark_prices_are_all_first_and_then_those_that_changed(
    server: DeribitServer, client: Client, clock: ManualClock, venue: SimulatedVenue
) -> None:
    await client.subscribe("markprice.options.btc_usd")
    first = (await client.notification())["data"]
    assert [row["instrument_name"] for row in first] == list(venue.board.names)
    assert all(0 < row["iv"] < 3 for row in first)
    before = {row["instrument_name"]: row["mark_price"] for row in first}
    await step(server, clock, 20 * SECOND_NS)
    changed = (await client.notification())["data"]
    assert 0 < len(changed) < len(first)
    assert all(row["mark_price"] != before[row["instrument_name"]] for row in changed)


async def test_delivery_is_announced_for_each_option_of_the_expiry(
    server: DeribitServer, client: Client, clock: ManualClock, venue: SimulatedVenue
) -> None:
    names = ["instrument.state.option.BTC", "instrument.state.future.BTC"]
    ticker = "ticker.BTC-28JUN26-60000-C.100ms"
    assert await client.subscribe(*names, ticker) == [*names, ticker]
    await client.drain()
    run_to(venue, clock, FIRST_EXPIRY_NS)
    server.pump()
    assert [t for t in await client.drain() if t["channel"] != ticker] == []
    run_for(clock, SECOND_NS)
    server.pump()
    told = await client.drain()
    states = [params["data"] for params in told if params["channel"] == names[0]]
    assert len(states) == 50
    assert {state["state"] for state in states} == {"delivered"}
    assert {state["timestamp"] for state in states} == {FIRST_EXPIRY_NS // 10**6}
    assert names[1] not in channels_of(told)
    closed = [params["data"] for params in told if params["channel"] == ticker]
    assert [data["state"] for data in closed] == ["closed"]


async def test_unsubscribed_channels_fall_silent(
    server: DeribitServer, client: Client, clock: ManualClock
) -> None:
    await client.subscribe(f"ticker.{NAME}.100ms", "deribit_price_index.btc_usd")
    await client.drain()
    left = await client.result(
        "public/unsubscribe", channels=[f"ticker.{NAME}.100ms", "quote.never"]
    )
    assert left == [f"ticker.{NAME}.100ms"]
    await step(server, clock, MINUTE_NS)
    assert channels_of(await client.drain()) == ["deribit_price_index.btc_usd"]
    assert await client.result("public/unsubscribe_all") == "ok"
    await step(server, clock, MINUTE_NS)
    assert await client.drain() == []


async def test_all_subscribers_of_a_channel_get_the_same_bytes(
    server: DeribitServer, client: Client, clock: ManualClock
) -> None:
    async with connect(server.ws_url) as other:
        for one in (client, other):
            await one.subscribe(f"ticker.{NAME}.100ms")
            await one.drain()
        await step(server, clock, MINUTE_NS)
        assert await client.socket.recv() == await other.socket.recv()


async def test_channel_ends_with_its_last_subscriber(
    server: DeribitServer, client: Client, clock: ManualClock
) -> None:
    async with connect(server.ws_url) as other:
        await other.subscribe(f"ticker.{NAME}.100ms")
    await client.subscribe(f"quote.{NAME}")
    await client.drain()
    await client.result("public/unsubscribe_all")
    await step(server, clock, MINUTE_NS)
    assert await client.drain() == []
