"""The forward from call and put prices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantdesk import pricing
from quantdesk.errors import InvalidInput

STRIKE = np.arange(50_000.0, 70_001.0, 2_500.0)


def prices(forward: float, vol: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    call = pricing.price(True, forward, STRIKE, 0.25, vol)
    put = pricing.price(False, forward, STRIKE, 0.25, vol)
    return np.asarray(call), np.asarray(put)


@given(st.floats(min_value=20_000, max_value=200_000), st.floats(min_value=0.05, max_value=3))
def test_model_prices_agree_on_their_forward(forward: float, vol: float) -> None:
    call, put = prices(forward, vol)
    assert pricing.parity_forward(STRIKE, call, put) == pytest.approx(forward, rel=1e-12)
    coin = pricing.parity_forward_coin(STRIKE, call / forward, put / forward)
    assert coin == pytest.approx(forward, rel=1e-11)


def test_discount_is_taken_out() -> None:
    call, put = prices(60_000)
    found = pricing.parity_forward(STRIKE, 0.9 * call, 0.9 * put, discount=0.9)
    assert found == pytest.approx(60_000, rel=1e-12)


def test_one_wrong_price_moves_nothing() -> None:
    call, put = prices(60_000)
    call[3] += 5_000
    assert pricing.parity_forward(STRIKE, call, put) == pytest.approx(60_000, rel=1e-9)


def test_pairs_without_a_price_are_left_out() -> None:
    call, put = prices(60_000)
    call[1:], put[0] = np.nan, put[0]
    assert pricing.parity_forward(STRIKE, call, put) == pytest.approx(60_000, rel=1e-12)


@pytest.mark.parametrize(
    ("call", "put", "weight", "discount"),
    [
        (np.nan, 1.0, 1.0, 1.0),
        (1.0, 1.0, 0.0, 1.0),
        (1.0, 1.0, -1.0, 1.0),
        (1.0, np.inf, 1.0, 1.0),
        (1.0, 1.0, 1.0, 0.0),
        (1.0, 1.0, 1.0, np.nan),
    ],
)
def test_nothing_to_go_by_is_refused(
    call: float, put: float, weight: float, discount: float
) -> None:
    with pytest.raises(InvalidInput, match=r"pairs|discount"):
        pricing.parity_forward([60_000.0], [call], [put], weight, discount)


def test_call_worth_a_coin_more_than_the_put_is_refused() -> None:
    with pytest.raises(InvalidInput, match="pairs"):
        pricing.parity_forward_coin([60_000.0], [1.2], [0.1])
