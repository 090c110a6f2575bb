"""Binance's market data as it is on the wire, typed. Values as sent: numbers in quotation marks.

A field without default must be there; UNSET is a field that was absent, None one that was null.
Fields that the desk does not use are named too, so that a new one can be told from a known one.
Streams call their fields by single letters; the letter stands beside each name.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import UNSET, Meta, Raw, Struct, UnsetType, field

Number: TypeAlias = str
"""A decimal number as text; `numbers` reads it."""

Whole: TypeAlias = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""An id or a stamp in milliseconds; ids go beyond 2**53."""

OptionalNumber: TypeAlias = str | UnsetType | None
OptionalInt: TypeAlias = int | UnsetType | None
OptionalText: TypeAlias = str | UnsetType | None


class BookTicker(Struct, gc=False):
    """`<symbol>@bookTicker`: best bid and ask; a side without orders has price and size 0."""

    event: str = field(name="e")
    update_id: Whole = field(name="u")
    symbol: str = field(name="s")
    bid: Number = field(name="b")
    bid_size: Number = field(name="B")
    ask: Number = field(name="a")
    ask_size: Number = field(name="A")
    transaction_ms: Whole = field(name="T")
    event_ms: Whole = field(name="E")


class MarkPrice(Struct, gc=False):
    """One option of `<underlying>@optionMarkPrice`, which brings all of them once a second."""

    symbol: str = field(name="s")
    mark: Number = field(name="mp")
    event_ms: Whole = field(name="E")
    event: str = field(name="e")
    index: OptionalNumber = field(name="i", default=UNSET)
    settlement_estimate: OptionalNumber = field(name="P", default=UNSET)
    bid: OptionalNumber = field(name="bo", default=UNSET)
    ask: OptionalNumber = field(name="ao", default=UNSET)
    bid_size: OptionalNumber = field(name="bq", default=UNSET)
    ask_size: OptionalNumber = field(name="aq", default=UNSET)
    bid_iv: OptionalNumber = field(name="b", default=UNSET)
    ask_iv: OptionalNumber = field(name="a", default=UNSET)
    price_high_limit: OptionalNumber = field(name="hl", default=UNSET)
    price_low_limit: OptionalNumber = field(name="ll", default=UNSET)
    mark_iv: OptionalNumber = field(name="vo", default=UNSET)
    interest_rate: OptionalNumber = field(name="rf", default=UNSET)
    delta: OptionalNumber = field(name="d", default=UNSET)
    theta: OptionalNumber = field(name="t", default=UNSET)
    gamma: OptionalNumber = field(name="g", default=UNSET)
    vega: OptionalNumber = field(name="v", default=UNSET)


class DayTicker(Struct, gc=False):
    """`<symbol>@optionTicker` or of `<underlying>@optionTicker@<YYMMDD>`: 24-hour figures."""

    event: str = field(name="e")
    event_ms: Whole = field(name="E")
    symbol: str = field(name="s")
    last: Number = field(name="c")
    volume: Number = field(name="v")
    change: OptionalNumber = field(name="p", default=UNSET)
    change_percent: OptionalNumber = field(name="P", default=UNSET)
    average: OptionalNumber = field(name="w", default=UNSET)
    last_size: OptionalNumber = field(name="Q", default=UNSET)
    open: OptionalNumber = field(name="o", default=UNSET)
    high: OptionalNumber = field(name="h", default=UNSET)
    low: OptionalNumber = field(name="l", default=UNSET)
    turnover: OptionalNumber = field(name="q", default=UNSET)
    open_ms: OptionalInt = field(name="O", default=UNSET)
    close_ms: OptionalInt = field(name="C", default=UNSET)
    trade_id_first: OptionalInt = field(name="F", default=UNSET)
    trade_id_last: OptionalInt = field(name="L", default=UNSET)
    trades: OptionalInt = field(name="n", default=UNSET)


class OpenInterest(Struct, gc=False):
    """One option of `<underlying>@openInterest@<YYMMDD>`."""

    event: str = field(name="e")
    event_ms: Whole = field(name="E")
    symbol: str = field(name="s")
    contracts: Number = field(name="o")
    turnover: OptionalNumber = field(name="h", default=UNSET)


class IndexPrice(Struct, gc=False):
    """One underlying of `!index@arr`."""

    event: str = field(name="e")
    event_ms: Whole = field(name="E")
    underlying: str = field(name="s")
    price: Number = field(name="p")


