"""A connection's proof of its key: log in, check what the key may do, stay logged in.

The desk reads accounts and, later, trades; a key that could move money out is refused, so that its
theft costs no more than a position.
"""

from __future__ import annotations

import asyncio
import random

from quantdesk.errors import ConfigError, ProtocolError, Rejected, Transient
from quantdesk.venues.decoding.ranges import safe_text
from quantdesk.venues.deribit.account_decode import AUTH
from quantdesk.venues.deribit.account_wire import AuthGrant
from quantdesk.venues.deribit.line import RpcLine
from quantdesk.venues.deribit.requests import ParamValue
from quantdesk.venues.deribit.settings import DeribitSettings
from quantdesk.venues.deribit.signing import DeribitCredentials, new_nonce, signature
from quantdesk.venues.deribit.wire import Answer

INVALID_CREDENTIALS = 13004
FORBIDDEN = 13021
FINAL_CODES = frozenset({INVALID_CREDENTIALS, FORBIDDEN})
"""Refusals of the key itself, which no repetition mends and which repeated can lock it."""

WITHDRAWAL_SCOPE = "wallet"
HARMLESS_RIGHTS = frozenset({"read", "none"})

TOKEN_LIFE_S_MIN = 1
SCOPE_LENGTH_MAX = 400


class Login:
    """Keeps one line authenticated.

    Parameters
    ----------
    line : the connection, which masks the tokens in what it passes on
    rng : makes the nonces of signatures
    """

    def __init__(
        self,
        settings: DeribitSettings,
        line: RpcLine,
        credentials: DeribitCredentials,
        *,
        rng: random.Random,
    ) -> None:
        self._settings = settings
        self._line = line
        self._credentials = credentials
        self._rng = rng
        self._grant: AuthGrant | None = None
        self._loop = asyncio.get_running_loop()
        self._refresh_at_s = self._loop.time()

    @property
    def scope(self) -> str:
        """What the venue says that the key may do; "" before the login."""
        return "" if self._grant is None else safe_text(self._grant.scope, SCOPE_LENGTH_MAX)

    async def enter(self) -> None:
        """Log in with the key.

        Raises ConfigError where the venue refuses the key or the key may withdraw, Transient or
        RateLimited where a later try can help.
        """
        self._note(await self._ask(self._proof()))

    async def stay(self) -> None:
        """Refresh the token in time, for good. Raises as `enter`."""
        while True:
            await asyncio.sleep(max(self._refresh_at_s - self._loop.time(), 0.0))
            if self._refresh_at_s <= self._loop.time():
                await self._renew()

    async def _renew(self) -> None:
        """Refresh, or log in anew where the venue does not take the refresh token."""
        assert self._grant is not None
        refresh: dict[str, ParamValue] = {
            "grant_type": "refresh_token",
            "refresh_token": self._grant.refresh_token.reveal(),
        }
        try:
            grant = await self._ask(refresh)
        except (ConfigError, Rejected):
            # It is the token that was refused, not yet the key.
            await self.enter()
        else:
            self._note(grant)

    def _proof(self) -> dict[str, ParamValue]:
        credentials = self._credentials
        client_id = credentials.client_id.reveal()
        if self._settings.auth_grant == "client_credentials":
            return {
                "grant_type": "client_credentials",
                "client_id": client_id,
                "client_secret": credentials.client_secret.reveal(),
            }
        timestamp_ms, nonce = self._line.venue_ms(), new_nonce(self._rng)
        return {
            "grant_type": "client_signature",
            "client_id": client_id,
            "timestamp": timestamp_ms,
            "nonce": nonce,
            "data": "",
            "signature": signature(
                credentials.client_secret, timestamp_ms=timestamp_ms, nonce=nonce
            ),
        }

    async def _ask(self, params: dict[str, ParamValue]) -> AuthGrant:
        try:
            answer = await self._line.ask(AUTH, "", **params)
        except Rejected as error:
            if error.code in FINAL_CODES:
                raise ConfigError(f"the venue refuses the key: {error}") from error
            raise
        return _grant_of(answer)

    def _note(self, grant: AuthGrant) -> None:
        """Keep the tokens, unless the key may do what no key of ours may."""
        check_scope(grant.scope)
        life_s = max(grant.expires_in, TOKEN_LIFE_S_MIN)
        self._grant = grant
        self._refresh_at_s = self._loop.time() + self._settings.token_use_max * life_s


def check_scope(scope: str) -> None:
    """Raise ConfigError where a key's scope lets it withdraw, or does not say that it can not."""
    words = scope.split()
    if not words:
        raise ConfigError("scope of the key is empty: it does not say what the key may do")
    for word in words:
        area, separator, right = word.partition(":")
        if area == WITHDRAWAL_SCOPE and (not separator or right not in HARMLESS_RIGHTS):
            raise ConfigError(
                f"scope of the key holds {word}, which may withdraw: "
                "make one with wallet:read or wallet:none"
            )


def _grant_of(answer: Answer) -> AuthGrant:
    if not isinstance(answer.account, AuthGrant):
        raise ProtocolError("bad_field", "the answer to public/auth holds no tokens")
    return answer.account


def unauthorised(error: Rejected) -> Transient:
    """What a refused token means for a connection that has just logged in: make a fresh one."""
    return Transient(f"the venue does not take the token any more: {error}")
