"""Where a verb's data goes: files whole or not at all, devices and pipes never replaced."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from quantdesk.app.cli.output import write_output
from quantdesk.errors import StorageError


def test_a_file_is_written_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    path.write_bytes(b"older and longer")
    write_output(b"{}\n", path)
    assert path.read_bytes() == b"{}\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(path.read_bytes)
        write_output(b"{}\n", path)
        assert read.result(timeout=10) == b"{}\n"
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="can not be written"):
        write_output(b"{}\n", tmp_path)
    assert not list(tmp_path.iterdir())
