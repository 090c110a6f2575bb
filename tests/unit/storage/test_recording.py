"""Recordings: what goes in comes out, and what is asked for wrongly is refused."""

from __future__ import annotations

import dataclasses
import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantdesk.domain.events import RawFrame
from quantdesk.errors import InvalidInput, RecordingDamaged, StorageError
from quantdesk.storage.recording import (
    Recording,
    RecordingLimits,
    RecordingWriter,
    read_recording,
    verify,
)

LINKS = {
    "deribit-btc": {"venue": "deribit", "environment": "simulated"},
    "deribit-eth": {"venue": "deribit", "environment": "simulated"},
}
SMALL = RecordingLimits(block_bytes=2_000, block_frames=5, segment_bytes=4_000)


def record(
    directory: Path,
    frames: list[RawFrame],
    *,
    run_id: str = "run-1",
    limits: RecordingLimits = SMALL,
) -> None:
    with RecordingWriter(
        directory, links=LINKS, run_id=run_id, started_ns=1_000, limits=limits
    ) as writer:
        for frame in frames:
            writer.append(frame)


def test_frames_come_back_with_exact_bytes_order_and_instants(
    tmp_path: Path, frames: list[RawFrame]
) -> None:
    record(tmp_path, frames)
    recording = read_recording(tmp_path)
    assert list(recording.frames()) == frames
    assert recording.frame_count == len(frames)
    assert recording.gaps == ()
    assert recording.torn_tail is None
    assert recording.damage is None
    assert len(recording.segments) > 3
    assert recording.first_recv_ns == frames[0].recv_ns
    assert recording.last_recv_ns == max(frame.recv_ns for frame in frames)
    assert {name: dict(link) for name, link in recording.links.items()} == LINKS
    assert recording.started_ns == 1_000


_frames = st.builds(
    RawFrame,
    venue=st.sampled_from(["deribit", "binance"]),
    connection=st.sampled_from(sorted(LINKS)),
    recv_ns=st.integers(0, (1 << 63) - 1),
    payload=st.binary(max_size=3_000),
)
_limits = st.builds(
    RecordingLimits,
    block_bytes=st.integers(1, 4_000),
    block_frames=st.integers(1, 8),
    sync_every_ns=st.just(1 << 62),
    segment_bytes=st.integers(1, 8_000),
)


@settings(max_examples=40, deadline=None)
@given(runs=st.lists(st.lists(_frames, max_size=12), min_size=1, max_size=3), limits=_limits)
def test_any_frames_in_any_runs_round_trip(
    tmp_path_factory: pytest.TempPathFactory, runs: list[list[RawFrame]], limits: RecordingLimits
) -> None:
    directory = tmp_path_factory.mktemp("recording")
    for number, frames in enumerate(runs):
        record(directory, frames, run_id=f"run-{number}", limits=limits)
    recording = read_recording(directory)
    assert list(recording.frames()) == list(itertools.chain(*runs))
    assert recording.damage is None
    assert recording.torn_tail is None
    assert len(recording.gaps) == len(runs) - 1
    assert recording.run_ids == tuple(f"run-{number}" for number in range(len(runs)))


def test_an_empty_recording_reads_as_no_frames(tmp_path: Path) -> None:
    record(tmp_path, [])
    recording = read_recording(tmp_path)
    assert list(recording.frames()) == []
    assert recording.first_recv_ns is None


def test_a_kept_recording_of_format_1_still_opens(fixtures: Path, frames: list[RawFrame]) -> None:
    recording = read_recording(fixtures / "recordings" / "format_1")
    assert list(recording.frames()) == frames
    assert len(recording.segments) == 3
    assert recording.links["deribit-btc"]["environment"] == "live"


