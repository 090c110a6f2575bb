"""Rate limits: credits that refill continuously, by account, in the machine's time.

A request that finds too few credits is refused, and the venue then closes the session.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum

NS_PER_S = 1_000_000_000
CALLERS_MAX = 1_000
"""Callers whose credits are remembered; the longest idle starts anew."""


class Pool(Enum):
    """Which credits a method spends."""

    GENERAL = "general"
    INSTRUMENTS = "instruments"
    SUBSCRIBE = "subscribe"
    LOG = "log"
    MATCHING = "matching"


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Cost of one request, what the pool holds, and what it regains a second."""

    cost: int
    size: int
    refill: int


PRICES: dict[Pool, Price] = {
    Pool.GENERAL: Price(cost=500, size=50_000, refill=10_000),
    Pool.INSTRUMENTS: Price(cost=10_000, size=500_000, refill=10_000),
    Pool.SUBSCRIBE: Price(cost=3_000, size=30_000, refill=10_000),
    Pool.LOG: Price(cost=10_000, size=80_000, refill=10_000),
    Pool.MATCHING: Price(cost=1_000, size=20_000, refill=5_000),
}
"""The venue's published limits. Matching: 5 a second, 20 at once, which is the lowest tier."""


class Credits:
    """What every caller has left."""

    def __init__(self, prices: dict[Pool, Price] | None) -> None:
        """prices : None limits nothing"""
        self._prices = prices
        self._left: OrderedDict[tuple[str, Pool], tuple[float, int]] = OrderedDict()

    def spend(self, caller: str, pool: Pool, machine_ns: int) -> bool:
        """Pay for one request; False where there are too few credits, and nothing is taken."""
        if self._prices is None:
            return True
        price = self._prices[pool]
        left, at_ns = self._left.pop((caller, pool), (float(price.size), machine_ns))
        passed_ns = max(0, machine_ns - at_ns)
        left = min(float(price.size), left + price.refill * passed_ns / NS_PER_S)
        is_paid = left >= price.cost
        self._left[caller, pool] = (left - price.cost if is_paid else left, machine_ns)
        while len(self._left) > CALLERS_MAX * len(Pool):
            self._left.popitem(last=False)
        return is_paid
