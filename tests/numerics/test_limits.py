"""Where the formula ends: no time, no vol, deep wings, huge total vol, the ends of the doubles."""

from __future__ import annotations

import math

import numpy as np
import pytest

from quantdesk import pricing
from quantdesk.pricing import IvStatus


@pytest.mark.parametrize(("years", "vol"), [(0.0, 0.6), (1.0, 0.0), (0.0, 0.0)])
@pytest.mark.parametrize(("forward", "strike"), [(110.0, 100.0), (90.0, 100.0), (100.0, 100.0)])
def test_without_time_or_vol_the_price_is_discounted_intrinsic_value(
    years: float, vol: float, forward: float, strike: float
) -> None:
    discount = math.exp(-0.05 * years)
    call = pricing.price(True, forward, strike, years, vol, 0.05)
    put = pricing.price(False, forward, strike, years, vol, 0.05)
    assert call == discount * max(forward - strike, 0.0)
    assert put == discount * max(strike - forward, 0.0)


def test_without_vol_delta_is_a_step() -> None:
    g = pricing.greeks(True, [110.0, 90.0, 100.0], 100.0, 1.0, 0.0)
    assert g.delta is not None
    assert g.gamma is not None
    assert g.delta.tolist() == pytest.approx([1.0, 0.0, 0.5], rel=1e-15)
    assert g.gamma.tolist() == [0.0, 0.0, math.inf]


def test_a_huge_total_vol_makes_a_call_worth_its_forward() -> None:
    prices = np.asarray(pricing.price([True, False], 100.0, 80.0, 4.0, 1e3))
    assert prices.tolist() == [100.0, 80.0]


def test_forty_deviations_out_of_the_money_is_positive_and_tiny() -> None:
    # ln Φ(−38) = −726.2 (Abramowitz and Stegun 26.2.12 gives φ(x)/x·(1 − 1/x² + 3/x⁴)).
    vol, forward = 0.1, 1.0
    strike = math.exp(37.95 * vol)
    price = pricing.price(True, forward, strike, 1.0, vol)
    h = 37.95
    a, b = h - vol / 2, h + vol / 2
    series = [(1 / x) * (1 - 1 / x**2 + 3 / x**4 - 15 / x**6) for x in (a, b)]
    expected = math.exp(-0.5 * a * a) / math.sqrt(2 * math.pi) * (series[0] - series[1])
    assert 0 < float(price) < 1e-300
    assert float(price) == pytest.approx(expected, rel=1e-6)


def test_numbers_at_the_ends_of_the_doubles_price_as_their_ratio_does() -> None:
    large = float(pricing.price(True, 1e300, 1.1e300, 1.0, 0.5))
    small = float(pricing.price(True, 1e-300, 1.1e-300, 1.0, 0.5))
    plain = float(pricing.price(True, 1.0, 1.1, 1.0, 0.5))
    assert large / 1e300 == pytest.approx(plain, rel=1e-13)
    assert small / 1e-300 == pytest.approx(plain, rel=1e-13)


@pytest.mark.parametrize(
    ("price", "strike", "years", "status"),
    [
        (5.0, 90.0, 1.0, IvStatus.BELOW_INTRINSIC),
        (-1.0, 110.0, 1.0, IvStatus.BELOW_INTRINSIC),
        (101.0, 110.0, 1.0, IvStatus.ABOVE_BOUND),
        (10.0, 90.0, 1.0, IvStatus.NO_INFORMATION),
        (0.0, 110.0, 1.0, IvStatus.NO_INFORMATION),
        (100.0, 110.0, 1.0, IvStatus.NO_INFORMATION),
        (5.0, 110.0, 0.0, IvStatus.EXPIRED),
        (5.0, 110.0, -1.0, IvStatus.EXPIRED),
        (math.nan, 110.0, 1.0, IvStatus.BAD_INPUT),
        (math.inf, 110.0, 1.0, IvStatus.BAD_INPUT),
        (5.0, -1.0, 1.0, IvStatus.BAD_INPUT),
        (5.0, 110.0, math.nan, IvStatus.BAD_INPUT),
        (5.0, 110.0, 1.0, IvStatus.OK),
    ],
)
def test_each_price_gets_its_status(
    price: float, strike: float, years: float, status: IvStatus
) -> None:
    found = pricing.implied_vol(price, True, 100.0, strike, years)
    assert IvStatus(int(found.status)) is status
    assert np.isnan(found.vol) == (status is not IvStatus.OK)
