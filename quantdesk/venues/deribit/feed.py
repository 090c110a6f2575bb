"""Deribit's market data as a `domain.ports.MarketFeed`: frames out, the connection kept inside."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncGenerator, Sequence

from quantdesk.domain.events import RawFrame
from quantdesk.domain.feed_report import FeedReport
from quantdesk.domain.ports import BanStore, Clock
from quantdesk.errors import ConfigError
from quantdesk.venues.decoding.ranges import name_like
from quantdesk.venues.deribit.budget import RequestBudget
from quantdesk.venues.deribit.connection import KeptConnection
from quantdesk.venues.deribit.instruments import VENUE
from quantdesk.venues.deribit.session import MarketSession, MarketWishes
from quantdesk.venues.deribit.settings import DeribitSettings
from quantdesk.venues.deribit.signing import DeribitCredentials
from quantdesk.venues.transport.frame_queue import FrameQueue
from quantdesk.venues.transport.ws import WsSession

_UNDERLYING = re.compile(r"[A-Z0-9]{1,12}(_[A-Z0-9]{1,12})?")


class DeribitFeed:
    """Market data of some underlyings over one connection.

    Parameters
    ----------
    settings : where to and how often
    name : connection name, on each frame
    underlyings : "BTC", "ETH" for coin-settled options, "BTC_USDC" for linear ones
    clock : stamps the frames
    rng : jitter of pauses
    bans : where the end of a ban is kept over a restart; None keeps it for this process only
    credentials : a key for raw channels; None reads what is open to all

    Raises ConfigError for underlyings that are no names.
    """

    def __init__(
        self,
        settings: DeribitSettings,
        *,
        name: str,
        underlyings: Sequence[str],
        clock: Clock,
        rng: random.Random,
        bans: BanStore | None = None,
        credentials: DeribitCredentials | None = None,
    ) -> None:
        if not underlyings:
            raise ConfigError("underlyings is empty: name at least one, like BTC")
        for underlying in underlyings:
            if not _UNDERLYING.fullmatch(underlying):
                raise ConfigError(f"underlyings: {underlying!r} must look like BTC or BTC_USDC")
        self._settings = settings
        self._name = name
        self._clock = clock
        self._rng = rng
        self._credentials = credentials
        self._budget = RequestBudget()
        self._books: tuple[str, ...] = ()
        self._session: MarketSession | None = None
        self._connection = KeptConnection(
            settings,
            name=name,
            clock=clock,
            rng=rng,
            bans=bans,
            open_session=self._open_session,
        )
        self._wishes = MarketWishes(
            underlyings=tuple(dict.fromkeys(underlyings)),
            watched_books=lambda: self._books,
            on_state=self._connection.set_state,
            on_problem=self._connection.note_problem,
        )

    @property
    def name(self) -> str:
        """Connection name, equal to `RawFrame.connection` of its frames."""
        return self._name

    @property
    def venue(self) -> str:
        """Venue name, "deribit"."""
        return VENUE

    @property
    def state(self) -> str:
        """ "connecting", "live", "reconnecting", "maintenance" or "closed"."""
        return self._connection.state

    @property
    def reconnects(self) -> int:
        """How often the connection was made again."""
        return self._connection.reconnects

    @property
    def last_problem(self) -> str:
        """One sentence on what went wrong last, "" where nothing did. Safe for a screen."""
        return self._connection.last_problem

    @property
    def dropped(self) -> int:
        """Frames passed over because the desk was slower than the venue.

        Of each channel the newest is kept; a book that lost a change is asked for again.
        """
        return self._connection.dropped

    @property
    def granted(self) -> frozenset[str]:
        """Channels that are subscribed on the present connection."""
        session = self._open()
        return session.subscriptions.granted if session else frozenset()

    @property
    def refused(self) -> frozenset[str]:
        """Channels that the venue did not grant; they are asked for again slowly."""
        session = self._open()
        return session.subscriptions.refused if session else frozenset()

    def silent_channels(self, limit_s: float, now_s: float) -> tuple[str, ...]:
        """Subscribed channels that brought nothing for `limit_s`; `now_s` is the loop's clock.

        Most speak only when their market moves; index, mark prices and DVOL speak each second.
        """
        session = self._open()
        if session is None:
            return ()
        return tuple(c.decode() for c in session.clocks.silent_for(limit_s, now_s))

    def report(self) -> FeedReport:
        """What the feed says of itself. Needs a running event loop."""
        now_s = asyncio.get_running_loop().time()
        session = self._open()
        return FeedReport(
            granted=len(self.granted),
            missing=len(self.refused),
            silent=() if session is None else session.silent_streams(now_s),
            dropped=self.dropped,
            connections=int(session is not None),
            are_books_cut=session is None,
            budget=self._budget.words(now_s),
        )

    def watch_books(self, names: Sequence[str]) -> None:
        """Follow the order books of these instruments and of no others.

        Raises ConfigError for what is no name, and for more than the settings allow.
        """
        wanted = tuple(dict.fromkeys(names))
        if len(wanted) > self._settings.books_max:
            raise ConfigError(
                f"{len(wanted)} order books: books_max allows {self._settings.books_max}"
            )
        for name in wanted:
            if name_like(name) is None:
                raise ConfigError(f"order book of {name!r}: must be an instrument's name")
        self._books = wanted
        if (session := self._open()) is not None:
            session.refresh_books()

    @property
    def book_epoch(self) -> int:
        """How often the order books began anew: with each connection."""
        return self._connection.reconnects

    def is_book_good(self, name: str) -> bool:
        """Whether a watched book hangs together as received on the present connection.

        Of books that are told by changes; a grouped one comes whole each time.
        """
        session = self._open()
        return session is not None and session.books.is_good(name)

    def ask_book_again(self, name: str) -> None:
        """The book of `name`, as decoded, is bad: fetch it anew, within the limits."""
        if (session := self._open()) is not None:
            session.doubt_book(name)

    def frames(self) -> AsyncGenerator[RawFrame, None]:
        """Every inbound message, answers included, until `close`. Can be read once.

        Faults of the connection are mended inside; what can not be mended is raised.
        """
        return self._connection.frames()

    async def close(self) -> None:
        """Close the socket and end `frames`. May be called again."""
        await self._connection.close()

    def _open(self) -> MarketSession | None:
        """The session of the present connection; None between connections."""
        return self._session if self._connection.is_open else None

    def _open_session(self, link: WsSession, queue: FrameQueue) -> MarketSession:
        self._session = MarketSession(
            self._settings,
            link,
            queue,
            name=self._name,
            clock=self._clock,
            budget=self._budget,
            rng=self._rng,
            wishes=self._wishes,
            credentials=self._credentials,
        )
        return self._session
