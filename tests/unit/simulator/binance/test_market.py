"""The USDT market that is made from the recorded surface."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest

from quantdesk.errors import InvalidInput
from quantdesk.runtime.clock import ManualClock
from quantdesk.simulator import Sample, SimulatedVenue
from quantdesk.simulator.binance.floor import BinanceFloor
from quantdesk.simulator.binance.ladder import CONTRACTS, contract_on, strikes_between
from quantdesk.simulator.binance.market import BinanceMarket
from quantdesk.simulator.exchange.events import Trade

MINUTE_NS = 60_000_000_000
HALF_HOUR_NS = 30 * MINUTE_NS


@pytest.fixture
def market(venue: SimulatedVenue) -> BinanceMarket:
    return BinanceMarket(venue)


def test_symbols_are_binances_own(market: BinanceMarket) -> None:
    names = set(market.board.names)
    assert {"BTC-260925-60000-C", "BTC-260925-60000-P", "BTC-260628-60500-P"} <= names
    assert all(name.split("-")[0] == "BTC" and len(name.split("-")[1]) == 6 for name in names)


def test_some_strikes_are_only_here_and_some_only_at_the_recorded_venue(
    market: BinanceMarket, btc: Sample
) -> None:
    expiry = max(i.expiration_timestamp for i in btc.instruments if "25SEP26" in i.instrument_name)
    recorded = {i.strike for i in btc.instruments if i.expiration_timestamp == expiry}
    ours = {float(n.split("-")[2]) for n in market.board.names if n.startswith("BTC-260925-")}
    assert ours - recorded
    assert recorded - ours
    assert ours & recorded


def test_mark_iv_is_the_recorded_one_where_the_strike_was_recorded(
    market: BinanceMarket, btc: Sample
) -> None:
    recorded = {t.instrument_name: t.mark_iv / 100 for t in btc.tickers}
    row = market.board.row_of["BTC-260925-60000-C"]
    assert market.board.iv[row] == pytest.approx(recorded["BTC-25SEP26-60000-C"])


def test_mark_iv_between_recorded_strikes_lies_between_their_ivs(
    market: BinanceMarket, btc: Sample
) -> None:
    recorded = {
        i.strike: t.mark_iv / 100
        for i, t in zip(btc.instruments, btc.tickers, strict=True)
        if "25SEP26" in i.instrument_name
    }
    row = market.board.row_of["BTC-260925-57500-C"]
    below = max(k for k in recorded if k < 57_500)
    above = min(k for k in recorded if k > 57_500)
    ends = sorted((recorded[below], recorded[above]))
    assert ends[0] <= market.board.iv[row] <= ends[1]


def test_mark_is_black_scholes_on_the_index_with_the_published_rate(
    market: BinanceMarket, venue: SimulatedVenue
) -> None:
    row = market.board.row_of["BTC-260925-65000-C"]
    published = market.board.published
    spot, strike = float(market.index_price("BTCUSDT")), 65_000.0
    left_ns = (market.board.instruments[row].expiry_ns or 0) - venue.opened_ns
    years = left_ns / (365 * 86_400 * 1e9)
    rate, vol = float(published["rate"][row]), float(market.board.iv[row])
    total = vol * math.sqrt(years)
    d1 = (math.log(spot / strike) + rate * years) / total + total / 2

    def normal(x: float) -> float:
        return math.erfc(-x / math.sqrt(2)) / 2

    density = math.exp(-d1 * d1 / 2) / math.sqrt(2 * math.pi)
    price = spot * normal(d1) - strike * math.exp(-rate * years) * normal(d1 - total)
    assert published["mark"][row] == pytest.approx(price, abs=0.01)
    assert published["delta"][row] == pytest.approx(normal(d1), abs=1e-6)
    assert published["gamma"][row] == pytest.approx(density / (spot * total), abs=1e-8)
    assert published["vega"][row] == pytest.approx(spot * density * math.sqrt(years) / 100, 1e-6)
    carry = rate * strike * math.exp(-rate * years) * normal(d1 - total)
    theta = -(spot * density * vol / (2 * math.sqrt(years)) + carry) / 365
    assert published["theta"][row] == pytest.approx(theta, rel=1e-5)


def test_put_call_parity_gives_the_index_less_the_discounted_strike(market: BinanceMarket) -> None:
    published = market.board.published["mark"]
    call, put = (market.board.row_of[f"BTC-270326-60000-{side}"] for side in "CP")
    rate = float(market.board.published["rate"][call])
    years = (market.board.instruments[call].expiry_ns or 0) - market.marked_ns
    discount = math.exp(-rate * years / (365 * 86_400 * 1e9))
    assert discount < 0.99
    parity = float(market.index_price("BTCUSDT")) - 60_000 * discount
    assert published[call] - published[put] == pytest.approx(parity, abs=0.01)


def test_quotes_are_on_the_tick_and_never_crossed(market: BinanceMarket) -> None:
    published = market.board.published
    for side in ("bid", "ask"):
        assert not (published[side] % 5).any()
    both = (published["bid"] > 0) & (published["ask"] > 0)
    assert (published["ask"][both] > published["bid"][both]).all()
    assert both.sum() > 200


def test_quotes_stand_at_the_recorded_distance_from_the_mark(
    market: BinanceMarket, btc: Sample
) -> None:
    ticker = next(t for t in btc.tickers if t.instrument_name == "BTC-25SEP26-60000-C")
    row = market.board.row_of["BTC-260925-60000-C"]
    spread = (ticker.best_ask_price - ticker.best_bid_price) * ticker.underlying_price
    ours = float(market.board.published["ask"][row] - market.board.published["bid"][row])
    assert spread <= ours + 1e-6 < spread + 10


def test_sizes_are_those_of_the_recorded_strike(market: BinanceMarket, btc: Sample) -> None:
    ticker = next(t for t in btc.tickers if t.instrument_name == "BTC-25SEP26-60000-C")
    row = market.board.row_of["BTC-260925-60000-C"]
    assert market.board.published["bid_amount"][row] == ticker.best_bid_amount
    assert market.board.published["ask_amount"][row] == ticker.best_ask_amount


def test_marks_move_with_the_index_each_second(
    market: BinanceMarket, venue: SimulatedVenue
) -> None:
    before = market.board.published["mark"].copy()
    assert market.advance(venue.opened_ns + 300_000_000) == (False, [])
    has_moved, rows = market.advance(venue.opened_ns + 5_000_000_000)
    assert has_moved
    assert rows
    assert not np.array_equal(before, market.board.published["mark"])


def test_state_depends_on_venue_time_and_not_on_the_way_there(
    btc: Sample, clock: ManualClock
) -> None:
    one, two = (BinanceMarket(SimulatedVenue(btc, clock=clock)) for _ in range(2))
    end = one.venue.opened_ns + 90_000_000_000
    for second in range(1, 91):
        one.advance(one.venue.opened_ns + second * 1_000_000_000)
    two.advance(end)
    for name, values in one.board.published.items():
        assert np.array_equal(values, two.board.published[name]), name


def test_another_seed_makes_another_path(btc: Sample, clock: ManualClock) -> None:
    prices = []
    for seed in (0, 7):
        market = BinanceMarket(SimulatedVenue(btc, clock=clock, seed=seed))
        market.advance(market.venue.opened_ns + 60_000_000_000)
        prices.append(market.index_price("BTCUSDT"))
    assert prices[0] != prices[1]


def test_expired_options_have_no_quote_and_no_row_that_trades(
    market: BinanceMarket, venue: SimulatedVenue
) -> None:
    expiry_ns = market.board.expiries[0].expiry_ns
    market.advance(expiry_ns)
    rows = market.board.expiries[0].rows
    assert not market.board.is_open[rows].any()
    assert not market.board.published["ask"][rows].any()
    assert all(row >= rows.stop for row in market.board.open_rows())
    window = venue.indexes["btc_usd"].mean(expiry_ns - HALF_HOUR_NS, expiry_ns)
    assert market.delivery_price("BTCUSDT", expiry_ns) == Decimal(f"{window:.8f}")


def test_delta_fades_while_the_settlement_average_runs(market: BinanceMarket) -> None:
    expiry_ns = market.board.expiries[0].expiry_ns
    row = market.board.expiries[0].rows.start  # the lowest strike's call: deep in the money
    market.advance(expiry_ns - HALF_HOUR_NS)
    assert market.board.published["delta"][row] == pytest.approx(1.0, abs=0.01)
    market.advance(expiry_ns - HALF_HOUR_NS // 2)
    assert market.is_settling("BTCUSDT")
    assert market.board.published["delta"][row] == pytest.approx(0.5, abs=0.01)


def test_price_limits_are_a_part_of_the_index_around_the_mark(market: BinanceMarket) -> None:
    limits = market.price_limits("BTC-260925-60000-C")
    mark = market.mark_price("BTC-260925-60000-C")
    half = market.index_price("BTCUSDT") * Decimal("0.075")
    assert limits.highest is not None
    assert limits.lowest is not None
    assert abs(limits.highest - mark - half) < Decimal("0.01")
    assert limits.lowest == max(Decimal("5.000"), (mark - half).quantize(Decimal("0.001")))


def test_two_underlyings_are_listed_side_by_side(
    btc: Sample, eth: Sample, clock: ManualClock
) -> None:
    market = BinanceMarket(SimulatedVenue(btc, eth, clock=clock))
    assert set(market.indexes) == {"BTCUSDT", "ETHUSDT"}
    assert market.board.open_rows("ETHUSDT")
    assert not set(market.board.open_rows("ETHUSDT")) & set(market.board.open_rows("BTCUSDT"))


def test_ladder_keeps_the_strikes_nearest_the_forward() -> None:
    found = strikes_between(
        CONTRACTS["BTC"], lowest=20_000, highest=140_000, forward=61_000, days=20
    )
    assert len(found) == 30
    assert found[0] == 48_000
    assert found[-1] == 77_000


def test_coin_without_a_contract_is_named() -> None:
    with pytest.raises(InvalidInput, match="SOL"):
        contract_on("SOL")


def test_crowd_prints_trades_where_the_venue_asks_for_it(btc: Sample, clock: ManualClock) -> None:
    venue = SimulatedVenue(btc, clock=clock, trades_per_minute=120.0)
    floor = BinanceFloor(venue, ())
    trades: list[Trade] = []
    for _ in range(60):
        clock.advance_to(clock.now_ns() + 10**9)
        floor.advance()
        trades += [event for event in floor.take_events() if isinstance(event, Trade)]
    assert 60 < len(trades) < 180
    assert len({trade.instrument_name for trade in trades}) > 30
    assert floor.exchange.ledger.total("USDT") == 0