def test_a_second_run_goes_to_a_new_segment_and_leaves_the_old_ones_alone(
    tmp_path: Path, frames: list[RawFrame]
) -> None:
    record(tmp_path, frames[:20])
    before = {path.name: path.read_bytes() for path in tmp_path.glob("*.qdrec")}
    record(tmp_path, frames[20:], run_id="run-2")
    for name, content in before.items():
        assert (tmp_path / name).read_bytes() == content
    recording = read_recording(tmp_path)
    assert list(recording.frames()) == frames
    assert [gap.reason for gap in recording.gaps] == ["another run begins"]
    assert recording.gaps[0].frames_before == 20


def test_flushed_frames_can_be_read_while_the_writer_goes_on(
    tmp_path: Path, frames: list[RawFrame]
) -> None:
    with RecordingWriter(tmp_path, links=LINKS, run_id="run", started_ns=0) as writer:
        for frame in frames[:7]:
            writer.append(frame)
        writer.flush()
        recording = read_recording(tmp_path)
        writer.append(frames[7])
        assert list(recording.frames()) == frames[:7]
        assert recording.torn_tail is not None
        assert recording.torn_tail.bytes_cut == 0


def test_a_second_of_received_time_puts_frames_on_disk(
    tmp_path: Path, frames: list[RawFrame]
) -> None:
    late = dataclasses.replace(frames[1], recv_ns=frames[0].recv_ns + 1_000_000_000)
    with RecordingWriter(tmp_path, links=LINKS, run_id="run", started_ns=0) as writer:
        writer.append(frames[0])
        assert read_recording(tmp_path).frame_count == 0
        writer.append(late)
        assert read_recording(tmp_path).frame_count == 2


def test_counters_state_frames_and_bytes_on_disk(tmp_path: Path, frames: list[RawFrame]) -> None:
    writer = RecordingWriter(tmp_path, links=LINKS, run_id="run", started_ns=0, limits=SMALL)
    for frame in frames:
        writer.append(frame)
    writer.close()
    assert writer.frames == len(frames)
    assert writer.bytes_written == sum(path.stat().st_size for path in tmp_path.glob("*.qdrec"))


def test_report_states_what_a_recording_holds(tmp_path: Path, frames: list[RawFrame]) -> None:
    record(tmp_path, frames)
    report = verify(tmp_path)
    assert report.is_sound
    assert report.is_closed
    assert report.frames == len(frames)
    assert report.payload_bytes == sum(len(frame.payload) for frame in frames)
    assert report.bytes_on_disk == sum(path.stat().st_size for path in tmp_path.glob("*.qdrec"))


def test_second_writer_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    first = RecordingWriter(tmp_path, links=LINKS, run_id="run", started_ns=0)
    with pytest.raises(StorageError, match=rf"process {os.getpid()} is recording here"):
        RecordingWriter(tmp_path, links=LINKS, run_id="other", started_ns=0)
    first.close()
    RecordingWriter(tmp_path, links=LINKS, run_id="other", started_ns=0).close()


def test_writer_refuses_to_continue_a_damaged_recording(
    tmp_path: Path, frames: list[RawFrame]
) -> None:
    record(tmp_path, frames, limits=dataclasses.replace(SMALL, segment_bytes=1 << 20))
    path = tmp_path / "000001.qdrec"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(RecordingDamaged):
        record(tmp_path, frames)
    assert [p.name for p in tmp_path.glob("*.qdrec")] == ["000001.qdrec"]


def test_writer_refuses_other_links_under_the_same_name(tmp_path: Path) -> None:
    record(tmp_path, [])
    other = {"deribit-btc": {"venue": "deribit", "environment": "live"}}
    with pytest.raises(StorageError, match="choose another folder"):
        RecordingWriter(tmp_path, links=other, run_id="run", started_ns=0)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"connection": "binance-1"}, "connection"),
        ({"recv_ns": -1}, "recv_ns"),
        ({"recv_ns": 1 << 63}, "recv_ns"),
    ],
)
def test_frame_that_does_not_belong_is_refused_and_the_rest_kept(
    tmp_path: Path, frames: list[RawFrame], changes: dict[str, object], field: str
) -> None:
    with RecordingWriter(tmp_path, links=LINKS, run_id="run", started_ns=0) as writer:
        writer.append(frames[0])
        with pytest.raises(InvalidInput) as caught:
            writer.append(dataclasses.replace(frames[0], **changes))  # type: ignore[arg-type]
        assert caught.value.field == field
        writer.append(frames[1])
    assert list(read_recording(tmp_path).frames()) == frames[:2]


