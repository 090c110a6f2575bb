"""A book of options under scenarios of spot, basis, vol and time, in one call of the kernel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from quantdesk import _core
from quantdesk.errors import InvalidInput
from quantdesk.pricing.black import OUTPUTS, wanted_names
from quantdesk.pricing.columns import (
    Column,
    Columns,
    FloatArray,
    Kinds,
    Numbers,
    as_numbers,
    broadcast,
    common_shape,
    described,
    thread_count,
)
from quantdesk.pricing.outputs import Results, result_arrays

SCENARIO_OUTPUTS = ("pnl", *OUTPUTS[1:])
"""Names of what a scenario gives; `pnl` is value under the scenario less value before."""


class ScenarioCube(NamedTuple):
    """Profit and raw partials times quantity; None where not asked for. Fields as in `Greeks`.

    Arrays have the scenarios' shape, or with `each=True` (positions, *scenarios' shape). `before`
    is the value before any move, times quantity: of the book, shape (), or of each position, (n,);
    it is always there, so that `before + pnl` is the value under the scenario.
    """

    pnl: FloatArray | None = None
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
    before: FloatArray | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """Positions to revalue.

    Attributes
    ----------
    is_call : bool or bool array (n,)
    forward, strike : floats or arrays (n,), quote currency, above 0
    years : float or array (n,), years to expiry
    vol : float or array (n,), 1.00 is 100 %
    quantity : float or array (n,), units of underlying, shorts negative
    rate : float or array (n,), continuously compounded
    index : float or array (n,), quote currency, above 0: the price now of what a leg settles on.
        A leg with no time left is then cash, its payoff at the scenario's index, and has no
        partials. None: such a leg stays at its forward and keeps the limits of its partials.
    """

    is_call: Kinds
    forward: Numbers
    strike: Numbers
    years: Numbers
    vol: Numbers
    quantity: Numbers = 1.0
    rate: Numbers = 0.0
    index: Numbers | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ByGroup:
    """Moves that differ between groups of positions: underlyings, expiries, or each position.

    Attributes
    ----------
    values : float array (groups, *scenarios' shape); the first axis is the group, the others
        broadcast with the other moves
    """

    values: Numbers


Moves = Numbers | ByGroup


def scenarios(
    book: Book,
    *,
    spot_move: Moves = 0.0,
    vol_move: Moves = 0.0,
    years_passed: Moves = 0.0,
    basis_move: Moves = 0.0,
    vol_factor: Moves = 1.0,
    group: npt.ArrayLike | None = None,
    in_coin: bool = False,
    each: bool = False,
    which: Iterable[str] = ("pnl",),
    out: Results | None = None,
    threads: int | None = None,
) -> ScenarioCube:
    """Revalue a book under scenarios.

    Parameters
    ----------
    book : positions
    spot_move : relative move of index and forwards, above −1; F becomes F·(1 + move)
    vol_move : added to each vol; a vol below 0 is taken as 0
    years_passed : an option with less time left is at expiry (see `Book.index`)
    basis_move : relative move of each forward over the index; F becomes F·(1 + spot)·(1 + basis)
    vol_factor : what each vol is multiplied by before `vol_move` is added; 1.1 is a tenth more
    group : whole numbers (n,), the group of each position, the row of each `ByGroup` that it takes;
        by default each position is a group of its own
    in_coin : profit and partials of v = V/F in coin, for coin-settled options, instead of V in
        quote currency
    each : give each position's numbers instead of their sum
    which : names of `SCENARIO_OUTPUTS`
    out : C-contiguous float64 arrays of the cube's shape to write into, by name, or an earlier cube
    threads : as for `greeks`; sums have one order whatever the number

    Each move is a float, an array, or `ByGroup`. They broadcast together to the scenarios' shape:
    `spot_move[:, None], vol_move[None, :]` makes a grid. Positions are summed in their order, in
    chunks of 4,096 whose sums are then added in order.

    Returns
    -------
    ScenarioCube; NaN where a position or a scenario is outside the domain

    Raises
    ------
    InvalidInput, OutOfDomain : for names, shapes, types or groups that do not fit
    """
    names = wanted_names(which, SCENARIO_OUTPUTS)
    if not names:
        raise InvalidInput("which", [], f"must be among {', '.join(SCENARIO_OUTPUTS)}")
    fields = ("forward", "strike", "years", "vol", "rate", "quantity", "index")
    index = 1.0 if book.index is None else book.index
    values = (book.forward, book.strike, book.years, book.vol, book.rate, book.quantity, index)
    positions = broadcast(book.is_call, fields, values)
    size = positions.size
    moves = _moves(
        {
            "spot_move": spot_move,
            "basis_move": basis_move,
            "vol_factor": vol_factor,
            "vol_move": vol_move,
            "years_passed": years_passed,
        }
    )
    places, groups = _groups(group, moves.groups, size)
    shape = (size, *moves.shape) if each else moves.shape
    used = (positions.is_call, *positions.numbers, *moves.columns)
    arrays = result_arrays(SCENARIO_OUTPUTS, names, shape, _without_before(out), used)
    before = np.empty(size)
    _core.evaluate_scenarios(
        _book_columns(positions, has_index=book.index is not None),
        in_coin,
        moves.columns,
        places,
        groups,
        moves.size,
        each,
        before,
        [None if array is None else array.reshape(-1) for array in arrays],
        thread_count(threads),
    )
    with np.errstate(over="ignore", invalid="ignore"):
        before *= positions.numbers[5]
    cube = ScenarioCube(*arrays)
    return cube._replace(before=before if each else np.asarray(before.sum()))


_BookColumns = tuple[
    bool | npt.NDArray[np.uint8], Column, Column, Column, Column, Column, Column, Column | None
]
_MoveColumns = tuple[Column, Column, Column, Column, Column]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moves:
    """Moves ready for the kernel: flat columns, their common shape, the groups they speak of."""

    columns: _MoveColumns
    shape: tuple[int, ...]
    groups: int | None

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))


def _moves(moves: Mapping[str, Moves]) -> _Moves:
    arrays: dict[str, FloatArray] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    counts: dict[str, int] = {}
    for field, move in moves.items():
        array = as_numbers(field, move.values if isinstance(move, ByGroup) else move)
        arrays[field], shapes[field] = array, array.shape
        if isinstance(move, ByGroup):
            if array.ndim == 0:
                raise InvalidInput(field, described(array), "ByGroup must hold a row a group")
            counts[field], shapes[field] = array.shape[0], array.shape[1:]
    if len(set(counts.values())) > 1:
        raise InvalidInput("ByGroup", counts, "must hold as many groups in each move")
    shape = common_shape(shapes)
    flat = [
        _flat(array, shapes[field], shape, counts.get(field)) for field, array in arrays.items()
    ]
    spot, basis, factor, vol, years = flat
    return _Moves(
        columns=(spot, basis, factor, vol, years),
        shape=shape,
        groups=next(iter(counts.values()), None),
    )


def _flat(
    array: FloatArray, own: tuple[int, ...], shape: tuple[int, ...], groups: int | None
) -> Column:
    if groups is None:
        if array.size == 1:
            return float(array.reshape(()))
        return np.ascontiguousarray(np.broadcast_to(array, shape)).reshape(-1)
    aligned = array.reshape(groups, *[1] * (len(shape) - len(own)), *own)
    return np.ascontiguousarray(np.broadcast_to(aligned, (groups, *shape))).reshape(-1)


def _groups(
    group: npt.ArrayLike | None, groups: int | None, positions: int
) -> tuple[npt.NDArray[np.uint32] | None, int]:
    """The group of each position as the kernel takes it, and how many groups there are."""
    if groups is None:
        return None, 1
    if group is None:
        if groups not in (1, positions):
            rule = f"must hold {positions} rows, one a position, where no group is given"
            raise InvalidInput("ByGroup", groups, rule)
        return (None if groups == 1 else np.arange(positions, dtype=np.uint32)), groups
    places = np.asarray(group)
    if places.dtype.kind not in "iu" or places.shape != (positions,):
        raise InvalidInput("group", described(group), f"must be {positions} whole numbers")
    if positions and not 0 <= int(places.min()) <= int(places.max()) < groups:
        found = f"{places.min()} to {places.max()}"
        raise InvalidInput("group", found, f"must be from 0 to {groups - 1}, rows of ByGroup")
    return np.ascontiguousarray(places, dtype=np.uint32), groups


def _without_before(out: Results | None) -> Results | None:
    if isinstance(out, ScenarioCube):
        return out._replace(before=None)
    return out


def _book_columns(positions: Columns, *, has_index: bool) -> _BookColumns:
    forward, strike, years, vol, rate, quantity, index = positions.numbers
    return (
        positions.is_call,
        forward,
        strike,
        years,
        vol,
        rate,
        quantity,
        index if has_index else None,
    )


def grid(*axes: Numbers) -> tuple[FloatArray, ...]:
    """Axes of a product of moves, shaped to broadcast: `grid(spots, vols)` for `scenarios`."""
    count = len(axes)
    return tuple(
        as_numbers(f"axes[{i}]", axis).reshape([-1 if i == j else 1 for j in range(count)])
        for i, axis in enumerate(axes)
    )
