"""The methods that read an account's orders and trades."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import msgspec

from quantdesk.domain.fill import Fill
from quantdesk.simulator.deribit import refusals
from quantdesk.simulator.deribit.account_log import LogLine
from quantdesk.simulator.deribit.calls import (
    Call,
    Flag,
    Method,
    Text,
    Whole,
    given,
    given_number,
)
from quantdesk.simulator.deribit.credits import Pool
from quantdesk.simulator.deribit.market_methods import CURRENCIES, bad_scope
from quantdesk.simulator.deribit.names import parse_order_id
from quantdesk.simulator.deribit.order_methods import KINDS, OrderIdParams, order_types
from quantdesk.simulator.deribit.order_records import UserTrade, order_record, user_trade
from quantdesk.simulator.deribit.order_refusals import translated
from quantdesk.simulator.deribit.refusals import Refusal, invalid_params
from quantdesk.simulator.exchange.orders import Order, OrderFilter
from quantdesk.simulator.exchange.refusals import Refusal as ExchangeRefusal

COUNT_MAX = 1_000
TRADES_DEFAULT = 10
ORDERS_DEFAULT = 20
LOG_MAX = 250
LOG_DEFAULT = 100
_SORTINGS = ("asc", "desc", "default")

T = TypeVar("T")


class OpenOrdersParams(msgspec.Struct, frozen=True):
    kind: Text = msgspec.UNSET
    type: Text = msgspec.UNSET


class OpenByCurrencyParams(msgspec.Struct, frozen=True):
    currency: str
    kind: Text = msgspec.UNSET
    type: Text = msgspec.UNSET


class OpenByInstrumentParams(msgspec.Struct, frozen=True):
    instrument_name: str
    type: Text = msgspec.UNSET


class OrdersByLabelParams(msgspec.Struct, frozen=True):
    currency: str
    label: Text = msgspec.UNSET


class HistoryByCurrencyParams(msgspec.Struct, frozen=True):
    currency: str
    kind: Text = msgspec.UNSET
    count: Whole = msgspec.UNSET
    offset: Whole = msgspec.UNSET
    include_old: Flag = msgspec.UNSET
    include_unfilled: Flag = msgspec.UNSET


class HistoryByInstrumentParams(msgspec.Struct, frozen=True):
    instrument_name: str
    count: Whole = msgspec.UNSET
    offset: Whole = msgspec.UNSET
    include_old: Flag = msgspec.UNSET
    include_unfilled: Flag = msgspec.UNSET


class TradesByCurrencyParams(msgspec.Struct, frozen=True):
    currency: str
    kind: Text = msgspec.UNSET
    start_id: Text = msgspec.UNSET
    end_id: Text = msgspec.UNSET
    start_timestamp: Whole = msgspec.UNSET
    end_timestamp: Whole = msgspec.UNSET
    count: Whole = msgspec.UNSET
    sorting: Text = msgspec.UNSET


class TimedTradesByCurrencyParams(msgspec.Struct, frozen=True):
    """The end is required by the document; the venue takes its absence as now."""

    currency: str
    start_timestamp: int
    end_timestamp: Whole = msgspec.UNSET
    kind: Text = msgspec.UNSET
    start_id: Text = msgspec.UNSET
    end_id: Text = msgspec.UNSET
    count: Whole = msgspec.UNSET
    sorting: Text = msgspec.UNSET


class TimedTradesByInstrumentParams(msgspec.Struct, frozen=True):
    """The end is required by the document; the venue takes its absence as now."""

    instrument_name: str
    start_timestamp: int
    end_timestamp: Whole = msgspec.UNSET
    start_seq: Whole = msgspec.UNSET
    end_seq: Whole = msgspec.UNSET
    count: Whole = msgspec.UNSET
    sorting: Text = msgspec.UNSET


class TradesByInstrumentParams(msgspec.Struct, frozen=True):
    instrument_name: str
    start_seq: Whole = msgspec.UNSET
    end_seq: Whole = msgspec.UNSET
    start_timestamp: Whole = msgspec.UNSET
    end_timestamp: Whole = msgspec.UNSET
    count: Whole = msgspec.UNSET
    sorting: Text = msgspec.UNSET


class TradesByOrderParams(msgspec.Struct, frozen=True):
    order_id: str
    sorting: Text = msgspec.UNSET


class TriggerHistoryParams(msgspec.Struct, frozen=True):
    currency: str
    instrument_name: Text = msgspec.UNSET


class LogParams(msgspec.Struct, frozen=True):
    currency: str
    start_timestamp: int
    end_timestamp: int
    query: Text = msgspec.UNSET
    count: Whole = msgspec.UNSET
    continuation: Whole = msgspec.UNSET


# Orders


def _open_orders(call: Call) -> object:
    return _open(call, "any", call.params.kind, call.params.type)


def _open_by_currency(call: Call) -> object:
    return _open(call, call.params.currency, call.params.kind, call.params.type)


def _open(call: Call, currency: str, kind: Text, order_type: Text) -> object:
    refusal = bad_scope(currency, kind)
    wanted = order_types(order_type)
    if refusal is not None or isinstance(wanted, Refusal):
        return refusal or wanted
    filters = [
        OrderFilter(currency=_currency(currency), kind=one, order_type=of_type)
        for one in KINDS[given(kind, "any")]
        for of_type in wanted
    ]
    return _listed(call, filters)


def _open_by_instrument(call: Call) -> object:
    name = call.params.instrument_name
    wanted = order_types(call.params.type)
    if isinstance(wanted, Refusal):
        return wanted
    if name not in call.face.market.line_of:
        return refusals.NOT_FOUND
    return _listed(call, [OrderFilter(instrument_name=name, order_type=one) for one in wanted])


def _open_by_label(call: Call) -> object:
    refusal = bad_scope(call.params.currency, msgspec.UNSET)
    if refusal is not None:
        return refusal
    label = None if call.params.label is msgspec.UNSET else call.params.label
    return _listed(call, [OrderFilter(currency=_currency(call.params.currency), label=label)])


def _listed(call: Call, filters: Iterable[OrderFilter]) -> object:
    """Open orders that fit any of `filters`, oldest first."""
    account_id, exchange = call.account.account_id, call.face.exchange
    orders = [order for which in filters for order in exchange.open_orders(account_id, which)]
    orders.sort(key=lambda order: order.order_id)
    return [order_record(order, call.face) for order in orders]


def _order_state(call: Call) -> object:
    number = parse_order_id(call.params.order_id)
    if number is None:
        return refusals.ORDER_NOT_FOUND
    order = call.face.exchange.order(call.account.account_id, number)
    if isinstance(order, ExchangeRefusal):
        return translated(order)
    return order_record(order, call.face)


def _order_state_by_label(call: Call) -> object:
    """Orders of a label, the finished ones first."""
    refusal = bad_scope(call.params.currency, msgspec.UNSET)
    if refusal is not None:
        return refusal
    label = given(call.params.label, "")
    which = OrderFilter(currency=_currency(call.params.currency), label=label)
    account_id, exchange = call.account.account_id, call.face.exchange
    orders = exchange.finished_orders(account_id, which) + exchange.open_orders(account_id, which)
    return [order_record(order, call.face) for order in orders]


def _history_by_currency(call: Call) -> object:
    refusal = bad_scope(call.params.currency, call.params.kind)
    if refusal is not None:
        return refusal
    filters = [
        OrderFilter(currency=_currency(call.params.currency), kind=kind)
        for kind in KINDS[given(call.params.kind, "any")]
    ]
    return _history(call, filters)


def _history_by_instrument(call: Call) -> object:
    name = call.params.instrument_name
    if name not in call.face.market.line_of:
        return refusals.NOT_FOUND
    return _history(call, [OrderFilter(instrument_name=name)])


def _history(call: Call, filters: Iterable[OrderFilter]) -> object:
    """Finished orders, latest first; those that never filled only where asked for."""
    count = given_number(call.params.count, ORDERS_DEFAULT)
    offset = given_number(call.params.offset, 0)
    if not 1 <= count <= COUNT_MAX or offset < 0:
        return invalid_params("count", f"must be 1 to {COUNT_MAX}")
    account_id, exchange = call.account.account_id, call.face.exchange
    orders: list[Order] = []
    for which in filters:
        orders += exchange.finished_orders(account_id, which)
    if call.params.include_unfilled is not True:
        orders = [order for order in orders if order.filled_amount]
    orders.sort(key=lambda order: (order.updated_ns, order.order_id), reverse=True)
    return [order_record(order, call.face) for order in orders[offset : offset + count]]


def _currency(currency: str) -> str | None:
    return None if currency == "any" else currency


# Trades


def _trades_by_currency(call: Call) -> object:
    params = call.params
    refusal = bad_scope(params.currency, params.kind)
    if refusal is not None:
        return refusal
    market, kind = call.face.market, given(params.kind, "any")
    trades = [
        user_trade(fill, call.face)
        for fill in call.face.exchange.fills(call.account.account_id)
        if params.currency in ("any", fill.fee_currency)
        and kind in ("any", market.kind(market.line_of[fill.instrument_name]))
    ]
    first, last = number_in(params.start_id), number_in(params.end_id)
    chosen = [
        trade
        for trade in trades
        if (first is None or (number_in(trade.trade_id) or 0) >= first)
        and (last is None or (number_in(trade.trade_id) or 0) <= last)
    ]
    return _page(call, chosen)


def _trades_by_instrument(call: Call) -> object:
    params, name = call.params, call.params.instrument_name
    if name not in call.face.market.line_of:
        return refusals.NOT_FOUND
    fills = call.face.exchange.fills(call.account.account_id, name)
    first, last = given_number(params.start_seq, 0), given_number(params.end_seq, 2**62)
    trades = [user_trade(fill, call.face) for fill in fills]
    return _page(call, [trade for trade in trades if first <= trade.trade_seq <= last])


def _trades_by_order(call: Call) -> object:
    number = parse_order_id(call.params.order_id)
    fills: Sequence[Fill] = call.face.exchange.fills(call.account.account_id)
    trades = [user_trade(f, call.face) for f in fills if f.order_id == str(number)]
    return trades[::-1] if given(call.params.sorting, "default") == "desc" else trades


def _page(call: Call, trades: list[UserTrade]) -> object:
    """Trades of the times asked for: the latest unless sorted upwards, at most `count`."""
    params = call.params
    count, sorting = (
        given_number(params.count, TRADES_DEFAULT),
        given(params.sorting, "default"),
    )
    if not 1 <= count <= COUNT_MAX:
        return invalid_params("count", f"must be 1 to {COUNT_MAX}")
    if sorting not in _SORTINGS:
        return invalid_params("sorting", f"must be one of {', '.join(_SORTINGS)}")
    first = given_number(params.start_timestamp, 0)
    last = given_number(params.end_timestamp, 2**62)
    chosen = [trade for trade in trades if first <= trade.timestamp <= last]
    return page_of(chosen, count, sorting)


def page_of(trades: list[T], count: int, sorting: str) -> dict[str, object]:
    """`count` of `trades`, which are oldest first: the oldest where sorted "asc", else the latest.

    "default" gives the latest ones oldest first, as captured.
    """
    if sorting == "asc":
        page = trades[:count]
    else:
        page = trades[-count:]
        if sorting == "desc":
            page = page[::-1]
    return {"trades": page, "has_more": len(trades) > count}


def number_in(text: Text) -> int | None:
    """The number at the end of a trade id; None where there is none."""
    digits = "" if isinstance(text, msgspec.UnsetType) else text.rpartition("-")[2]
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None


def _trigger_history(call: Call) -> object:
    """None: trigger orders are refused here."""
    refusal = bad_scope(call.params.currency, msgspec.UNSET)
    return refusal or {"entries": [], "continuation": "none"}


# The transaction log


def _transaction_log(call: Call) -> object:
    """Lines of the times asked for, latest first; `continuation` is the id to go on from."""
    params = call.params
    count = given_number(params.count, LOG_DEFAULT)
    if params.currency not in CURRENCIES:
        return invalid_params("currency", f"must be one of {', '.join(CURRENCIES)}")
    if not 1 <= count <= LOG_MAX:
        return invalid_params("count", f"must be 1 to {LOG_MAX}")
    before = given_number(params.continuation, 2**62)
    lines = [
        line
        for line in reversed(call.face.log.lines(call.account.account_id))
        if params.currency in ("any", line.currency)
        and params.start_timestamp <= line.timestamp <= params.end_timestamp
        and line.id < before
        and _answers(line, given(params.query, ""))
    ]
    page = lines[:count]
    return {"logs": page, "continuation": page[-1].id if len(lines) > count else None}


def _answers(line: LogLine, query: str) -> bool:
    """Whether a line is of the type, side or instrument that `query` names; "" asks for all."""
    words = {line.type, str(line.side), str(line.instrument_name), str(line.user_role)}
    return not query or query in words


def _reading(
    run: Callable[[Call], object], params: type[msgspec.Struct], pool: Pool = Pool.GENERAL
) -> Method:
    return Method(run=run, params=params, area="trade", pool=pool)


METHODS: dict[str, Method] = {
    "private/get_open_orders": _reading(_open_orders, OpenOrdersParams),
    "private/get_open_orders_by_currency": _reading(_open_by_currency, OpenByCurrencyParams),
    "private/get_open_orders_by_instrument": _reading(_open_by_instrument, OpenByInstrumentParams),
    "private/get_open_orders_by_label": _reading(_open_by_label, OrdersByLabelParams),
    "private/get_order_state": _reading(_order_state, OrderIdParams),
    "private/get_order_state_by_label": _reading(_order_state_by_label, OrdersByLabelParams),
    "private/get_order_history_by_currency": _reading(
        _history_by_currency, HistoryByCurrencyParams
    ),
    "private/get_order_history_by_instrument": _reading(
        _history_by_instrument, HistoryByInstrumentParams
    ),
    "private/get_user_trades_by_currency": _reading(_trades_by_currency, TradesByCurrencyParams),
    "private/get_user_trades_by_currency_and_time": _reading(
        _trades_by_currency, TimedTradesByCurrencyParams
    ),
    "private/get_user_trades_by_instrument": _reading(
        _trades_by_instrument, TradesByInstrumentParams
    ),
    "private/get_user_trades_by_instrument_and_time": _reading(
        _trades_by_instrument, TimedTradesByInstrumentParams
    ),
    "private/get_user_trades_by_order": _reading(_trades_by_order, TradesByOrderParams),
    "private/get_trigger_order_history": _reading(_trigger_history, TriggerHistoryParams),
    "private/get_transaction_log": _reading(_transaction_log, LogParams, Pool.LOG),
}
