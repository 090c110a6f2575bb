"""Binance's private messages as they are on the wire, typed: REST answers and the user stream.

As in `wire`: numbers are texts, a field without default must be there, and fields that the desk
does not use are named too. The format is that of 2026; the stream of 2022 to 2025 differs in
everything but some event names and is refused.
"""

from __future__ import annotations

from typing import TypeAlias

from msgspec import UNSET, Struct, UnsetType, field

from quantdesk.venues.binance.wire import (
    Number,
    OptionalInt,
    OptionalNumber,
    OptionalText,
    RestFailure,
    RestHead,
    ServerTime,
    Unread,
    Whole,
)

OptionalBool: TypeAlias = bool | UnsetType | None


class AssetRecord(Struct, gc=False, rename="camel"):
    """One currency of GET /marginAccount."""

    asset: str
    margin_balance: Number
    equity: Number
    available: Number
    initial_margin: OptionalNumber = UNSET
    maint_margin: OptionalNumber = UNSET
    unrealized_pnl: OptionalNumber = field(name="unrealizedPNL", default=UNSET)
    adjusted_equity: OptionalNumber = UNSET
    locked: OptionalNumber = UNSET


class GreekRecord(Struct, gc=False):
    """One underlying of GET /marginAccount."""

    underlying: str
    delta: OptionalNumber = UNSET
    gamma: OptionalNumber = UNSET
    theta: OptionalNumber = UNSET
    vega: OptionalNumber = UNSET


class MarginAccount(Struct, gc=False, rename="camel"):
    """GET /marginAccount. `can_withdraw` is the account's right, not the key's."""

    asset: list[AssetRecord]
    time: Whole
    greek: list[GreekRecord] = []
    can_trade: OptionalBool = UNSET
    can_deposit: OptionalBool = UNSET
    can_withdraw: OptionalBool = UNSET
    reduce_only: OptionalBool = UNSET
    trade_group_id: OptionalInt = UNSET
    risk_level: OptionalText = UNSET


class PositionRecord(Struct, gc=False, rename="camel"):
    """One of GET /position; `quantity` is signed and agrees with `side`."""

    symbol: str
    side: str
    quantity: Number
    entry_price: Number
    mark_price: OptionalNumber = UNSET
    mark_value: OptionalNumber = UNSET
    unrealized_pnl: OptionalNumber = field(name="unrealizedPNL", default=UNSET)
    time: OptionalInt = UNSET
    strike_price: OptionalNumber = UNSET
    expiry_date: OptionalInt = UNSET
    price_scale: OptionalInt = UNSET
    quantity_scale: OptionalInt = UNSET
    option_side: OptionalText = UNSET
    quote_asset: OptionalText = UNSET
    bid_quantity: OptionalNumber = UNSET
    ask_quantity: OptionalNumber = UNSET
    reducible_qty: OptionalNumber = UNSET
    position_cost: OptionalNumber = UNSET
    ror: OptionalNumber = UNSET


class OrderRecord(Struct, gc=False, rename="camel"):
    """One of GET /openOrders."""

    order_id: Whole
    symbol: str
    price: Number
    quantity: Number
    executed_qty: Number
    side: str
    type: str
    status: str
    time_in_force: OptionalText = UNSET
    reduce_only: OptionalBool = UNSET
    post_only: OptionalBool = UNSET
    create_time: OptionalInt = UNSET
    update_time: OptionalInt = UNSET
    avg_price: OptionalNumber = UNSET
    client_order_id: OptionalText = UNSET
    source: OptionalText = UNSET
    fee: OptionalNumber = UNSET
    mmp: OptionalBool = UNSET
    price_scale: OptionalInt = UNSET
    quantity_scale: OptionalInt = UNSET
    option_side: OptionalText = UNSET
    quote_asset: OptionalText = UNSET
    self_trade_prevention_mode: OptionalText = UNSET


class TradeRecord(Struct, gc=False, rename="camel"):
    """One of GET /userTrades; a positive `fee` was charged."""

    id: Whole
    trade_id: Whole
    order_id: Whole
    symbol: str
    price: Number
    quantity: Number
    side: str
    time: Whole
    fee: OptionalNumber = UNSET
    realized_profit: OptionalNumber = UNSET
    type: OptionalText = UNSET
    liquidity: OptionalText = UNSET
    volatility: OptionalNumber = UNSET
    price_scale: OptionalInt = UNSET
    quantity_scale: OptionalInt = UNSET
    option_side: OptionalText = UNSET
    quote_asset: OptionalText = UNSET


class CommissionRecord(Struct, gc=False, rename="camel"):
    """One underlying of GET /commission."""

    underlying: str
    maker_fee: Number
    taker_fee: Number


class Commissions(Struct, gc=False):
    """GET /commission."""

    commissions: list[CommissionRecord]


class AccountUpdate(Struct, gc=False):
    """ACCOUNT_UPDATE: the account's sums in USDT."""

    event: str = field(name="e")
    event_ms: Whole = field(name="E")
    transaction_ms: Whole = field(name="T")
    equity: Number = field(name="eq")
    wallet: Number = field(name="b")
    adjusted_equity: OptionalNumber = field(name="aeq", default=UNSET)
    position_value: OptionalNumber = field(name="m", default=UNSET)
    unrealized_pnl: OptionalNumber = field(name="u", default=UNSET)
    initial_margin: OptionalNumber = field(name="i", default=UNSET)
    maintenance_margin: OptionalNumber = field(name="M", default=UNSET)


