"""A desk on one simulated face, with an account and followed books, and the exchange's own truth.

Clock and market are moved by hand. What the desk has is held against what the exchange answers to
a client that is none of ours.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from functools import partial
from typing import Any

import aiohttp

from quantdesk.domain.secret import Secret
from quantdesk.market.order_book import OrderBook
from quantdesk.runtime.clock import ManualClock
from quantdesk.runtime.desk import Desk
from quantdesk.runtime.lines import ProcessBans
from quantdesk.runtime.live import AccountLine, Line, LiveDesk
from quantdesk.simulator import BinanceServer, DeribitServer, SimulatedVenue, load_sample
from quantdesk.simulator.faults import Fault, FaultKind
from quantdesk.snapshot import DeskSnapshot, Environment, LinkState
from quantdesk.venues import binance, deribit

NS_PER_S = 1_000_000_000
START_NS = 1_700_000_000 * NS_PER_S
PATIENCE_S = 30.0
BOOKS = 8
LASTING = (FaultKind.STALL, FaultKind.MAINTENANCE)
STEP_S = 0.5

Server = DeribitServer | BinanceServer
Levels = tuple[tuple[Decimal, Decimal], ...]


class FaultyLine:
    """A live desk on one face of the exchange."""

    def __init__(self, venue: str, live: LiveDesk, server: Server, clock: ManualClock) -> None:
        self.venue = venue
        self.live = live
        self.server = server
        self.clock = clock
        self.names: tuple[str, ...] = ()

    def move(self, seconds: float = STEP_S) -> None:
        """Let `seconds` pass at the exchange and for the desk."""
        self.clock.advance_to(self.clock.now_ns() + int(seconds * NS_PER_S))
        self.server.pump()

    async def until(
        self, condition: Callable[[DeskSnapshot], object], *, step_s: float = 0.0
    ) -> DeskSnapshot:
        """Until the desk meets `condition`; the exchange moves by `step_s` between two looks."""
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + PATIENCE_S
        while not condition(snapshot := self.live.refresh()):
            assert loop.time() < deadline_s, (
                snapshot.links,
                [b.bad_reason for b in snapshot.books],
            )
            if step_s:
                self.move(step_s)
            await asyncio.sleep(0.01)
        return snapshot

    async def run_through(self, fault: Fault | None, *, moves: int = 20) -> None:
        """Let `fault` happen, the market move through it, and be well again."""
        if fault is not None:
            self.server.apply_fault(fault)
        for _ in range(moves):
            self.move()
            await asyncio.sleep(0.02)
        if fault is not None and fault.kind in LASTING:
            self.server.end_fault(fault)

    async def open_wide(self) -> None:
        """Until everything was read once and the books near the money are followed and good."""
        await self.until(lambda now: is_up(now) and now.accounts[0].is_whole, step_s=STEP_S)
        async with asyncio.timeout(PATIENCE_S):
            quoted = asyncio.ensure_future(self.live.quoted(["BTC"], PATIENCE_S))
            while not quoted.done():
                self.move()
                await asyncio.sleep(0.01)
            chain = (await quoted).chains[0]
        expiry = chain.expiries[1]
        forward = expiry.forward.price or 0.0
        rows = sorted(
            range(*expiry.rows), key=lambda row: abs(float(chain.chain.strike[row]) - forward)
        )
        self.names = tuple(chain.chain.instruments[row].name for row in rows[:BOOKS])
        self.live.follow_books([(self.venue, name) for name in self.names])
        await self.until(is_reconciled, step_s=STEP_S)

    def book(self, name: str) -> OrderBook:
        found = self.live.desk.books.book((self.venue, name))
        assert found is not None
        return found

    async def true_book(self, client: aiohttp.ClientSession, name: str) -> tuple[Levels, Levels]:
        """Bids and asks as the exchange answers them."""
        assert isinstance(self.server, DeribitServer | BinanceServer)
        if isinstance(self.server, DeribitServer):
            base = self.server.endpoints()["http"]
            url = f"{base}/public/get_order_book?instrument_name={name}&depth=10000"
        else:
            url = f"{self.server.rest_url}/eapi/v1/depth?symbol={name}&limit=1000"
        async with client.get(url) as answer:
            said: dict[str, Any] = await answer.json(loads=partial(json.loads, parse_float=Decimal))
        book = said.get("result", said)
        return _levels(book["bids"]), _levels(book["asks"])

    async def matches(self, client: aiohttp.ClientSession) -> list[str]:
        """What differs between desk and exchange, in words; [] where nothing does."""
        chain = self.live.refresh().chains[0]
        row_of = {each.name: row for row, each in enumerate(chain.chain.instruments)}
        wrong = []
        for name in self.names:
            bids, asks = await self.true_book(client, name)
            book = self.book(name)
            if (book.bids(), book.asks()) != (bids, asks):
                wrong.append(f"book of {name}: {book.bad_reason or 'other levels'}")
            quote = chain.chain.bid[row_of[name]], chain.chain.ask[row_of[name]]
            if quote != (float(bids[0][0]), float(asks[0][0])):
                wrong.append(f"quote of {name}: {quote}")
        return wrong


def _levels(levels: list[list[Any]]) -> Levels:
    return tuple((Decimal(str(price)), Decimal(str(amount))) for price, amount in levels)


def is_up(snapshot: DeskSnapshot) -> bool:
    """Whether every connection stands, the account's too."""
    return all(link.state is LinkState.LIVE for link in snapshot.links)


