"""A book of options under scenarios of spot, vol and time, in one call of the kernel."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from quantdesk import _core
from quantdesk.errors import InvalidInput
from quantdesk.pricing.black import OUTPUTS
from quantdesk.pricing.columns import Column, FloatArray, Kinds, Numbers, broadcast, thread_count
from quantdesk.pricing.outputs import shelf

SCENARIO_OUTPUTS = ("pnl", *OUTPUTS[1:])
"""Names of what a scenario gives; `pnl` is value under the scenario less value before."""


class ScenarioCube(NamedTuple):
    """Profit and raw partials times quantity; None where not asked for. Fields as in `Greeks`.

    Arrays have the scenarios' shape, or with `each=True` (positions, *scenarios' shape).
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
    """

    is_call: Kinds
    forward: Numbers
    strike: Numbers
    years: Numbers
    vol: Numbers
    quantity: Numbers = 1.0
    rate: Numbers = 0.0


def scenarios(
    book: Book,
    *,
    spot_move: Numbers = 0.0,
    vol_move: Numbers = 0.0,
    years_passed: Numbers = 0.0,
    in_coin: bool = False,
    each: bool = False,
    which: Iterable[str] = ("pnl",),
    threads: int | None = None,
) -> ScenarioCube:
    """Revalue a book under scenarios.

    Parameters
    ----------
    book : positions
    spot_move : float or array, relative move of each forward; F becomes F·(1 + move)
    vol_move : float or array, added to each vol; a vol below 0 is taken as 0
    years_passed : float or array; an option with less time left is at expiry
    in_coin : profit and partials of v = V/F in coin, for coin-settled options, instead of V in
        quote currency
    each : give each position's numbers instead of their sum
    which : names of `SCENARIO_OUTPUTS`
    threads : as for `greeks`; sums have one order whatever the number

    The three moves broadcast together: `spot_move[:, None], vol_move[None, :]` makes a grid.

    Returns
    -------
    ScenarioCube; NaN where a position or a scenario is outside the domain

    Raises
    ------
    InvalidInput : for names, shapes or types that do not fit
    """
    names = frozenset(which)
    unknown = sorted(names.difference(SCENARIO_OUTPUTS))
    if unknown or not names:
        raise InvalidInput("which", unknown, f"must be among {', '.join(SCENARIO_OUTPUTS)}")
    fields = ("forward", "strike", "years", "vol", "rate", "quantity")
    values = (book.forward, book.strike, book.years, book.vol, book.rate, book.quantity)
    positions = broadcast(book.is_call, fields, values)
    shocks = broadcast(
        False, ("spot_move", "vol_move", "years_passed"), (spot_move, vol_move, years_passed)
    )
    shape = (positions.size, *shocks.shape) if each else shocks.shape
    arrays = [shelf.take(shape) if name in names else None for name in SCENARIO_OUTPUTS]
    flat = [None if array is None else array.reshape(-1) for array in arrays]
    _core.evaluate_scenarios(
        positions.is_call,
        *_six(positions.numbers),
        positions.size,
        in_coin,
        *_three(shocks.numbers),
        shocks.size,
        each,
        flat,
        thread_count(threads),
    )
    return ScenarioCube(*arrays)


def _six(numbers: tuple[Column, ...]) -> tuple[Column, Column, Column, Column, Column, Column]:
    forward, strike, years, vol, rate, quantity = numbers
    return forward, strike, years, vol, rate, quantity


def _three(numbers: tuple[Column, ...]) -> tuple[Column, Column, Column]:
    spot, vol, years = numbers
    return spot, vol, years


def grid(*axes: Numbers) -> tuple[FloatArray, ...]:
    """Axes of a product of moves, shaped to broadcast: `grid(spots, vols)` for `scenarios`."""
    count = len(axes)
    return tuple(
        np.asarray(axis, dtype=np.float64).reshape([-1 if i == j else 1 for j in range(count)])
        for i, axis in enumerate(axes)
    )
