"""A fitted surface from a script or notebook: all that can be asked of it, by dates in words.

Dates are expiries as on the command line ("27MAR26", "monthly"), any other date ("2026-07-10",
08:00 UTC), days from the surface's moment ("30d", exactly so many), a full instant, or UTC
nanoseconds. Nothing here computes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quantdesk.domain.times import INSTANT_MAX_NS, expiry_code, format_instant
from quantdesk.errors import InvalidInput
from quantdesk.market.chain import BoolArray, FloatArray, IntArray
from quantdesk.market.clock_edits import parse_event
from quantdesk.market.clock_estimate import ClockEstimate, estimate_clock
from quantdesk.market.fitting import Grade, SliceFit, SurfaceFit
from quantdesk.market.own_vols import OwnSurface, VolOverride
from quantdesk.market.selection import select_expiries
from quantdesk.market.surface_dates import parse_surface_date
from quantdesk.market.surface_density import (
    Density,
    Moments,
    VarianceSwap,
    VolIndex,
    date_density,
    date_moments,
    thirty_day_index,
    variance_swap,
)
from quantdesk.market.surface_edge import surface_edge
from quantdesk.market.surface_greeks import (
    RollDown,
    Stickiness,
    SurfaceGreeks,
    roll_down,
    surface_greeks,
)
from quantdesk.market.surface_points import (
    SmilePoint,
    TermPoint,
    butterfly,
    forward_vol,
    point_at_delta,
    point_at_moneyness,
    point_at_strike,
    risk_reversal,
    term_structure,
)
from quantdesk.market.surface_shocks import SurfaceShock, shock_surface
from quantdesk.snapshot import ChainSnapshot

When = str | int
"""A date, as the module says."""

Values = float | Sequence[float] | FloatArray
"""Strikes or moneynesses: one, several, or an array."""

STICKINESS = {
    "delta": Stickiness.DELTA,
    "strike": Stickiness.STRIKE,
    "surface": Stickiness.SURFACE,
}

LISTED_WORDS = ("nearest", "front", "weekly", "monthly", "quarterly")
"""Names of fitted expiries; any other word is a date."""


class Surface:
    """The volatility surface of one underlying at one venue; frozen.

    Vols are fractions (0.65 is 65 %), ACT/365; `fit` holds residuals, flags and parameters.
    `risk_report(..., surface=surface)` values with it.
    """

    def __init__(self, fit: SurfaceFit, chain: ChainSnapshot, *, gap: float | None = None) -> None:
        self.fit = fit
        self._chain = chain
        self._gap = gap

    def __repr__(self) -> str:
        fit = self.fit
        codes = ", ".join(expiry_code(each.expiry_ns) for each in fit.slices)
        score = f"grade {fit.grade.value}, {100 * fit.in_spread:.1f} % inside"
        if fit.shock is not None:
            score = (
                f"shocked by {fit.shock.words} vol points, grade {fit.grade.value} by what was "
                f"asked (within {100 * fit.shock.gap:.2f} vol points, "
                f"{100 * fit.shock.quoted_gap:.2f} at quotes)"
            )
        return (
            f"<surface {fit.underlying} {fit.venue} {format_instant(fit.as_of_ns)}: "
            f"{fit.options.model}, {score}; {codes}>"
        )

    @property
    def venue(self) -> str:
        """Where its quotes are from."""
        return self.fit.venue

    @property
    def underlying(self) -> str:
        """What it is of."""
        return self.fit.underlying

    @property
    def as_of_ns(self) -> int:
        """Its moment, UTC nanoseconds."""
        return self.fit.as_of_ns

    @property
    def grade(self) -> Grade:
        """How far to trust it, in a letter; `fit.slices` have their own, with flags in words."""
        return self.fit.grade

    @property
    def expiries(self) -> tuple[str, ...]:
        """The fitted expiries: "27MAR26"."""
        return tuple(expiry_code(each.expiry_ns) for each in self.fit.slices)

    @property
    def gap(self) -> float | None:
        """Of a shocked surface the largest distance of a vol from what was asked; else None.

        At all quotes and on k = −3…3; `fit.shock.quoted_gap` is that at quotes alone.
        """
        return self._gap

    def instant(self, when: When) -> int:
        """UTC nanoseconds of a date. Raises InvalidInput for what is none, or not ahead."""
        if isinstance(when, str):
            if when.strip().lower() in LISTED_WORDS:
                listed = [each.expiry_ns for each in self.fit.slices]
                return select_expiries(listed, when, self.as_of_ns)[0]
            return parse_surface_date(self.fit, when)
        if not self.as_of_ns < when <= INSTANT_MAX_NS:
            rule = f"must be after {format_instant(self.as_of_ns)} and before 2262"
            raise InvalidInput("when", when, rule)
        return int(when)

    def slice(self, when: When) -> SliceFit:
        """The fitted smile of an expiry, with residuals and flags.

        Raises InvalidInput where that date has none of its own.
        """
        found = self.fit.slice_at(self.instant(when))
        if found is None:
            rule = f"must be a fitted expiry: {', '.join(self.expiries)}"
            raise InvalidInput("when", when, rule)
        return found

    def forward(self, when: When) -> float:
        """Forward at a date, quote currency for one coin."""
        return float(self.fit.forward(self.instant(when)))

    def implied_vol(self, when: When | IntArray, strikes: Values) -> FloatArray:
        """Implied vols of `strikes`, broadcast with instants where `when` is an array of them.

        NaN for a strike that is not finite and above 0, and for instants of an array that are not
        ahead.
        """
        at = when if isinstance(when, np.ndarray) else np.array(self.instant(when))
        return self.fit.implied_vol(at, _finite(strikes))

    def total_variance(self, when: When, moneyness: Values) -> FloatArray:
        """σ²T at ln(K/F), the shape of `moneyness`; NaN where that is not finite."""
        return self.fit.total_variance(self.instant(when), _finite(moneyness))

    def at_strike(self, when: When, strike: float) -> SmilePoint:
        """The point at a strike. Raises InvalidInput for one not finite and above 0, or far out."""
        return point_at_strike(self.fit, self.instant(when), strike)

    def at_moneyness(self, when: When, k: float) -> SmilePoint:
        """The point at ln(K/F), from −12 to 12. Raises InvalidInput for another."""
        return point_at_moneyness(self.fit, self.instant(when), k)

    def at_delta(self, when: When, delta: float, *, premium_adjusted: bool = False) -> SmilePoint:
        """The point whose option has this delta: a call's above 0, a put's below.

        Raises OutOfDomain where the smile has no such option.
        """
        instant = self.instant(when)
        return point_at_delta(self.fit, instant, delta, premium_adjusted=premium_adjusted)

    def atm(self, when: When) -> float:
        """Vol at the forward."""
        return self.at_moneyness(when, 0.0).vol

    def risk_reversal(
        self, when: When, delta: float = 0.25, *, premium_adjusted: bool = False
    ) -> float:
        """Vol of the `delta` call less that of the put."""
        instant = self.instant(when)
        return risk_reversal(self.fit, instant, delta, premium_adjusted=premium_adjusted)

    def butterfly(
        self, when: When, delta: float = 0.25, *, premium_adjusted: bool = False
    ) -> float:
        """Mean vol of the `delta` call and put less ATM."""
        instant = self.instant(when)
        return butterfly(self.fit, instant, delta, premium_adjusted=premium_adjusted)

    def term_structure(
        self, dates: list[When] | tuple[When, ...] = (), *, delta: float = 0.25
    ) -> tuple[TermPoint, ...]:
        """ATM, risk reversal and butterfly of each date; of the fitted expiries without any."""
        instants = [self.instant(each) for each in dates]
        return term_structure(self.fit, instants or None, delta=delta)

    def forward_vol(self, start: When, end: When, moneyness: float = 0.0) -> float:
        """Vol between two dates at constant ln(K/F), from −12 to 12.

        Raises InvalidInput out of order, and for another ln(K/F).
        """
        return forward_vol(self.fit, self.instant(start), self.instant(end), moneyness)

    def clock_estimate(self, *events: str) -> ClockEstimate:
        """What the term structure says of the weekend and of `events`, with standard errors.

        An event is "2026-06-17T18:00Z 2h FOMC": start, length (a day if left out), name. Raises
        InvalidInput. `estimate.clock` is the clock that they make, normalised.
        """
        return estimate_clock(self.fit, [parse_event(text, needs_days=False) for text in events])

    def greeks(
        self,
        when: When,
        strikes: Values,
        option_type: str | BoolArray = "call",
        *,
        stickiness: str | float = "strike",
    ) -> SurfaceGreeks:
        """Greeks of options of one date, for one coin in quote currency; arrays (n,).

        NaN for a strike that is not finite and above 0.

        Parameters
        ----------
        option_type : "call" or "put" for all, or an array (n,) that is true for calls
        stickiness : what stays when the forward moves: "strike", "delta", "surface" (the skew's
            own move), or any skew-stickiness ratio from −100 to 100

        Raises
        ------
        InvalidInput : for another word or ratio, or an `option_type` that is neither a word nor
            one bool for each strike
        """
        at = _strikes(strikes)
        is_call = _calls(option_type, at.size)
        if isinstance(stickiness, str):
            if stickiness not in STICKINESS:
                rule = f"must be one of {', '.join(STICKINESS)}, or a ratio"
                raise InvalidInput("stickiness", stickiness, rule)
            stickiness = STICKINESS[stickiness].value
        return surface_greeks(self.fit, self.instant(when), at, is_call, stickiness)

    def roll_down(
        self, when: When, strikes: Values, option_type: str | BoolArray = "call"
    ) -> RollDown:
        """What one calendar day down the surface as it stands does to options; arrays (n,).

        Vol (a fraction) and price (one coin, quote currency) at the same strike and forward, with
        the vol that the surface now has for a date one day nearer. `option_type` and NaN as for
        `greeks`.
        """
        at = _strikes(strikes)
        return roll_down(self.fit, self.instant(when), at, _calls(option_type, at.size))

    def density(self, when: When) -> Density:
        """Risk-neutral density of ln(S/F) at a date: places and values, arrays (n,)."""
        return date_density(self.fit, self.instant(when))

    def moments(self, when: When) -> Moments:
        """Mean, deviation, skewness and excess kurtosis of ln(S/F) at a date."""
        return date_moments(self.fit, self.instant(when))

    def variance_swap(self, when: When) -> VarianceSwap:
        """The fair strike of a variance swap to a date, by replication."""
        return variance_swap(self.fit, self.instant(when))

    def index(self, days: int = 30) -> VolIndex:
        """A constant-maturity vol index in vol points: ours, not DVOL.

        Fair variances of the two expiries around it by replication, linear in total variance.
        """
        if isinstance(days, bool) or not 1 <= days <= 3650:
            raise InvalidInput("days", days, "must be from 1 to 3650")
        return thirty_day_index(self.fit, days)

    def shocked(
        self,
        *,
        level: float = 0.0,
        skew: float = 0.0,
        curvature: float = 0.0,
        term: float = 0.0,
    ) -> Surface:
        """The surface moved, in vol as fractions, and still free of arbitrage.

        `gap` says how far from what was asked, and so does its grade. A shock of nothing is the
        surface itself. Raises OutOfDomain where there is no such surface.
        """
        shock = SurfaceShock(level=level, skew=skew, curvature=curvature, term=term)
        moved = shock_surface(self.fit, shock)
        return Surface(moved.fit, self._chain, gap=moved.gap)

    def own_vols(
        self,
        when: When,
        *,
        shift: float = 0.0,
        tilt: float = 0.0,
        pins: Mapping[float, float] | None = None,
    ) -> OwnSurface:
        """Own vols of one expiry beside the market's: `implied_vol` reads them, `faults` says what
        arbitrage they imply.

        Parameters
        ----------
        shift, tilt : vols as fractions
        pins : own vol by strike
        """
        own = VolOverride(
            expiry_ns=self.slice(when).expiry_ns,
            shift=shift,
            tilt=tilt,
            pins=tuple(sorted((pins or {}).items())),
        )
        return OwnSurface(fit=self.fit, overrides=(own,))

    def edge(self, own: OwnSurface | None = None) -> dict[str, NDArray[Any]]:
        """Theo and edge of every option of the chain as columns, arrays (n,).

        NaN where there is no theo or no such side. With `own` vols, they are the theo. Units as in
        `SurfaceEdge`.
        """
        raw, values = self._chain.chain, self._chain.fit_values()
        edge = surface_edge(self.fit, raw, values, own=own)
        return {
            "instrument_name": np.array([instrument.name for instrument in raw.instruments]),
            "expiry": raw.expiry_ns.astype("datetime64[ns]"),
            "strike": raw.strike.copy(),
            "option_type": np.where(raw.is_call, "call", "put"),
            "bid_iv": values.bid_iv.copy(),
            "ask_iv": values.ask_iv.copy(),
            "theo_iv": edge.theo_iv,
            "theo": edge.theo,
            "sell_edge_vol": edge.sell_edge_vol,
            "sell_edge_ticks": edge.sell_edge_ticks,
            "buy_edge_vol": edge.buy_edge_vol,
            "buy_edge_ticks": edge.buy_edge_ticks,
        }


def _finite(values: Values) -> FloatArray:
    """Numbers as an array of their shape, NaN where one is not finite."""
    at = np.asarray(values, dtype=np.float64)
    return np.where(np.isfinite(at), at, np.nan)


def _strikes(values: Values) -> FloatArray:
    """Strikes as an array (n,), NaN where one is no strike."""
    at = np.atleast_1d(np.asarray(values, dtype=np.float64))
    return np.where(np.isfinite(at) & (at > 0), at, np.nan)


def _calls(option_type: str | BoolArray, count: int) -> BoolArray:
    """Whether each of `count` options is a call. Raises InvalidInput for what does not say."""
    if isinstance(option_type, str):
        if option_type not in ("call", "put"):
            raise InvalidInput("option_type", option_type, "must be call or put")
        return np.full(count, option_type == "call")
    found = np.asarray(option_type)
    if found.dtype != np.bool_ or found.shape != (count,):
        # Any other value would be read as true: "put" in a list as a call.
        rule = f"must be call, put, or a true or false for each of {count} strikes"
        raise InvalidInput("option_type", option_type, rule)
    return found
