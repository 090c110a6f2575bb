"""How far each vol of an expiry is to be trusted, by what its neighbours say of it.

Trust is a smooth function of a quote and the few beside it: a tick of one quote decides nothing
about quotes far away, and no quote enters or leaves a fit by a step. What neighbours say is the
smoothing spline through them, with the standard deviation of what it foretells; neighbours that
are doubted themselves say less, and are looked at several times.
"""

from __future__ import annotations

import numpy as np

from quantdesk.market.chain import FloatArray
from quantdesk.market.variance_clock import DAYS_PER_YEAR
from quantdesk.pricing.smile import HALF_SPREAD_FLOOR

NOISE = 0.25
"""Standard deviation of a quote's middle about a smooth smile, in its half-spreads. This and the
bends are most likely on recorded chains of 2021 to 2026, alike for each of them."""

BEND, BEND_DAYS = 0.0015, 0.01
"""Variance of what a smile's slope changes by within a standard deviation of moneyness, vol as a
share of the expiry's vol: of every expiry, and what a day to expiry adds, shared among its days.
The smiles of the last days bend sharply."""

BESIDE = 4
"""Neighbours on each side that are asked."""

DOUBT = 4.0
"""Standard deviations at which a neighbour is heard half as much."""

LOOKS = 2
"""How often neighbours are looked at again before the last time."""

FULL_UP_TO, NONE_FROM = 3.5, 9.0
"""Standard deviations up to which a quote counts fully, and from which on not at all. On recorded
chains one quote in three thousand is called an outlier, half of those in asynchronous ones."""

WIDE = 2.0
"""Times the half-spreads around it that a wide quote's own middle counts as, at most."""

INSIDE_FROM, OUTSIDE_FROM = 0.5, 4.0
"""Standard deviations outside a quote's own spread up to which a wide one keeps the least trust of
what is no outlier, and from which on none."""

TRUST_MIN = 0.5
"""Trust below which a quote is called an outlier."""

LOST_MAX = 0.35
"""Most trust that an expiry's quotes lose on average: where all contradict each other, who is
wrong? They are fitted then, and the fit's share inside the spread tells."""

ROWS_MIN = 5

LINES = tuple((low, high) for low in (-1, -2, -3) for high in (1, 2, 3))
"""Neighbours on both sides whose straight line predicts a row, for the first look. With two of six
wrong three of the nine lines still know nothing of them."""

LINES_OUTSIDE = ((1, 2), (1, 3), (2, 3), (-2, -1), (-3, -1), (-3, -2))
"""Neighbours on one side, for the two rows at each end."""

LINES_MIN = 6

GAPS_ALIKE = 2.5
"""Up to so many times the gap before it, the gap to an outermost quote is like the others."""

UNHEARD = 1e-6
"""Least weight of a neighbour: its noise stays finite."""


def quote_trust(years: float, k: FloatArray, bid_iv: FloatArray, ask_iv: FloatArray) -> FloatArray:
    """Trust (n,), 0 to 1, of quotes by their distance from what their neighbours predict.

    The distance counts in standard deviations of the quote's own noise and of the prediction, which
    knows less at the ends, between strikes far apart and beside doubted quotes. Fewer than five
    quotes are all trusted. A wide quote whose own spread holds the prediction is no outlier.

    Parameters
    ----------
    years : time to expiry
    k : (n,), ascending
    bid_iv, ask_iv : (n,), fractions, both there
    """
    if k.size < ROWS_MIN:
        return np.ones(k.size)
    vol = (bid_iv + ask_iv) / 2
    level = float(np.median(vol))
    half = np.maximum((ask_iv - bid_iv) / 2, HALF_SPREAD_FLOOR) / level
    around = _surroundings(half)
    smile = _Neighbours(k / (level * np.sqrt(years)), vol / level, NOISE * half, _bend(years))
    _, variance = smile.predict(np.ones(k.size))
    deviation = np.sqrt(variance + (NOISE * np.maximum(half, around)) ** 2)
    weight = _heard(smile.distance_of_lines() / deviation)
    own = NOISE * np.minimum(half, WIDE * around)
    for _ in range(LOOKS):
        distance, variance = smile.predict(weight)
        weight = _heard(distance / np.sqrt(variance + own**2))
    distance, variance = smile.predict(weight)
    trust = _falling(distance / np.sqrt(variance + own**2), FULL_UP_TO, NONE_FROM)
    outside = np.maximum(distance - half, 0.0) / np.sqrt(variance + (NOISE * half) ** 2)
    trust = np.maximum(trust, TRUST_MIN * _falling(outside, INSIDE_FROM, OUTSIDE_FROM))
    lost = 1.0 - trust
    return np.asarray(1.0 - lost * min(1.0, LOST_MAX / max(float(lost.mean()), LOST_MAX)))


