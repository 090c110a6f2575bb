"""Spot, coin, digital and touch faces against differences and identities."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from quantdesk import pricing

STRIKE = np.array([70.0, 95.0, 100.0, 130.0])
IS_CALL = np.array([True, False, True, False])


def difference(
    function: Callable[[float], object], at: float, step: float
) -> npt.NDArray[np.float64]:
    # Fourth order: the step's error is about 1e-11 of the derivative here.
    f = [np.asarray(function(at + n * step), dtype=np.float64) for n in (-2, -1, 1, 2)]
    return np.asarray((f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * step))


def test_spot_partials_are_slopes_of_the_spot_price() -> None:
    base = {"spot": 100.0, "years": 0.7, "vol": 0.4, "rate": 0.05, "carry": 0.02}

    def price(**changes: float) -> np.ndarray:
        a = base | changes
        return pricing.spot_greeks(
            IS_CALL, a["spot"], STRIKE, a["years"], a["vol"], a["rate"], a["carry"]
        ).price

    g = pricing.spot_greeks(
        IS_CALL, base["spot"], STRIKE, base["years"], base["vol"], base["rate"], base["carry"]
    )
    slopes = {
        "delta": difference(lambda x: price(spot=x), 100.0, 0.05),
        "vega": difference(lambda x: price(vol=x), 0.4, 1e-3),
        "theta": -difference(lambda x: price(years=x), 0.7, 1e-3),
        # The yield, rate less carry, is held.
        "rho": difference(lambda x: price(rate=x, carry=x - 0.03), 0.05, 1e-3),
    }
    for name, slope in slopes.items():
        np.testing.assert_allclose(getattr(g, name), slope, rtol=1e-8, atol=1e-8, err_msg=name)


def test_the_spot_price_of_a_textbook() -> None:
    # Hull, Options, Futures and Other Derivatives, example 15.6: 4.76 and 0.81.
    both = pricing.spot_greeks([True, False], 42.0, 40.0, 0.5, 0.2, 0.1, 0.1).price
    assert both.tolist() == pytest.approx([4.76, 0.81], abs=0.005)


def test_coin_partials_are_slopes_of_the_coin_price() -> None:
    def price(forward: float) -> np.ndarray:
        return np.asarray(pricing.price(IS_CALL, forward, STRIKE, 0.7, 0.4)) / forward

    g = pricing.coin_greeks(IS_CALL, 100.0, STRIKE, 0.7, 0.4)
    np.testing.assert_allclose(g.price, price(100.0), rtol=1e-15)
    np.testing.assert_allclose(g.delta, difference(price, 100.0, 0.05), rtol=1e-8)
    slope = difference(
        lambda x: pricing.coin_greeks(IS_CALL, x, STRIKE, 0.7, 0.4).delta, 100.0, 0.05
    )
    np.testing.assert_allclose(g.gamma, slope, rtol=1e-8)
    plain = pricing.greeks(IS_CALL, 100.0, STRIKE, 0.7, 0.4)
    assert plain.delta is not None
    np.testing.assert_allclose(g.delta_premium_adjusted, plain.delta - g.price, rtol=1e-13)


def test_coin_payoff_and_profit() -> None:
    payoff = pricing.coin_payoff([True, True, False], [120.0, 90.0, 80.0], 100.0)
    assert payoff.tolist() == pytest.approx([20 / 120, 0.0, 20 / 80])
    profit = pricing.coin_pnl(True, [120.0, 90.0], 100.0, 0.05, quantity=-2.0)
    assert profit.tolist() == pytest.approx([-2 * (20 / 120 - 0.05), 0.1])
    assert np.isnan(pricing.coin_payoff(True, [0.0, -1.0, np.nan], 100.0)).all()


def test_a_digital_is_the_slope_of_the_option_in_its_strike() -> None:
    found = pricing.digital(IS_CALL, 100.0, STRIKE, 0.7, 0.4, 0.05)

    def prices(strike: float) -> npt.NDArray[np.float64]:
        ladder = STRIKE + (strike - 100.0)
        return np.asarray(pricing.price(IS_CALL, 100.0, ladder, 0.7, 0.4, 0.05))

    slopes = difference(prices, 100.0, 0.05)
    np.testing.assert_allclose(found.price, np.where(IS_CALL, -slopes, slopes), rtol=1e-8)
    by_forward = difference(
        lambda f: pricing.digital(IS_CALL, f, STRIKE, 0.7, 0.4, 0.05).price, 100.0, 0.05
    )
    by_vol = difference(
        lambda v: pricing.digital(IS_CALL, 100.0, STRIKE, 0.7, v, 0.05).price, 0.4, 1e-3
    )
    np.testing.assert_allclose(found.delta, by_forward, rtol=1e-8)
    np.testing.assert_allclose(found.vega, by_vol, rtol=1e-7)


def test_touching_is_at_least_as_likely_as_ending_beyond() -> None:
    level = np.array([60.0, 90.0, 99.0, 101.0, 120.0, 300.0])
    touch = pricing.touch_probability(100.0, level, 0.5, 0.6)
    beyond = pricing.digital(level > 100.0, 100.0, level, 0.5, 0.6).price
    assert np.all(touch >= beyond)
    assert np.all((touch > 0) & (touch <= 1))
    assert np.all(np.diff(touch[:3]) > 0)
    assert np.all(np.diff(touch[3:]) < 0)


def test_touch_at_its_ends() -> None:
    assert pricing.touch_probability(100.0, 100.0, 0.5, 0.6) == 1.0
    assert pricing.touch_probability(100.0, 110.0, 0.0, 0.6) == 0.0
    assert pricing.touch_probability(100.0, 110.0, 1.0, 0.0, forward=120.0) == 1.0
    assert np.isnan(pricing.touch_probability(100.0, -1.0, 0.5, 0.6))


def test_touch_agrees_with_a_walk() -> None:
    # A walk that is watched at steps misses some touches; Broadie, Glasserman and Kou (1997)
    # move the level by 0.5826·σ·√dt to repair that.
    random = np.random.default_rng(9)
    vol, years, steps, walks = 0.5, 0.5, 500, 20_000
    dt = years / steps
    moves = random.normal(-0.5 * vol**2 * dt, vol * np.sqrt(dt), (walks, steps))
    highest = np.exp(np.cumsum(moves, axis=1).max(axis=1))
    level = 1.25
    seen = np.mean(highest >= level * np.exp(-0.5826 * vol * np.sqrt(dt)))
    exact = float(pricing.touch_probability(1.0, level, years, vol))
    assert abs(seen - exact) <= 4 * np.sqrt(exact * (1 - exact) / walks)


def test_a_touch_at_any_vol_has_its_limit() -> None:
    # Without carry a level above is reached with probability S/H as the vol grows.
    found = pricing.touch_probability(100.0, [110.0, 90.0, 1e6], 0.5, [[50.0], [1e100], [1e308]])
    np.testing.assert_allclose(found, np.broadcast_to([100 / 110, 1.0, 1e-4], (3, 3)), rtol=1e-12)


def test_second_order_faces_are_slopes_of_the_first() -> None:
    more = ("vanna", "volga", "charm", "dual_delta", "dual_gamma")
    base = {"x": 100.0, "strike": 95.0, "years": 0.7, "vol": 0.4}

    def spot(**changes: float) -> pricing.SpotGreeks:
        a = base | changes
        return pricing.spot_greeks(
            IS_CALL, a["x"], a["strike"], a["years"], a["vol"], 0.05, 0.02, also=more
        )

    def coin(**changes: float) -> pricing.CoinGreeks:
        a = base | changes
        return pricing.coin_greeks(IS_CALL, a["x"], a["strike"], a["years"], a["vol"], also=more)

    faces: tuple[Callable[..., Any], ...] = (spot, coin)
    for face in faces:

        def of(output: str, argument: str, face: Callable[..., Any] = face) -> Any:
            return lambda at: getattr(face(**{argument: at}), output)

        found = face()
        slopes = {
            "vanna": difference(of("delta", "vol"), 0.4, 1e-3),
            "volga": difference(of("vega", "vol"), 0.4, 1e-3),
            "charm": -difference(of("delta", "years"), 0.7, 1e-3),
            "dual_delta": difference(of("price", "strike"), 95.0, 0.05),
            "dual_gamma": difference(of("dual_delta", "strike"), 95.0, 0.05),
        }
        for name, slope in slopes.items():
            np.testing.assert_allclose(
                getattr(found, name), slope, rtol=1e-7, atol=1e-12, err_msg=name
            )


def test_digital_partials_are_slopes_of_its_price() -> None:
    def price(forward: float = 100.0, years: float = 0.7) -> object:
        return pricing.digital(IS_CALL, forward, STRIKE, years, 0.4, 0.05).price

    found = pricing.digital(IS_CALL, 100.0, STRIKE, 0.7, 0.4, 0.05)
    deltas = difference(
        lambda f: pricing.digital(IS_CALL, f, STRIKE, 0.7, 0.4, 0.05).delta, 100.0, 0.05
    )
    np.testing.assert_allclose(found.delta, difference(price, 100.0, 0.05), rtol=1e-8)
    np.testing.assert_allclose(found.gamma, deltas, rtol=1e-7, atol=1e-12)
    theta = -difference(lambda t: price(years=t), 0.7, 1e-3)
    np.testing.assert_allclose(found.theta, theta, rtol=1e-7, atol=1e-12)
