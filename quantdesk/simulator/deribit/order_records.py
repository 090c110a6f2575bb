"""Orders and an account's trades as Deribit prints them, with the fields of captured answers."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from quantdesk.domain.fill import Fill, Liquidity
from quantdesk.domain.order import OrderStatus, OrderType, TimeInForce
from quantdesk.simulator.deribit.face import DeribitFace
from quantdesk.simulator.deribit.market import NS_PER_MS
from quantdesk.simulator.deribit.names import printed_order_id
from quantdesk.simulator.exchange.orders import Order, PostOnly
from quantdesk.simulator.exchange.refusals import EndReason

MARKET_PRICE = "market_price"
_AVERAGE_DECIMALS = 8

_STATES = {
    OrderStatus.NEW: "open",
    OrderStatus.OPEN: "open",
    OrderStatus.PARTIAL: "open",
    OrderStatus.FILLED: "filled",
    OrderStatus.CANCELLED: "cancelled",
    OrderStatus.EXPIRED: "cancelled",
    OrderStatus.REJECTED: "rejected",
}
_TIMES_IN_FORCE = {
    TimeInForce.GTC: "good_til_cancelled",
    TimeInForce.GTD: "good_til_day",
    TimeInForce.IOC: "immediate_or_cancel",
    TimeInForce.FOK: "fill_or_kill",
}
_CANCEL_REASONS = {
    EndReason.USER_REQUEST: "user_request",
    EndReason.SELF_TRADE: "order_overlap",
    EndReason.DISCONNECT: "cancel_on_disconnect",
    EndReason.TIME_REACHED: "settlement",
    EndReason.SETTLEMENT: "settlement",
    EndReason.REDUCE_ONLY: "risk_mitigation",
}
"""What the venue has a word for; an unfilled rest of IOC and FOK orders ends without one."""


class OrderRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An order. `cancel_reason` only where it was cancelled."""

    label: str
    price: float | str
    user_id: int
    amount: float
    direction: str
    time_in_force: str
    instrument_name: str
    web: bool
    api: bool
    order_id: str
    creation_timestamp: int
    replaced: bool
    filled_amount: float
    last_update_timestamp: int
    post_only: bool
    reduce_only: bool
    cancel_reason: str | msgspec.UnsetType
    average_price: float
    mmp: bool
    contracts: float
    reject_post_only: bool
    order_state: str
    order_type: str
    is_liquidation: bool
    risk_reducing: bool


class UserTrade(msgspec.Struct, frozen=True, kw_only=True):
    """A trade as its account sees it. `iv` and `underlying_price` of options only."""

    trade_seq: int
    trade_id: str
    timestamp: int
    tick_direction: int
    state: str
    user_id: int
    self_trade: bool
    risk_reducing: bool
    reduce_only: bool
    profit_loss: float
    price: float
    post_only: bool
    order_type: str
    order_id: str
    mmp: bool
    matching_id: None
    mark_price: float
    liquidity: str
    label: str
    iv: float | msgspec.UnsetType
    underlying_price: float | msgspec.UnsetType
    instrument_name: str
    index_price: float
    fee_currency: str
    fee: float
    direction: str
    contracts: float
    api: bool
    amount: float


def user_id_of(account_id: str) -> int:
    """The number in an account's name at the exchange."""
    return int(account_id.rpartition("-")[2])


def order_record(order: Order, face: DeribitFace) -> OrderRecord:
    """An order as of now."""
    record = face.market.instrument(face.market.line_of[order.instrument_name])
    end = order.end_reason
    reason = None if end is None else _CANCEL_REASONS.get(end)
    return OrderRecord(
        label=order.label,
        price=_price(order),
        user_id=user_id_of(order.account_id),
        amount=float(order.amount),
        direction=order.side.value,
        time_in_force=_TIMES_IN_FORCE[order.time_in_force],
        instrument_name=order.instrument_name,
        web=False,
        api=True,
        order_id=printed_order_id(record.settlement_currency, order.order_id),
        creation_timestamp=order.created_ns // NS_PER_MS,
        replaced=order.is_replaced,
        filled_amount=float(order.filled_amount),
        last_update_timestamp=order.updated_ns // NS_PER_MS,
        post_only=order.post_only is not PostOnly.NO,
        reduce_only=order.is_reduce_only,
        cancel_reason=msgspec.UNSET if reason is None else reason,
        average_price=_rounded(order.average_price),
        mmp=False,
        contracts=float(order.amount) / record.contract_size,
        reject_post_only=order.post_only is PostOnly.REJECT,
        order_state=_STATES[order.status],
        order_type=order.order_type.value,
        is_liquidation=False,
        risk_reducing=False,
    )


def user_trade(fill: Fill, face: DeribitFace) -> UserTrade:
    """A fill with what the tape and its order say of it."""
    name = fill.instrument_name
    record = face.market.instrument(face.market.line_of[name])
    trade_id = face.tape.trade_id(name, int(fill.trade_id))
    printed = face.tape.find(trade_id)
    found = face.exchange.order(fill.account, int(fill.order_id))
    order = found if isinstance(found, Order) else None
    is_option = record.kind == "option"
    amount = float(fill.amount)
    return UserTrade(
        trade_seq=printed.trade_seq if printed is not None else 0,
        trade_id=trade_id,
        timestamp=fill.event_ns // NS_PER_MS,
        tick_direction=printed.tick_direction if printed is not None else 0,
        state=_STATES[order.status] if order is not None else "filled",
        user_id=user_id_of(fill.account),
        self_trade=False,
        risk_reducing=False,
        reduce_only=order is not None and order.is_reduce_only,
        profit_loss=float(fill.realised_pnl),
        price=float(fill.price),
        post_only=order is not None and order.post_only is not PostOnly.NO,
        order_type=OrderType.LIMIT.value if order is None else order.order_type.value,
        order_id=printed_order_id(record.settlement_currency, int(fill.order_id)),
        mmp=False,
        matching_id=None,
        mark_price=float(fill.mark_price or 0),
        liquidity="M" if fill.liquidity is Liquidity.MAKER else "T",
        label=fill.label,
        iv=printed.iv if printed is not None else msgspec.UNSET,
        underlying_price=float(fill.underlying_price or 0) if is_option else msgspec.UNSET,
        instrument_name=name,
        index_price=float(fill.index_price or 0),
        fee_currency=fill.fee_currency,
        fee=float(fill.fee),
        direction=fill.side.value,
        contracts=amount / record.contract_size,
        api=True,
        amount=amount,
    )


def _price(order: Order) -> float | str:
    """The limit; of a market order what it traded at."""
    if order.price is not None:
        return float(order.price)
    return _rounded(order.average_price) if order.average_price is not None else MARKET_PRICE


def _rounded(price: Decimal | None) -> float:
    return 0.0 if price is None else round(float(price), _AVERAGE_DECIMALS)
