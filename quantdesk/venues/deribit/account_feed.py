"""A Deribit account as a `domain.ports.AccountFeed`: frames out, the connection kept inside."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator

from quantdesk.domain.events import RawFrame
from quantdesk.domain.ports import BanStore, Clock
from quantdesk.venues.deribit.account_session import (
    AccountSession,
    AccountWishes,
    TradesKnown,
)
from quantdesk.venues.deribit.budget import RequestBudget
from quantdesk.venues.deribit.connection import KeptConnection
from quantdesk.venues.deribit.instruments import VENUE
from quantdesk.venues.deribit.settings import DeribitSettings
from quantdesk.venues.deribit.signing import DeribitCredentials
from quantdesk.venues.transport.frame_queue import FrameQueue
from quantdesk.venues.transport.ws import WsSession

NS_PER_MS = 1_000_000


class DeribitAccountFeed:
    """Money, positions, orders and trades of one account over one private connection.

    No frame holds a key or token: they are masked before a frame leaves. `frames` raises
    ConfigError for a key that the venue refuses or that could withdraw.

    Parameters
    ----------
    settings : where to and how often
    name : connection name, on each frame
    credentials : the key; one that can read is enough
    clock : stamps the frames, and signs with the venue's time as measured
    rng : nonces, and jitter of pauses
    bans : where the end of a ban is kept over a restart; None keeps it for this process only
    trades_since_ns : venue time from which trades are wanted; None for those of the last day
    """

    def __init__(
        self,
        settings: DeribitSettings,
        *,
        name: str,
        credentials: DeribitCredentials,
        clock: Clock,
        rng: random.Random,
        bans: BanStore | None = None,
        trades_since_ns: int | None = None,
    ) -> None:
        self._settings = settings
        self._name = name
        self._credentials = credentials
        self._clock = clock
        self._rng = rng
        self._budget = RequestBudget()
        self._known = TradesKnown(
            until_ms=None if trades_since_ns is None else trades_since_ns // NS_PER_MS
        )
        self._session: AccountSession | None = None
        self._connection = KeptConnection(
            settings,
            name=name,
            clock=clock,
            rng=rng,
            bans=bans,
            open_session=self._open_session,
        )
        self._wishes = AccountWishes(
            on_state=self._connection.set_state, on_problem=self._connection.note_problem
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
        """ "connecting", "live", "reconnecting", "maintenance" or "closed".

        Live only once logged in, subscribed, and with the whole account read.
        """
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
    def rights(self) -> str:
        """The key's scope as the venue told it at the last login; "" before the first."""
        return "" if self._session is None else self._session.scope

    def frames(self) -> AsyncGenerator[RawFrame, None]:
        """Every inbound message, answers included, secrets masked, until `close`. Read once.

        Nothing of an account is ever passed over: where the desk is slow the venue waits.
        """
        return self._connection.frames()

    async def close(self) -> None:
        """Close the socket and end `frames`. May be called again."""
        await self._connection.close()

    def _open_session(self, link: WsSession, queue: FrameQueue) -> AccountSession:
        self._session = AccountSession(
            self._settings,
            link,
            queue,
            name=self._name,
            clock=self._clock,
            budget=self._budget,
            rng=self._rng,
            credentials=self._credentials,
            known=self._known,
            wishes=self._wishes,
        )
        return self._session
