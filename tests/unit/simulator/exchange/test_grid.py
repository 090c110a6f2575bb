"""Prices and amounts as whole numbers: what is on the grid, and its neighbours."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantdesk.domain.instrument import TickScheme
from quantdesk.errors import InvalidInput
from quantdesk.simulator.exchange.grid import Grid
from tests.unit.simulator.exchange.venue import option

D = Decimal
DERIBIT = Grid(option())


def grid_of(tick: str, *steps: tuple[str, str], origin: str = "0") -> Grid:
    """A grid with the given ticks."""
    scheme = TickScheme(tick=D(tick), steps=tuple((D(a), D(t)) for a, t in steps), origin=D(origin))
    return Grid(replace(option(), ticks=scheme))


@pytest.mark.parametrize(
    ("price", "units"),
    [
        ("0.0001", 1),
        ("0.005", 50),
        ("0.0050", 50),
        ("0.0055", 55),
        ("0.1", 1000),
        ("0.0051", None),
        ("0.00505", None),
        ("0.00005", None),
        ("0", None),
        ("-0.0001", None),
        ("NaN", None),
        ("Infinity", None),
        ("1e-400", None),
        ("1e400", None),
    ],
)
def test_price_has_units_only_on_the_tick_grid(price: str, units: int | None) -> None:
    assert DERIBIT.to_units(D(price)) == units


@pytest.mark.parametrize(
    ("amount", "lots"),
    [("0.1", 1), ("1.0", 10), ("0.15", None), ("0", None), ("-1", None), ("sNaN", None)],
)
def test_amount_has_lots_only_on_the_amount_grid(amount: str, lots: int | None) -> None:
    assert DERIBIT.to_lots(D(amount)) == lots


def test_neighbours_change_their_tick_where_the_scheme_does() -> None:
    assert (DERIBIT.below(55), DERIBIT.above(50)) == (50, 55)
    assert (DERIBIT.below(50), DERIBIT.above(49)) == (49, 50)
    assert DERIBIT.below(1) == 0


def test_step_bound_between_coarse_prices_is_reached_by_the_finer_grid() -> None:
    grid = grid_of("1", ("52", "5"))
    assert grid.below(55) == 52
    assert grid.above(52) == 55


def test_ticks_may_be_counted_from_an_origin() -> None:
    grid = grid_of("5", origin="2")
    assert grid.to_units(D(12)) is not None
    assert grid.to_units(D(10)) is None
    assert grid.from_units(grid.floor_price(D(11))) == 7
    assert grid.from_units(grid.ceiling_price(D(13))) == 17


def test_limits_are_rounded_to_the_inside() -> None:
    assert DERIBIT.floor_price(D("0.00509")) == 50
    assert DERIBIT.ceiling_price(D("0.00501")) == 55
    assert DERIBIT.floor_price(D("0.00005")) == 0
    assert DERIBIT.ceiling_price(D("0")) == 1


def test_smallest_amount_off_the_grid_is_refused() -> None:
    with pytest.raises(InvalidInput, match="amount_min"):
        Grid(replace(option(), amount_min=D("0.15")))


@given(
    st.integers(1, 40),
    st.integers(2, 30),
    st.integers(1, 200),
    st.integers(0, 20),
    st.integers(1, 1000),
)
def test_floor_and_ceiling_are_the_nearest_grid_prices(
    fine: int, times: int, bound: int, origin: int, units: int
) -> None:
    grid = grid_of(str(fine), (str(bound), str(fine * times)), origin=str(origin))
    on_grid = [n for n in range(-2000, 4000) if grid.to_units(grid.from_units(n)) == n]
    lower = [n for n in on_grid if n <= units]
    if lower:
        assert grid.floor(units) == lower[-1]
    else:
        assert grid.floor(units) <= max(0, origin)
    assert grid.ceiling(units) == next(n for n in on_grid if n >= units)
