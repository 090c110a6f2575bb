"""The quantile and expected-shortfall rules, named, and where there are too few losses for them.

    k = ⌈n(1 − c)⌉,  VaR = −x₍ₖ₎,  ES = −(Σ_{i<k} x₍ᵢ₎ + (n(1 − c) − k + 1)·x₍ₖ₎) / (n(1 − c))

of n profits x₍₁₎ ≤ x₍₂₎ ≤ …, confidence c. A loss is positive; a negative figure is a profit even
there, and is not cut to 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from quantdesk.errors import InvalidInput
from quantdesk.market.chain import FloatArray

QUANTILE_RULE = "the ⌈n(1 − c)⌉-th worst of n results, no interpolation"
ES_RULE = "mean of the worst n(1 − c) results, the last counted in part (Acerbi & Tasche 2002)"
OBSERVATIONS_MIN = 100
"""Fewer observations say nothing of a tail: the figure is not available."""

ROUNDING = 1e-9
"""n(1 − c) is a product of floats: 1000 × 0.01 must be 10, not a little more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Value at risk and expected shortfall, losses positive, in one unit."""

    var: float
    es: float


def rank(count: int, confidence: float) -> int:
    """k of the quantile rule: which of the `count` results, from the worst, 1 the worst."""
    return max(math.ceil(count * (1.0 - confidence) - ROUNDING), 1)


def figure(profits: FloatArray, confidence: float) -> Figure | None:
    """The figure of `profits` (n,), in any order; None where n is too small or one is no number.

    Raises InvalidInput for a confidence outside 0.5 to 1.
    """
    check_confidence(confidence)
    if profits.size < OBSERVATIONS_MIN or not np.isfinite(profits).all():
        return None
    place = rank(profits.size, confidence)
    worst = np.sort(np.partition(profits, place - 1)[:place])
    tail = profits.size * (1.0 - confidence)
    at_quantile = float(worst[-1])
    beyond = math.fsum(worst[:-1].tolist()) + (tail - place + 1) * at_quantile
    return Figure(var=-at_quantile, es=-beyond / tail)


def quantile_losses(profits: FloatArray, confidence: float) -> FloatArray:
    """Value at risk (t,) of each row of `profits` (t, n)."""
    place = rank(profits.shape[1], confidence)
    return np.asarray(-np.partition(profits, place - 1, axis=1)[:, place - 1], dtype=np.float64)


def tail_weights(profits: FloatArray, confidence: float) -> tuple[FloatArray, int]:
    """Weights (n,) with which the worst of `profits` (n,) make the ES, and which one is the VaR.

    ES is −Σ weights·profits; the weights add up to 1. Of equal results the first come first.
    """
    check_confidence(confidence)
    place = rank(profits.size, confidence)
    tail = profits.size * (1.0 - confidence)
    worst = np.argsort(profits, kind="stable")[:place]
    weights = np.zeros(profits.size)
    weights[worst] = 1.0 / tail
    weights[worst[-1]] = (tail - place + 1) / tail
    return weights, int(worst[-1])


def shortfalls(profits: FloatArray, confidence: float) -> FloatArray:
    """ES (t,) of each row of `profits` (t, n)."""
    check_confidence(confidence)
    place = rank(profits.shape[1], confidence)
    tail = profits.shape[1] * (1.0 - confidence)
    worst = np.partition(profits, place - 1, axis=1)[:, :place]
    beyond = np.add.reduce(worst[:, :-1], axis=1) + (tail - place + 1) * worst[:, -1]
    return np.asarray(-beyond / tail, dtype=np.float64)


def check_confidence(confidence: float) -> None:
    """Raises InvalidInput for a confidence that is no fraction from 0.5 to below 1."""
    if not 0.5 <= confidence < 1.0:
        raise InvalidInput("confidence", confidence, "must be from 0.5 to below 1, 0.99 is 99 %")
