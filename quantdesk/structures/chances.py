"""Chances of a structure under named laws: profit, expectation, spread of outcomes, touching."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from quantdesk import pricing
from quantdesk.structures.laws import Law
from quantdesk.structures.model_profile import ModelProfile
from quantdesk.structures.profile import Profile, Shape

PERCENTILES = (5, 25, 50, 75, 95)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a law says of the profit in one numeraire, after fees.

    profit_probability : that the profit is above 0
    expected : mean profit
    percentiles : profit at each of `PERCENTILES`
    """

    profit_probability: float
    expected: float
    percentiles: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LawOutcomes:
    """One law and what it says in coin and in USD."""

    law: str
    coin: Outcome
    usd: Outcome


def outcome(profile: Profile | ModelProfile, law: Law) -> Outcome:
    """The profit of `profile` under `law`. Probabilities are exact on the intervals of profit."""
    edges = np.array(profile.intervals_above()).reshape(-1, 2)
    probability = float((law.cdf(edges[:, 1]) - law.cdf(edges[:, 0])).sum())
    profits = profile.values(law.quantiles())
    spread = np.percentile(profits, PERCENTILES)
    return Outcome(
        profit_probability=min(max(probability, 0.0), 1.0),
        expected=_expected(profile, law) if isinstance(profile, Profile) else float(profits.mean()),
        percentiles=tuple(float(value) for value in spread),
    )


def _expected(profile: Profile, law: Law) -> float:
    """Mean profit from the two moments of each piece: no sampling."""
    edges = np.array([0.0, *(float(knot) for knot in profile.knots), math.inf])
    x0 = np.array([float(piece.x0) for piece in profile.pieces])
    x1 = np.array([float(piece.x1) for piece in profile.pieces])
    power = 1 if profile.shape is Shape.DIRECT else -1
    return float(x0 @ law.moment(0, edges) + x1 @ law.moment(power, edges))


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchChance:
    """Probability that the price touches `level` USD before the horizon."""

    level: float
    probability: float


def touch_chances(
    levels: Sequence[float], *, spot: float, forward: float, years: float, vol: float
) -> tuple[TouchChance, ...]:
    """Touching each level, by the exact reflection formula of a lognormal path.

    levels : USD, above 0;  vol : fraction;  years : to the horizon
    """
    if not levels:
        return ()
    wanted = np.array(sorted(set(levels)))
    found = pricing.touch_probability(spot, wanted, years, vol, forward)
    return tuple(
        TouchChance(level=float(level), probability=float(probability))
        for level, probability in zip(wanted, found, strict=True)
    )
