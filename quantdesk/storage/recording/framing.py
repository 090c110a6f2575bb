"""The bytes of a recording: segment headers, records, their checks. Pure, no files.

A segment is one header and then records, all integers little-endian:

    header   magic[8] version:u16 length:u32 crc:u32, then `length` bytes of msgpack (SegmentHeader)
    record   magic[4] kind:u8 length:u32 raw_size:u32 frames:u32 sequence:u64
             first_recv_ns:i64 last_recv_ns:i64 crc:u32, then `length` bytes of payload,
             then the 32 bytes of the running chain

The checksum is CRC-32 (zlib's polynomial, which Python computes in C without another package)
started from a seed that is not zero, so that a tail of zeros never reads as an empty record. It
covers the head without its own four bytes, and the payload. The chain is
SHA-256(previous chain + head + payload), started from SHA-256 of the whole header: a record moved,
dropped or taken from another recording does not fit. `sequence` rises by one each record, across
segments. A segment whose writer ended in order closes with a record of kind END.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum

import msgspec
import zstandard

from quantdesk.domain.events import RawFrame

FORMAT_VERSION = 1
SEGMENT_MAGIC = b"\x89QDREC\r\n"
RECORD_MAGIC = b"\xd1QR\x01"
CRC_SEED = 0x51445243
CHAIN_BYTES = 32
NO_CHAIN = bytes(CHAIN_BYTES)
HEADER_BYTES_MAX = 1 << 20
BLOCK_BYTES_MAX = 96 << 20

HEADER_PREFIX = struct.Struct("<8sHII")
RECORD_HEAD = struct.Struct("<4sBIIIQqqI")
_CRC_BYTES = 4
ZSTD_LEVEL = 3


class RecordKind(IntEnum):
    """What a record holds."""

    FRAMES = 1
    END = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingLimits:
    """When the writer closes a block, syncs, or begins another segment; what it refuses.

    block_bytes, block_frames : a block is written when it holds this much (before compression)
    sync_every_ns : received time after which a block is written and synced even if small
    segment_bytes : size after which a new segment is begun
    frame_bytes_max : larger frames are refused
    """

    block_bytes: int = 64 << 10
    block_frames: int = 512
    sync_every_ns: int = 1_000_000_000
    segment_bytes: int = 64 << 20
    frame_bytes_max: int = 64 << 20


class SegmentHeader(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Manifest of one segment.

    `begins_run` tells the first segment of a writer from those it went on with. `links` maps a
    connection to what it is ("venue", "environment", …). The `previous_` fields state what the
    segment before held when this one was begun: the chain after its last good record and the size
    up to there; zero for the first segment.
    """

    run_id: str
    begins_run: bool
    segment: int
    first_sequence: int
    first_frame: int
    started_ns: int
    links: dict[str, dict[str, str]]
    previous_chain: bytes
    previous_end: int


