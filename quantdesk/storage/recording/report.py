"""Checking a whole recording, payloads included, and saying what was found."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from quantdesk.errors import RecordingDamaged
from quantdesk.storage.recording.framing import BLOCK_BYTES_MAX
from quantdesk.storage.recording.reader import RecordingGap, read_recording


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingReport:
    """What a recording holds and what is wrong with it.

    `bytes_on_disk` are those of its segments, `payload_bytes` those of its frames.
    `is_closed` false: the last writer was stopped hard and up to its last second may be missing.
    """

    directory: str
    segments: int
    blocks: int
    frames: int
    bytes_on_disk: int
    payload_bytes: int
    started_ns: int
    first_recv_ns: int | None
    last_recv_ns: int | None
    is_closed: bool
    gaps: tuple[RecordingGap, ...]
    damage: RecordingDamaged | None

    @property
    def is_sound(self) -> bool:
        """Whether nothing is damaged. Gaps are stated losses, not damage."""
        return self.damage is None


def verify(directory: Path, *, block_bytes_max: int = BLOCK_BYTES_MAX) -> RecordingReport:
    """Read all of a recording and report. Damage is in the report.

    Raises StorageError where there is no recording, RecordingDamaged where its first header is bad.
    """
    recording = read_recording(directory, block_bytes_max=block_bytes_max)
    frames = payload_bytes = 0
    damage: RecordingDamaged | None = None
    try:
        for frame in recording.frames():
            frames += 1
            payload_bytes += len(frame.payload)
    except RecordingDamaged as error:
        damage = error
    return RecordingReport(
        directory=str(directory),
        segments=len(recording.segments),
        blocks=sum(scan.blocks for scan in recording.segments),
        frames=frames,
        bytes_on_disk=sum(scan.size for scan in recording.segments),
        payload_bytes=payload_bytes,
        started_ns=recording.started_ns,
        first_recv_ns=recording.first_recv_ns,
        last_recv_ns=recording.last_recv_ns,
        is_closed=damage is None and recording.torn_tail is None,
        gaps=recording.gaps,
        damage=damage,
    )
