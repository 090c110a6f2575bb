"""Theo and edge of each quote against a surface: in vol, in ticks of its price."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from quantdesk import pricing
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
    return SurfaceEdge(
        theo_iv=iv,
        theo=theo,
        sell_edge_vol=values.bid_iv - iv,
        sell_edge_ticks=(chain.bid - theo) / _ticks(chain, chain.bid),
        buy_edge_vol=iv - values.ask_iv,
        buy_edge_ticks=(theo - chain.ask) / _ticks(chain, chain.ask),
    )


def _ticks(chain: Chain, price: FloatArray) -> FloatArray:
    """The tick of each row at its own price; NaN where there is no price."""
    return np.array(
        [
            float(instrument.ticks.tick_at(Decimal(repr(at)))) if np.isfinite(at) else np.nan
            for instrument, at in zip(chain.instruments, price.tolist(), strict=True)
        ]
    )
