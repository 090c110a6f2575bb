"""A connection that is made again for as long as someone reads it, whatever runs on it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from typing import Protocol

from quantdesk.domain.events import RawFrame
from quantdesk.domain.ports import BanStore, Clock
from quantdesk.errors import ProtocolError, RateLimited, StorageError, VenueError
from quantdesk.venues.decoding.ranges import safe_text
from quantdesk.venues.deribit.line import UnderMaintenance
from quantdesk.venues.deribit.settings import DeribitSettings
from quantdesk.venues.transport.backoff import Backoff
from quantdesk.venues.transport.frame_queue import FrameQueue
from quantdesk.venues.transport.frame_stream import FrameStream
from quantdesk.venues.transport.ws import CertificateRefused, WsSession

NS_PER_S = 1_000_000_000
BAN_S_MAX = 3 * 86_400.0
"""A stored end beyond this comes from a clock that was wrong."""


class Session(Protocol):
    """What runs on one open connection."""

    async def run(self) -> None:
        """Work until the connection ends. Always raises: VenueError says how it ended."""


class KeptConnection:
    """One connection and its state, made again after pauses.

    Parameters
    ----------
    settings : where to and how often
    name : connection name, on each frame
    clock : tells when a ban ends
    rng : jitter of the pauses between tries to connect
    bans : where the end of a ban is kept over a restart; None keeps it for this process only
    open_session : makes the session of an open socket
    """

    def __init__(
        self,
        settings: DeribitSettings,
        *,
        name: str,
        clock: Clock,
        rng: random.Random,
        bans: BanStore | None,
        open_session: Callable[[WsSession, FrameQueue], Session],
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._bans = bans
        self._open_session = open_session
        self._queue = FrameQueue(settings.frames_max)
        self._backoff = Backoff(
            low_s=settings.backoff_low_s, high_s=settings.backoff_high_s, rng=rng
        )
        self._stream = FrameStream(name, self._queue, self._run)
        self._connections = 0
        self._state = "connecting"
        self.last_problem = ""
        self.is_open = False

    @property
    def reconnects(self) -> int:
        """How often the connection was made again."""
        return max(self._connections - 1, 0)

    @property
    def dropped(self) -> int:
        """Frames passed over because the desk was slower than the venue."""
        return self._queue.dropped

    @property
    def state(self) -> str:
        """What the session said of itself last; "closed" once closed."""
        return "closed" if self._stream.is_closed else self._state

    def frames(self) -> AsyncGenerator[RawFrame, None]:
        """Every inbound message, answers included, until `close`. Can be read once.

        Faults of the connection are mended inside; what can not be mended is raised.
        """
        return self._stream.frames()

    async def close(self) -> None:
        """Close the socket and end `frames`. May be called again."""
        await self._stream.close()

    def set_state(self, state: str) -> None:
        """Note what the session says of itself; a closed connection stays closed."""
        self._state = state

    def note_problem(self, sentence: str) -> None:
        """Keep what went wrong, made safe for a screen."""
        self.last_problem = safe_text(sentence, 200)

    async def _run(self) -> None:
        """Connect, work, pause, again. Ends only when cancelled or on what pausing can not mend."""
        loop = asyncio.get_running_loop()
        while True:
            started_s = loop.time()
            try:
                self._check_ban()
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
            self.is_open = True
            try:
                await self._open_session(link, self._queue).run()
            finally:
                self.is_open = False

    def _pause_after(self, error: VenueError) -> float:
        """Note why the connection ended; seconds until the next try."""
        self.note_problem(str(error))
        if isinstance(error, UnderMaintenance):
            self.set_state("maintenance")
        elif self._connections and self.state != "maintenance":
            self.set_state("reconnecting")
        if isinstance(error, CertificateRefused):
            self._backoff.jump_to_high()
        if not isinstance(error, RateLimited):
            return self._backoff.next_pause_s()
        asked_s = error.retry_after_s
        if asked_s is None:
            asked_s = self._settings.rate_limit_pause_s
        self._keep_ban(asked_s)
        return self._backoff.next_pause_s(at_least_s=asked_s)

    def _check_ban(self) -> None:
        """Raise RateLimited, with the seconds left, while the venue is to be left alone."""
        if self._bans is None:
            return
        until_ns = self._bans.banned_until_ns(self._settings.host) or 0
        left_s = (until_ns - self._clock.now_ns()) / NS_PER_S
        if 0 < left_s <= BAN_S_MAX:
            raise RateLimited(f"{self._settings.host} wants no requests for {left_s:.1f} s", left_s)

    def _keep_ban(self, pause_s: float) -> None:
        if self._bans is None:
            return
        until_ns = self._clock.now_ns() + int(min(pause_s, BAN_S_MAX) * NS_PER_S)
        try:
            self._bans.note_ban(self._settings.host, until_ns)
        except StorageError as error:
            self.note_problem(f"the ban's end is not kept for a restart: {error}")
