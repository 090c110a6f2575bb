"""Subscription channels: parsing their names, and what each one sends.

A channel is shared by all its subscribers and encodes once. It knows no socket and no clock: the
hub tells it when its subject changed and asks it for data when that is due.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from enum import Enum

import msgspec

from quantdesk.simulator.deribit.market import DeribitMarket
from quantdesk.simulator.deribit.records import Level

NS_PER_MS = 1_000_000
PACE_100MS_NS = 100 * NS_PER_MS
PACE_AGG2_NS = 1_000 * NS_PER_MS
"""`agg2`: documents say 2 s, observers about 1 s."""

PACES = {"raw": 0, "100ms": PACE_100MS_NS, "agg2": PACE_AGG2_NS}
GROUPS = ("none", "1", "2", "5", "10", "25", "100", "250")
DEPTHS = ("1", "10", "20")
KINDS = ("any", "option", "future", "spot", "future_combo", "option_combo")


Side = dict[float, float]
"""One side of a book: amount by price, best first."""


class Subject(Enum):
    """What a channel listens to; with it goes a row, an index name, or nothing."""

    TICKER = "ticker"
    QUOTE = "quote"
    BOOK = "book"
    MARKS = "marks"
    INDEX = "index"
    DELIVERY = "delivery"
    PLATFORM = "platform"
    TRADES = "trades"
    USER = "user"
    PORTFOLIO = "portfolio"
    VOLATILITY = "volatility"
    NOTHING = "nothing"


class Channel:
    """One channel in its state of now.

    key : which of its subject it listens for (a line, an index, …); None where there is one only
    pace_ns : at most one round of messages in so long; 0 for each change on its own
    """

    subject: Subject

    def __init__(self, name: str, *, key: Hashable = None, pace_ns: int = 0) -> None:
        self.name = name
        self.key = key
        self.pace_ns = pace_ns

    def snapshot(self) -> bytes | None:
        """Data for a subscriber who joins now; None where the channel tells events only."""
        return None

    def greeting(self) -> list[bytes]:
        """Data for a subscriber who joins now: the snapshot, unless overridden."""
        data = self.snapshot()
        return [] if data is None else [data]

    def note(self, item: object) -> None:
        """Something of the subject happened. Channels that send their whole state remember it not.

        item : a line or row of the market, or an event of the exchange
        """

    def messages(self) -> list[bytes]:
        """Data to send for what changed since the last call: the whole state, unless overridden."""
        data = self.snapshot()
        return [] if data is None else [data]


class TickerChannel(Channel):
    """`ticker.<instrument>.<interval>`: the whole ticker."""

    subject = Subject.TICKER

    def __init__(self, name: str, market: DeribitMarket, row: int, pace_ns: int) -> None:
        super().__init__(name, key=row, pace_ns=pace_ns)
        self._market, self._row = market, row

    def snapshot(self) -> bytes | None:
        return self._market.ticker_json(self._row)


class IncrementalTickerChannel(Channel):
    """`incremental_ticker.<instrument>`: a snapshot, then the fields that differ."""

    subject = Subject.TICKER

    def __init__(self, name: str, market: DeribitMarket, row: int) -> None:
        super().__init__(name, key=row, pace_ns=PACE_AGG2_NS)
        self._market, self._row = market, row
        self._sent = self._fields()

    def _fields(self) -> dict[str, object]:
        fields: dict[str, object] = msgspec.json.decode(self._market.ticker_json(self._row))
        return fields

    def snapshot(self) -> bytes | None:
        # What the channel sent last, not what is newer: later changes are told against it.
        return self._market.encode({"type": "snapshot", **self._sent})

    def messages(self) -> list[bytes]:
        fields = self._fields()
        changed = {name: value for name, value in fields.items() if self._sent.get(name) != value}
        self._sent = fields
        if not changed:
            return []
        head = {"type": "change", "instrument_name": self._market.names[self._row]}
        return [self._market.encode({**head, **changed})]


class QuoteChannel(Channel):
    """`quote.<instrument>`: best bid and ask."""

    subject = Subject.QUOTE

    def __init__(self, name: str, market: DeribitMarket, row: int) -> None:
        super().__init__(name, key=row)
        self._market, self._row = market, row

    def snapshot(self) -> bytes | None:
        return self._market.encode(self._market.quote(self._row))


class GroupedBookChannel(Channel):
    """`book.<instrument>.<group>.<depth>.<interval>`: the whole top of book, no actions.

    A group is a count of ticks: bids are gathered at the multiple below, asks at the one above.
    """

    subject = Subject.BOOK

    def __init__(
        self, name: str, market: DeribitMarket, row: int, *, group: str, depth: str, pace_ns: int
    ) -> None:
        super().__init__(name, key=row, pace_ns=pace_ns)
        self._market, self._row = market, row
        self._depth = int(depth)
        tick = market.instrument(row).tick_size
        self._bucket = None if group == "none" else int(group) * tick

    def snapshot(self) -> bytes | None:
        bids, asks = self._market.levels(self._row, None if self._bucket else self._depth)
        return self._market.encode(
            {
                "timestamp": self._market.stamp_ms(self._row),
                "instrument_name": self._market.names[self._row],
                "change_id": self._market.change_id(self._row),
                "bids": self._gathered(bids, math.floor),
                "asks": self._gathered(asks, math.ceil),
            }
        )

    def _gathered(self, levels: list[Level], rounded: Callable[[float], int]) -> list[Level]:
        if self._bucket is None:
            return levels
        gathered: dict[float, float] = {}
        for price, amount in levels:
            # The quotient of two decimals may miss a whole number by its last digits.
            at = round(rounded(round(price / self._bucket, 6)) * self._bucket, 6)
            gathered[at] = round(gathered.get(at, 0.0) + amount, 8)
        return list(gathered.items())[: self._depth]


class BookChannel(Channel):
    """`book.<instrument>.<interval>`: a snapshot, then changes chained by `prev_change_id`."""

    subject = Subject.BOOK

    def __init__(self, name: str, market: DeribitMarket, row: int, pace_ns: int) -> None:
        super().__init__(name, key=row, pace_ns=pace_ns)
        self._market, self._row = market, row
        self._bids, self._asks = self._levels()
        self._change_id, self._stamp_ms = market.change_id(row), market.stamp_ms(row)

    def _levels(self) -> tuple[Side, Side]:
        bids, asks = self._market.levels(self._row)
        return dict(bids), dict(asks)

    def snapshot(self) -> bytes | None:
        # The book as this channel sent it last: the next change chains to it.
        return self._market.encode(
            {
                "type": "snapshot",
                "timestamp": self._stamp_ms,
                "instrument_name": self._market.names[self._row],
                "change_id": self._change_id,
                "bids": [("new", price, amount) for price, amount in self._bids.items()],
                "asks": [("new", price, amount) for price, amount in self._asks.items()],
            }
        )

    def messages(self) -> list[bytes]:
        bids_before, asks_before, before_id = self._bids, self._asks, self._change_id
        self._bids, self._asks = self._levels()
        bids = _side_changes(bids_before, self._bids)
        asks = _side_changes(asks_before, self._asks)
        if not bids and not asks:
            return []
        self._change_id = self._market.change_id(self._row)
        self._stamp_ms = self._market.stamp_ms(self._row)
        change = {
            "type": "change",
            "timestamp": self._stamp_ms,
            "instrument_name": self._market.names[self._row],
            "change_id": self._change_id,
            "prev_change_id": before_id,
            "bids": bids,
            "asks": asks,
        }
        return [self._market.encode(change)]


def _side_changes(before: Side, after: Side) -> list[tuple[str, float, float]]:
    """Actions that turn one side into another."""
    changes = [("delete", price, 0.0) for price in before if price not in after]
    for price, amount in after.items():
        if price not in before:
            changes.append(("new", price, amount))
        elif before[price] != amount:
            changes.append(("change", price, amount))
    return changes


class IndexChannel(Channel):
    """`deribit_price_index.<index>`."""

    subject = Subject.INDEX

    def __init__(self, name: str, market: DeribitMarket, index_name: str) -> None:
        super().__init__(name, key=index_name)
        self._market, self._index_name = market, index_name

    def snapshot(self) -> bytes | None:
        return self._market.encode(self._market.index_price(self._index_name))


class MarkPricesChannel(Channel):
    """`markprice.options.<index>`: all listed options first, then those whose mark changed."""

    subject = Subject.MARKS

    def __init__(self, name: str, market: DeribitMarket, index_name: str) -> None:
        super().__init__(name, key=index_name, pace_ns=PACE_AGG2_NS)
        self._market = market
        self._rows = [row for row, of in enumerate(market.board.index_of) if of == index_name]
        self._changed: set[int] = set()

    def snapshot(self) -> bytes | None:
        listed = [row for row in self._rows if self._market.board.is_open[row]]
        return self._market.encode(self._market.mark_prices(listed))

    def note(self, item: object) -> None:
        """Remember a row for the next message."""
        assert isinstance(item, int)
        self._changed.add(item)

    def messages(self) -> list[bytes]:
        rows, self._changed = sorted(self._changed), set()
        return [self._market.encode(self._market.mark_prices(rows))] if rows else []


class InstrumentStateChannel(Channel):
    """`instrument.state.<kind>.<currency>`: events only, one message an instrument."""

    subject = Subject.DELIVERY

    def __init__(self, name: str, market: DeribitMarket, currency: str | None, kind: str) -> None:
        super().__init__(name)
        self._market, self._currency = market, currency
        self._kind = kind
        self._changed: list[int] = []

    def note(self, item: object) -> None:
        """Remember a row where it is of this channel's currency and kind."""
        assert isinstance(item, int)
        is_of_kind = self._kind in ("any", self._market.kind(item))
        if is_of_kind and self._currency in (None, self._market.currency(item)):
            self._changed.append(item)

    def messages(self) -> list[bytes]:
        rows, self._changed = self._changed, []
        return [self._market.encode(self._market.instrument_state(row)) for row in rows]


