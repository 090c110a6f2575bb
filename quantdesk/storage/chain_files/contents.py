"""The bytes of a market file, unpacked if need be, and never more of them than allowed."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from quantdesk.errors import ChainFileError

CONTENT_BYTES_MAX = 256 << 20
"""Largest content, unpacked: some fifty times the largest recorded file."""

_GZIP_MAGIC = b"\x1f\x8b"


def read_contents(path: Path, *, limit: int = CONTENT_BYTES_MAX) -> bytes:
    """Content of `path`, gzip or plain, at most `limit` bytes.

    Memory stays bounded however much a gzip file would unpack to.
    Raises ChainFileError where there is no such regular file, or it is cut, damaged or too large.
    """
    try:
        if path.is_dir():
            raise ChainFileError(f"{path}: is a folder; give a market file")
        # A pipe or device would be waited for without end.
        if not path.is_file():
            raise ChainFileError(f"{path}: there is no such file")
        with path.open("rb") as file:
            is_gzip = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
        if is_gzip:
            with gzip.open(path, "rb") as packed:
                content = packed.read(limit + 1)
        else:
            with path.open("rb") as file:
                content = file.read(limit + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ChainFileError(f"{path}: damaged gzip: {error}") from None
    except OSError as error:
        raise ChainFileError(f"{path}: can not be read: {error.strerror}") from error
    if len(content) > limit:
        raise ChainFileError(f"{path}: more than {limit} bytes of content; at most that is read")
    if not content.strip():
        raise ChainFileError(f"{path}: the file is empty")
    return content
