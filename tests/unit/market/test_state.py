"""Market state: what events do to a chain."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from quantdesk.domain.events import FutureUpdate, IndexUpdate, InstrumentStateChanged
from quantdesk.domain.instrument import OptionType
from quantdesk.domain.times import parse_instant
from quantdesk.market.state import MarketReading, MarketState
from quantdesk.market.valuation import IV_NO_QUOTE, IV_TICK_NOISE, GreeksSource

from .chains import DEC, NOW, SEP, ladder, listing, option, quote

WEEK = parse_instant("2026-07-03T08:00:00Z")


def read(market: MarketState) -> MarketReading:
    reading = market.read_book("deribit", "BTC")
    assert reading is not None
    return reading


@pytest.fixture
def market() -> MarketState:
    state = MarketState()
    state.apply(listing(*ladder(SEP), *ladder(DEC)))
    for instrument in ladder(SEP) + ladder(DEC):
        state.apply(quote(instrument, vol=0.45 if instrument.expiry_ns == SEP else 0.55))
    return state


def test_implied_vols_return_the_vol_that_made_the_prices(market: MarketState) -> None:
    reading = read(market)
    vol = np.where(reading.chain.expiry_ns == SEP, 0.45, 0.55)
    assert_allclose(reading.values.mark_iv, vol, rtol=1e-9)
    assert_allclose(reading.values.bid_iv, vol - 0.02, rtol=1e-8)
    assert_allclose(reading.values.ask_iv, vol + 0.02, rtol=1e-8)


def test_put_and_call_of_a_strike_differ_by_one_in_delta(market: MarketState) -> None:
    values = read(market).values
    assert_allclose(values.delta[::2] - values.delta[1::2], 1.0, rtol=1e-12)
    assert_allclose(values.gamma[::2], values.gamma[1::2], rtol=1e-9)


def test_premium_adjusted_delta_is_delta_less_the_mark_in_coin(market: MarketState) -> None:
    reading = read(market)
    expected = reading.values.delta - reading.chain.mark
    assert_array_equal(reading.values.delta_premium_adjusted, expected)


def test_theta_is_what_a_day_costs(market: MarketState) -> None:
    reading = read(market)
    row = 8  # the 60,000 call of September
    later = MarketState()
    later.apply(listing(reading.chain.instruments[row]))
    day_ns = 86_400 * 10**9
    price = [
        float(quote(reading.chain.instruments[row], vol=0.45, now_ns=NOW + shift).mark or 0)
        * 60_000
        for shift in (-day_ns // 100, day_ns // 100)
    ]
    assert_allclose(reading.values.theta[row], (price[1] - price[0]) * 50, rtol=1e-5)


def test_quote_of_an_unlisted_instrument_is_counted_and_dropped(market: MarketState) -> None:
    before = read(market)
    market.apply(quote(option(99_000, OptionType.CALL)))
    assert read(market) is before
    assert market.counters["quote of an unlisted instrument"] == 1


def test_older_quote_does_not_replace_a_newer_one(market: MarketState) -> None:
    instrument = ladder()[0]
    market.apply(quote(instrument, vol=0.9, now_ns=NOW - 1))
    assert_allclose(read(market).values.mark_iv[0], 0.45, rtol=1e-9)
    assert market.counters["quote older than the last"] == 1


def test_unchanged_market_reads_as_the_same_object(market: MarketState) -> None:
    assert read(market) is read(market)


def test_only_the_changed_expiry_is_valued_again(market: MarketState) -> None:
    before = read(market)
    market.apply(quote(ladder(DEC)[4], vol=0.6, now_ns=NOW + 1))
    after = read(market)
    same = after.chain.expiry_ns == SEP
    assert_array_equal(after.values.mark_iv[same], before.values.mark_iv[same])
    assert after.values.mark_iv[~same].max() == pytest.approx(0.6)


def test_partial_revaluation_equals_a_full_one(market: MarketState) -> None:
    read(market)
    for step, instrument in enumerate(ladder(SEP)[::3], start=1):
        market.apply(quote(instrument, vol=0.4 + 0.01 * step, now_ns=NOW + step))
    fresh = MarketState()
    fresh.apply(listing(*ladder(SEP), *ladder(DEC)))
    for instrument in ladder(SEP) + ladder(DEC):
        fresh.apply(quote(instrument, vol=0.45 if instrument.expiry_ns == SEP else 0.55))
    for step, instrument in enumerate(ladder(SEP)[::3], start=1):
        fresh.apply(quote(instrument, vol=0.4 + 0.01 * step, now_ns=NOW + step))
    for name in ("mark_iv", "delta", "gamma", "theta", "greeks_source"):
        assert_array_equal(getattr(read(market).values, name), getattr(read(fresh).values, name))


def test_absent_price_has_no_implied_vol_and_says_so(market: MarketState) -> None:
    market.apply(replace(quote(ladder()[0], now_ns=NOW + 1), bid=None))
    values = read(market).values
    assert np.isnan(values.bid_iv[0])
    assert values.bid_iv_status[0] == IV_NO_QUOTE
    assert values.is_one_sided[0]


def test_mark_below_intrinsic_borrows_the_vol_of_its_twin(market: MarketState) -> None:
    deep = option(50_000, OptionType.CALL)
    # 1/6 is the intrinsic value in coin at a forward of 60,000: a rounded mark lies below it.
    market.apply(replace(quote(deep, now_ns=NOW + 1), mark=Decimal("0.1666")))
    values = read(market).values
    assert np.isnan(values.mark_iv[0])
    assert values.greeks_source[0] == GreeksSource.TWIN
    assert_allclose(values.greeks_iv[0], 0.45, rtol=1e-9)


def test_far_option_marked_zero_takes_the_venues_vol_not_its_twins() -> None:
    call, put = option(100_000, OptionType.CALL), option(100_000, OptionType.PUT)
    state = MarketState()
    state.apply(listing(call, put))
    state.apply(replace(quote(call, vol=0.3), mark=Decimal("0.0000"), bid=None))
    state.apply(quote(put, vol=0.3))
    values = read(state).values
    assert values.greeks_source[0] == GreeksSource.VENUE_IV
    assert values.greeks_iv[0] == 0.3


def test_relisting_keeps_the_quotes_of_what_stays(market: MarketState) -> None:
    market.apply(listing(*ladder(DEC)))
    reading = read(market)
    assert len(reading.chain) == len(ladder(DEC))
    assert_allclose(reading.values.mark_iv, 0.55, rtol=1e-9)


def test_delivered_option_leaves_the_chain(market: MarketState) -> None:
    gone = ladder()[3]
    market.apply(
        InstrumentStateChanged(
            venue="deribit",
            instrument_name=gone.name,
            event_ns=NOW,
            recv_ns=NOW,
            state="delivered",
            is_listed=False,
        )
    )
    assert gone.name not in {i.name for i in read(market).chain.instruments}


def test_index_comes_from_the_newest_source(market: MarketState) -> None:
    assert read(market).index_price == 59_950.5
    update = IndexUpdate(
        venue="deribit",
        index_name="btc_usd",
        event_ns=NOW + 5,
        recv_ns=NOW + 5,
        price=Decimal("60001.25"),
    )
    market.apply(update)
    assert read(market).index_price == 60_001.25
    market.apply(replace(update, event_ns=NOW - 5, price=Decimal(1)))
    assert read(market).index_price == 60_001.25


def test_forward_is_the_venues_where_it_gives_one(market: MarketState) -> None:
    forward = read(market).forwards[0]
    assert forward.price == 60_000.0
    assert forward.source == "venue:SYN.BTC"
    assert forward.parity_price == pytest.approx(60_000.0, rel=1e-9)
    assert forward.parity_pairs == 5  # strikes within 10 %: 55,000 to 65,000


def without_forward(instrument_row: int = 0) -> MarketState:
    state = MarketState()
    state.apply(listing(*ladder()))
    for instrument in ladder():
        state.apply(quote(instrument, forward=None))
    return state


def test_forward_comes_from_parity_where_the_venue_gives_none() -> None:
    forward = read(without_forward()).forwards[0]
    assert forward.source == "parity (5 pairs)"
    assert forward.price == pytest.approx(60_000.0, rel=1e-9)


def test_dated_future_goes_before_parity() -> None:
    state = without_forward()
    state.apply(
        FutureUpdate(
            venue="deribit",
            instrument_name="BTC-25SEP26",
            underlying="BTC",
            event_ns=NOW,
            recv_ns=NOW,
            expiry_ns=SEP,
            bid=Decimal(60_010),
            ask=Decimal(60_020),
        )
    )
    forward = read(state).forwards[0]
    assert forward.source == "future:BTC-25SEP26 mid"
    assert forward.price == 60_015.0


def test_recorded_vols_without_prices_are_shown_as_recorded() -> None:
    state = MarketState()
    state.apply(listing(*ladder()))
    for instrument in ladder():
        priced = quote(instrument)
        delta = 0.55 if instrument.option_type is OptionType.CALL else -0.45
        bare = replace(priced, bid=None, ask=None, mark=None, forward=None, venue_bid_iv=0.48)
        state.apply(replace(bare, venue_greeks=replace(priced.venue_greeks, delta=delta)))
    reading = read(state)
    assert_array_equal(reading.values.mark_iv, 0.5)
    assert_array_equal(reading.values.bid_iv, 0.48)
    assert reading.forwards[0].source.startswith("delta (")


def test_linear_option_is_valued_in_its_own_currency() -> None:
    instrument = option(60_000, OptionType.CALL, inverse=False)
    state = MarketState()
    state.apply(listing(instrument))
    state.apply(quote(instrument, vol=0.5))
    values = read(state).values
    assert_allclose(values.mark_iv, 0.5, rtol=1e-9)
    assert np.isnan(values.delta_premium_adjusted[0])


def deep_market(call_mark: str, put_mark: str) -> MarketReading:
    """A call far in the money a week before expiry, with its put. Intrinsic is 0.16666… coin."""
    call, put = (option(50_000, kind, WEEK) for kind in (OptionType.CALL, OptionType.PUT))
    state = MarketState()
    state.apply(listing(call, put))
    state.apply(replace(quote(call), mark=Decimal(call_mark)))
    state.apply(replace(quote(put), mark=Decimal(put_mark)))
    return read(state)


def test_mark_whose_last_digit_decides_its_vol_has_none() -> None:
    values = deep_market("0.1668", "0.0002").values
    assert np.isnan(values.mark_iv[0])
    assert values.mark_iv_status[0] == IV_TICK_NOISE
    assert values.greeks_source[0] == GreeksSource.TWIN
    assert values.greeks_iv[0] == values.mark_iv[1]
    assert 0.99 < values.delta[0] < 1.0


def test_mark_finer_than_its_tick_keeps_its_vol() -> None:
    values = deep_market("0.16680123", "0.0002").values
    assert np.isfinite(values.mark_iv[0])
    assert values.greeks_source[0] == GreeksSource.MARK
