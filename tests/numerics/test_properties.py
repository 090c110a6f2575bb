"""Identities and bounds that hold for every option, on options drawn by hypothesis."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantdesk import pricing
from quantdesk.errors import InvalidInput

FORWARD = st.floats(1e-4, 1e6)
DEVIATIONS = st.floats(-8.0, 8.0)
YEARS = st.floats(1e-6, 5.0)
VOL = st.floats(1e-3, 3.0)
RATE = st.floats(-0.1, 0.2)


def _strike(forward: float, deviations: float, vol: float, years: float) -> float:
    return forward * math.exp(deviations * vol * math.sqrt(years))


@given(FORWARD, DEVIATIONS, YEARS, VOL, RATE)
def test_prices_and_partials_obey_parity(
    forward: float, deviations: float, years: float, vol: float, rate: float
) -> None:
    strike = _strike(forward, deviations, vol, years)
    both = pricing.greeks(
        [True, False], forward, strike, years, vol, rate, which=pricing.OUTPUTS
    )._asdict()
    discount = math.exp(-rate * years)
    expected = {
        "price": discount * (forward - strike),
        "delta": discount,
        "dual_delta": -discount,
        "gamma": 0.0,
        "vega": 0.0,
        "vanna": 0.0,
        "volga": 0.0,
        "dual_gamma": 0.0,
        "charm": rate * discount,
    }
    for name, difference in expected.items():
        call, put = both[name]
        scale = max(abs(call), abs(put), abs(difference))
        assert abs(call - put - difference) <= 1e-14 * scale, name


@given(FORWARD, DEVIATIONS, YEARS, VOL)
def test_the_price_is_homogeneous_in_forward_and_strike(
    forward: float, deviations: float, years: float, vol: float
) -> None:
    strike = _strike(forward, deviations, vol, years)
    names = ("price", "delta", "dual_delta")
    g = pricing.greeks([True, False], forward, strike, years, vol, which=names)
    assert g.price is not None
    assert g.delta is not None
    assert g.dual_delta is not None
    # Euler: V = F·∂V/∂F + K·∂V/∂K.
    euler = forward * g.delta + strike * g.dual_delta
    size = forward * np.abs(g.delta) + strike * np.abs(g.dual_delta)
    assert np.all(np.abs(g.price - euler) <= 2e-14 * size)


@given(FORWARD, DEVIATIONS, YEARS, VOL)
def test_theta_is_half_of_volatility_times_vega_over_time(
    forward: float, deviations: float, years: float, vol: float
) -> None:
    strike = _strike(forward, deviations, vol, years)
    g = pricing.greeks(True, forward, strike, years, vol, which=("gamma", "vega", "theta"))
    assert g.gamma is not None
    assert g.vega is not None
    assert g.theta is not None
    np.testing.assert_allclose(g.theta, -0.5 * g.vega * vol / years, rtol=5e-15)
    np.testing.assert_allclose(g.vega, forward**2 * g.gamma * vol * years, rtol=5e-15)


@given(
    st.tuples(FORWARD, DEVIATIONS, YEARS, VOL, RATE),
    st.sampled_from(["quote", "coin", "time_value"]),
)
@settings(max_examples=300)
def test_the_vol_of_a_price_is_the_vol_that_made_it(
    drawn: tuple[float, float, float, float, float], premium: str
) -> None:
    forward, deviations, years, vol, rate = drawn
    strike = _strike(forward, deviations, vol, years)
    if premium == "coin":
        rate = 0.0
    price = np.asarray(pricing.price([True, False], forward, strike, years, vol, rate))
    vega = pricing.greeks(True, forward, strike, years, vol, rate, which=("vega",)).vega
    stated = price
    if premium == "coin":
        stated = price / forward
    elif premium == "time_value":
        stated = np.full(2, price.min() if strike != forward else price[0])
    found = pricing.implied_vol(
        stated, [True, False], forward, strike, years, rate, premium=premium
    )
    ok = found.status == pricing.IvStatus.OK
    amplified = (stated if premium == "time_value" else price) / (vol * float(np.asarray(vega)))
    attainable = 2.2e-16 * (4.0 + amplified)
    if premium == "time_value":
        # The smaller of call and put is all time value only where it is the one out of the money.
        ok &= stated == price
    assert np.all(np.abs(found.vol[ok] / vol - 1.0) <= 60.0 * attainable[ok])


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=6, max_size=6))
@settings(max_examples=500)
def test_no_number_raises_in_a_batch_or_gives_a_price_outside_its_bounds(
    numbers: list[float],
) -> None:
    forward, strike, years, vol, rate, paid = (np.full(2, x) for x in numbers)
    kinds = [True, False]
    price = np.asarray(pricing.price(kinds, forward, strike, years, vol, rate))
    valid = pricing.is_valid(forward, strike, years, vol, rate)
    assert np.array_equal(np.isnan(price), ~valid)
    with np.errstate(all="ignore"):
        cap = np.exp(-rate * years) * np.where(kinds, forward, strike) * (1.0 + 1e-14)
    assert np.all(price[valid] >= 0.0)
    assert np.all(price[valid] <= cap[valid])
    found = pricing.implied_vol(paid, kinds, forward, strike, years, rate)
    ok = found.status == pricing.IvStatus.OK
    assert np.all(np.isfinite(found.vol[ok]))
    assert np.all(found.vol[ok] > 0)
    unclear = found.status == pricing.IvStatus.NO_INFORMATION
    assert np.all(np.isnan(found.vol[~ok & ~unclear]))


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=5, max_size=5))
@settings(max_examples=500)
def test_scalar_calls_give_the_bits_of_the_batch_or_refuse_what_it_leaves_out(
    numbers: list[float],
) -> None:
    batch = pricing.greeks([True, False], *([x, x] for x in numbers), which=pricing.OUTPUTS[:6])
    columns = [np.asarray(column) for column in batch if column is not None]
    for row, is_call in enumerate((True, False)):
        if np.isnan(columns[0][row]):
            with pytest.raises(InvalidInput):
                pricing.price_one(is_call, *numbers)
            with pytest.raises(InvalidInput):
                pricing.greeks_one(is_call, *numbers)
            continue
        expected = [float(column[row]) for column in columns]
        assert pricing.price_one(is_call, *numbers) == expected[0]
        assert np.array_equal(list(pricing.greeks_one(is_call, *numbers)), expected, equal_nan=True)


@given(FORWARD, DEVIATIONS, YEARS, VOL, RATE)
def test_scalar_chain_and_batch_give_the_same_bits(
    forward: float, deviations: float, years: float, vol: float, rate: float
) -> None:
    strike = _strike(forward, deviations, vol, years)
    names = pricing.OUTPUTS[:6]
    batch = pricing.greeks([True], forward, [strike], years, vol, rate, which=names)
    chain = pricing.chain_greeks(
        [True], [strike], vol, starts=[0], forward=forward, years=years, rate=rate, which=names
    )
    one = pricing.greeks_one(True, forward, strike, years, vol, rate)
    for name, value in zip(names, one, strict=True):
        assert getattr(batch, name)[0] == value
        assert getattr(chain, name)[0] == value
    price = pricing.price_one(True, forward, strike, years, vol)
    found = pricing.implied_vol([price], [True], forward, [strike], years)
    if found.status[0] == pricing.IvStatus.OK:
        assert pricing.implied_vol_one(price, True, forward, strike, years) == found.vol[0]
