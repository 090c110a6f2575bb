"""Walking one segment file from its header to its last good record, and judging how it ends.

A bad record with nothing valid behind it is a torn tail: what a killed writer leaves. A bad record
with a valid one behind it is damage. Blocks are checked here, and unpacked only by `block_frames`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from quantdesk.domain.events import RawFrame
from quantdesk.errors import RecordingDamaged, StorageError
from quantdesk.storage.recording.framing import (
    CHAIN_BYTES,
    HEADER_PREFIX,
    RECORD_HEAD,
    RECORD_MAGIC,
    BadRecord,
    RecordHead,
    RecordKind,
    SegmentHeader,
    check_payload,
    decode_end,
    decode_frames,
    decode_head,
    decode_header,
    header_chain,
    header_length,
    next_chain,
)

_SEARCH_BYTES = 1 << 20
_SEARCH_CANDIDATES_MAX = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record that passed its checks.

    `offset` is its first byte, `end` the one behind it, `chain` the chain after it.
    """

    offset: int
    end: int
    head: RecordHead
    payload: bytes
    chain: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentScan:
    """What a segment holds, as far as it is good.

    Attributes
    ----------
    body : offset of the first record
    end : offset behind the last good record; `size` is the file's
    chain : after the last good record
    ended : reason in the closing mark, None where there is none
    torn : what is wrong with the bytes between `end` and `size`, "" where there are none
    first_recv_ns, last_recv_ns : earliest and latest frame, None without frames
    damage : where the segment stops making sense though good records follow
    """

    path: Path
    header: SegmentHeader
    body: int
    end: int
    size: int
    chain: bytes
    records: int
    blocks: int
    frames: int
    first_recv_ns: int | None
    last_recv_ns: int | None
    ended: str | None
    torn: str
    damage: RecordingDamaged | None


def read_header(file: BinaryIO, path: Path) -> tuple[SegmentHeader, bytes]:
    """The manifest and the header's bytes. Raises RecordingDamaged."""
    prefix = file.read(HEADER_PREFIX.size)
    try:
        payload = file.read(header_length(prefix))
        return decode_header(prefix, payload), prefix + payload
    except BadRecord as error:
        raise RecordingDamaged(str(path), 0, str(error)) from None


def scan_segment(path: Path, *, block_bytes_max: int) -> SegmentScan:
    """Check every record of a segment without unpacking any.

    Raises RecordingDamaged where the header is bad, StorageError where the file can not be read.
    What is wrong behind the header is in the answer.
    """
    try:
        with path.open("rb") as file:
            header, header_bytes = read_header(file, path)
            return _scan_body(file, path, header, header_bytes, block_bytes_max=block_bytes_max)
    except OSError as error:
        raise StorageError(f"{path}: can not be read: {error.strerror}") from error


@dataclass(slots=True, kw_only=True)
class _Tally:
    """What was counted on the way through a segment."""

    records: int = 0
    blocks: int = 0
    frames: int = 0
    first_recv_ns: int | None = None
    last_recv_ns: int | None = None
    ended: str | None = None

    def add(self, record: Record) -> None:
        head = record.head
        if head.kind == RecordKind.END:
            self.ended = _closing_reason(record, self.frames)
        else:
            first, last = self.first_recv_ns, self.last_recv_ns
            self.first_recv_ns = (
                head.first_recv_ns if first is None else min(first, head.first_recv_ns)
            )
            self.last_recv_ns = head.last_recv_ns if last is None else max(last, head.last_recv_ns)
            self.blocks += 1
            self.frames += head.frames
        self.records += 1


def _scan_body(
    file: BinaryIO, path: Path, header: SegmentHeader, header_bytes: bytes, *, block_bytes_max: int
) -> SegmentScan:
    size = file.seek(0, os.SEEK_END)
    body = end = len(header_bytes)
    chain = header_chain(header_bytes)
    tally = _Tally()
    torn, damage = "", None
    while end < size and not torn and damage is None:
        try:
            if tally.ended is not None:
                raise _Misplaced("bytes behind the closing mark")
            sequence = header.first_sequence + tally.records
            record = _read_record(file, end, chain, sequence, block_bytes_max)
            tally.add(record)
            end, chain = record.end, record.chain
        except _Misplaced as error:
            damage = RecordingDamaged(str(path), end, str(error))
        except BadRecord as error:
            if _valid_record_after(file, end + 1, size, block_bytes_max):
                damage = RecordingDamaged(str(path), end, str(error))
            else:
                torn = str(error)
    return SegmentScan(
        path=path,
        header=header,
        body=body,
        end=end,
        size=size,
        chain=chain,
        records=tally.records,
        blocks=tally.blocks,
        frames=tally.frames,
        first_recv_ns=tally.first_recv_ns,
        last_recv_ns=tally.last_recv_ns,
        ended=tally.ended,
        torn=torn,
        damage=damage,
    )


