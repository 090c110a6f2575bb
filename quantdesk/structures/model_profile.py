"""Profit at a date on which some legs still live: full revaluation, numerical, and says so.

A leg whose expiry is at or before the date is settled at the scenario's index; it covers nothing
afterwards. The others are revalued by Black-76 on their own forward, which keeps its ratio to the
index, at their own vol (sticky strike).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quantdesk import pricing
from quantdesk.market.chain import FloatArray
from quantdesk.structures.payoff import Numeraire
from quantdesk.structures.terms import LegTerms, Payout

GRID_POINTS = 401
RANGE_SIGMAS = 8.0
ROOT_STEPS = 33
ROOT_ROUNDS = 2
"""Two rounds narrow a bracket a thousand times; the secant step then leaves its square."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegModel:
    """A leg with what its revaluation needs.

    years_left : at the date of the profile; 0 or less is settled
    vol : fraction; of options alone
    forward_ratio : forward of the leg's own expiry over the index, kept as the index moves
    """

    terms: LegTerms
    years_left: float
    vol: float = 0.0
    forward_ratio: float = 1.0


class Revaluation:
    """What all legs together are worth by index price: (coin, USD), without their premiums.

    The last few price arrays are remembered: three numeraires and several laws ask for the same.
    """

    REMEMBERED = 32

    def __init__(self, legs: Sequence[LegModel]) -> None:
        self.legs = tuple(legs)
        self._options = _option_columns([leg for leg in legs if leg.terms.is_option])
        self._others = tuple(leg for leg in legs if not leg.terms.is_option)
        self._known: dict[bytes, tuple[FloatArray, FloatArray]] = {}

    def values(self, prices: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(coin, USD) at index prices (n,).

        An inverse option is worth B(F, K)/F coin on its own forward F, a linear one B(F, K) USD; a
        future what it has won since entry. What is past its expiry is settled at the index.
        """
        key = prices.tobytes()
        if key not in self._known:
            if len(self._known) >= self.REMEMBERED:
                self._known.pop(next(iter(self._known)))
            self._known[key] = self._worth(prices)
        return self._known[key]

    def _worth(self, prices: FloatArray) -> tuple[FloatArray, FloatArray]:
        coin, usd = self._option_worth(prices)
        for leg in self._others:
            size, entry = float(leg.terms.size), float(leg.terms.entry)
            forward = prices * leg.forward_ratio if leg.years_left > 0 else prices
            if leg.terms.payout is Payout.HELD_COIN:
                coin = coin + size
            elif leg.terms.is_inverse:
                coin = coin + size * (1.0 / entry - 1.0 / forward)
            else:
                usd = usd + size * (forward - entry)
        return coin, usd

    def _option_worth(self, prices: FloatArray) -> tuple[FloatArray, FloatArray]:
        """All options in one call of the kernel: a row an option, a column a price."""
        options = self._options
        if not options.size.size:
            return np.zeros_like(prices), np.zeros_like(prices)
        forward = prices * options.ratio
        price = pricing.price(options.is_call, forward, options.strike, options.years, options.vol)
        worth = options.size * np.asarray(price)
        coin: FloatArray = (worth / forward)[options.is_inverse].sum(axis=0)
        usd: FloatArray = worth[~options.is_inverse].sum(axis=0)
        return coin, usd


class _OptionColumns(NamedTuple):
    """Options as columns (m, 1) that broadcast against prices; `is_inverse` is (m,)."""

    is_call: NDArray[np.bool_]
    is_inverse: NDArray[np.bool_]
    size: FloatArray
    strike: FloatArray
    years: FloatArray
    vol: FloatArray
    ratio: FloatArray


def _option_columns(legs: Sequence[LegModel]) -> _OptionColumns:
    """What is past its expiry stands on the index itself, without time or vol."""
    alive = [leg.years_left > 0 for leg in legs]
    rows = [
        (
            float(leg.terms.size),
            float(leg.terms.strike),
            leg.years_left if lives else 0.0,
            leg.vol if lives else 0.0,
            leg.forward_ratio if lives else 1.0,
        )
        for leg, lives in zip(legs, alive, strict=True)
    ]
    table = np.array(rows, dtype=np.float64).reshape(len(rows), 5)
    size, strike, years, vol, ratio = (table[:, [at]] for at in range(5))
    is_call = np.array([leg.terms.payout is Payout.CALL for leg in legs], dtype=np.bool_)
    is_inverse = np.array([leg.terms.is_inverse for leg in legs], dtype=np.bool_)
    return _OptionColumns(is_call[:, None], is_inverse, size, strike, years, vol, ratio)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelProfile:
    """Profit by index price at one date, in one currency.

    cost_coin, cost_usd : premium and fees paid at entry, converted as `numeraire` says
    low, high : prices that extremes and breakevens are looked for between; four times and sixteen
        times beyond, extremes only
    """

    worth: Revaluation
    numeraire: Numeraire
    entry_index: float
    cost_coin: float
    cost_usd: float
    knots: tuple[float, ...]
    low: float
    high: float

    def values(self, prices: FloatArray) -> FloatArray:
        """Profits (n,) at index prices (n,) above 0."""
        prices = np.asarray(prices, dtype=np.float64)
        coin, usd = self.worth.values(prices)
        match self.numeraire:
            case Numeraire.COIN:
                return coin + usd / prices - self.cost_coin - self.cost_usd / self.entry_index
            case Numeraire.USD:
                return coin * prices + usd - self.cost_coin * self.entry_index - self.cost_usd
            case Numeraire.USD_MARKED:
                return (coin - self.cost_coin) * prices + usd - self.cost_usd

    def less(self, cost: Fraction) -> ModelProfile:
        """The same profile after a cost paid at entry, in coin or in USD as `numeraire` is."""
        if self.numeraire is Numeraire.COIN:
            return replace(self, cost_coin=self.cost_coin + float(cost))
        return replace(self, cost_usd=self.cost_usd + float(cost))

    def grid(self) -> FloatArray:
        """Prices that every search starts from: even in ln price, every strike, far ends."""
        even = np.exp(np.linspace(math.log(self.low), math.log(self.high), GRID_POINTS))
        ends = [self.low / 16, self.low / 4, self.high * 4, self.high * 16]
        return np.unique(np.concatenate([even, self.knots, ends]))

    def breakevens(self) -> tuple[float, ...]:
        """Prices at which profit changes sign."""
        return tuple(self._crossings(0.0))

    def intervals_above(self, level: float = 0.0) -> tuple[tuple[float, float], ...]:
        """Price intervals on which profit exceeds `level`; the outermost reach 0 and infinity."""
        edges = [self.low / 16, *self._crossings(level), self.high * 16]
        middles = np.sqrt(np.array(edges[:-1]) * np.array(edges[1:]))
        above = self.values(middles) > level
        found: list[tuple[float, float]] = []
        for number, is_above in enumerate(above):
            if not is_above:
                continue
            low = 0.0 if number == 0 else edges[number]
            high = math.inf if number == len(above) - 1 else edges[number + 1]
            if found and found[-1][1] == low:
                found[-1] = (found[-1][0], high)
            else:
                found.append((low, high))
        return tuple(found)

    def extreme(self, sign: float) -> tuple[float, float | None]:
        """(profit, price) of the greatest sign · profit; price None where it is at a far end."""
        prices = self.grid()
        best = int(np.argmax(self.values(prices) * sign))
        is_end = best in (0, prices.size - 1)
        low, high = prices[max(best - 1, 0)], prices[min(best + 1, prices.size - 1)]
        prices = np.unique(np.concatenate([np.linspace(low, high, 201), [prices[best]]]))
        best = int(np.argmax(self.values(prices) * sign))
        return float(self.values(prices)[best]), None if is_end else float(prices[best])

    def _crossings(self, level: float) -> list[float]:
        prices = self.grid()
        over = self.values(prices) - level
        found = prices[over == 0]
        before = np.flatnonzero(np.sign(over[:-1]) * np.sign(over[1:]) < 0)
        if before.size:
            roots = self._roots(level, prices[before], prices[before + 1])
            found = np.sort(np.concatenate([found, roots]))
        return [float(price) for price in found]

    def _roots(self, level: float, low: FloatArray, high: FloatArray) -> FloatArray:
        """The root in each bracket (m,): all brackets narrowed together, then one secant step."""
        steps = np.linspace(0.0, 1.0, ROOT_STEPS)
        for _ in range(ROOT_ROUNDS):
            prices = low[:, None] + (high - low)[:, None] * steps
            over = self.values(prices.reshape(-1)).reshape(prices.shape) - level
            changes = np.sign(over[:, :-1]) != np.sign(over[:, 1:])
            first = np.argmax(changes, axis=1)
            row = np.arange(first.size)
            low, high = prices[row, first], prices[row, first + 1]
            below, above = over[row, first], over[row, first + 1]
        span = np.where(above == below, 1.0, above - below)
        roots: FloatArray = low - below * (high - low) / span
        return np.clip(roots, low, high)


def search_range(
    legs: Sequence[LegModel], *, entry_index: float, total_vol: float
) -> tuple[float, float]:
    """(low, high) USD that a profile is searched between.

    total_vol : σ√T to the horizon; the range reaches `RANGE_SIGMAS` of it beyond all strikes
    """
    strikes = [float(leg.terms.strike) for leg in legs if leg.terms.is_option]
    reach = math.exp(min(RANGE_SIGMAS * max(total_vol, 0.05), 5.0))
    marks = [entry_index, *strikes]
    return min(marks) / reach, max(marks) * reach
