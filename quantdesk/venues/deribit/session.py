"""One connection to Deribit from its opening to its end: asks, subscribes, answers, watches.

Ends by raising the VenueError that ended it; `feed` decides what comes next. Timers use the event
loop's monotonic clock, stamps the clock handed in.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence

from quantdesk.domain.events import RawFrame
from quantdesk.domain.instrument import InstrumentKind
from quantdesk.domain.ports import Clock
from quantdesk.errors import ProtocolError, RateLimited, Rejected, Transient, VenueError
from quantdesk.venues.deribit.budget import RequestBudget
from quantdesk.venues.deribit.decode import decode
from quantdesk.venues.deribit.instruments import VENUE, listed_instruments
from quantdesk.venues.deribit.ranges import safe_text
from quantdesk.venues.deribit.requests import ParamValue, channel_batches, request, request_id
from quantdesk.venues.deribit.settings import DeribitSettings
from quantdesk.venues.deribit.subscriptions import Subscriptions
from quantdesk.venues.deribit.wire import (
    Answer,
    Failure,
    Heartbeat,
    InstrumentRecord,
    InstrumentState,
    Message,
    Notification,
    Platform,
    Ticker,
)
from quantdesk.venues.transport.frame_queue import FrameQueue
from quantdesk.venues.transport.ws import WsSession

TICKER_PUSH = re.compile(
    rb'\{"jsonrpc":"2\.0","method":"subscription","params":\{"channel":"(ticker\.[\w.\-]{1,96})"'
)
"""How a ticker begins as the venue writes it: tells the channel without reading the frame."""

TOO_MANY_REQUESTS = 10028
TRANSIENT_CODES = frozenset({10040, 10041, 10047, 11051, 13028})
MAINTENANCE_CODE = 11051

CREATIONS = "instrument.creation"
"""A channel of 2026 that a venue may not have yet; the timed list brings new instruments too."""

_KIND_WORDS = {
    InstrumentKind.OPTION: "option",
    InstrumentKind.FUTURE: "future",
    InstrumentKind.PERPETUAL: "future",
    InstrumentKind.SPOT: "spot",
    InstrumentKind.OPTION_COMBO: "option_combo",
    InstrumentKind.FUTURE_COMBO: "future_combo",
}


class DeribitSession:
    """One open connection.

    Parameters
    ----------
    link : the open socket
    queue : where every inbound message goes, answers included
    name : connection name for the frames
    underlyings : "BTC" for a coin's own options, "BTC_USDC" for the linear ones
    budget : request credits, shared by all connections of a feed's life
    on_state : told "live" or "maintenance"
    on_problem : told in a sentence what went wrong without ending the connection
    """

    def __init__(
        self,
        settings: DeribitSettings,
        link: WsSession,
        queue: FrameQueue,
        *,
        name: str,
        underlyings: Sequence[str],
        clock: Clock,
        budget: RequestBudget,
        on_state: Callable[[str], None],
        on_problem: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._link = link
        self._queue = queue
        self._name = name
        self._underlyings = tuple(underlyings)
        self._clock = clock
        self._budget = budget
        self._on_state = on_state
        self._on_problem = on_problem
        self._loop = asyncio.get_running_loop()
        self._heard_s = self._loop.time()
        self._number = 0
        self._pending: dict[str, asyncio.Future[Answer]] = {}
        self._relist_asked = asyncio.Event()
        self._listed: dict[str, tuple[str, ...]] = {}
        self._is_list_owed = False
        self.subscriptions = Subscriptions()

    async def run(self) -> None:
        """Work until the connection ends. Always raises: VenueError says how it ended."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._read())
                tasks.create_task(self._watch_silence())
                tasks.create_task(self._keep())
        except BaseExceptionGroup as group:
            raise _first_cause(group) from None

    async def _read(self) -> None:
        """Take every message: answer what must be answered, pass all on."""
        async for payload in self._link.frames():
            self._heard_s = self._loop.time()
            frame = RawFrame(
                venue=VENUE,
                connection=self._name,
                recv_ns=self._clock.now_ns(),
                payload=payload,
            )
            found = TICKER_PUSH.match(payload)
            channel = found[1] if found is not None else await self._take(payload)
            await self._queue.put(frame, channel)

    async def _take(self, payload: bytes) -> bytes | None:
        """Act on a message that may be meant for us; its channel if it is a ticker."""
        try:
            message = decode(payload)
        except ProtocolError:
            # Passed on like any other: it is counted where frames are decoded.
            return None
        if isinstance(message, Notification) and isinstance(message.data, Ticker):
            return message.channel.encode()
        await self._act_on(message)
        return None

    async def _act_on(self, message: Message) -> None:
        match message:
            case Heartbeat(is_test_request=True):
                await self._send(self._next_id("public/test", ""), "public/test", {})
            case Answer() | Failure():
                self._settle(message)
            case Notification(data=InstrumentState() | InstrumentRecord()):
                self._relist_asked.set()
            case Notification(data=Platform(maintenance=bool() as is_maintenance)):
                self._on_state("maintenance" if is_maintenance else "live")
                self._relist_asked.set()

    def _settle(self, message: Answer | Failure) -> None:
        """Hand an answer to whoever waits for it; nobody waits for one that came too late."""
        waiting = self._pending.pop(message.request_id or "", None)
        if waiting is None or waiting.done():
            if isinstance(message, Failure):
                self._on_problem(f"the venue says {message.code} {message.message}")
            return
        if isinstance(message, Answer):
            waiting.set_result(message)
        else:
            waiting.set_exception(_error_of(message))

    def _next_id(self, method: str, detail: str) -> str:
        self._number += 1
        return request_id(method, detail, self._number)

    async def _send(self, id_text: str, method: str, params: Mapping[str, ParamValue]) -> None:
        try:
            async with asyncio.timeout(self._settings.request_timeout_s):
                await self._link.send(request(id_text, method, params))
        except TimeoutError as error:
            raise Transient(f"{method} could not be sent: the venue does not read") from error

    async def _ask(self, method: str, detail: str = "", **params: ParamValue) -> Answer:
        """Send a request and give its answer.

        Raises Transient without an answer in time, RateLimited, or Rejected with the venue's code.
        """
        pause_s = self._budget.reserve(method, self._loop.time())
        if pause_s > 0:
            await asyncio.sleep(pause_s)
        id_text = self._next_id(method, detail)
        waiting: asyncio.Future[Answer] = self._loop.create_future()
        self._pending[id_text] = waiting
        try:
            await self._send(id_text, method, params)
            async with asyncio.timeout(self._settings.request_timeout_s):
                return await waiting
        except TimeoutError as error:
            limit_s = self._settings.request_timeout_s
            raise Transient(f"no answer to {method} within {limit_s:g} s") from error
        finally:
            self._pending.pop(id_text, None)

    async def _ask_softly(
        self, method: str, detail: str = "", **params: ParamValue
    ) -> Answer | None:
        """As `_ask`, but a refusal is noted and gives None: the connection is worth more."""
        try:
            return await self._ask(method, detail, **params)
        except Rejected as error:
            self._on_problem(f"{method} {detail}".rstrip() + f": {error}")
            return None

    async def _keep(self) -> None:
        """Introduce ourselves, subscribe, then keep lists and clock fresh for good."""
        settings = self._settings
        await self._ask_softly("public/hello", client_name="quantdesk", client_version="1")
        await self._ask_softly("public/set_heartbeat", interval=settings.heartbeat_s)
        await self._ask_softly("public/get_time")
        await self._relist()
        self._on_state("live")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._poll_time())
            tasks.create_task(self._relist_for_good())
            tasks.create_task(self._retry_refused())

    async def _poll_time(self) -> None:
        while True:
            await asyncio.sleep(self._settings.time_poll_s)
            await self._ask_softly("public/get_time")

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
                await self._subscribe_missing()

    async def _relist(self) -> None:
        """Fetch the lists, then make the subscriptions fit them."""
        self._is_list_owed = False
        channels = ["platform_state"]
        for underlying in self._underlyings:
            channels += await self._channels_of(underlying)
        self.subscriptions.want(channels)
        await self._unsubscribe_surplus()
        await self._subscribe_missing()

    async def _channels_of(self, underlying: str) -> tuple[str, ...]:
        """Channels of `underlying` as listed now; as listed last where the list can not be had."""
        settings = self._settings
        coin, _, quote = underlying.partition("_")
        currency = quote or coin
        params: dict[str, ParamValue] = {"currency": currency, "expired": False}
        if len(settings.kinds) == 1:
            params["kind"] = settings.kinds[0]
        try:
            answer = await self._ask("public/get_instruments", underlying, **params)
            instruments, _ = listed_instruments(answer.records, underlying)
        except (Rejected, ProtocolError) as error:
            self._is_list_owed = True
            self._on_problem(f"list of {underlying}: {error}")
            return self._listed.get(underlying, ())
        wanted = [i for i in instruments if _KIND_WORDS[i.kind] in settings.kinds]
        own_index = f"{coin}_{quote or 'usd'}".lower()
        indices = dict.fromkeys([own_index, *(i.index_name for i in wanted)])
        self._listed[underlying] = (
            f"instrument.state.any.{currency}",
            f"{CREATIONS}.any.{currency}",
            *(f"deribit_price_index.{index}" for index in indices),
            *(f"ticker.{i.name}.{settings.ticker_interval}" for i in wanted),
        )
        return self._listed[underlying]

    async def _subscribe_missing(self) -> None:
        missing = self.subscriptions.missing()
        for batch in channel_batches(missing, per_request=self._settings.channels_per_request):
            answer = await self._ask_softly("public/subscribe", channels=batch)
            self.subscriptions.note_granted(batch, answer.channels if answer is not None else ())
        if refused := [c for c in self.subscriptions.refused if not c.startswith(CREATIONS)]:
            self._on_problem(
                f"{len(refused)} channels refused by the venue, {min(refused)} one of them"
            )

    async def _unsubscribe_surplus(self) -> None:
        surplus = self.subscriptions.surplus()
        for batch in channel_batches(surplus, per_request=self._settings.channels_per_request):
            await self._ask_softly("public/unsubscribe", channels=batch)
            self.subscriptions.note_left(batch)

    async def _watch_silence(self) -> None:
        """End the connection when nothing came for longer than the venue is ever quiet."""
        limit_s = self._settings.silence_limit_s
        while True:
            due_s = self._heard_s + limit_s
            await asyncio.sleep(max(due_s - self._loop.time(), 0.0))
            late_s = self._loop.time() - max(due_s, self._heard_s)
            if self._queue.is_blocked or late_s > self._settings.silence_margin_s:
                # We did not read: the quiet is our own, not the venue's.
                self._heard_s = self._loop.time()
            elif self._heard_s + limit_s <= self._loop.time():
                raise Transient(f"nothing came for {limit_s:g} s")


def _error_of(failure: Failure) -> VenueError:
    """The venue's error as one of ours, by whether trying again can help."""
    message = safe_text(failure.message, 120)
    if failure.code == TOO_MANY_REQUESTS:
        return RateLimited(f"venue error {failure.code}: {message}")
    if failure.code == MAINTENANCE_CODE:
        return UnderMaintenance(f"venue error {failure.code}: {message}")
    if failure.code in TRANSIENT_CODES:
        return Transient(f"venue error {failure.code}: {message}")
    return Rejected(failure.code, message)


class UnderMaintenance(Transient):
    """The venue is closed for work on it and says so."""


def _first_cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first plain exception of nested groups; a bug before a venue's fault."""
    plain = [
        _first_cause(error) if isinstance(error, BaseExceptionGroup) else error
        for error in group.exceptions
    ]
    return next((e for e in plain if not isinstance(e, VenueError)), plain[0])
