"""The kernel against the formula at 60 digits, and its partials against central differences.

Slow, and needs mpmath: runs in the oracle environment.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from quantdesk import pricing

mpmath = pytest.importorskip("mpmath", reason="mpmath lives in the oracle environment")
DIGITS = 60
TOLERANCE = 2e-14


def exact_price(is_call: bool, *arguments: Any) -> Any:
    """`D·w·(F·Φ(w·d₁) − K·Φ(w·d₂))` at the precision in force."""
    f, k, t, s, r = arguments
    v = s * mpmath.sqrt(t)
    d1 = mpmath.log(f / k) / v + v / 2
    w = 1 if is_call else -1

    def chance(z: Any) -> Any:
        return mpmath.erfc(-z / mpmath.sqrt(2)) / 2

    return mpmath.exp(-r * t) * w * (f * chance(w * d1) - k * chance(w * (d1 - v)))


# Which arguments each partial is taken by, and its sign: forward, strike, years, vol, rate.
PARTIALS: dict[str, tuple[tuple[int, int, int, int, int], int]] = {
    "delta": ((1, 0, 0, 0, 0), 1),
    "gamma": ((2, 0, 0, 0, 0), 1),
    "vega": ((0, 0, 0, 1, 0), 1),
    "theta": ((0, 0, 1, 0, 0), -1),
    "rho": ((0, 0, 0, 0, 1), 1),
    "vanna": ((1, 0, 0, 1, 0), 1),
    "volga": ((0, 0, 0, 2, 0), 1),
    "charm": ((1, 0, 1, 0, 0), -1),
    "dual_delta": ((0, 1, 0, 0, 0), 1),
    "dual_gamma": ((0, 2, 0, 0, 0), 1),
}


def cases() -> list[tuple[bool, tuple[float, float, float, float, float]]]:
    random = np.random.default_rng(20)
    found = []
    for row in range(40):
        years, vol = 10 ** random.uniform(-3, 0.5), 10 ** random.uniform(-1.3, 0.4)
        forward = 10 ** random.uniform(-2, 5)
        strike = forward * np.exp(random.uniform(-5, 5) * vol * np.sqrt(years))
        rate = 0.0 if row % 4 == 0 else random.uniform(-0.05, 0.15)
        found.append((bool(row % 2), (forward, float(strike), years, vol, rate)))
    return found


@pytest.mark.parametrize(("is_call", "arguments"), cases())
def test_price_and_partials_agree_with_extended_precision(
    is_call: bool, arguments: tuple[float, ...]
) -> None:
    found = pricing.greeks(is_call, *arguments, which=pricing.OUTPUTS)._asdict()
    with mpmath.workdps(DIGITS):
        point = tuple(mpmath.mpf(x) for x in arguments)

        def value(*at: Any) -> Any:
            return exact_price(is_call, *at)

        assert relative(found["price"], value(*point)) <= TOLERANCE
        for name, (orders, sign) in PARTIALS.items():
            exact = sign * mpmath.diff(value, point, orders)
            size = abs(exact) + terms(name, value, point)
            assert abs(float(found[name]) - exact) <= TOLERANCE * size, name


def relative(found: Any, exact: Any) -> Any:
    """Relative error of a double."""
    return abs(float(found) / exact - 1)


def terms(name: str, value: Callable[..., Any], point: tuple[Any, ...]) -> Any:
    """What two terms of a partial may cancel to: such a partial is judged by their size."""
    f, _, t, s, r = point
    if name == "theta":
        return abs(r * value(*point))
    vega = mpmath.diff(value, point, (0, 0, 0, 1, 0))
    if name == "vanna":
        return vega / (f * mpmath.sqrt(t) * s)
    if name == "volga":
        return vega / s
    if name == "charm":
        return vega / (f * mpmath.sqrt(t) * 2 * t) + abs(
            r * mpmath.diff(value, point, (1, 0, 0, 0, 0))
        )
    return 0


def test_touch_probability_agrees_with_the_reflection_formula_at_sixty_digits() -> None:
    random = np.random.default_rng(3)
    for _ in range(60):
        spot, years, vol = 100.0, 10 ** random.uniform(-3, 1), 10 ** random.uniform(-1.3, 0.3)
        level = spot * float(np.exp(random.uniform(-3, 3) * vol * np.sqrt(years)))
        forward = spot * float(np.exp(random.uniform(-0.1, 0.1) * years))
        found = float(pricing.touch_probability(spot, level, years, vol, forward))
        with mpmath.workdps(DIGITS):
            s, h, t, v, f = (mpmath.mpf(x) for x in (spot, level, years, vol, forward))
            total = v * mpmath.sqrt(t)
            drift = mpmath.log(f / s) - total**2 / 2
            m = mpmath.log(h / s)
            up = 1 if h > s else -1

            def chance(z: Any) -> Any:
                return mpmath.erfc(-z / mpmath.sqrt(2)) / 2

            exact = chance(up * (drift - m) / total) + mpmath.exp(
                2 * drift * m / total**2
            ) * chance(-up * (m + drift) / total)
            assert abs(found / exact - 1) <= 1e-13
