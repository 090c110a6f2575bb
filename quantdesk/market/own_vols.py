"""Own vols beside the market's: a shift, a tilt and pinned strikes for each expiry.

They never touch the fit. `OwnSurface` reads the market's surface and adds what the user said, so
that both can be shown and an edge can be told against either. Own vols are checked for arbitrage
and not repaired: they are an opinion, and the user is told what it implies.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from quantdesk.domain.times import expiry_code
from quantdesk.errors import InvalidInput
from quantdesk.market.chain import FloatArray, IntArray
from quantdesk.market.fitting import SliceFit, SurfaceFit
from quantdesk.market.fitting_grades import concave_points
from quantdesk.pricing.smile import COMMON_GRID

PINS_MAX = 32
"""Pinned strikes of one expiry: more are a smile of one's own, not corrections to one."""

PIN_REACH = 0.75
"""Standard deviations over which a pin's effect fades to each side of the outermost pins."""

MOVE_MAX = 1.0
"""A shift or tilt beyond 100 vol points is a slip of the keyboard."""

OWN_VOL_LEAST = 0.01
"""Own vols do not go below 1 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VolOverride:
    """What the user adds to one expiry's smile, in vol as a fraction.

    shift : everywhere
    tilt : −tilt·x/√(1 + x²/4) with x = ln(K/F) in standard deviations at the money: above 0 puts
        rise and calls fall, by about this much at one deviation
    pins : (strike, own vol): the own smile passes through them; what they add fades smoothly to
        nothing within three quarters of a standard deviation
    """

    expiry_ns: int
    shift: float = 0.0
    tilt: float = 0.0
    pins: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        for name in ("shift", "tilt"):
            value = getattr(self, name)
            if not (math.isfinite(value) and abs(value) <= MOVE_MAX):
                raise InvalidInput(name, value, "must be a vol from -1 to 1, a fraction")
        if len(self.pins) > PINS_MAX:
            raise InvalidInput("pins", len(self.pins), f"must be at most {PINS_MAX} an expiry")
        for strike, vol in self.pins:
            if not (math.isfinite(strike) and strike > 0):
                raise InvalidInput("pins", strike, "must have a strike above 0")
            if not (math.isfinite(vol) and OWN_VOL_LEAST <= vol <= 5.0):
                raise InvalidInput("pins", vol, "must have a vol from 0.01 to 5, a fraction")
        strikes = [strike for strike, _ in self.pins]
        if len(set(strikes)) != len(strikes):
            raise InvalidInput("pins", strikes, "must name each strike once")

    @property
    def is_empty(self) -> bool:
        """Whether it changes nothing."""
        return self.shift == 0.0 and self.tilt == 0.0 and not self.pins

    def words(self) -> str:
        """The override in words, vols in points."""
        parts = []
        if self.shift:
            parts.append(f"shift {100 * self.shift:+.2f}")
        if self.tilt:
            parts.append(f"tilt {100 * self.tilt:+.2f}")
        parts += [f"pin {strike:,.0f} at {100 * vol:.2f}" for strike, vol in sorted(self.pins)]
        return ", ".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OwnSurface:
    """The market's surface with the user's overrides: the own vol wherever there is one.

    Speaks of the fit's own expiries only, as `risk.fitted.FittedExpiries` does.
    """

    fit: SurfaceFit
    overrides: tuple[VolOverride, ...]

    def __post_init__(self) -> None:
        instants = [each.expiry_ns for each in self.overrides]
        if len(set(instants)) != len(instants):
            raise InvalidInput("overrides", instants, "must name each expiry once")

    def override(self, expiry_ns: int) -> VolOverride | None:
        """What is said of one expiry; None where nothing is."""
        return next((each for each in self.overrides if each.expiry_ns == expiry_ns), None)

    def implied_vol(self, expiry_ns: IntArray, strikes: FloatArray) -> FloatArray:
        """Own vol of the broadcast shape, fraction, ACT/365; NaN at an expiry without a slice."""
        instants, at = np.broadcast_arrays(
            np.asarray(expiry_ns, dtype=np.int64), np.asarray(strikes, dtype=np.float64)
        )
        fitted = np.array([each.expiry_ns for each in self.fit.slices], dtype=np.int64)
        vol = np.where(np.isin(instants, fitted), self.fit.implied_vol(instants, at), np.nan)
        for override in self.overrides:
            rows = instants == override.expiry_ns
            each = self.fit.slice_at(override.expiry_ns)
            if each is not None and rows.any():
                vol[rows] = self._own(each, override, at[rows], vol[rows])
        return vol

    def faults(self) -> tuple[str, ...]:
        """Arbitrage that the own vols imply on the common grid, as sentences."""
        sentences = []
        before: tuple[str, FloatArray] | None = None
        for each in self.fit.slices:
            vol = self.implied_vol(np.array([each.expiry_ns]), each.forward * np.exp(COMMON_GRID))
            w = vol * vol * each.years
            code, override = expiry_code(each.expiry_ns), self.override(each.expiry_ns)
            if override is not None and not override.is_empty and (count := concave_points(w)):
                sentences.append(f"Own vols of {code}: {count} points with concave prices.")
            if before is not None and np.any(w < before[1]):
                sentences.append(f"Own vols of {code} lie below those of {before[0]} in variance.")
            before = (code, w)
        return tuple(sentences)

    def _own(
        self, each: SliceFit, override: VolOverride, strikes: FloatArray, vol: FloatArray
    ) -> FloatArray:
        width = each.atm_iv * math.sqrt(each.years)
        with np.errstate(invalid="ignore", divide="ignore"):
            x = np.log(np.where(strikes > 0, strikes, np.nan) / each.forward) / width
        moved = vol + _lean(override, x)
        if override.pins:
            moved = moved + self._pinned(each, override, width, x)
        return np.where(np.isnan(moved), moved, np.maximum(moved, OWN_VOL_LEAST))

    def _pinned(
        self, each: SliceFit, override: VolOverride, width: float, x: FloatArray
    ) -> FloatArray:
        """What pins add at `x`: smooth between them, fading beside the outermost ones."""
        pins: Sequence[tuple[float, float]] = sorted(override.pins)
        strikes = np.array([strike for strike, _ in pins])
        at = np.log(strikes / each.forward) / width
        market = self.fit.implied_vol(np.array([each.expiry_ns]), strikes)
        gap = np.array([vol for _, vol in pins]) - market - _lean(override, at)
        knots = np.concatenate(([at[0] - PIN_REACH], at, [at[-1] + PIN_REACH]))
        return _smooth_steps(x, knots, np.concatenate(([0.0], gap, [0.0])))


def _lean(override: VolOverride, x: FloatArray) -> FloatArray:
    return override.shift - override.tilt * x / np.sqrt(1.0 + x * x / 4.0)


def _smooth_steps(x: FloatArray, knots: FloatArray, values: FloatArray) -> FloatArray:
    """`values` at `knots`, level there, and t²(3 − 2t) of the way between: no kink is an edge."""
    place = np.clip(np.searchsorted(knots, x) - 1, 0, knots.size - 2)
    t = np.clip((x - knots[place]) / (knots[place + 1] - knots[place]), 0.0, 1.0)
    way = t * t * (3.0 - 2.0 * t)
    return np.asarray(values[place] + way * (values[place + 1] - values[place]), dtype=np.float64)
