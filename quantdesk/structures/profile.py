"""Profit as a function of the settlement price, exact: one line on each piece between strikes.

In USD every piece is `x0 + x1·D`, in coin `x0 + x1/D`: with h(D) = D or 1/D both are lines in h,
so that breakevens, extremes and unbounded sides follow from strikes and end slopes and nothing is
sampled. Exact fractions: a slope that cancels is zero, not 1e-17.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction

import numpy as np

from quantdesk.market.chain import FloatArray

ZERO = Fraction(0)


class Shape(Enum):
    """What a piece is a line in: the settlement price, or one over it."""

    DIRECT = "direct"
    RECIPROCAL = "reciprocal"


class PriceSide(Enum):
    """The side on which a profit or loss has no bound."""

    DOWN = "down"
    UP = "up"


@dataclass(frozen=True, slots=True)
class Extreme:
    """The best or worst outcome.

    value : None where it has no bound
    at : settlement price it is reached at, None where it is only approached or has no bound
    side : where it is approached without being reached, or has no bound
    """

    value: Fraction | None
    at: Fraction | None = None
    side: PriceSide | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """`x0 + x1·h(D)`."""

    x0: Fraction
    x1: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Profit by settlement price D > 0, in one currency.

    knots : strikes, ascending; `pieces` are one more: below, between and above them
    """

    shape: Shape
    knots: tuple[Fraction, ...]
    pieces: tuple[Piece, ...]

    def at(self, price: Fraction) -> Fraction:
        """Profit at a settlement price above 0, exact."""
        return self._value(self.pieces[self._piece_of(price)], price)

    def values(self, prices: FloatArray) -> FloatArray:
        """Profits (n,) at settlement prices (n,) above 0, float64."""
        knots = np.array([float(knot) for knot in self.knots])
        which = np.searchsorted(knots, prices, side="right")
        x0 = np.array([float(piece.x0) for piece in self.pieces])[which]
        x1 = np.array([float(piece.x1) for piece in self.pieces])[which]
        inner = prices if self.shape is Shape.DIRECT else 1.0 / prices
        return x0 + x1 * inner

    def less(self, cost: Fraction) -> Profile:
        """The same profile after a cost paid at entry, in the profile's own currency."""
        pieces = tuple(Piece(piece.x0 - cost, piece.x1) for piece in self.pieces)
        return Profile(shape=self.shape, knots=self.knots, pieces=pieces)

    def breakevens(self) -> tuple[Fraction, ...]:
        """Settlement prices at which profit is zero; of a flat stretch of zeros its two ends."""
        found: set[Fraction] = set()
        for number, piece in enumerate(self.pieces):
            low, high = self._bounds(number)
            if piece.x1 == 0:
                if piece.x0 == 0:
                    found.update(edge for edge in (low, high) if edge)
                continue
            inner = -piece.x0 / piece.x1
            if inner <= 0:
                continue
            price = inner if self.shape is Shape.DIRECT else 1 / inner
            if (low or ZERO) <= price and (high is None or price <= high):
                found.add(price)
        return tuple(sorted(found))

    def best(self) -> Extreme:
        """The greatest profit."""
        return self._extreme(Fraction(1))

    def worst(self) -> Extreme:
        """The least profit, which is minus the greatest loss."""
        return self._extreme(Fraction(-1))

    def _extreme(self, sign: Fraction) -> Extreme:
        """The largest of sign · profit: at a knot, or at one of the two ends."""
        candidates = [Extreme(self.at(knot), at=knot) for knot in self.knots]
        for side, piece in ((PriceSide.DOWN, self.pieces[0]), (PriceSide.UP, self.pieces[-1])):
            # h grows without end on one side and vanishes on the other.
            grows = (self.shape is Shape.DIRECT) == (side is PriceSide.UP)
            if grows and piece.x1 != 0:
                if piece.x1 * sign > 0:
                    return Extreme(None, side=side)
                continue
            candidates.append(Extreme(piece.x0, side=side))
        # A price that reaches the extreme is told before a side that only approaches it.
        return max(candidates, key=lambda one: (sign * (one.value or ZERO), one.at is not None))

    def intervals_above(self, level: Fraction = ZERO) -> tuple[tuple[float, float], ...]:
        """Price intervals (low, high) on which profit exceeds `level`; the last high may be inf."""
        edges = self._crossings(level)
        found: list[tuple[float, float]] = []
        for low, high in zip(edges, [*edges[1:], None], strict=True):
            middle = low + 1 if high is None else (low + high) / 2
            if self.at(middle) <= level:
                continue
            top = float("inf") if high is None else float(high)
            if found and found[-1][1] == float(low):
                found[-1] = (found[-1][0], top)
            else:
                found.append((float(low), top))
        return tuple(found)

    def _crossings(self, level: Fraction) -> list[Fraction]:
        """0, every knot and every price at which profit is `level`, ascending."""
        return sorted({ZERO, *self.knots, *self.less(level).breakevens()})

    def _value(self, piece: Piece, price: Fraction) -> Fraction:
        return piece.x0 + piece.x1 * (price if self.shape is Shape.DIRECT else 1 / price)

    def _piece_of(self, price: Fraction) -> int:
        return bisect_right(self.knots, price)

    def _bounds(self, number: int) -> tuple[Fraction | None, Fraction | None]:
        low = self.knots[number - 1] if number > 0 else None
        high = self.knots[number] if number < len(self.knots) else None
        return low, high


def sum_profile(shape: Shape, claims: Iterable[tuple[Fraction, bool, Piece]]) -> Profile:
    """Claims added up; each pays its piece above its knot (True) or below it (False).

    A claim that pays everywhere has knot 0 and True.
    """
    x0, x1 = ZERO, ZERO
    steps: dict[Fraction, tuple[Fraction, Fraction]] = {}
    for knot, is_above, piece in claims:
        if knot == 0 or not is_above:
            x0, x1 = x0 + piece.x0, x1 + piece.x1
        if knot > 0:
            sign = 1 if is_above else -1
            d0, d1 = steps.get(knot, (ZERO, ZERO))
            steps[knot] = d0 + sign * piece.x0, d1 + sign * piece.x1
    knots = sorted(steps)
    pieces = [Piece(x0, x1)]
    for knot in knots:
        d0, d1 = steps[knot]
        x0, x1 = x0 + d0, x1 + d1
        pieces.append(Piece(x0, x1))
    return Profile(shape=shape, knots=tuple(knots), pieces=tuple(pieces))
