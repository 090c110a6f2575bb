"""The book as arrays: what the kernel and the sums need of each position, and nothing else.

Options and contracts without curvature (futures, perpetuals, spot) stand apart, since only the
former are priced by a model. Rows keep their place in the book. Picklable: blocks of these travel
to worker processes.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from quantdesk.errors import InvalidInput
from quantdesk.market.chain import BoolArray, FloatArray, IntArray

DAYS_PER_YEAR = 365.0
VEGA_REFERENCE_DAYS = 30.0
VEGA_DAYS_MIN = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OptionColumns:
    """Options of a book, arrays (n,).

    rows : place of each in the book, ascending
    market : number of the row's market, `ValuedBook.markets`
    coins : signed coins of underlying
    forward : of the row's own expiry;  index : of its market; quote currency per coin
    expiry_ns : instant;  years : ACT/365 from the market's moment, above 0
    vol : fraction
    rate : continuously compounded; a linear option is worth exp(−rate·years) of its Black value. 0
        where it settles in coin
    """

    rows: IntArray
    market: IntArray
    coins: FloatArray
    forward: FloatArray
    index: FloatArray
    strike: FloatArray
    expiry_ns: IntArray
    years: FloatArray
    vol: FloatArray
    rate: FloatArray
    is_call: BoolArray
    is_inverse: BoolArray

    def __post_init__(self) -> None:
        _check_shapes(self)

    def __len__(self) -> int:
        return int(self.rows.size)

    def take(self, picked: NDArray[np.intp] | slice) -> OptionColumns:
        """The same columns with only the picked rows, in their order."""
        return replace(self, **{f.name: getattr(self, f.name)[picked] for f in fields(self)})

    @property
    def days(self) -> FloatArray:
        """Calendar days to expiry, (n,)."""
        return self.years * DAYS_PER_YEAR

    @property
    def vega_weight(self) -> FloatArray:
        """√(30/d) with d ≥ 1, (n,): how much more a vol of d days moves than one of 30."""
        return tenor_weight(self.years)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DeltaOneColumns:
    """Futures, perpetuals and spot of a book, arrays (n,).

    coins : signed coins of underlying at `price`: for an inverse contract its dollars ÷ price
    price : mark, quote currency per coin;  index : of the market
    expiry_ns : 0 for perpetuals and spot;  years : 0 there
    is_inverse : P&L in the coin, USD notional held fixed
    is_spot : the coin itself is held; it is worth one coin and has no P&L in it
    """

    rows: IntArray
    market: IntArray
    coins: FloatArray
    price: FloatArray
    index: FloatArray
    expiry_ns: IntArray
    years: FloatArray
    is_inverse: BoolArray
    is_spot: BoolArray

    def __post_init__(self) -> None:
        _check_shapes(self)

    def __len__(self) -> int:
        return int(self.rows.size)

    def take(self, picked: NDArray[np.intp] | slice) -> DeltaOneColumns:
        """The same columns with only the picked rows, in their order."""
        return replace(self, **{f.name: getattr(self, f.name)[picked] for f in fields(self)})


def tenor_weight(years: FloatArray) -> FloatArray:
    """√(30/d), d = days to expiry but at least 1."""
    days = np.maximum(years * DAYS_PER_YEAR, VEGA_DAYS_MIN)
    return np.asarray(np.sqrt(VEGA_REFERENCE_DAYS / days), dtype=np.float64)


def _check_shapes(columns: OptionColumns | DeltaOneColumns) -> None:
    shape = columns.rows.shape
    for field in fields(columns):
        array = getattr(columns, field.name)
        if array.shape != shape or array.ndim != 1:
            raise InvalidInput(field.name, array.shape, f"must have shape {shape}")
