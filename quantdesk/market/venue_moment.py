"""The moment at which a venue computed its Greeks, read back from the Greeks themselves.

A recording may hold vols and Greeks, and no prices, forwards or exact times. With Black-76 and no
discounting, `vega = F φ(d₁) √T / 100` and `delta = Φ(d₁)` give `F √T` row by row, and
`ln(F/K) = d₁ σ√T − σ²T/2` the forward. Deribit counts whole minutes, which makes the answer exact.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist, median

import numpy as np

from quantdesk.market.chain import Chain
from quantdesk.market.variance_clock import DAYS_PER_YEAR, NS_PER_DAY, NS_PER_MINUTE

DELTA_BAND = (0.2, 0.8)
"""Call deltas whose five published decimals determine d₁ well."""

ROWS_MIN = 2
ROUNDS = 60
TOLERANCE = 1e-13
SHIFT_MAX_NS = 2 * 3600 * 1_000_000_000
"""A moment further than this from the file's own label is not believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueMoment:
    """The instant and the forwards (by expiry instant) that the Greeks of a chain were made at."""

    as_of_ns: int
    forwards: Mapping[int, float]


def venue_moment(chain: Chain, as_of_ns: int) -> VenueMoment | None:
    """What the Greeks of `chain` say of their moment, given the label `as_of_ns`.

    None where the chain holds prices or forwards of its own (they are better evidence), too few
    Greeks, or Greeks that point to a moment more than two hours away.
    """
    if not (np.isnan(chain.bid).all() and np.isnan(chain.ask).all()):
        return None
    if not np.isnan(chain.forward).all():
        return None
    found = {}
    for expiry_ns in np.unique(chain.expiry_ns).tolist():
        one = _one_expiry(chain, int(expiry_ns))
        if one is not None:
            found[int(expiry_ns)] = one
    if not found:
        return None
    # The error of T is proportional to T: the shortest expiries tell the moment to a minute.
    weights = np.array([1.0 / years**2 for years, _ in found.values()])
    shifts = np.array(
        [
            expiry_ns - years * DAYS_PER_YEAR * NS_PER_DAY - as_of_ns
            for expiry_ns, (years, _) in found.items()
        ]
    )
    shift_ns = round(float(shifts @ weights / weights.sum()) / NS_PER_MINUTE) * NS_PER_MINUTE
    if abs(shift_ns) > SHIFT_MAX_NS:
        return None
    forwards = {expiry_ns: forward for expiry_ns, (_, forward) in found.items()}
    return VenueMoment(as_of_ns=as_of_ns + shift_ns, forwards=forwards)


def _one_expiry(chain: Chain, expiry_ns: int) -> tuple[float, float] | None:
    """(years, forward) of one expiry; None with too few rows, or none that agree."""
    normal = NormalDist()
    rows = []
    for row in np.flatnonzero(chain.expiry_ns == expiry_ns).tolist():
        delta, vega = float(chain.venue_delta[row]), float(chain.venue_vega[row])
        iv = float(chain.venue_mark_iv[row])
        call_delta = delta if chain.is_call[row] else delta + 1.0
        if DELTA_BAND[0] <= call_delta <= DELTA_BAND[1] and vega > 0 and iv > 0:
            d1 = normal.inv_cdf(call_delta)
            rows.append((float(chain.strike[row]), d1, iv, 100.0 * vega / normal.pdf(d1)))
    if len(rows) < ROWS_MIN:
        return None
    forward_root = median(row[3] for row in rows)
    forward = median(row[0] for row in rows)
    for _ in range(ROUNDS):
        root = forward_root / forward
        ahead = median(
            strike * math.exp(d1 * iv * root - 0.5 * (iv * root) ** 2) for strike, d1, iv, _ in rows
        )
        change, forward = abs(ahead / forward - 1.0), ahead
        if change < TOLERANCE:
            break
    years = (forward_root / forward) ** 2
    return (years, forward) if math.isfinite(years) and years > 0 else None
