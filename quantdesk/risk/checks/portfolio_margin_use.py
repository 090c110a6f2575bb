"""Margin use by Deribit's portfolio margin, with every open order filled where it hurts.

The matrices are kept (`risk.limits.portfolio_matrices`); a ticket is added to them, each leg filled
in the cells and at the end of delta where it hurts. The margin so counted never falls when an order
grows, so that the sizes that pass are an interval. A breach passes what does not raise it, neither
so counted nor from one step to the next as each leg alone or all of them fill.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np

from quantdesk.domain.instrument import InstrumentKind
from quantdesk.margin.deribit_portfolio import UNCERTAIN, UNPROVED, MarginMode
from quantdesk.market.chain import BoolArray, FloatArray, IntArray
from quantdesk.risk.checks.check import Bound, Check, without_room
from quantdesk.risk.checks.closing import account_instrument_of, blind_beyond_closing
from quantdesk.risk.checks.fill_paths import RISES_AGAIN, fill_paths, most_risen
from quantdesk.risk.checks.margin_levels import NO_EQUITY, MarginLevels
from quantdesk.risk.checks.scenario_losses import NOISE_USD
from quantdesk.risk.limits.cells import Slot
from quantdesk.risk.limits.findings import TOLERANCE, Finding, Level, Use, unknown_finding
from quantdesk.risk.limits.limit import Filters, Limit, Measure
from quantdesk.risk.limits.portfolio_matrices import MatrixEntry, MatrixSums, PortfolioMatrices
from quantdesk.risk.limits.trial import Result, Trial

MODE_OF: Mapping[str, MarginMode] = {
    "deribit-portfolio": MarginMode.SEGREGATED,
    "deribit-portfolio-cross": MarginMode.CROSS,
}
"""The mode that a convention is."""

NO_ENTRIES = np.zeros(0, dtype=np.int64)


def is_on_portfolio(limit: Limit) -> bool:
    """True for limits on portfolio margin."""
    return limit.measure is Measure.MARGIN_USE and limit.convention in MODE_OF


class PortfolioMarginUse(Check):
    """Initial margin of the portfolio model, USD at today's index prices."""

    name: ClassVar[str] = "portfolio margin use"
    measures: ClassVar[tuple[Measure, ...]] = (Measure.MARGIN_USE,)

    def __init__(self, limits: Sequence[tuple[int, Limit]]) -> None:
        self._margin_levels = MarginLevels()
        super().__init__([one for one in limits if is_on_portfolio(one[1])])

    def rebuild(self, slots: Sequence[Slot]) -> None:
        """Put the units of every limit into its matrices."""
        super().rebuild(slots)
        self._mask = self.map.mask()
        self._is_blind_row: BoolArray = np.zeros(self._mask.shape, dtype=np.bool_)
        entries = []
        for slot in slots:
            if slot.instrument.kind is InstrumentKind.SPOT:
                continue  # held coin is collateral and has no risk vector
            for place in self.map.of_slot(slot.number):
                if slot.unit.portfolio is None:
                    self._is_blind_row[slot.number, place] = True
                    continue
                mode = MODE_OF[self.cells[place].limit.convention]
                is_alone = mode is MarginMode.SEGREGATED
                entries.append(
                    MatrixEntry(
                        slot=slot.number,
                        place=place,
                        account=slot.account,
                        currency=slot.unit.portfolio.currency if is_alone else "",
                        unit=slot.unit.portfolio,
                    )
                )
        self._has_blind = bool(self._is_blind_row.any())
        self._matrices = (
            PortfolioMatrices(entries, slots=len(slots), places=len(self.cells))
            if entries
            else None
        )
        self._sum()
        self.learn_levels()

    def learned(self, results: dict[Filters, Result]) -> None:
        """Take equity by scope."""
        self._margin_levels.results = results
        self.learn_levels()

    def levels(self, level: Level) -> FloatArray:
        """Levels in USD."""
        return np.array([self._margin_levels.usd(cell, level) for cell in self.cells])

    def moved(self, slot: Slot) -> None:
        """Sum anew."""
        self._sum()

    def _sum(self) -> None:
        parts = np.array([(one.held, one.buys, one.sells) for one in self.slots]).reshape(-1, 3)
        self._is_open: BoolArray = np.asarray((parts != 0).any(axis=1))
        self._is_blind = np.asarray((self._is_open[:, None] & self._is_blind_row).any(axis=0))
        self._now: FloatArray = np.zeros(len(self.cells))
        if self._matrices is not None:
            self._sums = self._matrices.sums(*parts.T)
            self._now = self._matrices.initial(self._sums)

    def review(self, trial: Trial) -> Sequence[Finding]:
        """Limits whose margin would grow over a level, or can not be told."""
        sums = None if self._matrices is None else self._matrices.with_ticket(self._sums, trial)
        bad = np.zeros(len(self.cells), dtype=np.bool_)
        is_again = bad
        after = self._now
        if self._matrices is not None and sums is not None:
            after = self._matrices.initial(sums)
            is_more = after > self._now + np.maximum(NOISE_USD, TOLERANCE * self._now)
            is_over = after > self._tightest
            bad = np.asarray(is_more & is_over)
            if (is_over & ~is_more).any():
                risen = self._risen(self._matrices, trial)
                is_again = np.asarray(~is_more & (risen > self._tightest))
                after = np.where(is_again, risen, after)
                bad |= is_again
        blind = self._blind(trial) if self._has_blind else np.zeros_like(bad)
        if not (bad.any() or blind.any()):
            return ()
        found = []
        for place in np.flatnonzero(bad | blind).tolist():
            if blind[place] or sums is None:
                found.append(
                    unknown_finding(self.cells[place], self._blindness(place, trial.slots))
                )
            else:
                one = self._finding(place, float(after[place]), sums, trial)
                if is_again[place]:
                    one = replace(one, detail=f"{RISES_AGAIN}; {one.detail}")
                found.append(one)
        return found

    def _risen(self, matrices: PortfolioMatrices, trial: Trial) -> FloatArray:
        """(cells,) the largest margin to which a step of the ticket's fills raises it; −∞ where
        none does.
        """
        risen = np.full(len(self.cells), -np.inf)
        for path in fill_paths(trial):
            steps = np.array(
                [matrices.initial(matrices.with_fills(self._sums, trial, row)) for row in path]
            )
            found = [
                most_risen(now, values) for now, values in zip(self._now, steps.T, strict=True)
            ]
            risen = np.maximum(risen, found)
        return risen

    def bound(self) -> Bound:
        """No margin grows by more, by the steepest way of each unit."""
        steepest = np.zeros(self._mask.shape)
        return Bound(
            steepest=steepest if self._matrices is None else self._matrices.steepest,
            room=without_room(self._tightest - self._now, self._has_blind),
        )

    def _blind(self, trial: Trial) -> BoolArray:
        own = self._is_blind_row[trial.rows].any(axis=0)
        blind: BoolArray = np.asarray((self._is_blind & self._mask[trial.rows].any(axis=0)) | own)
        return blind_beyond_closing(
            blind, self._is_blind_row, trial, self.map, self.slots, group_of=account_instrument_of
        )

    def _finding(self, place: int, after: float, sums: MatrixSums, trial: Trial) -> Finding:
        cell = self.cells[place]
        shown = self._margin_levels.shown
        margin = shown(cell, after)
        if margin is None or self._matrices is None:
            return unknown_finding(cell, NO_EQUITY)
        is_hard = after > self._hard[place]
        entries, _ = self._matrices.entries_of(trial)
        binding = self._matrices.binding_words(place, sums)
        return Finding(
            cell=cell,
            level=Level.HARD if is_hard else Level.SOFT,
            now=shown(cell, float(self._now[place])),
            after=margin,
            limit=cell.limit.hard if is_hard else cell.limit.soft,
            detail=f"{binding}; {self._status(place, entries)}",
        )

    def _blindness(self, place: int, slots: Sequence[Slot]) -> str:
        """Why a limit can not be told."""
        for slot in (*slots, *(one for one in self.slots if not one.is_empty)):
            if self._is_blind_row[slot.number, place]:
                reason = slot.unit.portfolio_reason or slot.unit.reason
                return f"{slot.instrument.name} can not be margined: {reason}"
        return "a position can not be margined"

    def _status(self, place: int, entries: IntArray) -> str:
        """How sure the figure is: of the option part no reply was matched."""
        assert self._matrices is not None, "asked with entries only"
        counts = self._is_open[self._matrices.slot]
        counts[entries] = True
        of_place = self._matrices.is_option & (self._matrices.place == place)
        return UNPROVED if bool((of_place & counts).any()) else UNCERTAIN

    def uses(self, now_ns: int) -> Sequence[Use]:
        """Initial margin of each limit, with the cell that binds and how sure it is."""
        return [self._use(place) for place in range(len(self.cells))]

    def _use(self, place: int) -> Use:
        cell = self.cells[place]
        if self._is_blind[place]:
            return Use(cell=cell, value=None, detail=self._blindness(place, ()))
        value = self._margin_levels.shown(cell, float(self._now[place]))
        if value is None:
            return Use(cell=cell, value=None, detail=NO_EQUITY)
        if self._matrices is None:
            return Use(cell=cell, value=value, detail="nothing is margined")
        binding = self._matrices.binding_words(place, self._sums)
        return Use(cell=cell, value=value, detail=f"{binding}; {self._status(place, NO_ENTRIES)}")
