"""The recorded path, its repetition, and the index made of it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from quantdesk.errors import InvalidInput
from quantdesk.simulator import Sample
from quantdesk.simulator.path import UnderlyingPath
from quantdesk.simulator.underlying import DELIVERY_WINDOW_NS, UnderlyingIndex

STEP_NS = 250_000_000


def levels(path: UnderlyingPath, *steps: int) -> list[float]:
    return [float(level) for level in path.levels(np.array(steps, dtype=np.int64))]


def test_path_is_played_forward_then_backward() -> None:
    path = UnderlyingPath([1, 2, 4], unit=0.5, step_ns=STEP_NS)
    assert levels(path, *range(8)) == [0.0, 0.5, 1.5, 3.5, 1.5, 0.5, 0.0, 0.5]


def test_path_of_one_return_goes_there_and_back() -> None:
    path = UnderlyingPath([3], unit=1.0, step_ns=STEP_NS)
    assert levels(path, 0, 1, 2, 3) == [0.0, 3.0, 0.0, 3.0]


def test_recorded_path_never_jumps_by_more_than_its_largest_return(btc: Sample) -> None:
    period = btc.path.period
    walked = btc.path.levels(np.arange(3 * period, dtype=np.int64))
    largest = np.abs(np.diff(walked[: period // 2])).max()
    assert np.abs(np.diff(walked)).max() <= largest + 1e-15


def test_recorded_path_does_not_drift(btc: Sample) -> None:
    assert levels(btc.path, 1000 * btc.path.period) == [0.0]


def test_empty_path_is_refused() -> None:
    with pytest.raises(InvalidInput, match="returns"):
        UnderlyingPath([], unit=1.0, step_ns=STEP_NS)


def test_index_moves_by_beta_times_the_return() -> None:
    path = UnderlyingPath([995_033], unit=1e-8, step_ns=STEP_NS)
    index = UnderlyingIndex("x_usd", price=100.0, path=path, beta=2.0, opened_ns=0)
    assert index.price_at(1) == 102.01


def test_index_opens_at_its_price_wherever_the_path_begins(btc: Sample) -> None:
    index = UnderlyingIndex(
        "btc_usd", price=60_000.0, path=btc.path, beta=1.0, opened_ns=0, path_start=777
    )
    assert index.price_at(0) == 60_000.0
    assert index.price_at(400) != 60_000.0


def test_mean_is_that_of_the_published_prices() -> None:
    path = UnderlyingPath([1, 2, 3, -1, 5, -2], unit=1e-4, step_ns=STEP_NS)
    index = UnderlyingIndex("x_usd", price=1000.0, path=path, beta=1.0, opened_ns=0)
    prices = [index.price_at(step) for step in range(2, 9)]
    mean = index.mean(2 * STEP_NS, 9 * STEP_NS)
    assert mean == pytest.approx(sum(prices) / len(prices), abs=0.0051)


def test_mean_of_a_window_before_the_opening_is_the_opening_price() -> None:
    path = UnderlyingPath([1], unit=1e-4, step_ns=STEP_NS)
    opened_ns = 10 * DELIVERY_WINDOW_NS
    index = UnderlyingIndex("x_usd", price=1000.0, path=path, beta=1.0, opened_ns=opened_ns)
    assert index.mean(0, DELIVERY_WINDOW_NS) == 1000.0


@pytest.mark.parametrize("price", [0.0, -1.0, math.nan, math.inf])
def test_index_price_must_be_positive(price: float) -> None:
    path = UnderlyingPath([1], unit=1e-4, step_ns=STEP_NS)
    with pytest.raises(InvalidInput, match="price"):
        UnderlyingIndex("x_usd", price=price, path=path, beta=1.0, opened_ns=0)
