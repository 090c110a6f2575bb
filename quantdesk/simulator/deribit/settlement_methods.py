"""The methods on past settlements: everyone's, and an account's own."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from quantdesk.simulator.deribit import refusals
from quantdesk.simulator.deribit.account_log import LogLine
from quantdesk.simulator.deribit.calls import Call, Method, Text, Whole, given, given_number
from quantdesk.simulator.deribit.market_methods import CURRENCIES
from quantdesk.simulator.deribit.refusals import Refusal, invalid_params
from quantdesk.simulator.deribit.settlements import SettlementRecord

COUNT_DEFAULT, COUNT_MAX = 20, 1_000
NO_MORE = "none"
TYPES = ("settlement", "delivery", "bankruptcy")


class ByInstrumentParams(msgspec.Struct, frozen=True):
    instrument_name: str
    type: Text = msgspec.UNSET
    count: Whole = msgspec.UNSET
    continuation: Text = msgspec.UNSET
    search_start_timestamp: Whole = msgspec.UNSET


class ByCurrencyParams(msgspec.Struct, frozen=True):
    currency: str
    type: Text = msgspec.UNSET
    count: Whole = msgspec.UNSET
    continuation: Text = msgspec.UNSET
    search_start_timestamp: Whole = msgspec.UNSET


def _scope(call: Call) -> Refusal | tuple[str | None, str | None]:
    """Instrument and currency asked for; None is every one."""
    params = call.params
    if isinstance(params, ByInstrumentParams):
        name = params.instrument_name
        return (name, None) if name in call.face.market.line_of else refusals.NOT_FOUND
    if params.currency not in CURRENCIES:
        return invalid_params("currency", f"must be one of {', '.join(CURRENCIES)}")
    return None, None if params.currency == "any" else params.currency


def _last(call: Call) -> object:
    scope = _scope(call)
    if isinstance(scope, Refusal):
        return scope
    return _page(call, call.face.settlements.records(*scope))


def _own(call: Call) -> object:
    scope = _scope(call)
    if isinstance(scope, Refusal):
        return scope
    name, currency = scope
    lines = reversed(call.face.log.lines(call.account.account_id))
    return _page(
        call,
        [
            _record_of(line)
            for line in lines
            if line.settlement_price is not msgspec.UNSET
            and name in (None, line.instrument_name)
            and currency in (None, line.currency)
        ],
    )


def _record_of(line: LogLine) -> SettlementRecord:
    """A line of the transaction log as a settlement."""
    price = 0.0 if isinstance(line.settlement_price, msgspec.UnsetType) else line.settlement_price
    index = price if isinstance(line.index_price, msgspec.UnsetType) else line.index_price
    is_settlement = line.type == "settlement"
    return SettlementRecord(
        type="settlement" if is_settlement else "delivery",
        timestamp=line.timestamp,
        instrument_name=str(line.instrument_name),
        position=line.position if is_settlement and isinstance(line.position, float) else 0.0,
        index_price=index,
        mark_price=price,
        profit_loss=line.cashflow,
        session_profit_loss=line.cashflow,
    )


def _page(call: Call, records: Sequence[SettlementRecord]) -> object:
    """`count` records, latest first; `continuation` says where to go on, "none" at the end."""
    params = call.params
    kind, count = given(params.type, ""), given_number(params.count, COUNT_DEFAULT)
    if kind not in ("", *TYPES):
        return invalid_params("type", f"must be one of {', '.join(TYPES)}")
    if not 1 <= count <= COUNT_MAX:
        return invalid_params("count", f"must be 1 to {COUNT_MAX}")
    token = given(params.continuation, "0")
    if token == NO_MORE or not token:
        token = "0"
    if not (token.isascii() and token.isdigit() and len(token) <= len(str(10**9))):
        return invalid_params("continuation", "must be what an answer gave")
    latest_ms = given_number(params.search_start_timestamp, 2**62)
    fitting = [one for one in records if kind in ("", one.type) and one.timestamp <= latest_ms]
    offset = int(token)
    end = offset + count
    return {
        "settlements": fitting[offset:end],
        "continuation": str(end) if len(fitting) > end else NO_MORE,
    }


METHODS: dict[str, Method] = {
    "public/get_last_settlements_by_instrument": Method(run=_last, params=ByInstrumentParams),
    "public/get_last_settlements_by_currency": Method(run=_last, params=ByCurrencyParams),
    "private/get_settlement_history_by_instrument": Method(
        run=_own, params=ByInstrumentParams, area="trade"
    ),
    "private/get_settlement_history_by_currency": Method(
        run=_own, params=ByCurrencyParams, area="trade"
    ),
}
