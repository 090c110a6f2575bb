"""Face of the compiled kernel; proved by `python -m mypy.stubtest quantdesk._core`."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Final, final

import numpy as np
import numpy.typing as npt

__version__: Final[str]
__all__ = [
    "OptionGreeks",
    "__version__",
    "evaluate",
    "evaluate_chain",
    "evaluate_coin",
    "evaluate_scenarios",
    "greeks_one",
    "implied",
    "implied_vol_one",
    "parity_forward",
    "price_one",
    "set_simd_path",
    "simd_path",
    "simd_paths",
    "touch",
]

_Column = float | npt.NDArray[np.float64]
_Kinds = bool | npt.NDArray[np.uint8]

@final
class OptionGreeks:
    __match_args__: ClassVar[tuple[str, str, str, str, str, str]]
    __hash__: ClassVar[None]  # type: ignore[assignment]
    @property
    def price(self) -> float: ...
    @property
    def delta(self) -> float: ...
    @property
    def gamma(self) -> float: ...
    @property
    def vega(self) -> float: ...
    @property
    def theta(self) -> float: ...
    @property
    def rho(self) -> float: ...
    def __iter__(self) -> Iterator[float]: ...
    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> float: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...

def price_one(
    is_call: bool,
    forward: float,
    strike: float,
    years: float,
    vol: float,
    rate: float = ...,
) -> float: ...
def greeks_one(
    is_call: bool,
    forward: float,
    strike: float,
    years: float,
    vol: float,
    rate: float = ...,
) -> OptionGreeks: ...
def implied_vol_one(
    price: float,
    is_call: bool,
    forward: float,
    strike: float,
    years: float,
    rate: float = ...,
    premium: int = 0,
) -> float: ...
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
def evaluate_chain(
    is_call: _Kinds,
    strike: _Column,
    vol: _Column,
    starts: npt.NDArray[np.uintp],
    forward: npt.NDArray[np.float64],
    years: npt.NDArray[np.float64],
    rate: _Column,
    targets: Sequence[npt.NDArray[np.float64] | None],
    threads: int,
    /,
) -> None: ...
def evaluate_coin(
    is_call: _Kinds,
    forward: _Column,
    strike: _Column,
    years: _Column,
    vol: _Column,
    targets: Sequence[npt.NDArray[np.float64] | None],
    threads: int,
    /,
) -> None: ...
def evaluate_scenarios(
    book: tuple[_Kinds, _Column, _Column, _Column, _Column, _Column, _Column, _Column | None],
    in_coin: bool,
    moves: tuple[_Column, _Column, _Column, _Column, _Column],
    group: npt.NDArray[np.uint32] | None,
    groups: int,
    scenarios: int,
    each: bool,
    before: npt.NDArray[np.float64],
    targets: Sequence[npt.NDArray[np.float64] | None],
    threads: int,
    /,
) -> None: ...
def touch(
    spot: _Column,
    forward: _Column,
    level: _Column,
    years: _Column,
    vol: _Column,
    probabilities: npt.NDArray[np.float64],
    /,
) -> None: ...
def parity_forward(
    strike: npt.NDArray[np.float64],
    call_price: npt.NDArray[np.float64],
    put_price: npt.NDArray[np.float64],
    weight: npt.NDArray[np.float64],
    discount: float | None,
    /,
) -> float: ...
def simd_path() -> str: ...
def simd_paths() -> list[str]: ...
def set_simd_path(name: str | None, /) -> None: ...
