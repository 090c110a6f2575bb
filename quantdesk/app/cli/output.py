"""Writing a verb's data to standard output or a file, whole or not at all."""

from __future__ import annotations

import sys
from pathlib import Path

from quantdesk.errors import ConfigError, StorageError
from quantdesk.storage.whole_files import write_whole


def write_output(data: bytes, output: Path | None, *, is_binary: bool = False) -> None:
    """Write `data` to `output`, or to standard output where that is None.

    A file appears whole or not at all; a device or pipe is written to and never replaced. Raises
    ConfigError for binary data on a terminal and StorageError where the file can not be written.
    """
    if output is None:
        if is_binary and sys.stdout is not None and sys.stdout.isatty():
            raise ConfigError("this format is binary: give -o FILE, or pipe it")
        _write_stdout(data)
        return
    try:
        if output.exists() and not output.is_file():
            output.write_bytes(data)
            return
        write_whole(output, data)
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageError(
            f"{output}: can not be written: {reason}; name another -o FILE"
        ) from error


def _write_stdout(data: bytes) -> None:
    if sys.stdout is None:
        raise StorageError("standard output is closed: give -o FILE")
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise StorageError(f"standard output can not be written: {reason}") from error
