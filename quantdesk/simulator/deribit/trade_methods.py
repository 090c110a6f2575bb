"""The public methods on trades."""

from __future__ import annotations

import msgspec

from quantdesk.simulator.deribit import refusals
from quantdesk.simulator.deribit.calls import Call, Flag, Method, given, given_number
from quantdesk.simulator.deribit.market_methods import bad_scope
from quantdesk.simulator.deribit.order_queries import (
    COUNT_MAX,
    TRADES_DEFAULT,
    TimedTradesByCurrencyParams,
    TimedTradesByInstrumentParams,
    TradesByCurrencyParams,
    TradesByInstrumentParams,
    number_in,
    page_of,
)
from quantdesk.simulator.deribit.records import PublicTrade
from quantdesk.simulator.deribit.refusals import invalid_params

_SORTINGS = ("asc", "desc", "default")


class VolumesParams(msgspec.Struct, frozen=True):
    extended: Flag = msgspec.UNSET


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
    first, last = number_in(params.start_id) or 0, number_in(params.end_id)
    trades = [
        trade
        for trade in call.face.tape.of(currency, given(params.kind, "any"))
        if first <= (number_in(trade.trade_id) or 0) <= (2**62 if last is None else last)
    ]
    return _page(call, trades)


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


def _volumes(call: Call) -> object:
    """Coins traded in a day by currency: what was recorded, and what was traded here on top."""
    return [_volume(call, currency) for currency in call.face.market.currencies]


def _volume(call: Call, currency: str) -> dict[str, object]:
    market = call.face.market
    kinds = {"calls": 0.0, "puts": 0.0, "futures": 0.0}
    for line in market.lines(currency):
        record = market.instrument(line)
        side = getattr(record, "option_type", None)
        kinds[f"{side}s" if side is not None else "futures"] += market.volume(line)
    spans = ("", "_7d", "_30d") if call.params.extended is True else ("",)
    volumes: dict[str, object] = {
        f"{kind}_volume{span}": round(volume, 8) for span in spans for kind, volume in kinds.items()
    }
    spot: dict[str, object] = {f"spot_volume{span}": 0.0 for span in spans}
    return {"currency": currency, "currency_pair": f"{currency.lower()}_usd", **volumes, **spot}


METHODS: dict[str, Method] = {
    "public/get_last_trades_by_instrument": Method(
        run=_by_instrument, params=TradesByInstrumentParams
    ),
    "public/get_last_trades_by_instrument_and_time": Method(
        run=_by_instrument, params=TimedTradesByInstrumentParams
    ),
    "public/get_last_trades_by_currency": Method(run=_by_currency, params=TradesByCurrencyParams),
    "public/get_last_trades_by_currency_and_time": Method(
        run=_by_currency, params=TimedTradesByCurrencyParams
    ),
    "public/get_trade_volumes": Method(run=_volumes, params=VolumesParams),
}
