"""Implied volatility of one or many options, with a status a row.

A vol comes with the status OK. With NO_INFORMATION the price is within two units in its last place
of a bound: where it is still inside, the vol is the exact one of that double, which the rounding of
the price decides; do not trade on it. All other statuses come with NaN.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from quantdesk import _core
from quantdesk.errors import InvalidInput
from quantdesk.pricing.columns import (
    FloatArray,
    Kinds,
    Numbers,
    broadcast,
    described,
    thread_count,
)
from quantdesk.pricing.outputs import check_out, shelf

_FIELDS = ("price", "forward", "strike", "years", "rate")
_PREMIUMS = {"quote": 0, "coin": 1, "time_value": 2}

implied_vol_one = _core.implied_vol_one


class IvStatus(IntEnum):
    """What became of a row: OK has a vol, and only OK is to be traded on.

    NO_INFORMATION has one where the price is inside its bounds, decided by its rounding; all other
    statuses have NaN.
    """

    OK = 0
    BELOW_INTRINSIC = 1
    ABOVE_BOUND = 2
    NO_INFORMATION = 3
    EXPIRED = 4
    BAD_INPUT = 5
    NOT_CONVERGED = 6


class ImpliedVols(NamedTuple):
    """Volatilities and statuses of the broadcast shape.

    Attributes
    ----------
    vol : float64 array, 1.00 is 100 %
    status : uint8 array of `IvStatus` codes
    """

    vol: FloatArray
    status: npt.NDArray[np.uint8]


def implied_vol(  # noqa: PLR0917 -- the model's own arguments, in its order
    price: Numbers,
    is_call: Kinds,
    forward: Numbers,
    strike: Numbers,
    years: Numbers,
    rate: Numbers = 0.0,
    *,
    premium: str = "quote",
    out: FloatArray | None = None,
    threads: int | None = None,
) -> ImpliedVols:
    """Black-76 implied volatility, exact to what the rounded price determines.

    Parameters
    ----------
    price : float or array, in the unit that `premium` names
    is_call : bool or bool array; True is a call
    forward, strike : float or array, quote currency
    years : float or array, years to expiry
    rate : float or array, continuously compounded, for discounting; not used for coin prices
    premium : `quote` (discounted, quote currency), `coin` (undiscounted price over the forward)
        or `time_value` (discounted price less discounted intrinsic value)
    out, threads : as for `quantdesk.pricing.price`; `out` takes the vols

    Returns
    -------
    ImpliedVols of arrays of the broadcast shape, shape () for single numbers

    Raises
    ------
    InvalidInput : for shapes, types or a premium that is not known; never for a row's numbers
    """
    code = _PREMIUMS.get(premium) if isinstance(premium, str) else None
    if code is None:
        raise InvalidInput("premium", described(premium), f"must be one of {', '.join(_PREMIUMS)}")
    columns = broadcast(is_call, _FIELDS, (price, forward, strike, years, rate))
    if out is None:
        vols = shelf.take(columns.shape)
    else:
        check_out("out", out, columns.shape, (columns.is_call, *columns.numbers))
        vols = out
    statuses = np.empty(columns.shape, dtype=np.uint8)
    prices, forwards, strikes, times, rates = columns.numbers
    _core.implied(
        prices,
        columns.is_call,
        forwards,
        strikes,
        times,
        rates,
        code,
        vols.reshape(-1),
        statuses.reshape(-1),
        thread_count(threads),
    )
    return ImpliedVols(vols, statuses)
