"""Signed requests: the query in its final bytes, and HMAC-SHA256 over them.

Binance takes a signature over the percent-encoded query and body, joined without anything between;
ours are queries only. Ed25519 and RSA keys are not supported.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from quantdesk.domain.secret import Secret
from quantdesk.errors import InvalidInput

KEY_HEADER = "X-MBX-APIKEY"
RESERVED = frozenset({"timestamp", "recvWindow", "signature"})


def encoded_query(params: Mapping[str, str]) -> str:
    """`params` as a query, in their order, percent-encoded."""
    return urlencode(params, quote_via=quote)


def signature(secret: Secret, payload: str) -> str:
    """HMAC-SHA256 of `payload` in lower-case hex."""
    return hmac.new(secret.reveal().encode(), payload.encode(), hashlib.sha256).hexdigest()


def signed_query(
    params: Mapping[str, str], *, secret: Secret, timestamp_ms: int, recv_window_ms: int
) -> str:
    """The query with window, timestamp and, last, its signature.

    Raises InvalidInput where `params` hold a name that signing adds.
    """
    if taken := RESERVED & params.keys():
        raise InvalidInput("params", sorted(taken), "are added by signing")
    query = encoded_query(
        {**params, "recvWindow": str(recv_window_ms), "timestamp": str(timestamp_ms)}
    )
    return f"{query}&signature={signature(secret, query)}"
