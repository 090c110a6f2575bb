"""Questions to Binance over REST: within the weight allowed, never under a ban, each answer kept.

Every answer goes out as a frame before it is judged. A refusal is raised as the error that says
whether, and when, asking again can help.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from quantdesk.domain.ports import BanStore, Clock
from quantdesk.domain.secret import MASK, Secret
from quantdesk.errors import (
    InvalidInput,
    RateLimited,
    Rejected,
    StorageError,
    Transient,
    VenueError,
)
from quantdesk.venues.binance.envelope import SECRET_PATHS, envelop
from quantdesk.venues.binance.settings import BinanceSettings
from quantdesk.venues.binance.signing import KEY_HEADER, encoded_query, signed_query
from quantdesk.venues.binance.weight import WeightBudget, weight_of
from quantdesk.venues.binance.wire import ErrorBody, ServerTime
from quantdesk.venues.decoding.ranges import MS_HIGHEST, MS_LOWEST, safe_text
from quantdesk.venues.transport.rest import HttpAnswer, RestSession
from quantdesk.venues.transport.venue_clock import NS_PER_MS, VenueOffset

NS_PER_S = 1_000_000_000

HTTP_OK = 200
FIREWALL = 403
BANNED = 418
TOO_MANY_REQUESTS = 429

PAUSE_UNNAMED_S = {TOO_MANY_REQUESTS: 60.0, BANNED: 300.0, FIREWALL: 300.0}
"""How long to stay away where the answer does not say: a minute's window, or longer than the
shortest ban (2 minutes)."""

BAN_S_MAX = 3 * 86_400.0
"""The venue's longest ban; a stored end beyond it comes from a clock that was wrong."""

TOO_MANY_CODE = -1003
CLOCK_CODE = -1021
TRANSIENT_CODES = frozenset({-1000, -1001, -1006, -1007, -1008, -1016})

_BANNED_UNTIL = re.compile(r"banned until ([0-9]{13})")
_ERROR = msgspec.json.Decoder(ErrorBody)
_TIME = msgspec.json.Decoder(ServerTime)

Emit = Callable[[bytes], Awaitable[None]]


class Banned(RateLimited):
    """The venue refuses this address for a while; nothing may be sent until then."""


