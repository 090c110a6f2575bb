"""A leg and a structure: signed quantities of instruments, as a trader speaks of them.

A *structure* is a position to be or to think about; what fills made of it is `domain.position`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation

from quantdesk.domain.instrument import Instrument
from quantdesk.errors import InvalidInput

Quantity = int | float | str | Decimal
"""A quantity or price as a script may write it; it is taken as the exact number it reads as."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A listed contract, ready to be bought or sold: `chain.call(70_000).buy(2)`.

    usd_per_coin : of inverse futures, which a venue counts in USD: quantities are given in coins
        and taken at this price to the nearest lot. None leaves quantities in the amount unit
    """

    instrument: Instrument
    usd_per_coin: Decimal | None = None

    def buy(self, quantity: Quantity = 1, *, price: Quantity | None = None) -> Leg:
        """A long leg of `quantity`. Raises InvalidInput where the venue does not take it."""
        return self._leg(Decimal(1), quantity, price)

    def sell(self, quantity: Quantity = 1, *, price: Quantity | None = None) -> Leg:
        """A short leg of `quantity`. Raises InvalidInput where the venue does not take it."""
        return self._leg(Decimal(-1), quantity, price)

    def _leg(self, sign: Decimal, quantity: Quantity, price: Quantity | None) -> Leg:
        amount = _exact("quantity", quantity)
        step = self.instrument.amount_step
        if self.usd_per_coin is not None:
            amount = (amount * self.usd_per_coin / step).to_integral_value() * step
        limit = None if price is None else _exact("price", price)
        return Leg(
            instrument=self.instrument, quantity=sign * on_lot(self.instrument, amount), price=limit
        )

    def __str__(self) -> str:
        return self.instrument.name


def on_lot(instrument: Instrument, quantity: Decimal) -> Decimal:
    """`quantity` where the venue takes it. Raises InvalidInput saying the lot and the smallest."""
    if quantity == 0 or abs(quantity) < instrument.amount_min:
        rule = f"of {instrument.name} must be at least {instrument.amount_min:f}"
        raise InvalidInput("quantity", f"{quantity:f}", rule)
    if quantity % instrument.amount_step != 0:
        rule = f"of {instrument.name} must be a multiple of {instrument.amount_step:f}"
        raise InvalidInput("quantity", f"{quantity:f}", rule)
    return quantity


def _exact(field: str, value: Quantity) -> Decimal:
    """`value` as the exact number it is written as, above 0."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise InvalidInput(field, value, "must be a number") from None
    if isinstance(value, bool) or not (number.is_finite() and number > 0):
        raise InvalidInput(field, value, "must be a number above 0; buy or sell says the side")
    return number


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Leg:
    """A signed quantity of one instrument.

    quantity : positive long, in the instrument's amount unit (coins for Deribit options, USD for
        its inverse futures, contracts on Binance); never 0
    price : entry price a unit, quote currency; None where it is still the market's to say
    """

    instrument: Instrument
    quantity: Decimal
    price: Decimal | None = None

    def __post_init__(self) -> None:
        name = self.instrument.name
        if not (self.quantity.is_finite() and self.quantity != 0):
            raise InvalidInput("quantity", self.quantity, f"of {name} must be a number, not 0")
        if self.price is not None and not (self.price.is_finite() and self.price >= 0):
            raise InvalidInput("price", self.price, f"of {name} must be a number from 0 up")

    def __add__(self, other: Leg | Structure) -> Structure:
        return Structure(legs=(self,)) + other

    def __str__(self) -> str:
        price = "" if self.price is None else f" @ {self.price}"
        return f"{self.quantity.normalize():+f} {self.instrument.name}{price}"

    def __repr__(self) -> str:
        return f"<{self}>"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Structure:
    """Legs held together; `name` is what a trader calls it ("iron condor"), "" for a free mix.

    Legs of one instrument are kept apart: a text form round-trips, and netting is the book's.
    """

    legs: tuple[Leg, ...]
    name: str = ""

    def __post_init__(self) -> None:
        if not self.legs:
            raise InvalidInput("legs", self.legs, "must hold at least one leg")

    def __add__(self, other: Leg | Structure) -> Structure:
        legs = (other,) if isinstance(other, Leg) else other.legs
        return Structure(legs=self.legs + legs)

    def __neg__(self) -> Structure:
        return replace(self, legs=tuple(replace(leg, quantity=-leg.quantity) for leg in self.legs))

    def __str__(self) -> str:
        legs = ", ".join(str(leg) for leg in self.legs)
        return f"{self.name}: {legs}" if self.name else legs

    def __repr__(self) -> str:
        return f"<{self}>"