class BalanceChange(Struct, gc=False):
    """One currency of BALANCE_POSITION_UPDATE."""

    asset: str = field(name="a")
    wallet: Number = field(name="b")
    change: OptionalNumber = field(name="bc", default=UNSET)


class PositionChange(Struct, gc=False):
    """One position of BALANCE_POSITION_UPDATE, which holds changed positions only."""

    symbol: str = field(name="s")
    quantity: Number = field(name="c")
    value: OptionalNumber = field(name="p", default=UNSET)
    entry_price: OptionalNumber = field(name="a", default=UNSET)


class BalancePositionUpdate(Struct, gc=False):
    """BALANCE_POSITION_UPDATE."""

    event: str = field(name="e")
    event_ms: Whole = field(name="E")
    transaction_ms: Whole = field(name="T")
    reason: OptionalText = field(name="m", default=UNSET)
    balances: list[BalanceChange] = field(name="B", default_factory=list)
    positions: list[PositionChange] = field(name="P", default_factory=list)


class GreekChange(Struct, gc=False):
    """One underlying of GREEK_UPDATE."""

    underlying: str = field(name="u")
    delta: OptionalNumber = field(name="d", default=UNSET)
    gamma: OptionalNumber = field(name="g", default=UNSET)
    theta: OptionalNumber = field(name="t", default=UNSET)
    vega: OptionalNumber = field(name="v", default=UNSET)


class GreekUpdate(Struct, gc=False):
    """GREEK_UPDATE: Greeks of all positions on an underlying."""

    event: str = field(name="e")
    event_ms: Whole = field(name="E")
    transaction_ms: Whole = field(name="T")
    greeks: list[GreekChange] = field(name="G")


class OrderChange(Struct, gc=False):
    """`o` of ORDER_TRADE_UPDATE; a negative `fee` was charged."""

    symbol: str = field(name="s")
    client_order_id: str = field(name="c")
    side: str = field(name="S")
    type: str = field(name="o")
    time_in_force: str = field(name="f")
    quantity: Number = field(name="q")
    price: Number = field(name="p")
    average_price: Number = field(name="ap")
    execution: str = field(name="x")
    status: str = field(name="X")
    order_id: Whole = field(name="i")
    last_quantity: Number = field(name="l")
    filled: Number = field(name="z")
    last_price: Number = field(name="L")
    trade_ms: Whole = field(name="T")
    fee_asset: OptionalText = field(name="N", default=UNSET)
    fee: OptionalNumber = field(name="n", default=UNSET)
    trade_id: OptionalInt = field(name="t", default=UNSET)
    bids: OptionalNumber = field(name="b", default=UNSET)
    asks: OptionalNumber = field(name="a", default=UNSET)
    is_maker: OptionalBool = field(name="m", default=UNSET)
    is_reduce_only: OptionalBool = field(name="R", default=UNSET)
    original_type: OptionalText = field(name="ot", default=UNSET)
    realized_profit: OptionalNumber = field(name="rp", default=UNSET)
    self_trade_mode: OptionalText = field(name="V", default=UNSET)


class OrderUpdate(Struct, gc=False):
    """ORDER_TRADE_UPDATE."""

    event: str = field(name="e")
    event_ms: Whole = field(name="E")
    transaction_ms: Whole = field(name="T")
    order: OrderChange = field(name="o")


class RiskChange(Struct, gc=False):
    """RISK_LEVEL_CHANGE, of market makers' accounts."""

    event: str = field(name="e")
    event_ms: Whole = field(name="E")
    level: str = field(name="s")
    margin_balance: OptionalNumber = field(name="mb", default=UNSET)
    maintenance_margin: OptionalNumber = field(name="mm", default=UNSET)


class StreamExpired(Struct, gc=False):
    """The listen key is over. Sources spell the event and its fields differently."""

    event: str = field(name="e")
    event_ms: int | str | UnsetType = field(name="E", default=UNSET)
    expiration: OptionalInt = UNSET
    listen_key: OptionalText = field(name="listenKey", default=UNSET)


UserEvent: TypeAlias = (
    AccountUpdate | BalancePositionUpdate | GreekUpdate | OrderUpdate | RiskChange | StreamExpired
)


class UserPush(Struct, gc=False):
    """A push of the user stream. `unknown_fields` are paths that this file does not name."""

    event: UserEvent
    unknown_fields: tuple[str, ...] = ()


AccountBody: TypeAlias = (
    ServerTime
    | MarginAccount
    | Commissions
    | tuple[PositionRecord | OrderRecord | TradeRecord | Unread, ...]
)


class AccountAnswer(Struct, gc=False):
    """An answered private question."""

    head: RestHead
    body: AccountBody
    unknown_fields: tuple[str, ...] = ()


AccountMessage: TypeAlias = UserPush | AccountAnswer | RestFailure
