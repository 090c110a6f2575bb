"""What makes the venue-neutral exchange behave like one venue, and the seams it is plugged into.

`VenueRules` is data. `FeeModel` is the venue's law on fees (that on margin is
`domain.ports.MarginModel`), `MarketView` is what the market is worth: whoever fits may stand in.
Reads no clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from quantdesk.domain.fill import Liquidity
from quantdesk.domain.instrument import Instrument
from quantdesk.errors import InvalidInput

HOUR_NS = 3_600_000_000_000
DAY_NS = 24 * HOUR_NS


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueRules:
    """Law of one venue, as far as matching and clearing need it.

    Attributes
    ----------
    label_length_max, is_label_unique : of client labels; unique among an account's open orders
    open_orders_max, open_orders_per_instrument_max : of one account
    amount_max : largest order by underlying, in amount units; absent means no bound but the grid's
    is_future_price_clamped : a future's price beyond the limits is moved to them; options refused
    session_period_ns, session_offset_ns : when futures' profit becomes cash: at offset + k·period
    funding_period_ns : perpetuals pay at multiples of it, on the position held then
    cash_decimals : decimals of cash by currency; `cash_decimals_default` for others
    orders_kept_max, fills_kept_max, entries_kept_max : history of one account; oldest go first
    order_id_first, trade_id_first, change_id_first : where the counters begin
    """

    venue: str
    label_length_max: int = 64
    is_label_unique: bool = False
    open_orders_max: int = 2_000
    open_orders_per_instrument_max: int = 500
    amount_max: Mapping[str, Decimal] = field(default_factory=dict)
    is_future_price_clamped: bool = True
    session_period_ns: int = DAY_NS
    session_offset_ns: int = 8 * HOUR_NS
    funding_period_ns: int = HOUR_NS
    cash_decimals: Mapping[str, int] = field(default_factory=dict)
    cash_decimals_default: int = 8
    orders_kept_max: int = 10_000
    fills_kept_max: int = 10_000
    entries_kept_max: int = 20_000
    order_id_first: int = 1
    trade_id_first: int = 1
    change_id_first: int = 1

    def __post_init__(self) -> None:
        positive = (
            "label_length_max",
            "open_orders_max",
            "open_orders_per_instrument_max",
            "session_period_ns",
            "funding_period_ns",
            "orders_kept_max",
            "fills_kept_max",
            "entries_kept_max",
        )
        for name in positive:
            value: int = getattr(self, name)
            if value <= 0:
                raise InvalidInput(name, value, "must be positive")

    def cash_quantum(self, currency: str) -> Decimal:
        """Smallest amount of cash in `currency`; every posting is a multiple of it."""
        return Decimal(1).scaleb(-self.cash_decimals.get(currency, self.cash_decimals_default))


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceLimits:
    """Prices an order may have: sells not below `lowest`, buys not above `highest`; None: any."""

    lowest: Decimal | None = None
    highest: Decimal | None = None


class MarketView(Protocol):
    """What the venue knows of prices, as of the last move of its market.

    Every listed instrument has a mark, 0 at least for an option; every index and underlying is
    positive. All exact. Changes only just before `Exchange.advance`.
    """

    def mark_price(self, instrument_name: str) -> Decimal:
        """Mark of an open instrument, quote currency."""

    def underlying_price(self, instrument_name: str) -> Decimal:
        """What the instrument is margined on, USD per coin: Deribit's forward, Binance's index."""

    def index_price(self, index_name: str) -> Decimal:
        """Price index, USD per coin."""

    def price_limits(self, instrument_name: str) -> PriceLimits:
        """Limits for order prices now."""

    def delivery_price(self, index_name: str, expiry_ns: int) -> Decimal:
        """The 30-minute average of an expiry that has passed. Asked once an expiry, then kept."""

    def funding_rate(self, instrument_name: str, from_ns: int, to_ns: int) -> Decimal:
        """What a perpetual's long pays its short for the period, as part of the position value."""


class FeeModel(Protocol):
    """A venue's fees, in the instrument's settlement currency; negative is a rebate."""

    def trade_fee(
        self,
        instrument: Instrument,
        *,
        amount: Decimal,
        price: Decimal,
        liquidity: Liquidity,
        index_price: Decimal,
    ) -> Decimal:
        """Fee of one side of a trade of a positive `amount`."""

    def delivery_fee(
        self, instrument: Instrument, *, size: Decimal, delivery_price: Decimal
    ) -> Decimal:
        """Fee of an expiring position of signed `size`, which is not 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Margins:
    """Margin of one settlement currency of an account.

    margin_balance : what counts against the requirement; the model decides on option values
    initial : requirement of positions and open orders together; open_orders is the part of it that
        falls away with the orders
    """

    margin_balance: Decimal
    initial: Decimal
    maintenance: Decimal
    open_orders: Decimal

    @property
    def available(self) -> Decimal:
        """Funds for new orders; negative where the requirement is not met."""
        return self.margin_balance - self.initial
