"""Pairs near the money bound the forward; two of them that agree overrule what is stated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from quantdesk.market.chain import Chain
from quantdesk.market.fit_values import fit_values
from quantdesk.market.forwards import ExpiryForward, expiry_forward
from quantdesk.market.state import MarketState
from tests.unit.market.chains import SEP, ladder, listing, market_of, quote
from tests.unit.market.test_cross_venue import linear_twin

STRIKES = range(50_000, 70_001, 2_500)
NEAR = (55_000, 57_500, 60_000, 62_500, 65_000)


def chain_of(
    *,
    stated: float = 60_000.0,
    made_at: Mapping[int, float] | None = None,
    states: Mapping[int, float] | None = None,
) -> Chain:
    """The ladder priced at 60,000, which its rows state as `stated`.

    `made_at` prices strikes at another forward, `states` has them state another one.
    """
    state = MarketState()
    state.apply(listing(*ladder()))
    for each in ladder():
        strike = int(each.strike or 0)
        made = quote(each, forward=(made_at or {}).get(strike, 60_000.0), width=0.002)
        says = (states or {}).get(strike, stated)
        state.apply(replace(made, forward=Decimal(repr(says))))
    reading = state.read_book("deribit", "BTC")
    assert reading is not None
    return reading.chain


def forward_of(chain: Chain) -> ExpiryForward:
    return expiry_forward(chain, (0, len(chain)), {}, None)


def bounds_by_hand(chain: Chain, strikes: tuple[int, ...]) -> tuple[list[float], list[float]]:
    """K/(1 − (c − p)) of each strike in plain Python: bids descending, asks ascending."""
    sides: dict[tuple[float, bool], tuple[float, float]] = {}
    for row in range(len(chain)):
        quoted = float(chain.bid[row]), float(chain.ask[row])
        sides[float(chain.strike[row]), bool(chain.is_call[row])] = quoted
    bids, asks = [], []
    for strike in strikes:
        call, put = sides[strike, True], sides[strike, False]
        bids.append(strike / (1 - (call[0] - put[1])))
        asks.append(strike / (1 - (call[1] - put[0])))
    return sorted(bids, reverse=True), sorted(asks)


def test_bounds_are_the_second_best_of_pairs_near_the_money() -> None:
    chain = chain_of()
    found = forward_of(chain)
    bids, asks = bounds_by_hand(chain, NEAR)
    assert found.parity_bid == pytest.approx(bids[1], rel=1e-12)
    assert found.parity_ask == pytest.approx(asks[1], rel=1e-12)
    assert found.bound_pairs == len(NEAR)
    assert bids[1] < 60_000 < asks[1]
    assert (found.bounded_price, found.bounded_source) == (60_000.0, "venue:SYN.BTC")


@pytest.mark.parametrize(("stated", "side"), [(60_300.0, "ask"), (59_700.0, "bid")])
def test_a_stated_forward_beyond_the_bounds_is_left_for_the_nearest(
    stated: float, side: str
) -> None:
    found = forward_of(chain_of(stated=stated))
    assert found.price == found.venue_price == stated
    assert found.bounded_price == (found.parity_ask if side == "ask" else found.parity_bid)
    assert found.bounded_price == pytest.approx(60_000, rel=1e-3)
    assert found.bounded_source == f"parity {side} (5 pairs)"


def test_the_bounded_forward_has_no_jumps() -> None:
    steps = [replace(forward_of(chain_of()), price=59_800.0 + step) for step in range(400)]
    prices = np.array([each.bounded_price for each in steps])
    assert prices[0] == steps[0].parity_bid
    assert prices[-1] == steps[0].parity_ask
    assert (np.diff(prices) >= 0).all()
    assert (np.diff(prices) <= 1.0 + 1e-9).all()


def test_one_pair_of_another_moment_does_not_decide() -> None:
    found = forward_of(chain_of(made_at={60_000: 60_600.0}))
    assert found.bounded_price == 60_000.0
    two = forward_of(chain_of(made_at={60_000: 60_600.0, 62_500: 60_600.0}))
    assert two.bounded_price == two.price  # three pairs say another thing: the box is empty
    assert not two.is_bounded
    all_of_them = forward_of(chain_of(made_at=dict.fromkeys(STRIKES, 60_600.0)))
    assert all_of_them.bounded_price == pytest.approx(60_600, rel=1e-3)


def test_pairs_are_held_against_the_forward_that_they_were_quoted_at() -> None:
    moments = {55_000: 59_400.0, 57_500: 59_700.0, 62_500: 60_300.0, 65_000: 60_600.0}
    found = forward_of(chain_of(made_at=moments, states=moments))
    assert found.is_bounded
    assert found.bounded_price == found.price
    # The same quotes without a forward of their own contradict each other.
    assert not forward_of(chain_of(made_at=moments)).is_bounded


def test_a_single_pair_is_told_and_decides_nothing() -> None:
    reading = market_of((60_000,))
    chain = replace(reading.chain, forward=np.full(2, 66_000.0))
    found = forward_of(chain)
    assert found.bound_pairs == 1
    assert found.parity_ask is not None
    assert found.parity_ask < 66_000
    assert found.bounded_price == 66_000.0
    assert found.bounded_source == "venue:SYN.BTC"


def test_broken_quotes_bound_nothing() -> None:
    chain = chain_of()
    rows = {
        strike: int(np.flatnonzero((chain.strike == strike) & chain.is_call)[0]) for strike in NEAR
    }
    bid = chain.bid.copy()
    bid[rows[55_000]] = chain.ask[rows[55_000]] + 0.001
    bid[rows[57_500]] = 0.0
    bid[rows[60_000]] = np.nan
    doubts = {chain.instruments[rows[62_500]].name: "duplicate"}
    found = forward_of(replace(chain, bid=bid, doubts=doubts))
    assert found.bound_pairs == found.parity_pairs == 1


def test_linear_pairs_are_discounted() -> None:
    reading = market_of(tuple(STRIKES))
    chain = linear_twin(reading.chain, reading.values.forward, 0.97)
    found = expiry_forward(chain, (0, len(chain)), {}, 60_000.0)
    assert found.discount == pytest.approx(0.97, abs=1e-9)
    assert found.is_bounded
    lows, highs = [], []
    for strike in NEAR:
        call, put = (
            int(np.flatnonzero((chain.strike == strike) & (chain.is_call == is_call))[0])
            for is_call in (True, False)
        )
        lows.append(strike + (chain.bid[call] - chain.ask[put]) / found.discount)
        highs.append(strike + (chain.ask[call] - chain.bid[put]) / found.discount)
    assert found.parity_bid == pytest.approx(sorted(lows)[-2], rel=1e-12)
    assert found.parity_ask == pytest.approx(sorted(highs)[1], rel=1e-12)


def test_a_fit_reads_vols_at_the_bounded_forward_and_leaves_the_others() -> None:
    reading = market_of(tuple(STRIKES))
    rows = len(reading.chain)
    assert fit_values(reading.chain, reading.values, {SEP: reading.forwards[0]}) is reading.values
    off = replace(reading.forwards[0], price=60_600.0, parity_bid=59_940.0, parity_ask=60_060.0)
    moved = fit_values(reading.chain, reading.values, {SEP: off})
    np.testing.assert_allclose(moved.forward, np.full(rows, 60_000 * 60_060 / 60_600))
    assert np.nanmax(np.abs(moved.bid_iv - reading.values.bid_iv)) > 1e-4
    assert fit_values(reading.chain, reading.values, {}) is reading.values
