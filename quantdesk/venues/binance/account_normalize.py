"""Private wire messages made into account reports. Pure; knows Binance's signs and words."""

from __future__ import annotations

from decimal import Decimal

from quantdesk.domain.account import (
    AccountEvent,
    AccountStateReport,
    BalanceReport,
    FeeRates,
    GreeksReport,
    OpenOrdersListed,
    OrderReport,
    PositionReport,
    PositionsListed,
    TradeReport,
)
from quantdesk.domain.events import FrameSetAside, RawFrame, VenueTime
from quantdesk.domain.instrument import Side
from quantdesk.domain.order import OrderStatus, TimeInForce
from quantdesk.errors import ProtocolError
from quantdesk.venues.binance.account_decode import decode_account
from quantdesk.venues.binance.account_wire import (
    AccountAnswer,
    AccountMessage,
    AccountUpdate,
    BalancePositionUpdate,
    Commissions,
    GreekChange,
    GreekRecord,
    GreekUpdate,
    MarginAccount,
    OptionalBool,
    OrderChange,
    OrderRecord,
    OrderUpdate,
    PositionRecord,
    RiskChange,
    StreamExpired,
    TradeRecord,
    UserPush,
)
from quantdesk.venues.binance.names import VENUE, checked_symbol, is_underlying
from quantdesk.venues.binance.normalize import asked_ns, failure_text
from quantdesk.venues.binance.numbers import (
    amount,
    instant,
    model_value,
    number,
    optional,
    positive,
    required,
)
from quantdesk.venues.binance.wire import (
    OptionalInt,
    OptionalText,
    RestFailure,
    RestHead,
    ServerTime,
    Unread,
)
from quantdesk.venues.decoding.notes import set_aside
from quantdesk.venues.decoding.ranges import event_ns_of_ms, name_like

ACCOUNT_CURRENCY = "USDT"
"""ACCOUNT_UPDATE gives its sums in it without saying so."""

FORCED_PREFIXES = ("autoclose-", "adl_autoclose")
"""Client ids that the venue gives the orders by which it liquidates."""

_SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}
_STATUSES = {
    "NEW": OrderStatus.OPEN,
    "ACCEPTED": OrderStatus.OPEN,
    "PARTIALLY_FILLED": OrderStatus.PARTIAL,
    "FILLED": OrderStatus.FILLED,
    "CANCELED": OrderStatus.CANCELLED,
    "CANCELLED": OrderStatus.CANCELLED,
    "REJECTED": OrderStatus.REJECTED,
    "EXPIRED": OrderStatus.EXPIRED,
    "EXPIRED_IN_MATCH": OrderStatus.EXPIRED,
}
"""ACCEPTED and CANCELLED are the words of payloads before 2026."""

_TIFS = {
    "GTC": TimeInForce.GTC,
    "GTX": TimeInForce.GTC,
    "IOC": TimeInForce.IOC,
    "FOK": TimeInForce.FOK,
}
_LIQUIDITY = {"MAKER": True, "TAKER": False}

Reported = AccountEvent | VenueTime | FrameSetAside


def account_events_of(frame: RawFrame) -> tuple[Reported, ...]:
    """Reports in a private frame, judged by its bytes alone. Never raises on any bytes.

    A frame that makes no sense becomes one `FrameSetAside`, and so does a list of positions or
    orders with one record that makes none: a list must be whole.
    """
    try:
        return to_reports(decode_account(frame.payload), frame)
    except ProtocolError as error:
        return (set_aside(frame, error.kind, error.detail),)


def to_reports(message: AccountMessage, frame: RawFrame) -> tuple[Reported, ...]:
    """The reports in `message`, which was decoded from `frame`. Raises ProtocolError."""
    reports: tuple[Reported, ...]
    match message:
        case UserPush():
            reports = _push_reports(message, frame)
        case AccountAnswer():
            reports = _answer_reports(message, frame)
        case RestFailure():
            reports = (set_aside(frame, "venue_error", failure_text(message)),)
    if message.unknown_fields:
        detail = ", ".join(message.unknown_fields)
        reports += (set_aside(frame, "unknown_field", detail, is_refused=False),)
    return reports


