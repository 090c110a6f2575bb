"""Price and every Greek on nasty rows against closed forms with digits to spare.

Deep wings, total vols from 1e-8 to 20, forwards within some units in the last place of the strike,
seconds to expiry, heavy discounts, tiny and huge money. Slow, and needs mpmath.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from quantdesk import pricing

mpmath = pytest.importorskip("mpmath", reason="mpmath lives in the oracle environment")
TOLERANCE = 2e-14
# Outputs whose exact size is below this have lost digits to the subnormal doubles.
TINY = 1e-290
Row = tuple[bool, float, float, float, float, float]
KINDS = ("wing", "tiny", "huge", "ulp", "short", "discount", "scale", "saturated")


def nasty_rows(kind: str, count: int) -> list[Row]:
    random = np.random.default_rng(KINDS.index(kind))
    rows: list[Row] = []
    while len(rows) < count:
        years, vol = 10 ** random.uniform(-3, 0.5), 10 ** random.uniform(-1.3, 0.6)
        forward, rate = 10 ** random.uniform(-2, 5), random.uniform(-0.05, 0.15)
        deviations = random.uniform(-6, 6)
        if kind == "wing":
            deviations = random.uniform(6, 37.4) * random.choice([-1, 1])
        elif kind == "short":
            years, deviations = 10 ** random.uniform(-12, -6), random.uniform(-10, 10)
        elif kind == "discount":
            rate = random.uniform(-7, 7) / years
        elif kind == "scale":
            forward = 10 ** random.uniform(-60, 60)
        elif kind in {"tiny", "huge", "saturated"}:
            low, high = {"tiny": (-8, -2), "huge": (0.5, 1.3), "saturated": (0.0, 0.5)}[kind]
            vol = 10 ** random.uniform(low, high) / np.sqrt(years)
        strike = forward * np.exp(-deviations * vol * np.sqrt(years))
        if kind == "ulp":
            vol = 10 ** random.uniform(-9, 1) / np.sqrt(years)
            strike = forward * (1.0 + random.integers(-3, 4) * 2.3e-16)
        if 1e-70 < strike < 1e70:
            is_call = bool(random.random() < 0.5)
            rows.append((is_call, forward, float(strike), years, float(vol), rate))
    return rows


def closed_forms(row: Row) -> dict[str, tuple[Any, Any]]:
    """Exact value and size of the terms of each output, by name."""
    is_call, *numbers = row
    f, k, t, s, r = map(mpmath.mpf, numbers)
    root = mpmath.sqrt(t)
    v = s * root
    d1 = mpmath.log(f / k) / v + v / 2
    d2 = d1 - v
    w = 1 if is_call else -1
    discount = mpmath.exp(-r * t)

    def chance(z: Any) -> Any:
        return mpmath.erfc(-z / mpmath.sqrt(2)) / 2

    def density(z: Any) -> Any:
        return mpmath.exp(-z * z / 2) / mpmath.sqrt(2 * mpmath.pi)

    price = discount * w * (f * chance(w * d1) - k * chance(w * d2))
    delta = discount * w * chance(w * d1)
    bell = discount * density(d1)
    vega = bell * f * root
    decay, drift = vega * s / (2 * t), bell * d2 / (2 * t)
    exact = {
        "price": price,
        "delta": delta,
        "gamma": bell / (f * v),
        "vega": vega,
        "rho": -t * price,
        "dual_delta": -discount * w * chance(w * d2),
        "dual_gamma": discount * density(d2) / (k * v),
    }
    found = {name: (value, abs(value)) for name, value in exact.items()}
    found["theta"] = (r * price - decay, abs(r * price) + decay)
    found["vanna"] = (-bell * d2 / s, bell / s * max(abs(d2), 1))
    found["volga"] = (vega * d1 * d2 / s, vega / s * max(abs(d1 * d2), 1))
    found["charm"] = (r * delta + drift, abs(r * delta) + bell / (2 * t) * max(abs(d2), 1))
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_nasty_rows_keep_their_digits(kind: str) -> None:
    rows = nasty_rows(kind, 60)
    kinds, *columns = (np.array(column) for column in zip(*rows, strict=True))
    found = pricing.greeks(kinds, *columns, which=pricing.OUTPUTS)._asdict()
    # Below the digits that the difference of two chances far out, or of near prices, takes away.
    with mpmath.workdps(450):
        for place, row in enumerate(rows):
            for name, (exact, size) in closed_forms(row).items():
                if size > TINY:
                    error = abs(mpmath.mpf(float(found[name][place])) - exact) / size
                    assert error <= TOLERANCE, (name, row)
