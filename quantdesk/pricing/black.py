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
from quantdesk.pricing.columns import (
    Columns,
    FloatArray,
    Kinds,
    Numbers,
    broadcast,
    described,
    thread_count,
    together,
)
from quantdesk.pricing.outputs import Results, check_out, result_arrays, shelf

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
    out : C-contiguous float64 array of the broadcast shape to write into, apart from the arguments
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
    if out is None:
        target = shelf.take(columns.shape)
    else:
        check_out("out", out, columns.shape, (columns.is_call, *columns.numbers))
        target = out
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
    out: Results | None = None,
    threads: int | None = None,
) -> Greeks:
    """Price and raw partials in one pass. Arguments as for `price`; units on `Greeks`.

    Parameters
    ----------
    which : names of the outputs to compute, of `OUTPUTS`
    out : C-contiguous float64 arrays of the broadcast shape to write into, by name, or the Greeks
        of an earlier call; outputs that are not in it get arrays of their own

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
    arrays = result_arrays(OUTPUTS, names, columns.shape, out, (columns.is_call, *columns.numbers))
    targets = [None if array is None else array.reshape(-1) for array in arrays]
    if columns.shape == ():
        _core.price_one(*_single(columns))  # refuses arguments outside the domain
    _evaluate(columns, targets, threads)
    return Greeks(*arrays)


def wanted_names(which: Iterable[str], known: Sequence[str] = OUTPUTS) -> frozenset[str]:
    """The names as a set.

    Raises
    ------
    InvalidInput : where one is not of `known`
    """
    rule = f"must be among {', '.join(known)}"
    if isinstance(which, str):
        raise InvalidInput("which", which, f"must be a collection of names, and each {rule}")
    try:
        names = frozenset(which)
    except TypeError:
        raise InvalidInput("which", described(which), rule) from None
    unknown = sorted(str(name) for name in names.difference(known))
    if unknown:
        raise InvalidInput("which", unknown, rule)
    return names


def is_valid(
    forward: Numbers, strike: Numbers, years: Numbers, vol: Numbers, rate: Numbers = 0.0
) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Which rows of a batch have all arguments in the domain: a bool array of the common shape.

    Raises
    ------
    InvalidInput : naming the argument that holds no numbers, or whose shape does not fit
    """
    f, k, t, s, r = together(_FIELDS, (forward, strike, years, vol, rate))
    positive = np.isfinite(f) & (f > 0) & np.isfinite(k) & (k > 0)
    with np.errstate(over="ignore", invalid="ignore"):
        rated = np.isfinite(r) & (np.abs(r * t) <= 700.0)
    return positive & np.isfinite(t) & (t >= 0) & np.isfinite(s) & (s >= 0) & rated


def _single(columns: Columns) -> tuple[bool, float, float, float, float, float]:
    forward, strike, years, vol, rate = (float(number) for number in columns.numbers)
    return bool(columns.is_call), forward, strike, years, vol, rate


def _evaluate(columns: Columns, targets: Sequence[FloatArray | None], threads: int | None) -> None:
    forward, strike, years, vol, rate = columns.numbers
    count = thread_count(threads)
    _core.evaluate(columns.is_call, forward, strike, years, vol, rate, targets, count)
