"""Signed endpoints that read: balances, positions, orders, trades, bills; and listen keys."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from quantdesk.domain.instrument import Instrument, Side
from quantdesk.margin.fee_rates import FeeProduct, trade_rates_at
from quantdesk.simulator.binance.calls import Call, Endpoint, Routes, Security, weighing
from quantdesk.simulator.binance.ladder import QUOTE
from quantdesk.simulator.binance.parameters import Parameters
from quantdesk.simulator.binance.records import (
    CASH_DECIMALS,
    NS_PER_MS,
    Record,
    bill_rows,
    exercise_row,
    fixed,
    order_record,
    plain,
    position_record,
    user_trade,
)
from quantdesk.simulator.binance.refusals import (
    NO_LISTEN_KEY,
    NO_ORDER,
    NOT_A_MARKET_MAKER,
    UNAUTHORISED_ACTION,
    RequestRefused,
    missing,
    refuse,
)
from quantdesk.simulator.exchange.orders import Order, OrderFilter
from quantdesk.simulator.exchange.refusals import Refusal
from quantdesk.simulator.exchange.reports import AccountSummary

HISTORY_DAYS = 5
UNFILLED_KEPT_DAYS = 3
"""A finished order without a fill can be asked for by its id this long."""

_DAY_NS = 86_400_000_000_000
ZERO = Decimal(0)


def summary_of(call: Call) -> tuple[AccountSummary, Record]:
    """The account's USDT summary and its /marginAccount row."""
    floor = call.floor
    summary = floor.exchange.summary(call.account_id, QUOTE)
    assert not isinstance(summary, Refusal)
    assert summary.margins is not None
    margins = summary.margins
    longs = sum((p.value for p in floor.exchange.positions(call.account_id) if p.size > 0), ZERO)
    row: Record = {
        "asset": QUOTE,
        "marginBalance": fixed(summary.balance, CASH_DECIMALS),
        "equity": fixed(summary.equity, CASH_DECIMALS),
        "available": fixed(margins.available, CASH_DECIMALS),
        "initialMargin": fixed(margins.initial, CASH_DECIMALS),
        "maintMargin": fixed(margins.maintenance, CASH_DECIMALS),
        "unrealizedPNL": fixed(summary.options_unrealised_pnl, CASH_DECIMALS),
        "adjustedEquity": fixed(summary.balance + longs, CASH_DECIMALS),
    }
    return summary, row


def _margin_account(call: Call) -> Record:
    _, row = summary_of(call)
    return {
        "asset": [row],
        "greek": [
            {
                "underlying": symbol,
                "delta": plain(greeks["delta"]),
                "theta": plain(greeks["theta"]),
                "gamma": plain(greeks["gamma"]),
                "vega": plain(greeks["vega"]),
            }
            for symbol, greeks in call.floor.greeks(call.account_id).items()
        ],
        "time": call.now_ms,
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": True,
        "reduceOnly": False,
        "tradeGroupId": -1,
    }


def _position(call: Call) -> list[Record]:
    wanted = call.instrument_if_sent()
    exchange = call.floor.exchange
    records = []
    for report in exchange.positions(call.account_id):
        if wanted is not None and wanted.name != report.instrument_name:
            continue
        resting = {Side.BUY: ZERO, Side.SELL: ZERO}
        for order in exchange.open_orders(
            call.account_id, OrderFilter(instrument_name=report.instrument_name)
        ):
            resting[order.side] += order.amount - order.filled_amount
        records.append(
            position_record(
                report,
                exchange.listings[report.instrument_name].instrument,
                time_ms=call.floor.market.stamp_ms,
                resting=(resting[Side.BUY], resting[Side.SELL]),
            )
        )
    return records


def _commission(call: Call) -> Record:
    rates = trade_rates_at(FeeProduct.BINANCE_OPTION, call.floor.exchange.now_ns).rates
    return {
        "commissions": [
            {
                "underlying": symbol,
                "makerFee": fixed(rates.maker, 6),
                "takerFee": fixed(rates.taker, 6),
            }
            for symbol in call.floor.market.indexes
        ]
    }


