"""The methods that change orders: buy, sell, edit, cancel in all their forms, close a position."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import msgspec

from quantdesk.domain.instrument import InstrumentKind, Side
from quantdesk.domain.order import OrderStatus, OrderType
from quantdesk.simulator.deribit import refusals
from quantdesk.simulator.deribit.calls import Call, Flag, Method, Text, given
from quantdesk.simulator.deribit.credits import Pool
from quantdesk.simulator.deribit.market_methods import CURRENCIES
from quantdesk.simulator.deribit.names import parse_order_id
from quantdesk.simulator.deribit.order_params import (
    EditByLabelParams,
    EditParams,
    Number,
    OrderParams,
    order_edit,
    order_request,
)
from quantdesk.simulator.deribit.order_records import order_record, user_trade
from quantdesk.simulator.deribit.order_refusals import translated
from quantdesk.simulator.deribit.refusals import Refusal, invalid_params
from quantdesk.simulator.exchange.orders import Order, OrderFilter, SelfTrade
from quantdesk.simulator.exchange.refusals import Refusal as ExchangeRefusal
from quantdesk.simulator.exchange.trading import OrderResult

Outcome = OrderResult | ExchangeRefusal

KINDS: dict[str, tuple[InstrumentKind | None, ...]] = {
    "any": (None,),
    "option": (InstrumentKind.OPTION,),
    "future": (InstrumentKind.FUTURE, InstrumentKind.PERPETUAL),
    "spot": (),
    "future_combo": (),
    "option_combo": (),
}
"""What a kind of the venue is to the exchange; None is every kind."""

_TRIGGER_TYPES = ("trigger_all", "stop", "take", "trailing_stop")


class OrderIdParams(msgspec.Struct, frozen=True):
    order_id: str


class LabelParams(msgspec.Struct, frozen=True):
    label: str
    currency: Text = msgspec.UNSET


class CancelAllParams(msgspec.Struct, frozen=True):
    detailed: Flag = msgspec.UNSET


class CancelByCurrencyParams(msgspec.Struct, frozen=True):
    currency: str
    kind: Text = msgspec.UNSET
    type: Text = msgspec.UNSET
    detailed: Flag = msgspec.UNSET


class CancelByPairParams(msgspec.Struct, frozen=True):
    currency_pair: str
    kind: Text = msgspec.UNSET
    type: Text = msgspec.UNSET
    detailed: Flag = msgspec.UNSET


class CancelByInstrumentParams(msgspec.Struct, frozen=True):
    instrument_name: str
    type: Text = msgspec.UNSET
    detailed: Flag = msgspec.UNSET


class CancelByKindParams(msgspec.Struct, frozen=True):
    currency: str | list[str]
    kind: Text = msgspec.UNSET
    type: Text = msgspec.UNSET
    detailed: Flag = msgspec.UNSET


class ClosePositionParams(msgspec.Struct, frozen=True):
    instrument_name: str
    type: str
    price: Number = msgspec.UNSET


class SelfTradingParams(msgspec.Struct, frozen=True):
    mode: str
    extended_to_subaccounts: Flag = msgspec.UNSET


def _while_trading(method: Callable[[Call, int], object]) -> Callable[[Call], object]:
    """A method that is given the exchange's time, and refused while the venue settles."""

    def run(call: Call) -> object:
        if call.face.is_settling():
            return refusals.SETTLEMENT
        return method(call, call.face.venue.trading_now_ns())

    return run


def _buy(call: Call, now_ns: int) -> object:
    return _submit(call, Side.BUY, now_ns)


def _sell(call: Call, now_ns: int) -> object:
    return _submit(call, Side.SELL, now_ns)


def _submit(call: Call, side: Side, now_ns: int) -> object:
    request = order_request(call, side, now_ns)
    if isinstance(request, Refusal):
        return request
    return _told(call, call.face.exchange.submit(call.account.account_id, request))


def _told(call: Call, outcome: Outcome) -> object:
    """The answer to what was bought, sold or edited."""
    if isinstance(outcome, ExchangeRefusal):
        return translated(outcome)
    face = call.face
    # The tape is read for the trades' numbers, so it must hold them before they are told.
    call.face.note_trades()
    return {
        "order": order_record(outcome.order, face),
        "trades": [user_trade(fill, face) for fill in outcome.fills],
    }


