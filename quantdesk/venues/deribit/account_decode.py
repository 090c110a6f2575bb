"""Results and pushes of an account as typed values, or ProtocolError. Pure and strict.

A list is all or nothing: of positions or orders, one that is missing would be read as flat or not
open, so a list with one bad record is refused whole.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct

from quantdesk.domain.secret import Secret
from quantdesk.errors import ProtocolError
from quantdesk.venues.decoding.audit import audit
from quantdesk.venues.decoding.reading import read
from quantdesk.venues.deribit.account_wire import (
    AccountData,
    AccountResult,
    AccountSummaries,
    AccountSummary,
    AuthGrant,
    Position,
    UserChanges,
    UserLock,
    UserOrder,
    UserTrade,
    UserTradesPage,
)

AUTH = "public/auth"
SUMMARIES = "private/get_account_summaries"
POSITIONS = "private/get_positions"
OPEN_ORDERS = "private/get_open_orders"
USER_TRADES = "private/get_user_trades_by_currency_and_time"
ACCOUNT_METHODS = frozenset({AUTH, SUMMARIES, POSITIONS, OPEN_ORDERS, USER_TRADES})


def _secret_of(kind: type, text: object) -> Secret:
    """The one type that the decoder does not know by itself.

    A TypeError becomes the decoder's own error, so that a token that is no text is a bad message of
    the venue like any other; it names no value, which may be a secret.
    """
    if kind is not Secret or not isinstance(text, str):
        raise TypeError(f"a {kind.__name__} must be text")
    return Secret(text)


_GRANT = msgspec.json.Decoder(AuthGrant, dec_hook=_secret_of)
_SUMMARIES = msgspec.json.Decoder(AccountSummaries)
_SUMMARY = msgspec.json.Decoder(AccountSummary)
_POSITIONS = msgspec.json.Decoder(tuple[Position, ...])
_ORDER = msgspec.json.Decoder(UserOrder)
_ORDERS = msgspec.json.Decoder(tuple[UserOrder, ...])
_TRADES = msgspec.json.Decoder(tuple[UserTrade, ...])
_PAGE = msgspec.json.Decoder(UserTradesPage)
_CHANGES = msgspec.json.Decoder(UserChanges)
_LOCK = msgspec.json.Decoder(UserLock)


def read_account_result(method: str, raw: Raw) -> tuple[AccountResult, tuple[str, ...]]:
    """The result of `method`, one of ACCOUNT_METHODS, and the paths of fields nobody knows."""
    value: AccountResult
    kind: type[Struct]
    match method:
        case "public/auth":
            value, kind = read(_GRANT, raw), AuthGrant
        case "private/get_account_summaries":
            value, kind = tuple(read(_SUMMARIES, raw).summaries), AccountSummaries
        case "private/get_positions":
            value, kind = read(_POSITIONS, raw), Position
        case "private/get_open_orders":
            value, kind = read(_ORDERS, raw), UserOrder
        case "private/get_user_trades_by_currency_and_time":
            value, kind = read(_PAGE, raw), UserTradesPage
        case _:
            raise ProtocolError("unknown_method", method)
    return value, tuple(f"result.{name}" for name in audit(bytes(raw), kind))


def read_account_push(channel: str, raw: Raw) -> AccountData:
    """The data of a push on the private `channel`. Raises ProtocolError."""
    match channel.split(".", 2)[1]:
        case "portfolio":
            return read(_SUMMARY, raw)
        case "orders":
            # One order where they come raw, a list where they are gathered over an interval.
            is_list = bytes(raw).lstrip()[:1] == b"["
            return read(_ORDERS, raw) if is_list else (read(_ORDER, raw),)
        case "trades" | "combo_trades":
            return read(_TRADES, raw)
        case "changes":
            return read(_CHANGES, raw)
        case "lock":
            return read(_LOCK, raw)
    raise ProtocolError("unknown_channel", channel)
