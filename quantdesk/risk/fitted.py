"""Surfaces fitted on the market a report is made on, and what is said of them as sources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from quantdesk.domain.instrument import Instrument
from quantdesk.market.chain import FloatArray, IntArray
from quantdesk.market.fitting import FitRefusal, SurfaceFit, fit_surface
from quantdesk.market.market_data import MarketData, UnderlyingMarket, VolSurface
from quantdesk.market.quoted_vols import quoted_vols
from quantdesk.market.surface_quotes import surface_quotes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FittedExpiries:
    """A fit that speaks of its own expiries only: an expiry that it refused keeps its marks."""

    fit: SurfaceFit

    def implied_vol(self, expiry_ns: IntArray, strikes: FloatArray) -> FloatArray:
        """Implied vol of the broadcast shape, fraction; NaN at an expiry without a slice."""
        fitted = np.array([one.expiry_ns for one in self.fit.slices], dtype=np.int64)
        vols = self.fit.implied_vol(expiry_ns, strikes)
        return np.where(np.isin(expiry_ns, fitted), vols, np.nan)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MarketSurfaces:
    """Surfaces by (venue, underlying), the fits behind them, and why the others have none."""

    surfaces: Mapping[tuple[str, str], VolSurface]
    fits: tuple[SurfaceFit, ...]
    refusals: tuple[FitRefusal, ...]


def fit_surfaces(market: MarketData) -> MarketSurfaces:
    """A surface for each underlying whose quotes carry one, by the desk's default model."""
    surfaces: dict[tuple[str, str], VolSurface] = {}
    fits, refusals = [], []
    for one in market.markets:
        quotes = surface_quotes(
            one.chain,
            one.values,
            one.forwards,
            as_of_ns=one.as_of_ns,
            index_price=one.index_price,
        )
        fit = fit_surface(quotes)
        if isinstance(fit, FitRefusal):
            refusals.append(fit)
            continue
        fits.append(fit)
        surfaces[(one.venue, one.underlying)] = FittedExpiries(fit=fit)
    return MarketSurfaces(surfaces=surfaces, fits=tuple(fits), refusals=tuple(refusals))


def with_wanted_surfaces(
    market: MarketData, instruments: Iterable[Instrument]
) -> tuple[MarketData, tuple[str, ...]]:
    """`market` with surfaces where one of `instruments` has no vol of its own, and a sentence each.

    A market that has a surface keeps it; one whose quotes carry none stays without.
    """
    names = {(one.venue, one.name) for one in instruments}
    found, notes = [], []
    for one in market.markets:
        wanting = [] if one.surface is not None else _without_vol(one, names)
        key = (one.venue, one.underlying)
        surface = None
        if wanting:
            alone = MarketData(markets=(one,), source=market.source)
            surface = fit_surfaces(alone).surfaces.get(key)
        if surface is not None:
            notes.append(
                f"{one.venue} {one.underlying}: no quote gives {len(wanting)} held options a vol, "
                f"{wanting[0]} the first; the surface fitted here is asked for it"
            )
        found.append(one if surface is None else replace(one, surface=surface))
    return replace(market, markets=tuple(found)), tuple(notes)


def _without_vol(market: UnderlyingMarket, names: set[tuple[str, str]]) -> list[str]:
    """Those of `names`, by venue and instrument, that this market lists and gives no vol."""
    rows = np.flatnonzero(np.isnan(quoted_vols(market)[0])).tolist()
    listed = [market.chain.instruments[row].name for row in rows]
    return [name for name in listed if (market.venue, name) in names]