def _edit(call: Call, now_ns: int) -> object:
    order = _own_order(call, call.params.order_id)
    if isinstance(order, Refusal):
        return order
    if order.status is OrderStatus.FILLED:
        return refusals.ALREADY_FILLED
    return _apply_edit(call, order, now_ns)


def _edit_by_label(call: Call, now_ns: int) -> object:
    which = OrderFilter(instrument_name=call.params.instrument_name, label=call.params.label)
    orders = call.face.exchange.open_orders(call.account.account_id, which)
    if not orders:
        return refusals.ORDER_NOT_FOUND
    if len(orders) > 1:
        return refusals.AMBIGUOUS_LABEL
    return _apply_edit(call, orders[0], now_ns)


def _apply_edit(call: Call, order: Order, now_ns: int) -> object:
    change = order_edit(call, order.instrument_name, now_ns)
    if isinstance(change, Refusal):
        return change
    account_id = call.account.account_id
    return _told(call, call.face.exchange.edit(account_id, order.order_id, change))


def _cancel(call: Call, _now_ns: int) -> object:
    order = _own_order(call, call.params.order_id)
    if isinstance(order, Refusal):
        return order
    if order.status.is_final:
        return refusals.NOT_OPEN
    ended = call.face.exchange.cancel(call.account.account_id, order.order_id)
    if isinstance(ended, ExchangeRefusal):
        return translated(ended)
    return order_record(ended, call.face)


def _own_order(call: Call, order_id: str) -> Order | Refusal:
    number = parse_order_id(order_id)
    if number is None:
        return refusals.ORDER_NOT_FOUND
    order = call.face.exchange.order(call.account.account_id, number)
    return translated(order) if isinstance(order, ExchangeRefusal) else order


def _cancel_by_label(call: Call, _now_ns: int) -> object:
    currency = given(call.params.currency, "any")
    if currency not in CURRENCIES:
        return invalid_params("currency", f"must be one of {', '.join(CURRENCIES)}")
    which = OrderFilter(label=call.params.label, currency=None if currency == "any" else currency)
    return len(call.face.exchange.cancel_orders(call.account.account_id, which))


def _cancel_all(call: Call, _now_ns: int) -> object:
    return _cancelled(call, [OrderFilter()])


def _cancel_by_currency(call: Call, _now_ns: int) -> object:
    filters = _filters([call.params.currency], call.params.kind, call.params.type)
    return filters if isinstance(filters, Refusal) else _cancelled(call, filters)


def _cancel_by_kind(call: Call, _now_ns: int) -> object:
    asked = call.params.currency
    currencies = [asked] if isinstance(asked, str) else asked
    filters = _filters(currencies, call.params.kind, call.params.type)
    return filters if isinstance(filters, Refusal) else _cancelled(call, filters)


def _cancel_by_pair(call: Call, _now_ns: int) -> object:
    """A pair of currencies is an index here, "btc_usd"."""
    pair, market = call.params.currency_pair, call.face.market
    if pair not in call.face.venue.indexes:
        return invalid_params(
            "currency_pair", f"must be one of {', '.join(call.face.venue.indexes)}"
        )
    currency = next(one for one in market.currencies if pair == f"{one.lower()}_usd")
    filters = _filters([currency], call.params.kind, call.params.type)
    return filters if isinstance(filters, Refusal) else _cancelled(call, filters)


def _cancel_by_instrument(call: Call, _now_ns: int) -> object:
    name = call.params.instrument_name
    if name not in call.face.market.line_of:
        return refusals.NOT_FOUND
    wanted = order_types(call.params.type)
    if isinstance(wanted, Refusal):
        return wanted
    filters = [OrderFilter(instrument_name=name, order_type=one) for one in wanted]
    return _cancelled(call, filters)


