"""Damaged recordings: never a crash, never a silently shorter one."""

from __future__ import annotations

import hashlib
import random
import re
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import zstandard

from quantdesk.domain.events import RawFrame
from quantdesk.errors import RecordingDamaged, StorageError
from quantdesk.storage.recording import RecordingLimits, RecordingWriter, read_recording, verify
from quantdesk.storage.recording.framing import (
    CRC_SEED,
    RECORD_HEAD,
    RECORD_MAGIC,
    EndMark,
    encode_end,
    encode_frames,
    header_chain,
)
from quantdesk.storage.recording.segment import block_frames, scan_segment

LINKS = {"deribit-btc": {"venue": "deribit"}}
LIMITS = RecordingLimits(block_bytes=2_500, block_frames=4, segment_bytes=5_000)


def record(directory: Path, frames: list[RawFrame], *, is_closed: bool = True) -> None:
    writer = RecordingWriter(directory, links=LINKS, run_id="run", started_ns=0, limits=LIMITS)
    for frame in frames:
        writer.append(frame)
    if is_closed:
        writer.close()
    else:
        writer.flush()
        # What a kill leaves: no closing mark, and nobody holds the lock.
        writer._close_file()
        writer._lock.release()


def read_all(directory: Path) -> tuple[list[RawFrame], RecordingDamaged | None, bool]:
    """(frames, what was raised, whether a gap was stated)."""
    found: list[RawFrame] = []
    try:
        recording = read_recording(directory)
        found.extend(recording.frames())
    except RecordingDamaged as error:
        return found, error, False
    return found, None, bool(recording.gaps)


def flip(data: bytearray, rng: random.Random) -> None:
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def cut_tail(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data)) :]


def cut_middle(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data))
    del data[start : start + rng.randrange(1, 400)]


def zero(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data))
    stop = min(len(data), start + rng.randrange(1, 600))
    data[start:stop] = bytes(stop - start)


def insert(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data) + 1)
    data[start:start] = rng.randbytes(rng.randrange(1, 200))


def repeat(data: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(data))
    part = data[start : start + rng.randrange(1, 3_000)]
    data[start:start] = part


def append_zeros(data: bytearray, rng: random.Random) -> None:
    data.extend(bytes(rng.randrange(1, 5_000)))


FAULTS: tuple[Callable[[bytearray, random.Random], None], ...] = (
    flip,
    cut_tail,
    cut_middle,
    zero,
    insert,
    repeat,
    append_zeros,
)


def prove_no_silent_loss(
    directory: Path, frames: list[RawFrame], *, rounds: int, seed: int
) -> None:
    paths = sorted(directory.glob("*.qdrec"))
    originals = {path: path.read_bytes() for path in paths}
    rng = random.Random(seed)
    for number in range(rounds):
        path = rng.choice(paths)
        fault = FAULTS[number % len(FAULTS)]
        data = bytearray(originals[path])
        fault(data, rng)
        path.write_bytes(data)
        found, damage, is_gap_stated = read_all(directory)
        context = f"seed {seed}, round {number}: {fault.__name__} in {path.name}"
        assert found == frames[: len(found)], context
        if bytes(data) != originals[path]:
            assert damage is not None or is_gap_stated, context
        if len(found) < len(frames):
            assert damage is not None or is_gap_stated, context
        if damage is not None:
            assert damage.reason, context
            assert 0 <= damage.offset <= len(data) or damage.path != str(path), context
        path.write_bytes(originals[path])


