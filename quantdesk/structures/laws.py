"""Probability laws of the settlement price, each with its name.

A chance is only worth something together with its law, so every number carries `name`. The laws
are of the index at one horizon; none of them is a forecast of ours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import ndtr, ndtri

from quantdesk import pricing
from quantdesk.errors import InvalidInput
from quantdesk.market.chain import FloatArray
from quantdesk.market.market_data import VolSurface

QUANTILES = 2_001
"""Equally probable points that expectations and percentiles are taken on."""

SLICES = (np.arange(QUANTILES) + 0.5) / QUANTILES
"""Their probabilities: the middles of equal slices."""

NORMAL_QUANTILES = ndtri(SLICES)

GRID_SIGMAS = 9.0
GRID_POINTS = 6_001
NOT_MONOTONE_MAX = 1e-6
"""A distribution function that falls by more than this carries arbitrage and is refused."""


class Law(Protocol):
    """A distribution of the settlement price."""

    @property
    def name(self) -> str:
        """What the law is, with its numbers: part of every answer."""

    def cdf(self, prices: FloatArray) -> FloatArray:
        """Probability of ending below `prices` (n,), which are above 0 or infinite."""

    def quantiles(self) -> FloatArray:
        """`QUANTILES` equally probable prices, ascending."""

    def moment(self, power: int, edges: FloatArray) -> FloatArray:
        """E[D^power; edges[i] < D < edges[i + 1]] (n − 1,); edges ascend from 0 to infinity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lognormal:
    """ln D is normal with variance `vol²·years` and mean D = `forward`."""

    name: str
    forward: float
    vol: float
    years: float

    @property
    def total_vol(self) -> float:
        """σ√T."""
        return self.vol * math.sqrt(self.years)

    def cdf(self, prices: FloatArray) -> FloatArray:
        """Φ((ln(x/F) + v²/2)/v)."""
        v = self.total_vol
        with np.errstate(divide="ignore"):
            below: FloatArray = ndtr((np.log(prices / self.forward) + 0.5 * v * v) / v)
        return below

    def quantiles(self) -> FloatArray:
        """F·exp(v·z − v²/2) at the middles of equally probable slices."""
        v = self.total_vol
        drawn: FloatArray = self.forward * np.exp(v * NORMAL_QUANTILES - 0.5 * v * v)
        return drawn

    def moment(self, power: int, edges: FloatArray) -> FloatArray:
        """F^p·exp(p(p − 1)v²/2)·Φ((ln(x/F) + v²/2)/v − p·v), between edges."""
        v = self.total_vol
        scale = self.forward**power * math.exp(0.5 * power * (power - 1) * v * v)
        with np.errstate(divide="ignore"):
            z = (np.log(edges / self.forward) + 0.5 * v * v) / v - power * v
        parts: FloatArray = scale * np.diff(ndtr(z))
        return parts


def driftless(forward: float, vol: float, years: float, *, expiry: str, vol_of: str) -> Lognormal:
    """The default law at `expiry`: lognormal around its forward, at the ATM-forward vol of the last
    expiry of the structure, `vol_of`.

    Raises InvalidInput where a number is not above 0.
    """
    for field, value in (("forward", forward), ("atm vol", vol), ("years", years)):
        if not (math.isfinite(value) and value > 0):
            raise InvalidInput(field, value, f"of {expiry} must be above 0 for a lognormal law")
    name = (
        f"driftless lognormal to {expiry}: forward {forward:,.2f}, "
        f"ATM-forward IV {vol:.2%} of {vol_of}"
    )
    return Lognormal(name=name, forward=forward, vol=vol, years=years)


def own_view(*, spot: float, drift: float, vol: float, years: float) -> Lognormal:
    """One's own lognormal, mean spot·exp(drift·years).

    spot : index, USD per coin;  drift : of the index, a year;  vol : a fraction;  years : ACT/365

    Raises InvalidInput where a number is out of its domain.
    """
    if not (math.isfinite(vol) and 0 < vol <= 10):
        raise InvalidInput("vol", vol, "of a view must be from above 0 to 10 (1000 %)")
    if not (math.isfinite(drift) and abs(drift) <= 10):
        raise InvalidInput("drift", drift, "of a view must be from -10 to 10 a year")
    name = f"own lognormal, drift {drift:+.2%} a year, vol {vol:.2%}"
    return Lognormal(name=name, forward=spot * math.exp(drift * years), vol=vol, years=years)


@dataclass(frozen=True, slots=True, kw_only=True)
class SurfaceDensity:
    """The risk-neutral distribution that a fitted surface implies at one expiry.

    prices, below : float64 (n,), the distribution function on a grid, both ascending
    """

    name: str
    prices: FloatArray
    below: FloatArray

    def cdf(self, prices: FloatArray) -> FloatArray:
        """Linear on the grid in ln price, 0 and 1 outside it."""
        with np.errstate(divide="ignore"):
            at = np.log(prices)
        found: FloatArray = np.interp(at, np.log(self.prices), self.below, left=0.0, right=1.0)
        return found

    def quantiles(self) -> FloatArray:
        """The inverse of the grid at the middles of equally probable slices."""
        drawn: FloatArray = np.exp(np.interp(SLICES, self.below, np.log(self.prices)))
        return drawn

    def moment(self, power: int, edges: FloatArray) -> FloatArray:
        """Sums over the grid, each slice at the mean of its two ends."""
        worth = 0.5 * (self.prices[1:] ** float(power) + self.prices[:-1] ** float(power))
        running = np.concatenate([[0.0], np.cumsum(worth * np.diff(self.below))])
        with np.errstate(divide="ignore"):
            at = np.log(np.maximum(edges, 0.0))
        found: FloatArray = np.diff(np.interp(at, np.log(self.prices), running))
        return found


def surface_density(
    surface: VolSurface, *, expiry_ns: int, forward: float, years: float, expiry: str
) -> SurfaceDensity:
    """P(D < K) = 1 + ∂C/∂K on the fitted surface (Breeden and Litzenberger 1978).

    Raises InvalidInput where the surface does not reach the expiry, or where what it implies is no
    distribution.
    """
    atm = surface.implied_vol(np.array([expiry_ns]), np.array([forward]))[0]
    if not np.isfinite(atm) or atm <= 0:
        raise InvalidInput("surface", expiry, "does not reach this expiry")
    reach = GRID_SIGMAS * float(atm) * math.sqrt(years)
    k = np.linspace(-reach, reach, GRID_POINTS)
    strikes = forward * np.exp(k)
    vols = surface.implied_vol(np.full(k.size, expiry_ns), strikes)
    known = np.isfinite(vols)
    k, strikes, vols = k[known], strikes[known], vols[known]
    total_vol = vols * math.sqrt(years)
    digital = pricing.digital(False, forward, strikes, years, vols).price
    d2 = -k / total_vol - 0.5 * total_vol
    density = np.exp(-0.5 * d2 * d2) / math.sqrt(2 * math.pi)
    below = digital + density * np.gradient(total_vol, k)
    if below.size < GRID_POINTS // 2 or np.diff(below).min() < -NOT_MONOTONE_MAX:
        rule = "implies no distribution: its digital prices are not monotone"
        raise InvalidInput("surface", expiry, rule)
    return SurfaceDensity(
        name=f"risk-neutral density of the fitted surface, {expiry}",
        prices=strikes,
        below=np.clip(np.maximum.accumulate(below), 0.0, 1.0),
    )
