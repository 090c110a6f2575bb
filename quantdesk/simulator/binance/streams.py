"""The market streams by name: `<subject>@<kind>…`, subjects in lower case. Knows no socket."""

from __future__ import annotations

from collections.abc import Callable

from quantdesk.simulator.binance.book_streams import (
    BookTicker,
    DayTicker,
    DepthDiff,
    DepthTop,
    Trades,
)
from quantdesk.simulator.binance.floor import BinanceFloor
from quantdesk.simulator.binance.ladder import expiry_text
from quantdesk.simulator.binance.market_streams import (
    Bars,
    IndexPrices,
    MarkPrices,
    NewSymbols,
    OpenInterest,
)
from quantdesk.simulator.binance.statistics import INTERVALS_NS
from quantdesk.simulator.binance.stream import SECOND_NS, Stream
from quantdesk.simulator.exchange.listing import Listing

STREAM_NAME_LENGTH_MAX = 128

_PACES_NS = {"100ms": SECOND_NS // 10, "500ms": SECOND_NS // 2}
_DEPTHS = {"depth5": 5, "depth10": 10, "depth20": 20}


def open_stream(name: str, floor: BinanceFloor) -> Stream | None:
    """The stream called `name`; None where there is none."""
    if len(name) > STREAM_NAME_LENGTH_MAX:
        return None
    if name == "!index@arr":
        return IndexPrices(floor)
    if name == "!optionSymbol":
        return NewSymbols(floor)
    subject, _, rest = name.partition("@")
    if subject != subject.lower():
        return None
    symbol = subject.upper()
    if symbol in floor.market.indexes:
        return _of_underlying(floor, symbol, rest)
    listing = floor.exchange.listings.get(symbol)
    return _of_symbol(floor, listing, rest) if listing is not None else None


def _of_underlying(floor: BinanceFloor, symbol: str, rest: str) -> Stream | None:
    kind, _, expiration = rest.partition("@")
    board = floor.market.board
    rows = [row for row in range(len(board)) if board.instruments[row].index_name == symbol]
    if kind == "optionTrade" and not expiration:
        return Trades(floor, frozenset(board.names[row] for row in rows))
    if kind == "optionMarkPrice" and not expiration:
        return MarkPrices(floor, symbol)
    rows = [row for row in rows if expiry_text(board.instruments[row].expiry_ns or 0) == expiration]
    if kind == "optionTicker" and rows:
        return DayTicker(floor, frozenset(board.names[row] for row in rows))
    if kind == "openInterest" and rows:
        return OpenInterest(floor, symbol, rows)
    return None


def _of_symbol(floor: BinanceFloor, listing: Listing, rest: str) -> Stream | None:
    simple: dict[str, Callable[[], Stream]] = {
        "bookTicker": lambda: BookTicker(floor, listing),
        "optionTrade": lambda: Trades(floor, frozenset({listing.instrument.name})),
        "optionTicker": lambda: DayTicker(floor, frozenset({listing.instrument.name})),
    }
    if rest in simple:
        return simple[rest]()
    kind, _, speed = rest.partition("@")
    pace_ns = _PACES_NS.get(speed)
    if pace_ns is not None and kind == "depth":
        return DepthDiff(listing, pace_ns)
    if pace_ns is not None and kind in _DEPTHS:
        return DepthTop(floor, listing, _DEPTHS[kind], pace_ns)
    interval = rest.removeprefix("kline_")
    if interval != rest and interval in INTERVALS_NS:
        return Bars(floor, listing, interval)
    return None
