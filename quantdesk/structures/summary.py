"""What is read off a profile: breakevens, the best and the worst, and the sides without bound."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from quantdesk.structures.model_profile import ModelProfile
from quantdesk.structures.profile import PriceSide, Profile

GROWTH = 1.001
"""A model's tail is without bound where its last stretch still grows by more than this factor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoffSummary:
    """Profit at the horizon in one numeraire, before fees.

    max_profit, max_loss : from 0 up; None where `profit_side` or `loss_side` has no bound
    best_at, worst_at : settlement price in USD; None where it is only approached, or has no bound
    is_exact : from strikes and end slopes; else numerical
    """

    breakevens: tuple[float, ...]
    max_profit: float | None
    max_loss: float | None
    best_at: float | None
    worst_at: float | None
    profit_side: PriceSide | None
    loss_side: PriceSide | None
    is_exact: bool


def summarise(profile: Profile | ModelProfile) -> PayoffSummary:
    """The summary of a profile."""
    if isinstance(profile, Profile):
        return _exact(profile)
    return _numerical(profile)


def _exact(profile: Profile) -> PayoffSummary:
    best, worst = profile.best(), profile.worst()
    return PayoffSummary(
        breakevens=tuple(float(price) for price in profile.breakevens()),
        max_profit=None if best.value is None else max(float(best.value), 0.0),
        max_loss=None if worst.value is None else max(-float(worst.value), 0.0),
        best_at=None if best.at is None else float(best.at),
        worst_at=None if worst.at is None else float(worst.at),
        profit_side=best.side if best.value is None else None,
        loss_side=worst.side if worst.value is None else None,
        is_exact=True,
    )


def _numerical(profile: ModelProfile) -> PayoffSummary:
    down, up = _tail(profile, PriceSide.DOWN), _tail(profile, PriceSide.UP)
    sides = {PriceSide.DOWN: down, PriceSide.UP: up}
    profit_side = next((side for side, growth in sides.items() if growth > 0), None)
    loss_side = next((side for side, growth in sides.items() if growth < 0), None)
    best, best_at = profile.extreme(1.0)
    worst, worst_at = profile.extreme(-1.0)
    return PayoffSummary(
        breakevens=profile.breakevens(),
        max_profit=None if profit_side else max(best, 0.0),
        max_loss=None if loss_side else max(-worst, 0.0),
        best_at=None if profit_side else best_at,
        worst_at=None if loss_side else worst_at,
        profit_side=profit_side,
        loss_side=loss_side,
        is_exact=False,
    )


def _tail(profile: ModelProfile, side: PriceSide) -> int:
    """+1 or −1 where profit grows or falls without bound on `side`, else 0.

    Far beyond every strike each leg is a line in D or in 1/D: twice the distance doubles what has
    no bound and leaves alone what has one.
    """
    edge = profile.low if side is PriceSide.DOWN else profile.high
    step = 0.5 if side is PriceSide.DOWN else 2.0
    near, middle, far = profile.values(np.array([edge, edge * step, edge * step * step]))
    first, second = middle - near, far - middle
    if math.isclose(second, 0.0, abs_tol=1e-12) or abs(second) < GROWTH * abs(first):
        return 0
    return 1 if second > 0 else -1
