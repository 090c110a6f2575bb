"""One WebSocket to one venue: text out, bytes in. The only file that knows the WebSocket library.

Certificates are always verified. Compression is not offered, so that a frame costs no more memory
than it took to send.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Never, Self

import aiohttp

from quantdesk.errors import ProtocolError, RateLimited, Transient, VenueError

MESSAGE_BYTES_MAX = 64 * 1024 * 1024
"""A message beyond this ends the connection; a decoder's own limit lies well below."""

TOO_MANY_REQUESTS = 429
BANNED = 418


class CertificateRefused(Transient):
    """The venue's certificate does not hold. Trying again soon will not mend it."""


class WsSession:
    """An open WebSocket. Made by `connect`; closed when the `async with` block ends."""

    def __init__(
        self, client: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse[bool]
    ) -> None:
        self._client = client
        self._socket = socket

    @classmethod
    async def connect(cls, url: str, *, timeout_s: float, ping_s: float | None = None) -> Self:
        """Open a WebSocket to `url` within `timeout_s`.

        `ping_s`: ping that often, and end the connection where half as long brings no pong; None
        leaves signs of life to the venue's own protocol.
        Raises Transient where nobody answers, RateLimited where the venue asks for a pause,
        CertificateRefused, and ProtocolError for an address that is none.
        """
        client = aiohttp.ClientSession()
        try:
            socket = await _open(client, url, timeout_s, ping_s)
        except BaseException:
            await client.close()
            raise
        return cls(client, socket)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def send(self, text: bytes) -> None:
        """Send one text message. Raises Transient where the connection is gone."""
        try:
            await self._socket.send_frame(text, aiohttp.WSMsgType.TEXT)
        except (aiohttp.ClientError, ConnectionError) as error:
            raise Transient(f"connection lost while sending: {error}") from error

    async def frames(self) -> AsyncIterator[bytes]:
        """Payload of each text or binary message until the connection ends; Transient says how."""
        while True:
            message = await self._socket.receive()
            yield self._payload_of(message.type, message.data)

    async def pass_on(self, take: Callable[[bytes], Awaitable[None] | None]) -> Never:
        """As `frames`, handing each payload to `take` and waiting where that gives something.

        For a socket with a hundred thousand messages a second: what is ready is handed on without
        a generator or a task between.
        """
        receive = self._socket.receive
        while True:
            message = await receive()
            data = message.data
            payload = data if type(data) is bytes else self._payload_of(message.type, data)
            waiting = take(payload)
            if waiting is not None:
                await waiting

    def _payload_of(self, kind: aiohttp.WSMsgType, data: object) -> bytes:
        """The bytes of a message. Raises Transient where it is the connection's end."""
        if isinstance(data, bytes | bytearray):
            return bytes(data)
        if kind is aiohttp.WSMsgType.ERROR:
            raise Transient(f"connection broken: {data}")
        raise Transient(f"connection closed by the venue (code {self._socket.close_code})")

    async def close(self) -> None:
        """Say farewell and close the socket; waits half a second for the venue's own farewell."""
        try:
            await self._socket.close()
        finally:
            await self._client.close()


async def _open(
    client: aiohttp.ClientSession, url: str, timeout_s: float, ping_s: float | None
) -> aiohttp.ClientWebSocketResponse[bool]:
    """The socket, with the library's errors made into ours."""
    try:
        async with asyncio.timeout(timeout_s):
            # Raw bytes, so that text which is not UTF-8 is one bad frame, not a lost connection.
            return await client.ws_connect(
                url,
                timeout=aiohttp.ClientWSTimeout(ws_close=0.5),
                max_msg_size=MESSAGE_BYTES_MAX,
                compress=0,
                heartbeat=ping_s,
                decode_text=False,
            )
    except TimeoutError as error:
        raise Transient(f"no answer from {url} within {timeout_s:g} s") from error
    except aiohttp.WSServerHandshakeError as error:
        raise _handshake_error(error) from error
    except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError) as error:
        raise CertificateRefused(f"TLS to {url} failed: {error}") from error
    except aiohttp.InvalidURL as error:
        raise ProtocolError("bad_url", f"{url!r} is no address of a WebSocket") from error
    except (aiohttp.ClientError, ConnectionError) as error:
        raise Transient(f"no connection to {url}: {error}") from error


def _handshake_error(error: aiohttp.WSServerHandshakeError) -> VenueError:
    """What a refused upgrade means for the next try."""
    reason = f"the venue refused the connection with HTTP status {error.status}"
    if error.status not in (TOO_MANY_REQUESTS, BANNED):
        return Transient(reason)
    asked = error.headers.get("Retry-After", "") if error.headers else ""
    # The header may also hold a date; then the caller's own longest pause has to do.
    pause_s = float(asked) if asked.isascii() and asked.isdigit() else math.nan
    return RateLimited(reason, None if math.isnan(pause_s) else pause_s)
