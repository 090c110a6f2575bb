"""Is a signed request genuine and fresh? HMAC-SHA256 over the bytes as they were sent. Pure.

Key-pair signatures (RSA, Ed25519) are not offered: the simulator's accounts have HMAC keys.
"""

from __future__ import annotations

import hashlib
import hmac

from quantdesk.simulator.binance.parameters import Parameters
from quantdesk.simulator.binance.refusals import (
    BAD_RECV_WINDOW,
    BAD_SIGNATURE,
    TIMESTAMP_AHEAD,
    TIMESTAMP_OLD,
    RequestRefused,
    missing,
)

RECV_WINDOW_DEFAULT_MS = 5_000
RECV_WINDOW_MAX_MS = 60_000
AHEAD_MAX_MS = 1_000

_FIELD = "signature="


def without_signature(text: str) -> tuple[str, str | None]:
    """A query string or body without its `signature` field, and the signature if it had one."""
    parts = text.split("&")
    signatures = [part[len(_FIELD) :] for part in parts if part.startswith(_FIELD)]
    rest = "&".join(part for part in parts if not part.startswith(_FIELD))
    return rest, signatures[-1] if signatures else None


def sign(secret: str, payload: str) -> str:
    """Hex HMAC-SHA256 of `payload`."""
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


def check_signature(query: str, body: str, secret: str) -> None:
    """Query string and body together, without an `&` between them, as raw text.

    Raises RequestRefused where the signature is missing or does not fit.
    """
    query_rest, query_signature = without_signature(query)
    body_rest, body_signature = without_signature(body)
    given = query_signature if query_signature is not None else body_signature
    if not given:
        raise missing("signature")
    expected = sign(secret, query_rest + body_rest)
    if not hmac.compare_digest(expected.encode(), given.lower().encode()):
        raise RequestRefused(BAD_SIGNATURE)


def check_time(parameters: Parameters, clocks_ms: tuple[int, ...]) -> None:
    """The request's timestamp fits one of `clocks_ms`: the venue's or the machine's time.

    The recorded venue lives on its own day; a client that stamps with the machine's time is as
    welcome. Raises RequestRefused.
    """
    window = parameters.integer("recvWindow", RECV_WINDOW_DEFAULT_MS)
    if window is None or window > RECV_WINDOW_MAX_MS:
        raise RequestRefused(BAD_RECV_WINDOW)
    stamp = parameters.integer("timestamp")
    if stamp is None:
        raise missing("timestamp")
    if any(stamp < now + AHEAD_MAX_MS and now - stamp <= window for now in clocks_ms):
        return
    is_ahead_of_all = all(stamp >= now + AHEAD_MAX_MS for now in clocks_ms)
    raise RequestRefused(TIMESTAMP_AHEAD if is_ahead_of_all else TIMESTAMP_OLD)