def test_frame_larger_than_the_limit_is_refused(tmp_path: Path, frames: list[RawFrame]) -> None:
    limits = RecordingLimits(frame_bytes_max=100)
    with RecordingWriter(
        tmp_path, links=LINKS, run_id="run", started_ns=0, limits=limits
    ) as writer:
        writer.append(dataclasses.replace(frames[0], payload=bytes(100)))
        with pytest.raises(StorageError, match="frame of 101 bytes; at most 100"):
            writer.append(dataclasses.replace(frames[0], payload=bytes(101)))
    assert read_recording(tmp_path).frame_count == 1


def test_a_frame_of_20_mb_round_trips(tmp_path: Path, frames: list[RawFrame]) -> None:
    large = dataclasses.replace(frames[0], payload=b"[" * 20_000_000)
    record(tmp_path, [frames[0], large, frames[1]])
    assert list(read_recording(tmp_path).frames()) == [frames[0], large, frames[1]]


def test_a_closed_writer_takes_nothing_more(tmp_path: Path, frames: list[RawFrame]) -> None:
    writer = RecordingWriter(tmp_path, links=LINKS, run_id="run", started_ns=0)
    writer.close()
    writer.close()
    with pytest.raises(StorageError, match="is closed"):
        writer.append(frames[0])


def test_missing_folder_and_folder_without_recording_are_said(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no such folder"):
        read_recording(tmp_path / "absent")
    with pytest.raises(StorageError, match="holds no recording"):
        read_recording(tmp_path)


def test_a_file_in_place_of_the_folder_is_said(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("x")
    with pytest.raises(StorageError, match="can not be made"):
        RecordingWriter(path, links=LINKS, run_id="run", started_ns=0)


_CHILD = """
import signal, sys
from pathlib import Path
from quantdesk.domain.events import RawFrame
from quantdesk.errors import StorageError
from quantdesk.storage.recording import RecordingLimits, RecordingWriter

directory, mode = Path(sys.argv[1]), sys.argv[2]
if mode == "full":
    import resource
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
limits = RecordingLimits(block_bytes=3_000, block_frames=20, segment_bytes=200_000)
writer = RecordingWriter(
    directory, links={"deribit-btc": {"venue": "deribit"}}, run_id="child", started_ns=0,
    limits=limits,
)
seed, n = 1, 0
while True:
    body = n.to_bytes(8, "big")
    for _ in range(40):
        seed = (seed * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        body += seed.to_bytes(8, "big")
    try:
        writer.append(
            RawFrame(
                venue="deribit", connection="deribit-btc", recv_ns=n * 10_000_000, payload=body
            )
        )
        n += 1
        if n % 25 == 0:
            writer.flush()
            print(n, flush=True)
    except StorageError as error:
        print("failed", error, flush=True)
        writer.close()
        sys.exit(7)
"""


def _start_child(directory: Path, mode: str) -> subprocess.Popen[str]:
    root = str(Path(__file__).parents[3])
    return subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(directory), mode],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": root},
    )


def _numbers(recording: Recording) -> list[int]:
    return [int.from_bytes(frame.payload[:8], "big") for frame in recording.frames()]


