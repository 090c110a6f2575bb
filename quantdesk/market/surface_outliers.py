"""Which vols of one expiry can not be right: far from all that their neighbours say of them."""

from __future__ import annotations

import numpy as np

from quantdesk.market.chain import FloatArray

HALF_SPREADS = 5.0
"""Distance in own half-spreads beyond which a quote is suspected."""

VOL_MIN = 0.015
"""Distance in vol below which a quote is never suspected: smiles bend between strikes."""

VOL_SHARE = 0.06
"""The same as a share of the vol."""

EDGE_FACTOR = 3.0
"""Outermost quotes are extrapolated to, which is worth so much less."""

SHARE_MAX = 0.25
"""No more than this share of an expiry is called wrong: beyond it, who is?"""

ROWS_MIN = 5


def outlier_rows(k: FloatArray, bid_iv: FloatArray, ask_iv: FloatArray) -> np.ndarray:
    """Rows (ascending indices) of quotes that lie far from every prediction of their neighbours.

    Each row is predicted from the two rows on either side: by the line between its neighbours, by
    the parabolas through three of them, by the lines through the two on one side. A row counts as
    wrong if the nearest prediction misses it by more than five half-spreads, 1.5 vol points and
    6 % of its vol. The worst goes first, and the rest is looked at again without it: one wrong
    quote does not condemn its neighbours.

    Parameters
    ----------
    k : (n,), ascending
    bid_iv, ask_iv : (n,), fractions, both there
    """
    mid, half = (bid_iv + ask_iv) / 2, (ask_iv - bid_iv) / 2
    limit = np.maximum.reduce([HALF_SPREADS * half, np.full(k.size, VOL_MIN), VOL_SHARE * mid])
    kept = np.arange(k.size)
    wrong: list[int] = []
    while kept.size >= ROWS_MIN and len(wrong) < SHARE_MAX * k.size:
        excess = _distance(k[kept], mid[kept]) / limit[kept]
        excess[[0, -1]] /= EDGE_FACTOR
        worst = int(np.argmax(excess))
        if not excess[worst] > 1.0:
            break
        wrong.append(int(kept[worst]))
        kept = np.delete(kept, worst)
    return np.array(sorted(wrong), dtype=np.intp)


def _distance(k: FloatArray, vol: FloatArray) -> FloatArray:
    """Distance of each row from the nearest prediction of its neighbours."""
    size = k.size
    nearest = np.full(size, np.inf)
    for offsets in ((-1, 1), (-2, -1, 1), (-1, 1, 2), (-2, -1), (1, 2), (-2, -1, 1, 2)):
        first, last = max(0, -min(offsets)), size - max(0, *offsets)
        if last <= first:
            continue
        rows = np.arange(first, last)
        predicted = np.zeros(rows.size)
        for one in offsets:
            weight = np.ones(rows.size)
            for other in offsets:
                if other != one:
                    gap = k[rows + one] - k[rows + other]
                    weight *= (k[rows] - k[rows + other]) / gap
            predicted += weight * vol[rows + one]
        nearest[rows] = np.minimum(nearest[rows], np.abs(predicted - vol[rows]))
    nearest[~np.isfinite(nearest)] = 0.0
    return nearest
