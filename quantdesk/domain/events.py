"""What reaches the desk: raw frames, and the events that a venue's `normalize` makes of them.

Every instant is integer UTC nanoseconds: `event_ns` is the venue's clock, `recv_ns` ours.
Absence is None. Prices and amounts are exact; what a model says (IVs, Greeks) is float.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from quantdesk.domain.instrument import Instrument, Side


@dataclass(frozen=True, slots=True, kw_only=True)
class RawFrame:
    """One inbound message exactly as received, before anyone tried to understand it.

    `connection` names the socket it came by ("deribit-btc"); one connection has one venue clock.
    """

    venue: str
    connection: str
    recv_ns: int
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueGreeks:
    """Greeks as the venue publishes them, in its own convention: never mixed with ours.

    delta Black on the forward; gamma per USD; vega USD per vol point; theta USD per day by the
    venue's rule; rho USD per 1 %.
    """

    delta: float | None = None
    gamma: float | None = None
    vega: float | None = None
    theta: float | None = None
    rho: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentsListed:
    """The venue's list of the instruments of `underlying`, whole: what is absent is not listed.

    `unknown_kinds` counts records that could not be understood, by a short reason each.
    """

    venue: str
    underlying: str
    event_ns: int
    recv_ns: int
    instruments: tuple[Instrument, ...]
    unknown_kinds: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentStateChanged:
    """An instrument became tradable or stopped being so. `is_listed` false: it leaves the chain."""

    venue: str
    instrument_name: str
    event_ns: int
    recv_ns: int
    state: str
    is_listed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteUpdate:
    """The whole ticker of one option; each field replaces what was there, None meaning absent.

    Prices in the instrument's quote currency, sizes in its amount unit, IVs as fractions (0.65).
    `forward_index` is the venue's own name for where `forward` comes from. `doubt` says why a part
    of the quote is not believed, "" where all of it is; that part is absent.
    """

    venue: str
    instrument_name: str
    event_ns: int
    recv_ns: int
    bid: Decimal | None = None
    ask: Decimal | None = None
    bid_size: Decimal | None = None
    ask_size: Decimal | None = None
    mark: Decimal | None = None
    last: Decimal | None = None
    forward: Decimal | None = None
    forward_index: str | None = None
    index_price: Decimal | None = None
    venue_bid_iv: float | None = None
    venue_mark_iv: float | None = None
    venue_ask_iv: float | None = None
    venue_greeks: VenueGreeks = VenueGreeks()
    open_interest: Decimal | None = None
    volume: Decimal | None = None
    state: str = "open"
    doubt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopOfBook:
    """Best bid and ask of one option, from a venue that sends them apart from mark and statistics.

    Replaces the four fields together and nothing else; None means that side is empty. `is_sampled`:
    taken along by a slower stream, so it may be older than `event_ns` says and gives way to a
    direct one (`market.state`).
    """

    venue: str
    instrument_name: str
    event_ns: int
    recv_ns: int
    bid: Decimal | None = None
    ask: Decimal | None = None
    bid_size: Decimal | None = None
    ask_size: Decimal | None = None
    is_sampled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkUpdate:
    """What the venue's own model says of one option; replaces these fields together."""

    venue: str
    instrument_name: str
    event_ns: int
    recv_ns: int
    mark: Decimal | None = None
    index_price: Decimal | None = None
    venue_bid_iv: float | None = None
    venue_mark_iv: float | None = None
    venue_ask_iv: float | None = None
    venue_greeks: VenueGreeks = VenueGreeks()


@dataclass(frozen=True, slots=True, kw_only=True)
class DayStats:
    """Last price and 24-hour volume (in contracts) of one option; replaces both."""

    venue: str
    instrument_name: str
    event_ns: int
    recv_ns: int
    last: Decimal | None = None
    volume: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenInterestUpdate:
    """Open interest of one option, in contracts."""

    venue: str
    instrument_name: str
    event_ns: int
    recv_ns: int
    open_interest: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicTrade:
    """A trade that the venue made public; `side` is the taker's."""

    venue: str
    instrument_name: str
    event_ns: int
    recv_ns: int
    trade_id: str
    price: Decimal
    amount: Decimal
    side: Side
    is_block: bool = False