def find_order(call: Call) -> tuple[Order, Instrument]:
    """The order that orderId or clientOrderId name on `symbol`, open or finished.

    Of finished orders with one client id the latest.
    """
    instrument, parameters = call.instrument(), call.parameters
    order_id, label = parameters.integer("orderId"), parameters.client_id()
    exchange, account_id = call.floor.exchange, call.account_id
    if order_id is not None:
        found = exchange.order(account_id, order_id)
        if isinstance(found, Refusal) or found.instrument_name != instrument.name:
            raise RequestRefused(NO_ORDER)
        return found, instrument
    if not label:
        raise missing("orderId")
    which = OrderFilter(instrument_name=instrument.name, label=label)
    orders = exchange.finished_orders(account_id, which) + exchange.open_orders(account_id, which)
    if not orders:
        raise RequestRefused(NO_ORDER)
    return orders[-1], instrument


def _order(call: Call) -> Record:
    order, instrument = find_order(call)
    age_ns = call.floor.exchange.now_ns - order.updated_ns
    is_over = order.status.is_final and not order.filled_amount
    if is_over and age_ns > UNFILLED_KEPT_DAYS * _DAY_NS:
        raise RequestRefused(NO_ORDER)
    return order_record(order, instrument)


def _open_orders(call: Call) -> list[Record]:
    wanted = call.instrument_if_sent()
    start, end = call.parameters.span(call.now_ms)
    first_id = call.parameters.integer("orderId", 0) or 0
    which = OrderFilter(instrument_name=wanted.name if wanted is not None else None)
    return [
        _without_post_only(call, order)
        for order in call.floor.exchange.open_orders(call.account_id, which)
        if order.order_id >= first_id and start <= order.created_ns // NS_PER_MS <= end
    ]


def _open_orders_weight(parameters: Parameters) -> int:
    return 1 if parameters.has("symbol") else 40


def _history_orders(call: Call) -> list[Record]:
    instrument = call.instrument()
    start, end = call.parameters.span(call.now_ms)
    first_id = call.parameters.integer("orderId", 0) or 0
    limit = call.parameters.limit(100, 1000)
    oldest_ns = call.floor.exchange.now_ns - HISTORY_DAYS * _DAY_NS
    orders = call.floor.exchange.finished_orders(
        call.account_id, OrderFilter(instrument_name=instrument.name)
    )
    found = [
        _without_post_only(call, order)
        for order in sorted(orders, key=lambda order: order.order_id)
        if order.updated_ns >= oldest_ns
        and order.order_id >= first_id
        and start <= order.created_ns // NS_PER_MS <= end
    ]
    return found[-limit:]


def _without_post_only(call: Call, order: Order) -> Record:
    """Lists of orders do not say postOnly; GTX does."""
    instrument = call.floor.exchange.listings[order.instrument_name].instrument
    record = order_record(order, instrument)
    del record["postOnly"]
    return record


def _user_trades(call: Call) -> list[Record]:
    instrument = call.instrument()
    start, end = call.parameters.span(call.now_ms)
    first_id = call.parameters.integer("fromId", 0) or 0
    limit = call.parameters.limit(100, 1000)
    found = [
        user_trade(fill, instrument, trade_seq=call.floor.trade_seq(fill))
        for fill in call.floor.exchange.fills(call.account_id, instrument.name)
        if int(fill.trade_id) >= first_id and start <= fill.event_ns // NS_PER_MS <= end
    ]
    # From an id on the oldest are meant, else the latest.
    return found[:limit] if first_id else found[-limit:]


def _exercise_record(call: Call) -> list[Record]:
    wanted = call.instrument_if_sent()
    start, end = call.parameters.span(call.now_ms)
    limit = call.parameters.limit(1000, 1000)
    found = [
        exercise_row(entry, call.floor.exchange.listings[entry.instrument_name].instrument)
        for entry in call.floor.deliveries(call.account_id)
        if start <= entry.event_ns // NS_PER_MS <= end
        and (wanted is None or wanted.name == entry.instrument_name)
    ]
    return found[-limit:]


