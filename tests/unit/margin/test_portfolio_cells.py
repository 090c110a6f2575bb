"""Cells after dampener and offset, and delta shocks, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from quantdesk.margin.portfolio_cells import cells_after, delta_shocks, pair_terms, stacked
from quantdesk.margin.portfolio_parameters import BTC_USD, EXTENDED_MOVES

INDEX = 50_000.0
STANDARD = 27


@pytest.mark.parametrize("price_range", [0.16, 0.33, 0.5, 0.9])
@pytest.mark.parametrize("is_inverse", [False, True])
@pytest.mark.parametrize("loss_usd", [-50_000.0, -1_000_000.0])
def test_a_loss_in_an_extended_cell_shrinks_by_the_dampener_and_never_grows(
    price_range: float, is_inverse: bool, loss_usd: float
) -> None:
    parameters = replace(BTC_USD, price_range=price_range)
    terms = pair_terms(parameters, INDEX, is_inverse=is_inverse)
    unit = INDEX if is_inverse else 1.0
    raw = np.full((1, STANDARD + len(EXTENDED_MOVES)), loss_usd / unit)
    found = cells_after(raw, terms)[0] * unit
    assert found[:STANDARD] == pytest.approx(loss_usd)
    for move, cell in zip(EXTENDED_MOVES, found[STANDARD:], strict=True):
        room = max(abs(move) / price_range - 1, 0.0) * parameters.extended_dampener
        assert cell == pytest.approx(min(loss_usd + room, 0.0), abs=1e-6)


def test_gains_count_by_their_share_up_to_the_cap() -> None:
    parameters = replace(
        BTC_USD, pnl_offset=0.4, max_offsetable_pnl=1_000_000.0, extended_dampener=0.0
    )
    terms = pair_terms(parameters, INDEX, is_inverse=False)
    raw = np.zeros((1, STANDARD + len(EXTENDED_MOVES)))
    raw[0, :3] = (1_000.0, 5_000_000.0, -7.0)
    assert cells_after(raw, terms)[0, :3].tolist() == [400.0, 1_000_000.0, -7.0]


def test_a_delta_shock_is_a_growing_share_of_what_is_over_the_threshold() -> None:
    parameters = replace(
        BTC_USD, delta_total_liq_shock_threshold=5_000_000.0, m_inc=0.001, max_delta_shock=0.1
    )
    coin = pair_terms(parameters, INDEX, is_inverse=True)
    dollar = pair_terms(parameters, INDEX, is_inverse=False)
    both = delta_shocks(np.array([-120.0, 120.0]), stacked([coin, dollar]))
    # 20 coins over 100: 0.001 a coin of them, of them.
    assert both == pytest.approx([0.02 * 20, 0.02 * 20 * INDEX])
    assert delta_shocks(np.array([100.0]), coin) == 0.0
    assert delta_shocks(np.array([1_100.0]), coin) == pytest.approx(0.1 * 1_000)
