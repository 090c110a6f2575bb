"""The price index of one coin: a recorded path applied as returns to a recorded price.

A pure function of venue time. Also the 30-minute average that an expiry settles on.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from quantdesk.errors import InvalidInput
from quantdesk.simulator.path import UnderlyingPath

USD_DECIMALS = 2

DELIVERY_WINDOW_NS = 30 * 60 * 1_000_000_000
"""An expiry settles on the mean of the index over this long before it."""


class UnderlyingIndex:
    """USD price of a coin at each step of its path.

    Index = opening × exp(beta × (level(start + step) − level(start))), two decimals, held between
    steps. Before the opening it is the opening price.
    """

    def __init__(
        self,
        name: str,
        *,
        price: float,
        path: UnderlyingPath,
        beta: float,
        opened_ns: int,
        path_start: int = 0,
    ) -> None:
        """path_start : step of the path at which this index begins; 0 is where it was recorded."""
        if not (math.isfinite(price) and price > 0):
            raise InvalidInput("price", price, "must be a positive number")
        self.name = name
        self.price_opening = price
        self.opened_ns = opened_ns
        self.step_ns = path.step_ns
        self._path = path
        self._beta = beta
        self._path_start = path_start
        self._level_opening = float(path.levels(np.array([path_start], dtype=np.int64))[0])

    def step_at(self, venue_ns: int) -> int:
        """The step that venue time `venue_ns` is in; 0 at and before the opening."""
        return max(0, (venue_ns - self.opened_ns) // self.step_ns)

    def steps_of(self, instants_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Steps that venue times (n,) are in; negative before the opening."""
        return (instants_ns - self.opened_ns) // self.step_ns

    def ratio_at(self, step: int) -> float:
        """Unrounded index over its opening."""
        level = float(self._path.levels(np.array([self._path_start + step], dtype=np.int64))[0])
        return math.exp(self._beta * (level - self._level_opening))

    def log_returns(self, steps: NDArray[np.int64], window: int) -> NDArray[np.float64]:
        """Log return of the unrounded index over the `window` steps before each of `steps` (n,)."""
        ends = self._path_start + steps
        moved = self._path.levels(ends) - self._path.levels(ends - window)
        return self._beta * moved

    def price_at(self, step: int) -> float:
        """Index at `step`: the recorded price at 0, two decimals after."""
        ratio = self.ratio_at(step)
        # The recorded opening may carry more decimals than the venue publishes later.
        return (
            self.price_opening if ratio == 1.0 else round(self.price_opening * ratio, USD_DECIMALS)
        )

    def mean(self, from_ns: int, to_ns: int) -> float:
        """Mean of the index over the steps in [from_ns, to_ns), two decimals.

        With no step in it (a window that has just begun) the index at its begin.
        """
        steps = np.arange(
            self.step_at(from_ns), max(self.step_at(to_ns), self.step_at(from_ns) + 1)
        )
        return round(float(np.mean(self.prices_at(steps))), USD_DECIMALS)

    def prices_at(self, steps: NDArray[np.int64]) -> NDArray[np.float64]:
        """Index at `steps` (n,), two decimals; below 0 the path before the opening, by its rule."""
        levels = self._path.levels(self._path_start + steps)
        prices = self.price_opening * np.exp(self._beta * (levels - self._level_opening))
        return np.round(prices, USD_DECIMALS)
