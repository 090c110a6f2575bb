"""Which vols of one expiry can not be right: far from all that their neighbours say of them."""

from __future__ import annotations

import itertools

import numpy as np

from quantdesk.market.chain import FloatArray

HALF_SPREADS = 2.5
"""Distance from the nearest prediction, in half-spreads of the quote or its surroundings, beyond
which a quote is wrong. On recorded chains 99.9 % of quotes lie within 1.9 of theirs."""

VOL_MIN = 0.005
"""Distance in vol below which a quote is never suspected: smiles bend between strikes."""

VOL_SHARE = 0.02
"""The same as a share of the vol."""

EDGE_FACTOR = 2.0
"""Outermost quotes are extrapolated to, which is worth so much less."""

SHARE_MAX = 0.25
"""No more than this share of an expiry is called wrong: beyond it, who is?"""

ROWS_MIN = 5
NEAR = 3
"""Rows on each side of the worst disagreement among which the wrong ones are looked for."""

WINDOW = 8
"""Rows on each side of it that are asked to agree."""

GROUP_COST = 0.5
"""Disagreement that a further row left out has to take away."""

INNER = ((-1, 1), (-2, -1, 1), (-1, 1, 2), (-2, -1, 1, 2))
FIRST = ((1, 2), (1, 2, 3))
LAST = ((-2, -1), (-3, -2, -1))


def outlier_rows(k: FloatArray, bid_iv: FloatArray, ask_iv: FloatArray) -> np.ndarray:
    """Rows (ascending indices) of quotes that lie far from every prediction of their neighbours.

    An inner row is predicted by the polynomials through two to four of its neighbours on both
    sides, an outermost one by those through two or three inside. A row disagrees if the nearest
    prediction misses it by 2.5 half-spreads, half a vol point and 2 % of its vol (twice
    that at the ends). A wrong quote makes its neighbours disagree too: the row that goes is the
    one without which the rest agrees best. What agrees with the rest in the end comes back.

    Parameters
    ----------
    k : (n,), ascending
    bid_iv, ask_iv : (n,), fractions, both there
    """
    mid, half = (bid_iv + ask_iv) / 2, (ask_iv - bid_iv) / 2
    kept = np.arange(k.size)
    wrong: list[int] = []
    while kept.size >= ROWS_MIN and len(wrong) < SHARE_MAX * k.size:
        excess = _excess(k[kept], mid[kept], half[kept])
        if not excess.max() > 1.0:
            break
        culprits = _culprits(k[kept], mid[kept], half[kept], int(np.argmax(excess)))
        wrong += kept[culprits].tolist()
        kept = np.delete(kept, culprits)
    for row in list(wrong):
        back = np.sort(np.append(kept, row))
        if kept.size >= ROWS_MIN and not _excess(k[back], mid[back], half[back]).max() > 1.0:
            wrong.remove(row)
            kept = back
    return np.array(sorted(wrong), dtype=np.intp)


def _excess(k: FloatArray, mid: FloatArray, half: FloatArray) -> FloatArray:
    """Distance of each row from its nearest prediction, over what is allowed."""
    width = np.maximum(half, _surroundings(half))
    limit = np.maximum(np.maximum(HALF_SPREADS * width, VOL_MIN), VOL_SHARE * mid)
    excess = _distance(k, mid) / limit
    excess[[0, -1]] /= EDGE_FACTOR
    return excess


def _culprits(k: FloatArray, mid: FloatArray, half: FloatArray, worst: int) -> list[int]:
    """The one or two rows around `worst` without which the least disagreement is left there.

    Two wrong quotes side by side agree with each other, and only both together explain the rest.
    """
    first, last = max(worst - WINDOW, 0), min(worst + WINDOW + 1, k.size)
    rows = np.arange(first, last)
    near = [row for row in range(worst - NEAR, worst + NEAR + 1) if first <= row < last]
    groups = [(row,) for row in near] + list(itertools.combinations(near, 2))

    def left(group: tuple[int, ...]) -> float:
        others = rows[~np.isin(rows, group)]
        if others.size < ROWS_MIN:
            return np.inf
        rest = _excess(k[others], mid[others], half[others])
        # Inside the window's ends, which are ends of the smile only where they are its own.
        inner = slice(int(first > 0), others.size - int(last < k.size))
        return float(np.maximum(rest[inner] - 1.0, 0.0).sum()) + GROUP_COST * len(group)

    return list(min(groups, key=left))


def _surroundings(half: FloatArray) -> FloatArray:
    """Median half-spread of each row and the two on either side."""
    padded = np.concatenate((half[2:0:-1], half, half[-2:-4:-1]))
    return np.asarray(np.median(np.lib.stride_tricks.sliding_window_view(padded, 5), axis=1))


def _distance(k: FloatArray, vol: FloatArray) -> FloatArray:
    """Distance of each row from the nearest prediction of its neighbours."""
    size = k.size
    nearest = np.full(size, np.inf)
    families = ((FIRST, np.array([0])), (LAST, np.array([size - 1])), (INNER, np.arange(size)))
    for family, candidates in families:
        for offsets in family:
            first, last = max(0, -min(offsets)), size - max(0, *offsets)
            rows = candidates[(candidates >= first) & (candidates < last)]
            if rows.size:
                gap = np.abs(_predicted(k, vol, rows, offsets) - vol[rows])
                nearest[rows] = np.minimum(nearest[rows], gap)
    nearest[~np.isfinite(nearest)] = 0.0
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
