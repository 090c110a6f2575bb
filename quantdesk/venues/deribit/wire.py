"""Deribit's messages as they are on the wire, typed. Values as sent: percent, 0 for "no quote".

Prices and amounts are Decimal, made from the very text of the number; what a model says is float.
A field without default must be there; UNSET is a field that was absent, None one that was null.
Fields that the desk does not use are named too, so that a new one can be told from a known one.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TypeAlias

from msgspec import UNSET, Raw, Struct, UnsetType

from quantdesk.venues.deribit.account_wire import (
    AccountData,
    AccountResult,
    OptionalDecimal,
    OptionalFloat,
    OptionalText,
)


class ErrorBody(Struct, gc=False):
    """`error` of an answer."""

    code: int
    message: str
    data: Raw | UnsetType = UNSET


class Params(Struct, gc=False):
    """`params` of a notification: a channel with its data, or a heartbeat's type."""

    channel: str | UnsetType = UNSET
    data: Raw | UnsetType = UNSET
    type: str | UnsetType = UNSET


class Envelope(Struct, gc=False, rename="camel"):
    """The outermost object of any message: answer, notification or heartbeat.

    The three times are spelt usIn, usOut and usDiff on the wire.
    """

    jsonrpc: str
    id: str | int | UnsetType | None = UNSET
    method: str | UnsetType = UNSET
    params: Params | UnsetType = UNSET
    result: Raw | UnsetType = UNSET
    error: ErrorBody | UnsetType = UNSET
    us_in: int | UnsetType = UNSET
    us_out: int | UnsetType = UNSET
    us_diff: int | UnsetType = UNSET
    testnet: bool | UnsetType = UNSET


class Greeks(Struct, gc=False):
    """`greeks` of an option's ticker: per one coin, USD; vega and rho per point, theta per day."""

    delta: OptionalFloat = UNSET
    gamma: OptionalFloat = UNSET
    vega: OptionalFloat = UNSET
    theta: OptionalFloat = UNSET
    rho: OptionalFloat = UNSET


class Stats(Struct, gc=False):
    """`stats` of a ticker, over 24 hours."""

    volume: OptionalDecimal = UNSET
    volume_usd: OptionalFloat = UNSET
    volume_notional: OptionalFloat = UNSET
    high: OptionalFloat = UNSET
    low: OptionalFloat = UNSET
    price_change: OptionalFloat = UNSET


class Ticker(Struct, gc=False):
    """`data` of `ticker.<instrument>.<interval>`, of any kind of instrument."""

    instrument_name: str
    timestamp: int
    state: str
    best_bid_price: Decimal | None
    best_bid_amount: Decimal | None
    best_ask_price: Decimal | None
    best_ask_amount: Decimal | None
    mark_price: Decimal | None
    index_price: OptionalDecimal = UNSET
    last_price: OptionalDecimal = UNSET
    open_interest: OptionalDecimal = UNSET
    stats: Stats | UnsetType | None = UNSET
    underlying_price: OptionalDecimal = UNSET
    underlying_index: OptionalText = UNSET
    mark_iv: OptionalFloat = UNSET
    bid_iv: OptionalFloat = UNSET
    ask_iv: OptionalFloat = UNSET
    greeks: Greeks | UnsetType | None = UNSET
    interest_rate: OptionalFloat = UNSET
    interest_value: OptionalFloat = UNSET
    current_funding: OptionalDecimal = UNSET
    funding_8h: OptionalDecimal = UNSET
    min_price: OptionalFloat = UNSET
    max_price: OptionalFloat = UNSET
    settlement_price: OptionalFloat = UNSET
    delivery_price: OptionalFloat = UNSET
    # A number while the contract trades, the word "expired" afterwards.
    estimated_delivery_price: float | str | UnsetType | None = UNSET
    combo_state: OptionalText = UNSET
    implied_bid: OptionalFloat = UNSET
    implied_ask: OptionalFloat = UNSET


class Book(Struct, gc=False):
    """`data` of `book.<instrument>.<interval>`: all levels first, then those that changed.

    A level is (action, price, new amount of the level), action "new", "change" or "delete".
    """

    instrument_name: str
    timestamp: int
    change_id: int
    bids: list[tuple[str, Decimal, Decimal]]
    asks: list[tuple[str, Decimal, Decimal]]
    prev_change_id: int | UnsetType | None = UNSET
    type: str | UnsetType = UNSET


class GroupedBook(Struct, gc=False):
    """`data` of `book.<instrument>.<group>.<depth>.<interval>`: the whole top of the book."""

    instrument_name: str
    timestamp: int
    change_id: int
    bids: list[tuple[Decimal, Decimal]]
    asks: list[tuple[Decimal, Decimal]]


class Quote(Struct, gc=False):
    """`data` of `quote.<instrument>`: best bid and ask."""

    instrument_name: str
    timestamp: int
    best_bid_price: Decimal | None
    best_bid_amount: Decimal | None
    best_ask_price: Decimal | None
    best_ask_amount: Decimal | None


class TradeRecord(Struct, gc=False):
    """One public trade; `direction` is the taker's side. `legs` stand on a combo's channel only."""

    instrument_name: str
    timestamp: int
    trade_id: str
    price: Decimal
    amount: Decimal
    direction: str
    trade_seq: int | UnsetType | None = UNSET
    contracts: OptionalDecimal = UNSET
    tick_direction: int | UnsetType | None = UNSET
    index_price: OptionalDecimal = UNSET
    mark_price: OptionalDecimal = UNSET
    iv: OptionalFloat = UNSET
    liquidation: OptionalText = UNSET
    combo_id: OptionalText = UNSET
    combo_trade_id: str | int | UnsetType | None = UNSET
    block_trade_id: OptionalText = UNSET
    block_trade_leg_count: int | UnsetType | None = UNSET
    block_rfq_id: int | UnsetType | None = UNSET
    legs: Raw | UnsetType = UNSET


