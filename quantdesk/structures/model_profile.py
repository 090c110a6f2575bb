"""Profit at a date on which some legs still live: full revaluation, numerical, and says so.

A leg whose expiry is at or before the date is settled at the scenario's index; it covers nothing
afterwards. The others are revalued by Black-76 on their own forward, which keeps its ratio to the
index, at their own vol (sticky strike).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from quantdesk import pricing
from quantdesk.market.chain import FloatArray
from quantdesk.structures.payoff import Numeraire
from quantdesk.structures.terms import LegTerms, Payout

GRID_POINTS = 2_001
RANGE_SIGMAS = 8.0


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


def leg_values(leg: LegModel, prices: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(coin, USD) that one leg is worth at index prices (n,), without its premium.

    An inverse option is worth B(F, K)/F coin on its own forward F; linear options B(F, K) USD;
    futures what they have won since entry.
    """
    terms = leg.terms
    size, strike, entry = float(terms.size), float(terms.strike), float(terms.entry)
    nothing = np.zeros_like(prices)
    match terms.payout:
        case Payout.CALL | Payout.PUT:
            is_alive = leg.years_left > 0
            forward = prices * leg.forward_ratio if is_alive else prices
            years, vol = (leg.years_left, leg.vol) if is_alive else (0.0, 0.0)
            price = pricing.price(terms.payout is Payout.CALL, forward, strike, years, vol)
            worth: FloatArray = size * (price / forward if terms.is_inverse else price)
            return (worth, nothing) if terms.is_inverse else (nothing, worth)
        case Payout.FORWARD:
            forward = prices * leg.forward_ratio if leg.years_left > 0 else prices
            if terms.is_inverse:
                return size * (1.0 / entry - 1.0 / forward), nothing
            return nothing, size * (forward - entry)
        case Payout.HELD_COIN:
            return np.full_like(prices, size), nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelProfile:
    """Profit by index price at one date, in one currency.

    low, high : prices that extremes and breakevens were looked for between
    """

    function: Callable[[FloatArray], FloatArray]
    knots: tuple[float, ...]
    low: float
    high: float

    def values(self, prices: FloatArray) -> FloatArray:
        """Profits (n,) at index prices (n,) above 0."""
        return self.function(np.asarray(prices, dtype=np.float64))

    def grid(self) -> FloatArray:
        """Prices that every search starts from: even in ln price, with every strike."""
        even = np.exp(np.linspace(math.log(self.low), math.log(self.high), GRID_POINTS))
        inside = [knot for knot in self.knots if self.low < knot < self.high]
        return np.unique(np.concatenate([even, inside]))

    def breakevens(self) -> tuple[float, ...]:
        """Prices at which profit changes sign between `low` and `high`."""
        return tuple(self._crossings(0.0))

    def intervals_above(self, level: float = 0.0) -> tuple[tuple[float, float], ...]:
        """Price intervals on which profit exceeds `level`; the outermost reach 0 and infinity."""
        edges = [self.low, *self._crossings(level), self.high]
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

    def extreme(self, sign: float) -> tuple[float, float]:
        """(profit, price) of the greatest sign · profit on the grid, refined between its points."""
        prices = self.grid()
        for _ in range(3):
            found = self.values(prices) * sign
            best = int(np.argmax(found))
            low, high = prices[max(best - 1, 0)], prices[min(best + 1, prices.size - 1)]
            prices = np.unique(np.concatenate([np.linspace(low, high, 201), [prices[best]]]))
        found = self.values(prices) * sign
        best = int(np.argmax(found))
        return float(found[best] * sign), float(prices[best])

    def _crossings(self, level: float) -> list[float]:
        prices = self.grid()
        signs = np.sign(self.values(prices) - level)
        found = [float(price) for price, sign in zip(prices, signs, strict=True) if sign == 0]
        found += [
            self._root(level, prices[number], prices[number + 1])
            for number in np.flatnonzero(signs[:-1] * signs[1:] < 0)
        ]
        return sorted(found)

    def _root(self, level: float, low: float, high: float) -> float:
        root: float = brentq(
            lambda price: float(self.values(np.array([price]))[0]) - level, low, high, xtol=1e-9
        )
        return root


def model_profile(
    legs: Sequence[LegModel],
    numeraire: Numeraire,
    *,
    entry_index: float,
    cost_coin: float,
    cost_usd: float,
    total_vol: float,
) -> ModelProfile:
    """Profit by index price of legs of several expiries, or at a date before expiry.

    cost_coin, cost_usd : premium and fees paid at entry, converted as `Numeraire` says
    total_vol : σ√T to the last expiry; the search reaches `RANGE_SIGMAS` of it beyond all strikes
    """

    def profit(prices: FloatArray) -> FloatArray:
        coin, usd = np.zeros_like(prices), np.zeros_like(prices)
        for leg in legs:
            leg_coin, leg_usd = leg_values(leg, prices)
            coin, usd = coin + leg_coin, usd + leg_usd
        match numeraire:
            case Numeraire.COIN:
                return coin + usd / prices - cost_coin - cost_usd / entry_index
            case Numeraire.USD:
                return coin * prices + usd - cost_coin * entry_index - cost_usd
            case Numeraire.USD_MARKED:
                return (coin - cost_coin) * prices + usd - cost_usd

    strikes = sorted({float(leg.terms.strike) for leg in legs if leg.terms.is_option})
    reach = math.exp(min(RANGE_SIGMAS * max(total_vol, 0.05), 5.0))
    marks = [entry_index, *strikes]
    return ModelProfile(
        function=profit,
        knots=tuple(strikes),
        low=min(marks) / reach,
        high=max(marks) * reach,
    )
