"""Appending raw frames to a recording.

Frames are gathered into blocks; a block is compressed, checksummed, chained and written whole.
What `flush` returned for survives a kill and a power loss; between flushes at most
`RecordingLimits.sync_every_ns` of received time can be lost, and the reader says so.
One writer a folder, one thread a writer. Reads no clock: `RawFrame.recv_ns` is its time.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from quantdesk.domain.events import RawFrame
from quantdesk.errors import InvalidInput, RecordingDamaged, StorageError
from quantdesk.storage.recording.folder import (
    SEGMENTS_MAX,
    FolderLock,
    create_durably,
    last_segment_begun,
    list_segments,
    segment_path,
    sync_data,
    write_all,
)
from quantdesk.storage.recording.framing import (
    BLOCK_BYTES_MAX,
    CLOSED,
    NO_CHAIN,
    ROTATED,
    EndMark,
    RecordingLimits,
    SegmentHeader,
    encode_end,
    encode_frames,
    encode_header,
    header_chain,
)
from quantdesk.storage.recording.segment import scan_segment

_FRAME_OVERHEAD = 64
"""Bytes that a frame's instant, names and framing take in a block beside its payload, at least."""

_LINKS_LENGTH_MAX = 100_000
"""Letters in all links: with their framing well below what a header may take."""

_RECV_NS_MAX = (1 << 63) - 1