@pytest.mark.parametrize("is_closed", [True, False])
def test_no_fault_shortens_a_recording_in_silence(
    tmp_path: Path, frames: list[RawFrame], is_closed: bool
) -> None:
    record(tmp_path, frames, is_closed=is_closed)
    assert len(list(tmp_path.glob("*.qdrec"))) > 2
    prove_no_silent_loss(tmp_path, frames, rounds=700, seed=20260627)


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("is_closed", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_no_fault_of_thousands_shortens_a_recording_in_silence(
    tmp_path: Path, frames: list[RawFrame], is_closed: bool, seed: int
) -> None:
    record(tmp_path, frames, is_closed=is_closed)
    prove_no_silent_loss(tmp_path, frames, rounds=3_000, seed=seed)


def one_segment(directory: Path, frames: list[RawFrame], *, is_closed: bool = True) -> Path:
    limits = RecordingLimits(block_bytes=2_500, block_frames=4)
    writer = RecordingWriter(directory, links=LINKS, run_id="run", started_ns=0, limits=limits)
    for frame in frames:
        writer.append(frame)
    writer.flush()
    if is_closed:
        writer.close()
    else:
        writer._close_file()
        writer._lock.release()
    return directory / "000001.qdrec"


def blocks_of(path: Path) -> list[list[RawFrame]]:
    scan = scan_segment(path, block_bytes_max=1 << 20)
    return list(block_frames(scan, block_bytes_max=1 << 20))


def test_a_flipped_byte_raises_at_its_record_after_the_frames_before(
    tmp_path: Path, frames: list[RawFrame]
) -> None:
    path = one_segment(tmp_path, frames)
    expected = [frame for block in blocks_of(path)[:5] for frame in block]
    data = bytearray(path.read_bytes())
    starts = [match.start() for match in re.finditer(re.escape(RECORD_MAGIC), bytes(data))]
    data[starts[5] + RECORD_HEAD.size + 3] ^= 0x10
    path.write_bytes(data)
    found, damage, _ = read_all(tmp_path)
    assert damage is not None
    assert damage.offset == starts[5]
    assert damage.path == str(path)
    assert damage.reason == "record checksum does not match"
    assert found == expected
    assert 0 < len(expected) < len(frames)


def test_a_torn_tail_is_cut_and_counted(tmp_path: Path, frames: list[RawFrame]) -> None:
    path = one_segment(tmp_path, frames, is_closed=False)
    last = blocks_of(path)[-1]
    data = path.read_bytes()
    path.write_bytes(data[:-50])
    recording = read_recording(tmp_path)
    assert list(recording.frames()) == frames[: recording.frame_count]
    assert recording.frame_count == len(frames) - len(last)
    assert recording.torn_tail is not None
    assert recording.torn_tail.bytes_cut == len(data) - 50 - recording.torn_tail.offset
    assert recording.torn_tail.frames_before == recording.frame_count


def test_a_torn_tail_of_zeros_is_no_endless_record(tmp_path: Path, frames: list[RawFrame]) -> None:
    path = one_segment(tmp_path, frames, is_closed=False)
    path.write_bytes(path.read_bytes() + bytes(100_000))
    recording = read_recording(tmp_path)
    assert list(recording.frames()) == frames
    assert recording.torn_tail is not None
    assert recording.torn_tail.bytes_cut == 100_000


def test_a_torn_tail_of_an_earlier_run_is_damage_once_it_grows_shorter(
    tmp_path: Path, frames: list[RawFrame]
) -> None:
    path = one_segment(tmp_path, frames, is_closed=False)
    RecordingWriter(tmp_path, links=LINKS, run_id="next", started_ns=0).close()
    assert read_recording(tmp_path).damage is None
    last = blocks_of(path)[-1]
    path.write_bytes(path.read_bytes()[:-50])
    found, damage, _ = read_all(tmp_path)
    assert damage is not None
    assert damage.path == str(path)
    assert found == frames[: len(frames) - len(last)]


def test_swapped_segments_are_found(tmp_path: Path, frames: list[RawFrame]) -> None:
    record(tmp_path, frames)
    one, two = tmp_path / "000002.qdrec", tmp_path / "000003.qdrec"
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)
    found, damage, _ = read_all(tmp_path)
    assert damage is not None
    assert (damage.path, damage.offset) == (str(one), 0)
    assert found == frames[: len(found)]


def test_a_segment_of_another_recording_is_found(tmp_path: Path, frames: list[RawFrame]) -> None:
    record(tmp_path / "a", frames)
    record(tmp_path / "b", frames[::-1])
    (tmp_path / "a" / "000002.qdrec").write_bytes((tmp_path / "b" / "000002.qdrec").read_bytes())
    _, damage, _ = read_all(tmp_path / "a")
    assert damage is not None
    assert damage.reason == "does not follow 000001.qdrec"


@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_a_missing_segment_is_found(tmp_path: Path, frames: list[RawFrame], place: str) -> None:
    record(tmp_path, frames)
    paths = sorted(tmp_path.glob("*.qdrec"))
    missing = {"first": paths[0], "middle": paths[2], "last": paths[-1]}[place]
    missing.unlink()
    found, damage, _ = read_all(tmp_path)
    assert damage is not None
    assert damage.path == str(missing)
    assert "missing" in damage.reason
    assert found == frames[: len(found)]


