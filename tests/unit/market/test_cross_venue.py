"""Two venues side by side: values, discounts, best prices, edges; textbook and real quotes."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from quantdesk import pricing
from quantdesk.domain.instrument import Settlement, TickScheme
from quantdesk.errors import InvalidInput
from quantdesk.market.chain import Chain, FloatArray
from quantdesk.market.cross_venue import (
    Best,
    QuoteFees,
    VenueValues,
    compare_venues,
    forward_value,
    venue_values,
)
from quantdesk.market.discounts import parity_discount
from quantdesk.market.state import MarketReading
from tests.tui.desk_samples import recorded_desk
from tests.unit.market.chains import DEC, SEP, market_of

STRIKES = (50_000, 55_000, 60_000, 65_000, 70_000)


def free(chain: Chain) -> QuoteFees:
    return QuoteFees(bid=np.zeros(len(chain)), ask=np.zeros(len(chain)))


def valued(reading: MarketReading, fees: QuoteFees | None = None) -> VenueValues:
    chain, values = reading.chain, reading.values
    return venue_values(
        chain,
        forward=values.forward,
        years=values.years,
        fees=free(chain) if fees is None else fees,
        is_usable=np.ones(len(chain), dtype=np.bool_),
    )


def linear_twin(chain: Chain, forward: FloatArray, discount: float) -> Chain:
    """The same quotes in dollars as a venue without forwards, which discounts, would print them."""
    instruments = tuple(
        replace(
            each,
            venue="binance",
            settlement=Settlement.LINEAR,
            quote_currency="USDT",
            settlement_currency="USDT",
            ticks=TickScheme(tick=Decimal("0.0001")),
        )
        for each in chain.instruments
    )
    dollars = {name: getattr(chain, name) * forward * discount for name in ("bid", "ask", "mark")}
    return replace(
        chain,
        venue="binance",
        instruments=instruments,
        is_inverse=np.zeros(len(chain), dtype=np.bool_),
        forward=np.full(len(chain), np.nan),
        **dollars,
    )


def own_values(chain: Chain, forward: FloatArray, years: FloatArray) -> VenueValues:
    usable = np.ones(len(chain), dtype=np.bool_)
    return venue_values(chain, forward=forward, years=years, fees=free(chain), is_usable=usable)


def test_coin_price_is_worth_its_own_forward() -> None:
    value = forward_value(
        np.array([0.1, 0.1]),
        is_inverse=np.array([True, True]),
        forward=np.array([60_000.0, 61_000.0]),
        discount=np.array([0.9, 0.9]),
    )
    assert value.tolist() == [6_000.0, 6_100.0]


def test_dollar_price_is_divided_by_its_discount() -> None:
    value = forward_value(
        np.array([5_820.0, np.nan]),
        is_inverse=np.array([False, False]),
        forward=np.array([60_000.0, 60_000.0]),
        discount=np.array([0.97, 0.97]),
    )
    assert value[0] == pytest.approx(6_000.0, rel=1e-15)
    assert np.isnan(value[1])


@pytest.mark.parametrize("discount", [0.0, -0.5, np.nan])
def test_discount_that_is_none_is_refused(discount: float) -> None:
    with pytest.raises(InvalidInput, match=r"discount .* must be above 0"):
        forward_value(
            np.array([1.0]),
            is_inverse=np.array([False]),
            forward=np.array([1.0]),
            discount=np.array([discount]),
        )


def test_a_real_294_day_call_shows_no_gap_where_there_is_none() -> None:
    """BTC-30DEC22-40000-C on Deribit, 2022-03-11 05:00 UTC: 0.2510 bid, 0.2545 asked, its forward
    39,831.85; the index, by the forward of the expiry three hours ahead, 38,539.95. A linear venue
    that prints the same value at a discount of 0.9697 must show the same vol; converting the coin
    price by the index, the difference would be above a vol point.
    """
    forward, index, years, discount = 39_831.85, 38_539.95, 294.12 / 365, 38_625.0 / 39_831.85
    one = np.ones(1)
    for coin_price in (0.2510, 0.2545):
        dollars = coin_price * forward * discount

        def vol(value: FloatArray) -> float:
            found = pricing.implied_vol(value, [True], forward, 40_000.0, years)
            return float(np.asarray(found.vol)[0])

        inverse = forward_value(
            coin_price * one,
            is_inverse=one > 0,
            forward=forward * one,
            discount=one,
        )
        linear = forward_value(
            dollars * one,
            is_inverse=one < 0,
            forward=forward * one,
            discount=discount * one,
        )
        assert vol(inverse) == pytest.approx(vol(linear), abs=1e-12)
        assert vol(inverse) - vol(coin_price * index * one) > 0.018


def test_discount_is_read_from_parity() -> None:
    reading = market_of(STRIKES)
    twin = linear_twin(reading.chain, reading.values.forward, 0.97)
    found = parity_discount(twin, (0, len(twin)))
    assert found.discount == pytest.approx(0.97, abs=1e-9)
    assert found.forward == pytest.approx(60_000.0, abs=1e-3)
    assert found.source == "parity (5 pairs)"


def test_real_quotes_give_back_the_discount_they_were_printed_with() -> None:
    """Recorded Deribit quotes printed in dollars at 8 % a year: found to half a hundredth, which is
    a sixth of a vol point at these vols; the expiry of the next morning says nothing.
    """
    snapshot = recorded_desk().chains[0]
    chain, found = snapshot.chain, []
    for expiry in snapshot.expiries:
        discount = float(np.exp(-0.08 * expiry.years))
        twin = linear_twin(chain, np.full(len(chain), expiry.forward.price), discount)
        fit = parity_discount(twin, expiry.rows)
        if fit.forward is None:
            assert fit.discount == 1.0
            assert fit.source.startswith("1:")
            continue
        assert abs(fit.discount - discount) < 0.005
        found.append(fit)
    assert len(found) == 2


def test_too_few_pairs_give_no_discount_and_say_so() -> None:
    reading = market_of(STRIKES[:2])
    twin = linear_twin(reading.chain, reading.values.forward, 0.97)
    found = parity_discount(twin, (0, len(twin)))
    assert (found.discount, found.source) == (1.0, "1: 2 pairs say nothing")


def test_absurd_parity_is_not_used() -> None:
    reading = market_of(STRIKES)
    twin = linear_twin(reading.chain, reading.values.forward, 0.8)
    found = parity_discount(twin, (0, len(twin)))
    assert found.discount == 1.0
    assert "not to be trusted" in found.source


def test_one_market_at_two_venues_differs_nowhere() -> None:
    reading = market_of(STRIKES)
    chain, values = reading.chain, reading.values
    twin = linear_twin(chain, values.forward, 0.97)
    left = valued(reading)
    right = own_values(twin, np.full(len(twin), np.nan), values.years)
    seen = compare_venues(left, right)
    assert len(seen) == len(chain)
    np.testing.assert_allclose(right.bid, left.bid, rtol=1e-9)
    np.testing.assert_allclose(seen.mark_gap, 0.0, atol=1e-7)
    # Buying at the ask and selling at the bid of the same market costs the spread.
    assert (seen.edge < 0).all()
    np.testing.assert_allclose(seen.edge, left.bid_iv - left.ask_iv, atol=1e-6)


def test_better_bid_and_ask_are_marked_by_value() -> None:
    reading = market_of(STRIKES)
    chain, values = reading.chain, reading.values
    twin = linear_twin(chain, values.forward, 1.0)
    bid, ask = twin.bid.copy(), twin.ask.copy()
    bid[0] *= 1.001
    ask[1] *= 0.999
    ask[2] = np.nan
    right = own_values(replace(twin, bid=bid, ask=ask), values.forward, values.years)
    seen = compare_venues(valued(reading), right)
    assert seen.best_bid[:1].tolist() == [Best.RIGHT]
    assert seen.best_ask[1:3].tolist() == [Best.RIGHT, Best.LEFT]


def test_edge_appears_where_one_can_buy_below_the_other_and_fees_take_it_away() -> None:
    reading = market_of(STRIKES)
    chain, values = reading.chain, reading.values
    twin = linear_twin(chain, values.forward, 1.0)
    dear = replace(twin, bid=twin.ask + 100.0, ask=twin.ask + 200.0)
    right = own_values(dear, values.forward, values.years)
    seen = compare_venues(valued(reading), right)
    assert (seen.edge > 0).all()
    assert (seen.edge_buy == Best.LEFT).all()
    np.testing.assert_allclose(seen.edge_usd, right.bid - valued(reading).ask, rtol=1e-12)
    fee = QuoteFees(bid=chain.bid * 0.125, ask=chain.ask * 0.125)
    after = compare_venues(valued(reading, fee), right)
    np.testing.assert_allclose(after.edge_usd, seen.edge_usd - 0.125 * chain.ask * values.forward)
    assert (after.edge < seen.edge).all()
    assert (after.edge < 0).any()


def test_stale_or_crossed_quote_makes_no_edge() -> None:
    reading = market_of(STRIKES)
    chain, values = reading.chain, reading.values
    crossed = replace(chain, bid=chain.ask * 1.5)
    left = own_values(crossed, values.forward, values.years)
    right = valued(reading)
    seen = compare_venues(left, right)
    assert np.isnan(seen.edge).all()
    assert (seen.best_bid == Best.RIGHT).all()
    stale = replace(right, is_usable=np.zeros(len(chain), dtype=np.bool_))
    assert np.isnan(compare_venues(right, stale).edge_usd).all()


def test_what_only_one_venue_lists_stays_in_order() -> None:
    left = market_of((50_000, 60_000), expiries=(SEP,))
    right = market_of((60_000, 70_000), expiries=(SEP, DEC))
    seen = compare_venues(valued(left), valued(right))
    found = list(
        zip(seen.strike.tolist(), seen.left_row.tolist(), seen.right_row.tolist(), strict=True)
    )
    sep = [entry for entry, at in zip(found, seen.expiry_ns.tolist(), strict=True) if at == SEP]
    assert sep == [
        (50_000.0, 0, -1),
        (50_000.0, 1, -1),
        (60_000.0, 2, 0),
        (60_000.0, 3, 1),
        (70_000.0, -1, 2),
        (70_000.0, -1, 3),
    ]
    assert (seen.left_row[seen.expiry_ns == DEC] == -1).all()
    assert np.isnan(seen.mark_gap[seen.left_row == -1]).all()


def test_other_coin_is_refused() -> None:
    values = valued(market_of(STRIKES))
    other = replace(values, chain=replace(values.chain, underlying="ETH"))
    with pytest.raises(InvalidInput, match="underlying = 'ETH': must be BTC"):
        compare_venues(values, other)
