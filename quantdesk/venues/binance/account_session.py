"""One life of the private socket: listen key, connection, the account read whole, kept alive.

Ends by raising the VenueError that ended it; `account_feed` decides what comes next. The listen
key stands in the socket's address: no message, frame or problem ever holds it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable

import msgspec

from quantdesk.domain.secret import MASK, Secret
from quantdesk.errors import (
    InvalidInput,
    ProtocolError,
    RateLimited,
    Rejected,
    Transient,
    VenueError,
)
from quantdesk.venues.binance.account_decode import decode_account
from quantdesk.venues.binance.account_wire import (
    AccountMessage,
    BalancePositionUpdate,
    OrderUpdate,
    StreamExpired,
    UserPush,
)
from quantdesk.venues.binance.rest import BinanceRest
from quantdesk.venues.binance.settings import BinanceSettings
from quantdesk.venues.binance.stream_link import PAUSE_UNNAMED_S
from quantdesk.venues.binance.streams import PRIVATE_PATH
from quantdesk.venues.transport.first_cause import first_cause
from quantdesk.venues.transport.ws import CertificateRefused, WsSession

LISTEN_KEY_LENGTH_MAX = 256
UNKNOWN_KEY_CODE = -1125
TRADED_SYMBOLS_MAX = 32
"""Symbols whose trades are fetched after a break: each costs a question of its own."""

_LISTEN_KEY = re.compile(rb'("listenKey"\s*:\s*")(?:[^"\\]|\\.)*')
"""A key in a push may be an earlier one than that of the connection."""

_MASKED = rb"\g<1>" + MASK.encode()

Emit = Callable[[bytes], Awaitable[None]]


class ListenKeyOver(Transient):
    """The listen key is over; another has to be made."""


class AccountSession:
    """One private connection.

    Parameters
    ----------
    rest : with credentials
    emit : takes each inbound message
    on_up : told when the account has been read whole and the stream is open
    on_problem : told in a sentence what went wrong without ending the connection
    traded : symbols with positions, orders or trades of ours, kept over connections
    """

    def __init__(
        self,
        settings: BinanceSettings,
        rest: BinanceRest,
        *,
        emit: Emit,
        on_up: Callable[[], None],
        on_problem: Callable[[str], None],
        traded: dict[str, None],
    ) -> None:
        self._settings = settings
        self._rest = rest
        self._emit = emit
        self._on_up = on_up
        self._on_problem = on_problem
        self._traded = traded
        self._key: Secret | None = None

    async def run(self) -> None:
        """Work until the connection ends. Always raises: VenueError says how it ended."""
        self._key = await self._open_key()
        async with await self._connect(self._key) as link:
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._read(link))
                    tasks.create_task(self._keep())
                    tasks.create_task(self._keep_key())
                    tasks.create_task(self._grow_old())
            except BaseExceptionGroup as group:
                raise first_cause(group) from None

    async def _open_key(self) -> Secret:
        body = await self._rest.touch_listen_key("POST")
        try:
            text = msgspec.json.decode(body, type=_ListenKey).listen_key
            if len(text) > LISTEN_KEY_LENGTH_MAX or not text.isalnum():
                raise InvalidInput("listenKey", MASK, "must be letters and digits")
            return Secret(text)
        except (msgspec.DecodeError, InvalidInput):
            # The cause is dropped: it may quote the answer.
            problem = Transient("POST /eapi/v1/listenKey: the answer holds no listen key")
        raise problem

    async def _connect(self, key: Secret) -> WsSession:
        """The socket at the key's address; errors name the address without the key."""
        settings = self._settings
        address = f"{settings.stream_base}{PRIVATE_PATH}"
        try:
            return await WsSession.connect(
                address + key.reveal(),
                timeout_s=settings.connect_timeout_s,
                # An account at rest is silent for minutes: only a ping tells it from a dead line.
                ping_s=settings.probe_s,
            )
        except VenueError as error:
            problem = _masked(error, key)
        if isinstance(problem, RateLimited):
            self._rest.note_ban(problem.retry_after_s or PAUSE_UNNAMED_S)
        # Raised outside of the handler, so that the first error is not carried along as context.
        raise problem

    async def _read(self, link: WsSession) -> None:
        assert self._key is not None
        hidden = self._key.reveal().encode()
        async for payload in link.frames():
            await self._emit(_LISTEN_KEY.sub(_MASKED, payload).replace(hidden, MASK.encode()))
            try:
                message = decode_account(payload)
            except ProtocolError:
                continue  # counted where frames are decoded
            self._note_traded(message)
            if isinstance(message, UserPush) and isinstance(message.event, StreamExpired):
                raise ListenKeyOver("the venue says that the listen key is over")

    def _note_traded(self, message: AccountMessage) -> None:
        """Remember which symbols have something of ours."""
        event = message.event if isinstance(message, UserPush) else None
        if isinstance(event, OrderUpdate):
            self._remember(event.order.symbol)
        elif isinstance(event, BalancePositionUpdate):
            for position in event.positions:
                self._remember(position.symbol)

    def _remember(self, symbol: str) -> None:
        self._traded.pop(symbol, None)
        self._traded[symbol] = None
        while len(self._traded) > TRADED_SYMBOLS_MAX:
            del self._traded[next(iter(self._traded))]

    async def _keep(self) -> None:
        """Read the account whole once the stream is open, and again on a clock.

        The stream is open first, so that nothing falls between the two.
        """
        await self._read_whole()
        for symbol in tuple(self._traded):
            await self._ask_softly("userTrades", {"symbol": symbol, "limit": "100"})
        await self._ask_softly("commission")
        self._on_up()
        while True:
            await asyncio.sleep(self._settings.account_poll_s)
            await self._read_whole()

    async def _read_whole(self) -> None:
        """Balances, positions and open orders; Rejected ends the connection, it has no use then."""
        await self._rest.measure_clock()
        await self._rest.ask_privately("marginAccount")
        for name in ("position", "openOrders"):
            body = await self._rest.ask_privately(name)
            for symbol in _symbols_of(body):
                self._remember(symbol)

    async def _ask_softly(self, name: str, params: dict[str, str] | None = None) -> None:
        try:
            await self._rest.ask_privately(name, params)
        except Rejected as error:
            self._on_problem(str(error))

    async def _keep_key(self) -> None:
        """Keep the listen key alive; ListenKeyOver where the venue does not know it any more."""
        while True:
            await asyncio.sleep(self._settings.listen_key_s)
            try:
                await self._rest.touch_listen_key("PUT")
            except Rejected as error:
                if error.code == UNKNOWN_KEY_CODE:
                    raise ListenKeyOver("the venue does not know the listen key") from None
                raise

    async def _grow_old(self) -> None:
        age_s = self._settings.connection_age_s
        await asyncio.sleep(age_s)
        raise Transient(f"replaced before its {age_s / 3600:.1f} h are over")


class _ListenKey(msgspec.Struct, rename="camel"):
    listen_key: str


class _Symbol(msgspec.Struct):
    symbol: str


_SYMBOLS = msgspec.json.Decoder(list[_Symbol])


def _symbols_of(body: bytes) -> tuple[str, ...]:
    try:
        return tuple(record.symbol for record in _SYMBOLS.decode(body))
    except msgspec.DecodeError:
        return ()  # counted where frames are decoded


def _masked(error: VenueError, key: Secret) -> VenueError:
    """An error of the same kind whose words do not hold the key."""
    words = str(error).replace(key.reveal(), MASK)
    if isinstance(error, RateLimited):
        return RateLimited(words, error.retry_after_s)
    if isinstance(error, ProtocolError):
        return ProtocolError(error.kind, error.detail.replace(key.reveal(), MASK))
    return CertificateRefused(words) if isinstance(error, CertificateRefused) else Transient(words)
