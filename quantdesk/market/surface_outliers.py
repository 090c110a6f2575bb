"""How far each vol of an expiry is to be trusted, by what its neighbours say of it.

Trust is a smooth function of a quote and at most three neighbours on each side: a tick of one
quote decides nothing about quotes further away, and no quote enters or leaves a fit by a step.
"""

from __future__ import annotations

import numpy as np

from quantdesk.market.chain import FloatArray

HALF_SPREADS = 2.5
"""Distance from the nearest prediction, in half-spreads of the quote or its surroundings, that is
the limit of what is believed. On recorded chains no quote lies beyond its limit."""

VOL_MIN = 0.005
"""Least limit in vol: smiles bend between strikes."""

VOL_SHARE = 0.02
"""The same as a share of the vol."""

EDGE_FACTOR = 2.0
"""Outermost quotes are extrapolated to, which is worth so much less, and less still the further
out they are."""

FULL_UP_TO, NONE_FROM = 0.7, 1.6
"""Distances over the limit up to which a quote counts fully, and from which on not at all. One
recorded quote in a thousand lies beyond the first."""

TRUST_MIN = 0.5
"""Trust below which a quote is called an outlier."""

ROWS_MIN = 5

INNER = (
    (-1, 1),
    (-2, 1),
    (-1, 2),
    (-2, 2),
    (-2, -1, 1),
    (-1, 1, 2),
    (-2, -1, 1, 2),
    (1, 2),
    (-2, -1),
)
"""Neighbours whose polynomial predicts a row. Each may be wrong and one prediction is left that
does not know it: a quote is not doubted for its neighbour's sake."""

FIRST = ((1, 2), (1, 3), (2, 3), (1, 2, 3))
LAST = ((-2, -1), (-3, -1), (-3, -2), (-3, -2, -1))


def quote_trust(k: FloatArray, bid_iv: FloatArray, ask_iv: FloatArray) -> FloatArray:
    """Trust (n,), 0 to 1, of quotes by their distance from the nearest prediction.

    The distance counts in limits: 2.5 half-spreads of the quote or of its surroundings, at least
    half a vol point and 2 % of its vol, more at the ends. Fewer than five quotes are all trusted.

    Parameters
    ----------
    k : (n,), ascending
    bid_iv, ask_iv : (n,), fractions, both there
    """
    if k.size < ROWS_MIN:
        return np.ones(k.size)
    mid, half = (bid_iv + ask_iv) / 2, (ask_iv - bid_iv) / 2
    excess = _distance(k, mid) / _limits(k, mid, half)
    doubt = np.clip((excess - FULL_UP_TO) / (NONE_FROM - FULL_UP_TO), 0.0, 1.0)
    return np.asarray((1.0 - doubt**2) ** 2)


def _limits(k: FloatArray, mid: FloatArray, half: FloatArray) -> FloatArray:
    """Distance (n,) from the nearest prediction that is the limit of what is believed."""
    width = np.maximum(half, _surroundings(half))
    limit = np.maximum(np.maximum(HALF_SPREADS * width, VOL_MIN), VOL_SHARE * mid)
    gap = np.diff(k)
    # What is extrapolated over a wide gap from a narrow one is worth as much less.
    limit[0] *= EDGE_FACTOR * max(1.0, gap[0] / gap[1])
    limit[-1] *= EDGE_FACTOR * max(1.0, gap[-1] / gap[-2])
    return limit


def _surroundings(half: FloatArray) -> FloatArray:
    """Median half-spread of each row and the two on either side."""
    padded = np.concatenate((half[2:0:-1], half, half[-2:-4:-1]))
    return np.asarray(np.median(np.lib.stride_tricks.sliding_window_view(padded, 5), axis=1))


def _distance(k: FloatArray, vol: FloatArray) -> FloatArray:
    """Distance of each row from the nearest prediction of its neighbours."""
    size = k.size
    nearest = np.full(size, np.inf)
    families = (
        (FIRST, np.array([0])),
        (LAST, np.array([size - 1])),
        (INNER, np.arange(1, size - 1)),
    )
    for family, candidates in families:
        for offsets in family:
            inside = (candidates + min(offsets) >= 0) & (candidates + max(offsets) < size)
            rows = candidates[inside]
            gap = np.abs(_predicted(k, vol, rows, offsets) - vol[rows])
            nearest[rows] = np.minimum(nearest[rows], gap)
    return nearest


def _predicted(
    k: FloatArray, vol: FloatArray, rows: np.ndarray, offsets: tuple[int, ...]
) -> FloatArray:
    """Lagrange's polynomial through the rows at `offsets` from each of `rows`, at that row."""
    total = np.zeros(rows.size)
    for one in offsets:
        weight = np.ones(rows.size)
        for other in offsets:
            if other != one:
                gap = k[rows + one] - k[rows + other]
                weight *= (k[rows] - k[rows + other]) / gap
        total += weight * vol[rows + one]
    return total
