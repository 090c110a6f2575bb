"""Days, vols, chances and ages of legs against textbook formulas."""

from __future__ import annotations

from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest

from quantdesk.market.quality import STALE_AFTER_NS
from quantdesk.risk.leg_state import chance_in_the_money, leg_states
from quantdesk.risk.valuation import value_positions
from tests.unit.market.chains import future
from tests.unit.risk.books import named, only, position, sample_market


def test_chance_is_the_lognormal_one_and_call_and_put_make_one() -> None:
    market = sample_market()
    names = ["BTC-31JUL26-65000-C", "BTC-31JUL26-65000-P"]
    book = value_positions([position(named(market, name), 1) for name in names], market)
    options = book.options
    chances = chance_in_the_money(options)
    spread = float(options.vol[0] * options.years[0] ** 0.5)
    # P(F·exp(sZ − s²/2) > K)
    above = 1 - NormalDist(-spread * spread / 2, spread).cdf(
        float(np.log(options.strike[0] / options.forward[0]))
    )
    assert chances[0] == pytest.approx(above, abs=1e-12)
    twin = replace(options, vol=np.full(2, options.vol[0]))
    assert chance_in_the_money(twin).sum() == pytest.approx(1.0, abs=1e-15)


def test_no_vol_leaves_certainty() -> None:
    market = sample_market()
    names = ["BTC-31JUL26-65000-C", "BTC-31JUL26-65000-P"]
    book = value_positions([position(named(market, name), 1) for name in names], market)
    still = replace(book.options, vol=np.zeros(2))
    assert chance_in_the_money(still).tolist() == [0.0, 1.0]


def test_states_stand_in_the_books_order_and_futures_have_no_vol() -> None:
    market = sample_market()
    held = [
        position(named(market, "BTC-31JUL26-65000-C"), -1),
        position(future(), -20_000),
    ]
    option_state, future_state = leg_states(value_positions(held, market))
    as_of_ns, expiry_ns = only(market).as_of_ns, held[0].instrument.expiry_ns
    assert expiry_ns is not None
    assert option_state.days == pytest.approx((expiry_ns - as_of_ns) / 86_400e9, rel=1e-12)
    assert option_state.vol is not None
    assert option_state.quote_age_ns is not None
    assert 0 <= option_state.quote_age_ns < STALE_AFTER_NS
    assert not option_state.is_stale
    assert (future_state.days, future_state.vol, future_state.chance_in_the_money) == (None,) * 3


def test_old_quote_is_stale() -> None:
    market = sample_market()
    later = replace(
        market,
        markets=tuple(
            replace(one, as_of_ns=one.as_of_ns + STALE_AFTER_NS) for one in market.markets
        ),
    )
    held = [position(named(market, "BTC-31JUL26-65000-C"), 1)]
    (state,) = leg_states(value_positions(held, later))
    assert state.is_stale