def test_segments_renumbered_after_a_loss_are_found(tmp_path: Path, frames: list[RawFrame]) -> None:
    record(tmp_path, frames)
    for number, path in enumerate(sorted(tmp_path.glob("*.qdrec"))[1:], start=1):
        path.rename(tmp_path / f"{number:06d}.qdrec")
    found, damage, _ = read_all(tmp_path)
    assert found == []
    assert damage is not None
    assert damage.reason == "this is segment 2, not 1"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"\x89QD", "the file ends within its header"),
        (b"\x1f\x8b\x08 foreign", "not a quantdesk recording segment"),
        (b"\x89QDREC\r\n\x02\x00" + bytes(8), "format version 2; this program reads 1"),
        (b"\x89QDREC\r\n\x01\x00" + b"\xff" * 8, "header of 4294967295 bytes"),
        (b"\x89QDREC\r\n\x01\x00\x05\x00\x00\x00" + bytes(9), "header checksum does not match"),
    ],
)
def test_a_first_segment_that_is_not_ours_is_refused_at_byte_0(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "000001.qdrec"
    path.write_bytes(content)
    with pytest.raises(RecordingDamaged, match=re.escape(reason)) as caught:
        read_recording(tmp_path)
    assert caught.value.offset == 0


def test_an_oddly_named_segment_is_refused(tmp_path: Path, frames: list[RawFrame]) -> None:
    record(tmp_path, frames)
    (tmp_path / "copy.qdrec").write_bytes(b"")
    found, damage, _ = read_all(tmp_path)
    assert damage is not None
    assert "not named like a segment" in damage.reason
    assert found == frames


def test_a_segment_that_is_a_folder_is_one_storage_error(tmp_path: Path) -> None:
    (tmp_path / "000001.qdrec").mkdir()
    with pytest.raises(StorageError, match="can not be read"):
        read_recording(tmp_path)


def _crafted(path: Path, payload: bytes, *, raw_size: int, frames: int) -> None:
    """Put a record with good checksum and chain behind the header of `path`."""
    scan = scan_segment(path, block_bytes_max=1 << 20)
    header = path.read_bytes()[: scan.body]
    start = RECORD_HEAD.pack(RECORD_MAGIC, 1, len(payload), raw_size, frames, 1, 0, 0, 0)[:-4]
    crc = zlib.crc32(payload, zlib.crc32(start, CRC_SEED))
    head = start + struct.pack("<I", crc)
    chain = hashlib.sha256(header_chain(header) + head + payload).digest()
    path.write_bytes(header + head + payload + chain)


@pytest.mark.parametrize("raw_size", [1 << 31, 1_000])
def test_a_compressed_bomb_is_refused_before_it_unpacks(tmp_path: Path, raw_size: int) -> None:
    path = one_segment(tmp_path, [])
    bomb = zstandard.ZstdCompressor(level=19).compress(bytes(1 << 27))
    _crafted(path, bomb, raw_size=raw_size, frames=1)
    tracemalloc.start()
    found, damage, is_gap_stated = read_all(tmp_path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found == []
    assert damage is not None or is_gap_stated
    assert peak < 16 << 20


@pytest.mark.parametrize(
    ("raw", "frames", "reason"),
    [
        (b"\xc1", 1, "block does not unpack"),
        (msgspec.msgpack.encode([[1, "deribit", "deribit-btc"]]), 1, "block does not unpack"),
        (msgspec.msgpack.encode([]), 1, "holds 0 frames where its head says 1"),
        (msgspec.msgpack.encode([[1, "x", "other", b""]]), 1, "frame of 'other'"),
    ],
)
def test_a_crafted_block_is_damage_at_its_offset(
    tmp_path: Path, raw: bytes, frames: int, reason: str
) -> None:
    path = one_segment(tmp_path, [])
    body = scan_segment(path, block_bytes_max=1 << 20).body
    _crafted(path, zstandard.ZstdCompressor().compress(raw), raw_size=len(raw), frames=frames)
    _, damage, _ = read_all(tmp_path)
    assert damage is not None
    assert damage.offset == body
    assert reason in damage.reason
    report = verify(tmp_path)
    assert report.damage is not None
    assert not report.is_sound


def test_a_closing_mark_that_counts_wrongly_is_damage(
    tmp_path: Path, frames: list[RawFrame]
) -> None:
    path = one_segment(tmp_path, [])
    scan = scan_segment(path, block_bytes_max=1 << 20)
    header = path.read_bytes()[: scan.body]
    block, chain = encode_frames(frames[:3], sequence=1, chain=header_chain(header))
    mark, _ = encode_end(EndMark(reason="closed", frames=4), sequence=2, chain=chain)
    path.write_bytes(header + block + mark)
    found, damage, _ = read_all(tmp_path)
    assert found == frames[:3]
    assert damage is not None
    assert damage.reason == "closing mark counts 4 frames, the segment holds 3"


def test_a_changed_file_between_check_and_reading_raises(
    tmp_path: Path, frames: list[RawFrame]
) -> None:
    path = one_segment(tmp_path, frames)
    recording = read_recording(tmp_path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(RecordingDamaged):
        list(recording.frames())
