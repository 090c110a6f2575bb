"""Face of the compiled kernel; proved by `python -m mypy.stubtest quantdesk._core`."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Final, final

import numpy as np
import numpy.typing as npt

__version__: Final[str]
__all__ = [
    "KnownSlice",
    "OptionGreeks",
    "Slice",
    "Surface",
    "__version__",
    "evaluate",
    "evaluate_chain",
    "evaluate_coin",
    "evaluate_scenarios",
    "fit_slices",
    "fit_svi",
    "greeks_one",
    "implied",
    "implied_vol_one",
    "parity_forward",
    "price_one",
    "quote_trust",
    "set_simd_path",
    "simd_path",
    "simd_paths",
    "svi_domain_of",
    "svi_from_jump_wings",
    "svi_from_natural",
    "svi_from_ssvi",
    "svi_to_jump_wings",
    "svi_to_natural",
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

_Five = tuple[float, float, float, float, float]
_Vector = npt.NDArray[np.float64]

@final
class Slice:
    @staticmethod
    def spline(knots: _Vector, terms: _Vector) -> Slice: ...
    @staticmethod
    def svi(a: float, b: float, rho: float, m: float, s: float) -> Slice: ...
    @property
    def kind(self) -> str: ...
    @property
    def parameters(self) -> _Vector: ...
    @property
    def knots(self) -> int: ...
    @property
    def wing_slopes(self) -> tuple[float, float]: ...
    def jets(self, k: _Vector, w: _Vector, dw: _Vector, d2w: _Vector) -> None: ...
    def check(self, upper: Slice | None = None, /) -> tuple[float, float]: ...

@final
class Surface:
    def __new__(cls, times: Sequence[float], slices: Sequence[Slice]) -> Surface: ...
    def total_variance(self, time: _Vector, k: _Vector, w: _Vector) -> None: ...
    def jets(self, time: _Vector, k: _Vector, w: _Vector, dw: _Vector, d2w: _Vector) -> None: ...

@final
class KnownSlice: ...

def fit_slices(
    model: str,
    years: _Vector,
    starts: Sequence[int],
    k: _Vector,
    bid: _Vector,
    ask: _Vector,
    warm: Sequence[Sequence[float]],
    smoothing: float,
    floor: float,
    margin: float,
    trust: _Vector | None = None,
    earlier: Sequence[KnownSlice | None] | None = None,
    /,
) -> list[
    tuple[Slice | None, _Vector, int, float, float, str | None, KnownSlice | None] | None
]: ...
def quote_trust(
    years: _Vector,
    starts: Sequence[int],
    k: _Vector,
    bid: _Vector,
    ask: _Vector,
    floor: float,
    /,
) -> _Vector: ...
def fit_svi(
    method: str, years: float, k: _Vector, bid: _Vector, ask: _Vector, floor: float, /
) -> _Five: ...
def svi_to_natural(a: float, b: float, rho: float, m: float, s: float) -> _Five: ...
def svi_from_natural(delta: float, mu: float, rho: float, omega: float, zeta: float) -> _Five: ...
def svi_to_jump_wings(
    a: float, b: float, rho: float, m: float, s: float, years: float
) -> _Five: ...
def svi_from_jump_wings(
    v: float, psi: float, p: float, c: float, v_min: float, years: float
) -> _Five: ...
def svi_from_ssvi(theta: float, rho: float, psi: float) -> _Five: ...
def svi_domain_of(
    a: float, b: float, rho: float, m: float, s: float
) -> tuple[float, float, float, float, float | None] | None: ...
