"""What is traded: an instrument and its contract law, as data.

Filled by a venue's `normalize` or by a recorded file's reader. Knows no venue's spelling.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import Enum

from quantdesk.errors import InvalidInput


class InstrumentKind(Enum):
    """What sort of contract it is. Combos are listed instruments with several legs."""

    OPTION = "option"
    FUTURE = "future"
    PERPETUAL = "perpetual"
    SPOT = "spot"
    OPTION_COMBO = "option_combo"
    FUTURE_COMBO = "future_combo"


_FUTURES = frozenset({InstrumentKind.FUTURE, InstrumentKind.PERPETUAL})
_ONE = Decimal(1)


class OptionType(Enum):
    """Call or put."""

    CALL = "call"
    PUT = "put"


class Settlement(Enum):
    """Inverse: premium, margin and P&L in the coin. Linear: in a dollar currency."""

    INVERSE = "inverse"
    LINEAR = "linear"


class Side(Enum):
    """Side of an order: exists at the venue's edge only; books and legs carry signed quantities."""

    BUY = "buy"
    SELL = "sell"


@dataclass(frozen=True, slots=True, kw_only=True)
class TickScheme:
    """Price grid of an instrument: `tick` from `origin`, then each `(above_price, tick)` step.

    Steps are strictly ascending in `above_price`; prices and ticks are in the quote currency. The
    origin is 0 but for venues that count ticks from their lowest price.
    """

    tick: Decimal
    steps: tuple[tuple[Decimal, Decimal], ...] = ()
    origin: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        if not (self.tick.is_finite() and self.tick > 0):
            raise InvalidInput("tick", self.tick, "must be a positive number")
        if not (self.origin.is_finite() and self.origin >= 0):
            raise InvalidInput("origin", self.origin, "must be a number from 0 up")
        floor = Decimal(0)
        for above_price, tick in self.steps:
            if not (above_price.is_finite() and above_price > floor):
                raise InvalidInput(
                    "steps.above_price", above_price, "must be positive and ascending"
                )
            if not (tick.is_finite() and tick > 0):
                raise InvalidInput("steps.tick", tick, "must be a positive number")
            floor = above_price

    def tick_at(self, price: Decimal) -> Decimal:
        """The tick that applies at `price`; a step applies strictly above its `above_price`."""
        tick = self.tick
        for above_price, step_tick in self.steps:
            if price > above_price:
                tick = step_tick
        return tick


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """A listed contract.

    Attributes
    ----------
    underlying : coin the contract is on, "BTC"
    quote_currency : currency of its price; the coin itself for inverse options
    settlement_currency : currency of its cash flows
    contract_size : coins of underlying a contract stands for; of an inverse future, quote currency
    is_amount_in_contracts : amounts count contracts; else coins, or an inverse future's quote
        currency, whatever the contract's size
    amount_min, amount_step : smallest order and its grid, in the venue's amount unit
    expiry_ns : UTC nanoseconds; None for perpetual and spot
    strike, option_type : of options only
    maker_fee, taker_fee : rates as the venue lists them; None where it does not say
    simulated : true where the record was made by rule, not listed by a venue
    """

    venue: str
    name: str
    kind: InstrumentKind
    underlying: str
    settlement: Settlement
    quote_currency: str
    settlement_currency: str
    index_name: str
    contract_size: Decimal
    ticks: TickScheme
    amount_min: Decimal
    amount_step: Decimal
    expiry_ns: int | None = None
    strike: Decimal | None = None
    option_type: OptionType | None = None
    maker_fee: Decimal | None = None
    taker_fee: Decimal | None = None
    created_ns: int | None = None
    is_amount_in_contracts: bool = False
    simulated: bool = False

    def __post_init__(self) -> None:
        if not self.name:
            raise InvalidInput("name", self.name, "must not be empty")
        for field in ("contract_size", "amount_min", "amount_step"):
            value: Decimal = getattr(self, field)
            if not (value.is_finite() and value > 0):
                raise InvalidInput(field, value, f"of {self.name} must be a positive number")
        if self.kind is InstrumentKind.OPTION:
            if self.strike is None or not (self.strike.is_finite() and self.strike > 0):
                raise InvalidInput(
                    "strike", self.strike, f"of {self.name} must be a positive number"
                )
            if self.option_type is None:
                raise InvalidInput("option_type", None, f"of {self.name} must be call or put")
            if self.expiry_ns is None or self.expiry_ns <= 0:
                raise InvalidInput("expiry_ns", self.expiry_ns, f"of {self.name} must be positive")

    @property
    def is_inverse(self) -> bool:
        """True where price and cash flows are in the coin."""
        return self.settlement is Settlement.INVERSE

    @property
    def is_future(self) -> bool:
        """True for dated futures and perpetuals: nothing is paid when they are opened."""
        return self.kind in _FUTURES

    @property
    def is_inverse_future(self) -> bool:
        """True where the amount stands for quote currency, so that its coins hang on the price."""
        return self.is_inverse and self.is_future

    @property
    def unit_size(self) -> Decimal:
        """What one unit of amount stands for: coins of underlying; of an inverse future, quote
        currency. An option's price is for so many coins.
        """
        return self.contract_size if self.is_amount_in_contracts else _ONE

    def coins(self, quantity: Decimal, price: Decimal) -> Decimal:
        """Signed coins of underlying that `quantity` stands for at `price`, quote currency a coin.

        Exact, but for an inverse future, whose quotient is to 28 digits. Raises InvalidInput for a
        price of one that is not above 0.
        """
        amount = quantity * self.unit_size
        if not self.is_inverse_future:
            return amount
        if not (price.is_finite() and price > 0):
            raise InvalidInput("price", price, f"of {self.name} must be above 0")
        return amount / price

    def to_tick(self, price: float | Decimal, side: Side) -> Decimal:
        """The nearest price of the grid that is not worse for us: down for a buy, up for a sell.

        Raises InvalidInput if `price` is not finite.
        """
        exact = price if isinstance(price, Decimal) else Decimal(repr(price))
        if not exact.is_finite():
            raise InvalidInput("price", price, "must be a finite number")
        tick = self.ticks.tick_at(exact)
        rounding = ROUND_FLOOR if side is Side.BUY else ROUND_CEILING
        origin = self.ticks.origin
        return origin + ((exact - origin) / tick).to_integral_value(rounding=rounding) * tick
