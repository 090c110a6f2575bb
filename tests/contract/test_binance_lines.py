"""Binance's market feed and account feed on the simulated exchange, which speaks the venue's
protocol from the other side. Real sockets; the clock is moved by hand.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from quantdesk.domain.account import (
    BalanceReport,
    OpenOrdersListed,
    OrderReport,
    PositionReport,
    PositionsListed,
    TradeReport,
)
from quantdesk.domain.events import (
    BookChange,
    BookSnapshot,
    FrameSetAside,
    IndexUpdate,
    InstrumentsListed,
    MarkUpdate,
    RawFrame,
    TopOfBook,
    VenueTime,
)
from quantdesk.domain.ports import AccountFeed, MarketFeed
from quantdesk.domain.secret import Secret
from quantdesk.market.order_book import OrderBook
from quantdesk.runtime.clock import ManualClock
from quantdesk.simulator import SimulatedVenue, load_sample
from quantdesk.simulator.binance.accounts import draw_accounts
from quantdesk.simulator.binance.server import BinanceServer
from quantdesk.simulator.faults import Fate
from quantdesk.venues.binance import (
    BinanceAccountFeed,
    BinanceFeed,
    BinanceSettings,
    Credentials,
    account_events_of,
    events_of,
)
from tests.unit.simulator.binance.client import Client, connect

NS_PER_S = 1_000_000_000
START_NS = 1_790_000_000 * NS_PER_S
PATIENCE_S = 20.0
NEAR_THE_MONEY = "BTC-260703-60000-C"


class MemoryBans:
    def __init__(self) -> None:
        self.bans: dict[str, int] = {}

    def banned_until_ns(self, address: str) -> int | None:
        return self.bans.get(address)

    def note_ban(self, address: str, until_ns: int) -> None:
        self.bans[address] = until_ns


@dataclass(slots=True)
class Line:
    """A feed that runs, what it brought, and the exchange on its other end."""

    server: BinanceServer
    clock: ManualClock
    decode: Callable[[RawFrame], tuple[object, ...]]
    frames: list[RawFrame] = field(default_factory=list)
    events: list[Any] = field(default_factory=list)

    async def read(self, feed: MarketFeed | AccountFeed) -> None:
        async for frame in feed.frames():
            self.frames.append(frame)
            self.events.extend(self.decode(frame))

    def of_type(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def move(self, seconds: float = 1.0) -> None:
        """Let `seconds` pass at the exchange and for the desk."""
        self.clock.advance_to(self.clock.now_ns() + int(seconds * NS_PER_S))
        self.server.pump()

    async def until(self, condition: Callable[[], object], *, step_s: float = 0.0) -> None:
        """Until `condition` holds; each turn of the event loop moves the exchange by `step_s`."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                if step_s:
                    self.move(step_s)
                await asyncio.sleep(0.001)


@dataclass(slots=True)
class MarketLine(Line):
    feed: BinanceFeed = field(kw_only=True)

    def listed(self) -> set[str]:
        """Names of the newest list."""
        lists = self.of_type(InstrumentsListed)
        return {each.name for each in lists[-1].instruments} if lists else set()

    def is_whole(self) -> bool:
        """Whether each listed option has a mark and a top of book."""
        names = self.listed()
        marked = {event.instrument_name for event in self.of_type(MarkUpdate)}
        topped = {event.instrument_name for event in self.of_type(TopOfBook)}
        return bool(names) and names <= marked & topped

    async def whole(self) -> None:
        await self.until(lambda: self.feed.state == "live")
        await self.until(self.is_whole, step_s=0.2)


@dataclass(slots=True)
class AccountLine(Line):
    feed: BinanceAccountFeed = field(kw_only=True)
    client: Client = field(kw_only=True)

    async def live(self) -> None:
        await self.until(lambda: self.feed.state == "live")


