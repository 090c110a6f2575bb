"""Order books that the desk follows, over real sockets from both simulated faces."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from quantdesk.errors import ConfigError
from quantdesk.runtime.clock import SystemClock
from quantdesk.runtime.desk import Desk
from quantdesk.runtime.lines import ProcessBans
from quantdesk.runtime.live import DeskThread, Line, LiveDesk
from quantdesk.runtime.settings import Settings
from quantdesk.runtime.sources import live_desk
from quantdesk.runtime.venues import VENUES, FeedPlan, parse_venues
from quantdesk.simulator import BinanceServer, DeribitServer, SimulatedVenue, load_sample
from quantdesk.snapshot import BookDepth, DeskSnapshot, Environment

Server = DeribitServer | BinanceServer


@asynccontextmanager
async def desk_on(venue: str) -> AsyncIterator[tuple[LiveDesk, Server]]:
    """A desk on one simulated face of the BTC market."""
    sample = load_sample("btc-2026-06-27")
    market = SimulatedVenue(sample, clock=SystemClock(), speed=30.0)
    server: Server = DeribitServer(market) if venue == "deribit" else BinanceServer(market)
    async with server:
        plan = FeedPlan(
            name=venue,
            environment=Environment.SIMULATED,
            endpoint=server.ws_url,
            clock=SystemClock(),
            bans=ProcessBans(),
        )
        entry = VENUES[venue]
        line = Line(feed=entry.make_feed(plan, ["BTC"]), decode=entry.decode, underlyings=("BTC",))
        desk = Desk(environment=Environment.SIMULATED, source="test")
        live = LiveDesk(desk, [line], clock=SystemClock())
        async with live.running():
            await live.quoted(["BTC"], 30)
            yield live, server


async def until(live: LiveDesk, condition: Callable[[DeskSnapshot], bool]) -> DeskSnapshot:
    async with asyncio.timeout(30):
        while True:
            snapshot = live.refresh()
            if condition(snapshot):
                return snapshot
            await asyncio.sleep(0)


def good(snapshot: DeskSnapshot) -> bool:
    return bool(snapshot.books) and all(book.is_good for book in snapshot.books)


def at_the_money(snapshot: DeskSnapshot) -> tuple[str, str]:
    """An option of the second expiry near the forward: its book moves."""
    chain = snapshot.chains[0]
    expiry = chain.expiries[1]
    rows = range(*expiry.rows)
    forward = expiry.forward.price or 0.0
    row = min(rows, key=lambda row: abs(float(chain.chain.strike[row]) - forward))
    return chain.venue, chain.chain.instruments[row].name


def checked(book: BookDepth) -> BookDepth:
    prices = [price for price, _ in book.bids]
    assert prices == sorted(prices, reverse=True)
    assert book.bids[0][0] < book.asks[0][0]
    assert all(amount > 0 for _, amount in (*book.bids, *book.asks))
    return book


@pytest.mark.parametrize("venue", ["deribit", "binance"])
async def test_followed_book_is_proven_and_moves(venue: str) -> None:
    async with desk_on(venue) as (live, _):
        key = at_the_money(live.refresh())
        assert live.refresh().books == ()
        live.follow_books([key])
        first = checked((await until(live, good)).books[0])
        assert (first.venue, first.instrument_name) == key
        later = await until(
            live, lambda now: good(now) and now.books[0].change_id != first.change_id
        )
        checked(later.books[0])
        live.follow_books([])
        assert live.refresh().books == ()


@pytest.mark.parametrize("venue", ["deribit", "binance"])
async def test_lost_connection_makes_a_book_unknown_and_the_next_one_proves_it(
    venue: str,
) -> None:
    async with desk_on(venue) as (live, server):
        live.follow_books([at_the_money(live.refresh())])
        await until(live, good)
        server.drop_connections()
        lost = await until(live, lambda now: not now.books[0].is_good)
        assert lost.books[0].bad_reason == "the connection ended"
        assert lost.books[0].bids == ()
        checked((await until(live, good)).books[0])


async def test_book_of_what_is_not_listed_is_refused_and_changes_nothing() -> None:
    async with desk_on("deribit") as (live, _):
        key = at_the_money(live.refresh())
        live.follow_books([key])
        with pytest.raises(ConfigError, match="does not list it"):
            live.follow_books([key, ("deribit", "BTC-1JAN99-1-C")])
        assert [(b.venue, b.instrument_name) for b in live.refresh().books] == [key]


def test_screen_follows_books_from_its_own_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUANTDESK_DATA_DIR", str(tmp_path))
    thread = DeskThread(
        lambda: live_desk(parse_venues(["deribit,binance"]), ("BTC",), settings=Settings())
    )
    thread.start()
    asked = False
    try:
        while not (snapshot := thread.latest()) or not good(snapshot):
            if snapshot is not None and len(snapshot.chains) == 2 and not asked:
                keys = [(c.venue, c.chain.instruments[0].name) for c in snapshot.chains]
                thread.follow_books([*keys, ("deribit", "unknown")])
                asked = True
    finally:
        thread.close()
    assert {book.venue for book in snapshot.books} == {"deribit", "binance"}
