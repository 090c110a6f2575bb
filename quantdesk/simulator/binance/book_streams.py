"""Streams of the /public path: books, trades and day tickers of options."""

from __future__ import annotations

from quantdesk.domain.instrument import Side
from quantdesk.simulator.binance.floor import BinanceFloor
from quantdesk.simulator.binance.records import NS_PER_MS, Record, contract_of, fixed, levels
from quantdesk.simulator.binance.statistics import last_day
from quantdesk.simulator.binance.stream import PUBLIC, SECOND_NS
from quantdesk.simulator.exchange.events import BookChanged, ExchangeEvent, Trade
from quantdesk.simulator.exchange.listing import Listing


class BookTicker:
    """`<symbol>@bookTicker`: best prices, when they change."""

    path, pace_ns = PUBLIC, 0

    def __init__(self, floor: BinanceFloor, listing: Listing) -> None:
        self._floor, self._listing = floor, listing
        self.names = frozenset({listing.instrument.name})
        self._sent: tuple[object, ...] | None = None
        self._is_due = False

    def note(self, event: ExchangeEvent) -> None:
        self._is_due |= isinstance(event, BookChanged)

    @property
    def _name(self) -> str:
        return self._listing.instrument.name

    def messages(self, now_ms: int) -> list[object]:
        if not self._is_due:
            return []
        self._is_due = False
        book = self._floor.exchange.book(self._name, 1)
        assert book is not None
        contract = contract_of(self._listing.instrument)
        none = (fixed(0, contract.price_scale), fixed(0, contract.quantity_scale))
        bid, bid_amount = (levels(book.bids, contract) or [none])[0]
        ask, ask_amount = (levels(book.asks, contract) or [none])[0]
        best = (bid, bid_amount, ask, ask_amount)
        if best == self._sent:
            return []
        self._sent = best
        return [
            {
                "e": "bookTicker",
                "u": book.change_id,
                "s": self._name,
                "b": bid,
                "B": bid_amount,
                "a": ask,
                "A": ask_amount,
                "T": book.event_ns // NS_PER_MS,
                "E": now_ms,
            }
        ]


class DepthDiff:
    """`<symbol>@depth@100ms|500ms`: levels that changed since the last sending."""

    path = PUBLIC

    def __init__(self, listing: Listing, pace_ns: int) -> None:
        self._listing, self.pace_ns = listing, pace_ns
        self.names = frozenset({listing.instrument.name})
        self._changes: list[BookChanged] = []

    def note(self, event: ExchangeEvent) -> None:
        if isinstance(event, BookChanged):
            self._changes.append(event)

    def messages(self, now_ms: int) -> list[object]:
        if not self._changes:
            return []
        changes, self._changes = self._changes, []
        sides: dict[Side, dict[object, object]] = {Side.BUY: {}, Side.SELL: {}}
        contract = contract_of(self._listing.instrument)
        for change in changes:
            for level in change.levels:
                price = fixed(level.price, contract.price_scale)
                sides[level.side][price] = fixed(level.amount, contract.quantity_scale)
        last = changes[-1]
        return [
            depth_update(
                last,
                now_ms,
                first_id=changes[0].change_id,
                previous_id=changes[0].previous_change_id,
                bids=list(sides[Side.BUY].items()),
                asks=list(sides[Side.SELL].items()),
            )
        ]


class DepthTop:
    """`<symbol>@depth5|10|20@100ms|500ms`: the best levels, once at first and when they change."""

    path = PUBLIC

    def __init__(self, floor: BinanceFloor, listing: Listing, count: int, pace_ns: int) -> None:
        self._floor, self._listing, self._count = floor, listing, count
        self.pace_ns = pace_ns
        self.names = frozenset({listing.instrument.name})
        book = floor.exchange.book(listing.instrument.name, 0)
        assert book is not None
        self._span = (book.change_id, book.change_id)
        self._is_due = True

    def note(self, event: ExchangeEvent) -> None:
        if isinstance(event, BookChanged):
            if not self._is_due:
                self._span = (event.change_id, event.previous_change_id)
            self._is_due = True

    def messages(self, now_ms: int) -> list[object]:
        if not self._is_due:
            return []
        self._is_due = False
        book = self._floor.exchange.book(self._listing.instrument.name, self._count)
        assert book is not None
        contract = contract_of(self._listing.instrument)
        first_id, previous_id = self._span
        last = BookChanged(
            instrument_name=book.instrument_name,
            event_ns=book.event_ns,
            change_id=book.change_id,
            previous_change_id=previous_id,
            levels=(),
        )
        return [
            depth_update(
                last,
                now_ms,
                first_id=first_id,
                previous_id=previous_id,
                bids=levels(book.bids, contract),
                asks=levels(book.asks, contract),
            )
        ]


