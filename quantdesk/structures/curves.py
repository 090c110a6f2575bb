"""Profit by price of the underlying: at the horizon, and at any earlier date by revaluation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from quantdesk.domain.times import format_instant
from quantdesk.errors import InvalidInput
from quantdesk.market.chain import FloatArray
from quantdesk.market.market_data import UnderlyingMarket
from quantdesk.structures.analysis import StructureAnalysis
from quantdesk.structures.horizon import (
    Horizon,
    entry_costs,
    leg_models,
    profit_maker,
)
from quantdesk.structures.model_profile import ModelProfile, Revaluation, search_range
from quantdesk.structures.payoff import Numeraire
from quantdesk.structures.profile import Profile
from quantdesk.structures.terms import leg_terms

POINTS = 161
SIGMAS = 3.0
MARGIN = 0.03


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """Profit by index price at one date, before fees.

    at_ns : the date;  is_exact : from strikes and slopes, else revalued at unchanged vols
    coin, usd : float64 (n,), on the prices asked for
    """

    at_ns: int
    name: str
    is_exact: bool
    coin: FloatArray
    usd: FloatArray


def curve_prices(analysis: StructureAnalysis, points: int = POINTS) -> FloatArray:
    """Prices (n,) USD that show the structure: 3σ around the index and every strike and breakeven.

    Every strike is one of them, so that kinks are sharp.
    """
    horizon = analysis.horizon
    index = float(analysis.index)
    reach = SIGMAS * (horizon.last_vol or 0.5) * math.sqrt(max(horizon.years, 1 / 365))
    low, high = index * math.exp(-reach), index * math.exp(reach)
    marks = [*horizon.strikes, index]
    for summary in analysis.payoff.values():
        marks += [price for price in summary.breakevens if low / 2 < price < high * 2]
    low, high = min(low, *marks) * (1 - MARGIN), max(high, *marks) * (1 + MARGIN)
    return np.unique(np.concatenate([np.linspace(low, high, points), marks]))


def horizon_curve(
    analysis: StructureAnalysis, market: UnderlyingMarket, prices: FloatArray
) -> Curve:
    """Profit at the horizon. Raises InvalidInput where a leg has no price, or nothing expires."""
    horizon = analysis.horizon
    entries = [price for price in analysis.prices if price is not None]
    if len(entries) < len(analysis.prices):
        raise InvalidInput("legs", "; ".join(analysis.excluded), "all need a price for a payoff")
    maker = profit_maker(analysis.quotes, entries, market, horizon, index=analysis.index)
    at_ns = horizon.expiry_ns or analysis.as_of_ns
    name = f"at {horizon.code}" if horizon.code else "at any date"
    return _curve(at_ns, name, maker.profile(Numeraire.COIN), maker.profile(Numeraire.USD), prices)


def date_curve(
    analysis: StructureAnalysis, market: UnderlyingMarket, prices: FloatArray, at_ns: int
) -> Curve:
    """Profit at a date from the market's moment to the horizon: every leg revalued.

    Vols stay by strike, forwards keep their ratio to the index. Raises InvalidInput for a date
    outside, and where a leg has no price or vol.
    """
    horizon = analysis.horizon
    last = horizon.expiry_ns or at_ns
    if not analysis.as_of_ns <= at_ns <= last:
        rule = f"must be from {format_instant(analysis.as_of_ns)} to {format_instant(last)}"
        raise InvalidInput("date", format_instant(at_ns), rule)
    if at_ns == horizon.expiry_ns:
        return horizon_curve(analysis, market, prices)
    entries = [price for price in analysis.prices if price is not None]
    if len(entries) < len(analysis.prices):
        raise InvalidInput("legs", "; ".join(analysis.excluded), "all need a price for a payoff")
    terms = [
        leg_terms(quote.leg, price) for quote, price in zip(analysis.quotes, entries, strict=True)
    ]
    worth = Revaluation(leg_models(analysis.quotes, terms, market, at_ns=at_ns))
    cost_coin, cost_usd = entry_costs(terms)
    low, high = search_range(worth.legs, entry_index=float(analysis.index), total_vol=1.0)
    coin, usd = (
        ModelProfile(
            worth=worth,
            numeraire=numeraire,
            entry_index=float(analysis.index),
            cost_coin=cost_coin,
            cost_usd=cost_usd,
            knots=horizon.strikes,
            low=low,
            high=high,
        )
        for numeraire in (Numeraire.COIN, Numeraire.USD)
    )
    name = "today" if at_ns == analysis.as_of_ns else format_instant(at_ns)
    return _curve(at_ns, name, coin, usd, prices)


def _curve(
    at_ns: int,
    name: str,
    coin: Profile | ModelProfile,
    usd: Profile | ModelProfile,
    prices: FloatArray,
) -> Curve:
    return Curve(
        at_ns=at_ns,
        name=name,
        is_exact=isinstance(coin, Profile),
        coin=coin.values(prices),
        usd=usd.values(prices),
    )


def sigma_band(
    horizon: Horizon, index: float, sigmas: Sequence[float]
) -> list[tuple[float, float]]:
    """(low, high) USD of index·exp(∓nσ√T) for each n; empty where no vol or expiry is known."""
    if horizon.last_vol is None or horizon.years <= 0:
        return []
    step = horizon.last_vol * math.sqrt(horizon.years)
    return [(index * math.exp(-n * step), index * math.exp(n * step)) for n in sigmas]
