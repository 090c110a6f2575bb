"""The public methods. Each takes the market, the caller's session (None over HTTP) and parameters,
and gives a result or a Refusal.

Accounts come with trading: until then every credential is invalid and private methods are refused
with the venue's own codes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from quantdesk.simulator.deribit import refusals
from quantdesk.simulator.deribit.channels import KINDS, needs_authorization
from quantdesk.simulator.deribit.market import NS_PER_MS, DeribitMarket
from quantdesk.simulator.deribit.refusals import Refusal, invalid_params
from quantdesk.simulator.deribit.rpc import Request

VERSION = "1.2.26"
"""Deribit's API version string in public examples; clients only print it."""

HEARTBEAT_S_MIN, HEARTBEAT_S_MAX = 10, 86_400
CURRENCIES = ("BTC", "ETH", "USDC", "USDT", "EURR", "SOL", "XRP", "any")
BOOK_DEPTH_DEFAULT = 5
BOOK_DEPTHS = (1, 5, 10, 20, 50, 100, 1000, 10000)

Text = str | msgspec.UnsetType
_COIN_NAMES = {"BTC": "Bitcoin", "ETH": "Ethereum"}


class Caller(Protocol):
    """The WebSocket connection a request came by."""

    def subscribe(self, names: list[str]) -> list[str]: ...
    def unsubscribe(self, names: list[str]) -> list[str]: ...
    def unsubscribe_all(self) -> None: ...
    def start_heartbeat(self, interval_s: int) -> None: ...
    def stop_heartbeat(self) -> None: ...
    def answer_test(self) -> None: ...


class NoParams(msgspec.Struct, frozen=True):
    """A method without parameters; unknown ones are ignored, as the venue does."""


class HelloParams(msgspec.Struct, frozen=True):
    client_name: str
    client_version: str


class HeartbeatParams(msgspec.Struct, frozen=True):
    interval: int


class ChannelParams(msgspec.Struct, frozen=True):
    channels: list[str]


class InstrumentsParams(msgspec.Struct, frozen=True):
    currency: str
    kind: Text = msgspec.UNSET
    expired: bool | msgspec.UnsetType = msgspec.UNSET


class InstrumentParams(msgspec.Struct, frozen=True):
    instrument_name: str


class BookParams(msgspec.Struct, frozen=True):
    instrument_name: str
    depth: int | msgspec.UnsetType = msgspec.UNSET


class IndexParams(msgspec.Struct, frozen=True):
    index_name: str


class ExpirationsParams(msgspec.Struct, frozen=True):
    currency: str
    kind: str


