"""Theo and edge of each quote against a surface: in vol, in ticks of its price."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from quantdesk import pricing
from quantdesk.domain.instrument import TickScheme
from quantdesk.market.chain import Chain, FloatArray
from quantdesk.market.fitting import SurfaceFit
from quantdesk.market.own_vols import OwnSurface
from quantdesk.market.valuation import ChainValues


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SurfaceEdge:
    """Columns of a chain's rows, arrays (n,), NaN where there is no theo or no side.

    theo_iv : the surface's vol at the row's strike;  theo : price in the row's quote currency
    sell_edge_vol, sell_edge_ticks : bid − theo, what selling to the bid gains; vol as a fraction
    buy_edge_vol, buy_edge_ticks : theo − ask, what buying from the ask gains

    Ticks are counted along the instrument's grid from one price to the other, each part at its own
    tick.
    """

    theo_iv: FloatArray
    theo: FloatArray
    sell_edge_vol: FloatArray
    sell_edge_ticks: FloatArray
    buy_edge_vol: FloatArray
    buy_edge_ticks: FloatArray


def surface_edge(
    fit: SurfaceFit, chain: Chain, values: ChainValues, *, own: OwnSurface | None = None
) -> SurfaceEdge:
    """Theo and edge of every row of `chain` whose expiry the surface holds.

    `values` are those that the fit reads (`fit_values`). With `own` vols, which stand on `fit`,
    they are the theo.

    Theo is at the row's own forward and time, where its quote was made: an edge is never a move of
    the underlying between two quotes.
    """
    held = np.isin(chain.expiry_ns, [each.expiry_ns for each in fit.slices])
    iv, theo = np.full(len(chain), np.nan), np.full(len(chain), np.nan)
    rows = np.flatnonzero(held & np.isfinite(values.forward) & (values.years > 0))
    if rows.size:
        forward, strike = values.forward[rows], chain.strike[rows]
        expiry = chain.expiry_ns[rows]
        w = fit.total_variance(expiry, np.log(strike / forward))
        iv[rows] = np.sqrt(w / fit.years(expiry))
        if own is not None:
            # At the same moneyness as the market's: own vols move with the quote's own forward.
            at = strike * fit.forward(expiry) / forward
            iv[rows] = own.implied_vol(expiry, at)
        price = np.asarray(
            pricing.price(chain.is_call[rows], forward, strike, values.years[rows], iv[rows], 0.0)
        )
        quoted = np.where(chain.is_inverse[rows], price / forward, price * values.discount[rows])
        theo[rows] = quoted * chain.price_coins[rows]
    sell_ticks, buy_ticks = _edge_ticks(chain, theo)
    return SurfaceEdge(
        theo_iv=iv,
        theo=theo,
        sell_edge_vol=values.bid_iv - iv,
        sell_edge_ticks=sell_ticks,
        buy_edge_vol=iv - values.ask_iv,
        buy_edge_ticks=buy_ticks,
    )


def ticks_between(grid: TickScheme, start: FloatArray, end: FloatArray) -> FloatArray:
    """Ticks of `grid` from the prices `start` to `end` (n,), below 0 where the way goes down.

    Each part of a way counts at the tick that applies there, so one across a step is the sum of
    those on either side of it. Prices need not lie on the grid. NaN where one is no number.
    """
    prices = [-np.inf, *(float(above_price) for above_price, _ in grid.steps), np.inf]
    sizes = [float(tick) for tick in (grid.tick, *(tick for _, tick in grid.steps))]
    count = np.zeros(start.shape)
    for (low, high), size in zip(pairwise(prices), sizes, strict=True):
        count += (np.clip(end, low, high) - np.clip(start, low, high)) / size
    return count


def _edge_ticks(chain: Chain, theo: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Ticks (n,) of each row's own grid from theo to bid and from ask to theo."""
    rows_of: dict[TickScheme, list[int]] = {}
    for row, instrument in enumerate(chain.instruments):
        rows_of.setdefault(instrument.ticks, []).append(row)
    sell, buy = np.full(len(chain), np.nan), np.full(len(chain), np.nan)
    for grid, rows in rows_of.items():
        sell[rows] = ticks_between(grid, theo[rows], chain.bid[rows])
        buy[rows] = ticks_between(grid, chain.ask[rows], theo[rows])
    return sell, buy
