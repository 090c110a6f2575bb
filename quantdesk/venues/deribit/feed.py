"""Deribit's market data as a `domain.ports.MarketFeed`: frames out, the connection kept inside."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncGenerator, Sequence

from quantdesk.domain.events import RawFrame
from quantdesk.domain.ports import Clock
from quantdesk.errors import ConfigError, ProtocolError, RateLimited, VenueError
from quantdesk.venues.deribit.budget import RequestBudget
from quantdesk.venues.deribit.instruments import VENUE
from quantdesk.venues.deribit.ranges import safe_text
from quantdesk.venues.deribit.session import DeribitSession, UnderMaintenance
from quantdesk.venues.deribit.settings import DeribitSettings
from quantdesk.venues.transport.backoff import Backoff
from quantdesk.venues.transport.frame_queue import FrameQueue
from quantdesk.venues.transport.ws import CertificateRefused, WsSession

FRAMES_PER_TURN = 64
"""Frames handed out before others in the event loop get a turn, the answering reader first."""

_UNDERLYING = re.compile(r"[A-Z0-9]{1,12}(_[A-Z0-9]{1,12})?")


class DeribitFeed:
    """Market data of some underlyings over one connection.

    Parameters
    ----------
    settings : where to and how often
    name : connection name, on each frame
    underlyings : "BTC", "ETH" for coin-settled options, "BTC_USDC" for linear ones
    clock : stamps the frames
    rng : jitter of the pauses between tries to connect

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
    ) -> None:
        if not underlyings:
            raise ConfigError("underlyings is empty: name at least one, like BTC")
        for underlying in underlyings:
            if not _UNDERLYING.fullmatch(underlying):
                raise ConfigError(f"underlyings: {underlying!r} must look like BTC or BTC_USDC")
        self._settings = settings
        self._name = name
        self._underlyings = tuple(dict.fromkeys(underlyings))
        self._clock = clock
        self._queue = FrameQueue(settings.frames_max)
        self._budget = RequestBudget()
        self._backoff = Backoff(
            low_s=settings.backoff_low_s, high_s=settings.backoff_high_s, rng=rng
        )
        self._runner: asyncio.Task[None] | None = None
        self._session: DeribitSession | None = None
        self._state = "connecting"
        self._connections = 0
        self._last_problem = ""

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
        return self._state

    @property
    def reconnects(self) -> int:
        """How often the connection was made again."""
        return max(self._connections - 1, 0)

    @property
    def last_problem(self) -> str:
        """One sentence on what went wrong last, "" where nothing did. Safe for a screen."""
        return self._last_problem

    @property
    def dropped(self) -> int:
        """Tickers passed over because a newer one of the same instrument overtook them."""
        return self._queue.dropped

    @property
    def granted(self) -> frozenset[str]:
        """Channels that are subscribed on the present connection."""
        return self._session.subscriptions.granted if self._session else frozenset()

    @property
    def refused(self) -> frozenset[str]:
        """Channels that the venue did not grant; they are asked for again slowly."""
        return self._session.subscriptions.refused if self._session else frozenset()

    async def frames(self) -> AsyncGenerator[RawFrame, None]:
        """Every inbound message, answers included, until `close`. Can be read once.

        Faults of the connection are mended inside; what can not be mended is raised.
        """
        if self._runner is not None or self._state == "closed":
            raise ConfigError(f"feed {self._name}: its frames can be read once")
        self._runner = asyncio.create_task(self._run(), name=f"feed {self._name}")
        self._runner.add_done_callback(lambda _: self._queue.close())
        taken = 0
        try:
            while (frame := await self._queue.take()) is not None:
                yield frame
                taken += 1
                if taken % FRAMES_PER_TURN == 0:
                    await asyncio.sleep(0)
            if not self._runner.cancelled() and self._runner.done():
                self._runner.result()
        finally:
            await self.close()

    async def close(self) -> None:
        """Close the socket and end `frames`. May be called again."""
        self._state = "closed"
        self._queue.close()
        if self._runner is not None and not self._runner.done():
            self._runner.cancel()
            await asyncio.wait([self._runner])

    async def _run(self) -> None:
        """Connect, work, pause, again. Ends only when cancelled or on what pausing can not mend."""
        loop = asyncio.get_running_loop()
        while True:
            started_s = loop.time()
            try:
                await self._work()
            except VenueError as error:
                if isinstance(error, ProtocolError):
                    raise
                if loop.time() - started_s >= self._settings.stable_s:
                    self._backoff.reset()
                pause_s = self._pause_after(error)
            await asyncio.sleep(pause_s)

    async def _work(self) -> None:
        """One connection from opening to end; raises how it ended."""
        settings = self._settings
        async with await WsSession.connect(
            settings.endpoint, timeout_s=settings.connect_timeout_s
        ) as link:
            self._connections += 1
            self._session = DeribitSession(
                settings,
                link,
                self._queue,
                name=self._name,
                underlyings=self._underlyings,
                clock=self._clock,
                budget=self._budget,
                on_state=self._set_state,
                on_problem=self._note_problem,
            )
            try:
                await self._session.run()
            finally:
                self._session = None

    def _pause_after(self, error: VenueError) -> float:
        """Note why the connection ended; seconds until the next try."""
        self._note_problem(str(error))
        if isinstance(error, UnderMaintenance):
            self._set_state("maintenance")
        elif self._connections and self._state != "maintenance":
            self._set_state("reconnecting")
        if isinstance(error, CertificateRefused):
            self._backoff.jump_to_high()
        if isinstance(error, RateLimited):
            asked_s = error.retry_after_s
            if asked_s is None:
                asked_s = self._settings.rate_limit_pause_s
            return self._backoff.next_pause_s(at_least_s=asked_s)
        return self._backoff.next_pause_s()

    def _set_state(self, state: str) -> None:
        if self._state != "closed":
            self._state = state

    def _note_problem(self, sentence: str) -> None:
        self._last_problem = safe_text(sentence, 200)
