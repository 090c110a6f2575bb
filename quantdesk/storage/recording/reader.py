"""Reading a recording: every good frame in the order it was received, and what is missing.

Reading never ends early in silence. A tail that a killed writer left torn is cut and stated as a
gap; anything else that does not fit raises RecordingDamaged at its offset, after the frames before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from quantdesk.domain.events import RawFrame
from quantdesk.errors import RecordingDamaged, StorageError
from quantdesk.storage.recording.folder import last_segment_begun, list_segments, segment_path
from quantdesk.storage.recording.framing import BLOCK_BYTES_MAX, NO_CHAIN, ROTATED
from quantdesk.storage.recording.segment import SegmentScan, block_frames, scan_segment


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingGap:
    """A place where frames may be missing.

    `offset` is in segment number `segment`; `frames_before` good frames come before the gap;
    `bytes_cut` bytes were left unread; `reason` is a phrase for people.
    """

    segment: int
    offset: int
    frames_before: int
    bytes_cut: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A recording that was checked and can be played back.

    Attributes
    ----------
    links : connection -> what it is ("venue", "environment", …)
    started_ns : instant at which the first run began
    run_ids : the runs that wrote it, in order
    frame_count : frames that `frames` gives before it ends or raises
    first_recv_ns, last_recv_ns : earliest and latest of them; None without frames
    gaps : places where frames may be missing, in order
    torn_tail : the last gap, where it is the end of the recording; None where that was closed
    damage : what `frames` will raise after the good frames; None for a sound recording
    """

    directory: Path
    links: Mapping[str, Mapping[str, str]]
    started_ns: int
    run_ids: tuple[str, ...]
    frame_count: int
    first_recv_ns: int | None
    last_recv_ns: int | None
    gaps: tuple[RecordingGap, ...]
    torn_tail: RecordingGap | None
    damage: RecordingDamaged | None
    segments: tuple[SegmentScan, ...]
    block_bytes_max: int

    def frames(self) -> Iterator[RawFrame]:
        """Every good frame: exact bytes, order and instants.

        Raises RecordingDamaged at the place where the recording stops making sense, after the
        frames before it.
        """
        for scan in self.segments:
            for block in block_frames(scan, block_bytes_max=self.block_bytes_max):
                yield from block
        if self.damage is not None:
            raise RecordingDamaged(self.damage.path, self.damage.offset, self.damage.reason)


def read_recording(directory: Path, *, block_bytes_max: int = BLOCK_BYTES_MAX) -> Recording:
    """Check the recording in `directory` and make it ready to play.

    `block_bytes_max` bounds the memory that one block may unpack to.
    Raises StorageError where there is no recording or it can not be read, RecordingDamaged where
    not even its first header is sound. Damage further on is in `Recording.damage`.
    """
    if not directory.is_dir():
        raise StorageError(f"{directory}: there is no such folder")
    begun = last_segment_begun(directory)
    damage: RecordingDamaged | None = None
    try:
        paths = list_segments(directory)
    except RecordingDamaged as error:
        damage, paths = error, _readable_prefix(directory)
    if not paths:
        if damage is not None:
            raise damage
        raise StorageError(f"{directory}: holds no recording (no 000001.qdrec)")
    scans, scan_damage = _scan_all(paths, block_bytes_max)
    damage = scan_damage or damage
    if damage is None and begun > len(paths):
        missing = len(paths) + 1
        damage = RecordingDamaged(
            str(segment_path(directory, missing)), 0, f"segment {missing} is missing"
        )
    return _assemble(directory, scans, damage, block_bytes_max)


def _readable_prefix(directory: Path) -> list[Path]:
    """Segments from the first up to the first that is missing."""
    paths: list[Path] = []
    while (path := segment_path(directory, len(paths) + 1)).is_file():
        paths.append(path)
    return paths


