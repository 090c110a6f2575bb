"""A Binance options account as a `domain.ports.AccountFeed`: private frames out.

Read by `account_events_of`. Nothing is ever sent that changes the account. The listen key is made
and kept alive, but not given back: whoever else reads the account has the same one.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator

from quantdesk.domain.events import RawFrame
from quantdesk.domain.ports import BanStore, Clock
from quantdesk.errors import ProtocolError, RateLimited, Rejected, VenueError
from quantdesk.venues.binance.account_session import AccountSession
from quantdesk.venues.binance.names import VENUE
from quantdesk.venues.binance.rest import BinanceRest, Credentials
from quantdesk.venues.binance.settings import BinanceSettings
from quantdesk.venues.binance.weight import WeightBudget
from quantdesk.venues.decoding.ranges import safe_text
from quantdesk.venues.transport.backoff import Backoff
from quantdesk.venues.transport.frame_queue import FrameQueue
from quantdesk.venues.transport.frame_stream import FrameStream
from quantdesk.venues.transport.ws import CertificateRefused

REFUSED_CODES = frozenset({-1002, -1022, -2014, -2015})
"""A key, signature, address or permission that the venue refuses: asking again does not mend it,
and asking often gets the address banned."""


class BinanceAccountFeed:
    """Balances, positions, orders and trades of one account.

    Parameters
    ----------
    settings : where to and how often
    name : connection name, on each frame
    credentials : a key that may read; nothing more is needed
    clock : stamps the frames, and with the venue's measured offset the requests
    rng : jitter of pauses
    bans : where the end of a ban is kept
    """

    def __init__(
        self,
        settings: BinanceSettings,
        *,
        name: str,
        credentials: Credentials,
        clock: Clock,
        rng: random.Random,
        bans: BanStore,
    ) -> None:
        self._settings = settings
        self._name = name
        self._clock = clock
        self._queue = FrameQueue(settings.frames_max)
        self._backoff = Backoff(
            low_s=settings.backoff_low_s, high_s=settings.backoff_high_s, rng=rng
        )
        self._rest = BinanceRest(
            settings,
            clock=clock,
            bans=bans,
            budget=WeightBudget(limit=settings.weight_limit, reserve=settings.weight_reserve),
            emit=self._emit,
            on_problem=self._note_problem,
            credentials=credentials,
        )
        self._traded: dict[str, None] = {}
        self._stream = FrameStream(name, self._queue, self._run)
        self._state = "connecting"
        self._connections = 0
        self._last_problem = ""

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
        """ "connecting", "live", "reconnecting" or "closed"; live once the account was read."""
        return "closed" if self._stream.is_closed else self._state

    @property
    def reconnects(self) -> int:
        """How often the connection was made again."""
        return max(self._connections - 1, 0)

    @property
    def last_problem(self) -> str:
        """One sentence on what went wrong last, "" where nothing did. Safe for a screen."""
        return self._last_problem

    @property
    def rights(self) -> str:
        """Always "": the venue's options interface tells an account's rights, not a key's."""
        return ""

    def frames(self) -> AsyncGenerator[RawFrame, None]:
        """Every private message and answer, until `close`. Can be read once.

        Raises Rejected where the venue refuses the key itself.
        """
        return self._stream.frames()

    async def close(self) -> None:
        """Close the socket and end `frames`. May be called again."""
        await self._stream.close()

    async def _run(self) -> None:
        """Connect, work, pause, again. Ends only when cancelled or on what pausing can not mend."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                started_s = loop.time()
                try:
                    await self._new_session().run()
                except VenueError as error:
                    if isinstance(error, ProtocolError) or _is_final(error):
                        raise
                    if loop.time() - started_s >= self._settings.stable_s:
                        self._backoff.reset()
                    pause_s = self._pause_after(error)
                await asyncio.sleep(pause_s)
        finally:
            await self._rest.close()

    def _new_session(self) -> AccountSession:
        return AccountSession(
            self._settings,
            self._rest,
            emit=self._emit,
            on_up=self._note_up,
            on_problem=self._note_problem,
            traded=self._traded,
        )

    def _pause_after(self, error: VenueError) -> float:
        """Note why the connection ended; seconds until the next try."""
        self._note_problem(str(error))
        if self._state == "live":
            self._state = "reconnecting"
        if isinstance(error, CertificateRefused | Rejected):
            self._backoff.jump_to_high()
        asked_s = error.retry_after_s if isinstance(error, RateLimited) else None
        return self._backoff.next_pause_s(asked_s or 0.0)

    async def _emit(self, payload: bytes) -> None:
        frame = RawFrame(
            venue=VENUE, connection=self._name, recv_ns=self._clock.now_ns(), payload=payload
        )
        await self._queue.put(frame, None)

    def _note_up(self) -> None:
        self._connections += 1
        self._state = "live"

    def _note_problem(self, sentence: str) -> None:
        self._last_problem = safe_text(sentence, 200)


def _is_final(error: VenueError) -> bool:
    return isinstance(error, Rejected) and error.code in REFUSED_CODES