class MarkRecord(Struct, gc=False):
    """One option of `markprice.options.<index>`; here `iv` is a fraction, not percent."""

    instrument_name: str
    mark_price: Decimal | None
    iv: float | None
    timestamp: int


class VolIndex(Struct, gc=False):
    """`data` of `deribit_volatility_index.<index>`, in percent."""

    index_name: str
    volatility: float
    timestamp: int
    estimated_delivery_price: OptionalFloat = UNSET


class Perpetual(Struct, gc=False):
    """`data` of `perpetual.<instrument>.<interval>`, whose name stands in the channel alone."""

    interest: Decimal
    timestamp: int
    index_price: OptionalDecimal = UNSET


class PriceIndex(Struct, gc=False):
    """`data` of `deribit_price_index.<index>`."""

    index_name: str
    price: Decimal
    timestamp: int


class InstrumentState(Struct, gc=False):
    """`data` of `instrument.state.<kind>.<currency>`."""

    instrument_name: str
    state: str
    timestamp: int


class Platform(Struct, gc=False):
    """`data` of `platform_state`: maintenance, or the lock of one index's contracts."""

    maintenance: bool | UnsetType = UNSET
    price_index: str | UnsetType = UNSET
    locked: bool | UnsetType = UNSET


class PublicMethods(Struct, gc=False):
    """`data` of `platform_state.public_methods_state`."""

    allow_unauthenticated_public_requests: bool


class TickStep(Struct, gc=False):
    """One step of a price grid: `tick_size` applies above `above_price`."""

    above_price: Decimal
    tick_size: Decimal


class InstrumentRecord(Struct, gc=False):
    """One instrument of `public/get_instruments`, of any kind."""

    instrument_name: str
    kind: str
    base_currency: str
    quote_currency: str
    tick_size: Decimal
    contract_size: Decimal
    min_trade_amount: Decimal
    expiration_timestamp: int | UnsetType | None = UNSET
    creation_timestamp: int | UnsetType | None = UNSET
    state: OptionalText = UNSET
    is_active: bool | UnsetType | None = UNSET
    strike: OptionalDecimal = UNSET
    option_type: OptionalText = UNSET
    tick_size_steps: list[TickStep] | UnsetType | None = UNSET
    qty_tick_size: OptionalDecimal = UNSET
    lot_size: OptionalDecimal = UNSET
    maker_commission: OptionalDecimal = UNSET
    taker_commission: OptionalDecimal = UNSET
    settlement_currency: OptionalText = UNSET
    counter_currency: OptionalText = UNSET
    instrument_type: OptionalText = UNSET
    future_type: OptionalText = UNSET
    price_index: OptionalText = UNSET
    settlement_period: OptionalText = UNSET
    instrument_id: int | UnsetType | None = UNSET
    rfq: bool | UnsetType | None = UNSET
    max_leverage: OptionalFloat = UNSET
    max_non_default_leverage: OptionalFloat = UNSET
    max_liquidation_commission: OptionalFloat = UNSET
    block_trade_commission: OptionalFloat = UNSET
    block_trade_min_trade_amount: OptionalFloat = UNSET
    block_trade_tick_size: OptionalFloat = UNSET
    product_group: OptionalText = UNSET
    index_id: str | int | UnsetType | None = UNSET
    underlying_type: OptionalText = UNSET


class UnreadRecord(Struct, gc=False):
    """An instrument record that could not be read, and why, in a short word for a counter."""

    reason: str


ChannelRecord: TypeAlias = (
    Ticker
    | Book
    | GroupedBook
    | Quote
    | TradeRecord
    | MarkRecord
    | VolIndex
    | Perpetual
    | PriceIndex
    | InstrumentState
    | InstrumentRecord
    | Platform
    | PublicMethods
)
ChannelData: TypeAlias = (
    ChannelRecord | tuple[TradeRecord, ...] | tuple[MarkRecord, ...] | AccountData
)
"""What a channel that the desk understands can carry."""


class Notification(Struct, gc=False):
    """A push on a channel. `unknown_fields` are paths that this file does not name."""

    channel: str
    data: ChannelData
    unknown_fields: tuple[str, ...] = ()


class Heartbeat(Struct, gc=False):
    """A sign of life; `is_test_request`: the venue wants one from us."""

    is_test_request: bool
    unknown_fields: tuple[str, ...] = ()


class Answer(Struct, gc=False):
    """The result of one of our requests, in the field that fits its method; the others are empty.

    `method` and `detail` come from the id, which we made as "<method>#<detail>#<n>".
    `us_out` is the venue's clock in microseconds, None where it was absent; `time_ms` is the
    result of public/get_time, `channels` of subscribing, `records` of public/get_instruments,
    `account` of what `account_wire` names.
    """

    request_id: str
    method: str
    detail: str
    us_out: int | None
    unknown_fields: tuple[str, ...] = ()
    time_ms: int | None = None
    channels: tuple[str, ...] = ()
    records: tuple[InstrumentRecord | UnreadRecord, ...] = ()
    account: AccountResult | None = None


class Failure(Struct, gc=False):
    """The venue's error instead of a result. `request_id` is None where it names no request."""

    request_id: str | None
    code: int
    message: str
    us_out: int | None
    unknown_fields: tuple[str, ...] = ()


Message: TypeAlias = Notification | Heartbeat | Answer | Failure
