"""Black-76 prices and raw partial derivatives of one or many options.

Domain: forward, strike > 0; years, vol ≥ 0; all finite. At zero time or vol the price is the
discounted intrinsic value and the partials are their limits. No units are converted here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from quantdesk import _core
from quantdesk.errors import InvalidInput
from quantdesk.pricing.columns import Columns, FloatArray, Kinds, Numbers, broadcast, thread_count
from quantdesk.pricing.outputs import shelf

OptionGreeks = _core.OptionGreeks
price_one = _core.price_one
greeks_one = _core.greeks_one

_FIELDS = ("forward", "strike", "years", "vol", "rate")


class Greeks(NamedTuple):
    """Price and raw partials, V(F, K, T, σ, r) discounted; None where not asked for.

    Attributes
    ----------
    price : quote currency per unit of underlying
    delta : ∂V/∂F
    gamma : ∂²V/∂F², per currency
    vega : ∂V/∂σ, per 1.00 of vol
    theta : −∂V/∂T with F and r held, per year
    rho : ∂V/∂r with F held, per 1.00 of rate
    vanna : ∂²V/∂F∂σ
    volga : ∂²V/∂σ²
    charm : −∂²V/∂F∂T, per year
    dual_delta : ∂V/∂K
    dual_gamma : ∂²V/∂K², per currency
    """

    price: FloatArray | None = None
    delta: FloatArray | None = None
    gamma: FloatArray | None = None
    vega: FloatArray | None = None
    theta: FloatArray | None = None
    rho: FloatArray | None = None
    vanna: FloatArray | None = None
    volga: FloatArray | None = None
    charm: FloatArray | None = None
    dual_delta: FloatArray | None = None
    dual_gamma: FloatArray | None = None


OUTPUTS = Greeks._fields
"""Names of the numbers the kernel can give, in its order."""


def price(  # noqa: PLR0917 -- the model's own arguments, in its order
    is_call: Kinds,
    forward: Numbers,
    strike: Numbers,
    years: Numbers,
    vol: Numbers,
    rate: Numbers = 0.0,
    *,
    out: FloatArray | None = None,
    threads: int | None = None,
) -> FloatArray | float:
    """Discounted Black-76 price, quote currency per unit of underlying.

    Parameters
    ----------
    is_call : bool or bool array; True is a call
    forward, strike : float or array, quote currency, above 0
    years : float or array, years to expiry, 0 or more
    vol : float or array, 1.00 is 100 %, 0 or more
    rate : float or array, continuously compounded, for discounting only
    out : C-contiguous float64 array of the broadcast shape to write into
    threads : how many to use, by default `QUANTDESK_THREADS`, else one a core; the bits do not
        depend on it

    Returns
    -------
    float where all arguments are single numbers, else float64 array of the broadcast shape. In a
    batch a row with an argument outside its domain is NaN, and `is_valid` tells which.

    Raises
    ------
    InvalidInput : naming the argument: for single numbers outside the domain, for shapes or types
        that do not fit
    """
    columns = broadcast(is_call, _FIELDS, (forward, strike, years, vol, rate))
    if columns.shape == () and out is None:
        return _core.price_one(*_single(columns))
    target = _target(columns.shape, out)
    targets = [target.reshape(-1), *([None] * (len(OUTPUTS) - 1))]
    _evaluate(columns, targets, threads)
    return target


def greeks(  # noqa: PLR0917 -- the model's own arguments, in its order
    is_call: Kinds,
    forward: Numbers,
    strike: Numbers,
    years: Numbers,
    vol: Numbers,
    rate: Numbers = 0.0,
    *,
    which: Iterable[str] = ("price", "delta", "gamma", "vega", "theta"),
    threads: int | None = None,
) -> Greeks:
    """Price and raw partials in one pass. Arguments as for `price`; units on `Greeks`.

    Parameters
    ----------
    which : names of the outputs to compute, of `OUTPUTS`

    Returns
    -------
    Greeks of float64 arrays of the broadcast shape (shape () for single numbers), None where not
    asked for. In a batch a row with an argument outside its domain is NaN in each.

    Raises
    ------
    InvalidInput : naming the argument
    """
    names = wanted_names(which)
    if not names:
        return Greeks()
    columns = broadcast(is_call, _FIELDS, (forward, strike, years, vol, rate))
    arrays = [shelf.take(columns.shape) if name in names else None for name in OUTPUTS]
    targets = [None if array is None else array.reshape(-1) for array in arrays]
    if columns.shape == ():
        _core.price_one(*_single(columns))  # refuses arguments outside the domain
    _evaluate(columns, targets, threads)
    return Greeks(*arrays)


def wanted_names(which: Iterable[str]) -> frozenset[str]:
    """The names as a set.

    Raises
    ------
    InvalidInput : where one is not of `OUTPUTS`
    """
    names = frozenset(which)
    unknown = sorted(names.difference(OUTPUTS))
    if unknown:
        raise InvalidInput("which", unknown, f"must be among {', '.join(OUTPUTS)}")
    return names


def is_valid(
    forward: Numbers, strike: Numbers, years: Numbers, vol: Numbers, rate: Numbers = 0.0
) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Which rows of a batch have all arguments in the domain: a bool array of the common shape."""
    f, k, t, s, r = (np.asarray(x, dtype=np.float64) for x in (forward, strike, years, vol, rate))
    positive = np.isfinite(f) & (f > 0) & np.isfinite(k) & (k > 0)
    with np.errstate(over="ignore", invalid="ignore"):
        rated = np.isfinite(r) & (np.abs(r * t) <= 700.0)
    return positive & np.isfinite(t) & (t >= 0) & np.isfinite(s) & (s >= 0) & rated


def _target(shape: tuple[int, ...], out: FloatArray | None) -> FloatArray:
    if out is None:
        return shelf.take(shape)
    fits = out.dtype == np.float64 and out.shape == shape and out.flags.c_contiguous
    if not (fits and out.flags.writeable):
        came = f"{out.dtype} array of shape {out.shape}"
        raise InvalidInput(
            "out", came, f"must be a writable C-contiguous float64 array of shape {shape}"
        )
    return out


def _single(columns: Columns) -> tuple[bool, float, float, float, float, float]:
    forward, strike, years, vol, rate = (float(number) for number in columns.numbers)
    return bool(columns.is_call), forward, strike, years, vol, rate


def _evaluate(columns: Columns, targets: Sequence[FloatArray | None], threads: int | None) -> None:
    forward, strike, years, vol, rate = columns.numbers
    count = thread_count(threads)
    _core.evaluate(columns.is_call, forward, strike, years, vol, rate, targets, count)