class _Misplaced(BadRecord):
    """A record that is whole and yet does not belong here: never what a torn write leaves."""


def _closing_reason(record: Record, frames: int) -> str:
    try:
        mark = decode_end(record.payload)
    except BadRecord as error:
        raise _Misplaced(str(error)) from None
    if mark.frames != frames:
        raise _Misplaced(f"closing mark counts {mark.frames} frames, the segment holds {frames}")
    return mark.reason


def _read_record(
    file: BinaryIO, offset: int, chain: bytes, sequence: int, block_bytes_max: int
) -> Record:
    head_bytes, head, payload, stored_chain = _read_unchained(file, offset, block_bytes_max)
    if head.sequence != sequence:
        raise _Misplaced(f"record {head.sequence} where {sequence} is expected")
    after = next_chain(chain, head_bytes, payload)
    if stored_chain != after:
        raise BadRecord("record does not continue the chain")
    return Record(
        offset=offset, end=offset + head.total_bytes, head=head, payload=payload, chain=after
    )


def _read_unchained(
    file: BinaryIO, offset: int, block_bytes_max: int
) -> tuple[bytes, RecordHead, bytes, bytes]:
    file.seek(offset)
    head_bytes = file.read(RECORD_HEAD.size)
    head = decode_head(head_bytes, block_bytes_max=block_bytes_max)
    payload = file.read(head.length)
    check_payload(head_bytes, head, payload)
    stored_chain = file.read(CHAIN_BYTES)
    if len(stored_chain) < CHAIN_BYTES:
        raise BadRecord("the file ends within a record")
    return head_bytes, head, payload, stored_chain


def _valid_record_after(file: BinaryIO, offset: int, size: int, block_bytes_max: int) -> bool:
    """Whether a record that passes its checksum starts at or behind `offset`.

    Bounded: a tail with very many starts that fail is taken for damage, the safe answer.
    """
    candidates = 0
    while offset < size:
        file.seek(offset)
        chunk = file.read(_SEARCH_BYTES + len(RECORD_MAGIC) - 1)
        place = chunk.find(RECORD_MAGIC)
        while place >= 0:
            candidates += 1
            if candidates > _SEARCH_CANDIDATES_MAX:
                return True
            try:
                _read_unchained(file, offset + place, block_bytes_max)
            except BadRecord:
                place = chunk.find(RECORD_MAGIC, place + 1)
            else:
                return True
        offset += _SEARCH_BYTES
    return False


def block_frames(scan: SegmentScan, *, block_bytes_max: int) -> Iterator[list[RawFrame]]:
    """The frames of each good block of a scanned segment, in order.

    Raises RecordingDamaged where a block does not unpack or the file changed since the scan.
    """
    offset, sequence = scan.body, scan.header.first_sequence
    try:
        with scan.path.open("rb") as file:
            _, header_bytes = read_header(file, scan.path)
            chain = header_chain(header_bytes)
            while offset < scan.end:
                record = _read_record(file, offset, chain, sequence, block_bytes_max)
                if record.head.kind == RecordKind.FRAMES:
                    frames = decode_frames(record.head, record.payload)
                    _check_links(frames, scan.header)
                    yield frames
                offset, chain, sequence = record.end, record.chain, sequence + 1
    except BadRecord as error:
        raise RecordingDamaged(str(scan.path), offset, str(error)) from None
    except OSError as error:
        raise StorageError(f"{scan.path}: can not be read: {error.strerror}") from error


def _check_links(frames: list[RawFrame], header: SegmentHeader) -> None:
    for frame in frames:
        if frame.connection not in header.links:
            raise BadRecord(f"frame of {frame.connection!r}, which the header does not name")
