"""An account on one open connection: logs in, subscribes, reads all of it, and keeps it true.

Channels come first and the whole account after them, so that nothing falls between; the whole is
read again on a timer, after anything that could not be read, and after maintenance. Asks and
listens only: nothing here can send an order. Ends by raising the VenueError that ended it, or
ConfigError for a key that must not be used.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass

from quantdesk.domain.ports import Clock
from quantdesk.errors import Rejected
from quantdesk.venues.deribit.account_decode import (
    OPEN_ORDERS,
    POSITIONS,
    SUMMARIES,
    USER_TRADES,
)
from quantdesk.venues.deribit.account_wire import AccountSummary, UserTradesPage
from quantdesk.venues.deribit.auth import Login, unauthorised
from quantdesk.venues.deribit.budget import RequestBudget
from quantdesk.venues.deribit.line import UNAUTHORIZED, LineEvents, RpcLine
from quantdesk.venues.deribit.masking import Masker
from quantdesk.venues.deribit.requests import ParamValue
from quantdesk.venues.deribit.settings import DeribitSettings
from quantdesk.venues.deribit.signing import DeribitCredentials
from quantdesk.venues.deribit.wire import Answer, Notification, Platform
from quantdesk.venues.transport.first_cause import first_cause
from quantdesk.venues.transport.frame_queue import FrameQueue
from quantdesk.venues.transport.ws import WsSession

CHANNELS = (
    "user.portfolio.any",
    "user.orders.any.any.raw",
    "user.trades.any.any.raw",
    "user.changes.any.any.raw",
    "user.lock",
)
"""Orders and trades come twice, alone and with the positions they changed: consumers know both by
their ids, and one that is lost on the way costs nothing."""

PUBLIC_CHANNELS = ("platform_state",)

TRADES_PER_PAGE = 1_000
PAGES_MAX = 100
"""Of one currency's trades in one reading; more are left to the next one, and said so."""

TRADES_OVERLAP_MS = 60_000
"""Trades are read again from this long before the last one known: ids tell repeats apart."""

RECENT_MS = 24 * 3_600_000
"""The venue keeps the last day's trades apart from older ones, and no request spans both."""

RECENT_MARGIN_MS = 60_000

REREAD_GAP_S = 1.0
"""Messages that could not be read come in bursts; one reading answers all."""


@dataclass(slots=True)
class TradesKnown:
    """The venue's time up to which all trades were read, over all connections of a feed's life.

    A trade that is pushed does not move it: others before it may have been lost with a connection.
    """

    until_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountWishes:
    """Whom an account's session tells: as `session.MarketWishes`."""

    on_state: Callable[[str], None]
    on_problem: Callable[[str], None]


