"""At-the-money implied vol of an expiry: at the forward, from the strikes on both sides of it."""

from __future__ import annotations

import numpy as np

from quantdesk.market.chain import Chain, FloatArray
from quantdesk.market.valuation import ChainValues


def atm_iv(
    chain: Chain, values: ChainValues, rows: tuple[int, int], forward: float | None
) -> tuple[float | None, str]:
    """ATM-forward IV (fraction) of the expiry in `rows`, and how it was found; None without quotes.

    Out-of-the-money vols of the strikes that bracket the forward (put below, call above), mark IV
    before mid IV, interpolated in total variance over ln(K/F): at one expiry that is σ² linear in
    ln K. A strike on the forward, or quotes on one side only, give that strike's own vol.
    """
    if forward is None:
        return None, "no forward"
    part = slice(*rows)
    vols, kind = _best_vols(values, part)
    strike, is_call = chain.strike[part], chain.is_call[part]
    usable = ~np.isnan(vols)
    below = _nearest(strike, vols, usable & ~is_call & (strike <= forward), forward)
    above = _nearest(strike, vols, usable & is_call & (strike >= forward), forward)
    if below is None and above is None:
        return None, "no quote near the forward"
    if below is None or above is None or below[0] == above[0]:
        one = above if below is None else below
        assert one is not None
        return one[1], f"{kind} at {one[0]:g}"
    (low, low_vol), (high, high_vol) = below, above
    share = np.log(forward / low) / np.log(high / low)
    variance = (1 - share) * low_vol**2 + share * high_vol**2
    return float(np.sqrt(variance)), f"{kind}, {low:g}–{high:g}"


def _best_vols(values: ChainValues, part: slice) -> tuple[FloatArray, str]:
    mark = values.mark_iv[part]
    if not np.isnan(mark).all():
        return mark, "mark IV"
    return (values.bid_iv[part] + values.ask_iv[part]) / 2, "mid IV"


def _nearest(
    strike: FloatArray, vols: FloatArray, mask: np.ndarray, forward: float
) -> tuple[float, float] | None:
    rows = np.flatnonzero(mask)
    if rows.size == 0:
        return None
    best = rows[np.argmin(np.abs(strike[rows] - forward))]
    return float(strike[best]), float(vols[best])