def _checked_links(links: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """A copy that the header can hold: what it could not, no reader would understand."""
    copied = {name: dict(link) for name, link in links.items()}
    texts = [*copied, *(text for link in copied.values() for pair in link.items() for text in pair)]
    if not copied or not all(isinstance(text, str) and text for text in texts):
        raise InvalidInput("links", copied, "must name each connection and what it is, in words")
    if sum(map(len, texts)) > _LINKS_LENGTH_MAX:
        raise InvalidInput("links", len(copied), f"must hold at most {_LINKS_LENGTH_MAX} letters")
    return copied


class RecordingWriter:
    """Appends frames to the recording in `directory`, which is made if it is not there.

    A folder that holds a recording gets a new segment; what is there is never changed. `links` says
    what each connection is ("venue", "environment", …); frames of others are refused.
    Implements `domain.ports.FrameRecorder`. Any fault of the disk is final for this writer.

    Raises StorageError where the folder can not be written or another writer holds it,
    RecordingDamaged where the recording in it is damaged, InvalidInput on a bad argument.
    """

    def __init__(
        self,
        directory: Path,
        *,
        links: Mapping[str, Mapping[str, str]],
        run_id: str,
        started_ns: int,
        limits: RecordingLimits | None = None,
    ) -> None:
        if not run_id:
            raise InvalidInput("run_id", run_id, "must not be empty")
        if not 0 <= started_ns <= _RECV_NS_MAX:
            raise InvalidInput("started_ns", started_ns, f"must be from 0 to {_RECV_NS_MAX}")
        self._directory = directory
        self._links = _checked_links(links)
        self._run_id = run_id
        self._started_ns = started_ns
        self._limits = limits or RecordingLimits()
        self._buffer: list[RawFrame] = []
        self._buffer_bytes = 0
        self._fd = -1
        self._failure: StorageError | None = None
        self._is_closed = False
        self._last_sync_ns: int | None = None
        self.frames = 0
        """Frames taken in by this writer."""
        self.bytes_written = 0
        """Bytes this writer put on disk, headers included."""
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise StorageError(f"{directory}: can not be made: {error.strerror}") from error
        self._lock = FolderLock(directory)
        try:
            self._open_after_last()
        except (StorageError, OSError) as error:
            self._close_file()
            self._lock.release()
            if isinstance(error, OSError):
                raise StorageError(f"{directory}: {error.strerror}") from error
            raise

    def __enter__(self) -> RecordingWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def append(self, frame: RawFrame) -> None:
        """Keep `frame`. It is on disk at the latest a second of received time later.

        Raises StorageError where it can not be kept, InvalidInput where it is not a frame of this
        recording.
        """
        self._check_usable()
        self._check_frame(frame)
        size = len(frame.payload) + _FRAME_OVERHEAD
        try:
            if self._buffer and self._buffer_bytes + size > self._limits.block_bytes:
                self._write_block()
            self._buffer.append(frame)
            self._buffer_bytes += size
            self.frames += 1
            if self._last_sync_ns is None:
                self._last_sync_ns = frame.recv_ns
            # A clock that was set back must not put the next sync off.
            if abs(frame.recv_ns - self._last_sync_ns) >= self._limits.sync_every_ns:
                self._write_block()
                self._sync()
            elif (
                self._buffer_bytes >= self._limits.block_bytes
                or len(self._buffer) >= self._limits.block_frames
            ):
                self._write_block()
        except OSError as error:
            raise self._fail(error) from error

    def flush(self) -> None:
        """Put every frame so far on disk and wait until it is there. Raises StorageError."""
        self._check_usable()
        try:
            self._write_block()
            self._sync()
        except OSError as error:
            raise self._fail(error) from error

    def close(self) -> None:
        """Write out what is buffered, mark the end, let the folder go. May be called again.

        Raises StorageError where the end can not be written. After an earlier fault, which was
        raised then, it only lets go.
        """
        if self._is_closed:
            return
        self._is_closed = True
        try:
            if self._failure is None:
                self._write_block()
                self._write_end(CLOSED)
        except OSError as error:
            raise self._fail(error) from error
        finally:
            self._close_file()
            self._lock.release()

    def _check_usable(self) -> None:
        if self._failure is not None:
            raise StorageError(str(self._failure))
        if self._is_closed:
            raise StorageError(f"{self._directory}: the recording is closed")

    def _check_frame(self, frame: RawFrame) -> None:
        if frame.connection not in self._links:
            known = ", ".join(sorted(self._links))
            raise InvalidInput("connection", frame.connection, f"must be one of {known}")
        if not 0 <= frame.recv_ns <= _RECV_NS_MAX:
            raise InvalidInput("recv_ns", frame.recv_ns, f"must be from 0 to {_RECV_NS_MAX}")
        if len(frame.payload) > self._limits.frame_bytes_max:
            raise StorageError(
                f"{self._directory}: frame of {len(frame.payload)} bytes; "
                f"at most {self._limits.frame_bytes_max} can be recorded"
            )

    def _open_after_last(self) -> None:
        paths = list_segments(self._directory)
        begun = last_segment_begun(self._directory)
        if begun > len(paths):
            missing = segment_path(self._directory, len(paths) + 1)
            raise RecordingDamaged(str(missing), 0, f"segment {len(paths) + 1} is missing")
        if not paths:
            self._begin_segment(1, begins_run=True, sequence=1, frame=0, chain=NO_CHAIN, end=0)
            return
        last = scan_segment(paths[-1], block_bytes_max=BLOCK_BYTES_MAX)
        if last.damage is not None:
            raise last.damage
        if last.header.segment != len(paths):
            raise RecordingDamaged(
                str(last.path), 0, f"this is segment {last.header.segment}, not {len(paths)}"
            )
        self._check_same_links(last.header.links)
        self._begin_segment(
            len(paths) + 1,
            begins_run=True,
            sequence=last.header.first_sequence + last.records,
            frame=last.header.first_frame + last.frames,
            chain=last.chain,
            end=last.end,
        )

    def _check_same_links(self, links: Mapping[str, Mapping[str, str]]) -> None:
        for name, link in links.items():
            mine = self._links.get(name)
            if mine is not None and mine != link:
                raise StorageError(
                    f"{self._directory}: {name} is {dict(link)} in this recording, not {mine}; "
                    "choose another folder"
                )

    def _begin_segment(
        self,
        segment: int,
        *,
        begins_run: bool,
        sequence: int,
        frame: int,
        chain: bytes,
        end: int,
    ) -> None:
        if segment > SEGMENTS_MAX:
            raise StorageError(f"{self._directory}: full, {SEGMENTS_MAX} segments are the most")
        header = encode_header(
            SegmentHeader(
                run_id=self._run_id,
                begins_run=begins_run,
                segment=segment,
                first_sequence=sequence,
                first_frame=frame,
                started_ns=self._started_ns,
                links=self._links,
                previous_chain=chain,
                previous_end=end,
            )
        )
        self._path = segment_path(self._directory, segment)
        self._fd = create_durably(self._path, header)
        self._segment, self._sequence = segment, sequence
        self._first_frame, self._segment_frames = frame, 0
        self._end = len(header)
        self._chain = header_chain(header)
        self.bytes_written += len(header)
        self._lock.note_segment(segment)

    def _write_block(self) -> None:
        if not self._buffer:
            return
        if self._end >= self._limits.segment_bytes:
            self._rotate()
        frames = self._buffer
        data, chain = encode_frames(frames, sequence=self._sequence, chain=self._chain)
        self._write_record(data, chain)
        self._segment_frames += len(frames)
        self._buffer, self._buffer_bytes = [], 0

    def _write_record(self, data: bytes, chain: bytes) -> None:
        write_all(self._fd, data)
        self._end += len(data)
        self._chain = chain
        self._sequence += 1
        self.bytes_written += len(data)

    def _write_end(self, reason: str) -> None:
        mark = EndMark(reason=reason, frames=self._segment_frames)
        data, chain = encode_end(mark, sequence=self._sequence, chain=self._chain)
        self._write_record(data, chain)
        sync_data(self._fd)

    def _rotate(self) -> None:
        self._write_end(ROTATED)
        self._close_file()
        self._begin_segment(
            self._segment + 1,
            begins_run=False,
            sequence=self._sequence,
            frame=self._first_frame + self._segment_frames,
            chain=self._chain,
            end=self._end,
        )

    def _sync(self) -> None:
        sync_data(self._fd)
        self._last_sync_ns = None

    def _fail(self, error: OSError) -> StorageError:
        """A fault of the disk ends this writer: what a failed sync left there is not known."""
        # Best effort: the reader copes with a torn record, but a clean end is kinder.
        with contextlib.suppress(OSError):
            if self._fd >= 0:
                os.ftruncate(self._fd, self._end)
        self._buffer, self._buffer_bytes = [], 0
        self._failure = StorageError(
            f"{self._path}: recording stopped, {error.strerror}; "
            "make room or choose another folder, then start again"
        )
        self._close_file()
        self._lock.release()
        return self._failure

    def _close_file(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
