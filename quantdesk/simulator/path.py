"""A recorded path of returns, repeated without a seam.

Knows no price and no clock: steps in, log levels out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from quantdesk.errors import InvalidInput


class UnderlyingPath:
    """Log level of an underlying against its opening, by step.

    The repeat rule: the returns are played forward, then backward, then forward again. The level
    is continuous, comes back to its opening after each `period`, and so never drifts.
    """

    def __init__(self, returns: Sequence[int], *, unit: float, step_ns: int) -> None:
        """returns : whole numbers of `unit` log return, one a step of `step_ns` nanoseconds."""
        if not returns:
            raise InvalidInput("returns", returns, "must hold at least one return")
        if step_ns <= 0:
            raise InvalidInput("step_ns", step_ns, "must be positive")
        self.step_ns = step_ns
        levels = np.concatenate(([0], np.cumsum(np.asarray(returns, dtype=np.int64)))) * unit
        self._round_trip = np.concatenate((levels, levels[-2:0:-1]))

    @property
    def period(self) -> int:
        """Steps after which the path is back where it began."""
        return len(self._round_trip)

    def levels(self, steps: NDArray[np.int64]) -> NDArray[np.float64]:
        """Log levels at `steps` (n,), any integers; step 0 is the opening, level 0."""
        taken: NDArray[np.float64] = self._round_trip[steps % self.period]
        return taken
