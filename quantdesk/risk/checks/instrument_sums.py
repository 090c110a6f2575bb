"""Sums over instruments of a convex function of what is held: gross measures, standard margin.

    f(x) = long·x for x > 0, short·|x| for x < 0, plus square·x²

    worst of one instrument   max(f(held + buys), f(held + sells)), since f is convex
    worst of a cell           the sum of them: instruments fill without each other

Over the level, an order passes where no fill of it makes any reachable book larger, the fills past
nothing of an order that turns a position among them: f rises from 0 out, so that this is so where
no instrument ends beyond 0 on the side to which the order moves it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Sequence

import numpy as np

from quantdesk.market.chain import BoolArray, FloatArray, IntArray
from quantdesk.risk.checks.check import Bound, Check, without_room
from quantdesk.risk.checks.closing import blind_beyond_closing, instrument_of
from quantdesk.risk.checks.fill_paths import RISES_AGAIN
from quantdesk.risk.limits.cells import Slot
from quantdesk.risk.limits.findings import Finding, Level, Use, number_words, unknown_finding
from quantdesk.risk.limits.limit import Limit
from quantdesk.risk.limits.trial import Trial


class InstrumentSums(Check):
    """Base of the checks that add by instrument; `weights` says what f is."""

    @abstractmethod
    def weights(self, slot: Slot, limit: Limit) -> tuple[float, float, float]:
        """(long, short, square) of one unit; NaN where it can not be told."""

    def group_of(self, slot: Slot) -> Hashable:
        """What is netted before f is taken: an instrument, whoever holds it."""
        return instrument_of(slot)

    def rebuild(self, slots: Sequence[Slot]) -> None:
        """Group slots by instrument; arrays (instruments, cells)."""
        super().rebuild(slots)
        self._mask = self.map.mask().astype(np.float64)
        keys: dict[Hashable, int] = {}
        self._instrument = np.array(
            [keys.setdefault(self.group_of(slot), len(keys)) for slot in slots], dtype=np.int64
        )
        count, width = len(keys), len(self.cells)
        self._members = [np.flatnonzero(self._instrument == i) for i in range(count)]
        weights = np.zeros((3, count, width))
        for place, rows in enumerate(self._members):
            for column, cell in enumerate(self.cells):
                if self._mask[rows, column].any():
                    weights[:, place, column] = self.weights(slots[int(rows[0])], cell.limit)
        self._is_blind_row: BoolArray = np.asarray(np.isnan(weights).any(axis=0))
        self._long, self._short, self._square = np.where(self._is_blind_row, 0.0, weights)
        self._has_squares = bool(self._square.any())
        self._held = np.zeros((3, count, width))  # held, buys, sells
        for place in range(count):
            self._count(place)
        self._settle()
        self.learn_levels()

    def shown(self, place: int, value: float) -> float | None:
        """A sum in the limit's unit."""
        return value

    def note(self, place: int) -> str:
        """What is to be said beside a sum."""
        return ""

    def moved(self, slot: Slot) -> None:
        """Count the slot's instrument anew."""
        self._count(int(self._instrument[slot.number]))
        self._settle()

    def _count(self, place: int) -> None:
        rows = self._members[place]
        members = [self.slots[row] for row in rows.tolist()]
        parts = np.array([(slot.held, slot.buys, slot.sells) for slot in members])
        self._held[:, place] = parts.T @ self._mask[rows]

    def _settle(self) -> None:
        held, buys, sells = self._held
        self._ends = np.stack([held + buys, held + sells])
        self._at_ends = self._f(slice(None), self._ends)
        self._worst = np.maximum(self._at_ends[0], self._at_ends[1])
        self.total = self._worst.sum(axis=0)
        steepest = np.maximum(self._long, self._short)
        if self._has_squares:
            steepest = steepest + 2.0 * self._square * np.abs(self._ends).max(axis=0)
            self._most_square = self._mask * self._square[self._instrument]
        self._most = self._mask * steepest[self._instrument]
        is_open = (held != 0) | (buys != 0) | (sells != 0)
        self._is_blind: BoolArray = np.asarray((is_open & self._is_blind_row).any(axis=0))
        self._has_blind = bool(self._is_blind_row.any())

    def _f(self, places: slice | IntArray, x: FloatArray) -> FloatArray:
        value: FloatArray = self._long[places] * np.maximum(x, 0.0)
        value -= self._short[places] * np.minimum(x, 0.0)
        return value + self._square[places] * x * x if self._has_squares else value

    def review(self, trial: Trial) -> Sequence[Finding]:
        """Cells whose worst sum would pass a level and would grow."""
        places, traded = self._by_instrument(trial)
        after = self._f(places, self._ends[:, places] + traded)
        worst = self._worst[places]
        more = np.maximum(np.maximum(after[0], after[1]) - worst, 0.0)
        bad = np.asarray(self.total + np.add.reduce(more) > self._tightest, dtype=np.bool_)
        blind = self._blind(trial) if self._has_blind else None
        if blind is not None:
            bad |= blind
        if not bad.any():
            return ()
        found = []
        is_grown = ((self._ends[:, places] + traded) * traded > 0) & (after > 0)
        ends = np.where(is_grown, after, np.nan)
        grown = np.fmax(ends[0], ends[1])
        for place in np.flatnonzero(bad).tolist():
            if blind is not None and blind[place]:
                found.append(unknown_finding(self.cells[place], self.blindness(place, trial.slots)))
                continue
            reached = self._reached(place, grown[:, place], worst[:, place])
            if reached > self._tightest[place]:
                found.append(self._finding(place, float(reached)))
        return found

    def bound(self) -> Bound:
        """By instrument; legs of one add up before they are squared: (Σq)² ≤ n·Σq²."""
        return Bound(
            steepest=self._most,
            square=self._most_square if self._has_squares else None,
            room=without_room(self._tightest - self.total, self._has_blind),
        )

    def _by_instrument(self, trial: Trial) -> tuple[IntArray, FloatArray]:
        """Numbers of the ticket's instruments, and (2, instruments, cells) bought and sold."""
        parts = trial.quantity[:, None] * self._mask[trial.rows]
        traded = np.empty((2, *parts.shape))
        np.maximum(parts, 0.0, out=traded[0])
        np.minimum(parts, 0.0, out=traded[1])
        places = self._instrument[trial.rows]
        if len(set(places.tolist())) < len(places):
            of_leg = places
            places = np.unique(of_leg)
            traded = (places[:, None] == of_leg).astype(np.float64) @ traded
        return places, traded

    def _reached(self, place: int, grown: FloatArray, worst: FloatArray) -> float:
        """The largest sum of a book that the ticket made larger; −∞ where it makes none larger."""
        is_grown = ~np.isnan(grown)
        if not is_grown.any():
            return -np.inf
        more = np.where(is_grown, grown - worst, -np.inf)
        best = np.maximum(more, 0.0).sum()
        if not (more >= 0).any():
            best = more.max()
        return float(self.total[place] + best)

    def _blind(self, trial: Trial) -> BoolArray:
        mask = self._mask > 0
        unknown = self._is_blind_row[self._instrument] & mask
        touched = mask[trial.rows].any(axis=0)
        blind: BoolArray = np.asarray((self._is_blind & touched) | unknown[trial.rows].any(axis=0))
        return blind_beyond_closing(
            blind, unknown, trial, self.map, self.slots, group_of=self.group_of
        )

    def _finding(self, place: int, after: float) -> Finding:
        is_hard = after > self._hard[place]
        cell = self.cells[place]
        now, reached = float(self.total[place]), self.shown(place, after)
        return Finding(
            cell=cell,
            level=Level.HARD if is_hard else Level.SOFT,
            now=self.shown(place, now),
            after=reached,
            limit=cell.limit.hard if is_hard else cell.limit.soft,
            detail=self._with_note(
                place, RISES_AGAIN if after <= now and reached is not None else ""
            ),
        )

    def blindness(self, place: int, slots: Sequence[Slot]) -> str:
        """Why a cell can not be told."""
        for slot in (*slots, *(one for one in self.slots if not one.is_empty)):
            if bool(self._is_blind_row[self._instrument[slot.number]][place]):
                return f"{slot.instrument.name} can not be measured: {self.why_blind(place, slot)}"
        return "a position can not be measured"

    def why_blind(self, place: int, slot: Slot) -> str:
        """Why a slot's unit is not known to a cell."""
        return slot.unit.reason or "its venue's law is not known here"

    def uses(self, now_ns: int) -> Sequence[Use]:
        """The worst sum of each cell."""
        found = []
        for place, cell in enumerate(self.cells):
            value = self.shown(place, float(self.total[place]))
            if self._is_blind[place]:
                found.append(Use(cell=cell, value=None, detail=self.blindness(place, ())))
            else:
                held = self._f(slice(None), self._held[0])[:, place].sum()
                detail = f"position {number_words(self.shown(place, float(held)) or 0.0)}"
                found.append(Use(cell=cell, value=value, detail=self._with_note(place, detail)))
        return found

    def _with_note(self, place: int, detail: str) -> str:
        return "; ".join(one for one in (detail, self.note(place)) if one)