class EndMark(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Payload of the closing record: why the segment ended and the frames in it."""

    reason: str
    frames: int


ROTATED = "rotated"
CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordHead:
    """Fixed part of a record. `length` and `raw_size` are bytes of payload, packed and unpacked."""

    kind: int
    length: int
    raw_size: int
    frames: int
    sequence: int
    first_recv_ns: int
    last_recv_ns: int
    crc: int

    @property
    def total_bytes(self) -> int:
        """Size of the whole record on disk."""
        return RECORD_HEAD.size + self.length + CHAIN_BYTES


class BadRecord(Exception):
    """Bytes that are no record; the text says why. Never leaves `storage.recording`."""


_FrameTuple = tuple[int, str, str, bytes]
_header_encoder = msgspec.msgpack.Encoder(order="deterministic")
_header_decoder = msgspec.msgpack.Decoder(SegmentHeader)
_end_decoder = msgspec.msgpack.Decoder(EndMark)
_frames_encoder = msgspec.msgpack.Encoder()
_frames_decoder = msgspec.msgpack.Decoder(list[_FrameTuple])


def encode_header(header: SegmentHeader) -> bytes:
    """The segment's first bytes."""
    payload = _header_encoder.encode(header)
    start = HEADER_PREFIX.pack(SEGMENT_MAGIC, FORMAT_VERSION, len(payload), 0)[:-_CRC_BYTES]
    crc = zlib.crc32(payload, zlib.crc32(start, CRC_SEED))
    return start + crc.to_bytes(_CRC_BYTES, "little") + payload


def header_length(prefix: bytes) -> int:
    """Bytes of header that follow its prefix. Raises BadRecord where this is no segment of ours."""
    if not prefix:
        raise BadRecord("the file is empty")
    if prefix[: len(SEGMENT_MAGIC)] != SEGMENT_MAGIC[: len(prefix)]:
        raise BadRecord("not a quantdesk recording segment")
    if len(prefix) < HEADER_PREFIX.size:
        raise BadRecord("the file ends within its header")
    _, version, length, _ = HEADER_PREFIX.unpack(prefix)
    if version != FORMAT_VERSION:
        raise BadRecord(f"format version {version}; this program reads {FORMAT_VERSION}")
    if not 0 < length <= HEADER_BYTES_MAX:
        raise BadRecord(f"header of {length} bytes; allowed are 1 to {HEADER_BYTES_MAX}")
    return int(length)


def decode_header(prefix: bytes, payload: bytes) -> SegmentHeader:
    """The manifest. Raises BadRecord where it is cut, changed or not understood."""
    if len(payload) != header_length(prefix):
        raise BadRecord("the file ends within its header")
    crc = zlib.crc32(payload, zlib.crc32(prefix[:-_CRC_BYTES], CRC_SEED))
    if crc != int.from_bytes(prefix[-_CRC_BYTES:], "little"):
        raise BadRecord("header checksum does not match")
    try:
        return _header_decoder.decode(payload)
    except msgspec.DecodeError as error:
        raise BadRecord(f"header is not understood: {error}") from error


def header_chain(header_bytes: bytes) -> bytes:
    """Where the chain of a segment starts."""
    return hashlib.sha256(header_bytes).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    frames: int
    first_recv_ns: int
    last_recv_ns: int


def _encode_record(
    kind: RecordKind, payload: bytes, raw_size: int, span: _Span, *, sequence: int, chain: bytes
) -> tuple[bytes, bytes]:
    start = RECORD_HEAD.pack(
        RECORD_MAGIC,
        kind,
        len(payload),
        raw_size,
        span.frames,
        sequence,
        span.first_recv_ns,
        span.last_recv_ns,
        0,
    )[:-_CRC_BYTES]
    crc = zlib.crc32(payload, zlib.crc32(start, CRC_SEED))
    head = start + crc.to_bytes(_CRC_BYTES, "little")
    after = hashlib.sha256(chain + head + payload).digest()
    return head + payload + after, after


def encode_frames(frames: list[RawFrame], *, sequence: int, chain: bytes) -> tuple[bytes, bytes]:
    """One block of at least one frame: (its bytes, the chain after it)."""
    raw = _frames_encoder.encode([(f.recv_ns, f.venue, f.connection, f.payload) for f in frames])
    times = [frame.recv_ns for frame in frames]
    span = _Span(frames=len(frames), first_recv_ns=min(times), last_recv_ns=max(times))
    packed = zstandard.ZstdCompressor(level=ZSTD_LEVEL).compress(raw)
    return _encode_record(RecordKind.FRAMES, packed, len(raw), span, sequence=sequence, chain=chain)


def encode_end(mark: EndMark, *, sequence: int, chain: bytes) -> tuple[bytes, bytes]:
    """The closing record: (its bytes, the chain after it)."""
    raw = _header_encoder.encode(mark)
    span = _Span(frames=0, first_recv_ns=0, last_recv_ns=0)
    return _encode_record(RecordKind.END, raw, len(raw), span, sequence=sequence, chain=chain)


def decode_head(head: bytes, *, block_bytes_max: int) -> RecordHead:
    """The fixed part of a record. Raises BadRecord where it can not be one."""
    if len(head) < RECORD_HEAD.size:
        raise BadRecord("the file ends within a record")
    magic, *values = RECORD_HEAD.unpack(head)
    if magic != RECORD_MAGIC:
        raise BadRecord("no record starts here")
    kind, length, raw_size, frames, sequence, first_recv_ns, last_recv_ns, crc = values
    if kind not in RecordKind.__members__.values():
        raise BadRecord(f"record of unknown kind {kind}")
    # zstd may need a little more room than its input where that does not compress.
    if not 0 < length <= block_bytes_max + (block_bytes_max >> 8) + 64:
        raise BadRecord(f"record of {length} bytes; allowed are 1 to about {block_bytes_max}")
    if raw_size > block_bytes_max:
        raise BadRecord(f"block unpacks to {raw_size} bytes; allowed are {block_bytes_max}")
    return RecordHead(
        kind=kind,
        length=length,
        raw_size=raw_size,
        frames=frames,
        sequence=sequence,
        first_recv_ns=first_recv_ns,
        last_recv_ns=last_recv_ns,
        crc=crc,
    )


def check_payload(head_bytes: bytes, head: RecordHead, payload: bytes) -> None:
    """Raises BadRecord where the payload is cut or changed."""
    if len(payload) < head.length:
        raise BadRecord("the file ends within a record")
    if zlib.crc32(payload, zlib.crc32(head_bytes[:-_CRC_BYTES], CRC_SEED)) != head.crc:
        raise BadRecord("record checksum does not match")


def next_chain(chain: bytes, head_bytes: bytes, payload: bytes) -> bytes:
    """The chain after a record."""
    return hashlib.sha256(chain + head_bytes + payload).digest()


def decode_end(payload: bytes) -> EndMark:
    """The closing mark. Raises BadRecord where it is not understood."""
    try:
        return _end_decoder.decode(payload)
    except msgspec.DecodeError as error:
        raise BadRecord(f"closing mark is not understood: {error}") from error


def decode_frames(head: RecordHead, payload: bytes) -> list[RawFrame]:
    """The frames of a block. Raises BadRecord where it does not unpack to what its head says.

    Memory is bounded by `head.raw_size`, which `decode_head` held to its limit: the size that the
    compressed data declares for itself must be the same before anything is unpacked.
    """
    try:
        if zstandard.frame_content_size(payload) != head.raw_size:
            raise BadRecord(f"block does not unpack to the {head.raw_size} bytes it states")
        raw = zstandard.ZstdDecompressor().decompress(payload, allow_extra_data=False)
        rows = _frames_decoder.decode(raw)
    except (zstandard.ZstdError, msgspec.DecodeError) as error:
        raise BadRecord(f"block does not unpack: {error}") from error
    if len(rows) != head.frames:
        raise BadRecord(f"block holds {len(rows)} frames where its head says {head.frames}")
    return [
        RawFrame(recv_ns=recv_ns, venue=venue, connection=connection, payload=data)
        for recv_ns, venue, connection, data in rows
    ]
