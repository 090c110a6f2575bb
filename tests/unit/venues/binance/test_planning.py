"""The pure parts of the feed: settings, weight, clock, streams and their connections, books."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantdesk.domain.events import BookChange, BookSnapshot, InstrumentsListed
from quantdesk.domain.instrument import Instrument
from quantdesk.errors import ConfigError, InvalidInput
from quantdesk.market.order_book import OrderBook
from quantdesk.venues.binance import BinanceSettings, events_of
from quantdesk.venues.binance.book_sequence import BookSequence
from quantdesk.venues.binance.streams import ShardPlan, is_beating, is_replaceable, wanted_streams
from quantdesk.venues.binance.weight import WeightBudget, weight_of
from quantdesk.venues.transport.venue_clock import VenueOffset

from .payloads import SYMBOLS, depth_push, exchange_info, frame, rest

MS = 1_000_000


def listed() -> dict[str, tuple[Instrument, ...]]:
    made = events_of(frame(rest("exchangeInfo", exchange_info())))
    return {e.underlying: e.instruments for e in made if isinstance(e, InstrumentsListed)}


# settings


@pytest.mark.parametrize("environment", ["live", "testnet"])
def test_environments_have_addresses(environment: str) -> None:
    settings = BinanceSettings(environment=environment)
    assert settings.rest_base.startswith("https://")
    assert settings.stream_base.startswith("wss://")


@pytest.mark.parametrize("base", ["http://127.0.0.1:9", "ws://127.0.0.1:9/", "http://127.0.0.1:9/"])
def test_one_base_serves_rest_and_streams(base: str) -> None:
    settings = BinanceSettings.at_base("simulated", base)
    assert settings.rest_base == "http://127.0.0.1:9"
    assert settings.stream_base == "ws://127.0.0.1:9"
    assert settings.host == "127.0.0.1:9"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"environment": "real"}, "environment"),
        ({"environment": "simulated"}, "rest_url is missing"),
        ({"rest_url": "http://eapi.binance.com"}, "needs https"),
        ({"rest_url": "ftp://x"}, "must look like"),
        ({"rest_url": "https://user:hunter2@x"}, "must not hold a user name"),
        ({"rest_url": "https://x?key=1"}, "must be a base"),
        ({"stream_url": "https://x"}, "must look like"),
        ({"stream_url": "wss://["}, "must look like"),
        ({"rest_url": "https://host:99999"}, "must look like"),
        ({"rest_url": "https://host:port"}, "must look like"),
        ({"probe_s": 0.0}, "probe_s"),
        ({"probe_s": float("nan")}, "probe_s"),
        ({"recv_window_ms": 60_000}, "recv_window_ms"),
        ({"streams_per_connection": 201}, "streams_per_connection"),
        ({"messages_per_s": 11.0}, "messages_per_s"),
        ({"connection_age_s": 90_000.0}, "connection_age_s"),
        ({"listen_key_s": 3_600.0}, "listen_key_s"),
        ({"weight_reserve": 2_400}, "weight_reserve"),
        ({"backoff_low_s": 60.0}, "backoff_high_s"),
        ({"depth_speed": "50ms"}, "depth_speed"),
    ],
)
def test_setting_that_is_not_allowed_is_named(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as refused:
        BinanceSettings(**{"environment": "live", **changes})
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("host", ["eapi.binance.com", "binance.com", "testnet.binancefuture.com"])
def test_simulated_environment_is_never_the_real_venue(host: str) -> None:
    with pytest.raises(ConfigError, match="can not be"):
        BinanceSettings.at_base("simulated", f"https://{host}")


# request weight


def test_weight_is_spent_up_to_the_reserve_then_waits_for_the_next_minute() -> None:
    budget = WeightBudget(limit=100, reserve=40)
    assert [budget.pause_s(20, 10.0) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert budget.pause_s(20, 30.0) == 40.0
    assert budget.pause_s(20, 70.0) == 0.0


def test_venues_own_count_counts() -> None:
    budget = WeightBudget(limit=100, reserve=40)
    assert budget.pause_s(1, 0.0) == 0.0
    budget.note_used(60, 0.5)
    assert budget.pause_s(1, 1.0) == 59.0


def test_venues_new_minute_begins_ours() -> None:
    budget = WeightBudget(limit=100, reserve=40)
    assert budget.pause_s(60, 0.0) == 0.0
    budget.note_used(3, 30.0)
    assert budget.used == 3
    assert budget.pause_s(50, 31.0) == 0.0
    assert budget.pause_s(50, 32.0) == pytest.approx(58.0)


def test_lower_limit_of_the_venue_counts() -> None:
    budget = WeightBudget(limit=2_400, reserve=40)
    budget.note_limit(100)
    assert budget.pause_s(60, 0.0) == 0.0
    assert budget.pause_s(1, 1.0) > 0.0


def test_question_heavier_than_a_minute_goes_out_alone() -> None:
    budget = WeightBudget(limit=30, reserve=10)
    assert budget.pause_s(40, 0.0) == 0.0
    assert budget.pause_s(1, 1.0) == 59.0


@given(st.lists(st.tuples(st.integers(1, 50), st.floats(0.0, 30.0)), max_size=60))
def test_no_minute_holds_more_than_its_allowance(steps: list[tuple[int, float]]) -> None:
    budget, now_s = WeightBudget(limit=120, reserve=20), 0.0
    spent: list[tuple[float, int]] = []
    for weight, gap_s in steps:
        now_s += gap_s
        pause_s = budget.pause_s(weight, now_s)
        if pause_s == 0.0:
            spent.append((now_s, weight))
        else:
            assert 0.0 < pause_s <= 60.0
    for opened_s, _ in spent:
        window = sum(w for at_s, w in spent if opened_s <= at_s < opened_s + 60.0)
        assert window <= 200  # two halves of neighbouring minutes at most


def test_unknown_question_is_held_for_dear() -> None:
    assert weight_of("GET", "/eapi/v1/mark") == 5
    assert weight_of("GET", "/eapi/v1/somethingNew") >= max(
        weight_of("GET", "ticker"), weight_of("GET", "openOrders")
    )


# the venue's clock


def test_offset_is_taken_at_the_middle_of_the_round_trip() -> None:
    offset = VenueOffset()
    assert offset.venue_ms(0) is None
    offset.note(sent_ns=1_000 * MS, venue_ns=5_050 * MS, recv_ns=1_100 * MS)
    assert offset.offset_ns == 4_000 * MS
    assert offset.venue_ms(2_000 * MS) == 6_000


def test_slow_answer_does_not_spoil_the_clock() -> None:
    offset = VenueOffset()
    offset.note(sent_ns=0, venue_ns=1_005 * MS, recv_ns=10 * MS)
    offset.note(sent_ns=0, venue_ns=4_000 * MS, recv_ns=3_000 * MS)
    assert offset.offset_ns == 1_000 * MS


def test_newest_of_good_answers_counts_so_that_drift_is_followed() -> None:
    offset = VenueOffset()
    offset.note(sent_ns=0, venue_ns=1_005 * MS, recv_ns=10 * MS)
    offset.note(sent_ns=0, venue_ns=2_010 * MS, recv_ns=20 * MS)
    assert offset.offset_ns == 2_000 * MS


def test_forgotten_clock_is_unknown() -> None:
    offset = VenueOffset()
    offset.note(sent_ns=0, venue_ns=1 * MS, recv_ns=0)
    offset.forget()
    assert offset.offset_ns is None


# streams


def test_wanted_streams_cover_every_option_and_expiry() -> None:
    wanted = wanted_streams(listed(), has_top_of_book=True, books=[SYMBOLS[0], "GONE"])
    assert wanted.market == (
        "!index@arr",
        "!optionSymbol",
        "btcusdt@optionMarkPrice",
        "btcusdt@openInterest@251218",
        "btcusdt@openInterest@251219",
        "ethusdt@optionMarkPrice",
        "ethusdt@openInterest@251218",
        "ethusdt@openInterest@251219",
    )
    assert wanted.public == (
        "btc-251218-89000-p@depth@100ms",
        "btcusdt@optionTicker@251218",
        "btcusdt@optionTicker@251219",
        "btcusdt@optionTrade",
        "ethusdt@optionTicker@251218",
        "ethusdt@optionTicker@251219",
        "ethusdt@optionTrade",
        "btc-251218-89000-p@bookTicker",
        "eth-251218-3100-c@bookTicker",
        "btc-251219-89000-c@bookTicker",
        "eth-251219-3100-c@bookTicker",
    )


def test_without_top_of_book_no_symbol_has_a_stream_of_its_own() -> None:
    wanted = wanted_streams(listed(), has_top_of_book=False)
    assert not [stream for stream in wanted.public if "@bookTicker" in stream]


def test_only_whole_and_regular_streams_may_be_skipped_or_watched() -> None:
    assert is_beating("btcusdt@optionMarkPrice")
    assert not is_beating("btc-251218-89000-p@bookTicker")
    assert is_replaceable("btc-251218-89000-p@bookTicker")
    assert not is_replaceable("btc-251218-89000-p@depth@100ms")
    assert not is_replaceable("btcusdt@optionTicker@251218")


@given(st.integers(0, 2**32), st.integers(1, 7), st.integers(1, 5))
def test_streams_stay_on_their_connection_and_within_its_bound(
    seed: int, room: int, connections_max: int
) -> None:
    rng = random.Random(seed)
    plan = ShardPlan(streams_per_connection=room, connections_max=connections_max)
    home: dict[str, int] = {}
    for _ in range(6):
        wanted = [f"s{n}" for n in rng.sample(range(40), rng.randrange(0, 30))]
        shards, left_out = plan.assign(wanted)
        placed = [stream for shard in shards for stream in shard]
        assert sorted(placed + list(left_out)) == sorted(wanted)
        assert len(shards) <= connections_max
        assert all(len(shard) <= room for shard in shards)
        assert not left_out or all(len(shard) == room for shard in shards)
        now = {stream: n for n, shard in enumerate(shards) for stream in shard}
        assert all(home[stream] == now[stream] for stream in home.keys() & now.keys())
        home = now


def test_plan_without_room_is_refused() -> None:
    with pytest.raises(InvalidInput):
        ShardPlan(streams_per_connection=0, connections_max=1)


# books


def sequence(*ids: tuple[int, int, int]) -> BookSequence:
    book = BookSequence()
    for first_id, last_id, previous_id in ids:
        book.note_change(first_id=first_id, last_id=last_id, previous_id=previous_id)
    return book


def test_snapshot_inside_the_run_makes_the_book_good() -> None:
    book = sequence((10, 14, 9), (15, 20, 14))
    assert (book.is_good, book.needs_snapshot) == (False, True)
    book.note_snapshot(17)
    assert (book.is_good, book.needs_snapshot) == (True, False)


def test_snapshot_just_before_the_run_makes_the_book_good() -> None:
    book = sequence((12, 14, 9))
    book.note_snapshot(9)
    assert book.is_good


@pytest.mark.parametrize("change_id", [7, 8, 10, 11])
def test_snapshot_older_than_the_run_does_not_join(change_id: int) -> None:
    book = sequence((12, 14, 9))
    book.note_snapshot(change_id)
    assert (book.is_good, book.needs_snapshot) == (False, True)


def test_snapshot_of_a_quiet_book_awaits_its_first_change() -> None:
    book = BookSequence()
    book.note_snapshot(20)
    assert (book.is_good, book.needs_snapshot) == (False, False)
    book.note_change(first_id=25, last_id=30, previous_id=20)
    assert book.is_good
    book = BookSequence()
    book.note_snapshot(20)
    book.note_change(first_id=25, last_id=30, previous_id=21)
    assert (book.is_good, book.needs_snapshot) == (False, True)


def test_gap_makes_the_book_bad_at_once() -> None:
    book = sequence((10, 14, 9))
    book.note_snapshot(14)
    book.note_change(first_id=16, last_id=18, previous_id=15)
    assert (book.is_good, book.needs_snapshot, book.gaps) == (False, True, 1)
    book.note_snapshot(14)
    assert not book.is_good
    book.note_snapshot(16)
    assert book.is_good


def test_change_sent_twice_breaks_nothing() -> None:
    book = sequence((10, 14, 9), (15, 20, 14))
    book.note_snapshot(20)
    book.note_change(first_id=15, last_id=20, previous_id=14)
    assert (book.is_good, book.gaps) == (True, 0)


def test_new_connection_begins_anew() -> None:
    book = sequence((10, 14, 9))
    book.note_snapshot(14)
    book.forget()
    assert (book.is_good, book.needs_snapshot) == (False, True)
    book.note_change(first_id=15, last_id=20, previous_id=14)
    assert (book.is_good, book.gaps) == (False, 0)


@given(st.integers(0, 2**32))
def test_feed_and_order_book_agree_on_what_is_whole(seed: int) -> None:
    """The same events through the desk's own book: what one calls good the other does too."""
    rng = random.Random(seed)
    ids, followed = BookSequence(), OrderBook(venue="binance", instrument_name=SYMBOLS[3])
    last = 100
    for _ in range(40):
        if rng.random() < 0.3:
            if ids.needs_snapshot:
                snapshot = rng.randrange(last - 12, last + 3)
                ids.note_snapshot(snapshot)
                followed.apply(book_snapshot(snapshot))
        else:
            previous = last + 5 if rng.random() < 0.15 else last
            first_id = previous + rng.randrange(1, 4)
            last = first_id + rng.randrange(0, 4)
            ids.note_change(first_id=first_id, last_id=last, previous_id=previous)
            (change,) = events_of(frame(depth_push(first_id, last, previous)))
            assert isinstance(change, BookChange)
            followed.apply(change)
        assert ids.is_good == followed.is_good


def book_snapshot(change_id: int) -> BookSnapshot:
    return BookSnapshot(
        venue="binance",
        instrument_name=SYMBOLS[3],
        event_ns=1,
        recv_ns=1,
        change_id=change_id,
        bids=(),
        asks=(),
    )
