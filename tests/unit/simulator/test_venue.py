"""The simulated market: opens as recorded, moves by its rules, expires, and repeats itself."""

from __future__ import annotations

import gzip
import json
import math
from importlib.resources import files
from typing import Any

import numpy as np
import pytest

from quantdesk.errors import InvalidInput
from quantdesk.runtime.clock import ManualClock
from quantdesk.simulator import Sample, SimulatedVenue
from quantdesk.simulator.board import Field
from quantdesk.simulator.quoting import PriceGrid

NS_PER_S = 1_000_000_000
STEP_NS = NS_PER_S // 4
FIRST_EXPIRY_NS = 1_782_633_600_000_000_000
WINDOW_NS = 1800 * NS_PER_S


def recorded(name: str) -> Any:
    packed = files("quantdesk.simulator.samples").joinpath(f"{name}.json.gz").read_bytes()
    return json.loads(gzip.decompress(packed))


def run_for(clock: ManualClock, ns: int) -> None:
    clock.advance_to(clock.now_ns() + ns)


def run_to(venue: SimulatedVenue, clock: ManualClock, venue_ns: int) -> None:
    run_for(clock, venue_ns - venue.now_ns())


def test_opening_state_is_the_recording(venue: SimulatedVenue) -> None:
    tickers = recorded("btc-2026-06-27")["tickers"]
    board = venue.board
    assert [t["instrument_name"] for t in tickers] == list(board.names)
    assert board.published[Field.BID].tolist() == [t["best_bid_price"] for t in tickers]
    assert board.published[Field.ASK_AMOUNT].tolist() == [t["best_ask_amount"] for t in tickers]
    assert board.published[Field.THETA].tolist() == [t["greeks"]["theta"] for t in tickers]
    assert board.stamp_ms.tolist() == [t["timestamp"] for t in tickers]


def test_nothing_changes_before_time_does(venue: SimulatedVenue) -> None:
    changes = venue.advance()
    assert changes.rows.size == 0
    assert changes.index_names == ()


def test_clock_starts_at_the_recorded_moment_and_runs(
    venue: SimulatedVenue, btc: Sample, clock: ManualClock
) -> None:
    assert venue.now_ns() == btc.opened_ns
    run_for(clock, 123_456_789)
    assert venue.now_ns() == btc.opened_ns + 123_456_789


def test_speed_multiplies_time_exactly(btc: Sample, clock: ManualClock) -> None:
    venue = SimulatedVenue(btc, clock=clock, speed=60.0)
    run_for(clock, 3_600 * NS_PER_S + 1)
    assert venue.now_ns() == btc.opened_ns + 60 * (3_600 * NS_PER_S + 1)


def test_venue_time_never_runs_back(btc: Sample) -> None:
    class Swinging:
        now = 5 * NS_PER_S

        def now_ns(self) -> int:
            return self.now

    clock = Swinging()
    venue = SimulatedVenue(btc, clock=clock)
    clock.now = 9 * NS_PER_S
    later = venue.now_ns()
    clock.now = 2 * NS_PER_S
    assert venue.now_ns() == later


@pytest.mark.parametrize("speed", [0.0, -1.0, math.nan, math.inf])
def test_speed_out_of_range_is_refused(btc: Sample, clock: ManualClock, speed: float) -> None:
    with pytest.raises(InvalidInput, match="speed"):
        SimulatedVenue(btc, clock=clock, speed=speed)


def test_remark_keeps_the_mark_iv_and_the_sizes(venue: SimulatedVenue, clock: ManualClock) -> None:
    run_for(clock, 60 * NS_PER_S)
    assert venue.advance().rows.size == len(venue.board)
    board = venue.board
    assert np.array_equal(board.published[Field.MARK_IV], board.opening[Field.MARK_IV])
    for side, amount in ((Field.BID, Field.BID_AMOUNT), (Field.ASK, Field.ASK_AMOUNT)):
        quoted = board.published[side] > 0
        assert np.array_equal(board.published[amount, quoted], board.opening[amount, quoted])
        assert np.all(board.published[amount, ~quoted] == 0)