def _scan_all(
    paths: list[Path], block_bytes_max: int
) -> tuple[list[SegmentScan], RecordingDamaged | None]:
    scans: list[SegmentScan] = []
    for number, path in enumerate(paths, start=1):
        previous = scans[-1] if scans else None
        try:
            scan = scan_segment(path, block_bytes_max=block_bytes_max)
            _check_follows(scan, previous, number)
        except RecordingDamaged as error:
            if previous is None:
                raise
            return scans, error
        scans.append(scan)
        if scan.damage is not None:
            return scans, scan.damage
    return scans, None


def _check_follows(scan: SegmentScan, previous: SegmentScan | None, number: int) -> None:
    """Raises RecordingDamaged where `scan` is not the segment that was written after `previous`."""
    header, path = scan.header, str(scan.path)
    if header.segment != number:
        raise RecordingDamaged(path, 0, f"this is segment {header.segment}, not {number}")
    if previous is None:
        if header.previous_chain != NO_CHAIN or header.previous_end != 0:
            raise RecordingDamaged(path, 0, "the segments before this one are missing")
        return
    if previous.end < header.previous_end:
        raise RecordingDamaged(
            str(previous.path),
            previous.end,
            previous.torn or f"ends here, but held {header.previous_end} bytes once",
        )
    if previous.end > header.previous_end or previous.chain != header.previous_chain:
        raise RecordingDamaged(path, 0, f"does not follow {previous.path.name}")
    # `previous_chain` pins all that came before; the counts are only its consequence.
    if header.first_sequence != previous.header.first_sequence + previous.records:
        raise RecordingDamaged(path, 0, f"record numbers do not follow {previous.path.name}")
    if header.first_frame != previous.header.first_frame + previous.frames:
        raise RecordingDamaged(path, 0, f"frame numbers do not follow {previous.path.name}")


def _gap_after(scan: SegmentScan, following: SegmentScan | None) -> RecordingGap | None:
    if scan.torn:
        reason = f"the writer was stopped: {scan.torn}"
    elif scan.ended is None:
        reason = "the writer was stopped before it closed the segment"
    elif following is None and scan.ended == ROTATED:
        reason = "the writer was stopped before it began the next segment"
    elif following is not None and following.header.begins_run:
        reason = "another run begins"
    else:
        return None
    return RecordingGap(
        segment=scan.header.segment,
        offset=scan.end,
        frames_before=scan.header.first_frame + scan.frames,
        bytes_cut=scan.size - scan.end,
        reason=reason,
    )


def _assemble(
    directory: Path,
    scans: list[SegmentScan],
    damage: RecordingDamaged | None,
    block_bytes_max: int,
) -> Recording:
    gaps = [
        _gap_after(scan, following)
        for scan, following in zip(scans, [*scans[1:], None], strict=True)
        if scan.damage is None
    ]
    if damage is not None and scans[-1].damage is None:
        # What comes behind the last good segment is damage, which is said as such.
        gaps.pop()
    torn_tail = gaps[-1] if gaps and damage is None else None
    links: dict[str, Mapping[str, str]] = {}
    for scan in scans:
        links.update({name: MappingProxyType(link) for name, link in scan.header.links.items()})
    firsts = [scan.first_recv_ns for scan in scans if scan.first_recv_ns is not None]
    lasts = [scan.last_recv_ns for scan in scans if scan.last_recv_ns is not None]
    return Recording(
        directory=directory,
        links=MappingProxyType(links),
        started_ns=scans[0].header.started_ns,
        run_ids=tuple(dict.fromkeys(scan.header.run_id for scan in scans)),
        frame_count=sum(scan.frames for scan in scans),
        first_recv_ns=min(firsts, default=None),
        last_recv_ns=max(lasts, default=None),
        gaps=tuple(gap for gap in gaps if gap is not None),
        torn_tail=torn_tail,
        damage=damage,
        segments=tuple(scans),
        block_bytes_max=block_bytes_max,
    )
