"""A scenario: what happens to index, forwards, vols, time and stablecoins, by named rules.

Values only; `revaluation` applies them. A spot move scales the index and all forwards of the
underlying by the same factor; basis, vol and time are moves of their own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from quantdesk.errors import InvalidInput

SPOT_MOVE_MIN = -1.0
MOVE_MAX = 100.0
DAYS_MAX = 36_500.0


class VolUnit(Enum):
    """POINTS: added to each vol, 0.10 is ten points. RELATIVE: 0.10 is a tenth of each vol more."""

    POINTS = "points"
    RELATIVE = "relative"


class VolTenor(Enum):
    """PARALLEL: the same move for each expiry. SQRT_30D: times √(30/d), d days, at least 1."""

    PARALLEL = "parallel"
    SQRT_30D = "sqrt-30d"


class SmileRule(Enum):
    """What the smile does when spot moves.

    STICKY_STRIKE: a strike keeps its vol. STICKY_DELTA: a moneyness K/F keeps it. SURFACE: the
    smile's own skew carries on, as in a local-vol model of short expiries: the vol of a strike
    moves as far again as its moneyness did (skew-stickiness ratio 2; 1 and 0 are the others).
    """

    STICKY_STRIKE = "sticky-strike"
    STICKY_DELTA = "sticky-delta"
    SURFACE = "surface"

    @property
    def slide(self) -> float:
        """How far the smile moves with ln F, in units of that move: 0, 1 and −1."""
        return {"sticky-strike": 0.0, "sticky-delta": 1.0, "surface": -1.0}[self.value]


@dataclass(frozen=True, slots=True, kw_only=True)
class VolRule:
    """How a vol move is read, and what spot does to the smile."""

    unit: VolUnit = VolUnit.POINTS
    tenor: VolTenor = VolTenor.PARALLEL
    smile: SmileRule = SmileRule.STICKY_STRIKE

    def __str__(self) -> str:
        return f"{self.unit.value}, {self.tenor.value}, {self.smile.value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What happens to one underlying.

    spot : relative move of index and forwards; −0.2 is a fifth down, above −1
    vol : by the scenario's `VolRule`; a vol below 0 is taken as 0
    basis : added to the annual rate between index and each dated forward; F·exp(basis·years left)
    skew : vol points added for each unit of ln(K/F)·√(30/d): −0.10 lifts a strike a tenth below the
        forward by one point at 30 days, and the same delta of other expiries about as much
    term : vol points added times √(30/d) − 1, d days, at least 1: nothing at 30 days, more before
    """

    spot: float = 0.0
    vol: float = 0.0
    basis: float = 0.0
    skew: float = 0.0
    term: float = 0.0

    def __post_init__(self) -> None:
        for name in ("spot", "vol", "basis", "skew", "term"):
            value = getattr(self, name)
            if not (math.isfinite(value) and abs(value) <= MOVE_MAX):
                raise InvalidInput(name, value, f"must be a number of at most {MOVE_MAX:g}")
        if self.spot <= SPOT_MOVE_MIN:
            raise InvalidInput("spot", self.spot, "must be above -1: a price stays above 0")


STILL = Move()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A named set of moves.

    move : of every underlying that `by_underlying` does not name; None where nothing is known of
        the others, whose results are then left out
    days : that pass; a leg that expires on the way settles on the scenario's index and protects
        nothing after. Forwards keep their level
    stable_move : relative move of dollar stablecoins against the dollar (−0.05: worth 0.95); the
        coin's price in them rises by what they lose
    source : where the moves come from
    """

    name: str
    move: Move | None = STILL
    by_underlying: Mapping[str, Move] = field(default_factory=dict)
    rule: VolRule = VolRule()
    days: float = 0.0
    stable_move: float = 0.0
    source: str = ""

    def __post_init__(self) -> None:
        if not self.name:
            raise InvalidInput("name", self.name, "must not be empty")
        if not (math.isfinite(self.days) and 0 <= self.days <= DAYS_MAX):
            raise InvalidInput("days", self.days, f"must be from 0 to {DAYS_MAX:g}")
        if not (math.isfinite(self.stable_move) and -1 < self.stable_move <= MOVE_MAX):
            raise InvalidInput("stable_move", self.stable_move, "must be a number above -1")

    def move_of(self, underlying: str) -> Move | None:
        """The move of `underlying`; None where the scenario knows none."""
        return self.by_underlying.get(underlying, self.move)
