"""Moves by group, basis, vol factors, legs past their expiry, chunks, arrays to write into."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from quantdesk import pricing
from quantdesk.errors import InvalidInput, OutOfDomain
from tests.unit.pricing.test_scenario import POSITIONS, book

FloatArray = npt.NDArray[np.float64]
RANDOM = np.random.default_rng(8)
# Two underlyings, four scenarios.
SPOTS = np.array([[0.1, -0.2, 0.0, 0.05], [-0.3, 0.4, 0.01, 0.0]])
GROUP = RANDOM.integers(0, 2, POSITIONS)


def given(array: FloatArray | None) -> FloatArray:
    assert array is not None
    return array


def test_moves_by_group_are_those_of_each_groups_own_book() -> None:
    cube = pricing.scenarios(
        book(), spot_move=pricing.ByGroup(SPOTS), vol_move=0.02, group=GROUP, each=True
    )
    for place in (0, 1):
        alone = pricing.scenarios(book(), spot_move=SPOTS[place], vol_move=0.02, each=True)
        mine = place == GROUP
        assert np.array_equal(given(cube.pnl)[mine], given(alone.pnl)[mine])


def test_without_groups_each_position_takes_its_own_row() -> None:
    vols = RANDOM.normal(0.0, 0.05, (POSITIONS, 3))
    cube = pricing.scenarios(book(), vol_move=pricing.ByGroup(vols), each=True)
    for scenario in range(3):
        held = book()
        shocked = pricing.price(
            held.is_call,
            held.forward,
            held.strike,
            held.years,
            np.asarray(held.vol) + vols[:, scenario],
            held.rate,
        )
        change = np.asarray(held.quantity) * np.asarray(shocked) - given(cube.before)
        np.testing.assert_allclose(given(cube.pnl)[:, scenario], change, rtol=1e-11, atol=1e-12)


def test_basis_and_vol_factor_move_forward_and_vol_alone() -> None:
    held = book(quantity=1.0)
    cube = pricing.scenarios(
        held, spot_move=0.1, basis_move=[0.0, 0.02], vol_factor=1.5, vol_move=-0.01, each=True
    )
    forward, vol = np.asarray(held.forward), np.asarray(held.vol)
    for place, basis in enumerate((0.0, 0.02)):
        after = pricing.price(
            held.is_call,
            forward * 1.1 * (1 + basis),
            held.strike,
            held.years,
            1.5 * vol - 0.01,
            held.rate,
        )
        found = given(cube.before) + given(cube.pnl)[:, place]
        np.testing.assert_allclose(found, after, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("in_coin", [False, True])
def test_a_leg_past_its_expiry_is_cash_settled_on_the_index(in_coin: bool) -> None:
    held = book(index=101.0, rate=0.0)
    moves = np.array([-0.2, 0.15])
    cube = pricing.scenarios(
        held,
        spot_move=moves,
        basis_move=0.5,
        vol_move=0.3,
        years_passed=0.5,
        in_coin=in_coin,
        each=True,
        which=pricing.SCENARIO_OUTPUTS,
    )
    late = np.asarray(held.years) <= 0.5
    assert late.any()
    assert not late.all()
    sign = np.where(np.asarray(held.is_call), 1.0, -1.0)
    quantity = np.asarray(held.quantity)
    for place, move in enumerate(moves):
        settles_on = 101.0 * (1 + move)
        payoff = np.maximum(sign * (settles_on - np.asarray(held.strike)), 0.0)
        expected = quantity * payoff / (settles_on if in_coin else 1.0)
        found = given(cube.before) + given(cube.pnl)[:, place]
        np.testing.assert_allclose(found[late], expected[late], rtol=1e-12, atol=1e-13)
        for name in pricing.SCENARIO_OUTPUTS[1:]:
            partial = getattr(cube, name)[:, place]
            assert np.all(partial[late] == 0.0), name
        assert np.all(given(cube.vega)[~late, place] != 0.0)


@pytest.mark.parametrize(
    ("changes", "moves"),
    [
        ({"index": np.nan}, {}),
        ({"index": -1.0}, {}),
        ({"index": 101.0, "strike": np.nan}, {}),
        ({"index": 101.0, "vol": np.inf}, {}),
        ({"index": 101.0}, {"vol_move": np.nan}),
        ({"index": 101.0}, {"spot_move": np.nan}),
        ({"index": 101.0}, {"spot_move": -1.0}),
        ({"index": 101.0}, {"basis_move": np.inf}),
    ],
)
def test_what_is_outside_its_domain_is_nan_also_past_expiry(
    changes: dict[str, float], moves: dict[str, float]
) -> None:
    cube = pricing.scenarios(
        book(**changes),
        years_passed=9.0,
        which=("pnl", "delta"),
        each=True,
        **moves,  # type: ignore[arg-type]  # moves are floats
    )
    assert np.all(np.isnan(given(cube.pnl)))
    assert np.all(np.isnan(given(cube.delta)))


def test_a_nan_of_a_vol_or_time_move_is_no_zero() -> None:
    for move in ("vol_move", "years_passed", "vol_factor", "basis_move", "spot_move"):
        moves: dict[str, Any] = {move: np.array([np.nan, 0.5])}
        cube = pricing.scenarios(book(), **moves)
        assert np.isnan(given(cube.pnl)[0]), move
        assert np.isfinite(given(cube.pnl)[1]), move


def test_a_large_book_has_the_same_bits_with_any_thread_count() -> None:
    rows = 9_000
    random = np.random.default_rng(3)
    held = pricing.Book(
        is_call=random.random(rows) < 0.5,
        forward=100.0,
        strike=random.uniform(60, 160, rows),
        years=random.uniform(0.0, 1.0, rows),
        vol=random.uniform(0.2, 1.0, rows),
        quantity=random.normal(0, 5, rows),
        index=100.0,
    )
    shocks = np.linspace(-0.4, 0.4, 70)
    found = [
        given(pricing.scenarios(held, spot_move=shocks, years_passed=0.1, threads=n).pnl)
        for n in (1, 2, 3)
    ]
    assert found[0].tobytes() == found[1].tobytes() == found[2].tobytes()
    each = pricing.scenarios(held, spot_move=shocks, years_passed=0.1, each=True)
    np.testing.assert_allclose(found[0], given(each.pnl).sum(axis=0), rtol=1e-11)


def test_an_earlier_cube_is_written_into() -> None:
    first = pricing.scenarios(book(), spot_move=SPOTS, which=("pnl", "delta"))
    pnl = given(first.pnl)
    kept = pnl.copy()
    second = pricing.scenarios(book(), spot_move=-SPOTS, which=("pnl", "delta"), out=first)
    assert second.pnl is pnl
    assert not np.array_equal(pnl, kept)
    with pytest.raises(InvalidInput) as caught:
        pricing.scenarios(book(), spot_move=SPOTS, out={"pnl": np.zeros(3)})
    assert caught.value.field == "out['pnl']"


@pytest.mark.parametrize(
    ("move", "group"),
    [
        (np.zeros((2, 3)), None),
        (np.zeros((2, 3)), np.full(POSITIONS, 2)),
        (np.zeros((2, 3)), np.full(POSITIONS, -1)),
        (np.zeros((2, 3)), np.zeros(POSITIONS)),
        (np.zeros((2, 3)), np.zeros(3, dtype=int)),
        (0.1, np.zeros(POSITIONS, dtype=int)),
    ],
)
def test_groups_that_do_not_fit_are_refused(move: object, group: object) -> None:
    with pytest.raises((InvalidInput, OutOfDomain)) as caught:
        pricing.scenarios(
            book(),
            vol_move=pricing.ByGroup(move),  # type: ignore[arg-type]
            group=group,  # type: ignore[arg-type]
        )
    assert "roup" in str(caught.value)


def test_groups_of_two_moves_must_agree() -> None:
    with pytest.raises(InvalidInput, match="as many groups"):
        pricing.scenarios(
            book(),
            vol_move=pricing.ByGroup(np.zeros((2, 3))),
            spot_move=pricing.ByGroup(np.zeros((3, 3))),
            group=GROUP,
        )