class SummariesParams(msgspec.Struct, frozen=True):
    currency: str
    kind: Text = msgspec.UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a method gets. `caller` is None over HTTP."""

    market: DeribitMarket
    caller: Caller | None
    params: Any


def _test(call: Call) -> object:
    if call.caller is not None:
        call.caller.answer_test()
    return {"version": VERSION}


def _set_heartbeat(call: Call, caller: Caller) -> object:
    if not HEARTBEAT_S_MIN <= call.params.interval <= HEARTBEAT_S_MAX:
        return invalid_params("interval", f"must be {HEARTBEAT_S_MIN} to {HEARTBEAT_S_MAX}")
    caller.start_heartbeat(call.params.interval)
    return "ok"


def _disable_heartbeat(call: Call, caller: Caller) -> object:
    caller.stop_heartbeat()
    return "ok"


def _subscribe(call: Call, caller: Caller) -> object:
    if any(needs_authorization(name) for name in call.params.channels):
        return refusals.RAW_NEEDS_AUTHORIZATION
    return caller.subscribe(call.params.channels)


def _unsubscribe(call: Call, caller: Caller) -> object:
    return caller.unsubscribe(call.params.channels)


def _unsubscribe_all(call: Call, caller: Caller) -> object:
    caller.unsubscribe_all()
    return "ok"


def _currencies(call: Call) -> object:
    return [
        {
            "currency": currency,
            "currency_long": _COIN_NAMES.get(currency, currency),
            "coin_type": _COIN_NAMES.get(currency, currency).upper(),
            "fee_precision": 4,
            "min_confirmations": 1,
            "min_withdrawal_fee": 0.0,
            "withdrawal_fee": 0.0,
            "withdrawal_priorities": [],
            "in_cross_collateral_pool": True,
        }
        for currency in call.market.currencies
    ]


def _instruments(call: Call) -> object:
    refusal = _bad_scope(call.params.currency, call.params.kind)
    if refusal is not None:
        return refusal
    lines = call.market.lines(
        _currency(call), _kind(call.params.kind), expired=call.params.expired is True
    )
    return [call.market.instrument(line) for line in lines]


def _kind(kind: Text) -> str:
    return "any" if isinstance(kind, msgspec.UnsetType) else kind


def _row_of(call: Call) -> int | None:
    return call.market.line_of.get(call.params.instrument_name)


def _instrument(call: Call) -> object:
    row = _row_of(call)
    return refusals.NOT_FOUND if row is None else call.market.instrument(row)


def _ticker(call: Call) -> object:
    row = _row_of(call)
    return refusals.NOT_FOUND if row is None else msgspec.Raw(call.market.ticker_json(row))


def _order_book(call: Call) -> object:
    if call.params.depth not in (msgspec.UNSET, *BOOK_DEPTHS):
        return invalid_params("depth", f"must be one of {', '.join(map(str, BOOK_DEPTHS))}")
    row = _row_of(call)
    if row is None:
        return refusals.NOT_FOUND
    depth = call.params.depth
    bids, asks = call.market.levels(row, depth if isinstance(depth, int) else BOOK_DEPTH_DEFAULT)
    ticker = msgspec.json.decode(call.market.ticker_json(row), type=dict[str, msgspec.Raw])
    return {**ticker, "change_id": call.market.change_id(row), "bids": bids, "asks": asks}


def _summaries_by_currency(call: Call) -> object:
    refusal = _bad_scope(call.params.currency, call.params.kind)
    if refusal is not None:
        return refusal
    lines = call.market.lines(_currency(call), _kind(call.params.kind))
    return [call.market.book_summary(line) for line in lines]


def _summary_by_instrument(call: Call) -> object:
    row = _row_of(call)
    return refusals.NOT_FOUND if row is None else [call.market.book_summary(row)]


def _index_price(call: Call) -> object:
    name, venue = call.params.index_name, call.market.venue
    if name not in venue.indexes:
        return invalid_params("index_name", f"must be one of {', '.join(venue.indexes)}")
    return {
        "index_price": venue.index_price(name),
        "estimated_delivery_price": venue.estimated_delivery(name),
    }


def _expirations(call: Call) -> object:
    """By kind for "any"; else by currency in lower case, then by kind, as captured."""
    currency, kind = call.params.currency, call.params.kind
    refusal = None if currency == "grouped" else _bad_scope(currency, kind)
    if refusal is not None:
        return refusal
    if kind not in ("any", "option", "future"):
        return invalid_params("kind", "must be any, option or future")

    def by_kind(of: str | None) -> dict[str, list[str]]:
        kinds = ("future", "option") if kind == "any" else (kind,)
        return {name: call.market.expiry_codes(of, name) for name in kinds}

    if currency == "any":
        return by_kind(None)
    currencies = call.market.currencies if currency == "grouped" else (currency,)
    return {name.lower(): by_kind(name) for name in currencies}


def _currency(call: Call) -> str | None:
    return None if call.params.currency == "any" else str(call.params.currency)


def _bad_scope(currency: str, kind: Text) -> Refusal | None:
    if currency not in CURRENCIES:
        return invalid_params("currency", f"must be one of {', '.join(CURRENCIES)}")
    if kind not in (msgspec.UNSET, *KINDS):
        return invalid_params("kind", f"must be one of {', '.join(KINDS)}")
    return None


Method = Callable[[Call], object]
SocketMethod = Callable[[Call, Caller], object]

METHODS: dict[str, tuple[type[msgspec.Struct], Method]] = {
    "public/hello": (HelloParams, lambda call: {"version": VERSION}),
    "public/test": (NoParams, _test),
    "public/get_time": (NoParams, lambda call: call.market.venue.now_ns() // NS_PER_MS),
    "public/status": (NoParams, lambda call: {"locked": "false", "locked_indices": []}),
    "public/get_currencies": (NoParams, _currencies),
    "public/get_instruments": (InstrumentsParams, _instruments),
    "public/get_instrument": (InstrumentParams, _instrument),
    "public/ticker": (InstrumentParams, _ticker),
    "public/get_order_book": (BookParams, _order_book),
    "public/get_book_summary_by_currency": (SummariesParams, _summaries_by_currency),
    "public/get_book_summary_by_instrument": (InstrumentParams, _summary_by_instrument),
    "public/get_index_price": (IndexParams, _index_price),
    "public/get_index_price_names": (NoParams, lambda call: list(call.market.venue.indexes)),
    "public/get_expirations": (ExpirationsParams, _expirations),
    "public/auth": (NoParams, lambda call: refusals.INVALID_CREDENTIALS),
}

SOCKET_METHODS: dict[str, tuple[type[msgspec.Struct], SocketMethod]] = {
    "public/set_heartbeat": (HeartbeatParams, _set_heartbeat),
    "public/disable_heartbeat": (NoParams, _disable_heartbeat),
    "public/subscribe": (ChannelParams, _subscribe),
    "public/unsubscribe": (ChannelParams, _unsubscribe),
    "public/unsubscribe_all": (NoParams, _unsubscribe_all),
}
"""Methods that need a WebSocket: over HTTP they are refused, whatever their parameters."""

_FIELD_IN_MESSAGE = re.compile(r"field `(\w+)`|\$\.(\w+)")


def answer(request: Request, market: DeribitMarket, caller: Caller | None) -> object:
    """Result of `request`, or the Refusal of it."""
    if request.method.startswith("private/"):
        has_token = "access_token" in request.params
        return refusals.UNAUTHORIZED if has_token else refusals.AUTHORIZATION_REQUIRED
    if request.method in METHODS:
        params_type, method = METHODS[request.method]
        call = _call(request, params_type, market, caller)
        return call if isinstance(call, Refusal) else method(call)
    if request.method in SOCKET_METHODS:
        if caller is None:
            return refusals.WEBSOCKET_ONLY
        params_type, socket_method = SOCKET_METHODS[request.method]
        call = _call(request, params_type, market, caller)
        return call if isinstance(call, Refusal) else socket_method(call, caller)
    return refusals.UNKNOWN_METHOD


def _call(
    request: Request,
    params_type: type[msgspec.Struct],
    market: DeribitMarket,
    caller: Caller | None,
) -> Call | Refusal:
    try:
        params = msgspec.convert(request.params, params_type, strict=not request.is_query)
    except msgspec.ValidationError as error:
        found = _FIELD_IN_MESSAGE.search(str(error))
        name = next((group for group in found.groups() if group), "") if found else ""
        return invalid_params(name, "required" if "missing" in str(error) else "wrong format")
    return Call(market=market, caller=caller, params=params)
