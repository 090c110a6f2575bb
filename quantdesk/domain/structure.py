"""A leg and a structure: signed quantities of instruments, as a trader speaks of them.

A *structure* is a position to be or to think about; what fills made of it is `domain.position`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from quantdesk.domain.instrument import Instrument
from quantdesk.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
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
        return f"{self.quantity:+f} {self.instrument.name}{price}"


@dataclass(frozen=True, slots=True, kw_only=True)
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
