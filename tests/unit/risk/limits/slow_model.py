"""Limits as plainly as they can be said, for the property test: integers, loops, every case tried.

Shares no line and no idea of speed with the desk's checks. It lists each book that could come
about: any of the living orders filled or not, and each leg of the ticket filled not at all, by half
or whole. A ticket is let through where no such book is over a limit that the same book without the
ticket's fills would not be over as far:

    net      |m| ≤ L, or |m| ≤ |m without| on the same side
    sums     Σ f(held) ≤ L, or ≤ the sum without
    stress   loss in each scenario ≤ L, or ≤ the loss without
    var      by definition of the scenario that hurts: each order counts where it loses

Quantities are even numbers of lots; measures are integers.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

Books = dict[str, int]


@dataclass(kw_only=True)
class SlowOrder:
    """A living order: what of it may still fill is the largest of its sizes less what has."""

    name: str
    sign: int
    amount: int
    filled: int = 0
    asked: list[int] = field(default_factory=list)

    @property
    def rest(self) -> int:
        return max([self.amount, *self.asked]) - self.filled


@dataclass(kw_only=True)
class SlowLimit:
    """kind: net, sum, stress, var, size or count; `weights` by instrument, per lot.

    net: one integer; sum: (long, short); stress and var: one integer a scenario
    """

    kind: str
    level: int
    weights: Mapping[str, tuple[int, ...]]
    rank: int = 1


@dataclass(kw_only=True)
class SlowDesk:
    """Positions and living orders."""

    held: Books = field(default_factory=dict)
    orders: dict[str, SlowOrder] = field(default_factory=dict)

    def lets_through(self, legs: Sequence[tuple[str, int]], limits: Sequence[SlowLimit]) -> bool:
        """Whether every limit lets the ticket pass."""
        return all(self._within(legs, limit) for limit in limits)

    def worst(self, limit: SlowLimit) -> int:
        """The largest |measure| of any book that could come about."""
        if limit.kind == "count":
            return len(self.orders)
        if limit.kind == "size":
            return 0
        if limit.kind == "var":
            return _var(self._hurt([], limit), limit.rank)
        found = 0
        for book in self._books():
            found = max(found, *(abs(v) for v in _values(book, limit)))
        return found

    def _within(self, legs: Sequence[tuple[str, int]], limit: SlowLimit) -> bool:
        if limit.kind == "size":
            return all(abs(lots) <= limit.level for _, lots in legs)
        if limit.kind == "count":
            return len(self.orders) + len(legs) <= limit.level
        if limit.kind == "var":
            before = _var(self._hurt([], limit), limit.rank)
            after = _var(self._hurt(legs, limit), limit.rank)
            return after <= max(before, limit.level)
        for without in self._books():
            old = _values(without, limit)
            for fills in itertools.product(*[(0, lots // 2, lots) for _, lots in legs]):
                book = dict(without)
                for (name, _), lots in zip(legs, fills, strict=True):
                    book[name] = book.get(name, 0) + lots
                for was, now in zip(old, _values(book, limit), strict=True):
                    if abs(now) <= limit.level:
                        continue
                    if limit.kind == "net" and not (abs(now) <= abs(was) and now * was > 0):
                        return False
                    if limit.kind != "net" and now > was:
                        return False
        return True

    def _books(self) -> Iterator[Books]:
        living = list(self.orders.values())
        for choice in itertools.product((False, True), repeat=len(living)):
            book = dict(self.held)
            for order, is_filled in zip(living, choice, strict=True):
                if is_filled:
                    book[order.name] = book.get(order.name, 0) + order.sign * order.rest
            yield book

    def _hurt(self, legs: Sequence[tuple[str, int]], limit: SlowLimit) -> list[int]:
        """P&L by scenario, each order and leg filled only where it loses."""
        lots = [(order.name, order.sign * order.rest) for order in self.orders.values()]
        pnl = [0] * len(next(iter(limit.weights.values())))
        for name, n in self.held.items():
            pnl = [p + n * x for p, x in zip(pnl, limit.weights[name], strict=True)]
        for name, n in (*lots, *legs):
            pnl = [p + min(n * x, 0) for p, x in zip(pnl, limit.weights[name], strict=True)]
        return pnl


def _values(book: Books, limit: SlowLimit) -> list[int]:
    """What is compared with the level: one number, or a loss a scenario."""
    weights = limit.weights
    if limit.kind == "net":
        return [sum(n * weights[name][0] for name, n in book.items())]
    if limit.kind == "sum":
        return [
            sum(max(n, 0) * weights[k][0] + max(-n, 0) * weights[k][1] for k, n in book.items())
        ]
    count = len(next(iter(weights.values())))
    pnl = [sum(n * weights[name][s] for name, n in book.items()) for s in range(count)]
    return [max(-one, 0) for one in pnl]


def _var(pnl: Sequence[int], rank: int) -> int:
    return max(-sorted(pnl)[rank - 1], 0)


def rank_of(confidence: float, observations: int) -> int:
    """Rank of the loss that is the VaR, from the worst."""
    return max(math.ceil(round((1 - confidence) * observations, 6)), 1)
