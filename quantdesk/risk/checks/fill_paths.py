"""How a ticket may fill on the way to its whole size: each leg alone, and all legs in their ratios.

Less of a position first and more of its opposite then makes a measure fall and rise again. Over its
level a measure may not rise from one step of such a path to the next, wherever it began.
"""

from __future__ import annotations

import math

import numpy as np

from quantdesk.market.chain import FloatArray
from quantdesk.risk.checks.scenario_losses import NOISE_USD
from quantdesk.risk.limits.findings import TOLERANCE
from quantdesk.risk.limits.trial import Trial

STEPS_MAX = 128
"""A path of more steps is looked at in this many equal ones."""

RISES_AGAIN = "fills past the turn raise it again"


def fill_paths(trial: Trial) -> tuple[FloatArray, ...]:
    """Paths (steps, legs) of signed filled amounts, from the first step to the whole.

    A leg alone fills by its venue's smallest step, all legs by the ticket's lots. What is off its
    grid is whole after a step more.
    """
    legs = len(trial.quantity)
    whole = _path(trial.quantity, trial.ticket.lots)
    if legs == 1:
        return (whole,)
    alone = []
    for place, leg in enumerate(trial.ticket.legs):
        only = np.zeros(legs)
        only[place] = trial.quantity[place]
        alone.append(_path(only, math.ceil(abs(leg.quantity) / leg.instrument.amount_step)))
    return (*alone, whole)


def _path(quantity: FloatArray, steps: int) -> FloatArray:
    count = min(steps, STEPS_MAX)
    path: FloatArray = np.arange(1, count + 1)[:, None] * quantity / count
    return path


def most_risen(now: float, values: FloatArray) -> float:
    """The largest of `values` (steps,) that is above the one before it, the first above `now`; −∞
    where none is.
    """
    before = np.concatenate([[now], values[:-1]])
    is_risen = values > before + np.maximum(NOISE_USD, TOLERANCE * np.abs(before))
    return float(values[is_risen].max(initial=-np.inf))