def is_reconciled(snapshot: DeskSnapshot) -> bool:
    """Whether everything stands, is read whole, and every followed book is proven."""
    return (
        is_up(snapshot)
        and bool(snapshot.books)
        and all(book.is_good for book in snapshot.books)
        and all(account.is_whole for account in snapshot.accounts)
        and not any(link.silent for link in snapshot.links)
    )


@asynccontextmanager
async def faulty_line(venue: str) -> AsyncIterator[FaultyLine]:
    """A desk on `venue`, everything read and followed."""
    clock = ManualClock(START_NS)
    market = SimulatedVenue(load_sample("btc-2026-06-27"), clock=clock, speed=1.0, seed=0)
    server: Server
    if venue == "deribit":
        server = DeribitServer(market, step_s=None)
    else:
        server = BinanceServer(market, step_s=None, weight_per_minute=1_000_000)
    async with server:
        if isinstance(server, DeribitServer):
            line, account = _deribit_lines(server, clock)
        else:
            line, account = _binance_lines(server, clock)
        desk = Desk(environment=Environment.SIMULATED, source="test")
        live = LiveDesk(desk, [line], clock=clock, accounts=[account])
        async with live.running():
            opened = FaultyLine(venue, live, server, clock)
            await opened.open_wide()
            yield opened


def _deribit_lines(server: DeribitServer, clock: ManualClock) -> tuple[Line, AccountLine]:
    settings = deribit.DeribitSettings(
        environment="simulated",
        url=server.ws_url,
        request_timeout_s=2.0,
        backoff_low_s=0.01,
        backoff_high_s=0.05,
        rate_limit_pause_s=0.1,
        time_poll_s=0.3,
        silence_margin_s=0.3,
        relist_gap_s=0.01,
        book_gap_s=0.01,
        book_patience_s=0.5,
        account_poll_s=0.5,
        steady_silence_s=30.0,
    )
    keys = server.credentials()[0]
    credentials = deribit.DeribitCredentials(
        client_id=Secret(str(keys["client_id"])), client_secret=Secret(str(keys["client_secret"]))
    )
    bans = ProcessBans()
    feed = deribit.DeribitFeed(
        settings, name="deribit", underlyings=["BTC"], clock=clock, rng=random.Random(3), bans=bans
    )
    private = deribit.DeribitAccountFeed(
        settings,
        name="deribit-account",
        credentials=credentials,
        clock=clock,
        rng=random.Random(4),
        bans=bans,
    )
    return (
        Line(feed=feed, decode=deribit.events_of, underlyings=("BTC",)),
        AccountLine(feed=private, decode=deribit.account_events_of, account="test"),
    )


def _binance_lines(server: BinanceServer, clock: ManualClock) -> tuple[Line, AccountLine]:
    settings = binance.BinanceSettings(
        environment="simulated",
        rest_url=server.rest_url,
        stream_url=server.ws_url,
        request_timeout_s=2.0,
        backoff_low_s=0.01,
        backoff_high_s=0.05,
        relist_gap_s=0.01,
        time_poll_s=0.5,
        probe_s=2.0,
        account_poll_s=0.5,
        messages_per_s=10.0,
        stream_silence_s=30.0,
        weight_limit=100_000,
    )
    keys = server.credentials()[0]
    credentials = binance.Credentials(
        key=Secret(str(keys["api_key"])), secret=Secret(str(keys["api_secret"]))
    )
    bans = ProcessBans()
    feed = binance.BinanceFeed(
        settings, name="binance", underlyings=["BTC"], clock=clock, rng=random.Random(3), bans=bans
    )
    private = binance.BinanceAccountFeed(
        settings,
        name="binance-account",
        credentials=credentials,
        clock=clock,
        rng=random.Random(4),
        bans=bans,
    )
    return (
        Line(feed=feed, decode=binance.events_of, underlyings=("BTC",)),
        AccountLine(feed=private, decode=binance.account_events_of, account="test"),
    )