def _filters(currencies: list[str], kind: Text, order_type: Text) -> list[OrderFilter] | Refusal:
    unknown = [currency for currency in currencies if currency not in CURRENCIES]
    if unknown:
        return invalid_params("currency", f"must be one of {', '.join(CURRENCIES)}")
    wanted = order_types(order_type)
    if isinstance(wanted, Refusal):
        return wanted
    if given(kind, "any") not in KINDS:
        return invalid_params("kind", f"must be one of {', '.join(KINDS)}")
    return [
        OrderFilter(currency=None if currency == "any" else currency, kind=one, order_type=of_type)
        for currency in currencies
        for one in KINDS[given(kind, "any")]
        for of_type in wanted
    ]


def order_types(order_type: Text) -> tuple[OrderType | None, ...] | Refusal:
    """What an order type of the venue is to the exchange; None is every type."""
    name = given(order_type, "all")
    if name == "all":
        return (None,)
    if name == "limit":
        return (OrderType.LIMIT, OrderType.MARKET_LIMIT)
    if name in _TRIGGER_TYPES:
        return ()
    return invalid_params("type", f"must be one of {', '.join(('all', 'limit', *_TRIGGER_TYPES))}")


def _cancelled(call: Call, filters: list[OrderFilter]) -> object:
    """The count of what was cancelled, or with `detailed` the orders by instrument."""
    face, account_id = call.face, call.account.account_id
    ended = [order for which in filters for order in face.exchange.cancel_orders(account_id, which)]
    if call.params.detailed is not True:
        return len(ended)
    groups: dict[str, list[object]] = {}
    for order in ended:
        groups.setdefault(order.instrument_name, []).append(order_record(order, face))
    return [
        {
            "currency": face.market.currency(face.market.line_of[name]),
            "type": "limit",
            "instrument_name": name,
            "result": orders,
        }
        for name, orders in groups.items()
    ]


def _close_position(call: Call, _now_ns: int) -> object:
    name, kind = call.params.instrument_name, call.params.type
    if name not in call.face.market.line_of:
        return refusals.NOT_FOUND
    if kind not in ("limit", "market"):
        return invalid_params("type", "must be limit or market")
    price = call.params.price if isinstance(call.params.price, Decimal) else None
    if kind == "limit" and price is None:
        return invalid_params("price", "required")
    outcome = call.face.exchange.close_position(
        call.account.account_id,
        name,
        price=price if kind == "limit" else None,
        session=call.caller.connection_id if call.caller is not None else "",
    )
    return _told(call, outcome)


def _set_self_trading(call: Call) -> object:
    modes = {"reject_taker": SelfTrade.REJECT_TAKER, "cancel_maker": SelfTrade.CANCEL_MAKER}
    mode = modes.get(call.params.mode)
    if mode is None:
        return invalid_params("mode", f"must be one of {', '.join(modes)}")
    call.face.exchange.set_self_trade(call.account.account_id, mode)
    call.face.self_trading[call.account.user_id] = call.params.mode
    return "ok"


def _matching(run: Callable[[Call, int], object], params: type[msgspec.Struct]) -> Method:
    """A method of the matching engine."""
    return Method(
        run=_while_trading(run),
        params=params,
        area="trade",
        level="read_write",
        pool=Pool.MATCHING,
    )


METHODS: dict[str, Method] = {
    "private/buy": _matching(_buy, OrderParams),
    "private/sell": _matching(_sell, OrderParams),
    "private/edit": _matching(_edit, EditParams),
    "private/edit_by_label": _matching(_edit_by_label, EditByLabelParams),
    "private/cancel": _matching(_cancel, OrderIdParams),
    "private/cancel_by_label": _matching(_cancel_by_label, LabelParams),
    "private/cancel_all": _matching(_cancel_all, CancelAllParams),
    "private/cancel_all_by_currency": _matching(_cancel_by_currency, CancelByCurrencyParams),
    "private/cancel_all_by_currency_pair": _matching(_cancel_by_pair, CancelByPairParams),
    "private/cancel_all_by_instrument": _matching(_cancel_by_instrument, CancelByInstrumentParams),
    "private/cancel_all_by_kind_or_type": _matching(_cancel_by_kind, CancelByKindParams),
    "private/close_position": _matching(_close_position, ClosePositionParams),
    "private/set_self_trading_config": Method(
        run=_set_self_trading, params=SelfTradingParams, area="trade", level="read_write"
    ),
}
