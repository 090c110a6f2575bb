"""All that traders read off one date of a surface, and off points of it, as one value.

Puts together what `surface_points`, `surface_greeks` and `surface_density` compute; computes
nothing itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from quantdesk.errors import OutOfDomain
from quantdesk.market.fitting import SurfaceFit
from quantdesk.market.surface_density import (
    Moments,
    VarianceSwap,
    date_moments,
    date_words,
    variance_swap,
)
from quantdesk.market.surface_greeks import (
    RollDown,
    Stickiness,
    SurfaceGreeks,
    roll_down,
    surface_greeks,
)
from quantdesk.market.surface_points import (
    SmilePoint,
    atm_vol,
    forward_vol,
    point_at_delta,
    point_at_moneyness,
    point_at_strike,
)


class PointKind(Enum):
    """What a point of a smile is asked for by. MONEYNESS is ln(K/F)."""

    STRIKE = "strike"
    DELTA = "delta"
    MONEYNESS = "moneyness"


@dataclass(frozen=True, slots=True, kw_only=True)
class PointAsked:
    """A point as it was asked for; a delta above 0 is a call's, below 0 a put's."""

    kind: PointKind
    value: float


AT_THE_MONEY = PointAsked(kind=PointKind.MONEYNESS, value=0.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PointReading:
    """One point: where it lies and the Greeks of its option, by what stays when the forward moves.

    is_call : the option out of the money, or that of the delta asked for
    point, roll, greeks : None where the smile has no such option, and `problem` says why
    roll : of one calendar day down the surface, forward held
    """

    asked: PointAsked
    is_call: bool
    point: SmilePoint | None
    greeks: dict[Stickiness, SurfaceGreeks]
    roll: RollDown | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wings:
    """Vols of a put and a call of one delta, fractions; None where a wing has no such option."""

    delta: float
    put: float | None
    call: float | None
    risk_reversal: float | None
    butterfly: float | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DateReading:
    """One date. `forward_vol` is from the date read before it, or the surface's moment.

    origin : how the smile of this date comes about, in words
    """

    expiry_ns: int
    years: float
    clock_years: float
    forward: float
    origin: str
    atm: float
    forward_vol: float
    wings: tuple[Wings, ...]
    moments: Moments
    variance_swap: VarianceSwap
    points: tuple[PointReading, ...]


def read_dates(
    fit: SurfaceFit,
    expiries_ns: Sequence[int],
    *,
    points: Sequence[PointAsked] = (),
    deltas: Sequence[float] = (0.25,),
    premium_adjusted: bool = False,
) -> tuple[DateReading, ...]:
    """The surface at dates ahead, ascending; at the money where no points are asked for.

    Raises InvalidInput for a date not ahead of the surface, and for a strike or delta that is none.
    """
    found = []
    before_ns = fit.as_of_ns
    for expiry_ns in sorted(set(expiries_ns)):
        atm = atm_vol(fit, expiry_ns)
        found.append(
            DateReading(
                expiry_ns=expiry_ns,
                years=float(fit.years(expiry_ns)),
                clock_years=float(fit.clock_years(expiry_ns)),
                forward=float(fit.forward(expiry_ns)),
                origin=date_words(fit, expiry_ns),
                atm=atm,
                forward_vol=forward_vol(fit, before_ns, expiry_ns),
                wings=tuple(
                    _wings(fit, expiry_ns, delta, atm, premium_adjusted) for delta in deltas
                ),
                moments=date_moments(fit, expiry_ns),
                variance_swap=variance_swap(fit, expiry_ns),
                points=tuple(
                    _read_point(fit, expiry_ns, each, premium_adjusted)
                    for each in points or (AT_THE_MONEY,)
                ),
            )
        )
        before_ns = expiry_ns
    return tuple(found)


def _wings(
    fit: SurfaceFit, expiry_ns: int, delta: float, atm: float, premium_adjusted: bool
) -> Wings:
    put, call = (_vol_at_delta(fit, expiry_ns, d, premium_adjusted) for d in (-delta, delta))
    has_both = put is not None and call is not None
    return Wings(
        delta=delta,
        put=put,
        call=call,
        risk_reversal=call - put if call is not None and put is not None else None,
        butterfly=0.5 * ((call or 0.0) + (put or 0.0)) - atm if has_both else None,
    )


def _vol_at_delta(
    fit: SurfaceFit, expiry_ns: int, delta: float, premium_adjusted: bool
) -> float | None:
    try:
        return point_at_delta(fit, expiry_ns, delta, premium_adjusted=premium_adjusted).vol
    except OutOfDomain:
        return None


def _read_point(
    fit: SurfaceFit, expiry_ns: int, asked: PointAsked, premium_adjusted: bool
) -> PointReading:
    value = asked.value
    try:
        if asked.kind is PointKind.STRIKE:
            point = point_at_strike(fit, expiry_ns, value)
        elif asked.kind is PointKind.MONEYNESS:
            point = point_at_moneyness(fit, expiry_ns, value)
        else:
            point = point_at_delta(fit, expiry_ns, value, premium_adjusted=premium_adjusted)
    except OutOfDomain as error:
        return PointReading(
            asked=asked, is_call=value > 0, point=None, greeks={}, problem=f"{error}"
        )
    is_call = value > 0 if asked.kind is PointKind.DELTA else point.k >= 0
    strikes, calls = np.array([point.strike]), np.array([is_call])
    greeks = {kind: surface_greeks(fit, expiry_ns, strikes, calls, kind) for kind in Stickiness}
    roll = roll_down(fit, expiry_ns, strikes, calls)
    return PointReading(asked=asked, is_call=is_call, point=point, greeks=greeks, roll=roll)