@asynccontextmanager
async def exchange() -> AsyncIterator[tuple[BinanceServer, ManualClock]]:
    clock = ManualClock(START_NS)
    venue = SimulatedVenue(load_sample("btc-2026-06-27"), clock=clock, speed=1.0, seed=0)
    async with BinanceServer(venue, accounts=draw_accounts(0, 2), step_s=None) as server:
        yield server, clock


def settings_for(server: BinanceServer, **changes: Any) -> BinanceSettings:
    return BinanceSettings(
        environment="simulated",
        rest_url=server.rest_url,
        stream_url=server.ws_url,
        **{
            "backoff_low_s": 0.01,
            "backoff_high_s": 0.05,
            "relist_gap_s": 0.01,
            "messages_per_s": 10.0,
            "stream_silence_s": 60.0,
            **changes,
        },
    )


@asynccontextmanager
async def market_line(**changes: Any) -> AsyncIterator[MarketLine]:
    async with exchange() as (server, clock):
        feed = BinanceFeed(
            settings_for(server, **changes),
            name="binance",
            underlyings=["BTC"],
            clock=clock,
            rng=random.Random(3),
            bans=MemoryBans(),
        )
        line = MarketLine(server, clock, events_of, feed=feed)
        reader = asyncio.create_task(line.read(feed))
        try:
            yield line
        finally:
            await feed.close()
            await reader


@asynccontextmanager
async def account_line(**changes: Any) -> AsyncIterator[AccountLine]:
    async with exchange() as (server, clock), connect(server, server.accounts[0]) as client:
        account = server.accounts[0]
        feed = BinanceAccountFeed(
            settings_for(server, **changes),
            name="binance-account",
            credentials=Credentials(key=Secret(account.api_key), secret=Secret(account.api_secret)),
            clock=clock,
            rng=random.Random(3),
            bans=MemoryBans(),
        )
        line = AccountLine(server, clock, account_events_of, feed=feed, client=client)
        reader = asyncio.create_task(line.read(feed))
        try:
            yield line
        finally:
            await feed.close()
            await reader


async def test_whole_chain_comes_with_list_clock_and_index() -> None:
    async with market_line() as line:
        await line.whole()
        await line.until(lambda: line.of_type(IndexUpdate), step_s=0.2)
        assert not line.of_type(FrameSetAside)
        assert {event.index_name for event in line.of_type(IndexUpdate)} == {"BTCUSDT"}
        stamps = line.of_type(VenueTime)
        assert all(abs(s.event_ns - line.server.venue.now_ns()) < 60 * NS_PER_S for s in stamps)
        assert {(f.venue, f.connection) for f in line.frames} == {("binance", "binance")}
        assert len(line.listed()) > 100


async def test_events_hang_on_the_bytes_alone() -> None:
    async with market_line() as line:
        await line.whole()
        assert [e for frame in line.frames for e in events_of(frame)] == line.events


async def test_moving_market_brings_newer_marks() -> None:
    async with market_line() as line:
        await line.whole()
        then_ns = line.server.venue.now_ns()
        await line.until(
            lambda: any(mark.event_ns > then_ns for mark in line.of_type(MarkUpdate)), step_s=0.5
        )
        by_name: dict[str, list[int]] = {}
        for mark in line.of_type(MarkUpdate):
            by_name.setdefault(mark.instrument_name, []).append(mark.event_ns)
        assert all(stamps == sorted(stamps) for stamps in by_name.values())


async def test_lost_connections_are_made_again_with_all_streams() -> None:
    async with market_line() as line:
        await line.whole()
        granted = line.feed.granted
        line.server.drop_connections()
        await line.until(lambda: line.feed.reconnects >= 2 and line.feed.state == "live")
        assert line.feed.granted == granted
        line.events.clear()
        await line.until(lambda: line.of_type(MarkUpdate), step_s=0.5)


async def test_stalled_connections_are_given_up() -> None:
    async with market_line(probe_s=0.2) as line:
        await line.whole()
        line.server.stall(True)
        await line.until(lambda: line.feed.reconnects >= 1)
        line.server.stall(False)
        await line.until(lambda: line.feed.state == "live")