class Trade(Struct, gc=False):
    """`<symbol>@optionTrade` or `<underlying>@optionTrade`."""

    event: str = field(name="e")
    event_ms: Whole = field(name="E")
    transaction_ms: Whole = field(name="T")
    symbol: str = field(name="s")
    trade_id: Whole = field(name="t")
    price: Number = field(name="p")
    size: Number = field(name="q")
    side: str = field(name="S")
    kind: OptionalText = field(name="X", default=UNSET)
    is_buyer_maker: bool | UnsetType | None = field(name="m", default=UNSET)


class Depth(Struct, gc=False):
    """`<symbol>@depth@<speed>` (changes) and `<symbol>@depth<levels>@<speed>` (whole levels)."""

    event: str = field(name="e")
    event_ms: Whole = field(name="E")
    transaction_ms: Whole = field(name="T")
    symbol: str = field(name="s")
    first_id: Whole = field(name="U")
    last_id: Whole = field(name="u")
    previous_id: Whole = field(name="pu")
    bids: list[list[Number]] = field(name="b")
    asks: list[list[Number]] = field(name="a")


class NewSymbol(Struct, gc=False):
    """`!optionSymbol`: an option was listed or changed its state."""

    event: str = field(name="e")
    event_ms: Whole = field(name="E")
    symbol: str = field(name="s")
    underlying: OptionalText = field(name="ps", default=UNSET)
    quote_asset: OptionalText = field(name="qa", default=UNSET)
    side: OptionalText = field(name="d", default=UNSET)
    strike: OptionalNumber = field(name="sp", default=UNSET)
    expiry_ms: OptionalInt = field(name="dt", default=UNSET)
    unit: OptionalInt = field(name="u", default=UNSET)
    created_ms: OptionalInt = field(name="ot", default=UNSET)
    status: OptionalText = field(name="cs", default=UNSET)


class ServerTime(Struct, gc=False, rename="camel"):
    """GET /time."""

    server_time: Whole


class Filter(Struct, gc=False, rename="camel"):
    """One of a symbol's `filters`: a price grid or an amount grid."""

    filter_type: str
    min_price: OptionalNumber = UNSET
    max_price: OptionalNumber = UNSET
    tick_size: OptionalNumber = UNSET
    min_qty: OptionalNumber = UNSET
    max_qty: OptionalNumber = UNSET
    step_size: OptionalNumber = UNSET


class SymbolRecord(Struct, gc=False, rename="camel"):
    """One of `optionSymbols` of GET /exchangeInfo."""

    symbol: str
    side: str
    underlying: str
    strike_price: Number
    expiry_date: Whole
    unit: int
    quote_asset: str
    filters: list[Filter]
    min_qty: Number
    max_qty: OptionalNumber = UNSET
    status: OptionalText = UNSET
    maker_fee_rate: OptionalNumber = UNSET
    taker_fee_rate: OptionalNumber = UNSET
    liquidation_fee_rate: OptionalNumber = UNSET
    initial_margin: OptionalNumber = UNSET
    maintenance_margin: OptionalNumber = UNSET
    min_initial_margin: OptionalNumber = UNSET
    min_maintenance_margin: OptionalNumber = UNSET
    price_scale: OptionalInt = UNSET
    quantity_scale: OptionalInt = UNSET
    contract_type: OptionalText = UNSET
    underlying_type: OptionalText = UNSET
    naked_sell: bool | UnsetType | None = UNSET
    contract_id: OptionalInt = UNSET
    id: OptionalInt = UNSET


class Contract(Struct, gc=False, rename="camel"):
    """One of `optionContracts`: which coin an underlying is, and what it settles in."""

    base_asset: str
    quote_asset: str
    underlying: str
    settle_asset: str
    id: OptionalInt = UNSET


class Asset(Struct, gc=False):
    """One of `optionAssets`."""

    name: str
    id: OptionalInt = UNSET


class RateLimit(Struct, gc=False, rename="camel"):
    """One of `rateLimits`: at most `limit` in `interval_num` times `interval`."""

    rate_limit_type: str
    interval: str
    interval_num: int
    limit: int


class ExchangeInfo(Struct, gc=False, rename="camel"):
    """GET /exchangeInfo; symbols are left as bytes: each is read for itself."""

    server_time: Whole
    option_contracts: list[Contract]
    option_symbols: Raw
    rate_limits: list[RateLimit] = []
    option_assets: list[Asset] = []
    timezone: OptionalText = UNSET


