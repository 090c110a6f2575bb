"""Subscription channels: parsing their names, and what each one sends.

A channel is shared by all its subscribers and encodes once. It knows no socket and no clock: the
hub tells it when its subject changed and asks it for data when that is due.
"""

from __future__ import annotations

from enum import Enum

import msgspec

from quantdesk.simulator.deribit.records import DeribitMarket

NS_PER_MS = 1_000_000
PACE_100MS_NS = 100 * NS_PER_MS
PACE_AGG2_NS = 1_000 * NS_PER_MS
"""`agg2`: documents say 2 s, observers about 1 s."""

PACES = {"100ms": PACE_100MS_NS, "agg2": PACE_AGG2_NS}
GROUPS = ("none", "1", "2", "5", "10", "25", "100", "250")
DEPTHS = ("1", "10", "20")
KINDS = ("any", "option", "future", "spot", "future_combo", "option_combo")


class Subject(Enum):
    """What a channel listens to; with it goes a row, an index name, or nothing."""

    TICKER = "ticker"
    QUOTE = "quote"
    MARKS = "marks"
    INDEX = "index"
    DELIVERY = "delivery"
    PLATFORM = "platform"


class Channel:
    """One channel in its state of now.

    key : the row or index name it listens for; None where the subject has none
    pace_ns : at most one round of messages in so long; 0 for each change on its own
    """

    subject: Subject

    def __init__(self, name: str, *, key: int | str | None = None, pace_ns: int = 0) -> None:
        self.name = name
        self.key = key
        self.pace_ns = pace_ns

    def snapshot(self) -> bytes | None:
        """Data for a subscriber who joins now; None where the channel tells events only."""
        return None

    def note(self, row: int) -> None:
        """A row of the subject changed. Channels that send their whole state remember nothing."""

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
        head = {"type": "change", "instrument_name": self._market.board.names[self._row]}
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
    """`book.<instrument>.<group>.<depth>.<interval>`: the whole top of book, no actions."""

    subject = Subject.QUOTE

    def __init__(self, name: str, market: DeribitMarket, row: int, pace_ns: int) -> None:
        super().__init__(name, key=row, pace_ns=pace_ns)
        self._market, self._row = market, row

    def snapshot(self) -> bytes | None:
        bids, asks = self._market.levels(self._row)
        board = self._market.board
        return self._market.encode(
            {
                "timestamp": int(board.stamp_ms[self._row]),
                "instrument_name": board.names[self._row],
                "change_id": int(board.change_id[self._row]),
                "bids": bids,
                "asks": asks,
            }
        )


class BookChannel(Channel):
    """`book.<instrument>.<interval>`: a snapshot, then changes chained by `prev_change_id`."""

    subject = Subject.QUOTE

    def __init__(self, name: str, market: DeribitMarket, row: int, pace_ns: int) -> None:
        super().__init__(name, key=row, pace_ns=pace_ns)
        self._market, self._row = market, row
        self._top, self._change_id, self._stamp_ms = self._now()

    def _now(self) -> tuple[tuple[float, float, float, float], int, int]:
        board = self._market.board
        change_id, stamp_ms = int(board.change_id[self._row]), int(board.stamp_ms[self._row])
        return self._market.top_of_book(self._row), change_id, stamp_ms

    def snapshot(self) -> bytes | None:
        # The book as this channel sent it last: the next change chains to it.
        bid, bid_amount, ask, ask_amount = self._top
        return self._market.encode(
            {
                "type": "snapshot",
                "timestamp": self._stamp_ms,
                "instrument_name": self._market.board.names[self._row],
                "change_id": self._change_id,
                "bids": [("new", bid, bid_amount)] if bid > 0 else [],
                "asks": [("new", ask, ask_amount)] if ask > 0 else [],
            }
        )

    def messages(self) -> list[bytes]:
        before, before_id = self._top, self._change_id
        self._top, self._change_id, self._stamp_ms = self._now()
        bids = _side_changes(before[0:2], self._top[0:2])
        asks = _side_changes(before[2:4], self._top[2:4])
        if not bids and not asks:
            return []
        change = {
            "type": "change",
            "timestamp": self._stamp_ms,
            "instrument_name": self._market.board.names[self._row],
            "change_id": self._change_id,
            "prev_change_id": before_id,
            "bids": bids,
            "asks": asks,
        }
        return [self._market.encode(change)]


def _side_changes(
    before: tuple[float, ...], after: tuple[float, ...]
) -> list[tuple[str, float, float]]:
    """Actions that turn one single-level side into another; price 0 is an empty side."""
    (price_before, amount_before), (price, amount) = before, after
    if price == price_before:
        return [("change", price, amount)] if price > 0 and amount != amount_before else []
    changes = []
    if price_before > 0:
        changes.append(("delete", price_before, 0.0))
    if price > 0:
        changes.append(("new", price, amount))
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

    def note(self, row: int) -> None:
        """Remember `row` for the next message."""
        self._changed.add(row)

    def messages(self) -> list[bytes]:
        rows, self._changed = sorted(self._changed), set()
        return [self._market.encode(self._market.mark_prices(rows))] if rows else []


class InstrumentStateChannel(Channel):
    """`instrument.state.<kind>.<currency>`: events only, one message an instrument."""

    subject = Subject.DELIVERY

    def __init__(self, name: str, market: DeribitMarket, currency: str | None, kind: str) -> None:
        super().__init__(name)
        self._market, self._currency = market, currency
        self._is_for_options = kind in ("any", "option")
        self._changed: list[int] = []

    def note(self, row: int) -> None:
        """Remember `row` where it is of this channel's currency and kind."""
        base_currency = self._market.board.instruments[row].base_currency
        if self._is_for_options and self._currency in (None, base_currency):
            self._changed.append(row)

    def messages(self) -> list[bytes]:
        rows, self._changed = self._changed, []
        return [self._market.encode(self._market.instrument_state(row)) for row in rows]


class PlatformStateChannel(Channel):
    """`platform_state`: events only, and this market has had none to tell yet."""

    subject = Subject.PLATFORM


def needs_authorization(name: str) -> bool:
    """Whether `name` is a raw public channel, which the venue keeps for authenticated sockets."""
    return name.partition(".")[0] in ("ticker", "book", "trades") and name.endswith(".raw")


def open_channel(name: str, market: DeribitMarket) -> Channel | None:
    """The channel called `name` in its state of now; None where there is no such channel."""
    match name.split("."):
        case ["ticker", instrument, interval] if interval in PACES:
            row = market.board.row_of.get(instrument)
            return None if row is None else TickerChannel(name, market, row, PACES[interval])
        case ["incremental_ticker", instrument]:
            row = market.board.row_of.get(instrument)
            return None if row is None else IncrementalTickerChannel(name, market, row)
        case ["quote", instrument]:
            row = market.board.row_of.get(instrument)
            return None if row is None else QuoteChannel(name, market, row)
        case ["book", instrument, interval] if interval in PACES:
            row = market.board.row_of.get(instrument)
            return None if row is None else BookChannel(name, market, row, PACES[interval])
        case ["book", instrument, group, depth, interval] if (
            group in GROUPS and depth in DEPTHS and interval in PACES
        ):
            row = market.board.row_of.get(instrument)
            return None if row is None else GroupedBookChannel(name, market, row, PACES[interval])
        case _:
            return _market_wide(name, market)


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
            return PlatformStateChannel(name)
        case _:
            return None