def _push_reports(push: UserPush, frame: RawFrame) -> tuple[Reported, ...]:
    match push.event:
        case AccountUpdate() as update:
            return (_account_sums(update, frame),)
        case BalancePositionUpdate() as update:
            return _changes(update, frame)
        case GreekUpdate() as update:
            event_ns = instant(update.event_ms, "E")
            return tuple(_greeks(each, event_ns, frame) for each in update.greeks)
        case OrderUpdate() as update:
            return _order_reports(update, frame)
        case RiskChange() as change:
            return (_risk(change, frame),)
        case StreamExpired():
            return ()  # the feed's business: it opens another


def _account_sums(update: AccountUpdate, frame: RawFrame) -> BalanceReport:
    return BalanceReport(
        venue=VENUE,
        currency=ACCOUNT_CURRENCY,
        event_ns=instant(update.event_ms, "E"),
        recv_ns=frame.recv_ns,
        cash=number(update.wallet, "b"),
        equity=number(update.equity, "eq"),
        initial_margin=amount(update.initial_margin, "i"),
        maintenance_margin=amount(update.maintenance_margin, "M"),
        unrealised_pnl=optional(update.unrealized_pnl, "u"),
    )


def _changes(update: BalancePositionUpdate, frame: RawFrame) -> tuple[Reported, ...]:
    event_ns = instant(update.event_ms, "E")
    balances = tuple(
        BalanceReport(
            venue=VENUE,
            currency=_currency(each.asset, "B.a"),
            event_ns=event_ns,
            recv_ns=frame.recv_ns,
            cash=number(each.wallet, "B.b"),
        )
        for each in update.balances
    )
    positions = tuple(
        PositionReport(
            venue=VENUE,
            instrument_name=checked_symbol(each.symbol),
            event_ns=event_ns,
            recv_ns=frame.recv_ns,
            quantity=number(each.quantity, "P.c"),
            average_price=positive(each.entry_price, "P.a"),
            value=optional(each.value, "P.p"),
        )
        for each in update.positions
    )
    return balances + positions


def _greeks(record: GreekChange | GreekRecord, event_ns: int, frame: RawFrame) -> GreeksReport:
    if not is_underlying(record.underlying):
        raise ProtocolError("bad_field", "underlying is no name")
    return GreeksReport(
        venue=VENUE,
        underlying=record.underlying,
        event_ns=event_ns,
        recv_ns=frame.recv_ns,
        delta=model_value(record.delta, "delta"),
        gamma=model_value(record.gamma, "gamma"),
        vega=model_value(record.vega, "vega"),
        theta=model_value(record.theta, "theta"),
    )


def _order_reports(update: OrderUpdate, frame: RawFrame) -> tuple[Reported, ...]:
    """The order's new state, after the trade that brought it there, if one did."""
    order, event_ns = update.order, instant(update.event_ms, "E")
    name, side = checked_symbol(order.symbol), _side(order.side)
    client_order_id = _text_id(order.client_order_id, "c")
    report = OrderReport(
        venue=VENUE,
        instrument_name=name,
        event_ns=event_ns,
        recv_ns=frame.recv_ns,
        order_id=str(order.order_id),
        client_order_id=client_order_id,
        side=side,
        price=positive(order.price, "p"),
        amount=required(order.quantity, "q"),
        filled=number(order.filled, "z"),
        status=_status(order.status),
        venue_status=order.status,
        tif=_tif(order.time_in_force),
        average_price=positive(order.average_price, "ap"),
        is_post_only=order.time_in_force == "GTX" or None,
        is_reduce_only=_flag(order.is_reduce_only),
        is_forced=order.client_order_id.startswith(FORCED_PREFIXES),
    )
    if order.execution != "TRADE":
        return (report,)
    return (_stream_trade(order, side, client_order_id, frame), report)


def _stream_trade(
    order: OrderChange, side: Side, client_order_id: str | None, frame: RawFrame
) -> TradeReport:
    if not isinstance(order.trade_id, int):
        raise ProtocolError("missing_field", "t of a trade")
    fee = optional(order.fee, "n")
    return TradeReport(
        venue=VENUE,
        instrument_name=order.symbol,
        event_ns=instant(order.trade_ms, "o.T"),
        recv_ns=frame.recv_ns,
        trade_id=str(order.trade_id),
        order_id=str(order.order_id),
        client_order_id=client_order_id,
        side=side,
        price=required(order.last_price, "L"),
        amount=required(order.last_quantity, "l"),
        # The stream writes what was charged as a negative number; REST as a positive one.
        fee=None if fee is None else Decimal(0) - fee,
        fee_currency=_currency(order.fee_asset, "N") if order.fee_asset else None,
        is_maker=_flag(order.is_maker),
        realised_pnl=optional(order.realized_profit, "rp"),
    )


