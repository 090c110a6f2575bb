"""Pauses, budgets and the bounded queue."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantdesk.domain.events import RawFrame
from quantdesk.errors import InvalidInput
from quantdesk.venues.deribit.budget import RequestBudget
from quantdesk.venues.transport.backoff import Backoff
from quantdesk.venues.transport.frame_queue import FrameQueue
from quantdesk.venues.transport.rate_limit import TokenBucket
from quantdesk.venues.transport.venue_clock import VenueOffset


def frame(number: int) -> RawFrame:
    return RawFrame(venue="v", connection="c", recv_ns=number, payload=str(number).encode())


def is_waiting(queue: FrameQueue) -> bool:
    """Whether the writer waits for room."""
    return queue.is_blocked


def drained(queue: FrameQueue) -> list[int]:
    async def take_all() -> list[int]:
        taken = [await queue.take() for _ in range(len(queue))]
        return [f.recv_ns for f in taken if f is not None]

    return asyncio.run(take_all())


@given(st.integers(0, 2**32))
def test_pauses_grow_to_the_cap_and_stay_in_the_upper_half(seed: int) -> None:
    backoff = Backoff(low_s=0.25, high_s=30.0, rng=random.Random(seed))
    ceilings = [min(0.25 * 2**n, 30.0) for n in range(12)]
    for ceiling in ceilings:
        assert ceiling / 2 <= backoff.next_pause_s() <= ceiling


def test_a_venue_that_asks_for_a_pause_gets_at_least_that() -> None:
    backoff = Backoff(low_s=0.25, high_s=30.0, rng=random.Random(1))
    assert backoff.next_pause_s(at_least_s=60.0) == 60.0
    backoff.jump_to_high()
    assert backoff.next_pause_s() >= 15.0
    backoff.reset()
    assert backoff.next_pause_s() <= 0.25


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (1.0, 0.5), (float("nan"), 1.0)])
def test_backoff_refuses_senseless_limits(low: float, high: float) -> None:
    with pytest.raises(InvalidInput, match="_s = "):
        Backoff(low_s=low, high_s=high, rng=random.Random(0))


def test_bucket_lets_a_burst_through_then_paces() -> None:
    bucket = TokenBucket(capacity=30_000, refill_per_s=10_000)
    assert [bucket.reserve(3_000, 100.0) for _ in range(10)] == [0.0] * 10
    assert bucket.reserve(3_000, 100.0) == pytest.approx(0.3)
    assert bucket.reserve(3_000, 100.0) == pytest.approx(0.6)
    assert bucket.reserve(3_000, 200.0) == 0.0


def test_bucket_refuses_what_it_could_never_pay() -> None:
    bucket = TokenBucket(capacity=10, refill_per_s=1)
    with pytest.raises(InvalidInput, match="cost = 11"):
        bucket.reserve(11, 0.0)


def test_a_desk_starts_without_waiting_for_credits() -> None:
    budget = RequestBudget()
    methods = ["public/hello", "public/set_heartbeat", "public/get_time"]
    methods += ["public/get_instruments"] * 2 + ["public/subscribe"] * 8
    assert [budget.reserve(method, 5.0) for method in methods] == [0.0] * len(methods)
    assert [budget.reserve("public/subscribe", 5.0) for _ in range(2)] == [0.0, 0.0]
    assert budget.reserve("public/subscribe", 5.0) == pytest.approx(0.3)
    assert budget.reserve("public/get_time", 5.0) == 0.0


@given(st.lists(st.tuples(st.floats(1, 100), st.floats(0, 5)), max_size=60))
def test_bucket_never_grants_more_than_capacity_and_refill(
    steps: list[tuple[float, float]],
) -> None:
    bucket = TokenBucket(capacity=100, refill_per_s=10)
    now_s = spent = latest_s = 0.0
    for cost, gap_s in steps:
        now_s += gap_s
        use_s = now_s + bucket.reserve(cost, now_s)
        assert use_s >= latest_s - 1e-6
        latest_s = use_s
        spent += cost
        assert spent <= 100 + 10 * use_s + 1e-6


def test_a_reserve_is_kept_for_what_is_urgent() -> None:
    bucket = TokenBucket(capacity=100, refill_per_s=10, reserve=30)
    assert bucket.reserve(70, 0.0) == 0.0
    assert bucket.reserve(30, 0.0, is_urgent=True) == 0.0
    assert bucket.reserve(10, 0.0, is_urgent=True) == pytest.approx(1.0)
    assert bucket.reserve(10, 0.0) == pytest.approx(5.0)


@pytest.mark.parametrize("reserve", [-1.0, 100.0])
def test_a_reserve_must_leave_something(reserve: float) -> None:
    with pytest.raises(InvalidInput, match="reserve"):
        TokenBucket(capacity=100, refill_per_s=10, reserve=reserve)


def test_a_desk_that_spent_all_can_still_log_in() -> None:
    budget = RequestBudget()
    while budget.reserve("public/get_time", 1.0) == 0.0:
        pass
    assert budget.reserve("public/get_time", 1.0) > 0.0
    assert budget.reserve("public/auth", 1.0) == 0.0
    assert budget.reserve("private/get_positions", 1.0) == 0.0


def test_the_venues_clock_is_taken_in_the_middle_of_the_quickest_answers() -> None:
    offset = VenueOffset()
    assert offset.venue_ns(5) is None
    offset.note(sent_ns=1_000, venue_ns=101_010, recv_ns=1_020)
    assert offset.offset_ns == 100_000
    offset.note(sent_ns=2_000, venue_ns=900_000_000, recv_ns=800_000_000)
    assert offset.offset_ns == 100_000
    offset.note(sent_ns=10**9, venue_ns=10**9 + 100_060, recv_ns=10**9 + 20)
    assert offset.venue_ns(0) == 100_050


def test_the_quickest_answers_are_forgotten_in_time() -> None:
    offset = VenueOffset()
    offset.note(sent_ns=0, venue_ns=5, recv_ns=0)
    for _ in range(8):
        offset.note(sent_ns=0, venue_ns=50_000_009, recv_ns=100_000_000)
    assert offset.offset_ns == 9


async def test_a_full_queue_drops_a_chain_whole_and_names_it() -> None:
    queue = FrameQueue(4)
    await queue.put(frame(0), b"book", is_chained=True)
    await queue.put(frame(1), None)
    await queue.put(frame(2), b"book", is_chained=True)
    await queue.put(frame(3), b"tick")
    await queue.put(frame(4), b"tick")
    assert queue.broken == set()
    await queue.put(frame(5), b"tock")
    kept = [await queue.take() for _ in range(len(queue))]
    assert [f.recv_ns for f in kept if f is not None] == [1, 4, 5]
    assert (queue.broken, queue.dropped) == ({b"book"}, 3)


async def test_queue_keeps_order_while_there_is_room() -> None:
    queue = FrameQueue(10)
    for number in range(5):
        await queue.put(frame(number), b"a")
    taken = [await queue.take() for _ in range(5)]
    assert [f.recv_ns for f in taken if f is not None] == [0, 1, 2, 3, 4]
    assert queue.dropped == 0


async def test_full_queue_keeps_the_newest_of_each_channel_and_counts() -> None:
    queue = FrameQueue(6)
    for number, channel in enumerate([b"a", b"b", None, b"a", b"b", b"a"]):
        await queue.put(frame(number), channel)
    await queue.put(frame(6), b"b")
    kept = [await queue.take() for _ in range(len(queue))]
    assert [f.recv_ns for f in kept if f is not None] == [2, 5, 6]
    assert queue.dropped == 4


async def test_answers_are_never_dropped_the_writer_waits() -> None:
    queue = FrameQueue(2)
    await queue.put(frame(0), None)
    await queue.put(frame(1), None)
    writer = asyncio.create_task(queue.put(frame(2), None))
    await asyncio.sleep(0)
    assert is_waiting(queue)
    first = await queue.take()
    await writer
    assert first is not None
    assert not is_waiting(queue)
    rest = [await queue.take() for _ in range(len(queue))]
    assert [first.recv_ns, *(f.recv_ns for f in rest if f is not None)] == [0, 1, 2]
    assert queue.dropped == 0


async def test_closing_ends_reader_and_writer_at_once() -> None:
    queue = FrameQueue(1)
    await queue.put(frame(0), None)
    writer = asyncio.create_task(queue.put(frame(1), None))
    await asyncio.sleep(0)
    assert is_waiting(queue)
    queue.close()
    await writer
    assert await queue.take() is None


@given(st.lists(st.one_of(st.none(), st.sampled_from([b"a", b"b", b"c", b"d"])), max_size=200))
def test_queue_is_bounded_ordered_and_ends_with_the_newest(channels: list[bytes | None]) -> None:
    quotes = [channel for channel in channels if channel is not None]
    queue = FrameQueue(7)

    async def fill() -> None:
        for number, channel in enumerate(quotes):
            await queue.put(frame(number), channel)
            assert len(queue) <= 7

    asyncio.run(fill())
    kept = drained(queue)
    assert kept == sorted(kept)
    assert len(kept) + queue.dropped == len(quotes)
    last = {channel: number for number, channel in enumerate(quotes)}
    assert set(last.values()) <= set(kept)
