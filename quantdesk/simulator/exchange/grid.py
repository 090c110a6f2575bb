"""Prices and amounts of one instrument as whole numbers, exactly.

A price is a count of the finest unit of the instrument's tick scheme, an amount a count of its
amount step. What is off the grid has no number: nothing is ever rounded here.
"""

from __future__ import annotations

from bisect import bisect_left
from decimal import ROUND_CEILING, Decimal
from math import gcd

from quantdesk.domain.instrument import Instrument
from quantdesk.errors import InvalidInput

TICKS_MAX = 2**53
"""Largest count of units or steps: beyond it a face that speaks JSON numbers could not say it."""


class Grid:
    """The price and amount grid of one instrument.

    Attributes
    ----------
    unit : finest price step, quote currency; all ticks and their origin are whole multiples of it
    step : amount step, in the venue's amount unit
    lots_min : smallest order in steps
    """

    __slots__ = ("_bounds", "_origin", "_ticks", "_unit_max", "lots_min", "step", "unit")

    def __init__(self, instrument: Instrument) -> None:
        """Raises InvalidInput where the smallest amount is not a whole number of steps."""
        ticks = instrument.ticks
        sizes = [ticks.tick, *(tick for _, tick in ticks.steps)]
        self.unit = _common_unit([*sizes, ticks.origin])
        self._bounds = [int(above // self.unit) for above, _ in ticks.steps]
        self._ticks = [int(size / self.unit) for size in sizes]
        self._origin = int(ticks.origin / self.unit)
        self.step = instrument.amount_step
        self._unit_max = self.unit * TICKS_MAX
        lots = self.to_lots(instrument.amount_min)
        if lots is None:
            raise InvalidInput(
                "amount_min",
                instrument.amount_min,
                f"of {instrument.name} must be a multiple of {self.step}",
            )
        self.lots_min = lots

    def to_units(self, price: Decimal) -> int | None:
        """Units of a price on the grid; None off it, at or below zero, not finite or too large."""
        if not price.is_finite() or not 0 < price <= self._unit_max:
            return None
        whole, rest = divmod(price, self.unit)
        units = int(whole)
        return units if not rest and self._is_on_grid(units) else None

    def from_units(self, units: int) -> Decimal:
        """The price of a count of units."""
        return self.unit * units

    def to_lots(self, amount: Decimal) -> int | None:
        """Steps of an amount on the grid; None off it, at or below zero, not finite, too large."""
        if not amount.is_finite() or not 0 < amount <= self.step * TICKS_MAX:
            return None
        whole, rest = divmod(amount, self.step)
        return None if rest else int(whole)

    def from_lots(self, lots: int) -> Decimal:
        """The amount of a count of steps; signed counts give signed amounts."""
        return self.step * lots

    def tick_at(self, units: int) -> int:
        """The tick that applies at a price, in units; a step applies strictly above its bound."""
        return self._ticks[bisect_left(self._bounds, units)]

    def below(self, units: int) -> int:
        """The grid price next below `units`, which may be 0: then there is none."""
        return self.floor(units - 1)

    def above(self, units: int) -> int:
        """The grid price next above `units`."""
        return self.ceiling(units + 1)

    def floor(self, units: int) -> int:
        """The highest grid price at or below `units`."""
        tier = bisect_left(self._bounds, units)
        price = self._floor_to(units, self._ticks[tier])
        while tier > 0 and price <= self._bounds[tier - 1]:
            # Rounded out of its tier: the grid below is finer and reaches closer.
            tier -= 1
            price = self._floor_to(self._bounds[tier], self._ticks[tier])
        return price

    def ceiling(self, units: int) -> int:
        """The lowest grid price at or above `units`."""
        tick = self.tick_at(units)
        price = self._floor_to(units + tick - 1, tick)
        # Rounded into the next tier, whose grid may not hold it.
        return price if self._is_on_grid(price) else self.ceiling(price + 1)

    def floor_price(self, price: Decimal) -> int:
        """Units of the highest grid price at or below a finite `price`; 0 where there is none."""
        return self.floor(int(price // self.unit)) if price > 0 else 0

    def ceiling_price(self, price: Decimal) -> int:
        """Units of the lowest positive grid price at or above a finite `price`."""
        units = int((price / self.unit).to_integral_value(rounding=ROUND_CEILING))
        return self.ceiling(max(1, units))

    def _is_on_grid(self, units: int) -> bool:
        return (units - self._origin) % self.tick_at(units) == 0

    def _floor_to(self, units: int, tick: int) -> int:
        return (units - self._origin) // tick * tick + self._origin


def _common_unit(sizes: list[Decimal]) -> Decimal:
    """The largest number that each of `sizes` is a whole multiple of."""
    decimals = max(0, *(-int(size.as_tuple().exponent) for size in sizes))
    counts = [int(size.scaleb(decimals)) for size in sizes]
    return Decimal(gcd(*counts)).scaleb(-decimals)
