"""Proof of a key on a WebSocket: the secret signs the time and is not sent itself."""

from __future__ import annotations

import hashlib
import hmac
import random
import string
from dataclasses import dataclass

from quantdesk.domain.secret import Secret

NONCE_LETTERS = string.ascii_lowercase + string.digits
NONCE_LENGTH = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class DeribitCredentials:
    """A client id and its secret; both are masked wherever they are shown."""

    client_id: Secret
    client_secret: Secret


def signature(secret: Secret, *, timestamp_ms: int, nonce: str, data: str = "") -> str:
    """`hex(HMAC-SHA256(secret, timestamp + LF + nonce + LF + data))`, for `client_signature`."""
    text = f"{timestamp_ms}\n{nonce}\n{data}"
    return hmac.new(secret.reveal().encode(), text.encode(), hashlib.sha256).hexdigest()


def new_nonce(rng: random.Random) -> str:
    """Eight letters and digits. It has to differ from the last one, not to be unguessable."""
    return "".join(rng.choices(NONCE_LETTERS, k=NONCE_LENGTH))
