"""Who asks: credentials, signatures and HTTP headers to an account. Pure but for the token book.

A signed request counts where its timestamp fits the venue's clock or the machine's, since a client
may know either.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Sequence

from quantdesk.simulator.deribit.accounts import ApiAccount

SIGNATURE_LIFE_MS = 60_000

Clocks = tuple[tuple[int, int], ...]
"""What time it may be, and how far off a timestamp may be: pairs of ms."""

_SIGNED = re.compile(r"deri-hmac-sha256 (.*)", re.IGNORECASE)


def signature(secret: str, text: str) -> str:
    """Hex HMAC-SHA256 of `text`."""
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


class Authenticator:
    """Checks what a caller shows against the accounts there are."""

    def __init__(self, accounts: Sequence[ApiAccount]) -> None:
        self._accounts = {account.client_id: account for account in accounts}

    def by_secret(self, client_id: str, client_secret: str) -> ApiAccount | None:
        """The account of a key and its secret."""
        account = self._accounts.get(client_id)
        if account is None:
            return None
        shown, known = client_secret.encode(), account.client_secret.encode()
        return account if hmac.compare_digest(shown, known) else None

    def by_signature(
        self,
        client_id: str,
        *,
        timestamp: str,
        nonce: str,
        data: str,
        shown: str,
        clocks: Clocks,
    ) -> ApiAccount | None:
        """The account that signed `timestamp`, `nonce` and `data` in time."""
        account = self._accounts.get(client_id)
        if account is None or not is_timely(timestamp, clocks):
            return None
        expected = signature(account.client_secret, f"{timestamp}\n{nonce}\n{data}")
        return account if hmac.compare_digest(shown.encode(), expected.encode()) else None

    def by_header(
        self, header: str, *, method: str, uri: str, body: str, clocks: Clocks
    ) -> ApiAccount | None:
        """The account of a `Basic` or `deri-hmac-sha256` Authorization header."""
        signed = _SIGNED.fullmatch(header.strip())
        if signed is None:
            return self._by_basic(header)
        fields = dict(part.strip().split("=", 1) for part in signed[1].split(",") if "=" in part)
        nonce = fields.get("nonce", "")
        return self.by_signature(
            fields.get("id", ""),
            timestamp=fields.get("ts", ""),
            nonce=nonce,
            data=f"{method.upper()}\n{uri}\n{body}\n",
            shown=fields.get("sig", ""),
            clocks=clocks,
        )

    def _by_basic(self, header: str) -> ApiAccount | None:
        kind, _, packed = header.strip().partition(" ")
        if kind.lower() != "basic":
            return None
        try:
            text = base64.b64decode(packed.strip(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError, ValueError):
            return None
        client_id, _, client_secret = text.partition(":")
        return self.by_secret(client_id, client_secret)


def is_timely(timestamp: str, clocks: Clocks) -> bool:
    """Whether a timestamp in ms fits one of the clocks."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 16):
        return False
    return any(abs(int(timestamp) - now_ms) <= tolerance_ms for now_ms, tolerance_ms in clocks)
