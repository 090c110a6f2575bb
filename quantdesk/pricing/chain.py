"""Price and partials of a whole chain: many strikes, one forward, years and rate per expiry."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from quantdesk import _core
from quantdesk.errors import InvalidInput
from quantdesk.pricing.black import OUTPUTS, Greeks, wanted_names
from quantdesk.pricing.columns import (
    FloatArray,
    Kinds,
    Numbers,
    as_numbers,
    broadcast,
    described,
    thread_count,
)
from quantdesk.pricing.outputs import Results, result_arrays


def chain_greeks(
    is_call: Kinds,
    strike: Numbers,
    vol: Numbers,
    *,
    starts: Sequence[int] | npt.NDArray[np.integer],
    forward: Numbers,
    years: Numbers,
    rate: Numbers = 0.0,
    which: Iterable[str] = ("price", "delta", "gamma", "vega", "theta"),
    out: Results | None = None,
    threads: int | None = None,
) -> Greeks:
    """Price and partials of options grouped by expiry; the same bits as `greeks`, sooner.

    Parameters
    ----------
    is_call, strike, vol : arrays (n,), or single numbers for all rows
    starts : whole numbers (m,), first row of each expiry: 0, then ascending; an expiry ends where
        the next starts, the last with the rows
    forward, years : arrays (m,), one an expiry
    rate : float, or array (m,)
    which, out, threads : as for `greeks`

    Returns
    -------
    Greeks of float64 arrays (n,), None where not asked for; a row outside the domain is NaN

    Raises
    ------
    InvalidInput, OutOfDomain : for shapes, types or starts that do not fit
    """
    names = wanted_names(which)
    if not names:
        return Greeks()
    columns = broadcast(is_call, ("strike", "vol"), (strike, vol))
    if len(columns.shape) != 1:
        rule = "must make rows of one dimension together"
        raise InvalidInput("is_call, strike, vol", columns.shape, rule)
    strikes, vols = columns.numbers
    rates = as_numbers("rate", rate)
    times, forwards = _per_expiry("years", years), _per_expiry("forward", forward)
    used = (columns.is_call, strikes, vols, times, forwards, rates)
    arrays = result_arrays(OUTPUTS, names, columns.shape, out, used)
    _core.evaluate_chain(
        columns.is_call,
        strikes,
        vols,
        _starts(starts),
        forwards,
        times,
        float(rates) if rates.ndim == 0 else _per_expiry("rate", rates),
        arrays,
        thread_count(threads),
    )
    return Greeks(*arrays)


def _per_expiry(field: str, value: Numbers) -> FloatArray:
    array = np.atleast_1d(as_numbers(field, value))
    if array.ndim != 1:
        raise InvalidInput(field, array.shape, "must be one number an expiry")
    return np.ascontiguousarray(array)


def _starts(starts: Sequence[int] | npt.NDArray[np.integer]) -> npt.NDArray[np.uintp]:
    try:
        array = np.atleast_1d(np.asarray(starts))
    except ValueError:
        array = np.empty((0, 0))
    if array.shape == (0,):
        return np.empty(0, dtype=np.uintp)
    if array.dtype.kind not in "iu" or array.ndim != 1 or array.min() < 0:
        rule = "must be whole numbers, 0 or more, one an expiry"
        raise InvalidInput("starts", described(starts), rule)
    return np.ascontiguousarray(array, dtype=np.uintp)
