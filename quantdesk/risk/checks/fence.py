"""One look at all that checks sum: whether a ticket could pass any of their levels at all.

    growth   Σ size·steepest + n·Σ size²·square over the ticket's n legs, by cell
    room     from what a cell has reached to its tightest level

A cell can not grow by more, however the ticket fills, so that a check all of whose cells have room
has nothing to find. Most tickets end here, in one product for all checks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from quantdesk.market.chain import FloatArray
from quantdesk.risk.checks.check import Bound, Check
from quantdesk.risk.limits.trial import Trial


class Fence:
    """The bounds of `checks`, side by side; `settle` takes them anew."""

    def __init__(self, checks: Sequence[Check]) -> None:
        self._checks = tuple(checks)
        self._bounds: tuple[Bound, ...] = ()
        self._unbound: tuple[Check, ...] = self._checks
        self._unbound_numbers: frozenset[int] = frozenset(range(len(self._checks)))
        self._square: FloatArray | None = None

    def settle(self) -> None:
        """Take the bounds of the checks as they are now."""
        found = [(number, check.bound()) for number, check in enumerate(self._checks)]
        self._unbound_numbers = frozenset(number for number, bound in found if bound is None)
        self._unbound = tuple(self._checks[number] for number in sorted(self._unbound_numbers))
        known = [(number, bound) for number, bound in found if bound is not None]
        self._bounds = bounds = tuple(bound for _, bound in known)
        if not bounds:
            return
        numbers = np.array([number for number, _ in known], dtype=np.int64)
        # The number of the check that each cell is of.
        self._owner = np.repeat(numbers, [bound.room.size for bound in bounds])
        self._steepest = np.concatenate([bound.steepest for bound in bounds], axis=1)
        self._room = np.concatenate([bound.room for bound in bounds])
        self._square = None
        if any(bound.square is not None for bound in bounds):
            squares = [
                np.zeros_like(bound.steepest) if bound.square is None else bound.square
                for bound in bounds
            ]
            self._square = np.concatenate(squares, axis=1)

    def to_ask(self, trial: Trial) -> Sequence[Check]:
        """The checks that may find something, in their order."""
        if not self._bounds:
            return self._unbound
        growth = trial.size @ self._steepest[trial.rows]
        if self._square is not None:
            squares = trial.size * trial.size * trial.size.size
            growth += squares @ self._square[trial.rows]
        has_room = growth <= self._room
        if has_room.all():
            return self._unbound
        near = self._unbound_numbers.union(self._owner[~has_room].tolist())
        return tuple(check for number, check in enumerate(self._checks) if number in near)
