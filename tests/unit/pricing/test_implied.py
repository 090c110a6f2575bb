"""Implied volatility: premiums, statuses, the scalar call."""

from __future__ import annotations

import numpy as np
import pytest

from quantdesk import pricing
from quantdesk.errors import InvalidInput, OutOfDomain
from quantdesk.pricing import IvStatus

STRIKES = np.array([60.0, 90.0, 100.0, 130.0])


@pytest.mark.parametrize("is_call", [True, False])
def test_quote_coin_and_time_value_give_the_same_vol(is_call: bool) -> None:
    price = np.asarray(pricing.price(is_call, 100.0, STRIKES, 0.5, 0.8))
    intrinsic = np.maximum(100.0 - STRIKES if is_call else STRIKES - 100.0, 0.0)
    for premium, stated in (
        ("quote", price),
        ("coin", price / 100.0),
        ("time_value", price - intrinsic),
    ):
        found = pricing.implied_vol(stated, is_call, 100.0, STRIKES, 0.5, premium=premium)
        assert found.status.tolist() == [IvStatus.OK] * 4
        np.testing.assert_allclose(found.vol, 0.8, rtol=1e-13)


def test_discounting_is_undone() -> None:
    price = np.asarray(pricing.price(True, 100.0, STRIKES, 2.0, 0.4, 0.07))
    found = pricing.implied_vol(price, True, 100.0, STRIKES, 2.0, 0.07)
    np.testing.assert_allclose(found.vol, 0.4, rtol=1e-13)


def test_a_price_at_its_bound_has_no_information() -> None:
    found = pricing.implied_vol([10.0, np.nextafter(10.0, 11.0)], True, 110.0, 100.0, 1.0)
    assert found.status.tolist() == [IvStatus.NO_INFORMATION] * 2
    assert np.isnan(found.vol[0])
    assert found.vol[1] > 0


def test_an_unknown_premium_is_refused() -> None:
    with pytest.raises(InvalidInput, match="time_value"):
        pricing.implied_vol(1.0, True, 100.0, 110.0, 1.0, premium="ticks")


def test_the_scalar_call_gives_the_vol_or_raises() -> None:
    price = pricing.price_one(True, 100.0, 110.0, 0.5, 0.6)
    assert pricing.implied_vol_one(price, True, 100.0, 110.0, 0.5) == pytest.approx(0.6, rel=1e-14)
    with pytest.raises(OutOfDomain, match="intrinsic"):
        pricing.implied_vol_one(5.0, True, 110.0, 100.0, 0.5)
    with pytest.raises(OutOfDomain, match="below the discounted forward"):
        pricing.implied_vol_one(120.0, True, 110.0, 100.0, 0.5)
    with pytest.raises(OutOfDomain, match="years"):
        pricing.implied_vol_one(12.0, True, 110.0, 100.0, 0.0)
    with pytest.raises(InvalidInput) as caught:
        pricing.implied_vol_one(12.0, True, -110.0, 100.0, 0.5)
    assert caught.value.field == "forward"
    with pytest.raises(InvalidInput) as caught:
        pricing.implied_vol_one(float("nan"), True, 110.0, 100.0, 0.5)
    assert caught.value.field == "price"
