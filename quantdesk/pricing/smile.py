"""One expiry's smile as the kernel holds it: total variance over log-moneyness, SVI in its forms.

`k = ln(K/F)`, `w = σ²T`. A slice is frozen; w and its two derivatives are analytic. Knows no
quote, venue or clock.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from quantdesk import _core
from quantdesk.errors import InvalidInput
from quantdesk.pricing.columns import FloatArray, Numbers, as_numbers

Slice = _core.Slice
"""A frozen smile: `kind` ("spline" or "svi"), `parameters`, `knots`, `wing_slopes`."""

HALF_SPREAD_FLOOR = 0.0015
"""Half-spreads count as at least this much vol: a market one tick wide is no truer than that."""

COMMON_GRID: FloatArray = np.arange(-600, 601) / 200.0
"""The 1,201 log-moneynesses from −3 to 3 on which slices are checked and compared."""
COMMON_GRID.flags.writeable = False


class Jets(NamedTuple):
    """Total variance and its derivatives in k, arrays (n,)."""

    w: FloatArray
    dw: FloatArray
    d2w: FloatArray


class RawSvi(NamedTuple):
    """`w = a + b(ρ(k−m) + √((k−m)² + s²))`."""

    a: float
    b: float
    rho: float
    m: float
    s: float


class NaturalSvi(NamedTuple):
    """`w = Δ + (ω/2)(1 + ζρ(k−μ) + √((ζ(k−μ)+ρ)² + 1 − ρ²))`."""

    delta: float
    mu: float
    rho: float
    omega: float
    zeta: float


class JumpWings(NamedTuple):
    """ATM variance v, ATM skew ψ, put and call wing slopes p and c, least variance."""

    v: float
    psi: float
    p: float
    c: float
    v_min: float


class SviDomain(NamedTuple):
    """Where raw SVI lies in its butterfly-free set (Martini & Mingone, arXiv:2005.03340).

    alpha, mu : a/s and m/s
    mu_low, mu_high : bounds of mu for this b, rho and alpha
    s_least : least s for this mu; None where mu lies outside its bounds and no s is enough
    """

    alpha: float
    mu: float
    mu_low: float
    mu_high: float
    s_least: float | None


def svi_slice(parameters: RawSvi) -> Slice:
    """A slice of raw SVI. Raises InvalidInput naming a parameter outside its domain."""
    return Slice.svi(*parameters)


def spline_slice(knots: Numbers, terms: Numbers) -> Slice:
    """A natural cubic spline.

    Parameters
    ----------
    knots : (n,), ascending log-moneyness
    terms : (n − 1, 4), by interval w, w', w''/2 and w'''/6 at its left knot

    Raises
    ------
    InvalidInput, OutOfDomain : for shapes that do not fit, or numbers that are not finite
    """
    at = np.ascontiguousarray(as_numbers("knots", knots))
    pieces = as_numbers("terms", terms)
    if at.ndim != 1 or pieces.shape != (max(at.size - 1, 0), 4):
        raise InvalidInput("terms", pieces.shape, f"must have shape ({at.size - 1}, 4)")
    return Slice.spline(at, np.ascontiguousarray(pieces).reshape(-1))


def slice_from_parameters(kind: str, knots: int, parameters: FloatArray) -> Slice:
    """The slice whose `kind`, `knots` and `parameters` were written down.

    Raises InvalidInput where they do not describe one.
    """
    values = np.asarray(parameters, dtype=np.float64)
    if kind == "svi" and values.shape == (5,):
        return svi_slice(RawSvi(*values.tolist()))
    if kind == "spline" and knots >= 2 and values.shape == (knots + 4 * (knots - 1),):
        return spline_slice(values[:knots], values[knots:].reshape(-1, 4))
    raise InvalidInput("parameters", (kind, knots, values.shape), "must be those of a slice")


def slice_jets(smile: Slice, log_moneyness: Numbers) -> Jets:
    """w, dw/dk and d²w/dk² of `smile` at `log_moneyness` (any shape)."""
    k = as_numbers("log_moneyness", log_moneyness)
    flat = np.ascontiguousarray(k, dtype=np.float64).reshape(-1)
    w, dw, d2w = (np.empty(flat.size) for _ in range(3))
    smile.jets(flat, w, dw, d2w)
    return Jets(w.reshape(k.shape), dw.reshape(k.shape), d2w.reshape(k.shape))


def durrleman(log_moneyness: Numbers, jets: Jets) -> FloatArray:
    """g(k), not below 0 where a slice is free of butterfly arbitrage; NaN where w is not above 0.

    `g = (1 − k w'/(2w))² − (w'²/4)(1/w + 1/4) + w''/2`, Gatheral & Jacquier (2014).
    """
    k = as_numbers("log_moneyness", log_moneyness)
    w = np.where(jets.w > 0, jets.w, np.nan)
    lean = 1.0 - k * jets.dw / (2.0 * w)
    g = lean * lean - 0.25 * jets.dw**2 * (1.0 / w + 0.25) + 0.5 * jets.d2w
    return np.asarray(g, dtype=np.float64)


def svi_to_natural(parameters: RawSvi) -> NaturalSvi:
    """The natural form. Raises InvalidInput, or OutOfDomain for b = 0, which has none."""
    return NaturalSvi(*_core.svi_to_natural(*parameters))


def svi_from_natural(parameters: NaturalSvi) -> RawSvi:
    """Raw SVI of the natural form. Raises InvalidInput naming a parameter."""
    return RawSvi(*_core.svi_from_natural(*parameters))


def svi_to_jump_wings(parameters: RawSvi, years: float) -> JumpWings:
    """The jump-wing form at `years` to expiry. Raises InvalidInput or OutOfDomain."""
    return JumpWings(*_core.svi_to_jump_wings(*parameters, years))


def svi_from_jump_wings(wings: JumpWings, years: float) -> RawSvi:
    """Raw SVI of jump wings at `years` to expiry.

    Raises OutOfDomain where no slice has them, or where (skew and tilt 0) they leave s open.
    """
    return RawSvi(*_core.svi_from_jump_wings(*wings, years))


def svi_from_ssvi(theta: float, rho: float, psi: float) -> RawSvi:
    """Raw SVI of an SSVI slice: ATM total variance θ, tilt ρ, ψ = θφ. Raises InvalidInput."""
    return RawSvi(*_core.svi_from_ssvi(theta, rho, psi))


def svi_domain(parameters: RawSvi) -> SviDomain | None:
    """Where the slice lies in its butterfly-free set.

    None where it breaks Lee's bound b(1+|ρ|) < 2 or has no variance at its bottom: no width s
    repairs that. Raises InvalidInput naming a parameter.
    """
    found = _core.svi_domain_of(*parameters)
    return None if found is None else SviDomain(*found)


def is_butterfly_free(parameters: RawSvi) -> bool:
    """Whether raw SVI is free of butterfly arbitrage, by the necessary and sufficient condition."""
    found = svi_domain(parameters)
    return found is not None and found.s_least is not None and parameters.s >= found.s_least


def fit_svi(
    years: float,
    log_moneyness: Numbers,
    bid_iv: Numbers,
    ask_iv: Numbers,
    *,
    method: str = "direct",
    floor: float = HALF_SPREAD_FLOOR,
) -> RawSvi:
    """Raw SVI fitted to the quotes of one expiry.

    Parameters
    ----------
    years : time to expiry, above 0
    log_moneyness : (n,), strictly ascending
    bid_iv, ask_iv : (n,), fractions; a bid of 0 or an ask of infinity is a missing side, and such
        quotes take no part
    method : "direct" (all five parameters, Levenberg-Marquardt), "quasi-explicit" (Zeliade) or
        "no-butterfly" (inside the Martini-Mingone domain)
    floor : half-spreads count as at least this, a fraction

    Raises
    ------
    InvalidInput, OutOfDomain, NotConverged : for quotes out of order, too few, or no slice
    """
    k, bid, ask = (
        np.ascontiguousarray(as_numbers(name, value))
        for name, value in (
            ("log_moneyness", log_moneyness),
            ("bid_iv", bid_iv),
            ("ask_iv", ask_iv),
        )
    )
    return RawSvi(*_core.fit_svi(method, years, k, bid, ask, floor))
