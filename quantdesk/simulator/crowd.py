"""The crowd: traders of nobody's account who take the house's quotes, so that trades print.

Who trades what is a draw from the seed for each second of venue time, whenever it is asked for. The
crowd takes from the house alone: what clients rest is theirs until one of them, or a move of the
market, takes it. Pure; knows no book.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from quantdesk.domain.instrument import Side
from quantdesk.errors import InvalidInput

NS_PER_S = 1_000_000_000
SECONDS_MAX = 60
"""A move of the market by more than this prints the trades of its last seconds only."""

TRADES_PER_MINUTE_MAX = 60_000.0
_SIZES = (1, 1, 1, 2, 2, 3, 5, 10, 25)
"""Multiples of the smallest order, each as likely as the others."""

_SEED_SPACE = 0xC0


@dataclass(frozen=True, slots=True, kw_only=True)
class Interest:
    """One instrument that the crowd trades: how often against the others, and the smallest size."""

    name: str
    weight: float
    amount_min: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class CrowdOrder:
    """What someone takes now."""

    name: str
    side: Side
    amount: Decimal


class Crowd:
    """Draws the crowd's orders."""

    def __init__(self, interests: Sequence[Interest], *, per_minute: float, seed: int) -> None:
        """per_minute : trades on average, over all instruments. Raises InvalidInput."""
        if not 0 <= per_minute <= TRADES_PER_MINUTE_MAX:
            raise InvalidInput(
                "trades_per_minute", per_minute, f"must be 0 to {TRADES_PER_MINUTE_MAX:g}"
            )
        self._interests = tuple(interests)
        weights = np.array([interest.weight for interest in interests], dtype=np.float64)
        self._shares = weights / weights.sum()
        self._per_second = per_minute / 60
        self._seed = seed

    def orders(self, from_ns: int, to_ns: int) -> Iterator[CrowdOrder]:
        """Orders of the seconds that end in (from_ns, to_ns], in time order."""
        if not self._per_second:
            return
        last = to_ns // NS_PER_S
        for second in range(max(from_ns // NS_PER_S, last - SECONDS_MAX), last):
            yield from self._orders_of(second)

    def _orders_of(self, second: int) -> Iterator[CrowdOrder]:
        draws = np.random.Generator(np.random.PCG64([_SEED_SPACE, self._seed, second]))
        for _ in range(int(draws.poisson(self._per_second))):
            interest = self._interests[int(draws.choice(len(self._interests), p=self._shares))]
            yield CrowdOrder(
                name=interest.name,
                side=Side.BUY if draws.integers(2) else Side.SELL,
                amount=interest.amount_min * _SIZES[int(draws.integers(len(_SIZES)))],
            )
