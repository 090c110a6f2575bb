"""Order books against a slow model of the venue: whatever is lost, a book called good is right."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantdesk.domain.events import BookChange, BookLevel, BookSnapshot
from quantdesk.errors import InvalidInput
from quantdesk.market.order_book import REPEATS_MAX, OrderBook, OrderBooks

Levels = dict[Decimal, Decimal]
NAME = "BTC-25SEP26-60000-C"


def level(price: object, amount: object) -> BookLevel:
    return Decimal(str(price)), Decimal(str(amount))


def snapshot(
    change_id: int,
    bids: tuple[BookLevel, ...] = (),
    asks: tuple[BookLevel, ...] = (),
    *,
    in_sequence: bool = True,
) -> BookSnapshot:
    return BookSnapshot(
        venue="deribit",
        instrument_name=NAME,
        event_ns=change_id,
        recv_ns=change_id + 1,
        change_id=change_id,
        bids=bids,
        asks=asks,
        is_in_sequence=in_sequence,
    )


def change(
    previous_id: int,
    change_id: int,
    bids: tuple[BookLevel, ...] = (),
    asks: tuple[BookLevel, ...] = (),
    *,
    first_id: int | None = None,
) -> BookChange:
    return BookChange(
        venue="deribit",
        instrument_name=NAME,
        event_ns=change_id,
        recv_ns=change_id + 1,
        first_id=change_id if first_id is None else first_id,
        change_id=change_id,
        previous_id=previous_id,
        bids=bids,
        asks=asks,
    )


@pytest.fixture
def book() -> OrderBook:
    return OrderBook(venue="deribit", instrument_name=NAME)


def test_new_book_is_not_good_and_says_why(book: OrderBook) -> None:
    assert not book.is_good
    assert book.bad_reason == "no snapshot yet"
    assert (book.best_bid, book.best_ask, book.bids(), book.change_id) == (None, None, (), None)


def test_snapshot_and_changes_make_the_book_exactly(book: OrderBook) -> None:
    book.apply(snapshot(10, (level("0.1", 5), level("0.15", 1)), (level("0.2", 3),)))
    book.apply(change(10, 17, (level("0.15", 0), level("0.12", "2.5")), (level("0.2", 4),)))
    assert book.bids() == (level("0.12", "2.5"), level("0.1", 5))
    assert book.asks() == (level("0.2", 4),)
    assert book.best_bid == level("0.12", "2.5")
    assert (book.change_id, book.event_ns, book.recv_ns) == (17, 17, 18)
    assert (book.is_good, book.bad_reason, book.is_crossed) == (True, "", False)
    assert book.bids(1) == (level("0.12", "2.5"),)
    assert book.bids(0) == ()


def test_a_gap_makes_the_book_unknown_at_once_until_the_next_snapshot(book: OrderBook) -> None:
    book.apply(snapshot(10, (level(1, 5),)))
    book.apply(change(11, 12, (level(1, 6),)))
    assert not book.is_good
    assert "follows 11, not 10" in book.bad_reason
    assert (book.best_bid, book.change_id, book.gaps) == (None, None, 1)
    book.apply(change(12, 13, (level(1, 7),)))
    assert not book.is_good
    book.apply(snapshot(14, (level(1, 8),)))
    assert book.bad_reason == ""
    assert book.best_bid == level(1, 8)


def test_a_repeated_change_is_counted_and_not_applied_twice(book: OrderBook) -> None:
    book.apply(snapshot(10, (level(1, 5),)))
    first, second = change(10, 11, (level(1, 6),)), change(11, 12, (level(1, 7),))
    for event in (first, second, first, second):
        book.apply(event)
    assert book.best_bid == level(1, 7)
    assert (book.is_good, book.ignored) == (True, 2)


def test_a_sequence_that_begins_anew_does_not_leave_an_old_book_good(book: OrderBook) -> None:
    book.apply(snapshot(1_000_000, (level(1, 5),)))
    for number in range(1, REPEATS_MAX + 2):
        book.apply(change(number - 1, number, (level(1, 6),)))
    assert not book.is_good
    book.apply(snapshot(REPEATS_MAX + 5, (level(1, 9),)))
    assert book.best_bid == level(1, 9)


def test_an_older_snapshot_leaves_nobody_believing_either(book: OrderBook) -> None:
    book.apply(snapshot(10, (level(1, 5),)))
    book.apply(snapshot(9, (level(1, 4),)))
    assert not book.is_good
    book.apply(snapshot(9, (level(1, 4),)))
    assert book.best_bid == level(1, 4)


def test_a_crossed_book_is_in_sequence_and_says_that_it_is_crossed(book: OrderBook) -> None:
    book.apply(snapshot(10, (level(2, 5),), (level(2, 1),)))
    assert book.bad_reason == ""
    assert book.is_crossed


def test_fetched_snapshot_is_not_good_before_a_change_joins_it(book: OrderBook) -> None:
    book.apply(snapshot(100, (level(1, 5),), in_sequence=False))
    assert not book.is_good
    assert book.best_bid is None
    book.apply(change(97, 104, (level(1, 6),), first_id=98))
    assert book.bad_reason == ""
    assert book.best_bid == level(1, 6)


def test_fetched_snapshot_drops_what_it_holds_and_takes_what_follows(book: OrderBook) -> None:
    book.apply(change(80, 90, (level(9, 9),), first_id=81))
    book.apply(change(90, 105, (level(1, 6),), first_id=91))
    book.apply(change(105, 110, (level(2, 1),), first_id=106))
    book.apply(snapshot(100, (level(1, 5),), in_sequence=False))
    assert book.bad_reason == ""
    assert book.bids() == (level(2, 1), level(1, 6))
    assert book.change_id == 110


def test_fetched_snapshot_older_than_the_stream_is_no_book(book: OrderBook) -> None:
    book.apply(change(104, 110, (level(1, 6),), first_id=105))
    book.apply(snapshot(100, (level(1, 5),), in_sequence=False))
    assert not book.is_good
    book.apply(change(110, 112, (level(1, 7),), first_id=111))
    book.apply(snapshot(111, (level(1, 5),), in_sequence=False))
    assert book.best_bid == level(1, 7)


def test_later_changes_of_a_fetched_snapshot_must_follow_exactly(book: OrderBook) -> None:
    book.apply(snapshot(100, (level(1, 5),), in_sequence=False))
    book.apply(change(97, 104, first_id=98))
    book.apply(change(103, 106, first_id=104))
    assert not book.is_good


def test_changes_before_a_snapshot_are_bounded_and_the_oldest_give_way() -> None:
    book = OrderBook(venue="deribit", instrument_name=NAME, pending_max=3)
    for number in range(1, 11):
        book.apply(change(number - 1, number, (level(number, 1),)))
    book.apply(snapshot(5, in_sequence=False))
    assert not book.is_good
    book.apply(snapshot(8, in_sequence=False))
    assert book.bids() == (level(10, 1), level(9, 1))


def test_a_lost_connection_makes_the_book_unknown(book: OrderBook) -> None:
    book.apply(snapshot(10, (level(1, 5),)))
    book.forget()
    assert (book.is_good, book.bad_reason) == (False, "the connection ended")
    book.apply(change(10, 11, (level(1, 6),)))
    assert not book.is_good


def test_an_event_of_another_book_is_refused(book: OrderBook) -> None:
    other = OrderBook(venue="deribit", instrument_name="ETH-PERPETUAL")
    with pytest.raises(InvalidInput, match="must be of deribit ETH-PERPETUAL"):
        other.apply(snapshot(1))


def test_many_books_keep_apart_and_within_their_number() -> None:
    books = OrderBooks(books_max=1)
    assert books.apply(snapshot(10, (level(1, 5),))) is books.book("deribit", NAME)
    foreign = BookSnapshot(
        venue="binance", instrument_name="X", event_ns=1, recv_ns=1, change_id=1, bids=(), asks=()
    )
    assert books.apply(foreign) is None
    assert (len(books), books.refused, books.bad()) == (1, 1, ())
    books.forget("deribit")
    assert books.bad() == (("deribit", NAME),)
    books.drop("deribit", NAME)
    assert books.book("deribit", NAME) is None


def test_bounds_must_be_positive() -> None:
    with pytest.raises(InvalidInput, match="books_max"):
        OrderBooks(books_max=0)
    with pytest.raises(InvalidInput, match="pending_max"):
        OrderBook(venue="deribit", instrument_name=NAME, pending_max=0)


@dataclass(frozen=True)
class Step:
    """One change at the venue: levels as (is a bid, price, amount), and how far its id jumps."""

    levels: tuple[tuple[bool, int, int], ...]
    id_step: int


STEPS = st.lists(
    st.builds(
        Step,
        levels=st.lists(
            st.tuples(st.booleans(), st.integers(1, 6), st.integers(0, 3)), max_size=4
        ).map(tuple),
        id_step=st.integers(1, 5),
    ),
    min_size=1,
    max_size=30,
)


class Venue:
    """The truth after each change, kept as whole dictionaries."""

    def __init__(self, steps: list[Step]) -> None:
        self.truth: dict[int, tuple[Levels, Levels]] = {100: ({}, {})}
        self.changes: list[BookChange] = []
        last, bids, asks = 100, dict[Decimal, Decimal](), dict[Decimal, Decimal]()
        for step in steps:
            # A price stands once in a change, as venues send it.
            sides: tuple[Levels, Levels] = ({}, {})
            for is_bid, price, amount in step.levels:
                sides[0 if is_bid else 1][Decimal(price)] = Decimal(amount)
            bids, asks = _after(bids, sides[0]), _after(asks, sides[1])
            now = last + step.id_step
            self.changes.append(
                change(
                    last,
                    now,
                    tuple(sides[0].items()),
                    tuple(sides[1].items()),
                    first_id=last + 1,
                )
            )
            self.truth[now] = (bids, asks)
            last = now

    def snapshot_at(self, change_id: int, *, in_sequence: bool) -> BookSnapshot:
        bids, asks = self.truth[change_id]
        return snapshot(
            change_id, tuple(bids.items()), tuple(asks.items()), in_sequence=in_sequence
        )


def _after(levels: Levels, changed: Levels) -> Levels:
    return {p: a for p, a in {**levels, **changed}.items() if a}


def assert_true_if_good(book: OrderBook, venue: Venue) -> None:
    if not book.is_good:
        assert (book.bids(), book.asks(), book.best_bid, book.best_ask) == ((), (), None, None)
        return
    assert book.change_id is not None
    bids, asks = venue.truth[book.change_id]
    assert book.bids() == tuple(sorted(bids.items(), reverse=True))
    assert book.asks() == tuple(sorted(asks.items()))


FAULTS = st.lists(st.sampled_from(["pass", "drop", "twice", "late", "snapshot", "stale"]))


@settings(max_examples=300, deadline=None)
@given(steps=STEPS, faults=FAULTS, in_sequence=st.booleans(), data=st.data())
def test_a_book_called_good_is_the_venues_whatever_is_lost(
    steps: list[Step], faults: list[str], in_sequence: bool, data: st.DataObject
) -> None:
    venue = Venue(steps)
    book = OrderBook(venue="deribit", instrument_name=NAME, pending_max=8)
    late: list[BookChange] = []
    for number, event in enumerate(venue.changes):
        fault = faults[number] if number < len(faults) else "pass"
        if fault == "snapshot":
            book.apply(venue.snapshot_at(event.previous_id, in_sequence=in_sequence))
            assert_true_if_good(book, venue)
        if fault == "stale" and not in_sequence:
            known = sorted(i for i in venue.truth if i <= event.change_id)
            book.apply(venue.snapshot_at(data.draw(st.sampled_from(known)), in_sequence=False))
            assert_true_if_good(book, venue)
        if fault == "late":
            late.append(event)
        elif fault != "drop":
            for _ in range(2 if fault == "twice" else 1):
                book.apply(event)
                assert_true_if_good(book, venue)
        if late and fault == "pass":
            book.apply(late.pop())
            assert_true_if_good(book, venue)


@settings(max_examples=100, deadline=None)
@given(steps=STEPS, joined_at=st.integers(0, 29))
def test_without_faults_a_fetched_snapshot_always_ends_good(
    steps: list[Step], joined_at: int
) -> None:
    venue = Venue(steps)
    book = OrderBook(venue="deribit", instrument_name=NAME)
    ids = sorted(venue.truth)
    at = min(joined_at, len(ids) - 2)
    for number, event in enumerate(venue.changes):
        book.apply(event)
        if number == at:
            book.apply(venue.snapshot_at(ids[at], in_sequence=False))
    assert book.change_id == ids[-1]
    assert_true_if_good(book, venue)
