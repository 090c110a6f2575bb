"""Filtered history: each recorded move scaled from the vol of its day to the vol of now.

    h[i] = λ·h[i−1] + (1 − λ)·x[i−1]²,   scaled x[j] = x[j]·√(h[now]/h[j])

h[i] is a forecast from moves before i alone. The first `BURN_IN` moves only start it and are in no
sample. Index and vol index are scaled each by its own forecast (Hull & White 1998, Barone-Adesi,
Giannopoulos & Vosper 1999).
"""

from __future__ import annotations

import numpy as np

from quantdesk.errors import InvalidInput
from quantdesk.market.chain import FloatArray

BURN_IN = 30
"""Moves whose mean square starts the forecast."""


def forecast_vols(moves: FloatArray, decay: float) -> FloatArray:
    """Forecast deviation (n + 1,) of each of `moves` (n,) and of the next one, from those before.

    NaN within the burn-in; 0 throughout where nothing moved. Raises InvalidInput for a decay
    outside 0 to 1.
    """
    if not 0 < decay < 1:
        raise InvalidInput("decay", decay, "must be between 0 and 1")
    variance = np.full(moves.size + 1, np.nan)
    if moves.size < BURN_IN:
        return variance
    squares = np.square(moves)
    level = float(np.mean(squares[:BURN_IN]))
    variance[BURN_IN] = level
    for place, square in enumerate(squares[BURN_IN:].tolist(), start=BURN_IN + 1):
        level = decay * level + (1.0 - decay) * square
        variance[place] = level
    return np.asarray(np.sqrt(variance), dtype=np.float64)


def scaled(moves: FloatArray, vols: FloatArray, now: float) -> FloatArray:
    """`moves` (n,) of days with forecasts `vols` (n,) as moves of a day with the forecast `now`."""
    factor = np.divide(now, vols, out=np.ones_like(vols), where=vols > 0)
    return np.asarray(moves * factor, dtype=np.float64)
