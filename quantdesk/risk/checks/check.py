"""What every check is: maintained arrays over slots, and an answer to one ticket.

A check is a file beside this one and a line in the list of `quantdesk.risk.checks`. It takes the
limits of its measures, keeps what it needs when positions and orders change, and answers a trial
with findings. The same answers serve review, largest size and table.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from quantdesk.risk.limits.cells import Cell, CellMap, Slot
from quantdesk.risk.limits.findings import Finding, Use
from quantdesk.risk.limits.limit import Filters, Limit, Measure
from quantdesk.risk.limits.trial import Result, Trial


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

    def moved(self, slot: Slot) -> None:  # noqa: B027 -- not every check keeps it
        """Take what is held or open of one slot."""

    def sent(self, slot: Slot, now_ns: int) -> None:  # noqa: B027 -- not every check keeps it
        """Take that an order of `slot` was sent."""

    def learned(self, results: dict[Filters, Result]) -> None:  # noqa: B027 -- not every check keeps it
        """Take results of scopes."""

    @abstractmethod
    def review(self, trial: Trial) -> Sequence[Finding]:
        """Levels that `trial` would pass, hard and soft; empty where it passes."""

    @abstractmethod
    def uses(self, now_ns: int) -> Sequence[Use]:
        """What each cell uses now; empty for checks that look at one order only."""