class _Neighbours:
    """Rows of one expiry and what the rows beside each say of it.

    Between its neighbours a smile is a line plus a bend whose slope walks at random, one way from
    the row to the left, another to the right: the best prediction from noisy neighbours is the
    cubic smoothing spline through them, here its value and variance at the row left out.
    """

    def __init__(self, x: FloatArray, vol: FloatArray, noise: FloatArray, bend: float) -> None:
        rows = np.arange(x.size)[:, None]
        steps = np.delete(np.arange(-BESIDE, BESIDE + 1), BESIDE)[None, :]
        self.beside = np.clip(rows + steps, 0, x.size - 1)
        self.is_there = (rows + steps == self.beside).astype(np.float64)
        self.x, self.vol = x, vol
        self.noise = noise[self.beside] ** 2
        self.away = x[self.beside] - x[:, None]
        size = np.abs(self.away)
        near = np.minimum(size[:, :, None], size[:, None, :])
        far = np.maximum(size[:, :, None], size[:, None, :])
        is_one_side = (steps.T * steps) > 0
        self.bends = np.where(is_one_side, bend / 6 * near**2 * (3 * far - near), 0.0)
        self.reach = _reach(x)

    def predict(self, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Distance (n,) of each row from its prediction, and the prediction's variance (n,)."""
        heard = np.maximum(weight[self.beside] * self.is_there, UNHEARD)
        covariance = self.bends.copy()
        diagonal = np.arange(2 * BESIDE)
        covariance[:, diagonal, diagonal] += self.noise / heard
        line = np.stack((np.ones_like(self.away), self.away, self.vol[self.beside]), axis=2)
        solved = np.linalg.solve(covariance, line)
        # Generalised least squares for the line's value at the row.
        (one, slope, value), (_, square, product) = np.moveaxis(
            np.swapaxes(line[:, :, :2], 1, 2) @ solved, 0, 2
        )
        determinant = one * square - slope**2
        predicted = (square * value - slope * product) / determinant
        return np.abs(self.vol - predicted), self.reach**2 * square / determinant

    def distance_of_lines(self) -> FloatArray:
        """Distance of each row from the nearest third of the lines through its neighbours.

        Cruder than the spline, and not misled by one or two wrong neighbours.
        """
        x, size = self.x, self.x.size
        found = np.full((size, len(LINES) + len(LINES_OUTSIDE)), np.inf)
        count = np.zeros(size, dtype=np.intp)
        for column, (low, high) in enumerate((*LINES, *LINES_OUTSIDE)):
            rows = np.arange(max(0, -low), size - max(0, high))
            if column >= len(LINES):
                rows = rows[count[rows] < LINES_MIN]
            share = (x[rows] - x[rows + low]) / (x[rows + high] - x[rows + low])
            line = self.vol[rows + low] + share * (self.vol[rows + high] - self.vol[rows + low])
            found[rows, column] = np.abs(line - self.vol[rows])
            count[rows] += 1
        found.sort(axis=1)
        return np.asarray(found[np.arange(size), (count + 2) // 3 - 1])


def _bend(years: float) -> float:
    return BEND + BEND_DAYS / (years * DAYS_PER_YEAR)


def _reach(x: FloatArray) -> FloatArray:
    """Factor (n,) on deviations: what is extrapolated over a wide gap from a narrow one is worth
    as much less."""
    gap = np.diff(x)
    factor = np.ones(x.size)
    factor[0] = max(1.0, gap[0] / gap[1] / GAPS_ALIKE)
    factor[-1] = max(1.0, gap[-1] / gap[-2] / GAPS_ALIKE)
    return factor


def _heard(deviations: FloatArray) -> FloatArray:
    """Weight of a neighbour by how far it lies itself from what is said of it."""
    return np.asarray(1.0 / (1.0 + (deviations / DOUBT) ** 4))


def _falling(value: FloatArray, full_up_to: float, none_from: float) -> FloatArray:
    doubt = np.clip((value - full_up_to) / (none_from - full_up_to), 0.0, 1.0)
    return np.asarray((1.0 - doubt**2) ** 2)


def _surroundings(half: FloatArray) -> FloatArray:
    """Median half-spread of each row and the two on either side."""
    padded = np.concatenate((half[2:0:-1], half, half[-2:-4:-1]))
    return np.asarray(np.median(np.lib.stride_tricks.sliding_window_view(padded, 5), axis=1))
