"""How many captured Deribit ticker frames a core turns into events, against bare JSON readers?

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
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from quantdesk.domain.events import QuoteUpdate, RawFrame
from quantdesk.venues.deribit import events_of
from quantdesk.venues.deribit.decode import decode

CAPTURE = (
    Path(__file__).parents[1] / "tests" / "fixtures" / "deribit" / "ws_mixed_2021-07-22.txt.gz"
)


@pytest.fixture(scope="module")
def frames() -> list[RawFrame]:
    """The 89 tickers of the capture."""
    with gzip.open(CAPTURE, "rt", encoding="utf-8") as lines:
        texts = [line.rstrip("\n").partition(": ")[2] for line in lines]
    found = [
        RawFrame(venue="deribit", connection="bench", recv_ns=1, payload=text.encode())
        for text in texts
        if '"channel":"ticker.' in text[:100]
    ]
    assert len(found) == 89
    return found


def to_events(frame: RawFrame) -> object:
    return events_of(frame)


def to_wire(frame: RawFrame) -> object:
    return decode(frame.payload)


def to_msgspec_dict(frame: RawFrame) -> object:
    return msgspec.json.decode(frame.payload)


def to_json_dict(frame: RawFrame) -> object:
    return json.loads(frame.payload)


def test_all_frames_are_quotes(frames: list[RawFrame]) -> None:
    assert all(isinstance(event, QuoteUpdate) for f in frames for event in events_of(f))


@pytest.mark.parametrize(
    "reader",
    [to_events, to_wire, to_msgspec_dict, to_json_dict],
    ids=lambda reader: reader.__name__,
)
@pytest.mark.benchmark(group="decode a ticker")
def test_frames_a_second(
    reader: Callable[[RawFrame], object], frames: list[RawFrame], benchmark: BenchmarkFixture
) -> None:
    def read_all() -> None:
        for frame in frames:
            reader(frame)

    benchmark(read_all)
    if benchmark.stats is not None:
        benchmark.extra_info["frames_per_s"] = round(len(frames) / benchmark.stats["min"])
