"""Limits as plainly as they can be said, for the property test: integers, loops, every case tried.

Shares no line and no idea of speed with the desk's checks. It lists each book that could come
about: any of the living orders filled or not, and each leg of the ticket filled not at all, by half
or whole. A ticket is let through where no such book is over a limit that the same book without the
ticket's fills would not be over as far:

    net      |m| ≤ L, or |m| ≤ |m without| on the same side
    sums     Σ f(held) ≤ L, or ≤ the sum without
    stress   loss in each scenario ≤ L, or ≤ the loss without
    var      by definition of the scenario that hurts: each order counts where it loses

Quantities are even numbers of lots; measures are integers. A book is a tuple, lots by instrument,
and books that are alike are looked at once.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import add, mul

import numpy as np
import numpy.typing as npt

Lots = tuple[int, ...]
"""Signed lots of each instrument, in the order of the weights: a book, or what an order does."""

Observations = npt.NDArray[np.int64]


@dataclass(kw_only=True)
class SlowOrder:
    """A living order: what of it may still fill is the largest of its sizes less what has."""

    instrument: int
    sign: int
    amount: int
    filled: int = 0
    asked: list[int] = field(default_factory=list)

    @property
    def rest(self) -> int:
        return max([self.amount, *self.asked]) - self.filled


@dataclass(kw_only=True)
class SlowLimit:
    """kind: net, sum, stress, var, size or count; `weights` of a lot, by instrument.

    net: one row; sum: a row of longs and a row of shorts; stress: a row a scenario
    history : of var, one array of observations an instrument
    known : values of books asked before
    """

    kind: str
    level: int
    weights: tuple[Lots, ...] = ()
    history: tuple[Observations, ...] = ()
    rank: int = 1
    known: dict[Lots, list[int]] = field(default_factory=dict)

    def values(self, book: Lots) -> list[int]:
        """What is compared with the level: one number, or a loss a scenario."""
        if book not in self.known:
            self.known[book] = self._values(book)
        return self.known[book]

    def _values(self, book: Lots) -> list[int]:
        if self.kind == "net":
            return [sum(map(mul, book, self.weights[0]))]
        if self.kind == "sum":
            longs, shorts = self.weights
            return [sum(n * longs[i] if n > 0 else -n * shorts[i] for i, n in enumerate(book))]
        return [max(-sum(map(mul, book, row)), 0) for row in self.weights]

    def is_over(self, values: Iterable[int]) -> bool:
        return any(abs(value) > self.level for value in values)


@dataclass(kw_only=True)
class SlowDesk:
    """Positions and living orders."""

    held: Lots
    orders: dict[str, SlowOrder] = field(default_factory=dict)

    def fill(self, order_id: str, amount: int) -> None:
        """Some of an order becomes a position."""
        order = self.orders[order_id]
        order.filled += amount
        self.held = tuple(map(add, self.held, self.lots(order.instrument, order.sign * amount)))
        if order.filled == order.amount:
            del self.orders[order_id]

    def lots(self, instrument: int, lots: int) -> Lots:
        """`lots` of one instrument and none of the others."""
        return tuple(lots if i == instrument else 0 for i in range(len(self.held)))

    def open_orders(self) -> tuple[tuple[int, int], ...]:
        """What may still fill, (instrument, signed lots) of each living order."""
        return tuple((one.instrument, one.sign * one.rest) for one in self.orders.values())

    def worst(self, limits: Sequence[SlowLimit]) -> list[int]:
        """The largest |measure| of any book that could come about, of each limit."""
        books = self._books()
        return [self._worst(books, limit) for limit in limits]

    def _worst(self, books: set[Lots], limit: SlowLimit) -> int:
        if limit.kind == "count":
            return len(self.orders)
        if limit.kind == "size":
            return 0
        if limit.kind == "var":
            return self._var((), limit)
        return max(abs(value) for book in books for value in limit.values(book))

    def lets_through(self, legs: Sequence[tuple[int, int]], limits: Sequence[SlowLimit]) -> bool:
        """Whether every limit lets the ticket of (instrument, signed lots) pass."""
        # Each book without the ticket's fills, and with them.
        fills = [
            tuple(map(sum, zip(*filled, strict=True)))
            for filled in itertools.product(
                *[
                    (self.lots(i, 0), self.lots(i, lots // 2), self.lots(i, lots))
                    for i, lots in legs
                ]
            )
        ]
        pairs = {
            (book, tuple(map(add, book, filled))) for book in self._books() for filled in fills
        }
        reached = {new for _, new in pairs}
        return all(self._is_within(legs, pairs, reached, limit) for limit in limits)

    def _is_within(
        self,
        legs: Sequence[tuple[int, int]],
        pairs: set[tuple[Lots, Lots]],
        reached: set[Lots],
        limit: SlowLimit,
    ) -> bool:
        if limit.kind == "size":
            return all(abs(lots) <= limit.level for _, lots in legs)
        if limit.kind == "count":
            return len(self.orders) + len(legs) <= limit.level
        if limit.kind == "var":
            return self._var(legs, limit) <= max(self._var((), limit), limit.level)
        over = {book for book in reached if limit.is_over(limit.values(book))}
        return not over or all(
            _is_no_further(limit, limit.values(old), limit.values(new))
            for old, new in pairs
            if new in over
        )

    def _books(self) -> set[Lots]:
        """Every book that could come about without another order."""
        books = {self.held}
        for instrument, lots in self.open_orders():
            filled = self.lots(instrument, lots)
            books |= {tuple(map(add, book, filled)) for book in books}
        return books

    def _var(self, legs: Sequence[tuple[int, int]], limit: SlowLimit) -> int:
        """The loss of that rank, each order and leg filled only where it loses."""
        pnl = sum(lots * limit.history[i] for i, lots in enumerate(self.held))
        for instrument, lots in (*self.open_orders(), *legs):
            pnl = pnl + np.minimum(lots * limit.history[instrument], 0)
        return max(-int(np.sort(pnl)[limit.rank - 1]), 0)


def _is_no_further(limit: SlowLimit, before: Sequence[int], after: Sequence[int]) -> bool:
    """Whether nothing that is over its level after went there from before, or further over."""
    for was, now in zip(before, after, strict=True):
        if abs(now) <= limit.level:
            continue
        if limit.kind == "net" and not (abs(now) <= abs(was) and now * was > 0):
            return False
        if limit.kind != "net" and now > was:
            return False
    return True


def rank_of(confidence: float, observations: int) -> int:
    """Rank of the loss that is the VaR, from the worst."""
    return max(math.ceil(round((1 - confidence) * observations, 6)), 1)
