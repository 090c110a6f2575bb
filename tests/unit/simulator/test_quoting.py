"""Quotes that follow their mark on the price grid."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from quantdesk.simulator.quoting import PriceGrid, Quotes, follow_mark


def grid(count: int) -> PriceGrid:
    return PriceGrid(
        fine=np.full(count, 0.0001), above=np.full(count, 0.005), coarse=np.full(count, 0.0005)
    )


def moved(bid: float, ask: float, shift: float) -> tuple[float, float]:
    opening = Quotes(
        bid=np.array([bid]),
        bid_amount=np.array([1.0]),
        ask=np.array([ask]),
        ask_amount=np.array([2.0]),
    )
    quotes = follow_mark(opening, np.array([shift]), grid(1))
    assert quotes.bid_amount[0] == (1.0 if quotes.bid[0] > 0 else 0.0)
    assert quotes.ask_amount[0] == (2.0 if quotes.ask[0] > 0 else 0.0)
    return float(quotes.bid[0]), float(quotes.ask[0])


def test_without_a_move_the_quote_stays() -> None:
    assert moved(0.0225, 0.0235, 0.0) == (0.0225, 0.0235)


def test_quote_moves_with_the_mark_to_the_nearest_tick() -> None:
    assert moved(0.0225, 0.0235, 0.00087) == (0.0235, 0.0245)


def test_bid_below_a_tick_is_no_bid() -> None:
    assert moved(0.0003, 0.0006, -0.0004) == (0.0, 0.0002)


def test_bid_comes_back_with_the_mark() -> None:
    assert moved(0.0003, 0.0006, -0.0001) == (0.0002, 0.0005)


def test_ask_is_never_below_a_tick() -> None:
    assert moved(0.0001, 0.0002, -0.01) == (0.0, 0.0001)


def test_side_without_quote_stays_without() -> None:
    assert moved(0.0, 0.001, 0.0005) == (0.0, 0.0015)
    assert moved(0.001, 0.0, 0.0005) == (0.0015, 0.0)


def test_spread_of_one_fine_tick_widens_to_a_coarse_one() -> None:
    assert moved(0.0049, 0.0050, 0.0001) == (0.005, 0.0055)


@given(
    bid_ticks=st.integers(1, 400),
    spread_ticks=st.integers(1, 100),
    shift=st.floats(-0.3, 0.3, allow_nan=False),
)
def test_any_quote_stays_on_the_grid_uncrossed_and_as_wide(
    bid_ticks: int, spread_ticks: int, shift: float
) -> None:
    start_bid = bid_ticks * 0.0005 + 0.01
    bid, ask = moved(round(start_bid, 6), round(start_bid + spread_ticks * 0.0005, 6), shift)
    assert ask > bid
    for price in (bid, ask):
        tick = Decimal("0.0005") if price > 0.005 else Decimal("0.0001")
        assert Decimal(repr(price)) % tick == 0
    if bid > 0.005:
        assert abs((ask - bid) - spread_ticks * 0.0005) < 1e-9
