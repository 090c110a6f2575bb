"""One open connection to Deribit as requests, answers and pushes. Knows no channel by its meaning.

Every inbound message goes to the queue, with secrets masked; on the way, answers reach whoever
asked, heartbeats are answered, and pushes are shown to the session. Timers use the event loop's
monotonic clock, stamps the clock handed in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from quantdesk.domain.events import RawFrame
from quantdesk.domain.ports import Clock
from quantdesk.domain.quick import quick
from quantdesk.errors import ProtocolError, RateLimited, Rejected, Transient, VenueError
from quantdesk.venues.decoding.ranges import NS_PER_MS, safe_text
from quantdesk.venues.deribit.account_wire import AuthGrant
from quantdesk.venues.deribit.budget import RequestBudget
from quantdesk.venues.deribit.decode import decode
from quantdesk.venues.deribit.instruments import VENUE
from quantdesk.venues.deribit.masking import Masker
from quantdesk.venues.deribit.requests import ParamValue, request, request_id
from quantdesk.venues.deribit.settings import DeribitSettings
from quantdesk.venues.deribit.wire import (
    Answer,
    Failure,
    Heartbeat,
    Message,
    Notification,
)
from quantdesk.venues.transport.frame_queue import FrameQueue
from quantdesk.venues.transport.venue_clock import VenueOffset
from quantdesk.venues.transport.ws import WsSession

FRAMES_PER_TURN = 256
FRAMES_IN_BACKLOG = 64
BACKLOG = 1_024
"""A socket can have hundreds of frames ready at once. The desk takes 256 in its turn: so that it
keeps up with a burst that it has the power for, we read no more in ours, and less while it lags."""

TOO_MANY_REQUESTS = 10028
UNAUTHORIZED = 13009
TRANSIENT_CODES = frozenset({10040, 10041, 10047, 11051, 13028})
MAINTENANCE_CODE = 11051


_make_frame = quick(RawFrame)


class UnderMaintenance(Transient):
    """The venue is closed for work on it and says so."""


class Glance(NamedTuple):
    """What a session says of a push without reading all of it.

    channel : what a later frame replaces in a full queue, or continues
    is_chained : whether it continues it
    """

    channel: bytes
    is_chained: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LineEvents:
    """What a session wants to hear of its line.

    on_push : each push that was read
    on_unread : a message that could not be read
    on_problem : in a sentence, what went wrong without ending the connection
    on_broken : channels of chains that lost frames to a full queue
    glance : a push that need not be read, by its bytes and the loop's clock; None for one that
        has to be
    """

    on_push: Callable[[Notification], None]
    on_problem: Callable[[str], None]
    on_unread: Callable[[], None] = lambda: None
    on_broken: Callable[[frozenset[bytes]], None] = lambda _: None
    glance: Callable[[bytes, float], Glance | None] = lambda _payload, _now_s: None


class RpcLine:
    """One open connection.

    Parameters
    ----------
    link : the open socket
    queue : where every inbound message goes, answers included
    name : connection name for the frames
    budget : request credits, shared by all connections of a feed's life
    masker : takes secrets out of what goes to the queue; None where there are none
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
        events: LineEvents,
        masker: Masker | None = None,
    ) -> None:
        self._settings = settings
        self._link = link
        self._queue = queue
        self._name = name
        self._clock = clock
        self._budget = budget
        self._events = events
        self._masker = masker
        self._loop = asyncio.get_running_loop()
        self._heard_s = self._loop.time()
        self._number = 0
        self._in_turn = 0
        self._pending: dict[str, asyncio.Future[Answer]] = {}
        self.offset = VenueOffset()

    async def read(self) -> None:
        """Take every message until the connection ends: answer what must be, pass all on."""
        await self._link.pass_on(self._pass)

    def _pass(self, payload: bytes) -> Awaitable[None] | None:
        """Put a push that need not be read on the queue; what else is to be done, to be awaited."""
        now_s = self._heard_s = self._loop.time()
        recv_ns = self._clock.now_ns()
        seen = self._events.glance(payload, now_s)
        if seen is None or self._masker is not None:
            return self._pass_slowly(payload, recv_ns, seen)
        frame = _make_frame(VENUE, self._name, recv_ns, payload)
        queue = self._queue
        if not queue.offer(frame, seen.channel, seen.is_chained):
            return self._put(frame, seen)
        return asyncio.sleep(0) if self._is_turn_over() else None

    async def _pass_slowly(self, payload: bytes, recv_ns: int, seen: Glance | None) -> None:
        if seen is None:
            await self._take(payload)
        # After it was read, since an answer may hold the very tokens to be masked.
        shown = payload if self._masker is None else self._masker.masked(payload)
        frame = RawFrame(venue=VENUE, connection=self._name, recv_ns=recv_ns, payload=shown)
        await self._put(frame, seen)

    async def _put(self, frame: RawFrame, seen: Glance | None) -> None:
        if seen is None:
            await self._queue.put(frame, None)
        else:
            await self._queue.put(frame, seen.channel, is_chained=seen.is_chained)
        if self._queue.broken:
            self._events.on_broken(frozenset(self._queue.broken))
            self._queue.broken.clear()
        if self._is_turn_over():
            await asyncio.sleep(0)

    def _is_turn_over(self) -> bool:
        """Whether the desk is to have its turn before another frame is read."""
        self._in_turn += 1
        if self._in_turn < FRAMES_IN_BACKLOG or (
            self._in_turn < FRAMES_PER_TURN and len(self._queue) < BACKLOG
        ):
            return False
        self._in_turn = 0
        return True

    async def watch_silence(self) -> None:
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

    async def ask(self, method: str, detail: str = "", **params: ParamValue) -> Answer:
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

    async def ask_softly(
        self, method: str, detail: str = "", **params: ParamValue
    ) -> Answer | None:
        """As `ask`, but a refusal is noted and gives None: the connection is worth more."""
        try:
            return await self.ask(method, detail, **params)
        except Rejected as error:
            self._events.on_problem(f"{method} {detail}".rstrip() + f": {error}")
            return None

    async def introduce(self) -> None:
        """Say who we are, ask for heartbeats, and measure the venue's clock."""
        await self.ask_softly("public/hello", client_name="quantdesk", client_version="1")
        await self.ask_softly("public/set_heartbeat", interval=self._settings.heartbeat_s)
        await self.measure_clock()

    async def poll_clock(self) -> None:
        """Measure the venue's clock for good; its answers are signs of life too."""
        while True:
            await asyncio.sleep(self._settings.time_poll_s)
            await self.measure_clock()

    async def measure_clock(self) -> None:
        """Ask the venue's clock and note how far it is from ours."""
        sent_ns = self._clock.now_ns()
        answer = await self.ask_softly("public/get_time")
        if answer is not None and answer.time_ms is not None:
            recv_ns = self._clock.now_ns()
            venue_ns = answer.time_ms * NS_PER_MS
            self.offset.note(sent_ns=sent_ns, venue_ns=venue_ns, recv_ns=recv_ns)

    def venue_ms(self) -> int:
        """The venue's clock now, ours where it was never measured; milliseconds."""
        now_ns = self._clock.now_ns()
        venue_ns = self.offset.venue_ns(now_ns)
        return (now_ns if venue_ns is None else venue_ns) // NS_PER_MS

    async def _take(self, payload: bytes) -> None:
        """Act on a message that may be meant for us."""
        try:
            message = decode(payload)
        except ProtocolError:
            # Passed on like any other: it is counted where frames are decoded.
            self._events.on_unread()
            return
        await self._act_on(message)

    async def _act_on(self, message: Message) -> None:
        match message:
            case Heartbeat(is_test_request=True):
                await self._send(self._next_id("public/test", ""), "public/test", {})
            case Answer() | Failure():
                self._settle(message)
            case Notification():
                self._events.on_push(message)

    def _settle(self, message: Answer | Failure) -> None:
        """Hand an answer to whoever waits for it; nobody waits for one that came too late."""
        if self._masker is not None and isinstance(message, Answer):
            grant = message.account
            if isinstance(grant, AuthGrant):
                # Known before anything that could repeat them is passed on.
                self._masker.learn(grant.access_token, grant.refresh_token)
        waiting = self._pending.pop(message.request_id or "", None)
        if waiting is None or waiting.done():
            if isinstance(message, Failure):
                self._events.on_problem(f"the venue says {message.code} {message.message}")
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
