"""What every check is: maintained arrays over slots, and an answer to one ticket.

A check is a file beside this one and a line in the list of `quantdesk.risk.checks`. It takes the
limits of its measures, keeps what it needs when positions and orders change, and answers a trial
with findings. The same answers serve review, largest size and table.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from quantdesk.market.chain import FloatArray
from quantdesk.risk.limits.cells import Cell, CellMap, Slot
from quantdesk.risk.limits.findings import Finding, Level, Use, allowed
from quantdesk.risk.limits.limit import Filters, Limit, Measure
from quantdesk.risk.limits.trial import Result, Trial


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bound:
    """By how much a ticket can raise the cells of a check at most, and what they have left.

    steepest, square : (slots, cells) of a unit, and of the square of its size, None for none
    room : (cells,) to the tightest level; −∞ where something can not be told
    """

    steepest: FloatArray
    square: FloatArray | None = None
    room: FloatArray


def without_room(room: FloatArray, has_blind: bool) -> FloatArray:
    """`room`, none at all where something can not be told."""
    return np.full_like(room, -np.inf) if has_blind else room


class Check(ABC):
    """Base of the checks. The gate calls `rebuild` before it asks or tells anything of slots.

    name : in words;  measures : whose limits it takes
    """

    name: ClassVar[str]
    measures: ClassVar[tuple[Measure, ...]]

    def __init__(self, limits: Sequence[tuple[int, Limit]]) -> None:
        self.map = CellMap(limits)
        self.slots: Sequence[Slot] = ()

    @property
    def has_limits(self) -> bool:
        """False where none of the limits handed in is for it."""
        return self.map.has_limits

    @property
    def cells(self) -> Sequence[Cell]:
        """Its cells, in the order of its arrays."""
        return self.map.cells

    def rebuild(self, slots: Sequence[Slot]) -> None:
        """Take a list of slots that grew, or whose units changed."""
        self.slots = slots

    def learn_levels(self) -> None:
        """Read the cells' levels, for the checks that compare arrays of cells with them."""
        self._hard = self.levels(Level.HARD)
        self._tightest = np.minimum(self._hard, self.levels(Level.SOFT))

    def levels(self, level: Level) -> FloatArray:
        """(cells,) the largest value within each level; infinite where there is none."""
        found = [getattr(cell.limit, level.value) for cell in self.cells]
        return np.array([np.inf if value is None else allowed(value) for value in found])

    def moved(self, slot: Slot) -> None:  # noqa: B027 -- not every check keeps it
        """Take what is held or open of one slot."""

    def sent(self, slot: Slot, now_ns: int) -> None:  # noqa: B027 -- not every check keeps it
        """Take that an order of `slot` was sent."""

    def learned(self, results: dict[Filters, Result]) -> None:  # noqa: B027 -- not every check keeps it
        """Take results of scopes."""

    def bound(self) -> Bound | None:
        """Within which `review` finds nothing; None for a check that must be asked every time."""
        return None

    @abstractmethod
    def review(self, trial: Trial) -> Sequence[Finding]:
        """Levels that `trial` would pass, hard and soft; empty where it passes."""

    @abstractmethod
    def uses(self, now_ns: int) -> Sequence[Use]:
        """What each cell uses now; empty for checks that look at one order only."""