@pytest.mark.parametrize(
    ("links", "run_id", "started_ns", "field"),
    [
        ({}, "run", 0, "links"),
        ({"deribit-btc": {"venue": ""}}, "run", 0, "links"),
        ({"deribit-btc": {"port": 7}}, "run", 0, "links"),
        ({"x" * 200_000: {"venue": "deribit"}}, "run", 0, "links"),
        (LINKS, "", 0, "run_id"),
        (LINKS, "run", -1, "started_ns"),
    ],
)
def test_a_header_that_could_not_be_read_back_is_refused(
    tmp_path: Path, links: dict[str, dict[str, str]], run_id: str, started_ns: int, field: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        RecordingWriter(tmp_path / "new", links=links, run_id=run_id, started_ns=started_ns)
    assert caught.value.field == field
    assert not (tmp_path / "new").exists()


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_a_hundred_kills_on_one_folder_lose_nothing_acknowledged(tmp_path: Path) -> None:
    rng = random.Random(20260627)
    acknowledged: list[int] = []
    for _ in range(100):
        with _start_child(tmp_path, "kill") as child:
            assert child.stdout is not None
            lines = [child.stdout.readline() for _ in range(rng.randrange(1, 30))]
            child.send_signal(signal.SIGKILL)
            lines += [line for line in child.stdout if line.strip()]
        acknowledged.append(int(lines[-1]))
    recording = read_recording(tmp_path)
    numbers = _numbers(recording)
    assert recording.damage is None
    assert len(recording.gaps) == 100
    starts = [place for place, number in enumerate(numbers) if number == 0]
    assert len(starts) == 100
    for start, stop, kept in zip(starts, [*starts[1:], len(numbers)], acknowledged, strict=True):
        assert numbers[start:stop] == list(range(stop - start))
        assert stop - start >= kept


@pytest.mark.parametrize("acknowledgements", [1, 7, 40, 90])
def test_every_acknowledged_frame_survives_kill_9(tmp_path: Path, acknowledgements: int) -> None:
    with _start_child(tmp_path, "kill") as child:
        assert child.stdout is not None
        acknowledged = 0
        for _ in range(acknowledgements):
            acknowledged = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        acknowledged = max([acknowledged, *(int(line) for line in child.stdout if line.strip())])
    recording = read_recording(tmp_path)
    numbers = _numbers(recording)
    assert numbers == list(range(len(numbers)))
    assert len(numbers) >= acknowledged
    assert recording.torn_tail is not None
    assert recording.damage is None
    # A lock of a killed writer does not block the next one, and the gap stays visible.
    with RecordingWriter(
        tmp_path, links={"deribit-btc": {"venue": "deribit"}}, run_id="next", started_ns=0
    ) as writer:
        writer.append(
            RawFrame(
                venue="deribit",
                connection="deribit-btc",
                recv_ns=0,
                payload=len(numbers).to_bytes(8, "big"),
            )
        )
    again = read_recording(tmp_path)
    assert _numbers(again) == list(range(len(numbers) + 1))
    assert len(again.gaps) == 1
    assert again.torn_tail is None


def test_full_disk_stops_the_writer_with_one_sentence_and_loses_nothing(tmp_path: Path) -> None:
    with _start_child(tmp_path, "full") as child:
        output, _ = child.communicate(timeout=60)
    assert child.returncode == 7
    *counts, last = output.splitlines()
    assert last.startswith("failed ")
    assert "recording stopped" in last
    recording = read_recording(tmp_path)
    numbers = _numbers(recording)
    assert len(numbers) >= int(counts[-1])
    assert recording.damage is None
    assert recording.torn_tail is not None
    assert recording.torn_tail.bytes_cut == 0
    record_after = {"deribit-btc": {"venue": "deribit"}}
    RecordingWriter(tmp_path, links=record_after, run_id="after", started_ns=0).close()
    assert read_recording(tmp_path).torn_tail is None


def test_copied_recording_reads_the_same(tmp_path: Path, frames: list[RawFrame]) -> None:
    record(tmp_path / "one", frames)
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    assert list(read_recording(tmp_path / "two").frames()) == frames
