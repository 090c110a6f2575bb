"""A book under scenarios: profit, Greeks, sums, coin, expiry."""

from __future__ import annotations

import numpy as np
import pytest

from quantdesk import pricing
from quantdesk.errors import InvalidInput

POSITIONS = 37


def book(**changes: object) -> pricing.Book:
    random = np.random.default_rng(4)
    columns: dict[str, object] = {
        "is_call": random.random(POSITIONS) < 0.5,
        "forward": random.uniform(90, 110, POSITIONS),
        "strike": random.uniform(60, 160, POSITIONS),
        "years": random.uniform(0.02, 1.0, POSITIONS),
        "vol": random.uniform(0.2, 1.0, POSITIONS),
        "quantity": random.normal(0, 5, POSITIONS),
        "rate": 0.01,
    }
    return pricing.Book(**(columns | changes))  # type: ignore[arg-type]


def revalued(b: pricing.Book, move: float, vol: float, years: float) -> np.ndarray:
    forward, sigma = np.asarray(b.forward), np.asarray(b.vol)
    t = np.asarray(b.years)
    after = pricing.price(
        b.is_call,
        forward * (1 + move),
        b.strike,
        np.maximum(t - years, 0),
        np.maximum(sigma + vol, 0),
        b.rate,
    )
    before = pricing.price(b.is_call, forward, b.strike, t, sigma, b.rate)
    change = np.asarray(after) - np.asarray(before)
    return np.asarray(np.asarray(b.quantity) * change)


def test_profit_is_value_after_less_value_before() -> None:
    b = book()
    moves, vols = pricing.grid([-0.3, 0.0, 0.2], [-0.1, 0.0, 0.5, 0.01])
    cube = pricing.scenarios(b, spot_move=moves, vol_move=vols, years_passed=0.01, each=True)
    assert cube.pnl is not None
    assert cube.pnl.shape == (POSITIONS, 3, 4)
    for i, move in enumerate([-0.3, 0.0, 0.2]):
        for j, vol in enumerate([-0.1, 0.0, 0.5, 0.01]):
            expected = revalued(b, move, vol, 0.01)
            np.testing.assert_allclose(cube.pnl[:, i, j], expected, rtol=1e-13, atol=1e-12)


def test_a_sum_is_that_of_the_positions_in_their_order() -> None:
    shocks = np.linspace(-0.4, 0.4, 29)
    names = pricing.SCENARIO_OUTPUTS
    each = pricing.scenarios(book(), spot_move=shocks, which=names, each=True)
    total = pricing.scenarios(book(), spot_move=shocks, which=names)
    for name in names:
        rows, sums = getattr(each, name), getattr(total, name)
        np.testing.assert_allclose(sums, rows.sum(axis=0), rtol=1e-12, atol=1e-10, err_msg=name)


def test_bits_do_not_depend_on_threads_or_instruction_set() -> None:
    shocks = np.linspace(-0.4, 0.4, 1000)
    fused = [path for path in pricing.simd_paths() if path != "unfused"]
    found = set()
    try:
        for path in fused:
            pricing.set_simd_path(path)
            for threads in (1, 2, 3):
                cube = pricing.scenarios(
                    book(), spot_move=shocks, vol_move=0.05, which=("pnl", "gamma"), threads=threads
                )
                assert cube.pnl is not None
                assert cube.gamma is not None
                found.add(cube.pnl.tobytes() + cube.gamma.tobytes())
    finally:
        pricing.set_simd_path(None)
    # The portable path has no fused multiply-add on an old machine, where it is the only one.
    assert len(found) == 1


def test_after_expiry_only_intrinsic_value_is_left() -> None:
    b = book(rate=0.0)
    cube = pricing.scenarios(b, spot_move=[0.1, -0.1], years_passed=5.0, which=("pnl", "vega"))
    forward, strike = np.asarray(b.forward), np.asarray(b.strike)
    sign = np.where(np.asarray(b.is_call), 1.0, -1.0)
    before = np.asarray(pricing.price(b.is_call, forward, strike, b.years, b.vol))
    for place, move in enumerate([0.1, -0.1]):
        payoff = np.maximum(sign * (forward * (1 + move) - strike), 0.0)
        expected = np.sum(np.asarray(b.quantity) * (payoff - before))
        assert cube.pnl is not None
        assert cube.vega is not None
        assert cube.pnl[place] == pytest.approx(expected, rel=1e-12)
        assert cube.vega[place] == 0.0


def test_coin_scenarios_are_those_of_the_coin_value() -> None:
    b = book(rate=0.0, quantity=1.0)
    cube = pricing.scenarios(
        b, spot_move=[0.0, 0.07], in_coin=True, each=True, which=("pnl", "delta", "gamma", "vega")
    )
    forward = np.asarray(b.forward)
    now = pricing.coin_greeks(b.is_call, forward, b.strike, b.years, b.vol)
    after = pricing.coin_greeks(b.is_call, forward * 1.07, b.strike, b.years, b.vol)
    assert cube.pnl is not None
    assert np.all(np.abs(cube.pnl[:, 0]) <= 1e-16)
    np.testing.assert_allclose(cube.pnl[:, 1], after.price - now.price, rtol=1e-12, atol=1e-15)
    for name in ("delta", "gamma", "vega"):
        found, expected = getattr(cube, name)[:, 1], getattr(after, name)
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-15, err_msg=name)


def test_a_forward_moved_to_nothing_gives_nan_and_not_a_number() -> None:
    cube = pricing.scenarios(book(), spot_move=[-1.0, 0.0])
    assert cube.pnl is not None
    assert np.isnan(cube.pnl[0])
    assert cube.pnl[1] == 0.0


@pytest.mark.parametrize("which", [(), ("price",), ("pnl", "speed")])
def test_names_that_are_not_there_are_refused(which: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput, match="dual_gamma"):
        pricing.scenarios(book(), which=which)
