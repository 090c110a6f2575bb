"""Endpoints that act: new orders and cancels, one or many."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from quantdesk.domain.instrument import Side
from quantdesk.domain.order import OrderStatus, TimeInForce
from quantdesk.simulator.binance.account_endpoints import find_order
from quantdesk.simulator.binance.calls import Call, Endpoint, Routes, Security, weighing
from quantdesk.simulator.binance.floor import OPEN_ORDERS_PER_UNDERLYING
from quantdesk.simulator.binance.parameters import Parameters, as_parameters
from quantdesk.simulator.binance.records import (
    STP_MODES,
    Record,
    batch_cancelled_record,
    cancelled_record,
    order_record,
)
from quantdesk.simulator.binance.refusals import (
    FOK_REJECTED,
    NOT_A_MARKET_MAKER,
    TOO_MANY_IN_BATCH,
    TOO_MANY_ON_UNDERLYING,
    RequestRefused,
    from_exchange,
    missing,
    refuse,
)
from quantdesk.simulator.exchange.orders import (
    Order,
    OrderFilter,
    OrderRequest,
    PostOnly,
    SelfTrade,
)
from quantdesk.simulator.exchange.refusals import EndReason, Refusal

BATCH_MAX = 10

_SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}
_TYPES = {"LIMIT": "LIMIT"}
_TIFS = {
    "GTC": TimeInForce.GTC,
    "IOC": TimeInForce.IOC,
    "FOK": TimeInForce.FOK,
    "GTX": TimeInForce.GTC,
}
_ANSWERS = {"ACK": False, "RESULT": True}
_NO_PREVENTION = ("FOK", "GTX")
"""Times in force for which the venue does not prevent self-trades."""


def _new_order(call: Call) -> Record:
    return _place(call, call.parameters)


def _place(call: Call, parameters: Parameters) -> Record:
    """Send one order. ACK shows it as it was taken, RESULT as it is after matching."""
    call = replace(call, parameters=parameters)
    instrument = call.instrument()
    request = _order_request(parameters, instrument.name)
    shows_result = False
    if parameters.has("newOrderRespType"):
        error = refuse(-1130, "Data sent for parameter 'newOrderRespType' is not valid.")
        shows_result = parameters.choice("newOrderRespType", _ANSWERS, error)
    if parameters.boolean("isMmp"):
        raise RequestRefused(NOT_A_MARKET_MAKER)
    if 0 < request.amount < instrument.amount_min:
        raise refuse(-4004, "Quantity less than min quantity.")
    exchange = call.floor.exchange
    on_underlying = exchange.open_orders(
        call.account_id, OrderFilter(underlying=instrument.underlying)
    )
    if len(on_underlying) >= OPEN_ORDERS_PER_UNDERLYING:
        raise RequestRefused(TOO_MANY_ON_UNDERLYING)
    result = exchange.submit(call.account_id, request)
    if isinstance(result, Refusal):
        raise RequestRefused(from_exchange(result))
    order = result.order
    if order.end_reason is EndReason.NOT_FILLABLE:
        raise RequestRefused(FOK_REJECTED)
    return order_record(order if shows_result else _as_taken(order), instrument)


def _order_request(parameters: Parameters, symbol: str) -> OrderRequest:
    side = parameters.choice("side", _SIDES, refuse(-1117, "Invalid side."))
    parameters.choice("type", _TYPES, refuse(-1116, "Invalid orderType."))
    amount = parameters.decimal("quantity")
    if amount is None:
        raise missing("quantity")
    word = "GTC"
    if parameters.has("timeInForce"):
        words = {tif: tif for tif in _TIFS}
        word = parameters.choice("timeInForce", words, refuse(-1115, "Invalid timeInForce."))
    is_post_only = word == "GTX" or parameters.boolean("postOnly")
    if is_post_only and word in ("IOC", "FOK"):
        raise refuse(-1014, "Unsupported order combination.")
    mode = SelfTrade.CANCEL_MAKER
    if parameters.has("selfTradePreventionMode"):
        error = refuse(-1130, "Data sent for parameter 'selfTradePreventionMode' is not valid.")
        mode = parameters.choice("selfTradePreventionMode", STP_MODES, error)
    return OrderRequest(
        instrument_name=symbol,
        side=side,
        amount=amount,
        price=parameters.decimal("price"),
        time_in_force=_TIFS[word],
        post_only=PostOnly.REJECT if is_post_only else PostOnly.NO,
        is_reduce_only=parameters.boolean("reduceOnly"),
        self_trade=SelfTrade.ALLOW if word in _NO_PREVENTION else mode,
        label=parameters.client_id(),
    )


def _as_taken(order: Order) -> Order:
    """The order before it was matched."""
    return replace(
        order,
        filled_amount=Decimal(0),
        average_price=None,
        fee=Decimal(0),
        status=OrderStatus.OPEN,
        end_reason=None,
        updated_ns=order.created_ns,
    )


def _batch_orders(call: Call) -> list[Record]:
    answers: list[Record] = []
    for record in _batch(call.parameters):
        try:
            answers.append(_place(call, as_parameters(record)))
        except RequestRefused as refused:
            answers.append(refused.refusal.body())
    return answers


def _batch(parameters: Parameters) -> list[Any]:
    """The orders of a batch; ccxt still sends them as `batchOrders`."""
    name = "orders" if parameters.has("orders") else "batchOrders"
    if not parameters.has(name):
        raise missing("orders")
    records = parameters.json_list(name)
    if len(records) > BATCH_MAX:
        raise RequestRefused(TOO_MANY_IN_BATCH)
    return records


def _batch_size(parameters: Parameters) -> int:
    return len(_batch(parameters))


def _cancel_order(call: Call) -> Record:
    order, instrument = find_order(call)
    ended = call.floor.exchange.cancel(call.account_id, order.order_id)
    if isinstance(ended, Refusal):
        raise RequestRefused(from_exchange(ended))
    return cancelled_record(ended, instrument)


def _cancel_batch(call: Call) -> list[Record]:
    instrument = call.instrument()
    by_id = call.parameters.has("orderIds")
    values = call.parameters.json_list("orderIds" if by_id else "clientOrderIds")
    if len(values) > BATCH_MAX:
        raise RequestRefused(TOO_MANY_IN_BATCH)
    answers: list[Record] = []
    for value in values:
        field = "orderId" if by_id else "clientOrderId"
        one = Parameters({"symbol": instrument.name, field: str(value)})
        try:
            order, _ = find_order(replace(call, parameters=one))
            ended = call.floor.exchange.cancel(call.account_id, order.order_id)
            if isinstance(ended, Refusal):
                raise RequestRefused(from_exchange(ended))
            answers.append(batch_cancelled_record(ended, instrument))
        except RequestRefused as refused:
            answers.append(refused.refusal.body())
    return answers


def _cancel_symbol(call: Call) -> Record:
    """The code is a string here, and a number where a whole underlying is cancelled."""
    which = OrderFilter(instrument_name=call.instrument().name)
    call.floor.exchange.cancel_orders(call.account_id, which)
    return {"code": "0", "msg": "success"}


def _cancel_underlying(call: Call) -> Record:
    which = OrderFilter(underlying=call.contract().coin)
    call.floor.exchange.cancel_orders(call.account_id, which)
    return {"code": 0, "msg": "success"}


def _one_order(_parameters: Parameters) -> int:
    return 1


ROUTES: Routes = {
    ("POST", "/order"): Endpoint(
        handle=_new_order, security=Security.SIGNED, weight=weighing(0), orders=_one_order
    ),
    ("POST", "/batchOrders"): Endpoint(
        handle=_batch_orders, security=Security.SIGNED, weight=weighing(5), orders=_batch_size
    ),
    ("DELETE", "/order"): Endpoint(handle=_cancel_order, security=Security.SIGNED),
    ("DELETE", "/batchOrders"): Endpoint(handle=_cancel_batch, security=Security.SIGNED),
    ("DELETE", "/allOpenOrders"): Endpoint(handle=_cancel_symbol, security=Security.SIGNED),
    ("DELETE", "/allOpenOrdersByUnderlying"): Endpoint(
        handle=_cancel_underlying, security=Security.SIGNED, weight=weighing(5)
    ),
}
