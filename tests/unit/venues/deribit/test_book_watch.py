"""The feed's view of a book by its ids alone, beside the book that is built from the events."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from quantdesk.domain.events import BookChange, BookSnapshot, RawFrame
from quantdesk.market.order_book import OrderBook
from quantdesk.venues.deribit import events_of
from quantdesk.venues.deribit.book_watch import BookWatch
from quantdesk.venues.deribit.channel_clocks import ChannelClocks

NAME = "BTC-28JUN26-60000-C"


def payload(kind: str, change_id: int, previous_id: int | None = None) -> bytes:
    known = {} if previous_id is None else {"prev_change_id": previous_id}
    data: dict[str, Any] = {
        "type": kind,
        "timestamp": 1_782_552_300_000,
        "instrument_name": NAME,
        **known,
        "change_id": change_id,
        "bids": [],
        "asks": [],
    }
    params = {"channel": f"book.{NAME}.raw", "data": data}
    body = {"jsonrpc": "2.0", "method": "subscription", "params": params}
    return json.dumps(body, separators=(",", ":")).encode()


def watching(now_s: float = 0.0) -> BookWatch:
    watch = BookWatch()
    watch.watch([NAME], now_s)
    return watch


def test_snapshot_and_chain_are_good_and_a_gap_is_due_at_once() -> None:
    watch = watching()
    assert not watch.note_payload(NAME, payload("change", 11, 10))
    assert watch.note_payload(NAME, payload("snapshot", 20))
    assert watch.note_payload(NAME, payload("change", 25, 20))
    assert watch.due(100.0, patience_s=5.0) == []
    assert not watch.note_payload(NAME, payload("change", 31, 30))
    assert (watch.gaps, watch.is_good(NAME)) == (1, False)
    assert watch.due(100.0, patience_s=5.0) == [NAME]


def test_a_book_that_was_asked_for_is_given_time() -> None:
    watch = watching(now_s=10.0)
    assert watch.due(14.0, patience_s=5.0) == []
    assert watch.due(15.0, patience_s=5.0) == [NAME]
    watch.note_asked([NAME, "ANOTHER"], 15.0)
    assert watch.due(19.0, patience_s=5.0) == []


def test_books_that_are_not_watched_are_nobodys_trouble() -> None:
    watch = watching()
    assert not watch.note_payload("BTC-PERPETUAL", payload("snapshot", 1))
    watch.doubt("BTC-PERPETUAL")
    assert watch.gaps == 0
    watch.watch([], 1.0)
    assert watch.names == ()
    assert not watch.is_good(NAME)


def test_bytes_without_ids_change_nothing() -> None:
    watch = watching()
    watch.note_payload(NAME, payload("snapshot", 20))
    assert watch.note_payload(NAME, b"{}")


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["next", "lost", "again", "older snapshot", "snapshot"]),
        st.integers(1, 4),
    ),
    max_size=40,
)


@given(STEPS)
def test_feed_and_book_agree_on_what_is_good(steps: list[tuple[str, int]]) -> None:
    watch, book = watching(), OrderBook(venue="deribit", instrument_name=NAME)
    last, before = 100, 99
    for word, jump in steps:
        if word in ("next", "lost"):
            before, last = last, last + jump
        match word:
            case "next" | "again":
                sent = payload("change", last, before)
            case "snapshot":
                sent = payload("snapshot", last)
            case "older snapshot":
                sent = payload("snapshot", last - jump)
            case _:
                continue
        watch.note_payload(NAME, sent)
        frame = RawFrame(venue="deribit", connection="c", recv_ns=1, payload=sent)
        for event in events_of(frame):
            assert isinstance(event, BookSnapshot | BookChange)
            book.apply(event)
        assert watch.is_good(NAME) == book.is_good


def test_clocks_tell_who_is_silent_and_who_was_not_heard_again() -> None:
    clocks = ChannelClocks()
    clocks.start([b"a", b"b"], 10.0)
    clocks.note(b"a", 14.0)
    clocks.start([b"a"], 20.0)
    assert clocks.silent_for(3.0, 16.0) == (b"b",)
    clocks.restart([b"a", b"b"], 20.0)
    clocks.note(b"a", 21.0)
    assert (clocks.is_unheard(b"a"), clocks.is_unheard(b"b")) == (False, True)
    clocks.keep_only([b"a"])
    assert clocks.silent_for(0.0, 99.0) == (b"a",)
    assert not clocks.is_unheard(b"b")
