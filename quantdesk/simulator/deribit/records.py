"""Deribit's payloads, made from the simulated market's state. Same fields as captured messages.

`DeribitMarket` is what methods and channels read: it encodes a row's ticker once a change, however
many ask for it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec

from quantdesk.domain.times import expiry_code
from quantdesk.simulator.board import Field
from quantdesk.simulator.samples import RecordedGreeks, RecordedInstrument
from quantdesk.simulator.venue import SimulatedVenue

NS_PER_MS = 1_000_000
Level = tuple[float, float]


class Ticker(msgspec.Struct, frozen=True, kw_only=True):
    """`public/ticker` of an option: prices in coin, IVs in percent."""

    timestamp: int
    state: str
    stats: msgspec.Raw
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


class _Stats(msgspec.Struct, frozen=True):
    high: float | None = None
    low: float | None = None
    price_change: float | None = None
    volume: float | None = None
    volume_usd: float | None = None


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


class DeribitMarket:
    """The simulated market in Deribit's words."""

    def __init__(self, venue: SimulatedVenue) -> None:
        self.venue = venue
        self.board = venue.board
        self.currencies = tuple(sample.underlying for sample in venue.samples)
        self._encoder = msgspec.json.Encoder()
        self._tickers: dict[int, bytes] = {}
        self._stats = [msgspec.json.decode(t.stats, type=_Stats) for t in self.board.recorded]

    def forget(self, rows: Iterable[int]) -> None:
        """Drop what was encoded of `rows`: their published values changed."""
        for row in rows:
            self._tickers.pop(row, None)

    def encode(self, record: object) -> bytes:
        """JSON of a record or a list of them."""
        return self._encoder.encode(record)

    def rows(self, currency: str | None, *, expired: bool = False) -> list[int]:
        """Rows of `currency` (None: all) that are listed, or that were delivered."""
        return [
            row
            for row, record in enumerate(self.board.instruments)
            if (currency is None or record.base_currency == currency)
            and bool(self.board.is_open[row]) is not expired
        ]

    def instrument(self, row: int) -> RecordedInstrument:
        """The instrument record, with the state it has now."""
        record = self.board.instruments[row]
        if self.board.is_open[row]:
            return record
        return msgspec.structs.replace(record, state="delivered", is_active=False)

    def tickers(self, rows: Sequence[int]) -> list[Ticker]:
        """Tickers of `rows` as published now."""
        columns = self.board.published[:, rows].T.tolist()
        return [self._ticker(row, column) for row, column in zip(rows, columns, strict=True)]

    def ticker_json(self, row: int) -> bytes:
        """Encoded ticker of one row."""
        if row not in self._tickers:
            self._tickers[row] = self._encoder.encode(self.tickers([row])[0])
        return self._tickers[row]

    def prepare_tickers(self, rows: Sequence[int]) -> None:
        """Encode the tickers of `rows` in one pass over the arrays."""
        for row, ticker in zip(rows, self.tickers(rows), strict=True):
            self._tickers[row] = self._encoder.encode(ticker)

    def quote(self, row: int) -> Quote:
        """Top of book of one row."""
        bid, bid_amount, ask, ask_amount = self.top_of_book(row)
        return Quote(
            timestamp=int(self.board.stamp_ms[row]),
            instrument_name=self.board.names[row],
            best_bid_price=bid,
            best_bid_amount=bid_amount,
            best_ask_price=ask,
            best_ask_amount=ask_amount,
        )

    def top_of_book(self, row: int) -> tuple[float, float, float, float]:
        """Bid, bid amount, ask, ask amount; 0 for a side without quote."""
        bid, bid_amount, ask, ask_amount = self.board.published[
            [Field.BID, Field.BID_AMOUNT, Field.ASK, Field.ASK_AMOUNT], row
        ].tolist()
        return bid, bid_amount, ask, ask_amount

    def levels(self, row: int) -> tuple[list[Level], list[Level]]:
        """Bids and asks as `[price, amount]`: one level a side, none where there is no quote."""
        bid, bid_amount, ask, ask_amount = self.top_of_book(row)
        return [(bid, bid_amount)] if bid > 0 else [], [(ask, ask_amount)] if ask > 0 else []

    def mark_prices(self, rows: Sequence[int]) -> list[MarkPrice]:
        """Mark and mark IV (fraction) of `rows`."""
        marks = self.board.published[Field.MARK].tolist()
        ivs = self.board.published[Field.MARK_IV].tolist()
        return [
            MarkPrice(
                instrument_name=self.board.names[row],
                mark_price=marks[row],
                iv=round(ivs[row] / 100, 4),
                timestamp=int(self.board.stamp_ms[row]),
            )
            for row in rows
        ]

    def index_price(self, index_name: str) -> IndexPrice:
        """Index price as published now."""
        return IndexPrice(
            timestamp=self.venue.stamp_ms,
            price=self.venue.index_price(index_name),
            index_name=index_name,
        )

    def instrument_state(self, row: int) -> InstrumentState:
        """State of one instrument and when it began."""
        return InstrumentState(
            timestamp=int(self.board.stamp_ms[row]),
            state=self.instrument(row).state,
            instrument_name=self.board.names[row],
        )

    def book_summary(self, row: int) -> BookSummary:
        """Summary of one instrument."""
        board, stats = self.board, self._stats[row]
        record, recorded = board.instruments[row], board.recorded[row]
        bid, _, ask, _ = self.top_of_book(row)
        value = board.published[:, row].tolist()
        return BookSummary(
            instrument_name=record.instrument_name,
            base_currency=record.base_currency,
            quote_currency=record.quote_currency,
            bid_price=bid or None,
            ask_price=ask or None,
            mid_price=round((bid + ask) / 2, 6) if bid and ask else None,
            mark_price=value[Field.MARK],
            mark_iv=value[Field.MARK_IV],
            last=recorded.last_price,
            high=stats.high,
            low=stats.low,
            price_change=stats.price_change,
            volume=stats.volume,
            volume_usd=stats.volume_usd,
            open_interest=recorded.open_interest,
            interest_rate=recorded.interest_rate,
            underlying_price=value[Field.UNDERLYING],
            underlying_index=recorded.underlying_index,
            estimated_delivery_price=value[Field.ESTIMATED_DELIVERY],
            creation_timestamp=self.venue.now_ns() // NS_PER_MS,
        )

    def expiry_codes(self, currency: str | None) -> list[str]:
        """Listed expiries as "28JUN26", in time order."""
        instants = {int(self.board.expiry_ns[row]) for row in self.rows(currency)}
        return [expiry_code(expiry_ns) for expiry_ns in sorted(instants)]

    def _ticker(self, row: int, value: list[float]) -> Ticker:
        board, recorded = self.board, self.board.recorded[row]
        settlement, delivery = recorded.settlement_price, float(board.delivery_price[row])
        is_open = math.isnan(delivery)
        return Ticker(
            timestamp=int(board.stamp_ms[row]),
            state="open" if is_open else "closed",
            stats=recorded.stats,
            greeks=RecordedGreeks(
                delta=value[Field.DELTA],
                gamma=value[Field.GAMMA],
                vega=value[Field.VEGA],
                theta=value[Field.THETA],
                rho=value[Field.RHO],
            ),
            interest_rate=recorded.interest_rate,
            index_price=value[Field.INDEX],
            instrument_name=recorded.instrument_name,
            last_price=recorded.last_price,
            settlement_price=msgspec.UNSET if settlement is None else settlement,
            min_price=value[Field.MIN_PRICE],
            max_price=value[Field.MAX_PRICE],
            open_interest=recorded.open_interest,
            mark_price=value[Field.MARK],
            best_ask_price=value[Field.ASK],
            best_bid_price=value[Field.BID],
            mark_iv=value[Field.MARK_IV],
            bid_iv=value[Field.BID_IV],
            ask_iv=value[Field.ASK_IV],
            underlying_price=value[Field.UNDERLYING],
            underlying_index=recorded.underlying_index,
            estimated_delivery_price=value[Field.ESTIMATED_DELIVERY] if is_open else "expired",
            best_ask_amount=value[Field.ASK_AMOUNT],
            best_bid_amount=value[Field.BID_AMOUNT],
            delivery_price=msgspec.UNSET if is_open else delivery,
        )
