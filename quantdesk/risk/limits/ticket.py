"""What is to be sent, before the gate: signed legs of one account and strategy, scalable by lots.

Each leg counts as an order by itself: it may fill while the others do not, since legging in is a
risk of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from decimal import Decimal

from quantdesk.domain.instrument import Instrument
from quantdesk.errors import InvalidInput
from quantdesk.portfolio.importing import QUANTITY_MAX

LEGS_MAX = 32


def require_quantity(instrument: Instrument, quantity: Decimal) -> Decimal:
    """`quantity` (amount unit), which sums and lots can be counted with; else InvalidInput."""
    if not quantity.is_finite() or abs(quantity) > QUANTITY_MAX:
        rule = f"of {instrument.name} must be a number, at most {QUANTITY_MAX:f} in size"
        raise InvalidInput("quantity", str(quantity), rule)
    return quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketLeg:
    """A signed quantity (amount unit) of an instrument and its limit price, quote currency.

    price : None for an order at any price
    """

    instrument: Instrument
    quantity: Decimal
    price: Decimal | None = None

    def __post_init__(self) -> None:
        name = self.instrument.name
        if require_quantity(self.instrument, self.quantity) == 0:
            raise InvalidInput("quantity", str(self.quantity), f"of {name} must be a number, not 0")
        if self.price is not None and not self.price.is_finite():
            raise InvalidInput("price", str(self.price), f"of {name} must be a number")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """Legs that are to be sent together."""

    legs: tuple[TicketLeg, ...]
    account: str = ""
    strategy: str = ""

    def __post_init__(self) -> None:
        if not 1 <= len(self.legs) <= LEGS_MAX:
            raise InvalidInput("legs", len(self.legs), f"must be 1 to {LEGS_MAX}")

    @property
    def lots(self) -> int:
        """How many times the smallest ticket of these ratios this is; 1 where a leg is off its
        grid, since then no smaller ticket has the ratios.
        """
        counts = []
        for leg in self.legs:
            steps = abs(leg.quantity) / leg.instrument.amount_step
            if steps != steps.to_integral_value():
                return 1
            counts.append(int(steps))
        return math.gcd(*counts)

    def on_grid(self) -> Ticket:
        """This, or with one leg that is off its venue's grid the size of the grid below it. Less
        than a step has none, and legs that are rounded apart lose their ratios: both stay.
        """
        if len(self.legs) > 1:
            return self
        (leg,) = self.legs
        step = leg.instrument.amount_step
        below = (abs(leg.quantity) // step * step).copy_sign(leg.quantity)
        if below in (0, leg.quantity):
            return self
        return replace(self, legs=(replace(leg, quantity=below),))

    def of_lots(self, lots: int) -> Ticket:
        """The ticket in these ratios with another number of lots."""
        whole = self.lots
        legs = tuple(
            TicketLeg(
                instrument=leg.instrument, quantity=leg.quantity / whole * lots, price=leg.price
            )
            for leg in self.legs
        )
        return Ticket(legs=legs, account=self.account, strategy=self.strategy)

    def __str__(self) -> str:
        return ", ".join(f"{leg.quantity:+f} {leg.instrument.name}" for leg in self.legs)
