"""Face of the compiled kernel; proved by `python -m mypy.stubtest quantdesk._core`."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

__version__: Final[str]

_Column = float | npt.NDArray[np.float64]
_Kinds = bool | npt.NDArray[np.uint8]

def price_one(
    is_call: bool,
    forward: float,
    strike: float,
    years: float,
    vol: float,
    rate: float = 0.0,
    /,
) -> float: ...
def greeks_one(
    is_call: bool,
    forward: float,
    strike: float,
    years: float,
    vol: float,
    rate: float = 0.0,
    /,
) -> tuple[float, float, float, float, float, float]: ...
def implied_vol_one(
    price: float,
    is_call: bool,
    forward: float,
    strike: float,
    years: float,
    rate: float = 0.0,
    premium: int = 0,
    /,
) -> tuple[float, int]: ...
def evaluate(
    is_call: _Kinds,
    forward: _Column,
    strike: _Column,
    years: _Column,
    vol: _Column,
    rate: _Column,
    targets: Sequence[npt.NDArray[np.float64] | None],
    threads: int,
    /,
) -> None: ...
def implied(
    price: _Column,
    is_call: _Kinds,
    forward: _Column,
    strike: _Column,
    years: _Column,
    rate: _Column,
    premium: int,
    vols: npt.NDArray[np.float64],
    statuses: npt.NDArray[np.uint8],
    threads: int,
    /,
) -> None: ...
def simd_path() -> str: ...
def simd_paths() -> list[str]: ...
def set_simd_path(name: str | None, /) -> None: ...
