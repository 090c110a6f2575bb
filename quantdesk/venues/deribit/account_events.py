"""Frames of an account made into its reports. Pure; knows Deribit's words and signs.

Quantities of positions become signed by `direction`; a list of positions or orders is whole or is
nothing. An execution of a combo is reported leg by leg: the legs are what makes positions.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import msgspec
from msgspec import Raw

from quantdesk.domain.account import (
    AccountEvent,
    BalanceReport,
    GreeksReport,
    OpenOrdersListed,
    OrderReport,
    PositionReport,
    PositionsListed,
    TradeReport,
)
from quantdesk.domain.events import FrameSetAside, PlatformState, RawFrame, VenueTime
from quantdesk.domain.instrument import Side
from quantdesk.domain.order import OrderStatus, TimeInForce
from quantdesk.errors import ProtocolError
from quantdesk.venues.decoding.notes import set_aside
from quantdesk.venues.decoding.ranges import name_like, safe_text
from quantdesk.venues.deribit.account_decode import (
    AUTH,
    OPEN_ORDERS,
    POSITIONS,
    SUMMARIES,
    USER_TRADES,
)
from quantdesk.venues.deribit.account_wire import (
    AccountSummary,
    OptionalText,
    Position,
    UserChanges,
    UserLock,
    UserOrder,
    UserTrade,
    UserTradesPage,
)
from quantdesk.venues.deribit.decode import decode
from quantdesk.venues.deribit.instruments import VENUE
from quantdesk.venues.deribit.normalize import to_events
from quantdesk.venues.deribit.notes import failure_note, known_name, venue_time
from quantdesk.venues.deribit.numbers import amount, instant, model_value, price_of, signed
from quantdesk.venues.deribit.stream_events import COMBOS, SIDES
from quantdesk.venues.deribit.wire import Answer, Failure, Message, Notification

Reported = AccountEvent | VenueTime | PlatformState | FrameSetAside

LABEL_LENGTH_MAX = 64
"""The venue's own limit on a label, which is where our ids travel."""

CROSS_PREFIX = "cross_"
_NO_DIRECTION = "zero"

_STATUSES = {
    "filled": OrderStatus.FILLED,
    "cancelled": OrderStatus.CANCELLED,
    "rejected": OrderStatus.REJECTED,
    # A trigger that waits, or has fired and waits for its order, can still become a fill.
    "untriggered": OrderStatus.OPEN,
    "triggered": OrderStatus.OPEN,
}
_TIFS = {
    "good_til_cancelled": TimeInForce.GTC,
    "good_til_day": TimeInForce.GTD,
    "immediate_or_cancel": TimeInForce.IOC,
    "fill_or_kill": TimeInForce.FOK,
}
_LIQUIDITY = {"M": True, "T": False}

_PRICE = msgspec.json.Decoder(Decimal)


def account_events_of(frame: RawFrame) -> tuple[Reported, ...]:
    """Reports in a private frame, judged by its bytes alone. Never raises on any bytes.

    A frame that makes no sense becomes one `FrameSetAside`.
    """
    try:
        return to_reports(decode(frame.payload), frame)
    except ProtocolError as error:
        return (set_aside(frame, error.kind, error.detail),)


def to_reports(message: Message, frame: RawFrame) -> tuple[Reported, ...]:
    """The reports in `message`, which was decoded from `frame`. Raises ProtocolError."""
    match message:
        case Notification() if message.channel.startswith("user."):
            reports = _push_reports(message, frame)
        case Answer():
            reports = (*venue_time(message.us_out, frame), *_answer_reports(message, frame))
        case Failure():
            reports = (*venue_time(message.us_out, frame), failure_note(message, frame))
        case _:
            # The platform's state comes on every connection; prices do not belong on this one.
            return tuple(
                event
                for event in to_events(message, frame)
                if isinstance(event, PlatformState | FrameSetAside)
            )
    if message.unknown_fields:
        detail = ", ".join(message.unknown_fields)
        reports += (set_aside(frame, "unknown_field", detail, is_refused=False),)
    return reports


def _push_reports(push: Notification, frame: RawFrame) -> tuple[Reported, ...]:
    match push.data:
        case AccountSummary() as summary:
            # The push has no stamp of the venue's; when it came is all that is known.
            return _balance_reports(summary, frame.recv_ns, frame)
        case UserChanges() as changes:
            return _change_reports(changes, frame)
        case UserLock() as lock:
            # Which rights a lock takes away is not documented well enough to report as such.
            words = f"the account is {'locked' if lock.locked else 'unlocked'} in {lock.currency}"
            return (set_aside(frame, "account_lock", words, is_refused=False),)
        case tuple() as records:
            orders = [record for record in records if isinstance(record, UserOrder)]
            trades = [record for record in records if isinstance(record, UserTrade)]
            return (*(_order(each, frame) for each in orders), *_trades(trades, frame))
    raise ProtocolError("unknown_channel", push.channel)


