"""Market data on one open connection: lists, subscribes, follows books, watches each channel.

Ends by raising the VenueError that ended it; `connection` decides what comes next.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from quantdesk.domain.instrument import Instrument, InstrumentKind
from quantdesk.domain.ports import Clock
from quantdesk.errors import ProtocolError, Rejected, Transient
from quantdesk.venues.deribit.auth import Login
from quantdesk.venues.deribit.book_watch import BookWatch
from quantdesk.venues.deribit.budget import RequestBudget
from quantdesk.venues.deribit.channel_clocks import STEADY, ChannelClocks
from quantdesk.venues.deribit.instruments import listed_instruments
from quantdesk.venues.deribit.line import Glance, LineEvents, RpcLine
from quantdesk.venues.deribit.masking import Masker
from quantdesk.venues.deribit.requests import channel_batches
from quantdesk.venues.deribit.settings import DeribitSettings
from quantdesk.venues.deribit.signing import DeribitCredentials
from quantdesk.venues.deribit.subscriptions import Subscriptions
from quantdesk.venues.deribit.usual import PUSH_HEAD
from quantdesk.venues.deribit.wire import (
    Book,
    InstrumentRecord,
    InstrumentState,
    Notification,
    Platform,
)
from quantdesk.venues.transport.first_cause import first_cause
from quantdesk.venues.transport.frame_queue import FrameQueue
from quantdesk.venues.transport.ws import WsSession

PUSH = re.compile(
    rb'\{"jsonrpc":"2\.0","method":"subscription","params":\{"channel":"'
    rb"((ticker|book|quote|trades|markprice|perpetual|deribit_price_index|deribit_volatility_index)"
    rb'\.([\w\-]{1,64})(\.[\w.\-]{1,64})?)"'
)
"""How a push begins as the venue writes it: tells the channel without reading the frame."""

CHANNEL_AT = len(PUSH_HEAD)
CHANNEL_ENDS = CHANNEL_AT + 200
"""A channel ends before: its parts have 64 characters at most."""

CHANNELS_SEEN_MAX = 16_384
"""Several times what the venue lists; further ones are looked at each time."""

CHAINED_BOOK_DOTS = 2

OPTIONAL = (
    "instrument.creation.",
    "platform_state.public_methods_state",
    "trades.",
    "markprice.",
    "perpetual.",
    "deribit_volatility_index.",
)
"""Streams that the desk can do without: where a venue has none, that is no fault worth a line."""

_KIND_WORDS = {
    InstrumentKind.OPTION: "option",
    InstrumentKind.FUTURE: "future",
    InstrumentKind.PERPETUAL: "future",
    InstrumentKind.SPOT: "spot",
    InstrumentKind.OPTION_COMBO: "option_combo",
    InstrumentKind.FUTURE_COMBO: "future_combo",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketWishes:
    """What one connection is for, and whom it tells.

    underlyings : "BTC" for a coin's own options, "BTC_USDC" for the linear ones
    watched_books : names of the instruments whose order books are wanted, asked anew when told
    on_state : told "live" or "maintenance"
    on_problem : told in a sentence what went wrong without ending the connection
    """

    underlyings: tuple[str, ...]
    watched_books: Callable[[], Sequence[str]]
    on_state: Callable[[str], None]
    on_problem: Callable[[str], None]


class MarketSession:
    """One open connection.

    Parameters
    ----------
    link : the open socket
    queue : where every inbound message goes, answers included
    name : connection name for the frames
    budget : request credits, shared by all connections of a feed's life
    rng : spreads what would otherwise be asked at once
    credentials : for raw channels, which the venue keeps for those who logged in
    """

    def __init__(
        self,
        settings: DeribitSettings,
        link: WsSession,
        queue: FrameQueue,
        *,
        name: str,
        clock: Clock,
        budget: RequestBudget,
        rng: random.Random,
        wishes: MarketWishes,
        credentials: DeribitCredentials | None = None,
    ) -> None:
        self._settings = settings
        self._rng = rng
        self._wishes = wishes
        self._loop = asyncio.get_running_loop()
        self._relist_asked = asyncio.Event()
        self._books_asked = asyncio.Event()
        self._books_chosen = asyncio.Event()
        self._listed: dict[str, tuple[str, ...]] = {}
        self._is_list_owed = False
        self._is_maintenance = False
        self._subscribing = asyncio.Lock()
        self._line = RpcLine(
            settings,
            link,
            queue,
            name=name,
            clock=clock,
            budget=budget,
            masker=_masker_of(credentials),
            events=LineEvents(
                on_push=self._act_on,
                on_problem=wishes.on_problem,
                on_broken=self._note_broken,
                glance=self._glance,
            ),
        )
        self._login = (
            None if credentials is None else Login(settings, self._line, credentials, rng=rng)
        )
        self._seen: dict[bytes, tuple[Glance, str | None]] = {}
        self.subscriptions = Subscriptions()
        self.clocks = ChannelClocks()
        self.books = BookWatch()

    async def run(self) -> None:
        """Work until the connection ends. Always raises: VenueError says how it ended."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._line.read())
                tasks.create_task(self._line.watch_silence())
                tasks.create_task(self._keep())
        except BaseExceptionGroup as group:
            raise first_cause(group) from None

    def silent_streams(self, now_s: float) -> tuple[str, ...]:
        """Granted channels that speak each second and have not for longer than they may, sorted."""
        return tuple(
            name
            for name in map(
                bytes.decode, self.clocks.silent_for(self._settings.steady_silence_s, now_s)
            )
            if name.startswith(STEADY) and name in self.subscriptions.granted
        )

    def refresh_books(self) -> None:
        """Other books are wanted now."""
        self._books_chosen.set()

    def doubt_book(self, name: str) -> None:
        """Whoever reads the levels of `name` found its book bad: ask for it again."""
        self.books.doubt(name)
        self._books_asked.set()

    async def _keep(self) -> None:
        """Introduce ourselves, subscribe, then keep lists and clock fresh for good."""
        await self._line.introduce()
        if self._login is not None:
            await self._login.enter()
        await self._relist()
        self._wishes.on_state("live")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._line.poll_clock())
            tasks.create_task(self._relist_for_good())
            tasks.create_task(self._retry_refused())
            tasks.create_task(self._follow_choice())
            tasks.create_task(self._mend_books())
            tasks.create_task(self._watch_channels())
            if self._login is not None:
                tasks.create_task(self._login.stay())

    def _glance(self, payload: bytes, now_s: float) -> Glance | None:
        """What a push is, by its head alone; None for what has to be read."""
        if not payload.startswith(PUSH_HEAD):
            return None
        end = payload.find(b'"', CHANNEL_AT, CHANNEL_ENDS)
        seen = self._seen.get(payload[CHANNEL_AT:end])
        if seen is None and (seen := self._look(payload)) is None:
            return None
        glance, book = seen
        self.clocks.note(glance.channel, now_s)
        if book is not None and not self.books.note_payload(book, payload, end):
            self._books_asked.set()
        return glance

    def _look(self, payload: bytes) -> tuple[Glance, str | None] | None:
        """Of a channel that was not seen yet: what it is, and whose changes it tells, if any."""
        found = PUSH.match(payload)
        if found is None:
            return None
        channel = found[1]
        is_chained = found[2] == b"book" and channel.count(b".") == CHAINED_BOOK_DOTS
        seen = (Glance(channel, is_chained), found[3].decode() if is_chained else None)
        if len(self._seen) < CHANNELS_SEEN_MAX:
            self._seen[channel] = seen
        return seen

    def _act_on(self, push: Notification) -> None:
        """A push that was read: a change of the list or platform, or one in another's spelling."""
        self.clocks.note(push.channel.encode(), self._loop.time())
        match push.data:
            case InstrumentState() | InstrumentRecord():
                self._relist_asked.set()
            case Platform(maintenance=bool() as is_maintenance):
                self._is_maintenance = is_maintenance
                self._wishes.on_state("maintenance" if is_maintenance else "live")
                # Books may have been emptied without a word: each is asked for again.
                for name in self.books.names:
                    self.books.doubt(name)
                self._relist_asked.set()
                self._books_asked.set()
            case Book() as book:
                self._follow(book)

    def _follow(self, book: Book) -> None:
        previous_id = book.prev_change_id
        if book.type == "snapshot" or not isinstance(previous_id, int):
            is_good = self.books.note_snapshot(book.instrument_name, book.change_id)
        else:
            is_good = self.books.note_change(
                book.instrument_name, change_id=book.change_id, previous_id=previous_id
            )
        if not is_good:
            self._books_asked.set()

    def _note_broken(self, channels: frozenset[bytes]) -> None:
        """Frames of books were dropped from a full queue: the books are unknown."""
        for channel in channels:
            self.books.doubt(channel.split(b".")[1].decode())
        self._books_asked.set()

    async def _relist_for_good(self) -> None:
        """List anew on a timer and when the venue says that instruments came or went."""
        settings = self._settings
        while True:
            try:
                async with asyncio.timeout(settings.relist_s):
                    await self._relist_asked.wait()
                # Hundreds of state messages come together at an expiry; one list answers all.
                await asyncio.sleep(settings.relist_gap_s)
            except TimeoutError:
                pass
            self._relist_asked.clear()
            await self._relist()

    async def _retry_refused(self) -> None:
        """Ask again, slowly, for channels that were refused and lists that made no sense."""
        while True:
            await asyncio.sleep(self._settings.refused_retry_s)
            if self._is_list_owed:
                self._relist_asked.set()
            if self.subscriptions.refused:
                self.subscriptions.forgive()
                async with self._subscribing:
                    await self._subscribe_missing()

    async def _relist(self) -> None:
        """Fetch the lists, then make the subscriptions fit them."""
        self._is_list_owed = False
        for underlying in self._wishes.underlyings:
            await self._list(underlying)
        await self._subscribe_wanted()

    async def _follow_choice(self) -> None:
        """Subscribe to other books when others are wanted."""
        while True:
            await self._books_chosen.wait()
            self._books_chosen.clear()
            await self._subscribe_wanted()

    async def _subscribe_wanted(self) -> None:
        """Make the subscriptions fit the lists and the books that are wanted."""
        channels = ["platform_state", "platform_state.public_methods_state"]
        for listed in self._listed.values():
            channels += listed
        books = tuple(self._wishes.watched_books())
        self.books.watch(books if self._settings.book_group is None else (), self._loop.time())
        channels += map(self._settings.book_channel, books)
        async with self._subscribing:
            self.subscriptions.want(channels)
            await self._unsubscribe(self.subscriptions.surplus())
            await self._subscribe_missing()
        self.clocks.keep_only(map(str.encode, channels))

    async def _list(self, underlying: str) -> None:
        """Note the channels of `underlying` as listed now; where that fails those of last time."""
        coin, _, quote = underlying.partition("_")
        try:
            answer = await self._line.ask(
                "public/get_instruments", underlying, currency=quote or coin, expired=False
            )
            instruments, _ = listed_instruments(answer.records, underlying)
        except (Rejected, ProtocolError) as error:
            self._is_list_owed = True
            self._wishes.on_problem(f"list of {underlying}: {error}")
        else:
            self._listed[underlying] = channels_of(
                self._settings, underlying=underlying, instruments=instruments
            )

    async def _subscribe_missing(self) -> None:
        await self._subscribe(self.subscriptions.missing())
        refused = [c for c in self.subscriptions.refused if not c.startswith(OPTIONAL)]
        if refused:
            self._wishes.on_problem(
                f"{len(refused)} channels refused by the venue, {min(refused)} one of them"
            )

    async def _subscribe(self, channels: Iterable[str]) -> None:
        for batch in channel_batches(channels, per_request=self._settings.channels_per_request):
            answer = await self._line.ask_softly("public/subscribe", channels=batch)
            granted = answer.channels if answer is not None else ()
            self.subscriptions.note_granted(batch, granted)
            self.clocks.start(map(str.encode, granted), self._loop.time())

    async def _unsubscribe(self, channels: Iterable[str]) -> None:
        for batch in channel_batches(channels, per_request=self._settings.channels_per_request):
            await self._line.ask_softly("public/unsubscribe", channels=batch)
            self.subscriptions.note_left(batch)

    async def _mend_books(self) -> None:
        """Ask again for the snapshots of bad books: a few at a time, spread by chance."""
        settings = self._settings
        while True:
            try:
                async with asyncio.timeout(settings.book_patience_s):
                    await self._books_asked.wait()
            except TimeoutError:
                pass
            self._books_asked.clear()
            due = self.books.due(self._loop.time(), patience_s=settings.book_patience_s)
            if not due or self._is_maintenance:
                continue
            await asyncio.sleep(settings.book_gap_s * (1.0 + self._rng.random()))
            names = self._rng.sample(due, min(len(due), settings.books_per_round))
            self.books.note_asked(names, self._loop.time())
            await self._resubscribe(map(settings.book_channel, names))
            self._books_asked.set()

    async def _resubscribe(self, channels: Iterable[str]) -> None:
        """Subscribe anew: the venue begins with all that there is."""
        async with self._subscribing:
            granted = [c for c in channels if c in self.subscriptions.granted]
            await self._unsubscribe(granted)
            await self._subscribe(granted)

    async def _watch_channels(self) -> None:
        """Subscribe anew to steady channels that fell silent; the second time, give up."""
        limit_s = self._settings.steady_silence_s
        while True:
            await asyncio.sleep(limit_s / 2)
            if self._is_maintenance:
                continue
            now_s = self._loop.time()
            silent = self.silent_streams(now_s)
            lasting = [name for name in silent if self.clocks.is_unheard(name.encode())]
            if lasting:
                raise Transient(f"{lasting[0]} stayed silent though subscribed anew")
            if silent:
                self._wishes.on_problem(f"{silent[0]} has been silent for {limit_s:g} s")
                self.clocks.restart(map(str.encode, silent), now_s)
                await self._resubscribe(silent)