class RestTicker(Struct, gc=False, rename="camel"):
    """One option of GET /ticker. `close_time` is 0 where nothing traded in 24 hours."""

    symbol: str
    last_price: Number
    volume: Number
    bid_price: OptionalNumber = UNSET
    ask_price: OptionalNumber = UNSET
    price_change: OptionalNumber = UNSET
    price_change_percent: OptionalNumber = UNSET
    last_qty: OptionalNumber = UNSET
    open: OptionalNumber = UNSET
    high: OptionalNumber = UNSET
    low: OptionalNumber = UNSET
    amount: OptionalNumber = UNSET
    open_time: OptionalInt = UNSET
    close_time: OptionalInt = UNSET
    first_trade_id: OptionalInt = UNSET
    trade_count: OptionalInt = UNSET
    strike_price: OptionalNumber = UNSET
    exercise_price: OptionalNumber = UNSET


class RestMark(Struct, gc=False, rename="camel"):
    """One option of GET /mark."""

    symbol: str
    mark_price: Number
    bid_iv: OptionalNumber = field(name="bidIV", default=UNSET)
    ask_iv: OptionalNumber = field(name="askIV", default=UNSET)
    mark_iv: OptionalNumber = field(name="markIV", default=UNSET)
    delta: OptionalNumber = UNSET
    theta: OptionalNumber = UNSET
    gamma: OptionalNumber = UNSET
    vega: OptionalNumber = UNSET
    high_price_limit: OptionalNumber = UNSET
    low_price_limit: OptionalNumber = UNSET
    risk_free_interest: OptionalNumber = UNSET


class RestIndex(Struct, gc=False, rename="camel"):
    """GET /index of one underlying, which only the request names."""

    index_price: Number
    time: Whole


class RestDepth(Struct, gc=False, rename="camel"):
    """GET /depth of one option, which only the request names."""

    bids: list[list[Number]]
    asks: list[list[Number]]
    transaction_ms: Whole = field(name="T")
    last_update_id: Whole


class ErrorBody(Struct, gc=False):
    """The venue's error: the body of a refused request, or on a socket instead of a result."""

    code: int
    msg: str


StreamRecord: TypeAlias = (
    BookTicker | MarkPrice | DayTicker | OpenInterest | IndexPrice | Trade | Depth | NewSymbol
)
"""What a stream that the desk understands is made of: one, or a list of one kind."""


class Unread(Struct, gc=False):
    """A record that could not be read, and why, in a short word for a counter."""

    reason: str


class Push(Struct, gc=False):
    """A push on a stream. `unknown_fields` are paths that this file does not name."""

    stream: str
    records: tuple[StreamRecord | Unread, ...]
    unknown_fields: tuple[str, ...] = ()


class Control(Struct, gc=False):
    """The answer to SUBSCRIBE and its like; `streams` are those subscribed where it lists them."""

    id: int
    streams: tuple[str, ...] | None
    unknown_fields: tuple[str, ...] = ()


class ControlFailure(Struct, gc=False):
    """The venue's error on a socket; `id` is None where it names no request."""

    id: int | None
    code: int
    message: str
    unknown_fields: tuple[str, ...] = ()


class RestHead(Struct, gc=False):
    """What `envelope` writes before the body of an answer: the request and when it was made.

    `asked_ms` is the venue's clock, as far as it was known, when the request left.
    """

    v: int
    method: str
    path: str
    query: str
    status: int
    asked_ms: int | None
    coins: list[str]


class Listing(Struct, gc=False):
    """GET /exchangeInfo, read record by record."""

    server_time: Whole
    contracts: tuple[Contract, ...]
    records: tuple[SymbolRecord | Unread, ...]
    weight_limit: int | None


RestBody: TypeAlias = (
    ServerTime | Listing | RestIndex | RestDepth | tuple[RestTicker | RestMark | Unread, ...] | None
)
"""What an answer holds; None for one that says nothing (GET /ping)."""


class RestAnswer(Struct, gc=False):
    """An answered request."""

    head: RestHead
    body: RestBody
    unknown_fields: tuple[str, ...] = ()


class RestFailure(Struct, gc=False):
    """A refused request; `code` is None where the body was no error of the venue's."""

    head: RestHead
    code: int | None
    message: str
    unknown_fields: tuple[str, ...] = ()


Message: TypeAlias = Push | Control | ControlFailure | RestAnswer | RestFailure
