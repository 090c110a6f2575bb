"""How many captured Deribit frames a core turns into events, against bare JSON readers?

Tickers of options, and order books: snapshots and changes.

Same frames, same run: ours gives checked domain events with exact prices; the bare readers give
dictionaries that nobody has looked at. Times are per pass over all frames; `extra_info` holds
frames a second.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import orjson
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from quantdesk.domain.events import BookChange, BookSnapshot, QuoteUpdate, RawFrame
from quantdesk.venues.deribit import events_of
from quantdesk.venues.deribit.decode import decode

CAPTURE = (
    Path(__file__).parents[1] / "tests" / "fixtures" / "deribit" / "ws_mixed_2021-07-22.txt.gz"
)


def captured(topic: str) -> list[RawFrame]:
    """The frames of the capture on channels of `topic`."""
    with gzip.open(CAPTURE, "rt", encoding="utf-8") as lines:
        texts = [line.rstrip("\n").partition(": ")[2] for line in lines]
    return [
        RawFrame(venue="deribit", connection="bench", recv_ns=1, payload=text.encode())
        for text in texts
        if f'"channel":"{topic}.' in text[:100]
    ]


TICKERS, BOOKS = captured("ticker"), captured("book")


def to_events(frame: RawFrame) -> object:
    return events_of(frame)


def to_wire(frame: RawFrame) -> object:
    return decode(frame.payload)


def to_msgspec_dict(frame: RawFrame) -> object:
    return msgspec.json.decode(frame.payload)


def to_orjson_dict(frame: RawFrame) -> object:
    return orjson.loads(frame.payload)


def to_json_dict(frame: RawFrame) -> object:
    return json.loads(frame.payload)


def test_all_frames_make_the_events_they_should() -> None:
    assert (len(TICKERS), len(BOOKS)) == (89, 46)
    assert all(isinstance(event, QuoteUpdate) for f in TICKERS for event in events_of(f))
    books = [event for f in BOOKS for event in events_of(f)]
    assert all(isinstance(event, BookSnapshot | BookChange) for event in books)


READERS = [to_events, to_wire, to_orjson_dict, to_msgspec_dict, to_json_dict]


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.__name__)
@pytest.mark.benchmark(group="decode a ticker")
def test_tickers_a_second(
    reader: Callable[[RawFrame], object], benchmark: BenchmarkFixture
) -> None:
    measure(reader, TICKERS, benchmark)


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.__name__)
@pytest.mark.benchmark(group="decode a book")
def test_books_a_second(reader: Callable[[RawFrame], object], benchmark: BenchmarkFixture) -> None:
    measure(reader, BOOKS, benchmark)


def measure(
    reader: Callable[[RawFrame], object], frames: list[RawFrame], benchmark: BenchmarkFixture
) -> None:
    def read_all() -> None:
        for frame in frames:
            reader(frame)

    benchmark(read_all)
    if benchmark.stats is not None:
        benchmark.extra_info["frames_per_s"] = round(len(frames) / benchmark.stats["min"])
