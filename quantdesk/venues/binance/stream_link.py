"""One of Binance's public sockets, kept for good: streams subscribed, watched, mended, replaced.

A connection ends after a day, may carry 200 streams and take 10 requests a second. A SUBSCRIBE is
confirmed even where it does nothing, so what is subscribed is asked for, not believed. Timers use
the event loop's monotonic clock.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from quantdesk.errors import ProtocolError, RateLimited, Transient, VenueError
from quantdesk.venues.binance.decode import decode
from quantdesk.venues.binance.settings import BinanceSettings
from quantdesk.venues.binance.streams import is_beating, is_replaceable
from quantdesk.venues.binance.usual import HEAD
from quantdesk.venues.binance.wire import Control, ControlFailure
from quantdesk.venues.decoding.ranges import safe_text
from quantdesk.venues.transport.backoff import Backoff
from quantdesk.venues.transport.first_cause import first_cause
from quantdesk.venues.transport.rate_limit import TokenBucket
from quantdesk.venues.transport.ws import CertificateRefused, WsSession

PUSH_HEAD = re.compile(rb'\{\s*"stream"\s*:\s*"([A-Za-z0-9!@_.\-]{1,96})"')
"""How a push begins: tells its stream without reading it."""

VERIFY_S = 60.0
"""How often the venue is asked which streams it thinks we have."""

REFUSED_RETRY_S = 30.0

PAUSE_UNNAMED_S = 300.0
"""How long a refused address stays away where the refusal does not say: the shortest ban has two
minutes."""

Emit = Callable[[bytes, bytes | None], Awaitable[None] | None]
"""Takes a payload, and the stream whose earlier payloads it replaces (None where none).

