"""Losses by scenario, each open order filled only where it hurts: the base of stress loss and VaR.

    W(s) = P&L of the positions in s + Σ over open orders min(0, P&L of the order in s)

Arrays are (cells, scenarios).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np

from quantdesk.market.chain import BoolArray, FloatArray
from quantdesk.risk.checks.check import Bound, Check, without_room
from quantdesk.risk.checks.closing import blind_beyond_closing
from quantdesk.risk.limits.cells import Slot
from quantdesk.risk.limits.findings import Finding, Level, Use
from quantdesk.risk.limits.trial import Trial

NOISE_USD = 1e-9
"""A smaller loss is one of rounding and makes no scenario worse."""

NOTHING_SAID = "a scenario says nothing of its underlying"


class ScenarioLosses(Check):
    """Base of the checks on scenarios; `losses` says which vectors, subclasses what is compared."""

    @abstractmethod
    def losses(self, slot: Slot) -> FloatArray:
        """USD P&L (scenarios,) of a unit."""

    @property
    def scenarios_count(self) -> int:
        """How many scenarios there are before there is a slot to tell."""
        return 0

    def rebuild(self, slots: Sequence[Slot]) -> None:
        """P&L of a unit of each slot in each scenario, by cell."""
        super().rebuild(slots)
        self._mask = self.map.mask()
        width = len(self.losses(slots[0])) if len(slots) else self.scenarios_count
        units = np.array([self.losses(slot) for slot in slots]).reshape(len(slots), width)
        self._is_blind_row = np.isnan(units).any(axis=1)
        units = np.where(np.isnan(units), 0.0, units)
        self._units = self._mask[:, :, None] * units[:, None, :]
        self._most = np.abs(self._units).max(axis=2, initial=0.0)
        self._gains, self._harms = np.maximum(self._units, 0.0), np.minimum(self._units, 0.0)
        self.learn_levels()
        self._sum()

    def moved(self, slot: Slot) -> None:
        """Sum anew."""
        self._sum()

    def _sum(self) -> None:
        held = np.array([slot.held for slot in self.slots])
        buys = np.array([slot.buys for slot in self.slots])
        sells = np.array([slot.sells for slot in self.slots])
        shape = self._units.shape[1:]
        flat = (len(self.slots), -1) if len(self.slots) else (0, int(np.prod(shape)))
        self.position = (held @ self._units.reshape(flat)).reshape(shape)
        hurt = buys @ self._harms.reshape(flat) + sells @ self._gains.reshape(flat)
        self.worst = self.position + hurt.reshape(shape)
        self._room = self._tightest - self._reach()
        is_open = (held != 0) | (buys != 0) | (sells != 0)
        blind = is_open & self._is_blind_row
        self._is_blind = (blind[:, None] & self._mask).any(axis=0)
        self._has_blind = bool(self._is_blind_row.any())

    def _reach(self) -> FloatArray:
        """(cells,) what the measure can not be above now, USD."""
        return np.asarray(np.maximum(-self.worst, 0.0).max(axis=1, initial=0.0))

    def bound(self) -> Bound:
        """No scenario of a cell loses more than the unit's worst."""
        return Bound(steepest=self._most, room=without_room(self._room, self._has_blind))

    def added(self, trial: Trial) -> FloatArray:
        """(cells, scenarios) what the ticket's legs lose where each fills only where it hurts."""
        parts = trial.quantity[:, None, None] * self._units[trial.rows]
        return np.asarray(np.minimum(parts, 0.0).sum(axis=0))

    def blind(self, trial: Trial) -> BoolArray:
        """(cells,) where a position or a leg has no P&L in some scenario, and more is done than
        to close what has none.
        """
        touched = self._mask[trial.rows]
        unknown = self._mask & self._is_blind_row[:, None]
        blind: BoolArray = np.asarray(
            self._is_blind & touched.any(axis=0) | unknown[trial.rows].any(axis=0)
        )
        return blind_beyond_closing(blind, unknown, trial, self.map, self.slots)

    def finding(
        self, place: int, now: float | None, after: float | None, detail: str = ""
    ) -> Finding:
        """A finding at the level that `after` passes; hard where it is unknown."""
        cell = self.cells[place]
        is_hard = cell.limit.hard is not None and (after is None or after > self._hard[place])
        return Finding(
            cell=cell,
            level=Level.HARD if is_hard else Level.SOFT,
            now=now,
            after=after,
            limit=cell.limit.hard if is_hard else cell.limit.soft,
            detail=detail,
        )

    def blindness(self, place: int, slots: Sequence[Slot] = ()) -> str:
        """Why a cell can not be told."""
        for slot in (*slots, *(one for one in self.slots if not one.is_empty)):
            if self._is_blind_row[slot.number] and self._mask[slot.number, place]:
                reason = slot.unit.reason or NOTHING_SAID
                return f"{slot.instrument.name} can not be revalued: {reason}"
        return "a position can not be revalued"

    @abstractmethod
    def value(self, place: int) -> float | None:
        """The measure of a cell now, with open orders; None where it is not available."""

    def uses(self, now_ns: int) -> Sequence[Use]:
        """The measure of each cell, with open orders."""
        found = []
        for place, cell in enumerate(self.cells):
            value = None if self._is_blind[place] else self.value(place)
            detail = self.blindness(place) if self._is_blind[place] else self.detail(place)
            found.append(Use(cell=cell, value=value, detail=detail))
        return found

    def detail(self, place: int) -> str:
        """What is to be said beside the value."""
        return ""