class PlatformStateChannel(Channel):
    """`platform_state`: events only, when maintenance begins and ends."""

    subject = Subject.PLATFORM

    def __init__(self, name: str, market: DeribitMarket) -> None:
        super().__init__(name)
        self._market = market
        self._states: list[bool] = []

    def note(self, item: object) -> None:
        """Remember whether maintenance is on."""
        assert isinstance(item, bool)
        self._states.append(item)

    def messages(self) -> list[bytes]:
        states, self._states = self._states, []
        return [self._market.encode({"maintenance": state}) for state in states]


def needs_authorization(name: str) -> bool:
    """Whether `name` is a raw public channel, which the venue keeps for authenticated sockets."""
    return name.partition(".")[0] in ("ticker", "book", "trades", "perpetual") and name.endswith(
        ".raw"
    )


def open_channel(name: str, market: DeribitMarket) -> Channel | None:
    """The channel called `name` in its state of now; None where there is no such channel."""
    parts = name.split(".")
    line = market.line_of.get(parts[1]) if len(parts) > 1 else None
    return _market_wide(name, market) if line is None else _of_instrument(name, market, line)


def _of_instrument(name: str, market: DeribitMarket, line: int) -> Channel | None:
    match name.split("."):
        case ["ticker", _, interval] if interval in PACES:
            return TickerChannel(name, market, line, PACES[interval])
        case ["incremental_ticker", _]:
            return IncrementalTickerChannel(name, market, line)
        case ["quote", _]:
            return QuoteChannel(name, market, line)
        case ["book", _, interval] if interval in PACES:
            return BookChannel(name, market, line, PACES[interval])
        case ["book", _, group, depth, interval] if (
            group in GROUPS and depth in DEPTHS and interval in PACES
        ):
            pace_ns = PACES[interval]
            return GroupedBookChannel(name, market, line, group=group, depth=depth, pace_ns=pace_ns)
        case _:
            return None


def _market_wide(name: str, market: DeribitMarket) -> Channel | None:
    match name.split("."):
        case ["deribit_price_index", index] if index in market.venue.indexes:
            return IndexChannel(name, market, index)
        case ["markprice", "options", index] if index in market.venue.indexes:
            return MarkPricesChannel(name, market, index)
        case ["instrument", "state", kind, currency] if kind in KINDS and (
            currency == "any" or currency in market.currencies
        ):
            of = None if currency == "any" else currency
            return InstrumentStateChannel(name, market, of, kind)
        case ["platform_state"]:
            return PlatformStateChannel(name, market)
        case _:
            return None
