"""REST to one venue: a request out, status, headers and bytes in. Knows no venue.

Certificates are always verified, redirects never followed (a signed request goes to nobody else),
and no message names more of an address than its path: what follows a ? may be signed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from quantdesk.domain.secret import Secret
from quantdesk.errors import ProtocolError, Transient
from quantdesk.venues.transport.ws import CertificateRefused

ANSWER_BYTES_MAX = 16 * 1024 * 1024
"""A longer answer is given up while it arrives."""

CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """What came back, whatever its status. `headers` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def retry_after_s(self) -> float | None:
        """Seconds that Retry-After asks for; None where it is absent, a date, or nonsense."""
        asked = self.headers.get("retry-after", "")
        return float(asked) if asked.isascii() and asked.isdigit() and len(asked) <= 9 else None


class RestSession:
    """Connections to one base address, kept open between requests. Use as `async with`."""

    def __init__(self, base: str, *, timeout_s: float) -> None:
        self._base = base
        self._timeout_s = timeout_s
        self._client: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; a later request opens new ones."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def request(
        self,
        method: str,
        path: str,
        query: str = "",
        *,
        headers: Mapping[str, Secret] | None = None,
    ) -> HttpAnswer:
        """Ask for `path`, with `query` already encoded, and give the whole answer.

        Raises Transient where nobody answers in time or the answer breaks off, CertificateRefused,
        and ProtocolError for an answer that is too long or an address that is none.
        """
        if self._client is None:
            self._client = aiohttp.ClientSession()
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._ask(self._client, method, path, query, headers or {})
        except TimeoutError:
            problem = f"no answer within {self._timeout_s:g} s"
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError) as error:
            raise CertificateRefused(
                f"{method} {path}: TLS failed: {type(error).__name__}"
            ) from None
        except (aiohttp.InvalidURL, ValueError):
            raise ProtocolError("bad_url", f"{self._base}{path} is no address") from None
        except (aiohttp.ClientError, ConnectionError) as error:
            # The library's own text may hold the whole address; its kind says enough.
            problem = f"no answer: {type(error).__name__}"
        raise Transient(f"{method} {path}: {problem}")

    async def _ask(
        self,
        client: aiohttp.ClientSession,
        method: str,
        path: str,
        query: str,
        headers: Mapping[str, Secret],
    ) -> HttpAnswer:
        async with client.request(
            method,
            # As it is: a signature covers the very bytes, so nothing may be quoted again.
            URL(f"{self._base}{path}" + (f"?{query}" if query else ""), encoded=True),
            headers={name: secret.reveal() for name, secret in headers.items()},
            allow_redirects=False,
        ) as answer:
            body = bytearray()
            async for chunk in answer.content.iter_chunked(CHUNK_BYTES):
                body += chunk
                if len(body) > ANSWER_BYTES_MAX:
                    raise ProtocolError(
                        "too_large", f"{method} {path}: over {ANSWER_BYTES_MAX} bytes"
                    )
            lowered = {name.lower(): value for name, value in answer.headers.items()}
            return HttpAnswer(status=answer.status, headers=lowered, body=bytes(body))
