"""Gross Greeks, notional and contracts: Σ over instruments of |what is held and may be filled|."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from quantdesk.market.chain import FloatArray, IntArray
from quantdesk.risk.checks.instrument_sums import InstrumentSums
from quantdesk.risk.limits.cells import Slot
from quantdesk.risk.limits.contract_words import contract_words_of
from quantdesk.risk.limits.limit import Limit, Measure
from quantdesk.risk.limits.units import column_of


class GrossExposure(InstrumentSums):
    """Sums of |·| by instrument; what one scope holds of an instrument is netted first."""

    name: ClassVar[str] = "gross exposure"
    measures: ClassVar[tuple[Measure, ...]] = tuple(one for one in Measure if one.is_gross)

    def rebuild(self, slots: Sequence[Slot]) -> None:
        """As by instrument, and what a contract is."""
        super().rebuild(slots)
        self._contracts = contract_words_of(self.map, slots)

    def note(self, place: int) -> str:
        """What a contract is, of contracts."""
        return self._contracts[place]

    def weights(self, slot: Slot, limit: Limit) -> tuple[float, float, float]:
        """|measure| of a unit, on both sides."""
        unit = abs(float(slot.unit.row[column_of(limit)]))
        return unit, unit, 0.0

    def _f(self, places: slice | IntArray, x: FloatArray) -> FloatArray:
        # Both sides weigh the same.
        value: FloatArray = np.abs(x) * self._long[places]
        return value
