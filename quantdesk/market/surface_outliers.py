"""How far each vol of an expiry is to be trusted, by what its neighbours say of it.

Trust is a smooth function of a quote and at most three neighbours on each side: a tick of one
quote decides nothing about quotes further away, and no quote enters or leaves a fit by a step.
"""

from __future__ import annotations

import numpy as np

from quantdesk.market.chain import FloatArray

HALF_SPREADS = 2.5
"""Distance from the predictions, in half-spreads of the quote or its surroundings, that is the
limit of what is believed. On recorded chains one quote in a thousand lies beyond its limit."""

VOL_MIN = 0.005
"""Least limit in vol: smiles bend between strikes."""

VOL_SHARE = 0.02
"""The same as a share of the vol."""

EDGE_FACTOR = 2.0
"""Outermost quotes are extrapolated to, which is worth so much less, and less still the further
out they are."""

FULL_UP_TO, NONE_FROM = 0.7, 1.6
"""Distances over the limit up to which a quote counts fully, and from which on not at all."""

TRUST_MIN = 0.5
"""Trust below which a quote is called an outlier."""

LOST_MAX = 0.25
"""Most trust that an expiry's quotes lose on average: where all contradict each other, who is
wrong? They are fitted then, and the fit's share inside the spread tells."""

ROWS_MIN = 5

FEW_ROWS, FEW_FACTOR = 7, 2.0
"""In an expiry of fewer rows the limit is so much wider: a few quotes of a steep smile say less of
each other, and one tick of one must not decide about another."""

BEND = 0.2
"""What a smile may bend between two strikes, as a share of its vol, for gaps of a standard
deviation on each side; it grows with both. Expiries of a day are quoted that coarsely."""

BESIDE = tuple((low, high) for low in (-1, -2, -3) for high in (1, 2, 3))
"""Neighbours on both sides whose straight line predicts a row. With two of six wrong three of the
nine lines still know nothing of them, and a line leans to a wrong quote less than that quote."""

OUTSIDE = ((1, 2), (1, 3), (2, 3), (-2, -1), (-3, -1), (-3, -2))
"""Neighbours on one side, for the two rows at each end."""

PREDICTIONS_MIN = 6


def quote_trust(years: float, k: FloatArray, bid_iv: FloatArray, ask_iv: FloatArray) -> FloatArray:
    """Trust (n,), 0 to 1, of quotes by their distance from what their neighbours predict.

    A third of the straight lines through neighbours has to come at least so near. The distance
    counts in limits: 2.5 half-spreads of the quote or of its surroundings, at least half a vol
    point and 2 % of its vol, more at the ends and between strikes far apart. Fewer than five
    quotes are all trusted, and fewer than seven judge each other half as strictly.

    Parameters
    ----------
    years : time to expiry
    k : (n,), ascending
    bid_iv, ask_iv : (n,), fractions, both there
    """
    if k.size < ROWS_MIN:
        return np.ones(k.size)
    mid, half = (bid_iv + ask_iv) / 2, (ask_iv - bid_iv) / 2
    excess = _distance(k, mid) / _limits(years, k, mid, half)
    doubt = np.clip((excess - FULL_UP_TO) / (NONE_FROM - FULL_UP_TO), 0.0, 1.0)
    lost = 1.0 - (1.0 - doubt**2) ** 2
    return np.asarray(1.0 - lost * min(1.0, LOST_MAX / max(float(lost.mean()), LOST_MAX)))


def _limits(years: float, k: FloatArray, mid: FloatArray, half: FloatArray) -> FloatArray:
    """Distance (n,) from the predictions that is the limit of what is believed."""
    width = np.maximum(half, _surroundings(half))
    limit = np.maximum(np.maximum(HALF_SPREADS * width, VOL_MIN), VOL_SHARE * mid)
    gap = np.diff(k)
    vol = float(np.median(mid))
    limit[1:-1] += BEND * gap[:-1] * gap[1:] / (vol * years)
    # What is extrapolated over a wide gap from a narrow one is worth as much less.
    limit[0] *= EDGE_FACTOR * max(1.0, gap[0] / gap[1])
    limit[-1] *= EDGE_FACTOR * max(1.0, gap[-1] / gap[-2])
    return limit if k.size >= FEW_ROWS else FEW_FACTOR * limit


def _surroundings(half: FloatArray) -> FloatArray:
    """Median half-spread of each row and the two on either side."""
    padded = np.concatenate((half[2:0:-1], half, half[-2:-4:-1]))
    return np.asarray(np.median(np.lib.stride_tricks.sliding_window_view(padded, 5), axis=1))


def _distance(k: FloatArray, vol: FloatArray) -> FloatArray:
    """Distance of each row from the nearest third of its neighbours' predictions."""
    size = k.size
    found = np.full((size, len(BESIDE) + len(OUTSIDE)), np.inf)
    count = np.zeros(size, dtype=np.intp)
    for column, (low, high) in enumerate((*BESIDE, *OUTSIDE)):
        rows = np.arange(max(0, -low), size - max(0, high))
        if column >= len(BESIDE):
            rows = rows[count[rows] < PREDICTIONS_MIN]
        share = (k[rows] - k[rows + low]) / (k[rows + high] - k[rows + low])
        line = vol[rows + low] + share * (vol[rows + high] - vol[rows + low])
        found[rows, column] = np.abs(line - vol[rows])
        count[rows] += 1
    found.sort(axis=1)
    return np.asarray(found[np.arange(size), (count + 2) // 3 - 1])
