"""Net Greeks, notional and contracts: position plus all that would raise it, and plus all that
would lower it, each alone.

A leg that raises a measure may only fill as far as the upper side stays within the limit, one that
lowers it as far as the lower side does. So an order passes a breach exactly where no fill between
nothing and its whole size takes |measure| further out, on either side.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from quantdesk.market.chain import BoolArray
from quantdesk.risk.checks.check import Bound, Check, without_room
from quantdesk.risk.checks.closing import blind_beyond_closing
from quantdesk.risk.limits.cells import Slot
from quantdesk.risk.limits.contract_words import contract_words_of
from quantdesk.risk.limits.findings import Finding, Level, Use, number_words, unknown_finding
from quantdesk.risk.limits.limit import Measure
from quantdesk.risk.limits.trial import Trial
from quantdesk.risk.limits.units import COLUMNS, column_of


class NetExposure(Check):
    """Sums that keep their signs."""

    name: ClassVar[str] = "net exposure"
    measures: ClassVar[tuple[Measure, ...]] = tuple(one for one in Measure if one.is_net)

    def rebuild(self, slots: Sequence[Slot]) -> None:
        """Rows (slots, cells) of what a unit adds, and the levels."""
        super().rebuild(slots)
        units = np.array([slot.unit.row for slot in slots]).reshape(len(slots), len(COLUMNS))
        raw = units[:, [column_of(cell.limit) for cell in self.cells]]
        self._mask = self.map.mask()
        raw = np.where(self._mask, raw, 0.0)
        self._is_blind_row = np.isnan(raw)
        self._rows = np.where(self._is_blind_row, 0.0, raw)
        self._most = np.abs(self._rows)
        self._raising = np.maximum(self._rows, 0.0)
        self._lowering = np.minimum(self._rows, 0.0)
        self.learn_levels()
        self._contracts = contract_words_of(self.map, slots)
        self._sum()

    def moved(self, slot: Slot) -> None:
        """Sum anew: sums that are only added to drift."""
        self._sum()

    def _sum(self) -> None:
        held = np.array([slot.held for slot in self.slots])
        buys = np.array([slot.buys for slot in self.slots])
        sells = np.array([slot.sells for slot in self.slots])
        self.position = held @ self._rows
        self.high = self.position + buys @ self._raising + sells @ self._lowering
        self.low = self.position + buys @ self._lowering + sells @ self._raising
        self._room = self._tightest - np.maximum(np.abs(self.high), np.abs(self.low))
        is_open = (held != 0) | (buys != 0) | (sells != 0)
        self._is_blind = (is_open[:, None] & self._is_blind_row).any(axis=0)
        self._has_blind = bool(self._is_blind_row.any())

    def bound(self) -> Bound:
        """Whatever the sides, no sum grows by more."""
        return Bound(steepest=self._most, room=without_room(self._room, self._has_blind))

    def review(self, trial: Trial) -> Sequence[Finding]:
        """Sides that would pass a level."""
        parts = trial.quantity[:, None] * self._rows[trial.rows]
        raised = np.add.reduce(np.maximum(parts, 0.0))
        lowered = np.add.reduce(np.minimum(parts, 0.0))
        high, low = self.high + raised, self.low + lowered
        tightest = self._tightest
        bad = ((raised > 0) & (high > tightest)) | ((lowered < 0) & (low < -tightest))
        if self._has_blind:
            bad |= self._blind(trial)
        if not bad.any():
            return ()
        found: list[Finding] = []
        blind = self._blind(trial) if self._has_blind else np.zeros(len(bad), dtype=np.bool_)
        for place in np.flatnonzero(bad).tolist():
            if blind[place]:
                found.append(self._unknown(place, trial))
                continue
            # The side that ends further out is the one to tell of.
            sides = []
            if raised[place] > 0:
                sides.append((high[place], self.high[place], raised[place]))
            if lowered[place] < 0:
                sides.append((-low[place], -self.low[place], -lowered[place]))
            after, now, _ = max(sides)
            sign = 1.0 if raised[place] > 0 and after == high[place] else -1.0
            found.append(self._finding(place, float(now * sign), float(after * sign)))
        return found

    def _blind(self, trial: Trial) -> BoolArray:
        blind: BoolArray = np.asarray(
            self._is_blind & self._mask[trial.rows].any(axis=0)
            | self._is_blind_row[trial.rows].any(axis=0)
        )
        return blind_beyond_closing(blind, self._is_blind_row, trial, self.map, self.slots)

    def _finding(self, place: int, now: float, after: float) -> Finding:
        is_hard = abs(after) > self._hard[place]
        cell = self.cells[place]
        held = float(self.position[place])
        orders = number_words(now - held, with_sign=True)
        details = ("" if now == held else f"of which open orders {orders}", self._contracts[place])
        return Finding(
            cell=cell,
            level=Level.HARD if is_hard else Level.SOFT,
            now=now,
            after=after,
            limit=cell.limit.hard if is_hard else cell.limit.soft,
            detail="; ".join(one for one in details if one),
        )

    def _unknown(self, place: int, trial: Trial) -> Finding:
        slots = [*trial.slots, *(slot for slot in self.slots if not slot.is_empty)]
        blind = next(slot for slot in slots if self._is_blind_row[slot.number, place])
        return unknown_finding(
            self.cells[place], f"{blind.instrument.name} can not be marked: {blind.unit.reason}"
        )

    def uses(self, now_ns: int) -> Sequence[Use]:
        """The worse of both sides, with its sign."""
        found = []
        for place, cell in enumerate(self.cells):
            high, low = float(self.high[place]), float(self.low[place])
            value = max(abs(high), abs(low))
            side = high if abs(high) >= abs(low) else low
            held = float(self.position[place])
            detail = f"position {number_words(held)}, worst side {number_words(side)}"
            detail = "; ".join(one for one in (detail, self._contracts[place]) if one)
            if self._is_blind[place]:
                found.append(Use(cell=cell, value=None, detail="a position can not be marked"))
            else:
                found.append(Use(cell=cell, value=value, detail=detail))
        return found