def _risk(change: RiskChange, frame: RawFrame) -> AccountStateReport:
    if change.level not in ("NORMAL", "REDUCE_ONLY"):
        raise ProtocolError("bad_field", "s is neither NORMAL nor REDUCE_ONLY")
    return AccountStateReport(
        venue=VENUE,
        event_ns=instant(change.event_ms, "E"),
        recv_ns=frame.recv_ns,
        is_reduce_only=change.level == "REDUCE_ONLY",
    )


def _answer_reports(answer: AccountAnswer, frame: RawFrame) -> tuple[Reported, ...]:
    match answer.body:
        case ServerTime() as time:
            event_ns = instant(time.server_time, "serverTime")
            return (VenueTime(venue=VENUE, event_ns=event_ns, recv_ns=frame.recv_ns),)
        case MarginAccount() as account:
            return _account(account, frame)
        case Commissions() as commissions:
            return _fee_rates(commissions, answer.head, frame)
        case tuple() as records:
            return _listed(records, answer.head, frame)


def _account(account: MarginAccount, frame: RawFrame) -> tuple[Reported, ...]:
    event_ns = instant(account.time, "time")
    balances = tuple(
        BalanceReport(
            venue=VENUE,
            currency=_currency(each.asset, "asset"),
            event_ns=event_ns,
            recv_ns=frame.recv_ns,
            cash=number(each.margin_balance, "marginBalance"),
            equity=number(each.equity, "equity"),
            available=number(each.available, "available"),
            initial_margin=amount(each.initial_margin, "initialMargin"),
            maintenance_margin=amount(each.maint_margin, "maintMargin"),
            unrealised_pnl=optional(each.unrealized_pnl, "unrealizedPNL"),
        )
        for each in account.asset
    )
    state = AccountStateReport(
        venue=VENUE,
        event_ns=event_ns,
        recv_ns=frame.recv_ns,
        can_trade=_flag(account.can_trade),
        can_deposit=_flag(account.can_deposit),
        can_withdraw=_flag(account.can_withdraw),
        is_reduce_only=_flag(account.reduce_only),
    )
    greeks = tuple(_greeks(each, event_ns, frame) for each in account.greek)
    return (*balances, state, *greeks)


def _fee_rates(commissions: Commissions, head: RestHead, frame: RawFrame) -> tuple[Reported, ...]:
    event_ns = asked_ns(head)
    rates = []
    for each in commissions.commissions:
        maker, taker = number(each.maker_fee, "makerFee"), number(each.taker_fee, "takerFee")
        if not is_underlying(each.underlying) or abs(maker) >= 1 or abs(taker) >= 1:
            raise ProtocolError("out_of_range", "a fee must be a rate below 1 of an underlying")
        rates.append(
            FeeRates(
                venue=VENUE,
                underlying=each.underlying,
                event_ns=event_ns,
                recv_ns=frame.recv_ns,
                maker=maker,
                taker=taker,
            )
        )
    return tuple(rates)


def _listed(
    records: tuple[PositionRecord | OrderRecord | TradeRecord | Unread, ...],
    head: RestHead,
    frame: RawFrame,
) -> tuple[Reported, ...]:
    """A list of positions or orders as one report, of trades as one each.

    Lists carry no time of their own, so it is that of the question: nothing in them is older.
    """
    event_ns = asked_ns(head)
    positions = [r for r in records if isinstance(r, PositionRecord)]
    orders = [r for r in records if isinstance(r, OrderRecord)]
    trades = [r for r in records if isinstance(r, TradeRecord)]
    unread = sum(isinstance(record, Unread) for record in records)
    if head.path.endswith("/position"):
        made = tuple(_position(each, event_ns, frame) for each in positions)
        whole = PositionsListed(
            venue=VENUE, event_ns=event_ns, recv_ns=frame.recv_ns, positions=made
        )
        return (whole,)
    if head.path.endswith("/openOrders"):
        open_orders = tuple(_order(each, event_ns, frame) for each in orders)
        listed = OpenOrdersListed(
            venue=VENUE, event_ns=event_ns, recv_ns=frame.recv_ns, orders=open_orders
        )
        return (listed,)
    reports: tuple[Reported, ...] = tuple(_trade(each, frame) for each in trades)
    if unread:
        words = f"{unread} trades are left out"
        reports += (set_aside(frame, "bad_field", words, is_refused=False),)
    return reports


