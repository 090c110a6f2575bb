"""Bytes to a typed private message, or ProtocolError. Pure and strict, as `decode`.

A list of an account is all or nothing where a gap would be read as "flat" or "not open": a list of
positions or orders with one bad record is refused whole.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from quantdesk.errors import ProtocolError
from quantdesk.venues.binance.account_wire import (
    AccountAnswer,
    AccountBody,
    AccountMessage,
    AccountUpdate,
    BalancePositionUpdate,
    Commissions,
    GreekUpdate,
    MarginAccount,
    OrderRecord,
    OrderUpdate,
    PositionRecord,
    RiskChange,
    StreamExpired,
    TradeRecord,
    UserEvent,
    UserPush,
)
from quantdesk.venues.binance.decode import API, HTTP_OK, read_failure, rest_parts
from quantdesk.venues.binance.reading import check_text, read_checked, read_records
from quantdesk.venues.binance.wire import RestFailure, ServerTime, Unread
from quantdesk.venues.decoding.reading import read

EVENTS: dict[str, type[UserEvent]] = {
    "ACCOUNT_UPDATE": AccountUpdate,
    "BALANCE_POSITION_UPDATE": BalancePositionUpdate,
    "GREEK_UPDATE": GreekUpdate,
    "ORDER_TRADE_UPDATE": OrderUpdate,
    "RISK_LEVEL_CHANGE": RiskChange,
    "listenKeyExpired": StreamExpired,
    "@dataStream#expired": StreamExpired,
}
"""The last two are the official client's word and the documents' for the same thing."""


class _Envelope(Struct, gc=False):
    """What tells a push of the user stream from an enveloped answer."""

    event: str | UnsetType = msgspec.field(name="e", default=UNSET)
    rest: Raw | UnsetType = UNSET
    body: Raw | UnsetType = UNSET
    text: str | UnsetType = UNSET


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_EVENT_DECODERS = {kind: msgspec.json.Decoder(kind) for kind in EVENTS.values()}
_TIME = msgspec.json.Decoder(ServerTime)
_ACCOUNT = msgspec.json.Decoder(MarginAccount)
_COMMISSIONS = msgspec.json.Decoder(Commissions)
_POSITION = msgspec.json.Decoder(PositionRecord)
_POSITIONS = msgspec.json.Decoder(list[PositionRecord])
_ORDER = msgspec.json.Decoder(OrderRecord)
_ORDERS = msgspec.json.Decoder(list[OrderRecord])
_TRADE = msgspec.json.Decoder(TradeRecord)
_TRADES = msgspec.json.Decoder(list[TradeRecord])


def decode_account(payload: bytes) -> AccountMessage:
    """The private message in `payload`.

    Raises ProtocolError of the kinds of `decode`, "unknown_event" for a push of no known name.
    """
    check_text(payload)
    envelope = read(_ENVELOPE, payload)
    if isinstance(envelope.rest, Raw):
        if envelope.event is not UNSET:
            raise ProtocolError("bad_envelope", "a push and an answer at once")
        return _read_answer(payload, envelope, envelope.rest)
    if not isinstance(envelope.event, str):
        raise ProtocolError("bad_envelope", "neither a push of the user stream nor an answer")
    kind = EVENTS.get(envelope.event)
    if kind is None:
        raise ProtocolError("unknown_event", envelope.event)
    event, unknown = read_checked(_EVENT_DECODERS[kind], payload)
    return UserPush(event=event, unknown_fields=unknown)


def _read_answer(payload: bytes, envelope: _Envelope, raw_head: Raw) -> AccountAnswer | RestFailure:
    head, body = rest_parts(payload, raw_head, envelope.body, envelope.text)
    if head.status != HTTP_OK:
        return read_failure(head, body, envelope.text)
    if body is None:
        raise ProtocolError("not_json", f"{head.path}: {envelope.text}")
    name = head.path.removeprefix(API)
    found, unknown = _read_body(name if head.path.startswith(API) else head.path, body)
    return AccountAnswer(
        head=head, body=found, unknown_fields=tuple(f"body.{field}" for field in unknown)
    )


def _read_body(name: str, body: Raw) -> tuple[AccountBody, tuple[str, ...]]:
    found: tuple[AccountBody, tuple[str, ...]]
    match name:
        case "time":
            found = read_checked(_TIME, body)
        case "marginAccount":
            found = read_checked(_ACCOUNT, body)
        case "commission":
            found = read_checked(_COMMISSIONS, body)
        case "position":
            positions = read_records(_POSITION, _POSITIONS, body)
            found = positions
            _refuse_unread(name, positions[0])
        case "openOrders":
            orders = read_records(_ORDER, _ORDERS, body)
            found = orders
            _refuse_unread(name, orders[0])
        case "userTrades":
            trades = read_records(_TRADE, _TRADES, body)
            found = trades
        case _:
            raise ProtocolError("unknown_method", name)
    return found


def _refuse_unread(name: str, records: tuple[Struct, ...]) -> None:
    """Raise where a record of a whole list was not understood: without it the list would lie."""
    for record in records:
        if isinstance(record, Unread):
            raise ProtocolError(record.reason, f"a record of {name}")
