"""Binance options' market data as a `domain.ports.MarketFeed`: frames out, all else kept inside."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncGenerator, Awaitable, Sequence

from quantdesk.domain.events import RawFrame
from quantdesk.domain.feed_report import FeedReport
from quantdesk.domain.ports import BanStore, Clock
from quantdesk.domain.quick import quick
from quantdesk.errors import ConfigError, VenueError
from quantdesk.venues.binance.names import VENUE, parse_symbol
from quantdesk.venues.binance.session import BinanceSession
from quantdesk.venues.binance.settings import BinanceSettings
from quantdesk.venues.decoding.ranges import safe_text
from quantdesk.venues.transport.first_cause import first_cause
from quantdesk.venues.transport.frame_queue import FrameQueue
from quantdesk.venues.transport.frame_stream import FRAMES_PER_TURN, FrameStream

_make_frame = quick(RawFrame)

_COIN = re.compile(r"[A-Z0-9]{1,16}")


class BinanceFeed:
    """Market data of the options on some coins, over one REST interface and several sockets.

    Frames are the sockets' messages as received and each REST answer in the envelope of
    `envelope`. All of them carry the feed's name: the venue has one clock.

    Parameters
    ----------
    settings : where to and how often
    name : connection name, on each frame
    underlyings : coins, "BTC"
    clock : stamps the frames
    rng : jitter of pauses
    bans : where the end of a ban is kept, so that a restart does not prolong it

    Raises ConfigError for underlyings that are no coins.
    """

    def __init__(
        self,
        settings: BinanceSettings,
        *,
        name: str,
        underlyings: Sequence[str],
        clock: Clock,
        rng: random.Random,
        bans: BanStore,
    ) -> None:
        if not underlyings:
            raise ConfigError("underlyings is empty: name at least one, like BTC")
        for coin in underlyings:
            if not _COIN.fullmatch(coin):
                raise ConfigError(f"underlyings: {coin!r} must look like BTC")
        self._settings = settings
        self._name = name
        self._clock = clock
        self._queue = FrameQueue(settings.frames_max)
        self._in_turn = 0
        self._stream = FrameStream(name, self._queue, self._run)
        self._state = "connecting"
        self._last_problem = ""
        self._session = BinanceSession(
            settings,
            coins=tuple(dict.fromkeys(underlyings)),
            clock=clock,
            bans=bans,
            rng=rng,
            emit=self._emit,
            on_change=self._refresh_state,
            on_problem=self._note_problem,
            is_blocked=lambda: self._queue.is_blocked,
        )

    @property
    def name(self) -> str:
        """Connection name, equal to `RawFrame.connection` of its frames."""
        return self._name

    @property
    def venue(self) -> str:
        """Venue name, "binance"."""
        return VENUE

    @property
    def state(self) -> str:
        """ "connecting", "live", "reconnecting" or "closed"; live only with all its sockets."""
        self._refresh_state()
        return "closed" if self._stream.is_closed else self._state

    @property
    def reconnects(self) -> int:
        """How often one of the sockets was made again."""
        return self._session.reconnects

    @property
    def last_problem(self) -> str:
        """One sentence on what went wrong last, "" where nothing did. Safe for a screen."""
        return self._last_problem

    @property
    def dropped(self) -> int:
        """Messages passed over because a newer one of the same stream overtook them."""
        return self._queue.dropped

    @property
    def granted(self) -> frozenset[str]:
        """Streams that the venue confirmed on the present connections."""
        return frozenset(stream for link in self._session.links for stream in link.granted)

    @property
    def left_out(self) -> tuple[str, ...]:
        """Streams for which the connections allowed have no room."""
        return self._session.left_out

    def silent_streams(self) -> tuple[str, ...]:
        """Streams that should speak each second and do not, sorted. Needs a running event loop."""
        now_s = asyncio.get_running_loop().time()
        return tuple(sorted(s for link in self._session.links for s in link.silent_streams(now_s)))

    def report(self) -> FeedReport:
        """What the feed says of itself. Needs a running event loop."""
        session = self._session
        missing = sum(link.missing_count for link in session.links)
        return FeedReport(
            granted=len(self.granted),
            missing=missing + len(session.left_out),
            silent=self.silent_streams(),
            dropped=self.dropped,
            connections=sum(link.is_open for link in session.links),
            are_books_cut=session.are_books_cut,
            budget=session.budget_words(asyncio.get_running_loop().time()),
        )

    def watch_books(self, symbols: Sequence[str]) -> None:
        """Follow the order books of `symbols` and of no others: snapshots and changes then come.

        Raises InvalidInput for what is no symbol, ConfigError for more than `books_max`.
        """
        for symbol in symbols:
            parse_symbol(symbol)
        if len(symbols) > self._settings.books_max:
            raise ConfigError(
                f"books: {len(symbols)} are more than books_max ({self._settings.books_max})"
            )
        self._session.watch_books(tuple(dict.fromkeys(symbols)))

    def ask_book_again(self, symbol: str) -> None:
        """Whoever reads the levels found a watched book bad: its snapshot is fetched again."""
        self._session.doubt_book(symbol)

    @property
    def book_epoch(self) -> int:
        """How often the order books began anew: with each public connection."""
        return self._session.book_epoch

    def is_book_good(self, symbol: str) -> bool:
        """Whether a watched book is whole: its changes join its snapshot without a gap."""
        return self._session.is_book_good(symbol)

    def frames(self) -> AsyncGenerator[RawFrame, None]:
        """Every inbound message and answer, until `close`. Can be read once.

        Faults of connections are mended inside; what can not be mended is raised.
        """
        return self._stream.frames()

    async def close(self) -> None:
        """Close the sockets and end `frames`. May be called again."""
        await self._stream.close()

    async def _run(self) -> None:
        try:
            await self._session.run()
        except* VenueError as group:
            raise first_cause(group) from None

    def _emit(self, payload: bytes, channel: bytes | None) -> Awaitable[None] | None:
        """Put a message on the queue; what its reader is to wait for before the next."""
        frame = _make_frame(VENUE, self._name, self._clock.now_ns(), payload)
        if not self._queue.offer(frame, channel, False):
            return self._queue.put(frame, channel)
        self._in_turn += 1
        if self._in_turn < FRAMES_PER_TURN:
            return None
        # As many as the desk takes in its own turn: it keeps up with what it has the power for.
        self._in_turn = 0
        return asyncio.sleep(0)

    def _refresh_state(self) -> None:
        if self._session.is_live:
            self._state = "live"
        elif self._state == "live" or self._session.was_live:
            self._state = "reconnecting"

    def _note_problem(self, sentence: str) -> None:
        self._last_problem = safe_text(sentence, 200)