BookLevel = tuple[Decimal, Decimal]
"""Price and amount at it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookSnapshot:
    """An order book, whole to its depth, best level first; `change_id` is what it contains.

    `levels_max` is the depth asked for, None where the book is whole. Changes continue from it.
    `is_in_sequence`: it came in the stream of its changes, so that none can lie between them; else
    it was fetched beside that stream and a change has to prove that it joins.
    """

    venue: str
    instrument_name: str
    event_ns: int
    recv_ns: int
    change_id: int
    bids: tuple[BookLevel, ...]
    asks: tuple[BookLevel, ...]
    levels_max: int | None = None
    is_in_sequence: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BookChange:
    """Levels of an order book that changed: the new amount at each price, 0 where it is gone.

    A change joins the one whose `change_id` is its `previous_id`. On a snapshot joins the first
    change with `first_id <= snapshot.change_id <= change_id`; those with a smaller `change_id` are
    in the snapshot already. Anything else is a gap: the book is unknown until the next snapshot.
    Where changes chain by `previous_id` alone, `first_id` equals `change_id`.
    """

    venue: str
    instrument_name: str
    event_ns: int
    recv_ns: int
    first_id: int
    change_id: int
    previous_id: int
    bids: tuple[BookLevel, ...]
    asks: tuple[BookLevel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexUpdate:
    """The venue's index price, USD per coin; `index_name` is the venue's ("btc_usd")."""

    venue: str
    index_name: str
    event_ns: int
    recv_ns: int
    price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkPrice:
    """Mark of one option: price in its quote currency, IV as a fraction, `event_ns` of both."""

    instrument_name: str
    event_ns: int
    mark: Decimal | None
    venue_mark_iv: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkPrices:
    """Marks of many options on one index in one message; those that are absent did not change.

    `event_ns` is the latest of them.
    """

    venue: str
    index_name: str
    event_ns: int
    recv_ns: int
    marks: tuple[MarkPrice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VolIndexUpdate:
    """The venue's volatility index on a price index ("btc_usd"), as a fraction: 0.65 is 65 %."""

    venue: str
    index_name: str
    event_ns: int
    recv_ns: int
    volatility: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingUpdate:
    """Funding of a perpetual, as fractions; None where this message does not say.

    current : rate now, of eight hours
    last_8h : what the last eight hours came to
    interest : the rate that the venue names as interest
    """

    venue: str
    instrument_name: str
    event_ns: int
    recv_ns: int
    current: Decimal | None = None
    last_8h: Decimal | None = None
    interest: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FutureUpdate:
    """Ticker of a future or perpetual, USD per coin; `expiry_ns` None for a perpetual.

    Sizes and open interest are in the instrument's amount unit.
    """

    venue: str
    instrument_name: str
    underlying: str
    event_ns: int
    recv_ns: int
    expiry_ns: int | None = None
    bid: Decimal | None = None
    ask: Decimal | None = None
    mark: Decimal | None = None
    bid_size: Decimal | None = None
    ask_size: Decimal | None = None
    last: Decimal | None = None
    index_price: Decimal | None = None
    open_interest: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueTime:
    """The venue told its clock: `event_ns` there when `recv_ns` was here."""

    venue: str
    event_ns: int
    recv_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformState:
    """The venue announced the begin or end of maintenance, or a lock."""

    venue: str
    recv_ns: int
    is_maintenance: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameSetAside:
    """A frame that made no (or not only) sense. `kind` is a short counter name such as
    "not_json", "out_of_range", "too_large", "duplicate_field", "unknown_field", "bad_field",
    "unknown_kind", "unknown_channel", "venue_error".

    `sample` is at most 200 characters of the frame, made safe for a screen. `is_refused` false: the
    rest of the frame was used (an unknown extra field must not blind the desk).
    """

    venue: str
    recv_ns: int
    kind: str
    detail: str
    sample: str
    is_refused: bool = True


MarketEvent = (
    InstrumentsListed
    | InstrumentStateChanged
    | QuoteUpdate
    | TopOfBook
    | MarkUpdate
    | DayStats
    | OpenInterestUpdate
    | PublicTrade
    | BookSnapshot
    | BookChange
    | IndexUpdate
    | MarkPrices
    | VolIndexUpdate
    | FundingUpdate
    | FutureUpdate
    | VenueTime
    | PlatformState
    | FrameSetAside
)
"""Everything `normalize` can make of a market-data frame."""
