"""Files that are written whole or not at all: a draft beside the file takes its place.

What is left at the file's name, by what happened before it did:

    killed while the draft is written or synced   the old file, and a draft that nobody reads
    killed after the rename                       the new file
    loss of power                                 the old file or the new one, never a part of one,
                                                  since the draft is on disk before it has the name
    loss of power after a durable write returned  the new file

A draft has a name of its own each time, so that two desks that write one file do not write into
each other's: the last rename stands. Whatever fails without a kill takes its draft away. Such a
`.quantdesk-….part` is a hidden file that may be deleted.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

OPEN_TO_UMASK = 0o666
OWNER_ONLY = 0o600


def write_whole(
    path: Path, data: bytes, *, mode: int = OPEN_TO_UMASK, is_durable: bool = False
) -> None:
    """Put `data` in the place of what is at `path`, a link itself and not what it leads to.

    mode : permissions of the file, less the umask, from its first byte on
    is_durable : also wait until the name is on disk, not the bytes alone

    Raises OSError, as `draft_of` does; ValueError for a path that is no file's.
    """
    with draft_of(path, is_durable=is_durable) as draft:
        # Exclusive: what lies at a draft's name, a link too, was not put there by us.
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(handle, "wb") as file:
            file.write(data)


@contextmanager
def draft_of(path: Path, *, is_durable: bool = False) -> Iterator[Path]:
    """A free name beside `path`; the file that the block writes there then takes its place.

    The draft is synced before it is renamed; where `is_durable` the folder is after it. Raises
    OSError with the old file in place; of the folder's sync alone with the new one in place.
    """
    draft = path.with_name(f".quantdesk-{secrets.token_hex(8)}.part")
    try:
        yield draft
        _sync(draft, os.O_RDONLY)
        draft.replace(path)
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
    if is_durable:
        sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make created and renamed names of `directory` durable. Raises OSError."""
    _sync(directory, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
