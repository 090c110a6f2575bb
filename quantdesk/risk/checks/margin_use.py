"""Margin use by a standard model: initial margin with every open order filled where it hurts.

The standard models of Deribit and Binance add by account and instrument, so that the worst case is
exact. Each knows the contracts of its own venue alone: of others a limit can not tell anything.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np

from quantdesk.domain.instrument import InstrumentKind
from quantdesk.margin.sizes import BINANCE, DERIBIT
from quantdesk.market.chain import FloatArray
from quantdesk.risk.checks.closing import account_instrument_of
from quantdesk.risk.checks.instrument_sums import InstrumentSums
from quantdesk.risk.checks.margin_levels import NO_EQUITY, MarginLevels
from quantdesk.risk.limits.cells import Slot
from quantdesk.risk.limits.findings import Finding, Level, Use
from quantdesk.risk.limits.limit import Filters, Limit, Measure
from quantdesk.risk.limits.trial import Result, Trial

VENUE_OF: Mapping[str, str] = {"deribit-standard": DERIBIT, "binance-standard": BINANCE}
"""The venue whose standard model a convention is."""

UNKNOWN = (float("nan"),) * 3


class StandardMarginUse(InstrumentSums):
    """Initial margin of a standard model, summed by account and instrument at today's marks."""

    name: ClassVar[str] = "margin use"
    measures: ClassVar[tuple[Measure, ...]] = (Measure.MARGIN_USE,)

    def __init__(self, limits: Sequence[tuple[int, Limit]]) -> None:
        self._levels = MarginLevels()
        super().__init__([one for one in limits if one[1].convention in VENUE_OF])

    def group_of(self, slot: Slot) -> Hashable:
        """Venues net what one account holds of an instrument, and nothing over accounts."""
        return account_instrument_of(slot)

    def weights(self, slot: Slot, limit: Limit) -> tuple[float, float, float]:
        """Margin of a unit long and short, and what grows with the square of a future's size."""
        is_coin = slot.instrument.kind is InstrumentKind.SPOT
        if is_coin or slot.instrument.venue == VENUE_OF[limit.convention]:
            return slot.unit.margin
        return UNKNOWN

    def learned(self, results: dict[Filters, Result]) -> None:
        """Take equity by scope."""
        self._levels.results = results
        self.learn_levels()

    def levels(self, level: Level) -> FloatArray:
        """Levels in USD."""
        return np.array([self._levels.usd(cell, level) for cell in self.cells])

    def shown(self, place: int, value: float) -> float | None:
        """USD, or the share of equity."""
        return self._levels.shown(self.cells[place], value)

    def why_blind(self, place: int, slot: Slot) -> str:
        """Another venue's contract is none of this model's."""
        venue = VENUE_OF[self.cells[place].limit.convention]
        if slot.instrument.venue != venue:
            return f'the model is of {venue}; venue = "{venue}" would narrow the limit to it'
        return slot.unit.margin_reason or super().why_blind(place, slot)

    def review(self, trial: Trial) -> Sequence[Finding]:
        """As by instrument; an unknown equity is said."""
        return [
            replace(one, now=None, detail=NO_EQUITY)
            if one.after is None and not one.detail
            else one
            for one in super().review(trial)
        ]

    def uses(self, now_ns: int) -> Sequence[Use]:
        """Margin of each cell; unknown where a share of an unknown equity is asked for."""
        return [
            Use(
                cell=one.cell, value=None, detail=one.detail if self._is_blind[place] else NO_EQUITY
            )
            if one.value is None
            else one
            for place, one in enumerate(super().uses(now_ns))
        ]