class AccountSession:
    """One open connection of an account.

    Parameters
    ----------
    link, queue, name, budget : as of `session.MarketSession`
    known : up to when trades are known; moved on as they come
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
        credentials: DeribitCredentials,
        known: TradesKnown,
        wishes: AccountWishes,
    ) -> None:
        self._settings = settings
        self._wishes = wishes
        self._known = known
        self._reread_asked = asyncio.Event()
        self._line = RpcLine(
            settings,
            link,
            queue,
            name=name,
            clock=clock,
            budget=budget,
            masker=Masker(credentials.client_id, credentials.client_secret),
            events=LineEvents(
                on_push=self._act_on,
                on_problem=wishes.on_problem,
                on_unread=self._reread_asked.set,
            ),
        )
        self._login = Login(settings, self._line, credentials, rng=rng)

    @property
    def scope(self) -> str:
        """What the venue says that the key may do; "" before the login."""
        return self._login.scope

    async def run(self) -> None:
        """Work until the connection ends. Always raises what ended it."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._line.read())
                tasks.create_task(self._line.watch_silence())
                tasks.create_task(self._keep())
        except BaseExceptionGroup as group:
            raise first_cause(group) from None

    async def _keep(self) -> None:
        await self._line.introduce()
        await self._login.enter()
        await self._subscribe()
        await self._read_account()
        self._wishes.on_state("live")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._line.poll_clock())
            tasks.create_task(self._login.stay())
            tasks.create_task(self._reread_for_good())

    def _act_on(self, push: Notification) -> None:
        match push.data:
            case Platform(maintenance=bool() as is_maintenance):
                self._wishes.on_state("maintenance" if is_maintenance else "live")
                if not is_maintenance:
                    self._reread_asked.set()

    async def _subscribe(self) -> None:
        """Subscribe to the account; channels that are refused are named, the rest goes on."""
        refused: list[str] = []
        for method, channels in (
            ("public/subscribe", PUBLIC_CHANNELS),
            ("private/subscribe", CHANNELS),
        ):
            answer = await self._ask_as_member(method, channels=channels)
            granted = answer.channels if answer is not None else ()
            refused += [channel for channel in channels if channel not in granted]
        if refused:
            self._wishes.on_problem(
                f"{len(refused)} channels refused by the venue, {min(refused)} one of them;"
                " the account is read on a timer instead"
            )

    async def _reread_for_good(self) -> None:
        """Read the whole account on a timer and when something was missed."""
        while True:
            try:
                async with asyncio.timeout(self._settings.account_poll_s):
                    await self._reread_asked.wait()
                await asyncio.sleep(REREAD_GAP_S)
            except TimeoutError:
                pass
            self._reread_asked.clear()
            await self._read_account()

    async def _read_account(self) -> None:
        """Money, positions, open orders, and the trades since the last that is known."""
        summaries = await self._ask_as_member(SUMMARIES, extended=False)
        await self._ask_as_member(POSITIONS, currency="any")
        await self._ask_as_member(OPEN_ORDERS)
        found = summaries.account if summaries is not None else None
        currencies = [
            each.currency
            for each in (found if isinstance(found, tuple) else ())
            if isinstance(each, AccountSummary)
        ]
        await self._read_trades(currencies)

    async def _read_trades(self, currencies: list[str]) -> None:
        now_ms = self._line.venue_ms()
        recent_ms = now_ms - RECENT_MS + RECENT_MARGIN_MS
        since_ms = recent_ms
        if self._known.until_ms is not None:
            since_ms = self._known.until_ms - TRADES_OVERLAP_MS
        is_whole = bool(currencies)
        for currency in currencies:
            if since_ms < recent_ms:
                is_whole &= await self._read_pages(
                    currency, since_ms, recent_ms, is_historical=True
                )
            first_ms, last_ms = max(since_ms, recent_ms), now_ms + RECENT_MARGIN_MS
            is_whole &= await self._read_pages(currency, first_ms, last_ms, is_historical=False)
        if is_whole:
            self._known.until_ms = now_ms

    async def _read_pages(
        self, currency: str, start_ms: int, end_ms: int, *, is_historical: bool
    ) -> bool:
        """Ask for all trades of a currency between two instants; whether all were read."""
        for _ in range(PAGES_MAX):
            answer = await self._ask_as_member(
                USER_TRADES,
                currency,
                currency=currency,
                start_timestamp=start_ms,
                end_timestamp=end_ms,
                count=TRADES_PER_PAGE,
                sorting="asc",
                historical=is_historical,
            )
            page = answer.account if answer is not None else None
            if not isinstance(page, UserTradesPage):
                return False
            if not page.has_more or not page.trades:
                return True
            # The next page begins at the last instant of this one: others may share it.
            last_ms = max(trade.timestamp for trade in page.trades)
            if last_ms <= start_ms:
                break
            start_ms = last_ms
        self._wishes.on_problem(f"more trades in {currency} than can be paged through")
        return False

    async def _ask_as_member(
        self, method: str, detail: str = "", **params: ParamValue
    ) -> Answer | None:
        """Ask; a refusal is noted and gives None.

        A token that is not taken is replaced once; after that raises Transient.
        """
        for is_last in (False, True):
            try:
                return await self._line.ask(method, detail, **params)
            except Rejected as error:
                if error.code != UNAUTHORIZED:
                    self._wishes.on_problem(f"{method} {detail}".rstrip() + f": {error}")
                    return None
                if is_last:
                    raise unauthorised(error) from error
                await self._login.enter()
        raise AssertionError("the loop returns or raises")