Gives what is to be waited for before the next, None where nothing is."""

STREAMS_SEEN_MAX = 4_096
"""Many times what a connection may carry; further names are looked at each time."""


class StreamLink:
    """One socket on one path.

    Parameters
    ----------
    url : address of the combined streams
    label : short name of the link in sentences, "market" or "public 2"
    emit : takes every inbound message, answers included
    on_push : told the stream and payload of each push, after `emit`
    on_open, on_up : told of a new connection, and when all its streams were asked for
    on_problem : told in a sentence what went wrong
    is_blocked : whether the desk, not the venue, is what keeps us waiting
    check_ban, note_ban : raise while the venue refuses this address; keep that it does
    rng : jitter of pauses and of a connection's age
    """

    def __init__(
        self,
        settings: BinanceSettings,
        *,
        url: str,
        label: str,
        emit: Emit,
        on_push: Callable[[str, bytes], None],
        on_open: Callable[[], None],
        on_up: Callable[[], None],
        on_problem: Callable[[str], None],
        is_blocked: Callable[[], bool],
        check_ban: Callable[[], None],
        note_ban: Callable[[float], None],
        rng: random.Random,
    ) -> None:
        self._settings = settings
        self._url = url
        self.label = label
        self._emit = emit
        self._on_push = on_push
        self._on_open = on_open
        self._on_up = on_up
        self._on_problem = on_problem
        self._is_blocked = is_blocked
        self._check_ban = check_ban
        self._note_ban = note_ban
        self._rng = rng
        self._backoff = Backoff(
            low_s=settings.backoff_low_s, high_s=settings.backoff_high_s, rng=rng
        )
        self._wanted: dict[str, None] = {}
        self._seen: dict[bytes, tuple[str, bytes | None]] = {}
        self._changed = asyncio.Event()
        self._number = 0
        self._forget_connection()
        self.is_up = False
        self.is_open = False
        self.connections = 0

    @property
    def granted(self) -> frozenset[str]:
        """Streams that the venue confirmed on the present connection."""
        return frozenset(self._granted)

    @property
    def missing_count(self) -> int:
        """Streams that the link is to carry and that the venue has not confirmed."""
        return sum(stream not in self._granted for stream in self._wanted)

    def want(self, streams: Sequence[str]) -> None:
        """Replace the wanted streams; the order is the order of asking."""
        wanted = dict.fromkeys(streams)
        if list(wanted) != list(self._wanted):
            self._wanted = wanted
            self._changed.set()

    def silent_streams(self, now_s: float) -> tuple[str, ...]:
        """Streams that should speak each second and have not for longer than they may."""
        limit_s = self._settings.stream_silence_s
        return tuple(
            stream
            for stream in self._granted
            if is_beating(stream) and now_s - self._heard.get(stream, self._opened_s) > limit_s
        )

    async def run(self) -> None:
        """Connect, work, pause, again. Ends only when cancelled or by ProtocolError."""
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
            finally:
                self.is_up = self.is_open = False
            await asyncio.sleep(pause_s)

    def _pause_after(self, error: VenueError) -> float:
        self._on_problem(f"{self.label}: {error}")
        if isinstance(error, CertificateRefused):
            self._backoff.jump_to_high()
        if isinstance(error, RateLimited):
            return self._backoff.next_pause_s(error.retry_after_s or PAUSE_UNNAMED_S)
        return self._backoff.next_pause_s()

    def _forget_connection(self) -> None:
        """Begin as a connection begins: nothing asked, granted or heard."""
        self._link: WsSession | None = None
        self._requests = TokenBucket(
            capacity=max(self._settings.messages_per_s, 1.0),
            refill_per_s=self._settings.messages_per_s,
        )
        self._asked: set[str] = set()
        self._granted: set[str] = set()
        self._refused_s: dict[str, float] = {}
        self._pending: dict[int, asyncio.Future[Control]] = {}
        self._heard: dict[str, float] = {}
        self._mended: set[str] = set()
        self._opened_s = self._heard_s = 0.0

    async def _work(self) -> None:
        """One connection from opening to end; always raises how it ended."""
        settings = self._settings
        try:
            link = await WsSession.connect(self._url, timeout_s=settings.connect_timeout_s)
        except RateLimited as error:
            self._note_ban(error.retry_after_s or PAUSE_UNNAMED_S)
            raise
        async with link:
            self._forget_connection()
            self._link = link
            self._opened_s = self._heard_s = asyncio.get_running_loop().time()
            self.connections += 1
            self.is_open = True
            self._on_open()
            self._changed.set()
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._read(link))
                    tasks.create_task(self._keep_subscribed())
                    tasks.create_task(self._watch())
                    tasks.create_task(self._verify_for_good())
                    tasks.create_task(self._grow_old())
            except BaseExceptionGroup as group:
                raise first_cause(group) from None

    async def _read(self, link: WsSession) -> None:
        await link.pass_on(self._pass)

    def _pass(self, payload: bytes) -> Awaitable[None] | None:
        """Hand a message on; what is to be waited for before the next."""
        self._heard_s = asyncio.get_running_loop().time()
        end = payload.find(b'"', len(HEAD)) if payload.startswith(HEAD) else -1
        seen = self._seen.get(payload[len(HEAD) : end]) if end > 0 else None
        if seen is None and (seen := self._look(payload)) is None:
            self._settle(payload)
            return self._emit(payload, None)
        stream, replaced = seen
        self._heard[stream] = self._heard_s
        waiting = self._emit(payload, replaced)
        self._on_push(stream, payload)
        return waiting

    def _look(self, payload: bytes) -> tuple[str, bytes | None] | None:
        """Of a stream that was not seen yet: its name, and as what a later push replaces it."""
        found = PUSH_HEAD.match(payload)
        if found is None:
            return None
        stream = found[1].decode()
        seen = (stream, found[1] if is_replaceable(stream) else None)
        if len(self._seen) < STREAMS_SEEN_MAX:
            self._seen[found[1]] = seen
        return seen

    def _settle(self, payload: bytes) -> None:
        """Hand an answer to whoever waits for it; nobody waits for one that came too late."""
        try:
            message = decode(payload)
        except ProtocolError:
            return  # counted where frames are decoded
        if isinstance(message, Control):
            waiting = self._pending.pop(message.id, None)
            if waiting is not None and not waiting.done():
                waiting.set_result(message)
        elif isinstance(message, ControlFailure):
            words = f"{message.code} {safe_text(message.message, 120)}"
            waiting = self._pending.pop(message.id, None) if message.id is not None else None
            if waiting is not None and not waiting.done():
                waiting.set_exception(_RequestRefused(words))
            else:
                self._on_problem(f"{self.label}: the venue says {words}")

    async def _ask(self, method: str, streams: Sequence[str] = ()) -> Control:
        """Send a request and give its answer.

        Raises Transient where none comes in time, _RequestRefused with the venue's words.
        """
        assert self._link is not None
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self._requests.reserve(1.0, loop.time()))
        self._number += 1
        number = self._number
        request: dict[str, object] = {"method": method, "id": number}
        if streams:
            request["params"] = list(streams)
        waiting: asyncio.Future[Control] = loop.create_future()
        self._pending[number] = waiting
        try:
            async with asyncio.timeout(self._settings.request_timeout_s):
                await self._link.send(msgspec.json.encode(request))
                return await waiting
        except TimeoutError as error:
            limit_s = self._settings.request_timeout_s
            raise Transient(f"no answer to {method} within {limit_s:g} s") from error
        finally:
            self._pending.pop(number, None)

    async def _keep_subscribed(self) -> None:
        """Make the subscriptions fit what is wanted, each time that this changes."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            surplus = [stream for stream in self._asked if stream not in self._wanted]
            for batch in self._batches(surplus):
                await self._ask_softly("UNSUBSCRIBE", batch)
                self._asked.difference_update(batch)
                self._granted.difference_update(batch)
            missing = [s for s in self._wanted if s not in self._asked]
            for batch in self._batches(missing):
                self._asked.update(batch)
                if await self._ask_softly("SUBSCRIBE", batch):
                    self._granted.update(batch)
                else:
                    now_s = asyncio.get_running_loop().time()
                    self._refused_s.update(dict.fromkeys(batch, now_s))
            self.is_up = True
            self._on_up()

    def _batches(self, streams: Sequence[str]) -> list[Sequence[str]]:
        size = self._settings.streams_per_request
        return [streams[first : first + size] for first in range(0, len(streams), size)]

    async def _ask_softly(self, method: str, streams: Sequence[str]) -> bool:
        """As `_ask`, but a refusal is told and gives False: the connection is worth more."""
        try:
            await self._ask(method, streams)
        except _RequestRefused as error:
            self._on_problem(
                f"{self.label}: {method} of {len(streams)} streams refused: {error},"
                f" {streams[0]} one of them"
            )
            return False
        return True

    async def _verify_for_good(self) -> None:
        """Ask which streams there are, and ask again for those that are not."""
        while True:
            await asyncio.sleep(VERIFY_S)
            await self._verify()
            now_s = asyncio.get_running_loop().time()
            due = [s for s, at_s in self._refused_s.items() if now_s - at_s >= REFUSED_RETRY_S]
            self._ask_again(due)

    async def _verify(self) -> None:
        asked = frozenset(self._granted)
        try:
            answer = await self._ask("LIST_SUBSCRIPTIONS")
        except _RequestRefused:
            return  # a sign of life all the same
        if answer.streams is None:
            return
        lost = sorted(asked.intersection(self._granted).difference(answer.streams))
        if lost:
            self._on_problem(
                f"{self.label}: {len(lost)} streams were lost, {lost[0]} one of them; asked again"
            )
            self._ask_again(lost)

    def _ask_again(self, streams: Sequence[str]) -> None:
        for stream in streams:
            self._asked.discard(stream)
            self._granted.discard(stream)
            self._refused_s.pop(stream, None)
        if streams:
            self._changed.set()

    async def _watch(self) -> None:
        """End the connection when it is silent and does not answer; mend streams that are."""
        probe_s = self._settings.probe_s
        loop = asyncio.get_running_loop()
        while True:
            step_s = min(probe_s, self._settings.stream_silence_s) / 4
            due_s = loop.time() + step_s
            await asyncio.sleep(step_s)
            if self._is_blocked() or loop.time() - due_s > step_s:
                # We did not read: the quiet is our own, not the venue's.
                self._heard_s = self._opened_s = loop.time()
                self._heard.clear()
                continue
            if loop.time() - self._heard_s >= probe_s:
                await self._probe()
            await self._mend_silent()

    async def _probe(self) -> None:
        """Ask for a sign of life; Transient where none comes."""
        probe_s = self._settings.probe_s
        try:
            async with asyncio.timeout(probe_s):
                await self._verify()
        except TimeoutError as error:
            raise Transient(f"nothing came for {2 * probe_s:g} s") from error

    async def _mend_silent(self) -> None:
        """Subscribe silent streams anew, once; a second silence ends the connection."""
        now_s = asyncio.get_running_loop().time()
        silent = self.silent_streams(now_s)
        again = [stream for stream in silent if stream in self._mended]
        if again:
            raise Transient(f"{again[0]} stays silent")
        if not silent:
            return
        self._on_problem(f"{self.label}: {silent[0]} fell silent; it is subscribed anew")
        self._mended.update(silent)
        await self._ask_softly("UNSUBSCRIBE", silent)
        self._ask_again(silent)
        for stream in silent:
            self._heard[stream] = now_s

    async def _grow_old(self) -> None:
        """End the connection before the venue does, not together with its siblings."""
        age_s = self._settings.connection_age_s
        await asyncio.sleep(age_s * (0.9 + 0.1 * self._rng.random()))
        raise Transient(f"replaced before its {age_s / 3600:.1f} h are over")


class _RequestRefused(VenueError):
    """The venue's error instead of an answer on a socket."""