def channels_of(
    settings: DeribitSettings, *, underlying: str, instruments: Sequence[Instrument]
) -> tuple[str, ...]:
    """The channels that the market data of an underlying's `instruments` comes on."""
    coin, _, quote = underlying.partition("_")
    currency = quote or coin
    wanted = [i for i in instruments if _KIND_WORDS[i.kind] in settings.kinds]
    own_index = f"{coin}_{quote or 'usd'}".lower()
    indices = tuple(dict.fromkeys([own_index, *(i.index_name for i in wanted)]))
    channels = [f"instrument.state.any.{currency}", f"instrument.creation.any.{currency}"]
    channels += [f"deribit_price_index.{index}" for index in indices]
    channels += [f"ticker.{i.name}.{settings.ticker_interval}" for i in wanted]
    if settings.has_mark_prices and "option" in settings.kinds:
        channels += [f"markprice.options.{index}" for index in indices]
    if settings.has_volatility_index and not quote:
        channels.append(f"deribit_volatility_index.{own_index}")
    if settings.has_trades:
        interval = settings.ticker_interval
        channels += [f"trades.{kind}.{currency}.{interval}" for kind in settings.kinds]
    if settings.has_funding:
        perpetuals = [i for i in wanted if i.kind is InstrumentKind.PERPETUAL]
        channels += [f"perpetual.{i.name}.{settings.ticker_interval}" for i in perpetuals]
    return tuple(channels)


def _masker_of(credentials: DeribitCredentials | None) -> Masker | None:
    if credentials is None:
        return None
    return Masker(credentials.client_id, credentials.client_secret)