def test_remark_keeps_spreads_to_the_tick_and_never_crosses(
    venue: SimulatedVenue, clock: ManualClock
) -> None:
    run_for(clock, 300 * NS_PER_S)
    venue.advance()
    board = venue.board
    bid, ask = board.published[Field.BID], board.published[Field.ASK]
    assert np.all(ask > bid)
    two_sided = (bid > 0) & (board.opening[Field.BID] > 0)
    widened = (ask - bid) - (board.opening[Field.ASK] - board.opening[Field.BID])
    grid = PriceGrid(fine=board.tick, above=board.tick_above, coarse=board.tick_coarse)
    assert np.all(widened[two_sided] > -1e-9)
    assert np.all(widened[two_sided] < grid.tick_at(ask)[two_sided])


def test_marks_follow_the_forward_by_their_delta(venue: SimulatedVenue, clock: ManualClock) -> None:
    board = venue.board
    run_for(clock, 60 * NS_PER_S)
    venue.advance()
    before = board.published.copy()
    run_for(clock, 20 * NS_PER_S)
    venue.advance()
    after = board.published
    move = after[Field.UNDERLYING] - before[Field.UNDERLYING]
    assert np.all(move != 0)
    value_before = before[Field.MARK] * before[Field.UNDERLYING]
    gained = after[Field.MARK] * after[Field.UNDERLYING] - value_before
    # Marks are rounded to 1e-4 coin, which is 6 USD here on either side.
    assert np.all(np.abs(gained - before[Field.DELTA] * move) < 7.0)


def test_underlyings_of_all_expiries_move_together(
    venue: SimulatedVenue, clock: ManualClock
) -> None:
    board = venue.board
    run_for(clock, NS_PER_S)
    venue.advance()
    first = board.published[Field.UNDERLYING] / board.published[Field.INDEX]
    run_for(clock, 100 * NS_PER_S)
    venue.advance()
    later = board.published[Field.UNDERLYING] / board.published[Field.INDEX]
    assert np.allclose(first, later, rtol=0, atol=5e-7)


def test_only_options_whose_values_differ_are_reported(
    venue: SimulatedVenue, clock: ManualClock
) -> None:
    for _ in range(12):
        before = venue.board.published.copy()
        stamps = venue.board.stamp_ms.copy()
        run_for(clock, STEP_NS)
        changes = venue.advance()
        differs = np.flatnonzero((venue.board.published != before).any(axis=0))
        assert changes.rows.tolist() == differs.tolist()
        untouched = np.setdiff1d(np.arange(len(venue.board)), differs)
        assert np.array_equal(venue.board.stamp_ms[untouched], stamps[untouched])


def test_book_ids_grow_with_each_change_of_the_quote_only(
    venue: SimulatedVenue, clock: ManualClock
) -> None:
    before = venue.board.change_id.copy()
    run_for(clock, 30 * NS_PER_S)
    changes = venue.advance()
    grown = np.flatnonzero(venue.board.change_id > before)
    assert grown.tolist() == changes.quote_rows.tolist()
    assert 0 < changes.quote_rows.size < len(venue.board)


def test_same_seed_and_clock_give_the_same_market(btc: Sample) -> None:
    def history() -> list[bytes]:
        clock = ManualClock(0)
        venue = SimulatedVenue(btc, clock=clock, seed=7)
        states = []
        for _ in range(20):
            run_for(clock, 700_000_000)
            venue.advance()
            states.append(venue.board.published.tobytes() + venue.board.stamp_ms.tobytes())
        return states

    assert history() == history()


def test_another_seed_gives_another_day(btc: Sample, clock: ManualClock) -> None:
    venues = [SimulatedVenue(btc, clock=clock, seed=seed) for seed in (0, 1)]
    run_for(clock, 60 * NS_PER_S)
    prices = set()
    for venue in venues:
        assert venue.index_price("btc_usd") == btc.index_price
        venue.advance()
        prices.add(venue.index_price("btc_usd"))
    assert len(prices) == 2


