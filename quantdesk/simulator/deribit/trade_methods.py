"""The public methods on trades."""

from __future__ import annotations

import msgspec

from quantdesk.simulator.deribit import refusals
from quantdesk.simulator.deribit.calls import Call, Method, Text, Whole, given, given_number
from quantdesk.simulator.deribit.market_methods import bad_scope
from quantdesk.simulator.deribit.order_queries import COUNT_MAX, TRADES_DEFAULT, page_of
from quantdesk.simulator.deribit.records import PublicTrade
from quantdesk.simulator.deribit.refusals import invalid_params

_SORTINGS = ("asc", "desc", "default")
_MINUTE_MS = 60_000
_DAY_MINUTES = 1_440
CANDLES_MAX = 5_000


class TradesParams(msgspec.Struct, frozen=True):
    instrument_name: str
    start_seq: Whole = msgspec.UNSET
    end_seq: Whole = msgspec.UNSET
    start_timestamp: Whole = msgspec.UNSET
    end_timestamp: Whole = msgspec.UNSET
    count: Whole = msgspec.UNSET
    sorting: Text = msgspec.UNSET


class CurrencyTradesParams(msgspec.Struct, frozen=True):
    currency: str
    kind: Text = msgspec.UNSET
    start_timestamp: Whole = msgspec.UNSET
    end_timestamp: Whole = msgspec.UNSET
    count: Whole = msgspec.UNSET
    sorting: Text = msgspec.UNSET


class ChartParams(msgspec.Struct, frozen=True):
    instrument_name: str
    start_timestamp: int
    end_timestamp: int
    resolution: str


def _by_instrument(call: Call) -> object:
    name, params = call.params.instrument_name, call.params
    if name not in call.face.market.line_of:
        return refusals.NOT_FOUND
    first, last = given_number(params.start_seq, 0), given_number(params.end_seq, 2**62)
    trades = call.face.tape.of_instrument(name)
    return _page(call, [trade for trade in trades if first <= trade.trade_seq <= last])


def _by_currency(call: Call) -> object:
    params = call.params
    refusal = bad_scope(params.currency, params.kind)
    if refusal is not None:
        return refusal
    currency = None if params.currency == "any" else params.currency
    return _page(call, list(call.face.tape.of(currency, given(params.kind, "any"))))


def _page(call: Call, trades: list[PublicTrade]) -> object:
    params = call.params
    count = given_number(params.count, TRADES_DEFAULT)
    sorting = given(params.sorting, "default")
    if not 1 <= count <= COUNT_MAX:
        return invalid_params("count", f"must be 1 to {COUNT_MAX}")
    if sorting not in _SORTINGS:
        return invalid_params("sorting", f"must be one of {', '.join(_SORTINGS)}")
    first = given_number(params.start_timestamp, 0)
    last = given_number(params.end_timestamp, 2**62)
    return page_of([t for t in trades if first <= t.timestamp <= last], count, sorting)


def _chart(call: Call) -> object:
    """Candles of what was traded here, those with trades only."""
    params, name = call.params, call.params.instrument_name
    if name not in call.face.market.line_of:
        return refusals.NOT_FOUND
    minutes = _DAY_MINUTES if params.resolution == "1D" else _minutes(params.resolution)
    if minutes is None:
        return invalid_params("resolution", "must be a count of minutes up to 720, or 1D")
    candles: dict[int, list[PublicTrade]] = {}
    for trade in call.face.tape.of_instrument(name):
        if params.start_timestamp <= trade.timestamp <= params.end_timestamp:
            tick_ms = trade.timestamp - trade.timestamp % (minutes * _MINUTE_MS)
            candles.setdefault(tick_ms, []).append(trade)
    shown = list(candles.items())[-CANDLES_MAX:]
    is_future = call.face.market.kind(call.face.market.line_of[name]) == "future"
    coins = [
        sum(t.amount / t.price if is_future else t.amount for t in trades) for _, trades in shown
    ]
    cost = [
        sum(t.amount if is_future else t.amount * t.price for t in trades) for _, trades in shown
    ]
    return {
        "status": "ok" if shown else "no_data",
        "ticks": [tick_ms for tick_ms, _ in shown],
        "open": [trades[0].price for _, trades in shown],
        "high": [max(t.price for t in trades) for _, trades in shown],
        "low": [min(t.price for t in trades) for _, trades in shown],
        "close": [trades[-1].price for _, trades in shown],
        "volume": [round(volume, 8) for volume in coins],
        "cost": [round(money, 8) for money in cost],
    }


def _minutes(text: str) -> int | None:
    allowed = {"1", "3", "5", "10", "15", "30", "60", "120", "180", "360", "720"}
    return int(text) if text in allowed else None


METHODS: dict[str, Method] = {
    "public/get_last_trades_by_instrument": Method(run=_by_instrument, params=TradesParams),
    "public/get_last_trades_by_instrument_and_time": Method(
        run=_by_instrument, params=TradesParams
    ),
    "public/get_last_trades_by_currency": Method(run=_by_currency, params=CurrencyTradesParams),
    "public/get_last_trades_by_currency_and_time": Method(
        run=_by_currency, params=CurrencyTradesParams
    ),
    "public/get_tradingview_chart_data": Method(run=_chart, params=ChartParams),
}
