"""Tests of a series of exceptions: how many (Kupiec), whether they cluster (Christoffersen), zones.

    uc = −2 ln[(1 − p)^(n−x) pˣ / ((1 − x/n)^(n−x) (x/n)ˣ)]          χ²(1), Kupiec 1995
    ind = −2 ln[L(π) / L(π₀₁, π₁₁)] over the n − 1 transitions        χ²(1), Christoffersen 1998
    cc = uc + ind                                                     χ²(2)

with 0⁰ = 1, so that no exception at all has an answer. Pure; `var_backtest` makes the series.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from quantdesk.errors import InvalidInput

SIGNIFICANCE = 0.05
BASEL_DAYS = 250
BASEL_PROBABILITY = 0.01
BASEL_GREEN_MAX, BASEL_YELLOW_MAX = 4, 9


class BaselZone(Enum):
    """Exceptions in 250 days at 99 %: to 4 green, to 9 yellow, more red."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


@dataclass(frozen=True, slots=True, kw_only=True)
class LikelihoodRatio:
    """A statistic and the probability of one at least as large where the null holds."""

    statistic: float
    p_value: float

    @property
    def is_rejected(self) -> bool:
        """Whether the null is rejected at SIGNIFICANCE."""
        return self.p_value < SIGNIFICANCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Transitions:
    """Days without (0) or with (1) an exception, by what the day before was: n01 is 0 then 1."""

    n00: int
    n01: int
    n10: int
    n11: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionTests:
    """What a series of exceptions says of the probability it should have had.

    uc, ind, cc : unconditional coverage, independence, both
    zone : of the last 250 days at 99 %; None for another probability or fewer days
    """

    days: int
    exceptions: int
    expected: float
    uc: LikelihoodRatio
    ind: LikelihoodRatio
    cc: LikelihoodRatio
    transitions: Transitions
    zone: BaselZone | None

    @property
    def is_rejected(self) -> bool:
        """Whether coverage, independence or both together are rejected."""
        return bool(self.rejected_by)

    @property
    def rejected_by(self) -> tuple[str, ...]:
        """What is rejected, each at SIGNIFICANCE: coverage, independence, both together."""
        found = {"coverage": self.uc, "independence": self.ind, "both together": self.cc}
        return tuple(name for name, ratio in found.items() if ratio.is_rejected)


def examine_exceptions(exceptions: Sequence[bool], probability: float) -> ExceptionTests:
    """Kupiec's and Christoffersen's tests of a series that should be true with `probability`.

    Raises InvalidInput for a probability outside 0 to 1 or fewer than two days.
    """
    if not 0 < probability < 1:
        raise InvalidInput("probability", probability, "must be between 0 and 1")
    hits = [bool(one) for one in exceptions]
    if len(hits) < 2:
        raise InvalidInput("exceptions", len(hits), "must be of at least two days")
    moves = _transitions(hits)
    uc = kupiec(len(hits), sum(hits), probability)
    ind = _independence(moves)
    both = uc.statistic + ind.statistic
    return ExceptionTests(
        days=len(hits),
        exceptions=sum(hits),
        expected=len(hits) * probability,
        uc=uc,
        ind=ind,
        # χ² with two degrees of freedom is exponential.
        cc=LikelihoodRatio(statistic=both, p_value=math.exp(-both / 2)),
        transitions=moves,
        zone=_zone(hits, probability),
    )


def kupiec(days: int, exceptions: int, probability: float) -> LikelihoodRatio:
    """Test of unconditional coverage. Raises InvalidInput for counts that do not fit."""
    if not 0 <= exceptions <= days or days < 1:
        raise InvalidInput("exceptions", exceptions, f"must be from 0 to the {days} days")
    if not 0 < probability < 1:
        raise InvalidInput("probability", probability, "must be between 0 and 1")
    calm = days - exceptions
    share = exceptions / days
    return _ratio(_log_likelihood(calm, exceptions, probability), calm, exceptions, share)


def _ratio(null: float, calm: int, exceptions: int, share: float) -> LikelihoodRatio:
    return _chi_square_1(-2.0 * (null - _log_likelihood(calm, exceptions, share)))


def _independence(moves: Transitions) -> LikelihoodRatio:
    calm, hits = moves.n00 + moves.n10, moves.n01 + moves.n11
    null = _log_likelihood(calm, hits, _share(calm, hits))
    after_calm = _log_likelihood(moves.n00, moves.n01, _share(moves.n00, moves.n01))
    after_hit = _log_likelihood(moves.n10, moves.n11, _share(moves.n10, moves.n11))
    return _chi_square_1(-2.0 * (null - after_calm - after_hit))


def _chi_square_1(statistic: float) -> LikelihoodRatio:
    # Rounding may leave a nothing below nought.
    value = max(statistic, 0.0)
    return LikelihoodRatio(statistic=value, p_value=math.erfc(math.sqrt(value / 2.0)))


def _log_likelihood(calm: int, hits: int, probability: float) -> float:
    """ln[(1 − p)^calm · p^hits] with 0⁰ = 1."""
    left = calm * math.log1p(-probability) if calm else 0.0
    return left + (hits * math.log(probability) if hits else 0.0)


def _share(calm: int, hits: int) -> float:
    return hits / (calm + hits) if calm + hits else 0.0


def _transitions(hits: Sequence[bool]) -> Transitions:
    counts = [0, 0, 0, 0]
    for before, after in itertools.pairwise(hits):
        counts[2 * before + after] += 1
    return Transitions(n00=counts[0], n01=counts[1], n10=counts[2], n11=counts[3])


def _zone(hits: Sequence[bool], probability: float) -> BaselZone | None:
    if len(hits) < BASEL_DAYS or abs(probability - BASEL_PROBABILITY) > 1e-9:
        return None
    count = sum(hits[-BASEL_DAYS:])
    if count <= BASEL_GREEN_MAX:
        return BaselZone.GREEN
    return BaselZone.YELLOW if count <= BASEL_YELLOW_MAX else BaselZone.RED
