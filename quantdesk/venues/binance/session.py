"""What runs behind a Binance market feed: the list, the streams it calls for, the questions.

One REST interface and several sockets belong to it, all of one clock. Each part mends its own
faults; what can not be mended is raised.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from quantdesk.domain.instrument import Instrument
from quantdesk.domain.ports import BanStore, Clock
from quantdesk.errors import ProtocolError, VenueError
from quantdesk.venues.binance.book_sequence import BookSequence
from quantdesk.venues.binance.decode import read_listing
from quantdesk.venues.binance.instruments import listed_instruments
from quantdesk.venues.binance.rest import BinanceRest
from quantdesk.venues.binance.settings import BinanceSettings
from quantdesk.venues.binance.stream_link import Emit, StreamLink
from quantdesk.venues.binance.streams import (
    MARKET_PATH,
    NEW_SYMBOLS,
    PUBLIC_PATH,
    ShardPlan,
    wanted_streams,
)
from quantdesk.venues.binance.usual import book_ids
from quantdesk.venues.binance.weight import WeightBudget
from quantdesk.venues.transport.backoff import Backoff

NS_PER_S = 1_000_000_000
BOOK_PAUSE_S = 0.2
"""Between the snapshots of books: all that break together are not asked for together."""


class BinanceSession:
    """Market data of some coins.

    Parameters
    ----------
    emit : takes each inbound payload, and the stream whose earlier payloads it replaces
    on_change : told that a connection came up or went, or that the list is there
    on_problem : told in a sentence what went wrong without ending anything
    is_blocked : whether the desk is what keeps us waiting
    """

    def __init__(
        self,
        settings: BinanceSettings,
        *,
        coins: Sequence[str],
        clock: Clock,
        bans: BanStore,
        rng: random.Random,
        emit: Emit,
        on_change: Callable[[], None],
        on_problem: Callable[[str], None],
        is_blocked: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._coins = tuple(coins)
        self._clock = clock
        self._rng = rng
        self._emit = emit
        self._on_change = on_change
        self._on_problem = on_problem
        self._is_blocked = is_blocked
        self._budget = WeightBudget(limit=settings.weight_limit, reserve=settings.weight_reserve)
        self._rest = BinanceRest(
            settings,
            clock=clock,
            bans=bans,
            budget=self._budget,
            emit=self._emit_answer,
            on_problem=on_problem,
        )
        self._plan = ShardPlan(
            streams_per_connection=settings.streams_per_connection,
            connections_max=settings.connections_max,
        )
        self._relist_asked = asyncio.Event()
        self._statistics_asked = asyncio.Event()
        self._books_asked = asyncio.Event()
        self._books: dict[str, BookSequence] = {}
        self._listed: dict[str, tuple[Instrument, ...]] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self.links: list[StreamLink] = []
        self.book_epoch = 0
        self.left_out: tuple[str, ...] = ()

    @property
    def is_live(self) -> bool:
        """Whether the list is there and every connection has asked for its streams."""
        return bool(self.links) and all(link.is_up for link in self.links)

    @property
    def are_books_cut(self) -> bool:
        """Whether a connection that may carry order books is not open."""
        return not all(link.is_open for link in self.links[1:])

    @property
    def was_live(self) -> bool:
        """Whether every connection has been made at least once."""
        return bool(self.links) and all(link.connections for link in self.links)

    @property
    def reconnects(self) -> int:
        """How often a connection was made again."""
        return sum(max(link.connections - 1, 0) for link in self.links)

    def watch_books(self, symbols: Sequence[str]) -> None:
        """Follow the order books of `symbols` and of no others."""
        self._books = {symbol: self._books.get(symbol) or BookSequence() for symbol in symbols}
        if self._listed:
            self._apply_streams()

    def doubt_book(self, symbol: str) -> None:
        """Whoever reads the levels found a watched book bad: fetch its snapshot again."""
        if symbol in self._books:
            self._books[symbol].doubt()
            self._books_asked.set()

    def is_book_good(self, symbol: str) -> bool:
        """Whether snapshot and changes of a watched book join without a gap."""
        book = self._books.get(symbol)
        return book is not None and book.is_good

    def budget_words(self, now_s: float) -> str:
        """What is left of the request weight, for people."""
        return self._budget.words(now_s)

    async def run(self) -> None:
        """Work for good; ends when cancelled or by what can not be mended."""
        try:
            await self._list_first()
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                self._apply_streams()
                tasks.create_task(self._poll_time())
                tasks.create_task(self._relist_for_good())
                tasks.create_task(self._fetch_statistics())
                tasks.create_task(self._mend_books())
        finally:
            self._tasks = None
            await self._rest.close()

    async def _emit_answer(self, payload: bytes) -> None:
        waiting = self._emit(payload, None)
        if waiting is not None:
            await waiting

    async def _list_first(self) -> None:
        """Clock, list and first marks; tried until the list is there."""
        backoff = self._new_backoff()
        while True:
            try:
                await self._rest.measure_clock()
                await self._list()
                await self._rest.ask("mark", coins=self._coins)
            except VenueError as error:
                await self._pause_after(error, backoff)
            else:
                return

    def _new_backoff(self) -> Backoff:
        settings = self._settings
        return Backoff(low_s=settings.backoff_low_s, high_s=settings.backoff_high_s, rng=self._rng)

    async def _pause_after(self, error: VenueError, backoff: Backoff) -> None:
        """Tell what went wrong, and wait as long as it asks for or as failures add up to."""
        if isinstance(error, ProtocolError) and error.kind == "bad_url":
            raise error
        self._on_problem(str(error))
        asked_s: float | None = getattr(error, "retry_after_s", None)
        await asyncio.sleep(backoff.next_pause_s(asked_s or 0.0))

    async def _list(self) -> None:
        """Fetch the list of instruments; streams follow where they are there already."""
        body = await self._rest.ask("exchangeInfo", coins=self._coins)
        listing, _ = read_listing(msgspec.Raw(body))
        if listing.weight_limit is not None:
            self._budget.note_limit(min(listing.weight_limit, self._settings.weight_limit))
        self._listed = {coin: listed_instruments(listing, coin)[0] for coin in self._coins}
        empty = [coin for coin, instruments in self._listed.items() if not instruments]
        if empty:
            self._on_problem(f"no options on {', '.join(empty)} are listed")
        if self._tasks is not None:
            self._apply_streams()

    def _apply_streams(self) -> None:
        """Make the connections carry the streams that the list calls for."""
        wanted = wanted_streams(
            self._listed,
            has_top_of_book=self._settings.has_top_of_book,
            books=self._books,
            depth_speed=self._settings.depth_speed,
        )
        shards, self.left_out = self._plan.assign(wanted.public)
        if self.left_out:
            self._on_problem(
                f"{len(self.left_out)} streams do not fit on {len(shards)} connections,"
                f" {self.left_out[0]} one of them; their quotes come once a second"
            )
        for number, streams in enumerate(((*wanted.market,), *shards)):
            if number == len(self.links):
                self._add_link(number)
            self.links[number].want(streams)

    def _add_link(self, number: int) -> None:
        path = PUBLIC_PATH if number else MARKET_PATH
        link = StreamLink(
            self._settings,
            url=f"{self._settings.stream_base}{path}",
            label=f"public {number}" if number else "market",
            emit=self._emit,
            on_push=self._look_at,
            on_open=partial(self._note_opened, carries_books=number > 0),
            on_up=self._note_up,
            on_problem=self._note_problem,
            is_blocked=self._is_blocked,
            check_ban=self._rest.check_ban,
            note_ban=self._rest.note_ban,
            rng=self._rng,
        )
        self.links.append(link)
        assert self._tasks is not None
        self._tasks.create_task(link.run())

    def _note_opened(self, *, carries_books: bool) -> None:
        """A connection began anew: what it missed is fetched, and its books begin anew."""
        if carries_books:
            self.book_epoch += 1
            for book in self._books.values():
                book.forget()
        self._statistics_asked.set()
        self._on_change()

    def _note_up(self) -> None:
        """A connection's streams are subscribed: snapshots of books are of use from now on."""
        if any(book.needs_snapshot for book in self._books.values()):
            self._books_asked.set()
        self._on_change()

    def _note_problem(self, sentence: str) -> None:
        self._on_problem(sentence)
        self._on_change()

    def _look_at(self, stream: str, payload: bytes) -> None:
        """What a push means for the session itself: a new instrument, a gap in a book."""
        if stream == NEW_SYMBOLS:
            self._relist_asked.set()
        elif "@depth@" in stream:
            self._follow_book(payload)

    def _follow_book(self, payload: bytes) -> None:
        """Follow the ids of a change; its levels are read where frames are decoded."""
        change = book_ids(payload)
        book = None if change is None else self._books.get(change.symbol)
        if change is None or book is None:
            return  # counted where frames are decoded; the next change shows the gap
        book.note_change(
            first_id=change.first_id, last_id=change.last_id, previous_id=change.previous_id
        )
        if book.needs_snapshot:
            self._books_asked.set()

    async def _mend_books(self) -> None:
        """Fetch snapshots of books that need one, one after the other, until none does."""
        backoff = self._new_backoff()
        while True:
            await self._books_asked.wait()
            self._books_asked.clear()
            bad = [symbol for symbol, book in self._books.items() if book.needs_snapshot]
            for symbol in bad:
                await asyncio.sleep(BOOK_PAUSE_S * self._rng.random())
                try:
                    body = await self._rest.ask("depth", {"symbol": symbol, "limit": "1000"})
                    self._join_book(symbol, body)
                except VenueError as error:
                    await self._pause_after(error, backoff)
                    self._books_asked.set()
                else:
                    backoff.reset()

    def _join_book(self, symbol: str, body: bytes) -> None:
        """Note the snapshot in `body`; one older than the changes calls for another."""
        book = self._books.get(symbol)
        change_id = _depth_id(body)
        if book is None or change_id is None:
            return
        book.note_snapshot(change_id)
        if book.needs_snapshot:
            self._books_asked.set()

    async def _poll_time(self) -> None:
        backoff = self._new_backoff()
        while True:
            await asyncio.sleep(self._settings.time_poll_s)
            try:
                await self._rest.measure_clock()
            except VenueError as error:
                await self._pause_after(error, backoff)
            else:
                backoff.reset()

    async def _relist_for_good(self) -> None:
        """List anew on a timer, after each expiry, and when the venue says that options came."""
        settings = self._settings
        backoff = self._new_backoff()
        while True:
            try:
                async with asyncio.timeout(self._until_relist_s()):
                    await self._relist_asked.wait()
                # Hundreds of options are listed together; one list answers all.
                await asyncio.sleep(settings.relist_gap_s)
            except TimeoutError:
                pass
            self._relist_asked.clear()
            try:
                await self._list()
            except VenueError as error:
                await self._pause_after(error, backoff)
                self._relist_asked.set()
            else:
                backoff.reset()

    def _until_relist_s(self) -> float:
        """Seconds until the next list: the timer's, or less where an expiry comes before."""
        settings = self._settings
        now_ms = self._rest.offset.venue_ms(self._clock.now_ns())
        if now_ms is None:
            return settings.relist_s
        lag_ns = int(settings.expiry_lag_s * NS_PER_S)
        due_ns = [
            (each.expiry_ns or 0) + lag_ns - now_ms * 1_000_000
            for instruments in self._listed.values()
            for each in instruments
        ]
        next_ns = min((left_ns for left_ns in due_ns if left_ns > 0), default=None)
        if next_ns is None:
            return settings.relist_s
        return min(settings.relist_s, max(next_ns / NS_PER_S, settings.relist_gap_s))

    async def _fetch_statistics(self) -> None:
        """Statistics of all options: streams tell only of those that trade."""
        backoff = self._new_backoff()
        while True:
            try:
                async with asyncio.timeout(self._settings.statistics_s):
                    await self._statistics_asked.wait()
            except TimeoutError:
                pass
            self._statistics_asked.clear()
            try:
                await self._rest.ask("ticker", coins=self._coins)
            except VenueError as error:
                await self._pause_after(error, backoff)
                self._statistics_asked.set()
            else:
                backoff.reset()


class _DepthId(msgspec.Struct, rename="camel"):
    """All that joining needs of a snapshot."""

    last_update_id: int


_DEPTH_ID = msgspec.json.Decoder(_DepthId)


def _depth_id(body: bytes) -> int | None:
    try:
        return _DEPTH_ID.decode(body).last_update_id
    except msgspec.DecodeError:
        return None  # counted where frames are decoded