def test_expiry_settles_on_the_mean_of_its_last_half_hour(
    venue: SimulatedVenue, btc: Sample, clock: ManualClock
) -> None:
    run_to(venue, clock, FIRST_EXPIRY_NS - 1)
    assert venue.advance().delivered_rows.size == 0
    run_to(venue, clock, FIRST_EXPIRY_NS + STEP_NS)
    changes = venue.advance()
    board = venue.board
    assert changes.delivered_rows.tolist() == np.flatnonzero(~board.is_open).tolist()
    assert {board.names[row].split("-")[1] for row in changes.delivered_rows} == {"28JUN26"}

    path = recorded("underlying-path-2024-08-08")["returns"]
    there = [sum(path[:count]) * 1e-8 for count in range(len(path) + 1)]
    tour = there + there[-2:0:-1]
    first = (FIRST_EXPIRY_NS - WINDOW_NS - btc.opened_ns) // STEP_NS
    last = (FIRST_EXPIRY_NS - btc.opened_ns) // STEP_NS
    prices = [
        round(btc.index_price * math.exp(tour[step % len(tour)]), 2) for step in range(first, last)
    ]
    delivery = round(sum(prices) / len(prices), 2)
    assert set(board.delivery_price[changes.delivered_rows].tolist()) == {delivery}

    row = board.row_of["BTC-28JUN26-59000-C"]
    assert board.published[Field.MARK, row] == pytest.approx(
        (delivery - 59_000) / delivery, abs=1e-8
    )
    assert board.published[Field.MARK, board.row_of["BTC-28JUN26-59000-P"]] == 0
    for field in (Field.BID, Field.ASK, Field.DELTA, Field.VEGA):
        assert np.all(board.published[field, changes.delivered_rows] == 0)


def test_delta_decays_in_the_delivery_window(venue: SimulatedVenue, clock: ManualClock) -> None:
    row = venue.board.row_of["BTC-28JUN26-53000-C"]
    run_to(venue, clock, FIRST_EXPIRY_NS - WINDOW_NS)
    venue.advance()
    assert venue.board.published[Field.DELTA, row] == pytest.approx(1.0, abs=1e-3)
    run_to(venue, clock, FIRST_EXPIRY_NS - WINDOW_NS // 2)
    venue.advance()
    assert venue.board.published[Field.DELTA, row] == pytest.approx(0.5, abs=1e-3)


def test_long_jump_delivers_every_expiry_it_passes(
    venue: SimulatedVenue, clock: ManualClock
) -> None:
    run_for(clock, 400 * 86_400 * NS_PER_S)
    changes = venue.advance()
    assert changes.delivered_rows.size == len(venue.board)
    assert np.all(np.isfinite(venue.board.published))
    run_for(clock, NS_PER_S)
    assert venue.advance().rows.size == 0


def test_several_samples_open_at_the_latest_and_list_only_what_lives(
    btc: Sample, eth: Sample, clock: ManualClock
) -> None:
    venue = SimulatedVenue(eth, btc, clock=clock)
    assert venue.opened_ns == btc.opened_ns
    expiries = {name.split("-")[1] for name in venue.board.names if name.startswith("ETH")}
    assert expiries == {"25SEP26", "25DEC26"}
    row = venue.board.row_of["BTC-25SEP26-60000-C"]
    assert venue.board.published[Field.BID, row] == venue.board.opening[Field.BID, row]
    eth_row = venue.board.row_of["ETH-25SEP26-3000-C"]
    assert venue.board.published[Field.MARK, eth_row] < venue.board.opening[Field.MARK, eth_row]
    assert venue.board.stamp_ms[eth_row] == btc.opened_ns // 1_000_000


def test_one_underlying_twice_is_refused(btc: Sample, clock: ManualClock) -> None:
    with pytest.raises(InvalidInput, match="samples"):
        SimulatedVenue(btc, btc, clock=clock)


def test_no_sample_is_refused(clock: ManualClock) -> None:
    with pytest.raises(InvalidInput, match="samples"):
        SimulatedVenue(clock=clock)


def test_no_number_is_ever_missing(eth: Sample, clock: ManualClock) -> None:
    venue = SimulatedVenue(eth, clock=clock, speed=2000.0)
    for _ in range(40):
        run_for(clock, 300 * NS_PER_S)
        venue.advance()
        assert np.all(np.isfinite(venue.board.published))
        assert np.all(venue.board.published[Field.ASK] >= venue.board.published[Field.BID])