def _change_reports(changes: UserChanges, frame: RawFrame) -> tuple[Reported, ...]:
    """What one event did. Positions carry no stamp of their own: the latest beside them is used."""
    orders = tuple(_order(each, frame) for each in changes.orders)
    trades = _trades(changes.trades, frame)
    stamps = [order.event_ns for order in orders] + [trade.event_ns for trade in trades]
    event_ns = max(stamps, default=frame.recv_ns)
    positions = tuple(_position(each, event_ns, frame) for each in changes.positions)
    return (*orders, *trades, *positions)


def _answer_reports(answer: Answer, frame: RawFrame) -> tuple[Reported, ...]:
    found = answer.account
    event_ns = next((t.event_ns for t in venue_time(answer.us_out, frame)), frame.recv_ns)
    if answer.method == SUMMARIES and isinstance(found, tuple):
        summaries = (each for each in found if isinstance(each, AccountSummary))
        return tuple(
            report for each in summaries for report in _balance_reports(each, event_ns, frame)
        )
    if answer.method == POSITIONS and isinstance(found, tuple):
        held = (each for each in found if isinstance(each, Position))
        positions = tuple(_position(each, event_ns, frame) for each in held)
        return (
            PositionsListed(
                venue=VENUE,
                event_ns=event_ns,
                recv_ns=frame.recv_ns,
                positions=tuple(each for each in positions if each.quantity),
            ),
        )
    if answer.method == OPEN_ORDERS and isinstance(found, tuple):
        orders = tuple(_order(each, frame) for each in found if isinstance(each, UserOrder))
        return (
            OpenOrdersListed(venue=VENUE, event_ns=event_ns, recv_ns=frame.recv_ns, orders=orders),
        )
    if answer.method == USER_TRADES and isinstance(found, UserTradesPage):
        return _trades(found.trades, frame)
    assert answer.account is None or answer.method == AUTH
    return ()


def _balance_reports(
    summary: AccountSummary, event_ns: int, frame: RawFrame
) -> tuple[Reported, ...]:
    currency = _word(summary.currency, "currency")
    model = summary.margin_model
    is_shared = model.startswith(CROSS_PREFIX) if isinstance(model, str) else None
    balance = BalanceReport(
        venue=VENUE,
        currency=currency,
        event_ns=event_ns,
        recv_ns=frame.recv_ns,
        cash=signed(summary.balance, "balance"),
        equity=signed(summary.equity, "equity"),
        available=signed(summary.available_funds, "available_funds"),
        initial_margin=amount(summary.initial_margin, "initial_margin"),
        maintenance_margin=amount(summary.maintenance_margin, "maintenance_margin"),
        unrealised_pnl=signed(summary.session_upl, "session_upl"),
        is_margin_shared=is_shared,
        margin_model=name_like(model) if isinstance(model, str) else None,
    )
    return (balance, *_greeks_reports(summary, event_ns, frame))


def _greeks_reports(
    summary: AccountSummary, event_ns: int, frame: RawFrame
) -> tuple[GreeksReport, ...]:
    """Greeks by price index; delta is of options (net of premium) and futures together."""
    by_name = {
        "delta": summary.delta_total_map or {},
        "gamma": summary.options_gamma_map or {},
        "vega": summary.options_vega_map or {},
        "theta": summary.options_theta_map or {},
    }
    indices = sorted({index for values in by_name.values() for index in values})
    return tuple(
        GreeksReport(
            venue=VENUE,
            underlying=_underlying_of(index),
            event_ns=event_ns,
            recv_ns=frame.recv_ns,
            **{name: model_value(by_name[name].get(index), name) for name in by_name},
        )
        for index in indices
    )


def _underlying_of(index: str) -> str:
    """The desk's word for the chain on a price index: "btc_usd" is BTC, "btc_usdc" BTC_USDC."""
    coin, _, quote = _word(index, "price index").upper().partition("_")
    return coin if quote in ("", "USD") else f"{coin}_{quote}"


