"""How many real frames a second does a recording take in, and give back?

The frames are 60 captured Deribit messages, repeated with running instants and timestamps: what a
feed of some thousand messages a second would append. Appending includes compression, checksums,
the chain and the syncs that fall due by received time; reading includes the check before playing.
"""

from __future__ import annotations

import dataclasses
import re
import shutil
from itertools import count
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from quantdesk.domain.events import RawFrame
from quantdesk.storage.recording import RecordingWriter, read_recording

CAPTURE = (
    Path(__file__).parents[1] / "tests" / "fixtures" / "recordings" / "deribit_ws_2021-07-22.txt"
)
_TIMESTAMP = re.compile(rb'"timestamp":\d+')
FRAMES = 20_000
FRAMES_PER_S = 2_000
LINKS = {"deribit-btc": {"venue": "deribit", "environment": "live"}}


@pytest.fixture(scope="module")
def frames() -> list[RawFrame]:
    """`FRAMES` frames, `FRAMES_PER_S` a second of received time."""
    lines = CAPTURE.read_text("utf-8").splitlines()
    payloads = [line.partition(": ")[2].encode() for line in lines if not line.startswith("#")]
    first = RawFrame(
        venue="deribit", connection="deribit-btc", recv_ns=1_626_993_723_000_000_000, payload=b""
    )
    return [
        dataclasses.replace(
            first,
            recv_ns=first.recv_ns + number * (1_000_000_000 // FRAMES_PER_S),
            payload=_TIMESTAMP.sub(
                b'"timestamp":%d' % (1_626_993_723_000 + number), payloads[number % len(payloads)]
            ),
        )
        for number in range(FRAMES)
    ]


def record(directory: Path, frames: list[RawFrame]) -> None:
    with RecordingWriter(directory, links=LINKS, run_id="bench", started_ns=0) as writer:
        for frame in frames:
            writer.append(frame)


def note_rate(benchmark: BenchmarkFixture) -> None:
    if benchmark.stats is not None:
        benchmark.extra_info["frames_per_s"] = round(FRAMES / benchmark.stats["median"])


@pytest.mark.benchmark(group="recording")
def test_append(benchmark: BenchmarkFixture, tmp_path: Path, frames: list[RawFrame]) -> None:
    numbers = count()
    written: list[Path] = []

    def fresh() -> tuple[tuple[Path, list[RawFrame]], dict[str, object]]:
        for directory in written:
            shutil.rmtree(directory)
        written[:] = [tmp_path / str(next(numbers))]
        return (written[0], frames), {}

    benchmark.pedantic(record, setup=fresh, rounds=5)  # type: ignore[no-untyped-call]
    note_rate(benchmark)
    assert list(read_recording(written[0]).frames()) == frames


@pytest.mark.benchmark(group="recording")
def test_read(benchmark: BenchmarkFixture, tmp_path: Path, frames: list[RawFrame]) -> None:
    record(tmp_path, frames)

    def read() -> int:
        return sum(1 for _ in read_recording(tmp_path).frames())

    assert benchmark(read) == FRAMES
    note_rate(benchmark)
