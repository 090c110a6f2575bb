"""Theo and edge of each row against hand-made Black prices and the venue's own ticks."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from statistics import NormalDist

import numpy as np
import pytest

from quantdesk.domain.instrument import TickScheme
from quantdesk.market.fitting import SurfaceFit
from quantdesk.market.own_vols import OwnSurface, VolOverride
from quantdesk.market.surface_edge import SurfaceEdge, surface_edge, ticks_between
from quantdesk.runtime.embedded import opening_snapshot
from quantdesk.runtime.live_surfaces import with_surfaces
from quantdesk.snapshot import ChainSnapshot

CHAIN: ChainSnapshot = with_surfaces(opening_snapshot("BTC")).chains[0]


def fit() -> SurfaceFit:
    assert CHAIN.fit is not None
    return CHAIN.fit


def edge(own: OwnSurface | None = None) -> SurfaceEdge:
    return surface_edge(fit(), CHAIN.chain, CHAIN.values, own=own)


def black(is_call: bool, forward: float, strike: float, deviation: float) -> float:
    """Undiscounted Black, by the textbook."""
    cdf = NormalDist().cdf
    d1 = math.log(forward / strike) / deviation + deviation / 2
    call = forward * cdf(d1) - strike * cdf(d1 - deviation)
    return call if is_call else call - forward + strike


def test_theo_is_black_at_the_rows_own_forward_and_time() -> None:
    found = edge()
    values, chain = CHAIN.values, CHAIN.chain
    for row in range(0, len(chain), 17):
        forward, strike = float(values.forward[row]), float(chain.strike[row])
        deviation = float(found.theo_iv[row]) * math.sqrt(float(values.years[row]))
        price = black(bool(chain.is_call[row]), forward, strike, deviation)
        assert found.theo[row] == pytest.approx(price / forward, rel=1e-9, abs=1e-12)


def test_theo_vol_is_the_surfaces_at_the_rows_moneyness() -> None:
    found = edge()
    values, chain = CHAIN.values, CHAIN.chain
    row = int(np.flatnonzero(chain.expiry_ns == fit().slices[3].expiry_ns)[5])
    moved = replace(values, forward=values.forward * 1.01)
    other = surface_edge(fit(), chain, moved)
    at = float(chain.strike[row]) * fit().slices[3].forward / float(values.forward[row])
    vol = fit().implied_vol(np.array([fit().slices[3].expiry_ns]), np.array([at]))[0]
    assert found.theo_iv[row] == pytest.approx(vol, rel=1e-12)
    # A forward that moved moves the moneyness: the smile is not pinned to strikes.
    assert other.theo_iv[row] != pytest.approx(vol, abs=1e-6)


# 0.0001 up to 0.005, 0.0005 from there to 0.1, then 0.001.
STEPPED = TickScheme(
    tick=Decimal("0.0001"),
    steps=((Decimal("0.005"), Decimal("0.0005")), (Decimal("0.1"), Decimal("0.001"))),
)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0.0041, 0.0044, 3.0),
        (0.0041, 0.00415, 0.5),
        (0.0047, 0.005, 3.0),
        (0.005, 0.005, 0.0),
        (0.005, 0.0055, 1.0),
        (0.005, 0.005516, 1.032),
        (0.0048, 0.0065, 5.0),
        (0.02, 0.0305, 21.0),
        (0.0995, 0.102, 3.0),
        (0.0049, 0.103, 194.0),
        (-0.001, 0.0002, 12.0),
    ],
)
def test_ticks_are_counted_along_the_grid_both_ways(
    start: float, end: float, expected: float
) -> None:
    ways = np.array([start, end]), np.array([end, start])
    found = ticks_between(STEPPED, *ways)
    np.testing.assert_allclose(found, [expected, -expected], rtol=1e-12, atol=1e-12)


@pytest.mark.filterwarnings("error")
def test_ticks_to_what_is_no_price_are_none() -> None:
    none, price = np.array([np.nan]), np.array([0.005])
    assert np.isnan(ticks_between(STEPPED, none, price)).all()
    assert np.isnan(ticks_between(STEPPED, price, none)).all()


def steps_up_to(price: float) -> float:
    """Steps of 0.0001 up to 0.005 and of 0.0005 above it, by hand."""
    return min(price, 0.005) / 0.0001 + max(price - 0.005, 0.0) / 0.0005


def test_an_edge_across_a_step_of_the_grid_is_counted_on_both_sides_of_it() -> None:
    theo = edge().theo
    row = int(np.flatnonzero((theo > 0.0051) & (theo < 0.02))[0])
    at_row = np.arange(len(theo)) == row
    below = replace(CHAIN.chain, bid=np.where(at_row, 0.0048, CHAIN.chain.bid))
    above = (theo[row] - 0.005) / 0.0005
    found = surface_edge(fit(), below, CHAIN.values)
    assert found.sell_edge_ticks[row] == pytest.approx(-2.0 - above)
    # A quote on the step itself: no tick of 0.0001 lies between it and the theo.
    bid, ask = (np.where(at_row, 0.005, side) for side in (CHAIN.chain.bid, CHAIN.chain.ask))
    found = surface_edge(fit(), replace(CHAIN.chain, bid=bid, ask=ask), CHAIN.values)
    assert found.sell_edge_ticks[row] == pytest.approx(-above)
    assert found.buy_edge_ticks[row] == pytest.approx(above)


def test_edges_are_what_crossing_to_a_side_gains() -> None:
    found = edge()
    chain, values = CHAIN.chain, CHAIN.values
    # Deribit's BTC options: a tick of 0.0001 below 0.005, of 0.0005 from there on.
    for row in range(0, len(chain), 13):
        bid, ask = float(chain.bid[row]), float(chain.ask[row])
        theo = steps_up_to(float(found.theo[row]))
        if not math.isnan(bid):
            sold = steps_up_to(bid) - theo
            assert found.sell_edge_ticks[row] == pytest.approx(sold, abs=1e-9)
        if not math.isnan(ask):
            bought = theo - steps_up_to(ask)
            assert found.buy_edge_ticks[row] == pytest.approx(bought, abs=1e-9)
    np.testing.assert_array_equal(found.sell_edge_vol, values.bid_iv - found.theo_iv)
    np.testing.assert_array_equal(found.buy_edge_vol, found.theo_iv - values.ask_iv)


def test_a_side_without_a_quote_has_no_edge() -> None:
    nothing = np.full(len(CHAIN.chain), np.nan)
    chain = replace(CHAIN.chain, bid=nothing)
    values = replace(CHAIN.values, bid_iv=nothing)
    found = surface_edge(fit(), chain, values)
    assert np.isnan(found.sell_edge_vol).all()
    assert np.isnan(found.sell_edge_ticks).all()
    np.testing.assert_array_equal(found.buy_edge_ticks, edge().buy_edge_ticks)
    assert np.isfinite(found.theo).all()


def test_an_expiry_without_a_slice_has_no_theo() -> None:
    part = replace(fit(), slices=fit().slices[1:])
    found = surface_edge(part, CHAIN.chain, CHAIN.values)
    gone = CHAIN.chain.expiry_ns == fit().slices[0].expiry_ns
    assert np.isnan(found.theo[gone]).all()
    assert np.isnan(found.theo_iv[gone]).all()
    assert np.isfinite(found.theo[~gone]).all()


@pytest.mark.parametrize("forward", [np.nan, np.inf])
def test_a_row_without_a_forward_has_no_theo(forward: float) -> None:
    forwards = CHAIN.values.forward.copy()
    forwards[7] = forward
    found = surface_edge(fit(), CHAIN.chain, replace(CHAIN.values, forward=forwards))
    assert math.isnan(found.theo[7])
    assert np.isfinite(np.delete(found.theo, 7)).all()


def test_dollar_settled_rows_are_discounted_and_for_their_own_coins() -> None:
    rows = len(CHAIN.chain)
    linear = replace(
        CHAIN.chain,
        is_inverse=np.zeros(rows, dtype=np.bool_),
        price_coins=np.full(rows, 1_000.0),
    )
    values = replace(CHAIN.values, discount=np.full(rows, 0.99))
    found = surface_edge(fit(), linear, values)
    np.testing.assert_allclose(
        found.theo, edge().theo * CHAIN.values.forward * 0.99 * 1_000.0, rtol=1e-12
    )


def test_own_vols_are_the_theo_where_there_are_some() -> None:
    shifted, untouched = fit().slices[2], fit().slices[4]
    own = OwnSurface(fit=fit(), overrides=(VolOverride(expiry_ns=shifted.expiry_ns, shift=0.015),))
    found, market = edge(own), edge()
    rows = CHAIN.chain.expiry_ns == shifted.expiry_ns
    np.testing.assert_allclose(found.theo_iv[rows] - market.theo_iv[rows], 0.015, atol=1e-12)
    assert (found.theo[rows] > market.theo[rows]).all()
    others = CHAIN.chain.expiry_ns == untouched.expiry_ns
    np.testing.assert_allclose(found.theo_iv[others], market.theo_iv[others], rtol=1e-12)