def _position(position: Position, event_ns: int, frame: RawFrame) -> PositionReport:
    name = known_name(position.instrument_name)
    size = signed(position.size, "size") or Decimal(0)
    if position.direction == _NO_DIRECTION:
        quantity = Decimal(0)
    else:
        quantity = -abs(size) if _side(position.direction) is Side.SELL else abs(size)
    return PositionReport(
        venue=VENUE,
        instrument_name=name.text,
        event_ns=event_ns,
        recv_ns=frame.recv_ns,
        quantity=quantity,
        average_price=signed(position.average_price, "average_price"),
        mark_price=signed(position.mark_price, "mark_price"),
        unrealised_pnl=signed(position.floating_profit_loss, "floating_profit_loss"),
        session_funding=signed(position.realized_funding, "realized_funding"),
    )


def _order(order: UserOrder, frame: RawFrame) -> OrderReport:
    is_combo = known_name(order.instrument_name).kind in COMBOS
    filled = amount(order.filled_amount, "filled_amount") or Decimal(0)
    size = amount(order.amount, "amount") or Decimal(0)
    tif = order.time_in_force
    return OrderReport(
        venue=VENUE,
        instrument_name=order.instrument_name,
        event_ns=instant(order.last_update_timestamp),
        recv_ns=frame.recv_ns,
        order_id=_word(order.order_id, "order_id"),
        client_order_id=_label(order.label),
        side=_side(order.direction),
        price=_order_price(order.price, may_be_negative=is_combo),
        amount=size,
        filled=filled,
        status=_status(order.order_state, filled),
        venue_status=order.order_state,
        tif=_TIFS.get(tif) if isinstance(tif, str) else None,
        average_price=signed(order.average_price, "average_price") or None,
        is_post_only=_flag(order.post_only),
        is_reduce_only=_flag(order.reduce_only),
        is_forced=order.is_liquidation is True,
        created_ns=instant(order.creation_timestamp),
    )


def _order_price(raw: object, *, may_be_negative: bool) -> Decimal | None:
    """A number; None where it is absent, null, or the word of a trigger that has no price yet."""
    text = bytes(raw) if isinstance(raw, Raw) else b"null"
    if text in {b"null", b'"market_price"'}:
        return None
    if text.startswith(b'"'):
        raise ProtocolError("bad_field", "price of an order is a word that is not known")
    try:
        price = _PRICE.decode(text)
    except msgspec.DecodeError as error:
        raise ProtocolError("bad_field", "price of an order is no number") from error
    # A market order is captured with a price of 0.
    return price_of(price, "price", may_be_negative=may_be_negative) if price else None


def _status(state: str, filled: Decimal) -> OrderStatus:
    if state == "open":
        return OrderStatus.PARTIAL if filled else OrderStatus.OPEN
    status = _STATUSES.get(state)
    if status is None:
        raise ProtocolError("bad_field", "order_state is no known word")
    return status


def _trades(trades: Iterable[UserTrade], frame: RawFrame) -> tuple[TradeReport, ...]:
    legs = (leg for trade in trades for leg in (trade.legs or (trade,)))
    return tuple(_trade(leg, frame) for leg in legs)


def _trade(trade: UserTrade, frame: RawFrame) -> TradeReport:
    is_combo = known_name(trade.instrument_name).kind in COMBOS
    size = amount(trade.amount, "amount")
    if not size:
        raise ProtocolError("out_of_range", "amount of a trade is 0")
    order_id = trade.order_id
    currency = trade.fee_currency
    liquidity = trade.liquidity
    return TradeReport(
        venue=VENUE,
        instrument_name=trade.instrument_name,
        event_ns=instant(trade.timestamp),
        recv_ns=frame.recv_ns,
        trade_id=_word(trade.trade_id, "trade_id"),
        order_id=_word(order_id, "order_id") if isinstance(order_id, str) else "",
        client_order_id=_label(trade.label),
        side=_side(trade.direction),
        price=price_of(trade.price, "price", may_be_negative=is_combo),
        amount=size,
        fee=signed(trade.fee, "fee"),
        fee_currency=_word(currency, "fee_currency") if isinstance(currency, str) else None,
        is_maker=_LIQUIDITY.get(liquidity) if isinstance(liquidity, str) else None,
        realised_pnl=signed(trade.profit_loss, "profit_loss"),
    )


def _side(direction: str) -> Side:
    side = SIDES.get(direction)
    if side is None:
        raise ProtocolError("bad_field", "direction is neither buy nor sell")
    return side


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _label(label: OptionalText) -> str | None:
    """Our id where the order has one; text of others is made safe for a screen."""
    return safe_text(label, LABEL_LENGTH_MAX) if isinstance(label, str) and label else None


def _word(text: str, field: str) -> str:
    if name_like(text) is None:
        raise ProtocolError("bad_field", f"{field} is no name")
    return text
