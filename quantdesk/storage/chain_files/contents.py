"""The bytes of a market file, unpacked if need be, and never more of them than allowed."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import zstandard

from quantdesk.errors import ChainFileError

CONTENT_BYTES_MAX = 256 << 20
"""Largest content, unpacked: some fifty times the largest recorded file."""

_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"

_ZSTD_WINDOW_MAX = 128 << 20
"""A frame may ask for this much memory to look back into; the format's own tools allow the same."""

_ZSTD_STEP = 1 << 10
"""Bytes unpacked at once: the format packs some 32,000 to one at best, a step stays in bounds."""


def read_contents(path: Path, *, limit: int = CONTENT_BYTES_MAX) -> bytes:
    """Content of `path`, gzip, zstd or plain, at most `limit` bytes.

    Memory stays bounded however much a packed file would unpack to.
    Raises ChainFileError where there is no such regular file, or it is cut, damaged or too large.
    """
    try:
        if path.is_dir():
            raise ChainFileError(f"{path}: is a folder; give a market file")
        # A pipe or device would be waited for without end.
        if not path.is_file():
            raise ChainFileError(f"{path}: there is no such file")
        with path.open("rb") as file:
            start = file.read(len(_ZSTD_MAGIC))
        if start.startswith(_GZIP_MAGIC):
            with gzip.open(path, "rb") as packed:
                content = packed.read(limit + 1)
        elif start == _ZSTD_MAGIC:
            content = _zstd_contents(path, limit)
        else:
            with path.open("rb") as file:
                content = file.read(limit + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ChainFileError(f"{path}: damaged gzip: {error}") from None
    except zstandard.ZstdError as error:
        raise ChainFileError(f"{path}: damaged zstd: {error}") from None
    except OSError as error:
        raise ChainFileError(f"{path}: can not be read: {error.strerror}") from error
    if len(content) > limit:
        raise ChainFileError(f"{path}: more than {limit} bytes of content; at most that is read")
    if not content.strip():
        raise ChainFileError(f"{path}: the file is empty")
    return content


def _zstd_contents(path: Path, limit: int) -> bytes:
    """The frames of `path` unpacked, at most some bytes beyond `limit`.

    Raises ZstdError for a damaged file, and for one that ends within a frame.
    """
    content = bytearray()
    unpack = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_MAX)
    with path.open("rb") as file:
        pending = file.read(_ZSTD_STEP)
        while pending:
            frame = unpack.decompressobj()
            while not frame.eof and len(content) <= limit:
                if not pending:
                    raise zstandard.ZstdError("it ends within a frame")
                content += frame.decompress(pending)
                pending = b"" if frame.eof else file.read(_ZSTD_STEP)
            if len(content) > limit:
                break
            pending = frame.unused_data or file.read(_ZSTD_STEP)
    return bytes(content)
