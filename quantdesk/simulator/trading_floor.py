"""Where the market meets the exchange: marks in, real books out.

The house's makers quote what the market says; whatever then stands best in a book is what the
venue publishes. Deterministic like everything below it; knows no protocol and no clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

import msgspec
import numpy as np

from quantdesk.margin.deribit_standard import DeribitStandardMargin
from quantdesk.simulator.board import Field, FloatArray, IntArray
from quantdesk.simulator.contracts import exact, future_instrument, option_instrument
from quantdesk.simulator.crowd import Crowd, Interest
from quantdesk.simulator.exchange.events import BookChanged, ExchangeEvent, Trade
from quantdesk.simulator.exchange.exchange import Exchange
from quantdesk.simulator.exchange.maker import TopOfBook
from quantdesk.simulator.exchange.rules import PriceLimits, VenueRules
from quantdesk.simulator.exchange.standard_fees import StandardFees
from quantdesk.simulator.futures import FutureRecord, FuturesMarket
from quantdesk.simulator.option_market import OptionMarket
from quantdesk.simulator.samples import RecordedInstrument
from quantdesk.simulator.underlying import DELIVERY_WINDOW_NS, UnderlyingIndex

RULES = VenueRules(
    venue="deribit",
    order_id_first=104_800_000_001,
    trade_id_first=403_600_001,
    change_id_first=60_000_000_000,
)
"""Counters begin where captured ones were, so that a client meets numbers of that length."""

CHANGE_ID_STRIDE = 3
"""Published change ids are not consecutive even in a book that alone is traded."""

RATE_DECIMALS = 12

PERPETUAL_SHARE = 0.75
FUTURE_ORDERS = 10
"""The crowd's futures orders are in multiples of this many of the smallest."""


@dataclass(slots=True)
class DayOfTrades:
    """What clients traded of an instrument here, on top of its recorded statistics."""

    volume: float = 0.0
    volume_usd: float = 0.0
    high: float | None = None
    low: float | None = None

    def count(self, trade: Trade, *, is_option: bool) -> None:
        """Add a trade; option amounts are coins, futures' are USD."""
        price, amount = float(trade.price), float(trade.amount)
        if is_option:
            self.volume += amount
            self.volume_usd += amount * price * float(trade.index_price)
        else:
            self.volume += amount / price
            self.volume_usd += amount
        self.high = price if self.high is None else max(self.high, price)
        self.low = price if self.low is None else min(self.low, price)


class PublishedPrices:
    """What the venue publishes, as the exchange asks for it: the exchange's `MarketView`."""

    def __init__(
        self,
        options: OptionMarket,
        futures: FuturesMarket,
        indexes: dict[str, UnderlyingIndex],
    ) -> None:
        self._board = options.board
        self._futures = futures
        self._indexes = indexes
        self.step = 0

    def mark_price(self, instrument_name: str) -> Decimal:
        """Mark as published."""
        row = self._board.row_of.get(instrument_name)
        if row is None:
            return exact(self._futures.contracts[self._futures.row_of[instrument_name]].mark)
        return exact(float(self._board.published[Field.MARK, row]))

    def underlying_price(self, instrument_name: str) -> Decimal:
        """The forward of an option, the index of a future."""
        row = self._board.row_of.get(instrument_name)
        if row is None:
            return exact(self._futures.contracts[self._futures.row_of[instrument_name]].index_price)
        return exact(float(self._board.published[Field.UNDERLYING, row]))

    def index_price(self, index_name: str) -> Decimal:
        """Index as published."""
        return exact(self._indexes[index_name].price_at(self.step))

    def price_limits(self, instrument_name: str) -> PriceLimits:
        """Lowest and highest order price as published."""
        row = self._board.row_of.get(instrument_name)
        if row is None:
            contract = self._futures.contracts[self._futures.row_of[instrument_name]]
            lowest, highest = contract.price_min, contract.price_max
        else:
            lowest, highest = self._board.published[
                [Field.MIN_PRICE, Field.MAX_PRICE], row
            ].tolist()
        return PriceLimits(lowest=exact(lowest), highest=exact(highest))

    def delivery_price(self, index_name: str, expiry_ns: int) -> Decimal:
        """Mean of the index over the last 30 minutes of an expiry."""
        return exact(self._indexes[index_name].mean(expiry_ns - DELIVERY_WINDOW_NS, expiry_ns))

    def funding_rate(self, instrument_name: str, from_ns: int, to_ns: int) -> Decimal:
        """What a perpetual's long pays for the period, as part of the position value."""
        rate = self._futures.funding_rate(instrument_name, from_ns, to_ns)
        return exact(round(rate, RATE_DECIMALS))


