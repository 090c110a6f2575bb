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
from quantdesk.risk.checks.check import Check
from quantdesk.risk.limits.trial import Trial


class Fence:
    """The bounds of `checks`, side by side; `settle` takes them anew."""

    def __init__(self, checks: Sequence[Check]) -> None:
        self._checks = tuple(checks)
        self._open: tuple[Check, ...] = self._checks
        self._fenced: list[tuple[Check, slice]] = []
        self._square: FloatArray | None = None

    def settle(self) -> None:
        """Take the bounds of the checks as they are now."""
        bounds = [(check, check.bound()) for check in self._checks]
        self._open = tuple(check for check, bound in bounds if bound is None)
        known = [(check, bound) for check, bound in bounds if bound is not None]
        self._fenced = []
        if not known:
            return
        place = 0
        for check, bound in known:
            self._fenced.append((check, slice(place, place + bound.room.size)))
            place += bound.room.size
        self._steepest = np.concatenate([bound.steepest for _, bound in known], axis=1)
        self._room = np.concatenate([bound.room for _, bound in known])
        squares = [
            np.zeros_like(bound.steepest) if bound.square is None else bound.square
            for _, bound in known
        ]
        has_squares = any(bound.square is not None for _, bound in known)
        self._square = np.concatenate(squares, axis=1) if has_squares else None

    def to_ask(self, trial: Trial) -> Sequence[Check]:
        """The checks that may find something, in their order."""
        if not self._fenced:
            return self._open
        growth = trial.size @ self._steepest[trial.rows]
        if self._square is not None:
            squares = trial.size * trial.size * trial.size.size
            growth += squares @ self._square[trial.rows]
        has_room = growth <= self._room
        if has_room.all():
            return self._open
        near = {id(check) for check, cells in self._fenced if not has_room[cells].all()}
        unfenced = {id(check) for check in self._open}
        return tuple(check for check in self._checks if id(check) in near | unfenced)
