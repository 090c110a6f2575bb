"""The simulated market in Deribit's words: what methods and channels read.

An instrument is a `line`: options are the lines of the board's rows, futures follow them. A line's
ticker is encoded once a change, however many ask for it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np

from quantdesk.domain.times import expiry_code
from quantdesk.simulator.board import Field
from quantdesk.simulator.deribit.records import (
    BookSummary,
    FutureSummary,
    FutureTicker,
    IndexPrice,
    InstrumentState,
    Level,
    MarkPrice,
    Quote,
    Stats,
    Ticker,
)
from quantdesk.simulator.exchange.listing import Listing
from quantdesk.simulator.futures import Future, FutureRecord
from quantdesk.simulator.samples import RecordedGreeks, RecordedInstrument
from quantdesk.simulator.venue import MarketChanges, SimulatedVenue

NS_PER_MS = 1_000_000
PRICE_DECIMALS = 6
AMOUNT_DECIMALS = 8

DAY_NS = 86_400 * 1_000_000_000
SETTLEMENT_NS = 8 * 3_600 * 1_000_000_000
"""Daily at 08:00 UTC profits of futures become cash, and trading pauses for a moment."""


class DeribitMarket:
    """Records of every line, as of the venue's state now."""

    def __init__(self, venue: SimulatedVenue) -> None:
        self.venue = venue
        self.board = venue.board
        self.currencies = tuple(sample.underlying for sample in venue.samples)
        self.names = (*self.board.names, *(future.name for future in venue.futures.contracts))
        self.line_of = {name: line for line, name in enumerate(self.names)}
        self._line_of_id = {
            self.instrument(line).instrument_id: line for line in range(len(self.names))
        }
        self._encoder = msgspec.json.Encoder()
        self._tickers: dict[int, bytes] = {}
        self._settled: dict[int, tuple[int, float]] = {}
        self._stats = [msgspec.json.decode(t.stats, type=Stats) for t in self.board.recorded]

    # What there is

    def lines(self, currency: str | None, kind: str = "any", *, expired: bool = False) -> list[int]:
        """Lines of a base `currency` (None: all) and kind that are listed, or were delivered."""
        return [
            line
            for line in range(len(self.names))
            if (kind in ("any", self.kind(line)))
            and (currency is None or self.currency(line) == currency)
            and self.is_open(line) is not expired
        ]

    def line_of_id(self, instrument_id: int) -> int | None:
        """The line of an instrument's number; None where there is none."""
        return self._line_of_id.get(instrument_id)

    def future(self, line: int) -> Future | None:
        """The future of a line; None for an option."""
        row = line - len(self.board)
        return self.venue.futures.contracts[row] if row >= 0 else None

    def kind(self, line: int) -> str:
        """ "option" or "future"; perpetuals are futures to the venue."""
        return "option" if line < len(self.board) else "future"

    def currency(self, line: int) -> str:
        """Base currency, which here is that of settlement too."""
        future = self.future(line)
        record = self.board.instruments[line] if future is None else future.record
        return record.base_currency

    def is_open(self, line: int) -> bool:
        """False once delivered."""
        future = self.future(line)
        return bool(self.board.is_open[line]) if future is None else future.is_open

    def stamp_ms(self, line: int) -> int:
        """Venue time of the last change of what is published."""
        future = self.future(line)
        return int(self.board.stamp_ms[line]) if future is None else future.stamp_ms

    def change_id(self, line: int) -> int:
        """Id of the last change of the book."""
        future = self.future(line)
        return int(self.board.change_id[line]) if future is None else future.change_id

    def price_limits(self, line: int) -> tuple[float, float]:
        """Lowest and highest price of an order."""
        future = self.future(line)
        if future is not None:
            return future.price_min, future.price_max
        lowest, highest = self.board.published[[Field.MIN_PRICE, Field.MAX_PRICE], line].tolist()
        return lowest, highest

    def listing(self, line: int) -> Listing:
        """The exchange's record of the line, to be read only."""
        return self.venue.exchange.listings[self.names[line]]

    def changed_lines(self, changes: MarketChanges) -> list[int]:
        """Lines with another ticker."""
        offset = len(self.board)
        return [*changes.rows.tolist(), *(offset + row for row in changes.futures)]

    def quoted_lines(self, changes: MarketChanges) -> list[int]:
        """Lines with another top of book."""
        offset = len(self.board)
        return [*changes.quote_rows.tolist(), *(offset + row for row in changes.futures_quoted)]

    def delivered_lines(self, changes: MarketChanges) -> list[int]:
        """Lines that expired."""
        offset = len(self.board)
        futures = (offset + row for row in changes.futures_delivered)
        return [*changes.delivered_rows.tolist(), *futures]

    # Encoding

    def forget(self, lines: Iterable[int]) -> None:
        """Drop what was encoded of `lines`: their published values changed."""
        for line in lines:
            self._tickers.pop(line, None)

    def encode(self, record: object) -> bytes:
        """JSON of a record or a list of them."""
        return self._encoder.encode(record)

    def ticker_json(self, line: int) -> bytes:
        """Encoded ticker of one line."""
        if line not in self._tickers:
            self.prepare_tickers([line])
        return self._tickers[line]

    def prepare_tickers(self, lines: Sequence[int]) -> None:
        """Encode the tickers of `lines` in one pass over the arrays."""
        rows = [line for line in lines if line < len(self.board)]
        columns = self.board.published[:, rows].T.tolist()
        for row, column in zip(rows, columns, strict=True):
            self._tickers[row] = self._encoder.encode(self._option_ticker(row, column))
        for line in lines:
            future = self.future(line)
            if future is not None:
                self._tickers[line] = self._encoder.encode(self._future_ticker(line, future))

    # Records

    def instrument(self, line: int) -> RecordedInstrument | FutureRecord:
        """The instrument record, with the state it has now."""
        future = self.future(line)
        record = self.board.instruments[line] if future is None else future.record
        if self.is_open(line):
            return record
        return msgspec.structs.replace(record, state="delivered", is_active=False)

    def quote(self, line: int) -> Quote:
        """Top of book of one line."""
        bid, bid_amount, ask, ask_amount = self.top_of_book(line)
        return Quote(
            timestamp=self.stamp_ms(line),
            instrument_name=self.names[line],
            best_bid_price=bid,
            best_bid_amount=bid_amount,
            best_ask_price=ask,
            best_ask_amount=ask_amount,
        )

    def top_of_book(self, line: int) -> tuple[float, float, float, float]:
        """Bid, bid amount, ask, ask amount; 0 for a side without quote."""
        future = self.future(line)
        if future is not None:
            return future.top
        bid, bid_amount, ask, ask_amount = self.board.published[
            [Field.BID, Field.BID_AMOUNT, Field.ASK, Field.ASK_AMOUNT], line
        ].tolist()
        return bid, bid_amount, ask, ask_amount

    def levels(self, line: int, depth: int | None = None) -> tuple[list[Level], list[Level]]:
        """Bids and asks as `[price, amount]`, best first; all where `depth` is None."""
        book = self.venue.exchange.book(self.names[line], depth)
        assert book is not None, line
        bids, asks = (
            [(float(price), float(amount)) for price, amount in side]
            for side in (book.bids, book.asks)
        )
        return bids, asks

    def mark_prices(self, rows: Sequence[int]) -> list[MarkPrice]:
        """Mark and mark IV (fraction) of option `rows`."""
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

    def instrument_state(self, line: int) -> InstrumentState:
        """State of one instrument and when it began."""
        return InstrumentState(
            timestamp=self.stamp_ms(line),
            state=self.instrument(line).state,
            instrument_name=self.names[line],
        )

    def book_summary(self, line: int) -> BookSummary | FutureSummary:
        """Summary of one instrument."""
        future = self.future(line)
        return self._option_summary(line) if future is None else self._future_summary(line, future)

    def expiry_codes(self, currency: str | None, kind: str) -> list[str]:
        """Listed expiries of a kind as "28JUN26", in time order, "PERPETUAL" last."""
        lines = self.lines(currency, kind)
        records = [self.instrument(line) for line in lines]
        dated = {r.expiration_timestamp for r in records if r.settlement_period != "perpetual"}
        codes = [expiry_code(expires_ms * NS_PER_MS) for expires_ms in sorted(dated)]
        return codes + ["PERPETUAL"] * any(r.settlement_period == "perpetual" for r in records)

    def volume(self, line: int) -> float:
        """Coins traded in a day: recorded, and here on top."""
        return self._stats_of(line).volume or 0.0

    def mark(self, line: int) -> float:
        """Mark of a line; after delivery what an option paid, and what a future settled on."""
        future = self.future(line)
        return float(self.board.published[Field.MARK, line]) if future is None else future.mark

    def _last_price(self, line: int) -> float | None:
        """Price of the last trade; before the first an option's is as recorded, a future's the mark
        that it opened at, since one that never traded does not exist.
        """
        traded = self.listing(line).last_price
        if traded is not None:
            return float(traded)
        future = self.future(line)
        return self.board.recorded[line].last_price if future is None else future.opening_price

    def _stats_of(self, line: int) -> Stats:
        """Recorded statistics with what was traded here on top."""
        stats = self._stats[line] if line < len(self.board) else _NO_TRADES_YET
        day = self.venue.day_of_trades(self.names[line])
        if day is None:
            return stats
        assert day.high is not None
        assert day.low is not None
        volume_usd = round((stats.volume_usd or 0.0) + day.volume_usd, 2)
        is_future = line >= len(self.board)
        return Stats(
            high=day.high if stats.high is None else max(stats.high, day.high),
            low=day.low if stats.low is None else min(stats.low, day.low),
            price_change=stats.price_change,
            volume=round((stats.volume or 0.0) + day.volume, AMOUNT_DECIMALS),
            volume_usd=volume_usd,
            volume_notional=volume_usd if is_future else msgspec.UNSET,
        )

    def _open_interest(self, line: int) -> float:
        recorded = self.board.recorded[line].open_interest if line < len(self.board) else 0.0
        here = float(self.listing(line).open_interest)
        return round(recorded + here, AMOUNT_DECIMALS)

    def _option_ticker(self, row: int, value: list[float]) -> Ticker:
        board, recorded = self.board, self.board.recorded[row]
        settlement, delivery = recorded.settlement_price, float(board.delivery_price[row])
        is_open = math.isnan(delivery)
        is_traded = self.venue.day_of_trades(recorded.instrument_name) is not None
        return Ticker(
            timestamp=int(board.stamp_ms[row]),
            state="open" if is_open else "closed",
            stats=self._stats_of(row) if is_traded else recorded.stats,
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
            last_price=self._last_price(row),
            settlement_price=msgspec.UNSET if settlement is None else settlement,
            min_price=value[Field.MIN_PRICE],
            max_price=value[Field.MAX_PRICE],
            open_interest=self._open_interest(row),
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

    def _future_ticker(self, line: int, future: Future) -> FutureTicker:
        bid, bid_amount, ask, ask_amount = future.top
        funding = future.funding_8h if future.is_perpetual else msgspec.UNSET
        return FutureTicker(
            timestamp=future.stamp_ms,
            state="open" if future.is_open else "closed",
            stats=self._stats_of(line),
            index_price=future.index_price,
            instrument_name=future.name,
            last_price=self._last_price(line),
            settlement_price=self.settlement_price(line),
            min_price=future.price_min,
            max_price=future.price_max,
            open_interest=self._open_interest(line),
            mark_price=future.mark,
            interest_value=(
                round(future.funding_8h * 100, AMOUNT_DECIMALS)
                if future.is_perpetual
                else msgspec.UNSET
            ),
            best_ask_price=ask,
            best_bid_price=bid,
            estimated_delivery_price=future.expected_delivery if future.is_open else "expired",
            best_ask_amount=ask_amount,
            best_bid_amount=bid_amount,
            current_funding=future.current_funding if future.is_perpetual else msgspec.UNSET,
            funding_8h=funding,
            delivery_price=(
                msgspec.UNSET if future.delivery_price is None else future.delivery_price
            ),
        )

    def settlement_price(self, line: int) -> float:
        """Mark of a future at the last daily settlement; before the first here, by its path."""
        settled = (p.settlement_price for p in self.listing(line).holders.values())
        price = next((price for price in settled if price is not None), None)
        if price is not None:
            return float(price)
        session = (self.venue.stamp_ms * NS_PER_MS - SETTLEMENT_NS) // DAY_NS
        kept = self._settled.get(line)
        if kept is None or kept[0] != session:
            at_ns = np.array([session * DAY_NS + SETTLEMENT_NS], dtype=np.int64)
            mark = float(self.venue.futures.marks_at(self.names[line], at_ns)[0])
            kept = self._settled[line] = (session, mark)
        return kept[1]

    def _option_summary(self, row: int) -> BookSummary:
        board, stats = self.board, self._stats_of(row)
        record, recorded = board.instruments[row], board.recorded[row]
        bid, _, ask, _ = self.top_of_book(row)
        value = board.published[:, row].tolist()
        return BookSummary(
            instrument_name=record.instrument_name,
            base_currency=record.base_currency,
            quote_currency=record.quote_currency,
            bid_price=bid or None,
            ask_price=ask or None,
            mid_price=_middle(bid, ask),
            mark_price=value[Field.MARK],
            mark_iv=value[Field.MARK_IV],
            last=self._last_price(row),
            high=stats.high,
            low=stats.low,
            price_change=stats.price_change,
            volume=stats.volume,
            volume_usd=stats.volume_usd,
            open_interest=self._open_interest(row),
            interest_rate=recorded.interest_rate,
            underlying_price=value[Field.UNDERLYING],
            underlying_index=recorded.underlying_index,
            estimated_delivery_price=value[Field.ESTIMATED_DELIVERY],
            creation_timestamp=self.venue.now_ns() // NS_PER_MS,
        )

    def _future_summary(self, line: int, future: Future) -> FutureSummary:
        stats, record = self._stats_of(line), future.record
        bid, _, ask, _ = future.top
        return FutureSummary(
            instrument_name=record.instrument_name,
            base_currency=record.base_currency,
            quote_currency=record.quote_currency,
            bid_price=bid or None,
            ask_price=ask or None,
            mid_price=_middle(bid, ask),
            mark_price=future.mark,
            last=self._last_price(line),
            high=stats.high,
            low=stats.low,
            price_change=stats.price_change,
            volume=stats.volume,
            volume_usd=stats.volume_usd,
            volume_notional=stats.volume_usd,
            open_interest=self._open_interest(line),
            estimated_delivery_price=future.expected_delivery,
            creation_timestamp=self.venue.now_ns() // NS_PER_MS,
            current_funding=future.current_funding if future.is_perpetual else msgspec.UNSET,
            funding_8h=future.funding_8h if future.is_perpetual else msgspec.UNSET,
        )


_NO_TRADES_YET = Stats(volume=0.0, volume_usd=0.0, volume_notional=0.0)


def _middle(bid: float, ask: float) -> float | None:
    return round((bid + ask) / 2, PRICE_DECIMALS) if bid and ask else None
