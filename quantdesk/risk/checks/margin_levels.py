"""Levels of margin limits in USD: as they are written, or as a share of the equity of their scope.

Of an equity that is unknown or not above 0 nothing may be used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from quantdesk.risk.limits.cells import Cell
from quantdesk.risk.limits.findings import Level, allowed
from quantdesk.risk.limits.limit import Filters
from quantdesk.risk.limits.trial import Result

NO_EQUITY = "the equity of its scope is not known or not above 0"


@dataclass(slots=True, kw_only=True)
class MarginLevels:
    """Levels by what is known of the equity of each scope."""

    results: Mapping[Filters, Result] = field(default_factory=dict)

    def equity(self, cell: Cell) -> float | None:
        """Equity of a cell's scope, USD."""
        result = self.results.get(cell.names)
        return None if result is None else result.equity_usd

    def usd(self, cell: Cell, level: Level) -> float:
        """The most that is within a level, USD; infinite where there is none."""
        value: float | None = getattr(cell.limit, level.value)
        if value is None:
            return np.inf
        if cell.limit.chosen_unit == "usd":
            return allowed(value)
        return allowed(value * max(self.equity(cell) or 0.0, 0.0))

    def shown(self, cell: Cell, usd: float) -> float | None:
        """USD, or the share of equity; None where that is not known."""
        if cell.limit.chosen_unit == "usd":
            return usd
        equity = self.equity(cell)
        return None if equity is None or equity <= 0 else usd / equity
