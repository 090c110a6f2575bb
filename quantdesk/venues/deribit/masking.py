"""Secrets taken out of frames before anyone else sees them.

The answer to `public/auth` holds tokens; it is still a frame like any other and is recorded, with
the tokens masked. Whatever else would hold a key, a token or a secret that is known is masked too.
"""

from __future__ import annotations

import re
from collections import deque

import msgspec

from quantdesk.domain.secret import MASK, Secret

TOKENS_KEPT = 16
"""Tokens remembered: those of the last eight answers."""

_TOKEN = re.compile(rb'("(?:access_token|refresh_token)"\s*:\s*")(?:[^"\\]|\\.)*')
_MASK = MASK.encode()


class Masker:
    """Knows the secrets of one account and takes them out of payloads.

    Parameters
    ----------
    secrets : those that never change: client id and client secret
    """

    def __init__(self, *secrets: Secret) -> None:
        self._fixed = secrets
        self._tokens: deque[Secret] = deque(maxlen=TOKENS_KEPT)

    def learn(self, *tokens: Secret) -> None:
        """Remember tokens that the venue gave."""
        self._tokens.extend(tokens)

    def masked(self, payload: bytes) -> bytes:
        """`payload` without tokens and secrets; itself where it holds none."""
        if b"_token" in payload:
            payload = _TOKEN.sub(rb"\g<1>" + _MASK, payload)
        for secret in (*self._fixed, *self._tokens):
            text = secret.reveal().encode()
            # As it is, and as JSON writes it where it holds a quotation mark or a backslash.
            for form in {text, msgspec.json.encode(secret.reveal())[1:-1]}:
                if form in payload:
                    payload = payload.replace(form, _MASK)
        return payload
