"""Access and refresh tokens: who holds which, for how long, on which connection.

Tokens live in the machine's time: a client refreshes by its own clock, however fast the venue's
runs. Bounded: the oldest make room. Knows no protocol.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count

import numpy as np

from quantdesk.simulator.deribit.accounts import KEY_SCOPE, ApiAccount

NS_PER_S = 1_000_000_000
ACCESS_LIFE_S = 900
"""What clients report today; the venue's own example says a year."""

REFRESH_LIFE_S = 7 * 86_400
TOKENS_MAX = 10_000
_LEVELS = ("none", "read", "read_write")
_TOKEN_LENGTH = 64
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_SEED_SPACE = 0x70


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a token allows.

    rights : level by area, "trade" to "read_write"
    connection : id of the only connection it is good on; "" is good on any
    session : name of the session it was asked for, "" for none
    expires_ns : machine time
    """

    account: ApiAccount
    rights: Mapping[str, str]
    connection: str
    session: str
    expires_ns: int
    life_s: int

    def allows(self, area: str, level: str) -> bool:
        """Whether the token reaches `level` ("read" or "read_write") in `area`."""
        return _LEVELS.index(self.rights.get(area, "none")) >= _LEVELS.index(level)

    @property
    def scope(self) -> str:
        """The scope as the venue writes it."""
        rights = [f"{area}:{level}" for area, level in sorted(self.rights.items())]
        where = f"session:{self.session}" if self.session else "connection"
        return " ".join([*rights, where, "mainaccount"])


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPair:
    """What an authentication gives."""

    access_token: str
    refresh_token: str
    grant: Grant


class TokenBook:
    """Every token that is out."""

    def __init__(self, seed: int) -> None:
        self.access_life_s = ACCESS_LIFE_S
        self._draws = np.random.Generator(np.random.PCG64([_SEED_SPACE, seed]))
        self._numbers = count(1)
        self._access: OrderedDict[str, Grant] = OrderedDict()
        self._refresh: OrderedDict[str, Grant] = OrderedDict()

    def grant(
        self, account: ApiAccount, scope: str, *, connection: str, machine_ns: int
    ) -> TokenPair:
        """New tokens for `account`, with as much of `scope` as its key allows.

        connection : id of the asking connection; "" over HTTP, whose tokens are good anywhere
        """
        rights, session, life_s = dict(KEY_SCOPE), "", self.access_life_s
        for word in scope.split():
            name, _, value = word.partition(":")
            if name in rights and value in _LEVELS:
                rights[name] = min(rights[name], value, key=_LEVELS.index)
            elif name == "session" and value:
                session = value
            elif name == "expires" and value.isascii() and value.isdigit():
                life_s = max(1, min(life_s, int(value)))
        grant = Grant(
            account=account,
            rights=rights,
            connection="" if session else connection,
            session=session,
            expires_ns=machine_ns + life_s * NS_PER_S,
            life_s=life_s,
        )
        return self._issue(grant, machine_ns)

    def refresh(self, token: str, *, connection: str, machine_ns: int) -> TokenPair | None:
        """A new pair of the same rights for a refresh token, which is used up; None where it is
        unknown or too old.
        """
        old = self._refresh.pop(token, None)
        if old is None or old.expires_ns <= machine_ns:
            return None
        fresh = Grant(
            account=old.account,
            rights=old.rights,
            connection="" if old.session else connection,
            session=old.session,
            expires_ns=machine_ns + old.life_s * NS_PER_S,
            life_s=old.life_s,
        )
        return self._issue(fresh, machine_ns)

    def fork(self, token: str, *, session: str, machine_ns: int) -> TokenPair | None:
        """A new pair for another session, by the refresh token of a session, which stays good.

        None where it is unknown, too old, or not of a session.
        """
        held = self._refresh.get(token)
        if held is None or held.expires_ns <= machine_ns or not held.session:
            return None
        fresh = Grant(
            account=held.account,
            rights=held.rights,
            connection="",
            session=session,
            expires_ns=machine_ns + held.life_s * NS_PER_S,
            life_s=held.life_s,
        )
        return self._issue(fresh, machine_ns)

    def find(self, token: str, *, connection: str, machine_ns: int) -> Grant | None:
        """The grant of an access token, None where it is unknown, too old or of elsewhere."""
        grant = self._access.get(token)
        if grant is None or grant.expires_ns <= machine_ns:
            return None
        return grant if grant.connection in ("", connection) else None

    def forget_session(self, grant: Grant) -> None:
        """Invalidate the tokens of both kinds of a grant's session, or of its connection."""
        for book in (self._access, self._refresh):
            ended = [
                token
                for token, held in book.items()
                if held.account is grant.account
                and (held.session, held.connection) == (grant.session, grant.connection)
            ]
            for token in ended:
                del book[token]

    def expire_all(self) -> None:
        """Invalidate every access token; refresh tokens stay good."""
        self._access.clear()

    def clear(self) -> None:
        """Invalidate every token of both kinds."""
        self._access.clear()
        self._refresh.clear()

    def _issue(self, grant: Grant, machine_ns: int) -> TokenPair:
        access, renewal = self._text(), self._text()
        self._access[access] = grant
        kept = Grant(
            account=grant.account,
            rights=grant.rights,
            connection=grant.connection,
            session=grant.session,
            expires_ns=machine_ns + REFRESH_LIFE_S * NS_PER_S,
            life_s=grant.life_s,
        )
        self._refresh[renewal] = kept
        for book in (self._access, self._refresh):
            while len(book) > TOKENS_MAX:
                book.popitem(last=False)
        return TokenPair(access_token=access, refresh_token=renewal, grant=grant)

    def _text(self) -> str:
        letters = self._draws.integers(len(_ALPHABET), size=_TOKEN_LENGTH)
        return f"{next(self._numbers)}.{''.join(_ALPHABET[i] for i in letters)}"
