"""Years between instants: ACT/365 fixed, exact to the nanosecond. Reads no clock."""

from __future__ import annotations

from typing import overload

import numpy as np
import numpy.typing as npt

NS_PER_DAY = 86_400 * 1_000_000_000
NS_PER_YEAR = 365 * NS_PER_DAY


@overload
def years_between(now_ns: int, expiry_ns: int) -> float: ...
@overload
def years_between(
    now_ns: int | npt.NDArray[np.int64], expiry_ns: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]: ...
@overload
def years_between(
    now_ns: npt.NDArray[np.int64], expiry_ns: int | npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]: ...
def years_between(
    now_ns: int | npt.NDArray[np.int64], expiry_ns: int | npt.NDArray[np.int64]
) -> float | npt.NDArray[np.float64]:
    """Years of 365 days from `now_ns` to `expiry_ns`, negative once expired.

    Parameters
    ----------
    now_ns, expiry_ns : int or int64 array, UTC nanoseconds; arrays broadcast

    Returns
    -------
    float, or float64 array of the broadcast shape, years. The difference is taken in integers,
    and rounded once by the division (differences above 2⁵³ ns, 104 days, also by conversion).
    """
    if isinstance(now_ns, int) and isinstance(expiry_ns, int):
        return (expiry_ns - now_ns) / NS_PER_YEAR
    difference = np.asarray(expiry_ns, dtype=np.int64) - np.asarray(now_ns, dtype=np.int64)
    return np.asarray(difference / float(NS_PER_YEAR), dtype=np.float64)
