"""Streams of the /market path: marks, indexes, open interest, bars and listings."""

from __future__ import annotations

from quantdesk.simulator.binance.floor import BinanceFloor
from quantdesk.simulator.binance.ladder import QUOTE
from quantdesk.simulator.binance.records import (
    NS_PER_MS,
    Record,
    contract_of,
    expiry_ms,
    fixed,
    levels,
    option_side,
    plain,
    strike_text,
    trimmed,
)
from quantdesk.simulator.binance.statistics import INTERVALS_NS, Summary, bars
from quantdesk.simulator.binance.stream import MARKET, SECOND_NS
from quantdesk.simulator.exchange.events import ExchangeEvent, ListingChanged, Trade
from quantdesk.simulator.exchange.listing import Listing, ListingState


class MarkPrices:
    """`<underlying>@optionMarkPrice`: all options of an underlying in one message."""

    path, pace_ns = MARKET, SECOND_NS
    names: frozenset[str] = frozenset()

    def __init__(self, floor: BinanceFloor, symbol: str) -> None:
        self._floor, self._symbol = floor, symbol

    def note(self, event: ExchangeEvent) -> None:
        """Sends whatever happens."""

    def messages(self, now_ms: int) -> list[object]:
        rows = self._floor.market.board.open_rows(self._symbol)
        return [[self._message(row, now_ms) for row in rows]] if rows else []

    def _message(self, row: int, now_ms: int) -> Record:
        market = self._floor.market
        board, published = market.board, market.board.published
        name, contract = board.names[row], board.contract_of(row)
        book = self._floor.exchange.book(name, 1)
        assert book is not None
        none = (fixed(0, contract.price_scale), fixed(0, contract.quantity_scale))
        bid, bid_amount = (levels(book.bids, contract) or [none])[0]
        ask, ask_amount = (levels(book.asks, contract) or [none])[0]
        settle = market.estimated_settlement(self._symbol) if self._settles(row) else 0

        def of(field: str, decimals: int) -> str:
            return fixed(float(published[field][row]), decimals)

        return {
            "s": name,
            "mp": of("mark", contract.price_scale),
            "E": now_ms,
            "e": "markPrice",
            "i": fixed(market.index_price(self._symbol), 8),
            "P": fixed(settle, contract.price_scale),
            "bo": bid,
            "ao": ask,
            "bq": bid_amount,
            "aq": ask_amount,
            "b": trimmed(float(published["bid_iv"][row])),
            "a": trimmed(float(published["ask_iv"][row])),
            "hl": of("price_high", contract.price_scale),
            "ll": of("price_low", contract.price_scale),
            "vo": trimmed(float(board.iv[row])),
            "rf": trimmed(float(published["rate"][row])),
            "d": of("delta", 8),
            "t": of("theta", 8),
            "g": of("gamma", 8),
            "v": of("vega", 8),
        }

    def _settles(self, row: int) -> bool:
        """Whether it is of the expiry whose average is running."""
        market = self._floor.market
        expiry_ns = market.board.instruments[row].expiry_ns or 0
        return 0 < expiry_ns - market.marked_ns <= 1_800 * SECOND_NS


class OpenInterest:
    """`<underlying>@openInterest@<YYMMDD>`: each minute."""

    path, pace_ns = MARKET, 60 * SECOND_NS
    names: frozenset[str] = frozenset()

    def __init__(self, floor: BinanceFloor, symbol: str, rows: list[int]) -> None:
        self._floor, self._symbol, self._rows = floor, symbol, rows

    def note(self, event: ExchangeEvent) -> None:
        """Sends whatever happens."""

    def messages(self, now_ms: int) -> list[object]:
        market = self._floor.market
        index = market.index_price(self._symbol)
        records = []
        for row in self._rows:
            name = market.board.names[row]
            amount = self._floor.exchange.listings[name].open_interest
            value = amount * market.board.contract_of(row).unit * index
            records.append(
                {
                    "e": "openInterest",
                    "E": now_ms,
                    "s": name,
                    "o": fixed(amount, 2),
                    "h": fixed(value, 2),
                }
            )
        return [records] if market.board.is_open[self._rows].any() else []


