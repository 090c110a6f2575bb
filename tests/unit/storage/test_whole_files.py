"""Files written whole or not at all, on a real disk, by writers that fail and that are killed."""

from __future__ import annotations

import os
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from quantdesk.storage.whole_files import OWNER_ONLY, draft_of, write_whole

KILLED_IN_A_DRAFT = """
import os, signal, sys
from pathlib import Path
from quantdesk.storage.whole_files import draft_of

with draft_of(Path(sys.argv[1]), is_durable=True) as draft:
    draft.write_bytes(b"half of the n")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@contextmanager
def umask(mask: int) -> Iterator[None]:
    """New files of this process lack `mask` while the block lasts."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def files_of_at_most(count: int) -> Iterator[None]:
    """The kernel refuses to make a file of this process longer than `count` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


def interrupted_in_a_draft(path: Path) -> None:
    """Write half of a draft; a Ctrl-C comes."""
    with draft_of(path) as draft:
        draft.write_bytes(b"half of the n")
        raise KeyboardInterrupt


@pytest.mark.parametrize("is_durable", [False, True])
def test_what_is_written_stands_alone_in_its_place(tmp_path: Path, is_durable: bool) -> None:
    path = tmp_path / "kept.json"
    for data in (b"first", b"", b"second" * 100_000):
        write_whole(path, data, is_durable=is_durable)
        assert path.read_bytes() == data
        assert list(tmp_path.iterdir()) == [path]


def test_who_holds_the_old_file_open_still_reads_all_of_it(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    write_whole(path, b"the old one")
    with path.open("rb") as old:
        write_whole(path, b"new")
        assert old.read() == b"the old one"


def test_a_write_that_fails_half_way_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    write_whole(path, b"the old one")
    with files_of_at_most(1000), pytest.raises(OSError, match="too large"):
        write_whole(path, b"n" * 5000)
    assert path.read_bytes() == b"the old one"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_is_a_folder_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path / "folder", b"data")
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "absent" / "kept.json", b"data")
    assert [path.name for path in tmp_path.rglob("*")] == ["folder"]


def test_a_block_that_raises_or_writes_nothing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    write_whole(path, b"the old one")
    with pytest.raises(KeyboardInterrupt):
        interrupted_in_a_draft(path)
    with pytest.raises(FileNotFoundError), draft_of(path):
        pass
    assert path.read_bytes() == b"the old one"
    assert list(tmp_path.iterdir()) == [path]


def test_a_killed_writer_leaves_the_old_file_and_hinders_nobody(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    write_whole(path, b"the old one")
    done = subprocess.run([sys.executable, "-c", KILLED_IN_A_DRAFT, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"the old one"
    left = [one for one in tmp_path.iterdir() if one != path]
    assert [one.read_bytes() for one in left] == [b"half of the n"]
    assert all(one.name.startswith(".quantdesk-") and one.suffix == ".part" for one in left)
    write_whole(path, b"new", is_durable=True)
    assert path.read_bytes() == b"new"


def test_two_writers_of_one_file_never_mix(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    with draft_of(path) as slow, draft_of(path) as quick:
        slow.write_bytes(b"the slow one, half ")
        quick.write_bytes(b"the quick one")
        assert not path.exists()
    # The quick one's block ended first.
    assert path.read_bytes() == b"the slow one, half "
    assert list(tmp_path.iterdir()) == [path]


def test_permissions_are_the_umasks_or_the_owners_alone(tmp_path: Path) -> None:
    usual, secret = tmp_path / "usual", tmp_path / "secret"
    with umask(0o027):
        write_whole(usual, b"x")
        write_whole(secret, b"x", mode=OWNER_ONLY)
    assert stat.S_IMODE(usual.stat().st_mode) == 0o640
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    secret.chmod(0o644)
    with umask(0):
        write_whole(secret, b"y", mode=OWNER_ONLY)
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600


def test_a_link_is_replaced_and_what_it_led_to_left_alone(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_bytes(b"another's")
    link.symlink_to(real)
    write_whole(link, b"data")
    assert not link.is_symlink()
    assert link.read_bytes() == b"data"
    assert real.read_bytes() == b"another's"


def test_the_longest_name_of_a_file_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("n" * os.pathconf(tmp_path, "PC_NAME_MAX"))
    write_whole(path, b"data")
    assert path.read_bytes() == b"data"