def depth_update(
    last: BookChanged,
    now_ms: int,
    *,
    first_id: int,
    previous_id: int,
    bids: object,
    asks: object,
) -> Record:
    """A message of either depth stream."""
    return {
        "e": "depthUpdate",
        "E": now_ms,
        "T": last.event_ns // NS_PER_MS,
        "s": last.instrument_name,
        "U": first_id,
        "u": last.change_id,
        "pu": previous_id,
        "b": bids,
        "a": asks,
    }


class Trades:
    """`<symbol>@optionTrade` and `<underlying>@optionTrade`: each trade."""

    path, pace_ns = PUBLIC, 0

    def __init__(self, floor: BinanceFloor, names: frozenset[str]) -> None:
        self._floor, self.names = floor, names
        self._trades: list[Trade] = []

    def note(self, event: ExchangeEvent) -> None:
        if isinstance(event, Trade):
            self._trades.append(event)

    def messages(self, now_ms: int) -> list[object]:
        trades, self._trades = self._trades, []
        return [self._message(trade, now_ms) for trade in trades]

    def _message(self, trade: Trade, now_ms: int) -> Record:
        contract = contract_of(self._floor.exchange.listings[trade.instrument_name].instrument)
        return {
            "e": "trade",
            "E": now_ms,
            "T": trade.event_ns // NS_PER_MS,
            "s": trade.instrument_name,
            "t": trade.trade_seq,
            "p": fixed(trade.price, contract.price_scale),
            "q": fixed(trade.amount, contract.quantity_scale),
            "X": "MARKET",
            "S": trade.side.value.upper(),
            "m": trade.side is Side.SELL,
        }


class DayTicker:
    """`<symbol>@optionTicker` and `<underlying>@optionTicker@<YYMMDD>`: 24 h, where it traded."""

    path, pace_ns = PUBLIC, SECOND_NS

    def __init__(self, floor: BinanceFloor, names: frozenset[str]) -> None:
        self._floor, self.names = floor, names
        self._traded: dict[str, None] = {}

    def note(self, event: ExchangeEvent) -> None:
        if isinstance(event, Trade):
            self._traded[event.instrument_name] = None

    def messages(self, now_ms: int) -> list[object]:
        names, self._traded = list(self._traded), {}
        found = (self._message(name, now_ms) for name in names)
        return [message for message in found if message is not None]

    def _message(self, name: str, now_ms: int) -> Record | None:
        listing = self._floor.exchange.listings[name]
        day = last_day(listing.trades, self._floor.exchange.now_ns)
        if day is None:
            return None
        contract = contract_of(listing.instrument)
        price, amount = contract.price_scale, contract.quantity_scale
        return {
            "e": "24hrTicker",
            "E": now_ms,
            "s": name,
            "p": fixed(day.close - day.open, price),
            "P": fixed(100 * (day.close - day.open) / day.open, 3),
            "w": fixed(day.average, price),
            "c": fixed(day.close, price),
            "Q": fixed(day.last_amount, amount),
            "o": fixed(day.open, price),
            "h": fixed(day.high, price),
            "l": fixed(day.low, price),
            "v": fixed(day.amount, amount),
            "q": fixed(day.value, price),
            "O": day.first_ns // NS_PER_MS,
            "C": now_ms,
            "F": day.first_seq,
            "L": day.last_seq,
            "n": day.count,
        }