class TradingFloor:
    """The exchange over every instrument of the market, with the house's quotes in its books."""

    def __init__(
        self,
        options: OptionMarket,
        futures: FuturesMarket,
        indexes: dict[str, UnderlyingIndex],
        *,
        opened_ns: int,
        trades_per_minute: float = 0.0,
        seed: int = 0,
    ) -> None:
        """trades_per_minute : of the crowd, on average over everything; `seed` draws them."""
        self._options = options
        self._futures = futures
        self._crowd = Crowd(_interests(options, futures), per_minute=trades_per_minute, seed=seed)
        self._prices = PublishedPrices(options, futures, indexes)
        self._told: list[ExchangeEvent] = []
        self._days: dict[str, DayOfTrades] = {}
        self._quoted = np.full_like(options.board.house, np.nan)
        self.exchange = Exchange(
            rules=RULES,
            instruments=[
                *(option_instrument(record) for record in options.board.instruments),
                *(future_instrument(contract.record) for contract in futures.contracts),
            ],
            market=self._prices,
            fees=StandardFees(as_of_ns=opened_ns),
            margin=DeribitStandardMargin(as_of_ns=opened_ns),
            now_ns=opened_ns,
            tell=self._told.append,
        )
        self._requote()

    def follow(self, step: int, now_ns: int) -> None:
        """Let the exchange live on to `now_ns` on the marks of path step `step`, and quote anew."""
        self._prices.step = step
        before_ns = self.exchange.now_ns
        self.exchange.advance(now_ns)
        self._requote()
        for order in self._crowd.orders(before_ns, now_ns):
            self.exchange.trade_crowd(order.name, order.side, order.amount)

    def take_events(self) -> tuple[ExchangeEvent, ...]:
        """What the exchange told since the last call, in order; publishes the books it changed."""
        events = tuple(self._told)
        self._told.clear()
        for event in events:
            if isinstance(event, Trade):
                is_option = event.instrument_name in self._options.board.row_of
                day = self._days.setdefault(event.instrument_name, DayOfTrades())
                day.count(event, is_option=is_option)
        self._publish_books(e for e in events if isinstance(e, BookChanged))
        return events

    def untold_events(self) -> tuple[ExchangeEvent, ...]:
        """What the exchange told since the last `take_events`, which goes on holding it."""
        return tuple(self._told)

    def publish_quotes(self, rows: IntArray) -> None:
        """Publish the books of option `rows` again, whose marks changed."""
        self._options.publish_quotes(rows, self._tops(rows))

    def day_of_trades(self, name: str) -> DayOfTrades | None:
        """What was traded of an instrument here; None where nothing was."""
        return self._days.get(name)

    def top(self, name: str) -> tuple[float, float, float, float]:
        """Best bid, its amount, best ask, its amount; 0 for an empty side."""
        book = self.exchange.book(name, 1)
        assert book is not None, name
        bid, bid_amount = book.bids[0] if book.bids else (0, 0)
        ask, ask_amount = book.asks[0] if book.asks else (0, 0)
        return float(bid), float(bid_amount), float(ask), float(ask_amount)

    def _requote(self) -> None:
        """Hand the market makers what they are to quote, where it is not what they do."""
        board = self._options.board
        house = board.house
        differs = (house != self._quoted).any(axis=0) & board.is_open
        for row in np.flatnonzero(differs).tolist():
            self.exchange.requote(board.names[row], _top_of_book(house[:, row].tolist()))
        self._quoted = house.copy()
        for contract in self._futures.contracts:
            if contract.is_open:
                self.exchange.requote(contract.name, _top_of_book(contract.house))

    def _publish_books(self, changed: Iterable[BookChanged]) -> None:
        ids = {event.instrument_name: event.change_id for event in changed}
        board, futures = self._options.board, self._futures
        rows = []
        for name, change_id in ids.items():
            published_id = RULES.change_id_first + (
                (change_id - RULES.change_id_first) * CHANGE_ID_STRIDE
            )
            row = board.row_of.get(name)
            if row is not None:
                board.change_id[row] = published_id
                rows.append(row)
                continue
            contract = futures.contracts[futures.row_of[name]]
            contract.change_id, contract.top = published_id, self.top(name)
        moved = np.array(sorted(rows), dtype=np.int64)
        tops = self._tops(moved)
        # Only where the best prices differ: an opening quote keeps the IV it was recorded with.
        differs = (board.published[list(_QUOTES)][:, moved] != tops).any(axis=0)
        if differs.any():
            self._options.publish_quotes(moved[differs], tops[:, differs])

    def _tops(self, rows: IntArray) -> FloatArray:
        names = self._options.board.names
        tops = np.array([self.top(names[row]) for row in rows.tolist()], dtype=np.float64)
        return tops.reshape(-1, 4).T


def _interests(options: OptionMarket, futures: FuturesMarket) -> list[Interest]:
    """What the crowd trades: options as often as they were traded in the recording, futures as
    often as all of those together, three of four times the perpetual.
    """
    board = options.board
    volumes = [
        1.0 + (msgspec.json.decode(one.stats, type=_Volume).volume or 0.0) for one in board.recorded
    ]
    total = sum(volumes)
    perpetuals = sum(contract.is_perpetual for contract in futures.contracts)
    dated = max(1, len(futures) - perpetuals)
    shares = {True: PERPETUAL_SHARE / max(1, perpetuals), False: (1 - PERPETUAL_SHARE) / dated}
    return [
        *(
            Interest(name=record.instrument_name, weight=volume, amount_min=_smallest(record))
            for record, volume in zip(board.instruments, volumes, strict=True)
        ),
        *(
            Interest(
                name=contract.name,
                weight=total * shares[contract.is_perpetual],
                amount_min=_smallest(contract.record) * FUTURE_ORDERS,
            )
            for contract in futures.contracts
        ),
    ]


def _smallest(record: RecordedInstrument | FutureRecord) -> Decimal:
    return exact(record.min_trade_amount)


class _Volume(msgspec.Struct, frozen=True):
    """The part of recorded statistics that the crowd goes by."""

    volume: float | None = None


_QUOTES = (Field.BID, Field.BID_AMOUNT, Field.ASK, Field.ASK_AMOUNT)


def _top_of_book(quote: Iterable[float]) -> TopOfBook:
    bid, bid_amount, ask, ask_amount = quote
    return TopOfBook(
        bid=exact(bid) if bid > 0 else None,
        bid_amount=exact(bid_amount),
        ask=exact(ask) if ask > 0 else None,
        ask_amount=exact(ask_amount),
    )
