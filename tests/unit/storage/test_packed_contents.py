"""Packed market files: whole, or refused; never cut in silence."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
import zstandard

from quantdesk.errors import ChainFileError
from quantdesk.storage.chain_files.contents import read_contents

CONTENT = os.urandom(5_000) + b"a,b,c\n" * 50_000


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress])
def test_content_is_unpacked_by_what_it_is(tmp_path: Path, pack: object) -> None:
    assert callable(pack)
    path = tmp_path / "file"
    path.write_bytes(pack(CONTENT))
    assert read_contents(path) == CONTENT


def test_frames_after_each_other_are_one_file(tmp_path: Path) -> None:
    path = tmp_path / "file.zst"
    path.write_bytes(zstandard.compress(CONTENT) + zstandard.compress(b"end"))
    assert read_contents(path) == CONTENT + b"end"


@pytest.mark.parametrize("cut", [-1, -4, 2_000])
@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_cut_file_is_refused(tmp_path: Path, pack: object, cut: int) -> None:
    assert callable(pack)
    path = tmp_path / "file"
    path.write_bytes(pack(CONTENT)[:cut])
    with pytest.raises(ChainFileError, match="damaged"):
        read_contents(path)


def test_what_follows_a_frame_is_no_market_file(tmp_path: Path) -> None:
    path = tmp_path / "file.zst"
    path.write_bytes(zstandard.compress(CONTENT) + b"something else")
    with pytest.raises(ChainFileError, match="damaged zstd"):
        read_contents(path)


def test_content_beyond_the_limit_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "file.zst"
    path.write_bytes(zstandard.compress(b"0" * (300 << 20)))
    with pytest.raises(ChainFileError, match="at most that is read"):
        read_contents(path, limit=1 << 20)
