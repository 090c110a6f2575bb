"""Deribit's public payloads as structs, with the fields of captured messages; made by `market`."""

from __future__ import annotations

import msgspec

from quantdesk.simulator.samples import RecordedGreeks

Level = tuple[float, float]


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """Statistics of a day, as tickers carry them. Volume is in coin."""

    high: float | None = None
    low: float | None = None
    price_change: float | None = None
    volume: float | None = None
    volume_usd: float | None = None
    volume_notional: float | msgspec.UnsetType = msgspec.UNSET


class Ticker(msgspec.Struct, frozen=True, kw_only=True):
    """`public/ticker` of an option: prices in coin, IVs in percent."""

    timestamp: int
    state: str
    stats: msgspec.Raw | Stats
    greeks: RecordedGreeks
    interest_rate: float
    index_price: float
    instrument_name: str
    last_price: float | None
    settlement_price: float | msgspec.UnsetType
    min_price: float
    max_price: float
    open_interest: float
    mark_price: float
    best_ask_price: float
    best_bid_price: float
    mark_iv: float
    bid_iv: float
    ask_iv: float
    underlying_price: float
    underlying_index: str
    estimated_delivery_price: float | str
    best_ask_amount: float
    best_bid_amount: float
    delivery_price: float | msgspec.UnsetType = msgspec.UNSET


class FutureTicker(msgspec.Struct, frozen=True, kw_only=True):
    """`public/ticker` of a future: prices and amounts in USD. Funding of perpetuals only."""

    timestamp: int
    state: str
    stats: Stats
    index_price: float
    instrument_name: str
    last_price: float | None
    settlement_price: float
    min_price: float
    max_price: float
    open_interest: float
    mark_price: float
    interest_value: float | msgspec.UnsetType
    best_ask_price: float
    best_bid_price: float
    estimated_delivery_price: float | str
    best_ask_amount: float
    best_bid_amount: float
    current_funding: float | msgspec.UnsetType
    funding_8h: float | msgspec.UnsetType
    delivery_price: float | msgspec.UnsetType = msgspec.UNSET


class PublicTrade(msgspec.Struct, frozen=True, kw_only=True):
    """A trade as everyone sees it. `iv` (percent) of options only."""

    trade_seq: int
    trade_id: str
    timestamp: int
    tick_direction: int
    price: float
    mark_price: float
    iv: float | msgspec.UnsetType
    instrument_name: str
    index_price: float
    direction: str
    contracts: float
    amount: float


class Quote(msgspec.Struct, frozen=True):
    """Data of a `quote` channel."""

    timestamp: int
    instrument_name: str
    best_bid_price: float
    best_bid_amount: float
    best_ask_price: float
    best_ask_amount: float


class MarkPrice(msgspec.Struct, frozen=True):
    """One row of a `markprice.options` channel; `iv` is a fraction there."""

    instrument_name: str
    mark_price: float
    iv: float
    timestamp: int


class IndexPrice(msgspec.Struct, frozen=True):
    """Data of a `deribit_price_index` channel."""

    timestamp: int
    price: float
    index_name: str


class InstrumentState(msgspec.Struct, frozen=True):
    """Data of an `instrument.state` channel."""

    timestamp: int
    state: str
    instrument_name: str


class BookSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `public/get_book_summary_by_currency`: null for a side without quote."""

    instrument_name: str
    base_currency: str
    quote_currency: str
    bid_price: float | None
    ask_price: float | None
    mid_price: float | None
    mark_price: float
    mark_iv: float
    last: float | None
    high: float | None
    low: float | None
    price_change: float | None
    volume: float | None
    volume_usd: float | None
    open_interest: float
    interest_rate: float
    underlying_price: float
    underlying_index: str
    estimated_delivery_price: float
    creation_timestamp: int


class FutureSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `public/get_book_summary_by_currency` for a future; funding of perpetuals only."""

    instrument_name: str
    base_currency: str
    quote_currency: str
    bid_price: float | None
    ask_price: float | None
    mid_price: float | None
    mark_price: float
    last: float | None
    high: float | None
    low: float | None
    price_change: float | None
    volume: float | None
    volume_usd: float | None
    volume_notional: float | None
    open_interest: float
    estimated_delivery_price: float
    creation_timestamp: int
    current_funding: float | msgspec.UnsetType = msgspec.UNSET
    funding_8h: float | msgspec.UnsetType = msgspec.UNSET
