"""The vols of one expiry as a function of moneyness, for the rule under which they follow spot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from quantdesk.market.chain import FloatArray
from quantdesk.market.market_data import UnderlyingMarket, VolSurface

SAMPLES = 257
SAMPLED_DEVIATIONS = 8.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExpirySmile:
    """Vols (n,) at ascending log_moneyness (n,) = ln(K/F); linear between, flat outside.

    Empty arrays: nothing is known and no vol moves.
    """

    log_moneyness: FloatArray
    vol: FloatArray

    def shift(self, log_moneyness: FloatArray, log_move: FloatArray) -> FloatArray:
        """Change of vol where the forward moves by exp(log_move) and the smile moves with it.

        The arguments broadcast. A difference of two readings, so that an option's own vol, which
        need not lie on this smile, stays the level.
        """
        if not self.vol.size:
            return np.zeros(np.broadcast_shapes(log_moneyness.shape, log_move.shape))
        after = np.interp(log_moneyness - log_move, self.log_moneyness, self.vol)
        before = np.interp(log_moneyness, self.log_moneyness, self.vol)
        return np.asarray(after - before, dtype=np.float64)


NO_SMILE = ExpirySmile(log_moneyness=np.empty(0), vol=np.empty(0))


def expiry_smile(
    market: UnderlyingMarket,
    expiry_ns: int,
    *,
    forward: float,
    years: float,
    vols: FloatArray,
    surface: VolSurface | None,
) -> ExpirySmile:
    """The smile of one expiry: of `surface` where one was chosen, else of `vols`, row by row.

    Of a strike's call and put the one out of the money speaks: its vol is the better known. Where
    no row of the expiry has a vol, the market's own surface speaks if it has one.
    """
    if surface is not None:
        return _sampled(surface, expiry_ns, forward=forward, years=years)
    chain = market.chain
    is_call_side = chain.strike >= forward
    rows = np.flatnonzero(
        (chain.expiry_ns == expiry_ns) & (vols > 0) & (chain.is_call == is_call_side)
    )
    if not rows.size:
        if market.surface is None:
            return NO_SMILE
        return _sampled(market.surface, expiry_ns, forward=forward, years=years)
    strikes, first = np.unique(chain.strike[rows], return_index=True)
    return ExpirySmile(log_moneyness=np.log(strikes / forward), vol=vols[rows][first])


def _sampled(surface: VolSurface, expiry_ns: int, *, forward: float, years: float) -> ExpirySmile:
    at_money = surface.implied_vol(np.array([expiry_ns]), np.array([forward]))
    width = float(at_money[0]) * years**0.5 * SAMPLED_DEVIATIONS
    if not width > 0:
        return NO_SMILE
    log_moneyness = np.linspace(-width, width, SAMPLES)
    strikes = forward * np.exp(log_moneyness)
    vol = surface.implied_vol(np.full(SAMPLES, expiry_ns, dtype=np.int64), strikes)
    known = vol > 0
    return ExpirySmile(log_moneyness=log_moneyness[known], vol=vol[known])