def _position(record: PositionRecord, event_ns: int, frame: RawFrame) -> PositionReport:
    quantity = number(record.quantity, "quantity")
    if record.side not in ("LONG", "SHORT") or (quantity < 0) != (record.side == "SHORT"):
        raise ProtocolError("bad_field", f"side {record.side[:8]} of a quantity of {quantity}")
    return PositionReport(
        venue=VENUE,
        instrument_name=checked_symbol(record.symbol),
        event_ns=_stamp(record.time) or event_ns,
        recv_ns=frame.recv_ns,
        quantity=quantity,
        average_price=positive(record.entry_price, "entryPrice"),
        mark_price=amount(record.mark_price, "markPrice"),
        value=optional(record.mark_value, "markValue"),
        unrealised_pnl=optional(record.unrealized_pnl, "unrealizedPNL"),
    )


def _order(record: OrderRecord, event_ns: int, frame: RawFrame) -> OrderReport:
    client_order_id = record.client_order_id or ""
    tif = record.time_in_force or ""
    return OrderReport(
        venue=VENUE,
        instrument_name=checked_symbol(record.symbol),
        event_ns=_stamp(record.update_time) or event_ns,
        recv_ns=frame.recv_ns,
        order_id=str(record.order_id),
        client_order_id=_text_id(client_order_id, "clientOrderId"),
        side=_side(record.side),
        price=positive(record.price, "price"),
        amount=required(record.quantity, "quantity"),
        filled=number(record.executed_qty, "executedQty"),
        status=_status(record.status),
        venue_status=record.status,
        tif=_tif(tif) if tif else None,
        average_price=positive(record.avg_price, "avgPrice"),
        is_post_only=tif == "GTX" or _flag(record.post_only),
        is_reduce_only=_flag(record.reduce_only),
        is_forced=client_order_id.startswith(FORCED_PREFIXES),
        created_ns=_stamp(record.create_time),
    )


def _trade(record: TradeRecord, frame: RawFrame) -> TradeReport:
    liquidity = record.liquidity if isinstance(record.liquidity, str) else ""
    return TradeReport(
        venue=VENUE,
        instrument_name=checked_symbol(record.symbol),
        event_ns=instant(record.time, "time"),
        recv_ns=frame.recv_ns,
        trade_id=str(record.trade_id),
        order_id=str(record.order_id),
        client_order_id=None,
        side=_side(record.side),
        price=required(record.price, "price"),
        amount=required(record.quantity, "quantity"),
        fee=optional(record.fee, "fee"),
        fee_currency=_currency(record.quote_asset, "quoteAsset") if record.quote_asset else None,
        is_maker=_LIQUIDITY.get(liquidity),
        realised_pnl=optional(record.realized_profit, "realizedProfit"),
    )


def _stamp(stamp_ms: OptionalInt) -> int | None:
    return event_ns_of_ms(stamp_ms) if isinstance(stamp_ms, int) else None


def _flag(value: OptionalBool) -> bool | None:
    return value if isinstance(value, bool) else None


def _side(word: str) -> Side:
    side = _SIDES.get(word)
    if side is None:
        raise ProtocolError("bad_field", "side is neither BUY nor SELL")
    return side


def _status(word: str) -> OrderStatus:
    status = _STATUSES.get(word)
    if status is None:
        raise ProtocolError("unknown_state", f"an order is {word[:32]}")
    return status


def _tif(word: str) -> TimeInForce:
    tif = _TIFS.get(word)
    if tif is None:
        raise ProtocolError("bad_field", f"time in force {word[:8]} is none that is known")
    return tif


def _text_id(text: str, field: str) -> str | None:
    """A client id, None where it is empty; the venue takes printable ones only."""
    if not text:
        return None
    if len(text) > 64 or not (text.isascii() and text.isprintable()):
        raise ProtocolError("bad_field", f"{field} is no id")
    return text


def _currency(text: OptionalText, field: str) -> str:
    if not isinstance(text, str) or len(text) > 16 or name_like(text) is None:
        raise ProtocolError("bad_field", f"{field} is no currency")
    return text