async def test_venue_that_restarts_is_met_again() -> None:
    async with market_line() as line:
        await line.whole()
        line.server.restart()
        await line.until(lambda: line.feed.reconnects >= 2 and line.feed.state == "live")


async def test_bad_bytes_are_counted_and_end_nothing() -> None:
    async with market_line() as line:
        await line.whole()
        for payload in (b"\xff\xfe", b'{"stream":"btcusdt@optionMarkPrice","data":[{}]}', "null"):
            line.server.inject(payload)
        await line.until(lambda: len(line.of_type(FrameSetAside)) >= 3)
        assert line.feed.reconnects == 0
        line.events.clear()
        await line.until(lambda: line.of_type(MarkUpdate), step_s=0.5)


async def test_ban_silences_the_desk_until_it_ends() -> None:
    async with market_line(time_poll_s=0.05) as line:
        await line.whole()
        line.server.ban(1)
        await line.until(lambda: "nothing is sent" in line.feed.last_problem)
        line.clock.advance_to(line.clock.now_ns() + 2 * NS_PER_S)
        line.events.clear()
        await line.until(lambda: line.of_type(VenueTime))


async def test_maintenance_is_outlasted() -> None:
    async with market_line(time_poll_s=0.05) as line:
        await line.whole()
        line.server.faults.is_in_maintenance = True
        line.server.drop_connections()
        await line.until(lambda: line.feed.state == "reconnecting")
        await line.until(lambda: line.of_type(FrameSetAside))
        line.server.faults.is_in_maintenance = False
        await line.until(lambda: line.feed.state == "live")


async def test_expired_options_leave_the_list() -> None:
    async with market_line(expiry_lag_s=0.01, relist_s=0.2) as line:
        await line.whole()
        before = line.listed()
        nearest_ns = min(e.expiry_ns for e in line.of_type(InstrumentsListed)[-1].instruments)
        line.move((nearest_ns - line.server.venue.now_ns()) / NS_PER_S + 1)
        await line.until(lambda: line.listed() < before)
        gone = {name.split("-")[1] for name in before - line.listed()}
        assert len(gone) == 1
        await line.until(
            lambda: not [s for s in line.feed.granted if s.split("-")[1:2] == list(gone)]
        )


async def test_books_end_equal_to_the_exchanges_whatever_is_lost() -> None:
    choices = (Fate.SENT, Fate.SENT, Fate.LOST, Fate.TWICE, Fate.LATE)
    async with market_line(has_top_of_book=False) as line:
        await line.whole()
        symbols = sorted(
            line.listed(), key=lambda name: (abs(float(name.split("-")[2]) - 60_000), name)
        )[:8]
        line.feed.watch_books(symbols)
        await line.until(lambda: sum("@depth" in s for s in line.feed.granted) == len(symbols))
        line.server.faults.plan_messages(*random.Random(5).choices(choices, k=300))
        for _ in range(80):
            line.move(0.5)
            await asyncio.sleep(0.002)
        # The faults are used up by now: the feed has to come to rest on the exchange's own books.
        await line.until(lambda: all(map(line.feed.is_book_good, symbols)), step_s=0.5)
        assert len(line.of_type(BookSnapshot)) > len(symbols)
        async with connect(line.server, line.server.accounts[0]) as client:
            for symbol in symbols:
                await _meets_the_exchanges(line, client, symbol)


async def _meets_the_exchanges(line: MarketLine, client: Client, symbol: str) -> None:
    """Until the rebuilt book and the exchange's own are of the same change; then they are equal.

    The exchange goes on moving, since a change that was lost shows only with the next one.
    """
    async with asyncio.timeout(PATIENCE_S):
        while True:
            line.move(0.5)
            there = await client.public("/depth", symbol=symbol, limit=1000)
            await asyncio.sleep(0.005)
            book = _rebuilt(line, symbol)
            if book.change_id == there["lastUpdateId"]:
                break
    assert [[f"{p:f}", f"{q:f}"] for p, q in book.bids()] == there["bids"]
    assert [[f"{p:f}", f"{q:f}"] for p, q in book.asks()] == there["asks"]


