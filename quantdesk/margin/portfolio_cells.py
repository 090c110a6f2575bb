"""What a pair's summed profits become: cells after dampener and offset, and the delta shock.

One arithmetic for one pair and for many at once; `deribit_portfolio` adds it up. Terms of several
pairs are stacked along the first axis, and broadcast against (…, cells) or (…,).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from quantdesk.margin.portfolio_parameters import EXTENDED_MOVES, PortfolioParameters
from quantdesk.market.chain import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairTerms:
    """Parameters of pairs in their settlement currency, arrays of one row a pair.

    room : (pairs, 8) what the dampener takes off |profit| in each extended cell
    offset : (pairs, 1) share of a gain that counts;  cap : (pairs, 1) the most that does
    threshold : (pairs,) coins of delta below which there is no delta shock
    growth : (pairs,) of the shock's share, a coin of excess;  share_max : (pairs,)
    unit : (pairs,) worth of a coin in the settlement currency
    """

    room: FloatArray
    offset: FloatArray
    cap: FloatArray
    threshold: FloatArray
    growth: FloatArray
    share_max: FloatArray
    unit: FloatArray


def pair_terms(parameters: PortfolioParameters, index: float, *, is_inverse: bool) -> PairTerms:
    """The terms of one pair. index : USD a coin, above 0"""
    # Parameters in USD are in coin for inverse pairs, whose cells are coin.
    usd = index if is_inverse else 1.0
    # A range beyond an extended move leaves its cell nothing to shrink by.
    beyond = np.maximum(np.abs(EXTENDED_MOVES) / parameters.price_range - 1, 0.0)
    room = beyond * parameters.extended_dampener
    return PairTerms(
        room=(room / usd)[None, :],
        offset=np.array([[parameters.pnl_offset]]),
        cap=np.array([[parameters.max_offsetable_pnl / usd]]),
        threshold=np.array([parameters.delta_total_liq_shock_threshold / index]),
        growth=np.array([parameters.m_inc]),
        share_max=np.array([parameters.max_delta_shock]),
        unit=np.array([1.0 if is_inverse else index]),
    )


def stacked(terms: Sequence[PairTerms]) -> PairTerms:
    """The terms of several pairs, at least one, in this order."""
    return PairTerms(
        **{
            field.name: np.concatenate([getattr(one, field.name) for one in terms])
            for field in fields(PairTerms)
        }
    )


def cells_after(raw: FloatArray, terms: PairTerms) -> FloatArray:
    """Aggregated profits (…, 27 + 8) after the dampener (extended cells) and the offset (gains)."""
    standard = raw.shape[-1] - len(EXTENDED_MOVES)
    cells = raw.copy()
    extended = cells[..., standard:]
    extended -= np.minimum(np.maximum(extended, -terms.room), terms.room)
    gains = np.minimum(cells * terms.offset, terms.cap)
    adjusted: FloatArray = np.where(cells > 0, gains, cells)
    return adjusted


def delta_shocks(delta: FloatArray, terms: PairTerms) -> FloatArray:
    """Delta shocks of total deltas in coins, settlement currency.

    Nothing below the threshold; above it a share of the excess that grows with it, capped.
    """
    excess = np.maximum(np.abs(delta) - terms.threshold, 0.0)
    share = np.minimum(terms.growth * excess, terms.share_max)
    shocks: FloatArray = share * excess * terms.unit
    return shocks