class ClockRefused(Transient):
    """The venue holds our timestamp for wrong; its clock has to be measured again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """An API key with its secret; both are masked wherever they are shown."""

    key: Secret
    secret: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """One request: `sent_query` is what goes out, `query` what it asks, without what signs it."""

    method: str
    name: str
    query: str = ""
    sent_query: str = field(default="", repr=False)
    headers: Mapping[str, Secret] = field(default_factory=dict)
    coins: Sequence[str] = ()

    @property
    def path(self) -> str:
        return f"/eapi/v1/{self.name}"


class BinanceRest:
    """One address's REST interface.

    Parameters
    ----------
    emit : takes the frame of each answer, before it is judged
    on_problem : told in a sentence what went wrong without failing a question
    bans : where the end of a ban is kept
    budget : request weight, shared by all that ask from here
    credentials : for private questions; None asks public ones only
    """

    def __init__(
        self,
        settings: BinanceSettings,
        *,
        clock: Clock,
        bans: BanStore,
        budget: WeightBudget,
        emit: Emit,
        on_problem: Callable[[str], None],
        credentials: Credentials | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._bans = bans
        self._budget = budget
        self._emit = emit
        self._on_problem = on_problem
        self._credentials = credentials
        self._banned_until_ns = 0
        self._link = RestSession(settings.rest_base, timeout_s=settings.request_timeout_s)
        self.offset = VenueOffset()

    async def close(self) -> None:
        """Close the connections."""
        await self._link.close()

    def check_ban(self) -> None:
        """Raise Banned, with the seconds left, while the venue refuses this address."""
        kept_ns = self._bans.banned_until_ns(self._settings.host) or 0
        left_s = (max(kept_ns, self._banned_until_ns) - self._clock.now_ns()) / NS_PER_S
        if 0 < left_s <= BAN_S_MAX:
            raise Banned(f"{self._settings.host} refuses this address for {left_s:.0f} s", left_s)

    def note_ban(self, pause_s: float) -> None:
        """Keep away from the address for `pause_s`, also after a restart.

        Where the end can not be stored it is kept until this process ends, and told.
        """
        until_ns = self._clock.now_ns() + int(min(pause_s, BAN_S_MAX) * NS_PER_S)
        self._banned_until_ns = max(self._banned_until_ns, until_ns)
        try:
            self._bans.note_ban(self._settings.host, until_ns)
        except StorageError as error:
            self._on_problem(f"the ban's end is not kept for a restart: {error}")

    async def measure_clock(self) -> None:
        """Ask the venue's clock and note how far it is from ours."""
        await self._spend("GET", "time")
        sent_ns = self._clock.now_ns()
        body = await self._exchange(_Question(method="GET", name="time"))
        recv_ns = self._clock.now_ns()
        try:
            venue_ms = _TIME.decode(body).server_time
        except msgspec.DecodeError as error:
            raise Transient("GET time: the answer is no time") from error
        if not MS_LOWEST <= venue_ms <= MS_HIGHEST:
            raise Transient(f"GET time: {venue_ms} is no time in milliseconds")
        self.offset.note(sent_ns=sent_ns, venue_ns=venue_ms * NS_PER_MS, recv_ns=recv_ns)

    async def ask(
        self, name: str, params: Mapping[str, str] | None = None, *, coins: Sequence[str] = ()
    ) -> bytes:
        """Body of GET `/eapi/v1/<name>`; `coins` say for whom the answer is to be read.

        Raises Banned, RateLimited, Transient, Rejected or ProtocolError.
        """
        query = encoded_query(params or {})
        await self._spend("GET", name)
        return await self._exchange(
            _Question(method="GET", name=name, query=query, sent_query=query, coins=coins)
        )

    async def ask_privately(
        self, name: str, params: Mapping[str, str] | None = None, *, coins: Sequence[str] = ()
    ) -> bytes:
        """As `ask`, signed. The venue's clock is measured first where it is not known.

        A timestamp that the venue refuses is mended once; raises ClockRefused after that.
        """
        try:
            return await self._ask_signed(name, params or {}, coins)
        except ClockRefused:
            self.offset.forget()
            return await self._ask_signed(name, params or {}, coins)

    async def touch_listen_key(self, method: str) -> bytes:
        """POST, PUT or DELETE of the listen key, which take the key alone. Makes no frame."""
        headers = {KEY_HEADER: self._known_credentials().key}
        await self._spend(method, "listenKey")
        return await self._exchange(_Question(method=method, name="listenKey", headers=headers))

    async def _ask_signed(
        self, name: str, params: Mapping[str, str], coins: Sequence[str]
    ) -> bytes:
        credentials = self._known_credentials()
        if self.offset.offset_ns is None:
            await self.measure_clock()
        await self._spend("GET", name)
        timestamp_ms = self.offset.venue_ms(self._clock.now_ns())
        assert timestamp_ms is not None
        signed = signed_query(
            params,
            secret=credentials.secret,
            timestamp_ms=timestamp_ms,
            recv_window_ms=self._settings.recv_window_ms,
        )
        return await self._exchange(
            _Question(
                method="GET",
                name=name,
                query=encoded_query(params),
                sent_query=signed,
                headers={KEY_HEADER: credentials.key},
                coins=coins,
            )
        )

    def _known_credentials(self) -> Credentials:
        if self._credentials is None:
            raise InvalidInput("credentials", None, "are needed for a private question")
        return self._credentials

    async def _spend(self, method: str, name: str) -> None:
        """Wait until the weight of a question is there; never under a ban."""
        self.check_ban()
        loop = asyncio.get_running_loop()
        weight = weight_of(method, name)
        # The budget says how long to wait; no event could say it.
        while pause_s := self._budget.pause_s(weight, loop.time()):  # noqa: ASYNC110
            await asyncio.sleep(pause_s)
        self.check_ban()

    async def _exchange(self, question: _Question) -> bytes:
        """Send `question`, keep the answer, and give its body or raise what it means."""
        asked_ms = self.offset.venue_ms(self._clock.now_ns())
        answer = await self._link.request(
            question.method, question.path, question.sent_query, headers=question.headers
        )
        answer = replace(answer, body=self._masked(answer.body, question))
        used = answer.headers.get("x-mbx-used-weight-1m", "")
        if used.isascii() and used.isdigit() and len(used) <= 9:
            self._budget.note_used(int(used), asyncio.get_running_loop().time())
        if question.path not in SECRET_PATHS:
            await self._emit(
                envelop(
                    method=question.method,
                    path=question.path,
                    query=question.query,
                    status=answer.status,
                    asked_ms=asked_ms,
                    body=answer.body,
                    coins=question.coins,
                )
            )
        if answer.status == HTTP_OK:
            return answer.body
        raise self._error_of(f"{question.method} {question.path}", answer)

    def _masked(self, body: bytes, question: _Question) -> bytes:
        """`body` without what proves who we are: a proxy's page may quote the whole request."""
        hidden = [question.sent_query.rpartition("&signature=")[2]] if question.headers else []
        if self._credentials is not None:
            hidden += [self._credentials.key.reveal(), self._credentials.secret.reveal()]
        for text in filter(None, hidden):
            body = body.replace(text.encode(), MASK.encode())
        return body

    def _error_of(self, asked: str, answer: HttpAnswer) -> VenueError:
        """A refusal as one of our errors; one that asks for a pause is kept as a ban."""
        code, words = _refusal(answer.body)
        shown = f"{asked}: HTTP {answer.status}"
        shown += f", {code} {safe_text(words, 120)}" if code is not None else ""
        if answer.status in PAUSE_UNNAMED_S or code == TOO_MANY_CODE:
            pause_s = self._pause_asked_s(answer, words)
            self.note_ban(pause_s)
            return Banned(f"{shown}; nothing is sent for {pause_s:.0f} s", pause_s)
        if code == CLOCK_CODE:
            return ClockRefused(shown)
        if answer.status >= 500 or code is None or code in TRANSIENT_CODES:
            return Transient(shown)
        return Rejected(code, f"{asked}: {safe_text(words, 120)}")

    def _pause_asked_s(self, answer: HttpAnswer, words: str) -> float:
        """Seconds to stay away: Retry-After, else the end that the text names, else our own."""
        if answer.retry_after_s is not None:
            return max(answer.retry_after_s, 1.0)
        named = _BANNED_UNTIL.search(words)
        venue_ms = self.offset.venue_ms(self._clock.now_ns())
        if named is not None and venue_ms is not None:
            return min(max((int(named[1]) - venue_ms) / 1000, 1.0), BAN_S_MAX)
        return PAUSE_UNNAMED_S.get(answer.status, PAUSE_UNNAMED_S[TOO_MANY_REQUESTS])


def _refusal(body: bytes) -> tuple[int | None, str]:
    """Code and words of the venue's error; no code where the body is none."""
    try:
        error = _ERROR.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None, ""
    return error.code, error.msg