def _rebuilt(line: MarketLine, symbol: str) -> OrderBook:
    """The book of `symbol` from everything received so far."""
    book = OrderBook(venue="binance", instrument_name=symbol)
    for event in line.events:
        if isinstance(event, BookSnapshot | BookChange) and event.instrument_name == symbol:
            book.apply(event)
    return book


async def test_order_that_rests_then_fills_is_reported_as_the_venue_has_it() -> None:
    async with account_line() as line:
        await line.live()
        assert line.of_type(PositionsListed)[-1].positions == ()
        symbol = NEAR_THE_MONEY
        bid, ask = await line.client.best(symbol)
        resting = await line.client.order(symbol, "BUY", "0.10", bid)
        await line.until(lambda: line.of_type(OrderReport))
        report = line.of_type(OrderReport)[-1]
        assert report.order_id == str(resting["orderId"])
        assert (report.status.value, f"{report.price:f}") == ("open", resting["price"])
        taken = await line.client.order(symbol, "BUY", "0.20", ask)
        await line.until(lambda: line.of_type(TradeReport))
        trade = line.of_type(TradeReport)[-1]
        assert (trade.order_id, f"{trade.price:f}") == (str(taken["orderId"]), ask)
        assert trade.fee > 0
        assert trade.is_maker is False
        await line.until(lambda: line.of_type(PositionReport))
        assert line.of_type(PositionReport)[-1].quantity == trade.amount
        await line.until(lambda: line.of_type(OrderReport)[-1].status.value == "filled")


async def test_account_read_whole_matches_the_venue() -> None:
    async with account_line(account_poll_s=0.05) as line:
        await line.live()
        symbol = NEAR_THE_MONEY
        bid, ask = await line.client.best(symbol)
        await line.client.order(symbol, "BUY", "0.20", ask)
        resting = await line.client.order(symbol, "BUY", "0.10", bid)
        await line.until(
            lambda: (
                line.of_type(PositionsListed)[-1].positions
                and line.of_type(OpenOrdersListed)[-1].orders
            )
        )
        position = line.of_type(PositionsListed)[-1].positions[0]
        there = (await line.client.ok("GET", "/position"))[0]
        assert (position.instrument_name, f"{position.quantity:f}") == (symbol, there["quantity"])
        assert f"{position.average_price:f}" == there["entryPrice"]
        order = line.of_type(OpenOrdersListed)[-1].orders[0]
        assert order.order_id == str(resting["orderId"])
        account = await line.client.ok("GET", "/marginAccount")
        await line.until(
            lambda: (
                f"{line.of_type(BalanceReport)[-1].cash:f}" == account["asset"][0]["marginBalance"]
            )
        )


async def test_expired_listen_key_is_replaced() -> None:
    async with account_line() as line:
        await line.live()
        line.server.expire_listen_keys()
        line.move(0.1)
        await line.until(lambda: line.feed.reconnects == 1 and line.feed.state == "live")
        symbol = NEAR_THE_MONEY
        bid, _ = await line.client.best(symbol)
        await line.client.order(symbol, "BUY", "0.10", bid)
        await line.until(lambda: line.of_type(OrderReport))


@pytest.mark.parametrize("fault", ["drop_connections", "restart"])
async def test_lost_private_stream_is_opened_again_and_the_account_read_again(fault: str) -> None:
    async with account_line() as line:
        await line.live()
        lists = len(line.of_type(PositionsListed))
        getattr(line.server, fault)()
        await line.until(lambda: line.feed.reconnects == 1)
        await line.until(lambda: len(line.of_type(PositionsListed)) > lists)