def _bill(call: Call) -> list[Record]:
    """Newest first, as captured."""
    currency = call.parameters.text("currency")
    if currency != QUOTE:
        raise refuse(-1129, "Invalid asset.")
    start, end = call.parameters.span(call.now_ms)
    last_id = call.parameters.integer("recordId")
    limit = call.parameters.limit(100, 1000)
    found: list[Record] = []
    for entry in reversed(call.floor.exchange.statement(call.account_id)):
        if start <= entry.event_ns // NS_PER_MS <= end:
            found += bill_rows(entry)
    if last_id is not None:
        found = [row for row in found if int(str(row["id"])) <= last_id]
    return found[:limit]


def _start_listen_key(call: Call) -> Record:
    key, valid_ns = call.listen_keys.start(call.account_id, call.floor.venue.clock.now_ns())
    return {"listenKey": key, "expiration": call.now_ms + valid_ns // NS_PER_MS}


def _extend_listen_key(call: Call) -> Record:
    if not call.listen_keys.extend(call.account_id, call.floor.venue.clock.now_ns()):
        raise RequestRefused(NO_LISTEN_KEY)
    return {}


def _close_listen_key(call: Call) -> Record:
    if call.listen_keys.close(call.account_id) is None:
        raise RequestRefused(NO_LISTEN_KEY)
    return {}


def _not_a_market_maker(_call: Call) -> Record:
    raise RequestRefused(NOT_A_MARKET_MAKER)


def _not_authorised(_call: Call) -> Record:
    raise RequestRefused(UNAUTHORISED_ACTION)


def _signed(handle: Callable[[Call], Any], weight: int = 1) -> Endpoint:
    return Endpoint(handle=handle, security=Security.SIGNED, weight=weighing(weight))


ROUTES: Routes = {
    ("GET", "/marginAccount"): _signed(_margin_account, 3),
    ("GET", "/position"): _signed(_position, 5),
    ("GET", "/commission"): _signed(_commission, 5),
    ("GET", "/order"): _signed(_order),
    ("GET", "/openOrders"): Endpoint(
        handle=_open_orders, security=Security.SIGNED, weight=_open_orders_weight
    ),
    ("GET", "/historyOrders"): _signed(_history_orders, 3),
    ("GET", "/userTrades"): _signed(_user_trades, 5),
    ("GET", "/exerciseRecord"): _signed(_exercise_record, 5),
    ("GET", "/bill"): _signed(_bill),
    ("POST", "/listenKey"): Endpoint(handle=_start_listen_key, security=Security.KEY),
    ("PUT", "/listenKey"): Endpoint(handle=_extend_listen_key, security=Security.KEY),
    ("DELETE", "/listenKey"): Endpoint(handle=_close_listen_key, security=Security.KEY),
    # Left for later: market maker protection, countdowns and block trades.
    ("GET", "/mmp"): _signed(_not_a_market_maker),
    ("POST", "/mmpSet"): _signed(_not_a_market_maker),
    ("POST", "/mmpReset"): _signed(_not_a_market_maker),
    ("GET", "/countdownCancelAll"): _signed(_not_a_market_maker),
    ("POST", "/countdownCancelAll"): _signed(_not_a_market_maker),
    ("POST", "/countdownCancelAllHeartBeat"): _signed(_not_a_market_maker, 10),
    ("POST", "/block/order/create"): _signed(_not_authorised, 5),
    ("PUT", "/block/order/create"): _signed(_not_authorised, 5),
    ("DELETE", "/block/order/create"): _signed(_not_authorised, 5),
    ("POST", "/block/order/execute"): _signed(_not_authorised, 5),
    ("GET", "/block/order/execute"): _signed(_not_authorised, 5),
    ("GET", "/block/order/orders"): _signed(_not_authorised, 5),
    ("GET", "/block/user-trades"): _signed(_not_authorised, 5),
    ("POST", "/stock/contract"): _signed(_not_authorised, 50),
}
