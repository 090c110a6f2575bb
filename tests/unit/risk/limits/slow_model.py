"""Limits as plainly as they can be said, for the property test: integers, loops, every case tried.

Shares no line and no idea of speed with the desk's checks. The rule is the issue's: position plus
open orders stay within the level, and "a breached limit passes an order only if no fill between 0
and its size increases |measure|". It is asked of each fill by itself. A book is one that could come
about: any of the living orders filled or not, and each leg of the ticket filled not at all, by half
or whole. From each such book one more lot of one leg is filled, and again one more, to its size:

    net, sums  the fill does not take |m| to above L and above what it was one lot before
    stress     the same of the loss in each scenario by itself
    var        the same of the quantile, each leg alone and all in their ratios, living orders and
               what else is in the ticket where they hurt by scenario; and the quantile with every
               leg filled where it hurts is not above L and above what it is now

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
        pairs = {(book, tuple(map(add, book, more))) for book, more in self._with_fills(legs)}
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
            return self._is_var_within(legs, limit)
        over = {book for book in reached if limit.is_over(limit.values(book))}
        if limit.kind == "sum":
            return not over or self._never_rises_over(legs, limit)
        return all(
            _is_no_further(limit, limit.values(old), limit.values(new))
            for old, new in pairs
            if new in over
        )

    def _never_rises_over(self, legs: Sequence[tuple[int, int]], limit: SlowLimit) -> bool:
        """Whether no lot of a leg takes a sum up to above its level, whatever else is filled."""
        for place, (instrument, lots) in enumerate(legs):
            others = [leg for n, leg in enumerate(legs) if n != place]
            one = self.lots(instrument, 1 if lots > 0 else -1)
            for start in {tuple(map(add, *pair)) for pair in self._with_fills(others)}:
                book = start
                (was,) = limit.values(book)
                for _ in range(abs(lots)):
                    book = tuple(map(add, book, one))
                    (now,) = limit.values(book)
                    if now > max(limit.level, was):
                        return False
                    was = now
        return True

    def _with_fills(self, legs: Sequence[tuple[int, int]]) -> Iterable[tuple[Lots, Lots]]:
        """Each book that could come about, with each way in which legs may have filled."""
        ways = itertools.product(
            *[(self.lots(i, 0), self.lots(i, lots // 2), self.lots(i, lots)) for i, lots in legs]
        )
        nothing = self.lots(0, 0)
        fills = {tuple(map(sum, zip(nothing, *filled, strict=True))) for filled in ways}
        return itertools.product(self._books(), fills)

    def _is_var_within(self, legs: Sequence[tuple[int, int]], limit: SlowLimit) -> bool:
        most = self._var(legs, limit)
        if most <= limit.level:
            return True
        return most <= self._var((), limit) and self._var_never_rises_over(legs, limit)

    def _var_never_rises_over(self, legs: Sequence[tuple[int, int]], limit: SlowLimit) -> bool:
        """Whether no step of a leg alone, or of all in their ratios, takes the VaR up to above its
        level. A step is two lots, the smallest order.
        """
        pnl = self._pnl((), limit)
        paths = [[(instrument, lots)] for instrument, lots in legs]
        for path in (*paths, legs):
            steps = math.gcd(*[lots for _, lots in path]) // 2
            was = _loss(pnl, limit)
            for step in range(1, steps + 1):
                filled = sum(lots // steps * step * limit.history[i] for i, lots in path)
                now = _loss(pnl + filled, limit)
                if now > max(limit.level, was):
                    return False
                was = now
        return True

    def _books(self) -> set[Lots]:
        """Every book that could come about without another order."""
        books = {self.held}
        for instrument, lots in self.open_orders():
            filled = self.lots(instrument, lots)
            books |= {tuple(map(add, book, filled)) for book in books}
        return books

    def _var(self, legs: Sequence[tuple[int, int]], limit: SlowLimit) -> int:
        """The loss of that rank, each order and leg filled only where it loses."""
        return _loss(self._pnl(legs, limit), limit)

    def _pnl(self, legs: Sequence[tuple[int, int]], limit: SlowLimit) -> Observations:
        """P&L by scenario, each order and leg filled only where it loses."""
        pnl = np.zeros_like(limit.history[0])
        for instrument, lots in enumerate(self.held):
            pnl = pnl + lots * limit.history[instrument]
        for instrument, lots in (*self.open_orders(), *legs):
            pnl = pnl + np.minimum(lots * limit.history[instrument], 0)
        return pnl


def _loss(pnl: Observations, limit: SlowLimit) -> int:
    """The loss of the limit's rank."""
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