class IndexPrices:
    """`!index@arr`: every index."""

    path, pace_ns = MARKET, SECOND_NS
    names: frozenset[str] = frozenset()

    def __init__(self, floor: BinanceFloor) -> None:
        self._floor = floor

    def note(self, event: ExchangeEvent) -> None:
        """Sends whatever happens."""

    def messages(self, now_ms: int) -> list[object]:
        market = self._floor.market
        return [
            [
                {"e": "indexPrice", "E": now_ms, "s": symbol, "p": fixed(price, 8)}
                for symbol in market.indexes
                for price in [market.index_price(symbol)]
            ]
        ]


class Bars:
    """`<symbol>@kline_<interval>`: the running bar while it trades, and once more when it ends."""

    path, pace_ns = MARKET, SECOND_NS

    def __init__(self, floor: BinanceFloor, listing: Listing, interval: str) -> None:
        self._floor, self._listing, self._interval = floor, listing, interval
        self._length_ns = INTERVALS_NS[interval]
        self.names = frozenset({listing.instrument.name})
        self._is_due = False
        self._open_ns: int | None = None

    def note(self, event: ExchangeEvent) -> None:
        self._is_due |= isinstance(event, Trade)

    def messages(self, now_ms: int) -> list[object]:
        begin_ns = self._floor.exchange.now_ns // self._length_ns * self._length_ns
        has_ended = self._open_ns is not None and self._open_ns < begin_ns
        if not self._is_due and not has_ended:
            return []
        self._is_due = False
        oldest_ns = self._open_ns if self._open_ns is not None else begin_ns
        traded = bars(self._listing.trades, self._length_ns)
        self._open_ns = begin_ns if traded and traded[-1][0] == begin_ns else None
        return [
            self._message(bar_ns, bar, now_ms, is_over=bar_ns < begin_ns)
            for bar_ns, bar in traded
            if bar_ns >= oldest_ns
        ]

    def _message(self, bar_ns: int, bar: Summary, now_ms: int, *, is_over: bool) -> Record:
        instrument = self._listing.instrument
        contract = contract_of(instrument)
        price, amount = contract.price_scale, contract.quantity_scale
        return {
            "e": "kline",
            "E": now_ms,
            "s": instrument.name,
            "k": {
                "t": bar_ns // NS_PER_MS,
                "T": (bar_ns + self._length_ns) // NS_PER_MS - 1,
                "s": instrument.name,
                "i": self._interval,
                "f": bar.first_seq,
                "L": bar.last_seq,
                "o": fixed(bar.open, price),
                "c": fixed(bar.close, price),
                "h": fixed(bar.high, price),
                "l": fixed(bar.low, price),
                "v": fixed(bar.amount, amount),
                "n": bar.count,
                "x": is_over,
                "q": fixed(bar.value, price),
                "V": fixed(bar.buy_amount, amount),
                "Q": fixed(bar.buy_value, price),
            },
        }


class NewSymbols:
    """`!optionSymbol`: an option that opens for trading, or is halted."""

    path, pace_ns = MARKET, 0

    def __init__(self, floor: BinanceFloor) -> None:
        self._floor = floor
        self.names = frozenset(floor.market.board.names)
        self._changed: list[ListingChanged] = []

    def note(self, event: ExchangeEvent) -> None:
        if isinstance(event, ListingChanged) and event.state is not ListingState.DELIVERED:
            self._changed.append(event)

    def messages(self, now_ms: int) -> list[object]:
        changed, self._changed = self._changed, []
        found: list[object] = []
        for event in changed:
            instrument = self._floor.exchange.listings[event.instrument_name].instrument
            found.append(
                {
                    "e": "optionSymbol",
                    "E": now_ms,
                    "s": instrument.name,
                    "ps": instrument.index_name,
                    "qa": QUOTE,
                    "d": option_side(instrument),
                    "sp": strike_text(instrument),
                    "dt": expiry_ms(instrument),
                    "u": int(plain(instrument.contract_size)),
                    "ot": self._floor.venue.opened_ns // NS_PER_MS,
                    "cs": "TRADING" if event.state is ListingState.OPEN else "BREAK",
                }
            )
        return found
