"""What margin is asked for and what is answered, as values. The law itself is in `margin`.

Quantities are signed and in the venue's amount unit: on Deribit coins (USD for inverse futures), on
Binance contracts. Money is exact and carries its currency; amounts of different currencies are
never added.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum

from quantdesk.domain.instrument import Instrument
from quantdesk.domain.venue_rule import RuleOrigin
from quantdesk.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginPrices:
    """Prices that one instrument is margined at.

    mark : the instrument's own mark, quote currency
    underlying : USD per coin; on Deribit the forward of the option's expiry, on Binance the index
    """

    mark: Decimal | None = None
    underlying: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginPosition:
    """A holding of `quantity` (signed, amount unit)."""

    instrument: Instrument
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginOrder:
    """A resting order, as margin sees it.

    quantity : what is left of it, signed: negative sells; amount unit
    price : worst price it may trade at, quote currency
    fee : of filling the rest, reserved with it; None leaves it to the model
    """

    order_id: str
    instrument: Instrument
    quantity: Decimal
    price: Decimal
    fee: Decimal | None = None
    is_reduce_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginAccount:
    """What an account holds in one settlement currency, for the rules that look at it.

    margin_balance : what counts against the requirement
    positions_initial : initial margin of all its positions
    """

    margin_balance: Decimal
    positions_initial: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginBook:
    """Everything a margin statement is made of.

    prices : by instrument name
    margin_balances : by settlement currency; needed by models whose rules look at the balance
    """

    positions: tuple[MarginPosition, ...] = ()
    orders: tuple[MarginOrder, ...] = ()
    prices: Mapping[str, MarginPrices] = field(default_factory=dict)
    margin_balances: Mapping[str, Decimal] = field(default_factory=dict)


class MarginKind(Enum):
    """What a requirement is for."""

    POSITION = "position"
    ORDER = "order"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginInput:
    """One letter of a formula: its value and unit."""

    name: str
    value: Decimal
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginRequirement:
    """Margin of one position or order, with what explains it. Never negative, not rounded.

    currency : settlement currency of `initial` and `maintenance`
    formula : in words and letters, "initial …; maintenance …"; `inputs` are its letters
    """

    kind: MarginKind
    instrument_name: str
    quantity: Decimal
    currency: str
    initial: Decimal
    maintenance: Decimal
    formula: str
    inputs: tuple[MarginInput, ...]
    origin: RuleOrigin
    order_id: str | None = None

    @property
    def explanation(self) -> str:
        """The formula and its inputs as one line for a screen."""
        letters = ", ".join(
            f"{one.name} = {one.value:f} {one.unit}".rstrip() for one in self.inputs
        )
        return f"{self.formula}; {letters}" if letters else self.formula


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginTotal:
    """Requirement of one settlement currency: the plain sum of its legs, nothing offset.

    initial : positions and orders together; `open_orders` is the part that goes with the orders
    """

    currency: str
    initial: Decimal
    maintenance: Decimal
    open_orders: Decimal

    @property
    def positions_initial(self) -> Decimal:
        """Initial margin of the positions alone."""
        return self.initial - self.open_orders


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcludedLeg:
    """A position or order that could not be margined, and why. It is in no total."""

    kind: MarginKind
    instrument_name: str
    quantity: Decimal
    reason: str
    order_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginStatement:
    """Margin of a book under one model: legs in the book's order, totals by currency name."""

    model: str
    venue: str
    as_of_ns: int
    legs: tuple[MarginRequirement, ...]
    totals: tuple[MarginTotal, ...]
    excluded: tuple[ExcludedLeg, ...]

    @property
    def is_complete(self) -> bool:
        """False where the totals miss a leg."""
        return not self.excluded

    def total(self, currency: str) -> MarginTotal:
        """Total in `currency`; all zero where nothing settles in it."""
        for total in self.totals:
            if total.currency == currency:
                return total
        zero = Decimal(0)
        return MarginTotal(currency=currency, initial=zero, maintenance=zero, open_orders=zero)


def plain_sum(currency: str, legs: tuple[MarginRequirement, ...]) -> MarginTotal:
    """Sum of `legs`. Raises InvalidInput if one is in another currency."""
    initial = maintenance = open_orders = Decimal(0)
    for leg in legs:
        if leg.currency != currency:
            raise InvalidInput("currency", leg.currency, f"must be {currency} to be added")
        initial += leg.initial
        maintenance += leg.maintenance
        if leg.kind is MarginKind.ORDER:
            open_orders += leg.initial
    return MarginTotal(
        currency=currency, initial=initial, maintenance=maintenance, open_orders=open_orders
    )
