"""The folder of a recording: its segment files by name, its lock, durable creation of files."""

from __future__ import annotations

import fcntl
import os
import re
from pathlib import Path

from quantdesk.errors import RecordingDamaged, StorageError
from quantdesk.storage.whole_files import sync_directory

SEGMENT_SUFFIX = ".qdrec"
SEGMENTS_MAX = 999_999
LOCK_NAME = "writer.lock"
_SEGMENT_NAME = re.compile(r"(\d{6})\.qdrec", re.ASCII)
_LOCK_TEXT = re.compile(rb"pid +(\d+) segment +(\d+)\n")
_LOCK_BYTES_MAX = 64


def segment_path(directory: Path, segment: int) -> Path:
    """Where segment number `segment` (from 1) lives."""
    return directory / f"{segment:06d}{SEGMENT_SUFFIX}"


def list_segments(directory: Path) -> list[Path]:
    """The segments in order; empty where there are none.

    Raises StorageError where the folder can not be read, RecordingDamaged where a number is missing
    or a file calls itself a segment without being named like one.
    """
    try:
        names = sorted(p.name for p in directory.iterdir() if p.name.endswith(SEGMENT_SUFFIX))
    except OSError as error:
        raise StorageError(f"{directory}: can not be read: {error.strerror}") from error
    for place, name in enumerate(names, start=1):
        expected = segment_path(directory, place)
        if _SEGMENT_NAME.fullmatch(name) is None:
            raise RecordingDamaged(str(directory / name), 0, "not named like a segment (000001…)")
        if name != expected.name:
            raise RecordingDamaged(str(expected), 0, f"segment {place} is missing")
    return [directory / name for name in names]


def last_segment_begun(directory: Path) -> int:
    """Number of the last segment that a writer began, as its lock says; 0 where it does not."""
    try:
        with (directory / LOCK_NAME).open("rb") as lock:
            match = _LOCK_TEXT.fullmatch(lock.read(_LOCK_BYTES_MAX))
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise StorageError(f"{directory / LOCK_NAME}: {error.strerror}") from error
    return 0 if match is None else int(match.group(2))


def is_being_written(directory: Path) -> bool:
    """Whether a process is recording into `directory` now."""
    try:
        fd = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(fd)
    return False


class FolderLock:
    """Exclusive right to write in a folder, held until `release` or the end of the process.

    Raises StorageError naming the process that holds it.
    """

    def __init__(self, directory: Path) -> None:
        path = directory / LOCK_NAME
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StorageError(f"{path}: can not be written: {error.strerror}") from error
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            match = _LOCK_TEXT.fullmatch(os.pread(self._fd, _LOCK_BYTES_MAX, 0))
            os.close(self._fd)
            holder = "another process" if match is None else f"process {int(match.group(1))}"
            raise StorageError(
                f"{directory}: {holder} is recording here; choose another folder"
            ) from None
        except OSError as error:
            os.close(self._fd)
            raise StorageError(f"{path}: can not be locked: {error.strerror}") from error
        try:
            self.note_segment(last_segment_begun(directory))
        except OSError as error:
            self.release()
            raise StorageError(f"{path}: can not be written: {error.strerror}") from error

    def note_segment(self, segment: int) -> None:
        """Remember that `segment` was begun, so that its loss would be seen. Raises OSError."""
        # Of one length always and written in place: a kill leaves the old text or the new one.
        os.pwrite(self._fd, b"pid %10d segment %6d\n" % (os.getpid(), segment), 0)
        sync_data(self._fd)

    def release(self) -> None:
        """Let others write. May be called again."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def sync_data(fd: int) -> None:
    """Wait until what was written to `fd` is on disk. Raises OSError."""
    # Not every system has the call that leaves the file's dates out.
    getattr(os, "fdatasync", os.fsync)(fd)


def write_all(fd: int, data: bytes) -> None:
    """Write every byte. Raises OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def create_durably(path: Path, first_bytes: bytes) -> int:
    """A new file that has its first bytes whenever it has its name; open for appending.

    The caller holds the folder's lock and knows that `path` is free. Raises OSError.
    """
    fresh = path.with_name(f".{path.name}.new")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        write_all(fd, first_bytes)
        os.fsync(fd)
        fresh.rename(path)
        sync_directory(path.parent)
    except OSError:
        os.close(fd)
        fresh.unlink(missing_ok=True)
        raise
    return fd
